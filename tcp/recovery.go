package tcp

import "time"

// Fast retransmit and fast recovery: NewReno (RFC 5681, 3.2, and RFC 6582). A
// recovery that knows of selective acknowledgments will stand beside it.

// dupThreshold is how many duplicate ACKs say that a segment was lost.
const dupThreshold = 3

// sendingWindow is how many bytes may be in the network.
func (c *Conn) sendingWindow() int {
	return max(c.window.Bytes+int(c.inflation), c.window.MSS)
}

// limitedTransmit is how much more than the window may be in the network, before
// duplicate ACKs are enough for a fast retransmit.
//
// RFC 5681, 3.2: "On the first and second duplicate ACKs received at a sender, a
// TCP SHOULD send a segment of previously unsent data per [RFC3042] provided that
// [...] the total FlightSize would remain less than or equal to cwnd plus 2*SMSS".
func (c *Conn) limitedTransmit() int {
	if c.recovering || c.dupACKs >= dupThreshold || c.snd.at != c.snd.nxt {
		return 0
	}
	return int(c.dupACKs) * c.window.MSS
}

// countDuplicate takes a duplicate ACK.
func (c *Conn) countDuplicate(now instant) {
	if c.recovering {
		// RFC 5681, 3.2: "For each additional duplicate ACK received (after the third),
		// cwnd MUST be incremented by SMSS. [...] A TCP MAY therefore limit the number of
		// times cwnd is artificially inflated during loss recovery to the number of
		// outstanding segments".
		outstanding := int32(c.snd.nxt.Sub(c.snd.una))
		c.inflation = min(c.inflation+int32(c.window.MSS), max(c.inflation, outstanding))
		return
	}
	c.dupACKs = min(c.dupACKs+1, 255-1)
	if c.dupACKs == dupThreshold && c.mayRecover() {
		c.enterRecovery(now)
	}
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

func (c *Conn) enterRecovery(now instant) {
	// RFC 5681, 3.2: "When [RFC3042] is in use, additional data sent in limited
	// transmit MUST NOT be included in this calculation."
	flight := c.flight() - int(c.limitedBytes)
	if !c.onlyProbeLost() && !c.reducedByMarks() {
		c.cc.Lost(&c.window, Loss{Now: now.since(0), Flight: flight})
		c.windowReduced()
	}
	// "cwnd set to ssthresh plus 3*SMSS. This artificially "inflates" the congestion
	// window by the number of segments (three) that have left the network and which
	// the receiver has buffered."
	c.inflation = int32(dupThreshold * c.window.MSS)
	c.recovering, c.partial = true, false
	c.snd.recover = c.snd.nxt
	// "The lost segment starting at SND.UNA MUST be retransmitted"
	c.resendNow = true
	c.traceLost(now, c.snd.una, c.snd.una.Add(min(flight, c.window.MSS)), LossDuplicateACKs)
	c.rtt.abandon()
}

func (c *Conn) leaveRecovery() {
	c.recovering, c.partial, c.resendNow = false, false, false
	c.inflation, c.dupACKs = 0, 0
}

// newACK lets recovery and congestion control see an ACK for new text.
func (c *Conn) newACK(now instant, text, flight int, rtt time.Duration) {
	c.dupACKs, c.limitedBytes = 0, 0
	if c.cc == nil || text == 0 {
		return
	}
	if !c.recovering {
		c.cc.Acknowledged(&c.window, Acknowledgment{
			Now: now.since(0), Bytes: text, Delivered: text, Before: flight, InFlight: c.flight(), RTT: rtt, SmoothedRTT: c.rtt.srtt,
			Limited: c.snd.prevUna.Less(c.snd.limited), Congested: c.ecn.told, Marked: c.takeMarked(),
		})
		return
	}
	if c.snd.una.Less(c.snd.recover) {
		c.alsoLost(now, flight)
		c.partialACK(text)
		return
	}
	// RFC 6582, 3.2: "Full acknowledgments: [...] Set cwnd to [...] min (ssthresh,
	// max(FlightSize, SMSS) + SMSS) [...] Exit the fast recovery procedure."
	c.leaveRecovery()
	c.window.Bytes = min(c.window.Bytes, max(c.flight(), c.window.MSS)+c.window.MSS)
}

// partialACK takes an ACK for new text that leaves some unacknowledged which was
// in the network when recovery began: the next segment is lost too.
func (c *Conn) partialACK(text int) {
	// RFC 6582, 3.2: "Partial acknowledgments: [...] retransmit the first
	// unacknowledged segment. Deflate the congestion window by the amount of new data
	// acknowledged by the Cumulative Acknowledgment field. If the partial ACK
	// acknowledges at least one SMSS of new data, then add back SMSS bytes to the
	// congestion window. [...] Do not exit the fast recovery procedure".
	c.inflation -= int32(text)
	if text >= c.window.MSS {
		c.inflation += int32(c.window.MSS)
	}
	c.resendNow = true
	// "For the first partial ACK that arrives during fast recovery, also reset the
	// retransmit timer."
	c.partial = true
}
