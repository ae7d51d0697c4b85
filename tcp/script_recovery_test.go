package tcp_test

import (
	"testing"

	"github.com/usernet-go/usernet/tcp"
)

// Corners of recovery, and of the congestion window.

// RFC 6298, 5.3: "When an ACK is received that acknowledges new data, restart the retransmission timer". RFC 6582 makes an
// exception of partial ACKs, not of the ACK that ends the recovery: what was sent in it has just left.
func TestTimerAfterRecovery(t *testing.T) {
	script(t, bulk(10), func(s *dialogue) {
		s.establishAfter(50 * ms)
		s.write(60000)
		s.wantSegments(100, 10, "two of them are lost")
		s.advance(50 * ms)
		for range 3 {
			s.send(segment(300, 100, 0), "duplicate ACK")
			s.skip("limited transmit")
		}
		rto := s.conn.Info().RTO
		s.advance(50 * ms)
		s.send(segment(300, 5100, 0), "partial ACK: the timer starts afresh")
		s.want(segment(5100, 300, 1000), "the next one that is lost")
		for range 3 {
			s.send(segment(300, 5100, 0), "duplicate ACK")
		}
		s.want(segment(12100, 300, 1000), "new text")
		s.advance(rto - 10*ms)
		s.send(segment(300, 12100, 0), "full acknowledgment")
		if s.conn.Info().Recovering {
			s.Fatal("still recovering")
		}
		s.skip("new text")
		if got := s.conn.Info(); got.Flight == 0 {
			s.Fatal("nothing is in flight")
		}
		s.advance(20 * ms)
		s.idle("no timeout: the timer has started afresh")
	})
}

// RFC 7661, 4.4: "A sender that is not cwnd-limited MUST NOT increase the cwnd". Limited is the ACK of what was sent before
// the window was full, up to its last byte, and no later one.
func TestWindowGrowsOnlyWhenLimited(t *testing.T) {
	script(t, bulk(4), func(s *dialogue) {
		s.establish()
		s.write(4001)
		s.wantSegments(100, 4, "the window is full, and one byte waits")
		for i, want := range []int{5000, 6000, 7000, 8000} {
			s.send(segment(300, 1100+1000*i, 0), "acknowledged: sent before the window was full")
			s.skip("the last byte")
			if got := s.conn.Info().Cwnd; got != want {
				s.Fatalf("cwnd is %d after ACK %d, want %d", got, i, want)
			}
		}
		s.send(segment(300, 4101, 0), "the last byte, for which there was room")
		for i := range 20 {
			s.write(2000)
			s.wantSegments(4101+2000*i, 2, "less than the window")
			s.send(segment(300, 6101+2000*i, 0), "acknowledged")
		}
		if got := s.conn.Info().Cwnd; got != 8000 {
			s.Errorf("cwnd is %d, want 8000: it was not used", got)
		}
	})
}

// The interval between probes grows for as long as the window is closed; that says nothing about the path. Without
// timestamps Karn's algorithm would keep the back-off for the text that follows.
func TestNoBackoffAfterProbe(t *testing.T) {
	script(t, setup{window: 1000}, func(s *dialogue) {
		s.establish()
		s.write(1000)
		s.want("<SEQ=100><ACK=300><CTL=ACK><DATA=1000>", "fills the window")
		s.send("<SEQ=300><ACK=1100><CTL=ACK><WND=0>", "window is closed")
		rto := s.conn.Info().RTO
		s.write(2000)
		wait := rto
		for range 4 {
			s.wantAfter(wait, "<SEQ=1100><ACK=300><CTL=ACK><DATA=1>", "probe")
			s.send("<SEQ=300><ACK=1100><CTL=ACK><WND=0>", "window is still closed")
			wait *= 2
		}
		s.wantAfter(wait, "<SEQ=1100><ACK=300><CTL=ACK><DATA=1>", "probe")
		s.send("<SEQ=300><ACK=1101><CTL=ACK><WND=1000>", "taken, and the window is open")
		s.want("<SEQ=1101><ACK=300><CTL=ACK><DATA=1000>", "goes on behind it")
		s.wantAfter(rto, "<SEQ=1101><ACK=300><CTL=ACK><DATA=1000>", "lost, and sent again without the probes' back-off")
		s.send("<SEQ=300><ACK=2101><CTL=ACK><WND=1000>", "acknowledged")
		s.want("<SEQ=2101><ACK=300><CTL=ACK><DATA=999>", "the rest")
		s.send("<SEQ=300><ACK=3100><CTL=ACK><WND=1000>", "acknowledged")
	})
}

// A SYN,ACK that answers a SYN for the second time is a retransmission: RFC 6298, 3: "RTT samples MUST NOT be made using
// segments that were retransmitted".
func TestKarnOfSYN(t *testing.T) {
	script(t, setup{}, func(s *dialogue) {
		s.conn.OpenPassive()
		s.send("<SEQ=299><CTL=SYN><MSS=1000>", "peer opens")
		s.want("<SEQ=99><ACK=300><CTL=SYN,ACK>", "passive open")
		s.advance(900 * ms)
		s.send("<SEQ=299><CTL=SYN><MSS=1000>", "the SYN again: our answer was lost")
		s.want("<SEQ=99><ACK=300><CTL=SYN,ACK>", "passive open")
		s.advance(50 * ms)
		s.send("<SEQ=300><ACK=100><CTL=ACK>", "of which of the two?")
		if got := s.conn.Info().SRTT; got != 0 {
			s.Errorf("SRTT is %v: an ambiguous ACK was taken for a sample", got)
		}
	})
}

// RFC 5681, 4.2: "the receiver SHOULD send an immediate duplicate ACK when it receives a data segment above a gap in the
// sequence space", also for a FIN that has come before.
func TestFINBeyondGapAgain(t *testing.T) {
	script(t, setup{}, func(s *dialogue) {
		s.establish()
		for range 3 {
			s.send("<SEQ=400><ACK=100><CTL=FIN,ACK>", "FIN beyond a gap")
			s.want("<SEQ=100><ACK=300><CTL=ACK>", "duplicate ACK")
		}
		s.send("<SEQ=300><ACK=100><CTL=ACK><DATA=100>", "what was missing")
		s.want("<SEQ=100><ACK=401><CTL=ACK>", "all is there")
		s.state(tcp.StateCloseWait)
		s.readText(100)
	})
}

// R1 may be far beyond what R2 leaves time for: the connection ends by R2 all the same.
func TestGreatR1(t *testing.T) {
	script(t, setup{config: func(c *tcp.Config) { c.R1 = 1000 }}, func(s *dialogue) {
		s.establish()
		s.write(10)
		s.want("<SEQ=100><ACK=300><CTL=ACK><DATA=10>", "text that is lost")
		for s.conn.State() != tcp.StateClosed {
			if s.now.Sub(start) > s.cfg.R2+s.cfg.MaxRTO {
				s.Fatalf("the connection still lives after %v", s.now.Sub(start))
			}
			s.advance(s.conn.Deadline().Sub(s.now))
			s.skip("sent again")
		}
		s.ended(tcp.ErrTimeout)
	})
}
