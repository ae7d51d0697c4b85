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
	n, withFIN := c.maySend(now)
	if n == 0 && !withFIN {
		return false
	}
	c.override, c.timers[timerOverride] = false, 0
	if beyond := c.flight() + n - c.sendingWindow(); beyond > 0 {
		c.limitedBytes += int32(min(beyond, n))
	}
	c.emit(now, out, c.snd.at, n, withFIN)
	c.pace(now, n)
	return true
}

// maySend returns how many bytes of text, and whether FIN, may be sent from
// snd.at on in one segment or super-segment.
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

// fitCongestionWindow cuts n to what the congestion window has room for, in
// whole segments.
func (c *Conn) fitCongestionWindow(n int) int {
	room := c.sendingWindow() + c.limitedTransmit() - c.flight()
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
	// RFC 9293, 3.8.6.2.1: "(4) or if the override timeout occurs." What was sent
	// before is sent again without regard to its size.
	if c.override || c.snd.at != c.snd.nxt {
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
		c.cc.Idle(&c.window, Idleness{Now: now.since(0), For: pause, RTO: c.rto(), Restart: c.initialWindow()})
		c.textSent = 0
	}
}

// emit sends n bytes of text from seq on, and FIN.
func (c *Conn) emit(now instant, out *Segment, seq Seq, n int, withFIN bool) {
	if n > 0 {
		c.noteAnswer(now)
	}
	c.header(now, out, seq)
	out.Text, out.Len = c.out.pieces(out.Text, seq, n), n
	c.selectiveACK(out)
	if n > c.window.MSS {
		out.SegmentSize = c.window.MSS
	}
	c.noteFull(seq, n)
	c.markCapable(out, seq, n)
	c.attachToText(out, n)
	end := seq.Add(n)
	if n > 0 && end == c.out.end {
		// RFC 9293, 3.9.1.2: "MUST set the PSH bit in the last buffered segment (i.e.,
		// when there is no more queued data to be sent) (MUST-61)."
		out.Flags |= psh
	}
	if n%c.window.MSS != 0 {
		c.snd.small = c.snd.small.Max(end)
	}
	if withFIN {
		out.Flags |= fin
		end = end.Add(1)
	}
	c.sent(now, seq, end, n)
}

// sent notes that what lies between two numbers, n bytes of it text, leaves.
func (c *Conn) sent(now instant, seq, end Seq, n int) {
	again := seq != c.snd.nxt
	if again {
		// Karn's algorithm (MUST-18).
		c.rtt.abandon()
		c.resent += c.segments(min(n, c.snd.nxt.Sub(seq)))
	}
	if !c.lent {
		c.lent, c.snd.gone = true, c.snd.nxt
	}
	c.snd.at = c.snd.at.Max(end)
	c.snd.nxt = c.snd.nxt.Max(end)
	if n > 0 {
		c.textSent = now
		c.cc.Sent(&c.window, Sending{Now: now.since(0), Bytes: n, InFlight: c.flight(), Again: again})
	}
	if !again {
		c.rtt.time(end, now)
	}
	c.startRetransmit(now)
}

// segments is how many segments n bytes of text, or FIN, are sent in.
func (c *Conn) segments(n int) uint32 {
	return uint32(max(1, (n+c.window.MSS-1)/c.window.MSS))
}

// sendFirstAgain sends the segment at SND.UNA again (fast retransmit).
func (c *Conn) sendFirstAgain(now instant, out *Segment) bool {
	c.resendNow = false
	// RFC 9293, 3.8.6: "SHOULD retransmit normally the old unacknowledged data between
	// SND.UNA and SND.UNA+SND.WND (SHLD-16)."
	n := min(c.textBetween(c.snd.una, c.snd.nxt), c.window.MSS, int(c.snd.wnd))
	withFIN := c.finSent() && c.snd.una.Add(n) == c.out.end
	if n == 0 && !withFIN {
		return false
	}
	c.emit(now, out, c.snd.una, n, withFIN)
	return true
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
	c.emit(now, out, c.snd.una, n, withFIN)
	return true
}

// waitToSend arms the timer for what cannot be sent now and has no ACK to wait
// for.
func (c *Conn) waitToSend(now instant) {
	if !c.state.synchronized() || c.unsent() <= 0 && !c.finUnsent() || c.synPending() {
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
