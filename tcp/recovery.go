package tcp

// What an ACK means for recovery: when it begins, how it goes on, and when it is
// over. Which segments are lost is told by time where the peer acknowledges
// selectively (rack.go), and otherwise by duplicate ACKs, as NewReno has it (RFC
// 5681, 3.2, and RFC 6582).

// dupThreshold is how many duplicate ACKs say that a segment was lost, and how many
// segments beyond a gap (RFC 6675 and RFC 8985: DupThresh).
const dupThreshold = 3

// sendingWindow is how many bytes may be in the network.
func (c *Conn) sendingWindow() int {
	n := c.window.Bytes
	if c.prrLeads() {
		n = int(c.tx.prr.window)
	}
	return max(n, c.window.MSS)
}

// prrLeads says that the window is led to the slow start threshold. It is not when
// all that was lost was a probe of the path.
func (c *Conn) prrLeads() bool {
	return (c.recovery == recoveryFast || c.recovery == recoveryReduce) && !c.window.Own && !c.path.spared
}

// afterACK goes on with recovery and congestion control when it is known what an
// ACK says.
func (c *Conn) afterACK(now instant, ev *ackEvent) {
	c.tx.rack.duplicate(c.snd.una, c.snd.nxt, ev.dsack)
	if c.cc == nil {
		return
	}
	if why := c.inVain(ev); why != 0 {
		c.undoRecovery(now, why)
	}
	if c.recovery == recoveryTimeout && (ev.advanced || ev.delivered > 0) {
		c.forward(ev)
	}
	if c.sackOK {
		c.detectLosses(now)
	} else {
		c.countDuplicates(now, ev)
	}
	c.tailProbeAnswered(now, ev)
	c.endRecovery(now)
	ev.lost = c.tx.newlyLost > 0
	c.reactToLosses(now, ev.before)
	if ev.delivered == 0 {
		return
	}
	if c.prrLeads() {
		c.tx.prr.acknowledged(ev.delivered, c.flight(), c.window.SlowStartThreshold, c.window.MSS, ev.advanced && !ev.lost)
	}
	c.tellAcknowledged(now, ev)
}

// tellAcknowledged lets congestion control see an ACK.
func (c *Conn) tellAcknowledged(now instant, ev *ackEvent) {
	tx := c.tx
	lost := tx.newlyLost
	tx.newlyLost = 0
	c.cc.Acknowledged(&c.window, Acknowledgment{
		Now: now.since(0), Bytes: ev.bytes, Delivered: ev.delivered, Lost: int(lost),
		Before: ev.before, InFlight: c.flight(), RTT: ev.last, SmoothedRTT: c.rtt.srtt,
		Limited: c.snd.prevUna.Less(c.snd.limited), Congested: c.ecn.told, Marked: c.takeMarked(),
		Recovering: c.recovery != recoveryNone, InTimeout: c.recovery == recoveryTimeout,
		Total: tx.rate.total, Rate: tx.rate.sample(&ev.newest, c.rtt.least.get()),
	})
}

// reactToLosses begins a recovery when something was found to be lost that
// congestion control has not been told of; flight is what was in the network
// before.
func (c *Conn) reactToLosses(now instant, flight int) {
	tx := c.tx
	if tx.newlyLost == 0 || tx.board.lost == 0 {
		return
	}
	switch c.recovery {
	case recoveryNone, recoveryReduce:
		c.enterRecovery(now, flight)
	case recoveryFast:
		c.alsoLost(now, flight)
		// RFC 5681, 4.3: "Loss in two successive windows of data, or the loss of a
		// retransmission, should be taken as two indications of congestion".
		if tx.againLost {
			c.reduceForLoss(now, flight, flight)
			c.resendNow = true // as at the start of each episode of PRR
		}
	}
	tx.againLost = false
}

// enterRecovery begins fast recovery.
func (c *Conn) enterRecovery(now instant, flight int) {
	tx := c.tx
	reduced, held := c.reducedByMarks(), c.heldBack(now, flight)
	c.beginUndo()
	c.recovery = recoveryFast
	c.snd.recover = c.snd.nxt
	// RFC 8985, 7.1: "Reset TLP.is_retrans and TLP.end_seq when initiating a connection,
	// fast recovery, or RTO recovery."
	tx.tail.out = false
	c.timers[timerProbe] = 0
	c.partial = false
	// RFC 5681, 3.2: "The lost segment starting at SND.UNA MUST be retransmitted"
	c.resendNow = true
	switch {
	case c.onlyProbeLost():
	case reduced:
		c.beginPRR(flight)
	default:
		c.reduceForLoss(now, flight, c.flightSize(flight))
		tx.prr.held = int32(held)
	}
}

// reduceForLoss lets congestion control answer to a loss, and leads the window to
// where that puts the slow start threshold. before is what was in the network until
// now, and flight what is to be reckoned with.
func (c *Conn) reduceForLoss(now instant, before, flight int) {
	c.tx.reducedAt, c.tx.againLost = now, false
	c.beginPRR(before)
	c.windowReduced()
	c.cc.Lost(&c.window, Loss{Now: now.since(0), Flight: flight, InFlight: c.flight()})
}

// flightSize is RFC 5681's FlightSize, given what was in the network before an ACK:
// with what has arrived beyond gaps, and without what was sent on account of it.
//
// RFC 5681, 3.2: "additional data sent in limited transmit MUST NOT be included in
// this calculation."
func (c *Conn) flightSize(before int) int {
	return max(before, min(c.snd.nxt.Sub(c.snd.una), c.window.Bytes))
}

// leadDown leads the window to the slow start threshold within a round trip, when
// congestion control has set it for marks; flight is what was in the network then.
//
// RFC 9937, 4: "This can be done by using some parts of the loss recovery state
// machine (in particular, the RecoveryPoint from [RFC6675]) to invoke the PRR ACK
// processing for exactly one round trip worth of ACKs."
func (c *Conn) leadDown(flight int) {
	if c.recovery == recoveryNone && c.outstanding() && !c.window.Own {
		c.beginPRR(flight)
		c.recovery, c.snd.recover = recoveryReduce, c.snd.nxt
	}
}

// beginPRR starts an episode of PRR; flight is what was in the network before the
// ACK.
//
// RFC 9937, 6.1: "RecoverFS = SND.NXT - SND.UNA [...] RecoverFS -= (bytes SACKed in
// scoreboard) [...] RecoverFS += (bytes newly SACKed) [...] RecoverFS += (bytes newly
// cumulatively acknowledged)"
func (c *Conn) beginPRR(flight int) {
	c.tx.prr.begin(max(flight, c.flight()+c.lostBytes()), c.flight())
}

// heldBack is how many bytes pacing alone keeps from being sent, out of a recovery, with
// so many in the network.
func (c *Conn) heldBack(now instant, flight int) int {
	if c.recovery != recoveryNone || c.tx.pace.until <= now {
		return 0
	}
	return max(0, min(c.unsent(), c.window.Bytes-flight, c.usableFrom(c.snd.nxt)))
}

// endRecovery ends a recovery when all that was in the network at its start has
// arrived.
func (c *Conn) endRecovery(now instant) {
	if c.recovery == recoveryNone || c.snd.una.Less(c.snd.recover) {
		return
	}
	was := c.recovery
	if was == recoveryFast && c.prrLeads() {
		// RFC 9937, 6.4: "cwnd = ssthresh"
		c.window.Bytes = c.window.SlowStartThreshold
	}
	c.leaveRecovery()
	if was != recoveryReduce {
		c.tx.rack.recovered()
		c.cc.Recovered(&c.window, Recovery{Now: now.since(0), InFlight: c.flight(), Timeout: was == recoveryTimeout})
	}
}

func (c *Conn) leaveRecovery() {
	c.recovery, c.partial, c.resendNow = recoveryNone, false, false
	if c.tx != nil {
		c.tx.dupBytes = 0
	}
	c.dupACKs = 0
}

// restartsTimer says that an ACK of new text starts the retransmission timer afresh.
// Without selective acknowledgments only the first of a recovery does.
//
// RFC 6582, 3.2: "For the first partial ACK that arrives during fast recovery, also
// reset the retransmit timer."
func (c *Conn) restartsTimer() bool {
	restarts := c.sackOK || c.recovery != recoveryFast || !c.partial
	c.partial = c.recovery == recoveryFast
	return restarts
}

// countDuplicates finds losses without selective acknowledgments.
func (c *Conn) countDuplicates(now instant, ev *ackEvent) {
	tx, mss := c.tx, c.window.MSS
	switch {
	case ev.advanced:
		// RFC 9937, 6.2: "When SND.UNA advances (i.e., a full or partial ACK),
		// DeliveredData is the change in SND.UNA, minus 1 SMSS for each preceding duplicate
		// ACK."
		before := min(int(tx.dupBytes), ev.delivered)
		ev.delivered -= before
		tx.dupBytes -= int32(before)
		c.dupACKs = 0
		if c.recovery != recoveryFast {
			tx.dupBytes = 0
		} else if c.snd.una.Less(c.snd.recover) {
			// RFC 6582, 3.2: "Partial acknowledgments: [...] retransmit the first
			// unacknowledged segment."
			c.firstLost(now, LossPartialACK)
			c.resendNow = true
		}
	case ev.duplicate && c.recovery != recoveryTimeout:
		c.dupACKs = min(c.dupACKs+1, 255-1)
		// RFC 9937, 6.2: "DeliveredData is estimated to be 1 SMSS on each received
		// duplicate ACK [...]. As a mitigation, if not using SACK, then PRR disallows
		// incrementing DeliveredData when the total bytes delivered in a PRR episode would
		// exceed the estimated data outstanding upon entering recovery (RecoverFS)."
		if room := c.flight(); c.recovery != recoveryFast || int(tx.prr.delivered) < int(tx.prr.flight) {
			n := min(mss, room)
			tx.dupBytes += int32(n)
			ev.delivered += n
		}
		if c.recovery == recoveryNone && c.dupACKs == dupThreshold && c.mayRecover() {
			c.firstLost(now, LossDuplicateACKs)
		}
	}
}

// firstLost marks the first segment in the network lost, unless it waits to be sent
// again already.
func (c *Conn) firstLost(now instant, why LossCause) {
	b := &c.tx.board
	if b.len() == 0 || b.at(0).flags.has(sentLost) {
		return
	}
	if b.size(0) > c.window.MSS {
		b.split(0, b.base.Add(c.window.MSS))
	}
	c.segmentLost(now, 0, why)
}

// mayRecover says that three duplicate ACKs mean a loss that was not reacted to
// yet.
func (c *Conn) mayRecover() bool {
	// RFC 6582, 3.2: "When the third duplicate ACK is received, the TCP sender first
	// checks the value of recover to see if the Cumulative Acknowledgment field
	// covers more than recover."
	if c.snd.recover.Less(c.snd.una) {
		return true
	}
	// 4.1: "If the Cumulative Acknowledgment field didn't cover more than recover,
	// check to see if the congestion window is greater than SMSS bytes and the
	// difference between highest_ack and prev_highest_ack is at most 4*SMSS bytes. If
	// true, duplicate ACKs indicate a lost segment (enter fast retransmit).
	// Otherwise, duplicate ACKs likely result from unnecessary retransmissions".
	return c.window.Bytes > c.window.MSS && c.snd.una.Sub(c.snd.prevUna) <= 4*c.window.MSS
}
