package tcp_test

import (
	"fmt"
	"testing"
	"time"
)

// What a sender does with the SACK option: RFC 2018, 6675 and 9937.

// sacking is bulk with selective acknowledgments on both sides.
func sacking(segments int) setup {
	o := bulk(segments)
	o.sack = true
	return o
}

// sacks is the notation of an ACK with blocks, given by their edges.
func sacks(ack int, edges ...int) string {
	n := segment(300, ack, 0) + "<SACK="
	for i := 0; i < len(edges); i += 2 {
		if i > 0 {
			n += ","
		}
		n += fmt.Sprintf("%d-%d", uint32(edges[i]), uint32(edges[i+1]))
	}
	return n + ">"
}

// flight checks what is in the network, in bytes.
func (s *dialogue) flight(want int, why string) {
	s.Helper()
	if got := s.conn.Info().Flight; got != want {
		s.Fatalf("%s: %d bytes in flight, want %d", why, got, want)
	}
}

// windowIs checks congestion window and slow start threshold.
func (s *dialogue) windowIs(cwnd, ssthresh int, why string) {
	s.Helper()
	if i := s.conn.Info(); i.Cwnd != cwnd || i.Ssthresh != ssthresh {
		s.Fatalf("%s: cwnd is %d and ssthresh %d, want %d and %d", why, i.Cwnd, i.Ssthresh, cwnd, ssthresh)
	}
}

// recovering checks whether the machine repairs losses.
func (s *dialogue) recovering(want bool, why string) {
	s.Helper()
	if got := s.conn.Info().Recovering; got != want {
		s.Fatalf("%s: recovering is %v, want %v", why, got, want)
	}
}

// inFlight opens a connection on a path of 50 ms and has n segments on the way for as long as that.
func (s *dialogue) inFlight(n, written int) {
	s.Helper()
	s.establishAfter(50 * ms)
	s.write(written)
	s.wantSegments(100, n, "a flight")
	s.advance(50 * ms)
}

// TestSACKRecovery: only what is lost is sent again, at PRR's pace.
func TestSACKRecovery(t *testing.T) {
	script(t, sacking(10), func(s *dialogue) {
		// RFC 3042, RFC 5681 3.2, RFC 9937 6.2 and 6.4
		s.inFlight(10, 60000) // the first and the fifth are lost
		s.send(sacks(100, 1100, 2100), "the second has arrived")
		s.want(segment(10100, 300, 1000), "limited transmit")
		s.send(sacks(100, 1100, 3100), "the third")
		s.want(segment(11100, 300, 1000), "limited transmit")
		s.recovering(false, "it may be reordering")
		s.send(sacks(100, 1100, 4100), "the fourth: DupThresh")
		s.want(segment(100, 300, 1000), "the first is sent again")
		s.recovering(true, "something is lost")
		s.windowIs(8500, 5000, "ssthresh is half of the flight, without limited transmit; cwnd = inflight + SndCnt")
		s.send(sacks(100, 5100, 6100, 1100, 4100), "a second gap, in a recovery: it is lost at once")
		s.flight(7000, "12 were sent, 4 have arrived, 1 is lost")
		s.idle("PRR: one for two")
		s.send(sacks(100, 5100, 7100, 1100, 4100), "the seventh")
		s.idle("half of a segment, twice, is what was sent at once")
		s.send(sacks(100, 5100, 8100, 1100, 4100), "the eighth")
		s.flight(5000, "the second loss has done the rest: ssthresh is reached")
		s.send(sacks(100, 5100, 9100, 1100, 4100), "the ninth")
		s.want(segment(4100, 300, 1000), "what is lost goes before what is new")
		s.send(sacks(100, 5100, 10100, 1100, 4100), "the tenth")
		s.want(segment(12100, 300, 1000), "all is repaired: new text")
		s.advance(50 * ms)
		s.send(sacks(100, 5100, 11100, 1100, 4100), "limited transmit has arrived")
		s.want(segment(13100, 300, 1000), "one for one")
		s.send(sacks(100, 5100, 12100, 1100, 4100), "both of it")
		s.want(segment(14100, 300, 1000), "one for one")
		s.send(sacks(4100, 5100, 12100), "the first hole is filled")
		s.want(segment(15100, 300, 1000), "one for one")
		s.recovering(true, "there is a second one")
		s.send(segment(300, 12100, 0), "so is the other")
		s.recovering(false, "what was in flight at the beginning has arrived")
		s.want(segment(16100, 300, 1000), "one for one")
		s.windowIs(5000, 5000, "cwnd = ssthresh")
		if got := s.conn.Info().Resent; got != 2 {
			t.Errorf("%d segments were sent again, want the 2 that were lost", got)
		}
	})
}

// TestRetransmissionLostAgain: text that was sent after a retransmission and arrives before it shows that it is lost too.
// RFC 5681, 4.3: "Loss in two successive windows of data, or the loss of a retransmission, should be taken as two indications
// of congestion".
func TestRetransmissionLostAgain(t *testing.T) {
	script(t, sacking(10), func(s *dialogue) {
		// RFC 8985 6.2
		s.inFlight(10, 60000)
		s.sendTogether("all but the first", sacks(100, 1100, 2100), sacks(100, 1100, 3100), sacks(100, 1100, 4100))
		s.want(segment(100, 300, 1000), "the first is sent again, and lost again")
		s.advance(ms)
		for right := 5100; right <= 10100; right += 1000 {
			s.send(sacks(100, 1100, right), "the rest of the flight")
			s.skip("new text, at PRR's pace")
		}
		ssthresh := s.conn.Info().Ssthresh
		s.advance(49 * ms)
		s.send(sacks(100, 1100, 11100), "new text that was sent a millisecond after the retransmission")
		s.want(segment(100, 300, 1000), "a third time")
		s.skip("new text")
		if got := s.conn.Info().Ssthresh; got >= ssthresh {
			t.Errorf("ssthresh is %d, was %d: the loss of a retransmission is a second loss", got, ssthresh)
		}
		s.send(segment(300, 11100, 0), "it has arrived")
		s.skip("new text")
		s.recovering(false, "all of the first flight is there")
	})
}

// TestOrderOnCoarseClock: new text and, after it, a retransmission leave in one tick of the clock. That the new text arrives
// says nothing of the retransmission, though its numbers are higher (RFC 8985, 6.2, breaks such ties by numbers).
func TestOrderOnCoarseClock(t *testing.T) {
	script(t, sacking(10), func(s *dialogue) {
		// RFC 8985 6.2
		s.inFlight(10, 60000)
		s.send(sacks(100, 1100, 3100), "the second and third")
		s.wantSegments(10100, 2, "limited transmit")
		s.send(sacks(100, 1100, 4100), "DupThresh")
		s.want(segment(100, 300, 1000), "sent again, in the same tick")
		s.advance(50 * ms)
		s.send(sacks(100, 1100, 12100), "limited transmit has arrived, and all before it")
		s.skip("new text")
		if got := s.conn.Info().Resent; got != 1 {
			t.Fatalf("%d segments were sent again, want 1: nothing that was sent later has arrived", got)
		}
		s.send(segment(300, 12100, 0), "the retransmission has arrived")
		s.skip("new text")
	})
	// Of two that are sent again in one tick the second shows that the first is lost.
	script(t, sacking(10), func(s *dialogue) {
		// RFC 8985 6.2
		s.inFlight(10, 10000)
		s.send(sacks(100, 2100, 10100), "two are lost")
		s.wantSegments(100, 2, "sent again")
		s.advance(50 * ms)
		s.send(sacks(100, 1100, 10100), "only the second of them has arrived")
		s.want(segment(100, 300, 1000), "the first is sent a third time")
		s.send(segment(300, 10100, 0), "all is there")
	})
}

// TestReneging is RFC 2018, 8, and RFC 6675, 5.1: the peer has dropped what he said he had.
func TestReneging(t *testing.T) {
	script(t, sacking(5), func(s *dialogue) {
		// RFC 2018 5 and 8
		s.inFlight(5, 5000)
		s.send(sacks(100, 1100, 5100), "all but the first")
		s.want(segment(100, 300, 1000), "lost")
		s.advance(50 * ms)
		s.send(segment(300, 1100, 0), "he has the first, and nothing else any more")
		s.flight(0, "he says that he has the rest")
		s.wantAfter(s.conn.Info().RTO, segment(1100, 300, 1000), "the timeout turns off the SACKed bits")
		s.advance(50 * ms)
		s.send(segment(300, 2100, 0), "taken")
		s.wantSegments(2100, 2, "slow start")
		s.advance(50 * ms)
		s.send(segment(300, 4100, 0), "taken")
		s.want(segment(4100, 300, 1000), "the last")
		s.send(segment(300, 5100, 0), "taken")
		s.recovering(false, "all is there")
	})
	// A timeout of something that he does not say he has leaves the rest of what he said as it is.
	script(t, sacking(5), func(s *dialogue) {
		s.inFlight(5, 5000)
		s.send(sacks(100, 1100, 5100), "all but the first")
		s.want(segment(100, 300, 1000), "lost, and lost again")
		s.wantAfter(s.conn.Info().RTO, segment(100, 300, 1000), "timeout, counted from the fast retransmit: only what he does not have")
		s.send(segment(300, 5100, 0), "all is there")
		if got := s.conn.Info().Resent; got != 2 {
			t.Errorf("%d segments were sent again, want 2", got)
		}
	})
}

// TestOldACKWithSACK: ACKs that overtake one another lose nothing of what they tell.
func TestOldACKWithSACK(t *testing.T) {
	script(t, sacking(10), func(s *dialogue) {
		// RFC 6675 5
		s.inFlight(10, 10000)
		s.send(segment(300, 2100, 0), "the second is there; this ACK has overtaken the next two")
		s.send(sacks(100, 4100, 5100), "sent when the peer had the fifth, but not the first")
		s.flight(7000, "the fifth has arrived")
		s.send(sacks(1100, 3100, 5100), "and the fourth")
		s.flight(6000, "both have")
		s.send(sacks(1100, 1100, 2100, 3100, 5100), "a block that is acknowledged")
		s.flight(6000, "nothing new")
		s.advance(20 * ms)
		s.want(segment(2100, 300, 1000), "the third is lost")
		s.send(segment(300, 10100, 0), "all is there")
	})
}

// TestInvalidBlocks: what is no range, or was never sent, says nothing; what covers a segment in part does not yet say that
// it has arrived.
func TestInvalidBlocks(t *testing.T) {
	for _, block := range []struct {
		why         string
		left, right int
	}{
		{"reversed", 3100, 2100},
		{"empty", 3100, 3100},
		{"beyond what was sent", 5100, 12100},
		{"all beyond what was sent", 20100, 21100},
		{"from SND.UNA on", 1100, 3100},
		{"round SND.UNA", 600, 3100},
		{"half of the space of numbers", 3100, 3100 - 1<<31 - 1},
		{"more than half", 3100, 3100 - 1<<31 + 1000},
		{"a part of a segment", 2200, 3000},
		{"parts of two segments", 2200, 4000},
	} {
		script(t, sacking(10), func(s *dialogue) {
			s.inFlight(10, 10000)
			s.send(segment(300, 1100, 0), "the first")
			for range 10 {
				s.send(sacks(1100, block.left, block.right), block.why)
				s.flight(9000, block.why)
			}
			s.recovering(false, block.why)
			s.idle(block.why)
			s.send(sacks(1100, block.left, block.right, 2100, 3100), "beside one that is right")
			s.flight(8000, "which counts")
			s.advance(time.Second)
			s.skip("sent again")
			s.send(segment(300, 10100, 0), "all is there")
		})
	}
}

// TestBlocksOfParts: the parts of segments that the peer has grow together, in whatever order he tells of them.
func TestBlocksOfParts(t *testing.T) {
	o := sacking(10)
	o.maxSegment = 4000
	script(t, o, func(s *dialogue) {
		s.establishAfter(50 * ms)
		s.write(8000)
		s.want(segment(100, 300, 4000), "a super-segment")
		s.want(segment(4100, 300, 4000), "another")
		s.advance(50 * ms)
		s.send(sacks(100, 1600, 2700), "parts of two segments, and no whole one")
		s.flight(8000, "no segment has arrived for certain")
		s.send(sacks(100, 1100, 2700), "one, and a part of the next")
		s.flight(7000, "one")
		s.send(sacks(100, 1100, 3100), "both")
		s.flight(6000, "two")
		s.send(sacks(100, 7100, 8100, 1100, 3100), "the last one")
		s.skip("what was before it is lost")
		s.send(segment(300, 8100, 0), "all is there")
	})
}

// TestSACKNotAgreedOn: without SACK-permitted on both sides blocks say nothing.
func TestSACKNotAgreedOn(t *testing.T) {
	script(t, bulk(10), func(s *dialogue) {
		s.establishAfter(50 * ms)
		s.write(10000)
		s.wantSegments(100, 10, "a flight")
		s.send(segment(300, 1100, 0), "the first")
		s.send(sacks(1100, 2100, 10100), "nobody has asked for that")
		s.recovering(false, "one duplicate ACK")
		s.send(segment(300, 10100, 0), "all is there")
	})
}

// TestSACKFlood: blocks that change for ever cost nothing but their time, and inflate nothing.
func TestSACKFlood(t *testing.T) {
	script(t, sacking(20), func(s *dialogue) {
		s.inFlight(20, 200000)
		cwnd, sent := s.conn.Info().Cwnd, 20000
		for i := range 2000 {
			left := 1100 + 1000*(i*7%19)
			s.send(sacks(100, left, left+1000, left-500, left+1500), "a block, another one each time")
			for _, got := range s.unseen {
				sent += got.Len
			}
			s.skip("what that allows")
		}
		if got := s.conn.Info().Cwnd; got > cwnd {
			t.Errorf("cwnd is %d, was %d", got, cwnd)
		}
		// 19 of 20 are said to have arrived, and the last is sent again: so much may follow.
		if sent > 60000 {
			t.Errorf("%d bytes were sent for 20000 that have arrived", sent)
		}
	})
}
