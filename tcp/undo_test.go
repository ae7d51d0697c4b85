package tcp

import "testing"

// TestEifelAsksFirst: the ACK for what an earlier recovery has sent again echoes an
// older value than the next one's first retransmission has, when that one is not the
// first that is outstanding; which does not mean that it was in vain.
func TestEifelAsksFirst(t *testing.T) {
	// RFC 3522, 3.2
	for _, first := range []bool{true, false} {
		tx := &sender{dsacks: 1}
		c := &Conn{tx: tx}
		c.snd.tsOK = true
		const now = instant(1e9)
		tx.undo = undo{possible: true, toStamp: true}
		tx.undo.sentAgain(c, now, 1, first)
		earlier := &Segment{}
		earlier.Options.HasTimestamps, earlier.Options.TSEcr = true, tsClock(now, c.ts.offset)-10
		want := UndoCause(0)
		if first {
			want = UndoTimestamps
		}
		if got := c.inVain(&ackEvent{seg: earlier, advanced: true}); got != want {
			t.Errorf("the first outstanding %v: undone for %v, want %v", first, got, want)
		}
	}
}
