package tcp

import "time"

// BBR's ProbeBW: round by round of DOWN, CRUISE, REFILL and UP it looks for more
// bandwidth, and for how much may be in flight.

// bbrCycle is the state of the cycle.
type bbrCycle struct {
	phase         bbrPhase // BBR.ack_phase
	isProbeSample bool     // BBR.is_bw_probe_sample
	tooHigh       bool     // BBR.prev_probe_too_high
	precautionary bool     // BBR.prev_probe_precautionary

	cycleStamp    time.Duration
	probeWait     time.Duration // BBR.bw_probe_wait
	roundsSinceUp uint32        // BBR.rounds_since_probe_up

	inflightLongterm  int
	upAcked           int   // BBR.bw_probe_up_acked
	ackedPerIncrement int   // BBR.probe_up_acked_per_inc
	upRounds          uint8 // BBR.bw_probe_up_rounds
}

// bbrPhase says what an ACK tells about the probing for bandwidth.
type bbrPhase uint8

const (
	acksInit bbrPhase = iota
	acksRefilling
	acksProbeStarting
	acksProbeFeedback
	acksProbeStopping
)

const (
	bbrProbeWait      = 2 * time.Second // and up to a second more
	bbrProbeRounds    = 63              // the most that Reno is waited for
	bbrProbeUpRounds  = 30
	bbrRandomFraction = 1 << 20
)

// startDown is StartProbeBW_DOWN.
func (b *BBR) startDown(now time.Duration) {
	b.resetCongestionSignals()
	b.ackedPerIncrement = unboundedVolume // inflight_longterm does not grow
	b.pickProbeWait()
	b.cycleStamp = now
	b.phase = acksProbeStopping
	b.startRound()
	b.state = bbrDown
}

// startRefill is StartProbeBW_REFILL.
func (b *BBR) startRefill() {
	b.resetShortTermModel()
	b.upRounds, b.upAcked = 0, 0
	b.precautionary = false
	b.phase = acksRefilling
	b.startRound()
	b.state = bbrRefill
}

// startUp is StartProbeBW_UP.
func (b *BBR) startUp(w *Window, rate float64) {
	b.phase = acksProbeStarting
	b.startRound()
	b.resetFullBandwidth(rate)
	b.state = bbrUp
	b.raiseLongtermSlope(w)
}

// updateProbeBWCyclePhase goes through the cycle.
//
// The draft, "ProbeBW Algorithm Details".
func (b *BBR) updateProbeBWCyclePhase(w *Window, a *Acknowledgment) {
	if !b.fullReached || b.adaptLongTermModel(w, a) {
		return
	}
	switch b.state {
	case bbrDown:
		if !b.maybeProbeBandwidth(w, a.Now) && b.isTimeToCruise(w, a.InFlight) {
			b.state = bbrCruise
		}
	case bbrCruise:
		b.maybeProbeBandwidth(w, a.Now)
	case bbrRefill:
		// "After one round of REFILL, start UP".
		if b.roundStart {
			b.isProbeSample = true
			b.startUp(w, a.Rate.BytesPerSecond())
		}
	case bbrUp:
		if b.isTimeToGoDown(w, a) {
			b.tooHigh = false // not yet
			b.startDown(a.Now)
		}
	}
}

// adaptLongTermModel moves the window of max_bw and raises inflight_longterm; it
// says whether it has decided a transition.
func (b *BBR) adaptLongTermModel(w *Window, a *Acknowledgment) bool {
	if b.phase == acksProbeStarting && b.roundStart {
		b.phase = acksProbeFeedback
	}
	if b.phase == acksProbeStopping && b.roundStart {
		b.isProbeSample = false
		b.phase = acksInit
		if b.inProbeBW() && !a.Rate.AppLimited {
			b.advanceMaxBandwidth()
		}
		// "Precautionary Bandwidth Probing: Acceleration: If a round trip elapses and the
		// flow finishes receiving at least a full round trip of ACK feedback from
		// bandwidth probing without detecting excess packet loss [...] then the flow
		// immediately returns to ProbeBW_REFILL".
		if b.inProbeBW() && b.precautionary && !b.tooHigh {
			b.startRefill()
			return true
		}
	}
	if b.inflightLongterm == unboundedVolume || b.isInflightTooHigh(w, a.Rate.Lost, a.Rate.InFlight) {
		return false
	}
	b.inflightLongterm = min(max(b.inflightLongterm, a.Rate.InFlight), unboundedVolume)
	if b.state == bbrUp {
		b.probeLongtermUpward(w, a.Delivered)
	}
	return false
}

// isTimeToCruise says that the queue is drained and that there is headroom.
//
// The draft, "ProbeBW_DOWN": "The flow exits the ProbeBW_DOWN phase and enters
// CRUISE when the flow estimates that both of the following conditions have been
// met".
func (b *BBR) isTimeToCruise(w *Window, inFlight int) bool {
	return inFlight <= b.inflightWithHeadroom(w) && inFlight <= b.quantized(w, b.volume(b.maxBandwidth(), 1))
}

// isTimeToGoDown says that probing has found what there is.
//
// The draft, "Exit Conditions for Bandwidth Probing". Loss, the third of them, ends
// UP in handleInflightTooHigh.
func (b *BBR) isTimeToGoDown(w *Window, a *Acknowledgment) bool {
	if b.tooHigh && a.Before > b.inflightLongterm-w.MSS {
		// "If the previous ProbeBW_UP resulted in excess loss [...] and C.inflight reaches
		// the risky BBR.inflight_longterm level [...] the flow stops the bandwidth probe
		// early". What is in flight after an ACK never does, since the window keeps it
		// below; before it, no other segment had room.
		b.precautionary = true
		return true
	}
	if b.isWindowLimited() && w.Bytes >= b.inflightLongterm {
		// "then the flow cannot fully explore the available bandwidth, and so it resets
		// the "full pipe" estimator".
		b.resetFullBandwidth(a.Rate.BytesPerSecond())
		return false
	}
	return b.fullNow
}

// maybeProbeBandwidth is IsTimeToProbeBW: when it is, REFILL begins.
func (b *BBR) maybeProbeBandwidth(w *Window, now time.Duration) bool {
	if now <= b.cycleStamp+b.probeWait && !b.isRenoProbeTime(w) {
		return false
	}
	b.startRefill()
	return true
}

// pickProbeWait decides how long to wait until the next probing.
//
// The draft, "A Dual-Time-Scale Approach for Coexistence": "T_bbr = uniformly
// randomly distributed between 2 and 3 secs", "T_reno_bound =
// pick_randomly_either({62, 63})".
func (b *BBR) pickProbeWait() {
	r := b.random()
	b.roundsSinceUp = uint32(r & 1)
	b.probeWait = bbrProbeWait + time.Duration(r>>1%bbrRandomFraction)*(time.Second/bbrRandomFraction)
}

// isRenoProbeTime says that Reno would have had time to find as much.
//
// The draft, "A Dual-Time-Scale Approach for Coexistence": "T_reno =
// min(reno_bdp, T_reno_bound) round trips", the first in segments.
func (b *BBR) isRenoProbeTime(w *Window) bool {
	reno := (b.targetInflight(w) + w.MSS - 1) / w.MSS
	return b.roundsSinceUp >= uint32(min(reno, bbrProbeRounds))
}

// targetInflight is how much is to be in flight: "Our estimated BDP, unless
// congestion cut C.cwnd."
func (b *BBR) targetInflight(w *Window) int { return min(b.bdp(1), w.Bytes) }

// inflightWithHeadroom leaves room in the bottleneck "for other flows, for fairness
// convergence and lower RTTs and loss".
func (b *BBR) inflightWithHeadroom(w *Window) int {
	if b.inflightLongterm == unboundedVolume {
		return unboundedVolume
	}
	headroom := max(w.MSS, int(bbrHeadroom*float64(b.inflightLongterm)))
	return max(b.inflightLongterm-headroom, minPipe(w))
}

// raiseLongtermSlope makes inflight_longterm grow twice as fast.
//
// The draft, "Accelerating to Probe for Bandwidth": "The additive increase to
// BBR.inflight_longterm doubles each round trip; in each successive round trip,
// BBR.inflight_longterm grows (in units of C.SMSS) by 1, 2, 4, 8, 16, etc".
func (b *BBR) raiseLongtermSlope(w *Window) {
	b.ackedPerIncrement = max(w.Bytes>>b.upRounds, w.MSS)
	b.upRounds = min(b.upRounds+1, bbrProbeUpRounds)
}

// probeLongtermUpward raises inflight_longterm when it is used up.
func (b *BBR) probeLongtermUpward(w *Window, acked int) {
	if !b.isWindowLimited() || w.Bytes < b.inflightLongterm {
		return
	}
	b.upAcked += acked
	if n := b.upAcked / b.ackedPerIncrement; n > 0 {
		b.upAcked -= n * b.ackedPerIncrement
		b.inflightLongterm += min(n, (unboundedVolume-b.inflightLongterm)/w.MSS) * w.MSS
	}
	if b.roundStart {
		b.raiseLongtermSlope(w)
	}
}
