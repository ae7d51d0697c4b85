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
	case c.snd.wnd == 0:
		// RFC 9293, 3.8.6: "If the window shrinks to zero, the TCP implementation MUST
		// probe it in the standard way (described below) (MUST-35)." 3.8.6.1: "SHOULD
		// increase exponentially the interval between successive probes (SHLD-30)."
		c.probeNow = true
	case !c.outstanding():
	case c.flight()+int(c.tx.dupBytes) == 0 && !c.reneged():
		// Nothing of it is in the network: the link had no room. What duplicate ACKs tell
		// of may be what the network has duplicated.
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

// reneged says that the peer has dropped what he said he had: he acknowledges
// nothing, although he has the first byte that is not acknowledged.
//
// RFC 2018, 5: "After a retransmit timeout the data sender SHOULD turn off all of the
// SACKed bits, since the timeout might indicate that the data receiver has reneged."
// RFC 6675, 5.1: "as long as robust tests for reneging are present, an implementation
// can retain and use SACK information across a timeout event".
func (c *Conn) reneged() bool {
	b := &c.tx.board
	return b.len() > 0 && b.at(0).flags.has(sentSacked)
}

// flightLost is what a timeout says of the flight, and what congestion control does
// about it.
func (c *Conn) flightLost(now instant, flight int) {
	tx := c.tx
	// RFC 5682, 3.1, step 1: "If "RecoveryPoint" is larger than or equal to SND.UNA, do
	// not enter step 2 of this algorithm."
	forward := c.sackOK && (c.recovery == recoveryNone || c.retransmits > 0)
	if c.recovery == recoveryFast {
		// A timeout is undone by itself: that it came too early says nothing of the loss
		// before it.
		tx.undo.possible = false
	}
	c.beginUndo()
	c.markLostAtTimeout(now)
	c.recovery = recoveryTimeout
	tx.tail.out, c.tailNow = false, false
	c.timers[timerProbe], c.timers[timerReorder] = 0, 0
	tx.dupBytes, c.dupACKs, c.partial = 0, 0, false
	// RFC 6582, 3.2: "After a retransmit timeout, record the highest sequence number
	// transmitted in the variable recover, and exit the fast recovery procedure if
	// applicable."
	c.snd.recover, c.snd.limited = c.snd.nxt, c.snd.nxt
	c.cc.Lost(&c.window, Loss{Now: now.since(0), Flight: c.flightSize(flight), InFlight: c.flight(), Timeout: true, Again: c.retransmits > 0})
	tx.reducedAt, tx.againLost = now, false
	c.windowReduced()
	tx.undo.forward = forwardOff
	if forward {
		tx.undo.forward = forwardWait
	}
	c.resendNow = true
}

// markLostAtTimeout marks what a timeout says is lost: without selective
// acknowledgments all.
//
// RFC 8985, 6.3: "RACK marks the first outstanding segment as lost (since it was sent
// an RTO ago); for all the other segments, RACK only marks the segment as lost if the
// time elapsed since the segment was transmitted is at least the sum of the recent RTT
// and the reordering window."
func (c *Conn) markLostAtTimeout(now instant) {
	b := &c.tx.board
	if !c.sackOK || c.reneged() {
		b.markAllLost(true)
		c.traceLost(now, c.snd.una, c.snd.nxt, LossTimeout)
		return
	}
	wait := c.tx.rack.rtt + c.reorderingWindow()
	if !b.at(0).flags.has(sentLost) && b.size(0) > c.window.MSS && b.at(0).at.add(wait) > now {
		b.split(0, b.base.Add(c.window.MSS))
	}
	for i := range b.len() {
		if s := b.at(i); !s.flags.has(sentSacked|sentLost) && (i == 0 || s.at.add(wait) <= now) {
			c.segmentLost(now, i, LossTimeout)
		}
	}
}
