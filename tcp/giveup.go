package tcp

import "time"

// When to give up: R1, R2 and the user timeout.
//
// RFC 9293, 3.8.3: "There are two thresholds R1 and R2 measuring the amount of
// retransmission that has occurred for the same segment. R1 and R2 might be
// measured in time units or as a count of retransmissions" (MUST-20). R1 is a
// count here, R2 a time.

// patience is how long an answer is waited for.
func (c *Conn) patience() time.Duration {
	// "An application MUST (MUST-21) be able to set the value for R2 for a particular
	// connection." RFC 5482 calls it the user timeout.
	if c.userTimeout > 0 {
		return c.userTimeout
	}
	if c.synPending() {
		return c.cfg.SynR2
	}
	return c.cfg.R2
}

// armGiveUp lets the connection end when nothing is heard from now on.
func (c *Conn) armGiveUp(now instant) { c.timers[timerGiveUp] = now.add(c.patience()) }

// minRetransmits is how often text is sent again before R2 counts. It is not R1,
// which may be set to more than there is time for.
const minRetransmits = 3

// giveUp is RFC 9293, 3.10.8: "if the user timeout expires, flush all queues,
// signal the user "error: connection aborted due to user timeout" in general and
// for any outstanding calls, delete the TCB, enter the CLOSED state, and return."
func (c *Conn) giveUp(now instant) {
	if c.userTimeout == 0 && c.retransmits < minRetransmits && c.timers[timerRetransmit] != 0 {
		// The clock has jumped over all retransmissions: they come first.
		c.timers[timerGiveUp] = c.timers[timerRetransmit].add(c.rto())
		return
	}
	c.giveUpOn(ErrTimeout)
}

// NegativeAdvice says that R1 is reached: the route to the peer should be looked
// at again, and the user may be told (SHLD-9).
//
// RFC 9293, 3.8.3: "When the number of transmissions of the same segment reaches
// or exceeds threshold R1, pass negative advice [...] to the IP layer, to trigger
// dead-gateway diagnosis. [...] The value of R1 SHOULD correspond to at least 3
// retransmissions, at the current RTO (SHLD-10)."
func (c *Conn) NegativeAdvice() bool { return int(c.retransmits) >= c.cfg.R1 }

// SetUserTimeout sets how long sent text may remain without an answer before the
// connection ends (RFC 5482); 0 means Config.R2.
func (c *Conn) SetUserTimeout(t time.Time, d time.Duration) {
	since := c.timers[timerGiveUp] - instant(c.patience())
	c.userTimeout = max(d, 0)
	if c.timers[timerGiveUp] != 0 {
		c.timers[timerGiveUp] = since.add(c.patience())
	}
}
