package tcp

// When a recovery turns out to have been in vain: nothing was lost, and what it
// took from the window is given back (RFC 4015). Three things tell: timestamps
// (RFC 3522), the peer's word that he has what was sent again twice (RFC 2883),
// and, after a timeout, text that arrives although it was not sent again (RFC
// 5682).

// undo is what is to be given back, and what tells that it is.
type undo struct {
	bytes, threshold int32 // of the window, from before the recovery

	// again is how many segments were sent again in this recovery, copies how many of
	// them have not arrived twice.
	again, copies int32
	// from is SND.UNA at its start: what is told of before it was sent again earlier.
	from Seq
	// first is TSval of the first segment that was sent again, when stamped; toStamp
	// says that the next one is the first.
	first    uint32
	toStamp  bool
	stamped  bool
	possible bool // a recovery has begun that may have been in vain
	// forward is where Forward RTO-Recovery stands.
	forward forwardRTO
}

// forwardRTO is the step of RFC 5682 that the next ACK belongs to.
type forwardRTO uint8

const (
	forwardOff  forwardRTO = iota // conventional recovery
	forwardWait                   // step 2: the first ACK after the timeout
	forwardNew                    // step 3: new text was sent instead of lost one
)

// beginUndo remembers the window before congestion control hears of a loss. Of
// several losses in a row the first counts.
func (c *Conn) beginUndo() {
	u := &c.tx.undo
	if c.recovering() && u.possible {
		return
	}
	*u = undo{possible: true, from: c.snd.una, toStamp: true, bytes: int32(c.window.Bytes), threshold: int32(c.window.SlowStartThreshold)}
}

// sentAgain notes that segments are sent again; first says that nothing in front of
// them is outstanding, and that an older copy of them was the first, or too early a
// timeout's.
func (u *undo) sentAgain(c *Conn, now instant, segments uint32, first bool) {
	if !u.possible {
		return
	}
	u.again, u.copies = min(u.again+int32(segments), 1<<30), min(u.copies+int32(segments), 1<<30)
	// RFC 3522, 3.2, step (1): "Set a "RetransmitTS" variable to the value of the
	// Timestamp Value field of the Timestamps option included in the retransmit sent
	// when loss recovery is initiated." In front of it there may be what an earlier
	// recovery has sent again, or it may be what a probe has, whose ACK echoes an older
	// value: then nothing is told.
	if u.toStamp && c.snd.tsOK {
		u.toStamp, u.stamped, u.first = false, first, tsClock(now, c.ts.offset)
	}
}

// inVain says by what an ACK shows that the recovery was for nothing, if it does.
func (c *Conn) inVain(ev *ackEvent) UndoCause {
	u := &c.tx.undo
	if !u.possible {
		return 0
	}
	// RFC 3522, 3.2, step (4): "If the value of the Timestamp Echo Reply field of the
	// acceptable ACK's Timestamps option is smaller than the value of RetransmitTS, then
	// proceed to step (5)". It is the first such ACK that decides, step (3): "Wait for
	// the arrival of an acceptable ACK."
	if u.stamped && ev.advanced {
		echo, known := ev.seg.Options.TSEcr, ev.seg.Options.HasTimestamps
		u.stamped = false
		// Step (5): "If the acceptable ACK carries a DSACK option [RFC2883], then proceed
		// to step (DONE), else if during the lifetime of the TCP connection the TCP sender
		// has previously received an ACK with a DSACK option, or the acceptable ACK does not
		// acknowledge all outstanding data, then proceed to step (6), else proceed to step
		// (DONE)."
		if known && tsBefore(echo, u.first) && !ev.dsack && (c.tx.dsacks > 0 || c.outstanding()) {
			return UndoTimestamps
		}
	}
	if ev.dsack && u.again > 0 && u.copies == 0 && c.lostBytes() == 0 {
		return UndoDSACK // all that was sent again has arrived twice
	}
	// RFC 5682, 3: "If the SACK information acknowledges new data that was not
	// transmitted after the RTO retransmission, the sender may declare the timeout
	// spurious, even when duplicate ACKs follow the RTO."
	if c.recovery == recoveryTimeout && u.forward == forwardNew && ev.original {
		return UndoFRTO
	}
	return 0
}

// undoRecovery gives back what the recovery has taken.
//
// RFC 4015, 3.2: "reversing the congestion control state"
func (c *Conn) undoRecovery(now instant, why UndoCause) {
	u := &c.tx.undo
	timeout := c.recovery == recoveryTimeout
	c.tx.board.unmarkLost()
	if !c.window.Own {
		c.window.Bytes = max(c.window.Bytes, int(u.bytes))
		c.window.SlowStartThreshold = max(c.window.SlowStartThreshold, int(u.threshold))
	}
	c.tx.rack.reordering = c.tx.rack.reordering || !timeout
	c.backoff = 0
	u.possible = false
	c.leaveRecovery()
	c.traceUndo(now, why)
	c.cc.Recovered(&c.window, Recovery{Now: now.since(0), InFlight: c.flight(), Timeout: timeout, Undone: true})
}

// forward goes on with Forward RTO-Recovery when an ACK has not decided yet.
//
// RFC 5682, 3.1, steps 2 and 3.
func (c *Conn) forward(ev *ackEvent) {
	u := &c.tx.undo
	switch {
	case u.forward == forwardWait && !ev.advanced:
		// Step 2: "Stay in step 2 and wait for the next new acknowledgment."
	case u.forward == forwardWait && c.snd.una.Less(c.snd.recover) && !c.tx.board.at(0).flags.has(sentAgain) &&
		c.unsent() > 0 && c.usable() > 0:
		// 2b: "transmit up to two new (previously unsent) segments and proceed to step 3."
		// The window, which was one segment, has room for no more.
		u.forward = forwardNew
	default:
		u.forward = forwardOff
	}
}
