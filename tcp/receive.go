package tcp

import "time"

// Receive takes a segment that has arrived for this connection, and says why it,
// or part of it, was not taken. The segment is not kept: its text is copied.
// What there is to answer is returned by Next, which is called when all segments
// of a batch were received (MUST-59).
func (c *Conn) Receive(t time.Time, seg *Segment) Reason {
	now := c.at(t)
	c.countReceived(seg)
	c.traceReceived(now, seg)
	r := c.receive(now, t, seg)
	c.traceTaken(r)
	return r
}

// receive does what the state asks for.
func (c *Conn) receive(now instant, t time.Time, seg *Segment) Reason {
	switch c.state {
	case StateClosed:
		return c.receiveClosed(seg)
	case StateListen:
		return c.receiveListen(now, seg)
	case StateSynSent:
		return c.receiveSynSent(now, seg)
	case StateTimeWait:
		return c.receiveTimeWait(t, seg)
	}
	return c.receiveOther(now, seg)
}

// receiveOther is RFC 9293, 3.10.7.4, in its order. There is no security to
// check; PAWS comes before (RFC 7323, 5.3).
func (c *Conn) receiveOther(now instant, seg *Segment) Reason {
	if c.crossedSYN(seg) {
		return c.receiveCrossedSYN(now, seg)
	}
	if r := c.checkTimestamps(now, seg); r != ReasonTaken {
		return r
	}
	text, r := c.checkSequence(now, seg)
	if text.refused {
		return r
	}
	if r := c.checkReset(now, seg); r != ReasonTaken {
		return r
	}
	if r := c.checkSYN(now, seg); r != ReasonTaken {
		return r
	}
	flight, marked := c.readMarks(seg)
	if r := c.processACK(now, seg); r != ReasonTaken {
		return r
	}
	if marked {
		c.congestionExperienced(now, flight)
	}
	c.noteMark(seg)
	// Not before the ACK was found acceptable: who guesses no more than numbers in
	// the window must not be able to move TS.Recent, and so shut the peer out.
	c.recordTimestamp(now, seg)
	c.processUrgent(seg)
	if r2 := c.processText(now, seg, text); r2 != ReasonTaken {
		r = r2
	}
	c.processFIN(now)
	return r
}

// inWindow is what checkSequence leaves of a segment.
type inWindow struct {
	arrival
	fin     bool
	refused bool // nothing: the segment is not acceptable
}

// First, check sequence number.
//
// RFC 9293, 3.10.7.4: "Segments are processed in sequence. Initial tests on
// arrival are used to discard old duplicates, but further processing is done in
// SEG.SEQ order. If a segment's contents straddle the boundary between old and
// new, only the new parts are processed."
func (c *Conn) checkSequence(now instant, seg *Segment) (inWindow, Reason) {
	if !c.acceptable(seg) {
		// "If an incoming segment is not acceptable, an acknowledgment should be sent in
		// reply (unless the RST bit is set, if so drop the segment and return)"
		switch {
		case seg.Flags.Has(rst):
			return inWindow{refused: true}, ReasonRSTOutOfWindow
		case seg.Flags.Has(syn) && c.state != StateSynReceived:
			// RFC 5961, 4.2: "irrespective of the sequence number"
			return inWindow{refused: true}, c.checkSYN(now, seg)
		}
		c.answerUnacceptable(now, seg)
		if seg.Len > 0 && seg.end().LessEq(c.rcv.nxt) {
			return inWindow{refused: true}, ReasonDuplicateText
		}
		return inWindow{refused: true}, ReasonOutOfWindow
	}
	c.heard, c.probes = now, 0
	return c.trim(seg)
}

// acceptable is Table 6 of RFC 9293 with two allowances.
func (c *Conn) acceptable(seg *Segment) bool {
	length, window := seg.seqLen(), c.rcvWindow()
	if seg.Flags.Has(rst) {
		return seg.Seq == c.rcv.nxt || c.rcv.nxt.Less(seg.Seq) && seg.Seq.Less(c.rcv.edge)
	}
	if length == 0 {
		// The table has SEG.SEQ < RCV.NXT+RCV.WND. A peer that has filled the window
		// acknowledges from its very edge: refusing that would cost its ACKs (A.2:
		// "There are cases where the TCP sequence number validation rules can prevent
		// ACK fields from being processed").
		return c.rcv.nxt.LessEq(seg.Seq) && seg.Seq.LessEq(c.rcv.edge)
	}
	if window == 0 {
		// "If the RCV.WND is zero, no segments will be acceptable, but special allowance
		// should be made to accept valid ACKs, URGs, and RSTs." (MUST-66)
		return seg.Seq == c.rcv.nxt
	}
	// "RCV.NXT =< SEG.SEQ < RCV.NXT+RCV.WND or RCV.NXT =< SEG.SEQ+SEG.LEN-1 <
	// RCV.NXT+RCV.WND". A FIN at the edge takes no room and is taken too. A segment
	// longer than the window covers it without beginning or ending in it.
	return seg.Seq.LessEq(c.rcv.edge) && c.rcv.nxt.Less(seg.end())
}

// trim returns the part of the segment that lies in the window.
//
// RFC 9293, 3.10.7.4: "One could tailor actual segments to fit this assumption by
// trimming off any portions that lie outside the window (including SYN and FIN)".
func (c *Conn) trim(seg *Segment) (w inWindow, r Reason) {
	w.seq, w.n, w.pieces = seg.Seq, seg.Len, seg.Text
	w.fin = seg.Flags.Has(fin)
	if seg.Flags.Has(syn) {
		w.seq = w.seq.Add(1)
	}
	w.arrival = w.from(c.rcv.nxt)
	if beyond := w.seq.Add(w.n).Sub(c.rcv.edge); beyond > 0 && w.n > 0 {
		w.n = max(0, w.n-beyond)
		w.fin = false
		c.ackNow = true
		r = ReasonTextBeyondWindow
	}
	return w, r
}

// Second, check the RST bit: as RFC 5961 has it.
func (c *Conn) checkReset(now instant, seg *Segment) Reason {
	if !seg.Flags.Has(rst) {
		return ReasonTaken
	}
	// RFC 9293, 3.10.7.4: "If the RST bit is set and the sequence number does not
	// exactly match the next expected sequence value, yet is within the current
	// receive window, TCP endpoints MUST send an acknowledgment (challenge ACK) [...]
	// and stop processing the incoming packet further."
	if seg.Seq != c.rcv.nxt {
		c.challenge(now)
		return ReasonRSTInWindow
	}
	// "If the RST bit is set and the sequence number exactly matches the next
	// expected sequence number (RCV.NXT), then TCP endpoints MUST reset the
	// connection". A reset may carry text (SHLD-2), which is not looked at.
	switch {
	case c.state == StateSynReceived && c.passive:
		// "If this connection was initiated with a passive OPEN (i.e., came from the
		// LISTEN state), then return this connection to LISTEN state and return."
		c.returnToListen(now)
	case c.state == StateSynReceived:
		// "then the connection was refused; signal the user "connection refused"."
		c.terminate(ErrRefused)
	case c.closed && (c.state == StateClosing || c.state == StateLastAck):
		// "CLOSING STATE, LAST-ACK STATE, TIME-WAIT STATE: If the RST bit is set, then
		// enter the CLOSED state, delete the TCB, and return."
		c.terminate(nil)
	default:
		// "any outstanding RECEIVEs and SEND should receive "reset" responses. All
		// segment queues should be flushed."
		c.terminate(ErrReset)
	}
	return ReasonReset
}

// returnToListen makes the connection as if it had just been opened, with another
// initial sequence number: its old one is known to whoever sent the SYN.
func (c *Conn) returnToListen(now instant) {
	c.terminate(nil)
	if c.closed {
		return // nobody listens any more
	}
	p := Params{
		ISS:        c.snd.iss.Add(int(now/4000) | 1<<16),
		TSOffset:   c.ts.offset,
		MSS:        int(c.mss),
		DefaultMSS: int(c.defaultMSS),
		MaxSegment: int(c.maxSegment),
		Congestion: c.algorithm,
		Trace:      c.trace,
	}
	old := *c
	c.Init(c.cfg, p)
	c.noDelay, c.corked, c.userTimeout, c.path = old.noDelay, old.corked, old.userTimeout, old.path
	c.sendBuffer, c.receiveBuffer, c.receiveFixed = old.sendBuffer, old.receiveBuffer, old.receiveFixed
	c.keep = old.keep
	c.OpenPassive()
}

// Fourth, check the SYN bit.
func (c *Conn) checkSYN(now instant, seg *Segment) Reason {
	if !seg.Flags.Has(syn) {
		return ReasonTaken
	}
	// RFC 9293, 3.10.7.4: "SYN-RECEIVED STATE: If the connection was initiated with a
	// passive OPEN, then return this connection to the LISTEN state and return."
	if c.state == StateSynReceived && c.passive {
		c.returnToListen(now)
		return ReasonReset
	}
	// "if the SYN bit is set, irrespective of the sequence number, TCP endpoints MUST
	// send a "challenge ACK" to the remote peer: <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>
	// After sending the acknowledgment, TCP implementations MUST drop the
	// unacceptable segment and stop processing further."
	c.challenge(now)
	c.answerAgain(seg)
	return ReasonSYNInConnection
}

// challenge sends a challenge ACK, unless the stack has sent too many.
func (c *Conn) challenge(now instant) {
	if c.cfg.ChallengeACKs.Allow(c.cfg.Epoch.Add(now.since(0))) {
		c.ackNow = true
	}
}

// answerUnacceptable answers a segment that is outside of the window. Where it
// has no text, and so no reason to be sent again, the answers are limited.
func (c *Conn) answerUnacceptable(now instant, seg *Segment) {
	c.reportOld(seg)
	if seg.seqLen() > 0 || mayAnswerOdd(&c.oddReply, now) {
		c.ackNow = true
	}
}

// oddReplyInterval is Linux's: least time in milliseconds between two answers to
// segments without text that lie outside of the window.
const oddReplyInterval = 500

// mayAnswerOdd says that such a segment may be answered at now, and notes it in
// last. Without this limit two ends that have lost each other's numbers would
// acknowledge each other for ever.
func mayAnswerOdd(last *uint32, now instant) bool {
	ms := max(1, uint32(now/millisecond))
	if *last != 0 && ms-*last < oddReplyInterval {
		return false
	}
	*last = ms
	return true
}

// crossedSYN says that a segment in SYN-RECEIVED repeats the peer's SYN: with ACK
// it is the answer to ours in a simultaneous open, without it a retransmission.
func (c *Conn) crossedSYN(seg *Segment) bool {
	return c.state == StateSynReceived && seg.Flags&(syn|rst) == syn && seg.Seq == c.rcv.irs
}

// receiveCrossedSYN takes the segment of line 6 of RFC 9293's Figure 7. The
// acceptability test would refuse it, since its SYN was received before; the
// figure shows that its ACK counts.
func (c *Conn) receiveCrossedSYN(now instant, seg *Segment) Reason {
	c.heard = now
	if !c.takeOfferAgain(seg) {
		return c.disagree(now, seg)
	}
	if !seg.Flags.Has(ack) {
		// The peer has not heard our SYN,ACK, or it would not repeat its SYN.
		c.synNow, c.synResent = true, true
		c.rtt.abandon()
		return ReasonDuplicateText
	}
	return c.processACK(now, seg)
}
