package tcp

import "time"

// Keepalives: RFC 9293, 3.8.4 (MAY-5).

// SetKeepAlive switches keepalives on, or off when k is nil, k.Off, or k.Idle 0 (MUST-24).
// Many connections may share k, which must not change any more: an idle one would
// otherwise pay 32 bytes for it.
func (c *Conn) SetKeepAlive(t time.Time, k *KeepAlive) {
	if k == nil {
		k = &noKeepAlive
	}
	if k.Idle > 0 && (k.Interval == 0 || k.Count == 0) {
		full := k.withDefaults()
		k = &full
	}
	c.keep = k
	c.probes, c.timers[timerKeepAlive] = 0, 0
	if c.state.synchronized() {
		c.armKeepAlive(c.at(t))
	}
}

var noKeepAlive KeepAlive

// KeepAlive returns what SetKeepAlive or Config has set. It must not be changed.
func (c *Conn) KeepAlive() *KeepAlive { return c.keep }

// armKeepAlive waits for silence. The timer is not moved when something arrives:
// when it goes off, it looks at how long the silence has been.
func (c *Conn) armKeepAlive(now instant) {
	if c.keep.on() && c.state != StateTimeWait {
		c.timers[timerKeepAlive] = now.add(c.keep.Idle)
	}
}

func (c *Conn) keepAliveTimeout(now instant) {
	if !c.state.synchronized() || !c.keep.on() {
		return
	}
	// RFC 9293, 3.8.4: "Keep-alive packets MUST only be sent when no sent data is
	// outstanding, and no data or acknowledgment packets have been received for the
	// connection within an interval (MUST-26)."
	if c.outstanding() || c.unsent() > 0 {
		c.armKeepAlive(now)
		return
	}
	if due := c.heard.add(c.keep.Idle); c.probes == 0 && now < due {
		c.timers[timerKeepAlive] = due
		return
	}
	// "it MUST NOT interpret failure to respond to any specific probe as a dead
	// connection (MUST-29)."
	if int(c.probes) >= min(c.keep.Count, 255) {
		c.giveUpOn(ErrTimeout)
		return
	}
	c.probes++
	c.aliveNow = true
	c.timers[timerKeepAlive] = now.add(c.keep.Interval)
}

// sendKeepAlive sends a segment that the peer must answer.
//
// RFC 9293, 3.8.4: "Such a segment generally contains SEG.SEQ = SND.NXT-1 [...] An
// implementation SHOULD send a keep-alive segment with no data (SHLD-12)".
func (c *Conn) sendKeepAlive(now instant, out *Segment) {
	c.aliveNow = false
	c.header(now, out, c.snd.nxt.Add(-1))
}
