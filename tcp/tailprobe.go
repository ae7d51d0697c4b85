package tcp

import "time"

// Tail loss probes (RFC 8985, 7): when the last segments of a flight are lost, no
// later one shows it. One more is then sent long before the retransmission timer
// runs out, so that its ACK does.

type tailProbe struct {
	heard instant // when something was last acknowledged cumulatively
	end   Seq     // TLP.end_seq, when out
	out   bool    // a probe is in the network
	again bool    // TLP.is_retrans
	stale bool    // no round trip was measured since the last probe
}

// armTailProbe waits for an answer to new text, or for more after an ACK.
//
// RFC 8985, 7.2: "The sender SHOULD start or restart a loss probe PTO timer after
// transmitting new data [...] or upon receiving an ACK that cumulatively acknowledges
// new data unless it is already in fast recovery, RTO recovery, or segments have
// been SACKed".
func (c *Conn) armTailProbe(now instant) {
	c.timers[timerProbe] = 0
	if !c.sackOK || c.recovering() || c.tx.board.sacked > 0 || c.tx.board.lost > 0 || c.snd.wnd == 0 || c.tx.tail.out {
		return
	}
	flight := c.flight()
	if flight == 0 || c.timers[timerRetransmit] == 0 {
		return
	}
	// "PTO = 2 * SRTT, If FlightSize is one segment: PTO += TLP.max_ack_delay [...]
	// Else: PTO = 1 sec"
	wait := time.Second
	if c.rtt.srtt > 0 {
		if wait = max(2*c.rtt.srtt, minTailProbe); flight <= c.window.MSS {
			wait += maxACKDelay
		}
	}
	// An ACK for what was before does not have the last segment arrive later, nor the
	// peer's delayed ACK run out later: what is waited for counts from when it was sent.
	// Where the round trip grows, ACKs that come in prove that nothing is overdue.
	at := c.tx.board.at(c.tx.board.len() - 1).at.add(wait)
	at = max(at, now.add(max(c.rtt.srtt, minTailProbe)))
	// "If Now() + PTO > TCP_RTO_expiration(): PTO = TCP_RTO_expiration() - Now()"
	c.timers[timerProbe] = min(at, c.timers[timerRetransmit])
}

// minTailProbe is the shortest wait for an answer: less is how long a scheduler, here
// or there, lets it lie. Without it a path of microseconds sees probes for nothing, and
// a timer that fires all the time.
const minTailProbe = 2 * time.Millisecond

// maxACKDelay is RFC 8985's TLP.max_ack_delay: as long as Linux waits, and we do,
// before a lone segment is acknowledged, and a little for the coarseness of clocks.
// Who waits longer gets a segment twice, and says so.
const maxACKDelay = 45 * time.Millisecond

// tailProbeTimeout is the end of PTO.
func (c *Conn) tailProbeTimeout(now instant) {
	if c.tx == nil || c.flight() == 0 || c.recovering() {
		return
	}
	// RFC 8985, 7.3: "When the PTO timer expires, the sender MUST check [...] there is
	// no other previous loss probe still in flight. [...] the sender has obtained an RTT
	// measurement since the last loss probe transmission or the start of the connection".
	// The handshake has measured one.
	if t := &c.tx.tail; !t.out && !t.stale {
		c.tailNow = true
	}
	// "regardless of whether a loss probe was sent, the sender MUST re-arm the RTO
	// timer, not the PTO timer, if the FlightSize is not zero."
	c.armRetransmit(now)
}

// restartTailProbe waits afresh after an ACK of new text, unless that was late and
// for one segment: the peer has waited for a second one, in vain, and knows nothing
// of those that were sent behind it.
func (c *Conn) restartTailProbe(now instant, ev *ackEvent) {
	t := &c.tx.tail
	late := c.timers[timerProbe] != 0 && c.snd.wnd > 0 && now.since(t.heard) > c.rtt.srtt && ev.bytes <= c.window.MSS
	if t.heard = now; !late {
		c.armTailProbe(now)
	}
}

// sendTailProbe sends the next text, or else the last segment again.
func (c *Conn) sendTailProbe(now instant, out *Segment) bool {
	c.tailNow = false
	tx := c.tx
	if c.flight() == 0 || c.snd.wnd == 0 || c.recovering() {
		return false // an ACK came before
	}
	mss := c.window.MSS
	// "the sender SHOULD transmit a previously unsent data segment, if one exists and
	// the receive window allows"
	again := true
	if n := min(c.unsent(), c.usable(), mss); n > 0 {
		again = false
		c.emitNew(now, out, n, c.finUnsent() && n == c.unsent() && c.usable() > n)
	} else {
		// "retransmit the highest-sequence segment sent so far and set TLP.is_retrans to
		// true."
		last := tx.board.len() - 1
		if tx.board.at(last).flags.has(sentSacked | sentLost) {
			return false
		}
		if size := tx.board.size(last); size > mss {
			// Segments begin at multiples of their size.
			tx.board.split(last, tx.board.start(last).Add((size-1)/mss*mss))
			last++
		}
		tx.board.markLost(last)
		c.counted().tailProbes++
		c.emitAgain(now, out, last)
	}
	tx.tail = tailProbe{end: c.snd.nxt, out: true, again: again, stale: true}
	c.timers[timerProbe] = 0
	c.armRetransmit(now)
	return true
}

// tailProbeAnswered looks for what an ACK says of the probe.
//
// RFC 8985, 7.4.2: "TLP_process_ack(ACK)"
func (c *Conn) tailProbeAnswered(now instant, ev *ackEvent) {
	t := &c.tx.tail
	if !t.out || ev.ack.Less(t.end) {
		return
	}
	switch {
	case !t.again: // "TLP of new data delivered"
	case ev.dsack && ev.dsackEnd == t.end: // "Case 1"
	case t.end.Less(ev.ack):
		// "Repaired the single loss", of which congestion control has not heard.
		c.repairedLoss(now, ev.before)
	case ev.duplicate && ev.blocks == 0: // "Case 2"
	default:
		return // it may have been the probe, or what it repeats
	}
	t.out = false
}

// repairedLoss is the answer of congestion control to a loss that a probe has
// repaired.
//
// RFC 8985, 7.4.2: "The sender then SHOULD invoke a congestion control response
// equivalent to a fast recovery."
func (c *Conn) repairedLoss(now instant, flight int) {
	if c.recovery != recoveryNone {
		return
	}
	c.cc.Lost(&c.window, Loss{Now: now.since(0), Flight: c.flightSize(flight), InFlight: c.flight()})
	if !c.window.Own {
		c.window.Bytes = min(c.window.Bytes, c.window.SlowStartThreshold)
	}
	c.windowReduced()
	c.cc.Recovered(&c.window, Recovery{Now: now.since(0), InFlight: c.flight()})
}
