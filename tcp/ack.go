package tcp

// Fifth, check the ACK field.
func (c *Conn) processACK(now instant, seg *Segment) Reason {
	// RFC 9293, 3.10.7.4: "if the ACK bit is off, drop the segment and return"
	if !seg.Flags.Has(ack) {
		return ReasonNoACK
	}
	if c.synPending() { // SYN-RECEIVED, or FIN-WAIT-1 when the user has closed in it
		// "If SND.UNA < SEG.ACK =< SND.NXT, then enter ESTABLISHED state [...] If the
		// segment acknowledgment is not acceptable, form a reset segment
		// <SEQ=SEG.ACK><CTL=RST> and send it."
		if !c.snd.una.Less(seg.Ack) || c.snd.nxt.Less(seg.Ack) {
			c.reset(seg)
			return ReasonUnacceptableACK
		}
		c.acknowledge(now, seg)
		if c.state == StateSynReceived {
			c.establish()
		}
		c.acknowledgedFIN(now)
		return ReasonTaken
	}
	// RFC 5961, 5.2: "The ACK value is considered acceptable only if it is in the
	// range of ((SND.UNA - MAX.SND.WND) <= SEG.ACK <= SND.NXT). All incoming segments
	// whose ACK value doesn't satisfy the above condition MUST be discarded and an
	// ACK sent back." (MAY-12)
	if seg.Ack.Less(c.snd.una.Add(-int(c.snd.maxWnd))) || c.snd.nxt.Less(seg.Ack) {
		c.challenge(now)
		return ReasonUnacceptableACK
	}
	c.noteAppLimited()
	if c.snd.una.Less(seg.Ack) {
		c.acknowledge(now, seg)
	} else {
		c.duplicateACK(now, seg)
	}
	c.acknowledgedFIN(now)
	return ReasonTaken
}

// acknowledge takes an ACK for something new: "set SND.UNA <- SEG.ACK. Any
// segments on the retransmission queue that are thereby entirely acknowledged are
// removed."
func (c *Conn) acknowledge(now instant, seg *Segment) {
	wasSYN := c.synPending()
	c.progress = true
	ev := ackEvent{seg: seg, ack: seg.Ack, before: c.flight(), advanced: true}
	ev.bytes = c.textBetween(c.snd.una, seg.Ack)
	if c.tx != nil {
		c.takeAcknowledged(now, &ev)
	}
	c.snd.prevUna, c.snd.una = c.snd.una, seg.Ack
	c.out.release(c.cfg.Chunks, seg.Ack.Max(c.out.first).Min(c.out.end), c.lent)
	if c.tx != nil {
		c.takeSelective(now, &ev)
	}
	// RFC 9293, 3.8.6: "act on the window information from segments that carry the
	// highest acknowledgment number".
	c.setSendWindow(seg)
	c.measure(now, &ev)
	probed := c.probed
	if probed {
		c.probed, c.backoff = false, 0 // as in windowMayHaveOpened
	}
	c.retransmits, c.softErr, c.snd.reopened = 0, nil, false
	if c.noteShrunk(); c.snd.shrunk && c.snd.wnd > 0 {
		c.backoff = 0
		c.refusedLost(now, probed)
		c.armRetransmit(now)
	}
	if wasSYN {
		c.synNow, c.backoff = false, 0
		c.startTransfer(now)
	}
	// RFC 6298, 5.2: "When all outstanding data has been acknowledged, turn off the
	// retransmission timer." 5.3: "When an ACK is received that acknowledges new
	// data, restart the retransmission timer".
	restart := c.restartsTimer()
	if c.tx != nil {
		c.afterACK(now, &ev)
	}
	c.pathAcknowledged(now)
	restart = restart || !c.recovering()
	c.dropStale()
	if !c.outstanding() {
		c.timers[timerRetransmit], c.timers[timerGiveUp] = 0, 0
		c.timers[timerProbe], c.timers[timerReorder] = 0, 0
		return
	}
	if restart {
		c.armRetransmit(now)
	}
	c.armGiveUp(now)
	if c.tx != nil {
		c.restartTailProbe(now, &ev)
	}
}

// textBetween is how many bytes of the send queue lie between two numbers; SYN
// and FIN are not text.
func (c *Conn) textBetween(from, to Seq) int {
	from, to = from.Max(c.out.first), to.Min(c.out.end)
	return max(0, to.Sub(from))
}

// dropStale keeps the marks that lie far behind SND.UNA from wrapping round to
// in front of it.
//
// RFC 6582, 6: "When updating the Cumulative Acknowledgment field outside of fast
// recovery, the state variable recover may also need to be updated".
func (c *Conn) dropStale() {
	behind := c.snd.una.Add(-1)
	if c.recovery == recoveryNone && c.snd.recover.Less(behind) {
		c.snd.recover = behind
	}
	if c.snd.small.Less(behind) {
		c.snd.small = behind
	}
	if c.snd.limited.Less(behind) {
		c.snd.limited = behind
	}
	if tx := c.tx; tx != nil {
		tx.rack.fack, tx.rack.end = tx.rack.fack.Max(behind), tx.rack.end.Max(behind)
	}
	if c.urgentOut && c.snd.up.LessEq(c.snd.una) {
		c.urgentOut = false
	}
}

// measure takes a sample of the round trip, when the ACK gives one. Each does, as in
// Linux: with one in a round trip the average would stay behind in slow start, into
// a queue that grows.
//
// RFC 6298, 3: "A TCP implementation MUST take at least one RTT measurement per
// RTT (unless that is not possible per Karn's algorithm)."
func (c *Conn) measure(now instant, ev *ackEvent) {
	if ev.last > 0 {
		c.rtt.least.sample(now, ev.last)
	}
	r := ev.first
	switch {
	case c.rtt.synSent != 0:
		r = max(now.since(c.rtt.synSent), 1)
		c.rtt.synSent = 0
		c.rtt.least.sample(now, r)
	case r == 0:
		// The segments have been sent again. With timestamps "each ACK can be used as an
		// RTT sample" (RFC 6298, 3); they tick more coarsely.
		var ok bool
		r, ok = c.echoed(now, ev.seg)
		// If ACKs were lost, it echoes what we sent when the peer last heard something
		// new: that may be long ago, and is no round trip. On a path that has become so
		// slow the timeout stays backed off until a segment that is sent once tells the
		// round trip.
		if !ok || r > echoBound*c.rtt.rto(c.cfg) && c.rtt.srtt > 0 {
			return
		}
	}
	c.rtt.sample(r)
	c.traceRTT(now, r)
	if c.tx != nil {
		c.tx.tail.stale = false
	}
	// RFC 6298, 5: "once a new RTT measurement is obtained [...] the computations
	// outlined in Section 2 are performed, including the computation of RTO, which
	// may result in "collapsing" RTO back down after it has been subject to
	// exponential back off (rule 5.5)."
	c.backoff = 0
}

// echoBound is how many timeouts, without back-off, a round trip takes at most that
// a timestamp tells of a segment which was sent again: what takes longer is none.
// Were it taken for even a part of what it tells, the timeout would more than
// double with each ACK that is lost.
const echoBound = 2

// updateSendWindow takes the window of a segment that acknowledges nothing new,
// unless it is older than the last.
//
// RFC 9293, 3.10.7.4: "If (SND.WL1 < SEG.SEQ or (SND.WL1 = SEG.SEQ and SND.WL2 =<
// SEG.ACK)), set SND.WND <- SEG.WND [...] The check here prevents using old
// segments to update the window."
//
// A peer whose text was refused goes back to the edge that it was told: see ackSeq.
func (c *Conn) updateSendWindow(seg *Segment) {
	wl1 := c.snd.wl1
	if c.rcv.squeeze != windowFree {
		wl1 = wl1.Min(c.rcv.nxt)
	}
	if wl1.Less(seg.Seq) || wl1 == seg.Seq && c.snd.wl2.LessEq(seg.Ack) {
		c.setSendWindow(seg)
	}
}

// setSendWindow takes the segment's window (MUST-1: unsigned; REC-1: 32 bits).
func (c *Conn) setSendWindow(seg *Segment) {
	c.snd.wnd = c.segmentWindow(seg)
	c.snd.wl1, c.snd.wl2 = seg.Seq, seg.Ack
	c.snd.maxWnd = max(c.snd.maxWnd, c.snd.wnd)
}

// segmentWindow is SEG.WND in bytes.
//
// RFC 7323, 2.2: "The window field in a segment where the SYN bit is set (i.e., a
// <SYN> or <SYN,ACK>) MUST NOT be scaled."
func (c *Conn) segmentWindow(seg *Segment) uint32 {
	if seg.Flags.Has(syn) {
		return uint32(seg.Window)
	}
	return uint32(seg.Window) << c.snd.shift
}

// duplicateACK takes an ACK for nothing new. "If the ACK is a duplicate (SEG.ACK
// =< SND.UNA), it can be ignored", but for its window, and for what it says of the
// peer.
func (c *Conn) duplicateACK(now instant, seg *Segment) {
	// RFC 5681, 2: "(a) the receiver of the ACK has outstanding data, (b) the incoming
	// acknowledgment carries no data, (c) the SYN and FIN bits are both off, (d) the
	// acknowledgment number is equal to the greatest acknowledgment received on the
	// given connection [...] and (e) the advertised window in the incoming
	// acknowledgment equals the advertised window in the last incoming
	// acknowledgment."
	ev := ackEvent{seg: seg, ack: seg.Ack, before: c.flight()}
	ev.duplicate = c.outstanding() && seg.seqLen() == 0 && seg.Ack == c.snd.una &&
		c.segmentWindow(seg) == c.snd.wnd && c.snd.wnd > 0
	if seg.Ack == c.snd.una {
		c.updateSendWindow(seg)
	}
	// What arrived twice is also told of when nothing is outstanding any more.
	if c.tx != nil && (c.outstanding() || seg.Options.NumSACK > 0) {
		c.takeSelective(now, &ev)
		if ev.last > 0 {
			c.rtt.least.sample(now, ev.last)
		}
		c.afterACK(now, &ev)
	}
	if seg.Ack == c.snd.una {
		c.noteShrunk()
		c.windowMayHaveOpened(now)
	}
}

// noteShrunk notes that the peer has closed its window over what is in the network, as
// one does that has no memory for it. When it opens, that is sent again, which tells
// nothing of congestion.
//
// RFC 9293, 3.8.6: "a sending TCP peer MUST be robust against window shrinking, which may
// cause the "usable window" (see Section 3.8.6.2.1) to become negative (MUST-34)."
func (c *Conn) noteShrunk() {
	if !c.outstanding() || c.tx == nil {
		c.snd.shrunk = false
	} else if c.snd.wnd == 0 && !c.probed { // a probe is beyond any window
		c.snd.shrunk = true
	}
}

// refusedLost marks as lost what a window has been closed over, when it opens. With a
// probe the timer has run out since it was sent; without one, what was sent less than a
// round trip ago may be in the network still: a peer whose window dances gets no more than
// another.
func (c *Conn) refusedLost(now instant, probed bool) {
	c.snd.shrunk = false
	b := &c.tx.board
	if probed {
		b.markAllLost(false)
		return
	}
	wait := max(c.rtt.srtt, c.tx.rack.rtt) + c.reorderingWindow()
	for i := range b.len() {
		if s := b.at(i); !s.flags.has(sentSacked|sentLost) && s.at.add(wait) <= now {
			b.markLost(i)
		}
	}
}

// windowMayHaveOpened looks at a window that was closed.
func (c *Conn) windowMayHaveOpened(now instant) {
	switch {
	case c.snd.wnd == 0:
		// RFC 9293, 3.8.6.1: "As long as the receiving TCP peer continues to send
		// acknowledgments in response to the probe segments, the sending TCP peer MUST
		// allow the connection to stay open (MUST-37)." For as long as there is a user.
		// With the next probe the wait for an answer begins anew: until then, which may
		// be longer than patience, none is owed.
		if !c.closed {
			c.timers[timerGiveUp] = 0
			c.retransmits = 0
		}
	case c.probed, c.snd.shrunk:
		// It is open. The probe, or what had been sent before, fell on a closed one: it is
		// sent again with what follows it, and has as long as that for its answer (RFC 9293, 3.8.3: R2 is about "the
		// amount of retransmission that has occurred for the same segment"). Without a
		// user that is so once: a peer that opens its window again and again and takes
		// nothing would hold the connection for ever.
		c.refusedLost(now, c.probed)
		c.probed, c.backoff = false, 0
		c.armRetransmit(now)
		if !c.snd.reopened {
			c.armGiveUp(now)
		}
		c.snd.reopened = c.closed
	case !c.outstanding():
		// No probe was needed.
		c.backoff = 0
		c.timers[timerRetransmit], c.timers[timerGiveUp] = 0, 0
	}
}

// acknowledgedFIN does what an ACK of our FIN asks for in each state.
func (c *Conn) acknowledgedFIN(now instant) {
	if !c.finAcknowledged() {
		return
	}
	switch c.state {
	case StateFinWait1:
		// "if the FIN segment is now acknowledged, then enter FIN-WAIT-2 and continue
		// processing in that state."
		c.enter(StateFinWait2)
		c.armFinWait2(now)
	case StateClosing:
		// "if the ACK acknowledges our FIN, then enter the TIME-WAIT state"
		c.enterTimeWait(now)
	case StateLastAck:
		// "If our FIN is now acknowledged, delete the TCB, enter the CLOSED state, and
		// return."
		c.terminate(nil)
	}
}
