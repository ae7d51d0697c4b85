package tcp

import "time"

// When text is sent, and how much of it: the congestion window, the peer's
// window, silly-window avoidance (RFC 9293, 3.8.6.2.1), Nagle's algorithm (3.7.4)
// and the cork.

// sendText sends the next text or FIN, new or again, when it may.
func (c *Conn) sendText(now instant, out *Segment) bool {
	if sent, wait := c.sendPathProbe(now, out); sent || wait {
		return sent
	}
	if c.lostBytes() > 0 && c.tx.undo.forward != forwardNew {
		return c.sendLostWhenMay(now, out)
	}
	n, withFIN := c.maySend(now)
	if n == 0 && !withFIN {
		if c.lostBytes() > 0 && c.flight() == 0 {
			c.tx.undo.forward = forwardOff // no ACK will come that could decide
			return c.sendLostWhenMay(now, out)
		}
		return false
	}
	c.override, c.timers[timerOverride] = false, 0
	c.emitNew(now, out, n, withFIN)
	c.pace(now, n)
	return true
}

// sendLostWhenMay sends the first lost text again, when it may.
func (c *Conn) sendLostWhenMay(now instant, out *Segment) bool {
	i, n := c.maySendAgain(now)
	return n > 0 && c.sendLost(now, out, i, n)
}

// maySend returns how many bytes of new text, and whether FIN, may be sent in one
// segment or super-segment.
func (c *Conn) maySend(now instant) (n int, withFIN bool) {
	unsent, finUnsent := c.unsent(), c.finUnsent()
	if unsent <= 0 && !finUnsent || !c.state.synchronized() {
		return 0, false
	}
	if c.synPending() {
		// FIN-WAIT-1 entered from SYN-RECEIVED (RFC 9293, 3.10.4).
		return 0, unsent == 0
	}
	usable := c.usable()
	if unsent <= 0 {
		return 0, usable > 0
	}
	if c.paced(now) || c.heldByMarks(now) {
		return 0, false
	}
	c.restartAfterIdle(now)
	n = min(unsent, usable, c.segmentLimit())
	if n <= 0 {
		return 0, false
	}
	if n = c.fitCongestionWindow(n); n == 0 {
		return 0, false
	}
	mss := c.window.MSS
	if n < mss {
		if !c.mayBeShort(n, unsent) {
			return 0, false
		}
	} else if rest := n % mss; rest > 0 && !(n == unsent && c.mayBeShort(n, unsent)) {
		n -= rest
	}
	return n, finUnsent && n == unsent && usable > n
}

// maySendAgain returns the first record that is marked lost, and how many of its
// numbers may be sent again in one segment or super-segment.
func (c *Conn) maySendAgain(now instant) (i, n int) {
	if c.paced(now) {
		return 0, 0
	}
	i, n = c.firstLostRecord()
	text := c.textBetween(c.tx.board.start(i), c.tx.board.start(i).Add(n))
	if c.fitCongestionWindow(text) == text {
		return i, n
	}
	return i, c.fitCongestionWindow(text)
}

// firstLostRecord returns the first record that is marked lost, and how many of its
// numbers fit a segment, or super-segment, and the peer's window.
//
// RFC 9293, 3.8.6: "SHOULD retransmit normally the old unacknowledged data between
// SND.UNA and SND.UNA+SND.WND (SHLD-16)."
func (c *Conn) firstLostRecord() (i, n int) {
	b := &c.tx.board
	i = b.firstLost()
	limit := max(0, min(c.usableFrom(b.start(i)), c.segmentLimit()))
	for i+1 < b.len() && b.at(i+1).flags.has(sentLost) && b.size(i) < limit {
		b.join(i)
	}
	n = b.size(i)
	if n == limit+1 && c.finSent() && b.at(i).end == c.snd.nxt && c.usableFrom(b.start(i)) >= n {
		return i, n // FIN takes no room in a segment
	}
	return i, min(n, limit)
}

// fillLost adds to the last record, which is lost and short, what was never sent:
// after the probe of a closed window, that is all that follows its byte.
func (c *Conn) fillLost(i int) {
	size := c.tx.board.size(i)
	room := min(c.window.MSS, c.sendingWindow()-c.flight(), c.usableFrom(c.tx.board.start(i)))
	n := max(0, min(c.unsent(), room-size))
	if c.finUnsent() && n == c.unsent() && c.usable() > n {
		n++
	}
	c.noteGone()
	c.snd.nxt = c.snd.nxt.Add(n)
	c.tx.board.extend(i, n)
}

// sendLost sends the first n numbers of record i again.
func (c *Conn) sendLost(now instant, out *Segment, i, n int) bool {
	b := &c.tx.board
	if n < b.size(i) {
		b.split(i, b.start(i).Add(n))
	} else if i == b.len()-1 && n < c.window.MSS {
		c.fillLost(i)
	}
	c.emitAgain(now, out, i)
	c.pace(now, out.Len)
	return true
}

// sendFirstLost sends the first lost segment again, however much is in the network.
//
// RFC 9937, 4: "Forcing a fast retransmit is important to maintain the ACK clock and
// avoid potential retransmission timeout (RTO) events."
func (c *Conn) sendFirstLost(now instant, out *Segment) bool {
	c.resendNow = false
	if c.lostBytes() == 0 {
		return false
	}
	i, n := c.firstLostRecord()
	if n > c.window.MSS+1 || n == c.window.MSS+1 && !c.finSent() {
		n = c.window.MSS
	}
	if n == 0 {
		return false
	}
	return c.sendLost(now, out, i, n)
}

// fitCongestionWindow cuts n to what the congestion window has room for, in
// whole segments.
func (c *Conn) fitCongestionWindow(n int) int {
	room := c.sendingWindow() - c.flight()
	if n <= room {
		return n
	}
	// The window, not the user, is what stops us: it may grow.
	c.snd.limited = c.snd.nxt
	return max(0, room/c.window.MSS*c.window.MSS)
}

// segmentLimit is the largest text of a super-segment: of one segment when the
// link takes no others, or when the urgent pointer is set, or CWR, which differ from
// segment to segment.
func (c *Conn) segmentLimit() int {
	mss, limit := c.window.MSS, int(c.maxSegment)
	if c.urgentOut || c.mayNotRepeat() {
		return mss
	}
	if rate := c.window.PacingRate; rate > 0 {
		limit = min(limit, max(rate/1000, 2*mss))
	}
	return max(mss, limit/mss*mss)
}

// mayBeShort says that a segment of n bytes, which is less than full or ends in
// one that is, may be sent while so much is unsent.
func (c *Conn) mayBeShort(n, unsent int) bool {
	// RFC 9293, 3.8.6.2.1: "(4) or if the override timeout occurs."
	if c.override {
		return true
	}
	if n < unsent {
		// "(3) or if at least a fraction Fs of the maximum window can be sent, i.e., if:
		// [SND.NXT = SND.UNA and] min(D,U) >= Fs * Max(SND.WND) [...] Here Fs is a
		// fraction whose recommended value is 1/2." (MUST-38)
		return (c.noDelay || c.flight() == 0) && n >= int(c.snd.maxWnd/2)
	}
	// "(2) or if the data is pushed and all queued data can be sent now": each write
	// is pushed, and so is what comes before FIN ("Close also implies push function",
	// 3.9.1.4).
	switch {
	case c.finQueued || c.urgentOut:
		return true
	case c.corked:
		return false
	case c.noDelay:
		return true // MUST-17
	}
	// Nagle's algorithm (SHLD-7) as modified in A.3: what is short waits for the
	// acknowledgment of what is short, not for that of full segments.
	return c.snd.small.LessEq(c.snd.una)
}

// restartAfterIdle lets congestion control see a pause.
//
// RFC 5681, 4.1: "a TCP SHOULD set cwnd to no more than RW before beginning
// transmission if the TCP has not sent data in an interval exceeding the
// retransmission timeout."
func (c *Conn) restartAfterIdle(now instant) {
	if c.textSent == 0 || c.outstanding() {
		return
	}
	if pause := now.since(c.textSent); pause > c.rto() {
		c.cc.Idle(&c.window, Idleness{Now: now.since(0), For: pause, RTO: c.rto(), SmoothedRTT: c.rtt.srtt, Restart: c.initialWindow()})
		c.textSent = 0
	}
}

// emitNew sends the next n bytes of text, and FIN.
func (c *Conn) emitNew(now instant, out *Segment, n int, withFIN bool) {
	end := c.emit(now, out, c.snd.nxt, n, withFIN)
	c.noteFull(c.snd.nxt, n)
	if n%c.window.MSS != 0 {
		c.snd.small = c.snd.small.Max(out.Seq.Add(n))
	}
	c.sent(now, end, n)
}

// emitAgain sends record i, which is marked lost, again.
func (c *Conn) emitAgain(now instant, out *Segment, i int) {
	b := &c.tx.board
	start, end := b.start(i), b.at(i).end
	n := c.textBetween(start, end)
	c.emit(now, out, start, n, n < end.Sub(start))
	c.noteFull(start, n)
	c.sentAgain(now, i, n)
}

// emit makes a segment of n bytes of text from seq on, and FIN, and returns the
// number behind it.
func (c *Conn) emit(now instant, out *Segment, seq Seq, n int, withFIN bool) Seq {
	if n > 0 {
		c.noteAnswer(now)
	}
	c.header(now, out, seq)
	out.Text, out.Len = c.out.pieces(out.Text, seq, n), n
	c.selectiveACK(out)
	if n > c.window.MSS {
		out.SegmentSize = c.window.MSS
	}
	c.markCapable(out, seq, n)
	c.attachToText(out, n)
	end := seq.Add(n)
	if n > 0 && end == c.out.end {
		// RFC 9293, 3.9.1.2: "MUST set the PSH bit in the last buffered segment (i.e.,
		// when there is no more queued data to be sent) (MUST-61)."
		out.Flags |= psh
	}
	if withFIN {
		out.Flags |= fin
		end = end.Add(1)
	}
	return end
}

// sendProbe sends one byte, or FIN, into a window that is closed.
//
// RFC 9293, 3.8.6.1: "The sending TCP peer must regularly transmit at least one
// octet of new data (if available), or retransmit to the receiving TCP peer even
// if the send window is zero, in order to "probe" the window." (MUST-36)
func (c *Conn) sendProbe(now instant, out *Segment) bool {
	c.probeNow = false
	if c.snd.wnd > 0 {
		return false // it has opened since the link gave the probe back
	}
	n := min(1, c.out.len())
	withFIN := n == 0 && c.finQueued && !c.finAcknowledged()
	if n == 0 && !withFIN {
		return false
	}
	c.probed = true
	if c.snd.una == c.snd.nxt {
		c.emitNew(now, out, n, withFIN)
		return true
	}
	c.noteGone()
	c.emit(now, out, c.snd.una, n, withFIN)
	r := c.tx.board.at(0)
	r.flags, r.at = r.flags|sentAgain, now // Karn's algorithm (MUST-18)
	c.resent++
	c.startRetransmit(now)
	return true
}

// waitToSend arms the timer for what cannot be sent now and has no ACK to wait
// for.
func (c *Conn) waitToSend(now instant) {
	if !c.state.synchronized() || c.unsent() <= 0 && !c.finUnsent() && c.lostBytes() == 0 || c.synPending() {
		c.override, c.timers[timerOverride] = false, 0
		return
	}
	switch {
	case !c.outstanding() && c.usable() <= 0:
		// RFC 9293, 3.8.6.1: "The transmitting host SHOULD send the first zero-window
		// probe when a zero window has existed for the retransmission timeout period
		// (SHLD-29)". Until then no answer is owed.
		if c.timers[timerRetransmit] == 0 {
			c.armRetransmit(now)
		}
	case c.timers[timerPace] != 0 || c.timers[timerOverride] != 0:
	case !c.outstanding() || c.corked && c.usable() > 0:
		// 3.8.6.2.1: "it is necessary to have a timeout to force transmission of data,
		// overriding the SWS avoidance algorithm." The cork has the same (MUST-60).
		c.timers[timerOverride] = now.add(c.cfg.Override)
	}
}

// SetNoDelay switches Nagle's algorithm off (MUST-17), or on. Next then has what
// waited for it.
func (c *Conn) SetNoDelay(_ time.Time, on bool) { c.noDelay = on }

// SetCork holds back segments that are not full, for Config.Override at most,
// until it is switched off.
func (c *Conn) SetCork(_ time.Time, on bool) { c.corked = on }
