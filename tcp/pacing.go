package tcp

import "time"

// Pacing makes up for time in which nothing left, by a burst: for the delay of the
// timer as far as paceCredit, since a clock that ticks coarsely would otherwise slow
// the sender down; for other time, in which the window or the user was what kept it
// from sending, only as far as paceBurst. What gathers in a pause would else leave
// at once, and the rate would mean nothing on paths with a short round trip.
const (
	paceCredit = 16 * millisecond
	paceBurst  = millisecond
)

// pacer is what pacing keeps.
type pacer struct {
	until instant // when the next text may leave
	fired instant // when the timer for that ran out last
}

// paced says that the congestion control's pacing rate forbids sending now; the
// timer then is set for when it allows it.
func (c *Conn) paced(now instant) bool {
	if c.window.PacingRate <= 0 || c.tx == nil || c.tx.pace.until <= now {
		return false
	}
	c.timers[timerPace] = c.tx.pace.until
	return true
}

// pace notes that n bytes of text leave.
func (c *Conn) pace(now instant, n int) {
	rate := c.window.PacingRate
	if rate <= 0 {
		return
	}
	p, credit := &c.tx.pace, paceBurst
	if c.timers[timerPace] != 0 || p.fired == now {
		credit = paceCredit
	}
	d := instant(float64(n) / float64(rate) * float64(time.Second))
	p.until = max(p.until, now-credit) + d
}
