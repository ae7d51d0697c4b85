package tcp_test

import (
	"testing"
	"time"

	"github.com/usernet-go/usernet/tcp"
)

// Slow start, congestion avoidance, fast retransmit and fast recovery: RFC 5681, 6582 and 6928.

// bulk is a connection whose user has much to send.
func bulk(segments int) setup {
	return setup{config: func(c *tcp.Config) { c.InitialWindow = segments }}
}

// wantSegments wants full segments from seq on.
func (s *dialogue) wantSegments(seq, n int, why string) {
	s.Helper()
	for i := range n {
		s.want(segment(seq+1000*i, 300, 1000), why)
	}
}

func TestInitialWindow(t *testing.T) {
	script(t, setup{}, func(s *dialogue) {
		s.establish()
		s.write(50000)
		s.wantSegments(100, 10, "RFC 6928: ten segments")
		s.idle("and no more")
	})
	script(t, setup{mss: 9000, peerMSS: 9000, window: 65000}, func(s *dialogue) {
		s.establish()
		s.write(60000)
		s.want("<SEQ=100><ACK=300><CTL=ACK><DATA=9000>", "first")
		s.want("<SEQ=9100><ACK=300><CTL=ACK><DATA=9000>", "RFC 6928: IW = min (10*MSS, max (2*MSS, 14600))")
		s.idle("and no more")
	})
}

func TestSlowStart(t *testing.T) {
	script(t, bulk(2), func(s *dialogue) {
		// RFC 9293 MUST-19
		s.establish()
		s.write(60000)
		s.wantSegments(100, 2, "initial window")
		s.send(segment(300, 1100, 0), "one is acknowledged")
		s.wantSegments(2100, 2, "cwnd += min (N, SMSS): two for one")
		s.send(segment(300, 2100, 0), "one is acknowledged")
		s.wantSegments(4100, 2, "two for one")
		s.send(segment(300, 4100, 0), "a delayed ACK, for two")
		s.wantSegments(6100, 3, "three for two: at most SMSS for each ACK")
		// "ACK division" (RFC 5681, 3.1): an ACK for a part of a segment does not count as one for all of it.
		cwnd := s.conn.Info().Cwnd
		for ack := 4200; ack <= 5100; ack += 100 {
			s.send(segment(300, ack, 0), "a tenth of a segment")
			s.skip("what that makes room for")
		}
		if got := s.conn.Info().Cwnd; got > cwnd+1000 {
			t.Errorf("cwnd has grown by %d bytes for 1000 that were acknowledged", got-cwnd)
		}
	})
}

// RFC 5681, 3.1, after a timeout: ssthresh is half of what was in flight, the window one segment; it grows by slow start up
// to ssthresh, and then by one segment in a round trip.
func TestCongestionAvoidance(t *testing.T) {
	script(t, bulk(8), func(s *dialogue) {
		// RFC 9293 MUST-19
		s.establish()
		s.write(200000)
		s.wantSegments(100, 8, "initial window")
		s.wantAfter(s.conn.Info().RTO, segment(100, 300, 1000), "timeout: one segment, the first")
		if got := s.conn.Info().Ssthresh; got != 4000 {
			t.Fatalf("ssthresh is %d, want FlightSize/2 = 4000", got)
		}
		una, nxt := 100, 1100 // what lies behind is sent again
		for cwnd := 1; cwnd < 4; cwnd *= 2 {
			for range cwnd { // a round trip of slow start
				una += 1000
				s.send(segment(300, una, 0), "one is acknowledged")
				s.wantSegments(nxt, 2, "slow start: two for one")
				nxt += 2000
			}
		}
		for cwnd := 4; cwnd < 8; cwnd++ {
			for i := range cwnd { // a round trip of congestion avoidance
				una += 1000
				s.send(segment(300, una, 0), "one is acknowledged")
				n := 1
				if i == cwnd-1 {
					n = 2
				}
				s.wantSegments(nxt, n, "congestion avoidance: one for one, and one more in a round trip")
				nxt += 1000 * n
			}
		}
	})
	// A window that is not used does not grow.
	script(t, setup{}, func(s *dialogue) {
		s.establish()
		cwnd := s.conn.Info().Cwnd
		for i := range 50 {
			s.write(100)
			s.want(segment(100+100*i, 300, 100), "a little text")
			s.send(segment(300, 200+100*i, 0), "acknowledged")
		}
		if got := s.conn.Info().Cwnd; got != cwnd {
			t.Errorf("cwnd has grown from %d to %d though 100 bytes at a time were sent", cwnd, got)
		}
	})
	// RFC 5681, 4.1: after a pause the window is no more than the restart window.
	script(t, bulk(4), func(s *dialogue) {
		s.establish()
		seq := 100
		for range 4 { // grow
			s.write(16000)
			for len(s.unseen) > 0 {
				last := s.unseen[len(s.unseen)-1]
				s.skip("a flight")
				seq = int(last.Seq.Add(last.Len) - s.machineBase)
				s.send(segment(300, seq, 0), "is acknowledged")
			}
		}
		if got := s.conn.Info().Cwnd; got <= 4000 {
			t.Fatalf("cwnd is %d after slow start", got)
		}
		s.advance(10 * time.Second)
		s.write(30000)
		s.wantSegments(seq, 4, "RW = min(IW,cwnd)")
		s.idle("no more")
	})
}

func TestFastRetransmit(t *testing.T) {
	script(t, bulk(8), func(s *dialogue) {
		s.establish()
		s.write(60000)
		s.wantSegments(100, 8, "initial window; the first is lost")
		s.send(segment(300, 100, 0), "first duplicate ACK")
		s.want(segment(8100, 300, 1000), "limited transmit (RFC 3042): new text")
		s.send(segment(300, 100, 0), "second duplicate ACK")
		s.want(segment(9100, 300, 1000), "limited transmit: new text")
		s.send(segment(300, 100, 0), "third duplicate ACK")
		s.want(segment(100, 300, 1000), "fast retransmit")
		// "ssthresh = max (FlightSize / 2, 2*SMSS)", FlightSize without what limited transmit has sent
		if got := s.conn.Info().Ssthresh; got != 4000 {
			t.Errorf("ssthresh is %d, want 4000", got)
		}
		// cwnd = 4000+3000, 10000 in flight
		for range 3 {
			s.send(segment(300, 100, 0), "more duplicate ACKs")
			s.idle("cwnd is inflated, and still below what is in flight")
		}
		s.send(segment(300, 100, 0), "one more")
		s.want(segment(10100, 300, 1000), "new text: cwnd is 11000")
		s.send(segment(300, 10100, 0), "all that was sent before the fast retransmit is acknowledged")
		// RFC 9937, 6.4: "cwnd = ssthresh"; 1000 is in flight
		s.wantSegments(11100, 3, "recovery is over")
		s.idle("no more")
		if s.conn.Info().Recovering {
			t.Error("still recovering")
		}
		s.send(segment(300, 12100, 0), "acknowledged")
		s.skip("slow start up to ssthresh")
	})
	// Duplicates that are none (RFC 5681, 2).
	script(t, bulk(4), func(s *dialogue) {
		s.establish()
		s.write(4000)
		s.wantSegments(100, 4, "all that there is")
		for i := range 5 {
			s.send(segment(300+10*i, 100, 10), "text: not a duplicate ACK")
		}
		s.advance(50 * ms)
		s.skip("delayed ACK")
		for i := range 5 {
			s.send(segment(350, 100, 0)+"<WND="+string(rune('1'+i))+"0000>", "a new window: not a duplicate ACK")
		}
		s.idle("no retransmission")
		s.send(segment(350, 4100, 0), "acknowledged")
		for range 5 {
			s.send(segment(350, 4100, 0), "nothing is outstanding: not a duplicate ACK")
		}
		s.idle("no retransmission")
	})
}

func TestNewReno(t *testing.T) {
	// RFC 6582, 3.2: a partial ACK shows the next loss of the same flight.
	script(t, bulk(8), func(s *dialogue) {
		s.establish()
		s.write(8000)
		s.wantSegments(100, 8, "all; first, third and fifth are lost")
		for range 3 {
			s.send(segment(300, 100, 0), "duplicate ACK")
		}
		s.want(segment(100, 300, 1000), "third duplicate ACK: fast retransmit")
		s.advance(20 * ms)
		s.send(segment(300, 2100, 0), "partial ACK: up to the third")
		s.want(segment(2100, 300, 1000), "the third is sent again at once")
		s.advance(20 * ms)
		s.send(segment(300, 4100, 0), "partial ACK: up to the fifth")
		s.want(segment(4100, 300, 1000), "the fifth is sent again at once")
		if !s.conn.Info().Recovering {
			t.Error("recovery is over though recover is not acknowledged")
		}
		if got := s.conn.Info().Ssthresh; got != 4000 {
			t.Errorf("ssthresh is %d, want 4000: halved once for the flight", got)
		}
		s.advance(20 * ms)
		s.send(segment(300, 8100, 0), "all is acknowledged")
		s.idle("nothing is sent twice")
		if s.conn.Info().Recovering {
			t.Error("still recovering")
		}
	})
	// RFC 6582, 3.2: duplicate ACKs for what a timeout has sent again do not start a fast retransmit.
	script(t, bulk(8), func(s *dialogue) {
		s.establish()
		s.write(20000)
		s.wantSegments(100, 8, "initial window; the ACKs are lost, not the text")
		s.wantAfter(s.conn.Info().RTO, segment(100, 300, 1000), "timeout")
		s.send(segment(300, 8100, 0), "all had arrived")
		s.skip("slow start")
		cwnd := s.conn.Info().Cwnd
		if got := s.conn.Info().Recovering; got {
			t.Error("recovering")
		}
		if cwnd > 2000 {
			t.Errorf("cwnd is %d after a timeout and one ACK, want at most 2000", cwnd)
		}
	})
	script(t, bulk(8), func(s *dialogue) {
		s.establish()
		s.write(8000)
		s.wantSegments(100, 8, "all; the first is lost")
		s.wantAfter(s.conn.Info().RTO, segment(100, 300, 1000), "timeout: no duplicate ACKs have come")
		s.send(segment(300, 100, 0), "now they come")
		s.send(segment(300, 100, 0), "second")
		s.send(segment(300, 100, 0), "third")
		s.idle("recover is not covered: no fast retransmit of what the timeout has sent again")
		s.send(segment(300, 8100, 0), "all is acknowledged")
	})
}

// RFC 6582, 3.2: "For the first partial ACK that arrives during fast recovery, also reset the retransmit timer", and not
// for the later ones: many losses in a flight end with a timeout rather than with as many round trips.
func TestPartialACKsAndTimer(t *testing.T) {
	script(t, bulk(10), func(s *dialogue) {
		s.establishAfter(50 * ms)
		s.write(10000)
		s.wantSegments(100, 10, "all; each second one is lost")
		s.advance(50 * ms)
		for range 3 {
			s.send(segment(300, 100, 0), "duplicate ACK")
		}
		s.want(segment(100, 300, 1000), "fast retransmit")
		rto := s.conn.Info().RTO
		s.advance(50 * ms)
		s.send(segment(300, 2100, 0), "first partial ACK: the timer starts afresh")
		s.want(segment(2100, 300, 1000), "the next one that is lost")
		s.advance(50 * ms)
		s.send(segment(300, 4100, 0), "second partial ACK: it does not")
		s.want(segment(4100, 300, 1000), "the next one that is lost")
		s.wantAfter(rto-50*ms, segment(4100, 300, 1000), "timeout, counted from the first partial ACK")
		s.send(segment(300, 10100, 0), "the rest had arrived")
	})
}

// RFC 6582, 3.2: "ack_number - 1 > recover; i.e., at least one byte more of data is acknowledged beyond the highest byte that
// was outstanding when fast retransmit was last entered." Else 4.1's heuristic decides.
func TestLossBehindRecovery(t *testing.T) {
	for _, c := range []struct {
		jump  int // segments that the last ACK of the recovery acknowledges
		again bool
	}{{8, false}, {3, true}} {
		script(t, bulk(8), func(s *dialogue) {
			s.establish()
			s.write(8000)
			s.wantSegments(100, 8, "all; the first is lost")
			for range 3 {
				s.send(segment(300, 100, 0), "duplicate ACK")
			}
			s.want(segment(100, 300, 1000), "fast retransmit")
			if c.jump < 8 {
				s.send(segment(300, 8100-1000*c.jump, 0), "partial ACK")
				s.want(segment(8100-1000*c.jump, 300, 1000), "sent again")
			}
			s.send(segment(300, 8100, 0), "all is acknowledged: recovery is over")
			s.conn.SetNoDelay(s.now, true)
			s.write(100)
			s.want(segment(8100, 300, 100), "new text, which is lost")
			for i := range 3 {
				s.write(100)
				s.want(segment(8200+100*i, 300, 100), "more")
			}
			for range 3 {
				s.send(segment(300, 8100, 0), "duplicate ACK")
			}
			if c.again {
				s.want(segment(8100, 300, 100), "the last ACK was for few: a loss, not an echo of the recovery")
			}
			s.idle("the last ACK was for many: these may be an echo of what was sent again needlessly")
			s.send(segment(300, 8500, 0), "acknowledged")
		})
	}
}

// RFC 5681, 3.1: "[...] when a TCP sender detects segment loss using the retransmission timer and the given segment has
// already been retransmitted by way of the retransmission timer at least once, the value of ssthresh is held constant."
func TestRepeatedTimeout(t *testing.T) {
	o := bulk(8)
	window := o.config
	o.config = func(c *tcp.Config) { window(c); c.R1 = 4 } // no black hole is suspected before
	script(t, o, func(s *dialogue) {
		// RFC 9293 MUST-19
		s.establish()
		s.write(8000)
		s.wantSegments(100, 8, "initial window, lost")
		rto := s.conn.Info().RTO
		s.wantAfter(rto, segment(100, 300, 1000), "timeout")
		s.wantAfter(2*rto, segment(100, 300, 1000), "timeout")
		s.wantAfter(4*rto, segment(100, 300, 1000), "timeout")
		if info := s.conn.Info(); info.Ssthresh != 4000 || info.Cwnd != 1000 {
			t.Errorf("ssthresh is %d, cwnd %d, want 4000 and 1000", info.Ssthresh, info.Cwnd)
		}
		s.send(segment(300, 1100, 0), "first is acknowledged")
		s.wantSegments(1100, 2, "and what is behind it is sent again, by slow start")
		s.send(segment(300, 3100, 0), "acknowledged")
		s.wantSegments(3100, 3, "slow start")
		s.send(segment(300, 8100, 0), "and all of the rest had arrived")
	})
}

// Super-segments: several segments that the link cuts; the window counts all of them.
func TestSuperSegments(t *testing.T) {
	o := bulk(10)
	o.maxSegment = 4000
	script(t, o, func(s *dialogue) {
		s.establish()
		s.write(12500)
		s.want(segment(100, 300, 4000), "four segments in one")
		if s.last.SegmentSize != 1000 {
			t.Errorf("SegmentSize is %d, want 1000", s.last.SegmentSize)
		}
		s.want(segment(4100, 300, 4000), "four")
		s.want(segment(8100, 300, 2000), "two: the congestion window is full")
		s.send(segment(300, 10100, 0), "acknowledged")
		s.want(segment(10100, 300, 2500), "the rest")
		for range 3 {
			s.send(segment(300, 10100, 0), "duplicate ACK")
		}
		s.want(segment(10100, 300, 1000), "a retransmission is one segment")
		s.send(segment(300, 12600, 0), "acknowledged")
	})
}
