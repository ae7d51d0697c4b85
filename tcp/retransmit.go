package tcp

import "time"

// maxBackoff bounds the doublings: with them any RTO is beyond Config.MaxRTO.
const maxBackoff = 20

// rto is the retransmission timeout, with back-off.
func (c *Conn) rto() time.Duration {
	d := c.rtt.rto(c.cfg)
	// RFC 6298, 5.7: "If the timer expires awaiting the ACK of a SYN segment and the
	// TCP implementation is using an RTO less than 3 seconds, the RTO MUST be
	// re-initialized to 3 seconds when data transmission begins".
	if c.synResent && c.rtt.srtt == 0 && !c.synPending() {
		d = max(d, 3*time.Second)
	}
	// 5.5: "The host MUST set RTO <- RTO * 2 ("back off the timer"). The maximum value
	// discussed in (2.5) above may be used to provide an upper bound".
	for range c.backoff {
		if d *= 2; d >= c.cfg.MaxRTO {
			return c.cfg.MaxRTO
		}
	}
	return d
}

// armRetransmit starts the retransmission timer afresh.
func (c *Conn) armRetransmit(now instant) { c.timers[timerRetransmit] = now.add(c.rto()) }

// startRetransmit starts the timers when something was sent and they do not run.
//
// RFC 6298, 5.1: "Every time a packet containing data is sent (including a
// retransmission), if the timer is not running, start it running".
func (c *Conn) startRetransmit(now instant) {
	if c.timers[timerRetransmit] == 0 {
		c.armRetransmit(now)
	}
	if c.timers[timerGiveUp] == 0 {
		c.armGiveUp(now)
	}
}

// retransmissionTimeout is RFC 9293, 3.10.8: "if the retransmission timeout
// expires on a segment in the retransmission queue, send the segment at the front
// of the retransmission queue again, reinitialize the retransmission timer, and
// return."
func (c *Conn) retransmissionTimeout(now instant) {
	switch {
	case c.synPending():
		c.synNow, c.synResent = true, true
		c.snd.at = c.snd.iss.Add(1)
	case c.snd.wnd == 0:
		// RFC 9293, 3.8.6: "If the window shrinks to zero, the TCP implementation MUST
		// probe it in the standard way (described below) (MUST-35)." 3.8.6.1: "SHOULD
		// increase exponentially the interval between successive probes (SHLD-30)."
		c.probeNow = true
	case c.flight() == 0:
		// Nothing of it is in the network: the link had no room.
	default:
		flight := c.flight()
		c.pathTimeout(now)
		c.flightLost(now, flight)
	}
	c.rtt.abandon()
	c.retransmits = min(c.retransmits+1, 254)
	c.backoff = min(c.backoff+1, maxBackoff)
	c.armRetransmit(now)
}

// flightLost takes all that is in the network for lost: it is sent again from its
// front, as the congestion window allows.
func (c *Conn) flightLost(now instant, flight int) {
	c.traceLost(now, c.snd.una, c.snd.at, LossTimeout)
	c.cc.Lost(&c.window, Loss{Now: now.since(0), Flight: flight, Timeout: true, Again: c.retransmits > 0})
	c.windowReduced()
	// RFC 6582, 3.2: "After a retransmit timeout, record the highest sequence number
	// transmitted in the variable recover, and exit the fast recovery procedure if
	// applicable."
	c.leaveRecovery()
	c.limitedBytes = 0
	c.snd.recover, c.snd.limited = c.snd.nxt, c.snd.nxt
	c.snd.at = c.snd.una
}
