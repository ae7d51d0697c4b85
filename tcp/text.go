package tcp

// Seventh, process the segment text.
func (c *Conn) processText(now instant, seg *Segment, text inWindow) Reason {
	again := c.reportOld(seg)
	// Text of the peer's SYN may have become valid with this segment's ACK.
	text.arrival = text.from(c.rcv.nxt)
	if text.n == 0 {
		c.noteFIN(text.fin, text.seq)
		return ReasonTaken
	}
	if !c.state.receivesText() {
		// RFC 9293, 3.10.7.4: "This should not occur since a FIN has been received from
		// the remote side. Ignore the segment text."
		return ReasonTextAfterFIN
	}
	if c.closed {
		// 3.6.1: "if new data is received after CLOSE is called, its TCP implementation
		// SHOULD send a RST to show that data was lost (SHLD-3)."
		c.resetPeer(now)
		c.terminate(nil)
		return ReasonTextAfterClose
	}
	if c.rcv.finSeen && c.rcv.fin.Less(text.seq.Add(text.n)) {
		c.ackNow = true
		return ReasonTextAfterFIN
	}
	c.noteText(now)
	segments := c.learnSize(seg)
	c.measureReceived(now, seg)
	r := c.acceptText(now, text, segments, again)
	c.noteFIN(text.fin, text.seq.Add(text.n))
	return r
}

// acceptText queues text and decides about its ACK; again says that part of the
// segment has arrived before, and that this is told.
//
// RFC 9293, 3.10.7.4: "When the TCP endpoint takes responsibility for delivering
// the data to the user, it must also acknowledge the receipt of the data. [...] it
// advances RCV.NXT over the data accepted, and adjusts RCV.WND as appropriate to
// the current buffer availability. The total of RCV.NXT and RCV.WND should not be
// reduced." Segments beyond a gap are kept (SHLD-31).
func (c *Conn) acceptText(now instant, text inWindow, segments int, again bool) Reason {
	gaps := len(c.in.runs) > 0 || c.rcv.finSeen
	rest, handed := c.hand(now, text.arrival)
	inOrder := rest.seq == c.in.next
	readable, twice, refused := c.in.insert(c.cfg.Chunks, rest)
	readable += handed
	c.progress = c.progress || readable > 0
	if c.counts.bytesIn += uint64(readable); readable == 0 {
		c.counts.outOfOrder += uint64(segments)
	}
	c.rcv.nxt = c.in.next
	// RFC 2883, 4.2: "If the data packet being acknowledged contains multiple partial
	// duplicate sub-segments, then only the first such duplicate sub-segment is
	// reported in the SACK option."
	report := c.sackOK && !again && twice.start != twice.end
	switch {
	case inOrder && refused == ReasonNoMemory:
		c.rcv.squeeze, c.ackNow = windowShut, true
	case readable == 0 && c.sackOK && refused == ReasonTaken && (again || report):
		c.reportBeyondGap(text.seq, 0) // with the duplicate
	case readable == 0:
		c.acknowledgeOutOfOrder(text.seq, segments, refused == ReasonTaken)
	case gaps:
		// RFC 5681, 4.2: "the receiver SHOULD send an immediate ACK when it receives a
		// data segment that fills in all or part of a gap in the sequence space."
		c.reportFilled()
	case c.rcv.squeeze != windowFree:
		c.ackNow = true // the peer has sent what it may: it waits for this
	default:
		c.acknowledgeLater(now)
	}
	if report {
		c.reportDuplicate(twice.start, twice.end)
	}
	if c.readClosed {
		c.in.discard(c.cfg.Chunks, c.in.next)
		c.readUpTo(c.in.first)
		if refused == ReasonTaken {
			return ReasonTextDiscarded
		}
	}
	return refused
}

// noteFIN remembers that the peer's FIN has the number seq, also when something
// before it is missing.
func (c *Conn) noteFIN(has bool, seq Seq) {
	if !has || seq.Less(c.rcv.nxt) {
		return
	}
	if c.rcv.finSeen {
		c.reportFIN()
		return
	}
	if n := len(c.in.runs); n > 0 && seq.Less(c.in.runs[n-1].end) {
		return // text has arrived from behind it
	}
	c.rcv.finSeen, c.rcv.fin = true, seq
	c.reportFIN()
}

// Eighth, check the FIN bit.
func (c *Conn) processFIN(now instant) {
	if !c.rcv.finSeen || c.rcv.finTaken || c.rcv.fin != c.rcv.nxt || !c.state.synchronized() {
		return
	}
	// RFC 9293, 3.10.7.4: "If the FIN bit is set, signal the user "connection closing"
	// and return any pending RECEIVEs with same message, advance RCV.NXT over the FIN,
	// and send an acknowledgment for the FIN."
	c.rcv.finTaken = true
	c.rcv.nxt = c.rcv.nxt.Add(1)
	c.rcv.edge = c.rcv.edge.Max(c.rcv.nxt)
	c.reportFilled()
	switch c.state {
	case StateEstablished:
		c.enter(StateCloseWait)
	case StateFinWait1:
		// "If our FIN has been ACKed (perhaps in this segment), then enter TIME-WAIT,
		// start the time-wait timer, turn off the other timers; otherwise, enter the
		// CLOSING state." An acknowledged FIN has led to FIN-WAIT-2 above.
		c.enter(StateClosing)
	case StateFinWait2:
		// "Enter the TIME-WAIT state. Start the time-wait timer, turn off the other
		// timers."
		c.enterTimeWait(now)
	}
}
