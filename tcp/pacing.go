package tcp

import "time"

// paceCredit is how much of a delay of the timer is made up for: a clock that
// ticks coarsely would otherwise slow the sender down.
const paceCredit = 16 * millisecond

// paced says that the congestion control's pacing rate forbids sending now; the
// timer then is set for when it allows it.
func (c *Conn) paced(now instant) bool {
	if c.window.PacingRate <= 0 || c.pacedUntil <= now {
		return false
	}
	c.timers[timerPace] = c.pacedUntil
	return true
}

// pace notes that n bytes of text leave.
func (c *Conn) pace(now instant, n int) {
	if rate := c.window.PacingRate; rate > 0 {
		d := instant(float64(n) / float64(rate) * float64(time.Second))
		c.pacedUntil = max(c.pacedUntil, now-paceCredit) + d
	}
}
