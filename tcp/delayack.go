package tcp

// When the arrival of text is acknowledged. The machine only notes it here: a
// batch of segments gets one ACK when it was processed whole, with text if there
// is some to send.
//
// RFC 9293, 3.10.7.4: "the processing of received segments MUST be implemented
// to aggregate ACK segments whenever possible (MUST-58). For example, if the TCP
// endpoint is processing a series of queued segments, it MUST process them all
// before sending any ACK segments (MUST-59)."

// acknowledgeLater notes that text in order has arrived.
func (c *Conn) acknowledgeLater(now instant) {
	if c.ackNow {
		return
	}
	// RFC 9293, 3.8.6.3: "An ACK SHOULD be generated for at least every second
	// full-sized segment" (SHLD-19). Full-sized is the largest that the peer has
	// sent; a super-segment is more than one of them.
	if c.rcv.nxt.Sub(c.rcv.lastACK) > int(c.rcvMSS) {
		c.ackNow = true
		return
	}
	// A peer in slow start lives on ACKs: at the start, and after a pause, none
	// waits, unless the user answers what he reads.
	if c.quick > 0 && !c.pingpong {
		c.ackNow = true
		return
	}
	// "A TCP endpoint SHOULD implement a delayed ACK (SHLD-18), but an ACK should
	// not be excessively delayed; in particular, the delay MUST be less than 0.5
	// seconds (MUST-40)."
	if c.timers[timerDelayedACK] == 0 {
		c.timers[timerDelayedACK] = now.add(c.cfg.DelayedACK)
	}
}

// acknowledgeOutOfOrder notes that segments beyond a gap have arrived, the first of
// them with the number seq, and whether there was room for them. Each gets
// an ACK of its own: the sender counts them. Those of a super-segment are as many
// as make the sender act.
//
// RFC 5681, 4.2: "the receiver SHOULD send an immediate duplicate ACK when it
// receives a data segment above a gap in the sequence space."
func (c *Conn) acknowledgeOutOfOrder(seq Seq, segments int, kept bool) {
	if c.sackOK && kept {
		c.reportBeyondGap(seq, segments)
		return
	}
	c.oweDupACKs = uint8(min(int(c.oweDupACKs)+min(segments, dupThreshold), 255))
}

// learnSize notes what the peer's full-sized segments look like, and how many a
// segment stands for.
func (c *Conn) learnSize(seg *Segment) (segments int) {
	c.rcvMSS = max(c.rcvMSS, uint16(c.sizeOf(seg)))
	return c.segmentsOf(seg)
}

// sizeOf is how much text the segments have that seg stands for.
func (c *Conn) sizeOf(seg *Segment) int {
	size := seg.SegmentSize
	if size == 0 {
		// Larger than what was advertised: it was put together on the way.
		size = min(seg.Len, int(c.advertisedMSS))
	}
	return min(size, 65535)
}

// segmentsOf is how many segments seg stands for.
func (c *Conn) segmentsOf(seg *Segment) int {
	size := c.sizeOf(seg)
	if seg.Len <= size {
		return 1
	}
	return (seg.Len + size - 1) / size
}

// noteText counts on text that arrived: it decides whether ACKs wait.
func (c *Conn) noteText(now instant) {
	if c.textTaken != 0 {
		if pause := now.since(c.textTaken); pause > c.rtt.rto(c.cfg) {
			c.startQuickACKs()
			c.receivePaused(now, pause)
		}
	}
	c.textTaken = now
}

func (c *Conn) startQuickACKs() { c.quick = uint8(min(max(c.cfg.QuickACKs, 0), 255)) }

// noteAnswer notes that text leaves: soon after some arrived, it is the answer.
func (c *Conn) noteAnswer(now instant) {
	if c.textTaken != 0 && now.since(c.textTaken) < c.cfg.DelayedACK {
		c.pingpong = true
	}
}

// acknowledged notes that a segment with ACK leaves.
func (c *Conn) acknowledged() {
	c.ackNow = false
	c.timers[timerDelayedACK] = 0
	c.rcv.lastACK = c.rcv.nxt
	if c.quick > 0 {
		c.quick--
	}
}
