package tcp_test

import (
	"testing"
)

// Tail loss probes: RFC 8985, 7.

// TestTailProbe: two round trips without an answer.
func TestTailProbe(t *testing.T) {
	// 7.3: "transmit a previously unsent data segment, if one exists and the receive window allows"
	script(t, sacking(4), func(s *dialogue) {
		// RFC 8985 7.2 and 7.3
		s.establishAfter(50 * ms)
		s.write(60000)
		s.wantSegments(100, 4, "the congestion window is full")
		s.wantAfter(100*ms, segment(4100, 300, 1000), "new text, one segment beyond the window")
		s.wantAfter(s.conn.Info().RTO, segment(100, 300, 1000), "and the retransmission timer from there on")
		s.send(segment(300, 5100, 0), "all is there")
		s.skip("new text")
	})
	// 7.3: "retransmit the highest-sequence segment sent so far"; 7.4.1: its SACK shows what was lost before it.
	script(t, sacking(10), func(s *dialogue) {
		// RFC 8985 7.3 and 7.4.1
		s.establishAfter(50 * ms)
		s.write(3000)
		s.wantSegments(100, 3, "all are lost")
		s.wantAfter(100*ms, segment(2100, 300, 1000), "the last segment")
		s.advance(50 * ms)
		s.send(sacks(100, 2100, 3100), "it has arrived")
		s.want(segment(100, 300, 1000), "those before it have not")
		s.recovering(true, "two are lost")
		s.flight(1000, "neither of the others is in the network")
		s.send(sacks(1100, 2100, 3100), "the first")
		s.want(segment(1100, 300, 1000), "the second, at PRR's pace")
		s.send(segment(300, 3100, 0), "all is there")
	})
	// 7.2: a lone segment may wait for a delayed ACK.
	script(t, sacking(10), func(s *dialogue) {
		// RFC 8985 7.2
		s.establishAfter(50 * ms)
		s.write(1000)
		s.want(segment(100, 300, 1000), "one segment")
		s.wantAfter(145*ms, segment(100, 300, 1000), "PTO += TLP.max_ack_delay")
		s.send(segment(300, 1100, 0), "arrived")
	})
	// 7.2: never later than the retransmission timer, in whose place it then is.
	script(t, sacking(10), func(s *dialogue) {
		// RFC 8985 7.2
		s.establishAfter(400 * ms)
		seq := 100
		for range 20 {
			s.write(1000)
			s.want(segment(seq, 300, 1000), "text")
			seq += 1000
			s.advance(400 * ms)
			s.send(segment(300, seq, 0), "a steady round trip")
		}
		s.write(2000)
		s.wantSegments(seq, 2, "lost")
		rto := s.conn.Info().RTO
		if rto >= 800*ms {
			s.Fatalf("RTO is %v: the script shows nothing", rto)
		}
		s.wantAfter(rto, segment(seq+1000, 300, 1000), "a probe, when RTO is over")
		s.wantAfter(rto, segment(seq, 300, 1000), "timeout")
		s.send(segment(300, seq+2000, 0), "all is there")
	})
	// A window that is closed is probed in its own way.
	script(t, sacking(10), func(s *dialogue) {
		// RFC 9293 MUST-35
		s.establishAfter(50 * ms)
		s.write(3000)
		s.wantSegments(100, 3, "text")
		s.send(segment(300, 1100, 0)+"<WND=0>", "the window is closed")
		s.wantAfter(s.conn.Info().RTO, segment(1100, 300, 1), "RFC 9293, 3.8.6.1, and no tail loss probe before")
		s.send(segment(300, 3100, 0)+"<WND=60000>", "all is there")
	})
}

// TestTailProbeRepairs is RFC 8985, 7.4.2: a probe that has repaired the only loss was a loss all the same, but not one that
// has arrived twice.
func TestTailProbeRepairs(t *testing.T) {
	begin := func(s *dialogue) {
		s.inFlight(10, 10000)
		s.send(segment(300, 9100, 0), "all but the last")
		s.wantAfter(95*ms, segment(9100, 300, 1000), "probe, 145 ms after it was sent")
		s.advance(50 * ms)
	}
	next := func(s *dialogue) {
		s.write(1000)
		s.want(segment(10100, 300, 1000), "new text")
		s.advance(50 * ms)
		s.send(segment(300, 11100, 0), "arrived")
	}
	script(t, sacking(10), func(s *dialogue) {
		// RFC 8985 7.4.2
		begin(s)
		cwnd := s.conn.Info().Cwnd
		s.send(segment(300, 10100, 0), "the probe, or what it repeats")
		if got := s.conn.Info().Cwnd; got < cwnd {
			t.Errorf("cwnd is %d, was %d: it may not have been lost", got, cwnd)
		}
		next(s)
		if got := s.conn.Info().Cwnd; got >= cwnd {
			t.Errorf("cwnd is %d, was %d: a loss was repaired", got, cwnd)
		}
		s.recovering(false, "there is nothing to repair")
	})
	for why, second := range map[string]string{
		"Case 1: D-SACK": sacks(10100, 9100, 10100),
		"Case 2: a DupAck without any SACK option": segment(300, 10100, 0),
	} {
		script(t, sacking(10), func(s *dialogue) {
			// RFC 8985 7.4.2
			begin(s)
			cwnd := s.conn.Info().Cwnd
			s.write(1000)
			s.want(segment(10100, 300, 1000), "new text")
			s.send(segment(300, 10100, 0), "the original was slow")
			s.send(second, why)
			s.advance(50 * ms)
			s.send(segment(300, 11100, 0), "arrived")
			if got := s.conn.Info().Cwnd; got < cwnd {
				t.Errorf("%s: cwnd is %d, was %d, and nothing was lost", why, got, cwnd)
			}
		})
	}
}

// TestTailProbeNeedsSample is RFC 8985, 7.3: no probe follows another one before a round trip was measured, nor while one is
// in the network.
func TestTailProbeNeedsSample(t *testing.T) {
	script(t, sacking(10), func(s *dialogue) {
		// RFC 8985 7.3
		s.establishAfter(50 * ms)
		s.write(1000)
		s.want(segment(100, 300, 1000), "text")
		s.wantAfter(145*ms, segment(100, 300, 1000), "probe")
		s.send(segment(300, 1100, 0), "of which of the two? no sample")
		s.send(sacks(1100, 100, 1100), "both have arrived")
		s.write(1000)
		s.want(segment(1100, 300, 1000), "text")
		rto := s.conn.Info().RTO
		s.wantAfter(145*ms+rto, segment(1100, 300, 1000), "no probe, and the retransmission timer anew")
		s.send(segment(300, 2100, 0), "of which? no sample")
		s.write(1000)
		s.want(segment(2100, 300, 1000), "text")
		s.advance(50 * ms)
		s.send(segment(300, 3100, 0), "a sample")
		s.write(2000)
		s.wantSegments(3100, 2, "text")
		s.wantAfter(2*s.conn.Info().SRTT, segment(4100, 300, 1000), "a probe again")
		s.send(segment(300, 5100, 0), "all is there")
	})
	// Without selective acknowledgments there is none.
	script(t, bulk(10), func(s *dialogue) {
		s.establishAfter(50 * ms)
		s.write(2000)
		s.wantSegments(100, 2, "text")
		s.wantAfter(250*ms, segment(100, 300, 1000), "timeout")
		s.send(segment(300, 2100, 0), "all is there")
	})
}
