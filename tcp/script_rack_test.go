package tcp_test

import (
	"testing"
	"time"
)

// Losses that are found by time: RFC 8985.

// reorderingWindow checks RACK.reo_wnd.
func (s *dialogue) reorderingWindow(want time.Duration, why string) {
	s.Helper()
	if got := s.conn.Info().ReorderingWindow; got != want {
		s.Fatalf("%s: the reordering window is %v, want %v", why, got, want)
	}
}

// TestRACKExample is RFC 8985, figure 1, up to where a retransmission is lost: TestOrderOnCoarseClock.
func TestRACKExample(t *testing.T) {
	script(t, sacking(10), func(s *dialogue) {
		// RFC 8985 3.4
		s.establishAfter(50 * ms)
		s.write(4000)
		s.wantSegments(100, 4, "1. Send P0, P1, P2, P3; P1, P2, P3 dropped")
		s.advance(50 * ms)
		s.send(segment(300, 1100, 0), "2. Receive P0, ACK P0")
		s.wantAfter(50*ms, segment(3100, 300, 1000), "3b. 2 RTTs after P3 was sent: retransmits it")
		s.advance(50 * ms)
		s.send(sacks(1100, 3100, 4100), "5a. Receive SACK for P3")
		s.want(segment(1100, 300, 1000), "5c. Retransmit P1; P2 must wait for PRR, which the figure leaves out")
		s.recovering(true, "5b. RACK: marks P1, P2 lost")
		s.flight(1000, "neither P2 nor P3 is in the network")
		s.advance(50 * ms)
		s.send(sacks(2100, 3100, 4100), "Receive P1, ACK P1 & SACK P3")
		s.want(segment(2100, 300, 1000), "Retransmit P2")
		s.advance(50 * ms)
		s.send(segment(300, 4100, 0), "8. Receive P2, ACK P3")
		s.recovering(false, "all is there")
	})
}

// TestReorderingWindow: one segment beyond a gap is given a quarter of the round trip to be followed by what it overtook;
// three say at once that something is lost, as long as no reordering was seen.
func TestReorderingWindow(t *testing.T) {
	script(t, sacking(4), func(s *dialogue) {
		// RFC 8985 6.2
		s.inFlight(4, 4000)
		s.send(sacks(100, 1100, 2100), "one beyond a gap")
		s.reorderingWindow(50*ms/4, "RACK.min_RTT/4")
		s.wantAfter(13*ms, segment(100, 300, 1000), "it is lost when the window has passed")
		s.send(segment(300, 4100, 0), "all is there")
	})
	script(t, sacking(10), func(s *dialogue) {
		// RFC 8985 6.2
		s.inFlight(10, 10000)
		s.send(sacks(100, 1100, 2100), "one beyond a gap")
		s.advance(10 * ms)
		s.send(segment(300, 2100, 0), "it was late only")
		s.recovering(false, "nothing was lost")
		s.send(sacks(2100, 3100, 10100), "more than DupThresh, but reordering has been seen")
		s.idle("RACK does not trigger fast recovery based on DupThresh")
		s.wantAfter(13*ms, segment(2100, 300, 1000), "the reordering window is over")
		s.send(segment(300, 10100, 0), "all is there")
	})
}

// TestReorderingWindowGrows: each round trip with a D-SACK makes it longer, up to SRTT, and sixteen recoveries without one
// bring it back.
func TestReorderingWindowGrows(t *testing.T) {
	script(t, sacking(4), func(s *dialogue) {
		// RFC 8985 6.2
		s.establishAfter(40 * ms)
		seq := 100
		round := func(spurious bool) {
			s.write(2000)
			s.skip("a flight")
			s.advance(40 * ms)
			s.send(sacks(seq, seq+1000, seq+2000), "one beyond a gap")
			s.advance(s.conn.Info().ReorderingWindow + ms)
			if got := s.conn.Info(); !got.Recovering {
				s.Fatal("the reordering window has passed, and nothing is lost")
			}
			s.skip("the first is sent again")
			if spurious {
				s.send(sacks(seq+2000, seq, seq+1000), "for nothing: it came twice")
			} else {
				s.advance(41 * ms)
				s.send(segment(300, seq+2000, 0), "repaired")
			}
			seq += 2000
		}
		for n := 1; n <= 6; n++ {
			round(true)
			i := s.conn.Info()
			s.reorderingWindow(min(time.Duration(n+1)*i.MinRTT/4, i.SRTT), "(N+1) * min_RTT / 4, at most SRTT")
		}
		for n := 1; n <= 16; n++ {
			if s.conn.Info().ReorderingWindow == s.conn.Info().MinRTT/4 {
				s.Fatalf("back after %d recoveries", n-1)
			}
			round(false)
		}
		s.reorderingWindow(s.conn.Info().MinRTT/4, "16 recoveries without D-SACK")
	})
}
