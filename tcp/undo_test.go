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

// TestTimeoutIsUndoneAlone: what shows that a timeout came too early, in the middle of a fast recovery, does not give back
// what the loss before it has taken.
func TestTimeoutIsUndoneAlone(t *testing.T) {
	for _, recovery := range []recovery{recoveryNone, recoveryFast} {
		c := &Conn{tx: new(sender), cc: new(NewReno), sackOK: true, recovery: recovery}
		c.tx.board.pool = new(Chunks)
		c.snd.nxt = 5000
		c.tx.board.add(0, c.record(1, 5000, 5000), 1000)
		c.window = Window{MSS: 1000, Bytes: 7000, SlowStartThreshold: 7000}
		c.tx.undo = undo{possible: true, bytes: 10_000, threshold: UnboundedThreshold}
		c.flightLost(instant(1e9), 5000)
		if u := c.tx.undo; !u.possible || u.bytes != 7000 || u.threshold != 7000 || !u.toStamp {
			t.Errorf("recovery %v: %+v", recovery, u)
		}
	}
}
