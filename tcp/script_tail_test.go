package tcp_test

import (
	"fmt"
	"testing"
)

// The last three of ten are lost. The probe, which repeats the last one, is answered with a timestamp from before it, as
// RFC 7323 has it for what is beyond a gap: RFC 8985, 6.2, takes the two before it for lost all the same, without a timeout.
func TestTailProbeFindsLosses(t *testing.T) {
	script(t, setup{sack: true, timestamps: true, config: bulk(10).config}, func(s *dialogue) {
		s.establishAfter(20 * ms)
		s.write(9880)
		s.skip("ten segments, of which the last three are lost")
		echo := s.tsRecent
		answer := func(ack int, blocks, why string) {
			s.send(fmt.Sprintf("<SEQ=300><ACK=%d><CTL=ACK><TSVAL=%d><TSECR=%d>%s", ack, s.peerClock(), echo, blocks), why)
		}
		s.advance(20 * ms)
		answer(7016, "", "seven have arrived")
		if i := s.conn.Info(); i.Reordered != 0 {
			s.Errorf("%d were late: nothing has arrived before another", i.Reordered)
		}
		s.wantAfter(20*ms, "<SEQ=8992><ACK=300><CTL=ACK><DATA=988>", "two round trips after the last segment was sent: the tail probe")
		s.advance(19 * ms) // less than the others took
		answer(7016, "<SACK=8992-9980>", "the probe has arrived")
		s.skip("the first that is lost")
		if i := s.conn.Info(); i.Resent != 2 || i.Timeouts != 0 || i.TailProbes != 1 {
			s.Errorf("%d sent again, %d timeouts, %d probes: want 2, 0 and 1", i.Resent, i.Timeouts, i.TailProbes)
		}
	})
}

// What one ACK shows says nothing of an order: RFC 8985, 6.2, step 3, calls reordering what has arrived below that of which
// an earlier ACK told.
func TestBlocksOfOneACKAreNotReordered(t *testing.T) {
	script(t, setup{sack: true, config: bulk(10).config}, func(s *dialogue) {
		s.establishAfter(20 * ms)
		s.write(10000)
		s.wantSegments(100, 10, "some are lost")
		s.advance(20 * ms)
		s.send("<SEQ=300><ACK=1100><CTL=ACK><SACK=8100-10100,5100-6100,2100-3100>", "three runs, the latest first")
		s.skip("what is lost")
		if i := s.conn.Info(); i.Reordered != 0 {
			s.Errorf("%d were late", i.Reordered)
		}
	})
}
