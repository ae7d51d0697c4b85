package tcp

import "github.com/usernet-go/usernet/wire"

// The sender of text: what may be marked, and what happens when it was.

// markCapable lets n bytes of text from seq on be marked, and says with them that
// the window was reduced.
func (c *Conn) markCapable(out *Segment, seq Seq, n int) {
	e := &c.ecn
	// RFC 3168, 6.1.5: "ECN-capable TCP implementations MUST NOT set either ECT
	// codepoint (ECT(0) or ECT(1)) in the IP header for retransmitted data packets".
	// 6.1.6: "the TCP data sender MUST NOT set either an ECT codepoint or the CWR bit
	// on window probe packets." 6.1.4: "pure acknowledgement packets [...] MUST be sent
	// with the not-ECT codepoint."
	if e.mode == ECNNone || n == 0 || seq != c.snd.nxt || c.probed {
		return
	}
	// 6.1.2: "new data packets are transmitted with an ECT codepoint set in the IP
	// header. When only one ECT codepoint is needed by a sender for all packets sent on
	// a TCP connection, ECT(0) SHOULD be used."
	if !e.noECT {
		out.ECN = wire.ECT0
	}
	// "the TCP sender sets the CWR flag in the TCP header of the first new data packet
	// sent after the window reduction."
	if e.cwr {
		out.Flags |= cwr
		e.cwr = false
	}
}

// mayNotRepeat says that the next segment has a flag that those of a super-segment
// must not share: who cuts one does not know whether CWR is RFC 3168's, which only
// the first of them has, or a bit of a counter, which all have.
func (c *Conn) mayNotRepeat() bool {
	return c.ecn.cwr || c.ecn.mode == ECNAccurate && aceFlags(c.ecn.ace()).Has(cwr)
}

// unsentMark takes back what markCapable has said with a segment that was not sent.
func (c *Conn) unsentMark(seg *Segment) {
	c.ecn.cwr = c.ecn.cwr || c.ecn.mode == ECNClassic && seg.Flags.Has(cwr)
}

// readMarks looks at what an ACK, which is still to be processed, says of marks.
// marked says that there were some; flight is how many bytes are in the network
// until then.
func (c *Conn) readMarks(seg *Segment) (flight int, marked bool) {
	e := &c.ecn
	e.told = false
	if e.mode == ECNNone || !seg.Flags.Has(ack) || seg.Ack.Less(c.snd.una) || c.snd.nxt.Less(seg.Ack) {
		return 0, false
	}
	if before := c.snd.una.Add(-1); e.until.Less(before) {
		e.until = before // lest it wraps round to in front of SND.UNA
	}
	if e.mode == ECNAccurate {
		e.told = c.readCounters(seg)
		return c.flight(), e.told
	}
	if !seg.Flags.Has(ece) || c.synPending() {
		return 0, false
	}
	e.met().receivedECE++
	e.told = true
	return c.flight(), true
}

// congestionExperienced reacts to marks on what was in the network: flight bytes.
//
// RFC 3168, 6.1.2: "The indication of congestion should be treated just as a
// congestion loss in non-ECN-Capable TCP. [...] TCP should not react to congestion
// indications more than once every window of data (or more loosely, more than once
// every round-trip time)."
func (c *Conn) congestionExperienced(now instant, flight int) {
	e := &c.ecn
	if c.cc == nil || !e.until.Less(c.snd.una) {
		return
	}
	before := c.window.Bytes
	c.cc.CongestionExperienced(&c.window, Congestion{Now: now.since(0), Flight: flight})
	if !c.window.Own {
		c.window.Bytes = min(c.window.Bytes, before) // RFC 5681's least threshold is two segments
	}
	c.leadDown(flight)
	c.windowReduced()
	e.byMarks = true
	m := e.met()
	m.reductions++
	if before <= c.window.MSS && c.window.Bytes <= c.window.MSS {
		// "the sending TCP MUST reset the retransmit timer on receiving the ECN-Echo
		// packet when the congestion window is one. The sending TCP will then be able to
		// send a new packet only when the retransmit timer expires."
		m.holdUntil = now.add(c.rto())
		if c.outstanding() {
			c.armRetransmit(now)
		}
	}
}

// windowReduced notes that the congestion window was reduced, for marks or for a
// loss: until what is in the network now has been answered, marks are of the same
// congestion.
//
// RFC 3168, 6.1.2: "When an ECN-Capable TCP sender reduces its congestion window for
// any reason (because of a retransmit timeout, a Fast Retransmit, or in response to
// an ECN Notification), the TCP sender sets the CWR flag".
func (c *Conn) windowReduced() {
	c.ecn.until, c.ecn.byMarks = c.snd.nxt, false
	c.ecn.cwr = c.ecn.mode == ECNClassic
}

// reducedByMarks says that the window was already reduced for the congestion that
// has now also lost something.
//
// RFC 3168, 6.1.2: "the TCP sender's congestion window should be reduced only once in
// response to a series of dropped and/or CE packets from a single window of data."
func (c *Conn) reducedByMarks() bool {
	return c.ecn.byMarks && !c.window.Own && !c.ecn.until.Less(c.snd.una)
}

// heldByMarks says that new text must wait, since the window cannot become smaller
// than it is; the timer then is set for when it may go.
func (c *Conn) heldByMarks(now instant) bool {
	m := c.ecn.marks
	if m == nil || m.holdUntil <= now {
		return false
	}
	c.timers[timerPace] = m.holdUntil
	return true
}
