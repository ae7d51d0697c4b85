package tcp

import (
	"math"
	"time"
)

// How BBR's model follows losses: inflight_longterm while it probes, bw_shortterm
// and inflight_shortterm while it does not; and how it takes that back.

// bbrCongestion is what the last round trip delivered, and the bounds that follow
// when something was lost in it.
type bbrCongestion struct {
	lossInRound    bool    // BBR.is_loss_in_round
	lossRoundStart bool    // BBR.loss_round_start
	lossRound      int64   // BBR.loss_round_delivered
	rateLatest     float64 // BBR.bw_latest
	inflightLatest int

	bandwidthShortterm float64
	inflightShortterm  int

	slowest       float64 // the least slowness of this round trip
	slowestBefore float64 // and of the one before
}

// bbrUndo is what is put back when nothing was lost.
type bbrUndo struct {
	recovering            bool // InLossRecovery
	saved                 bool // for the losses that are being repaired
	priorWindow           int  // BBR.prior_cwnd
	undoState             bbrState
	undoRate              float64
	undoInflightShortterm int
	undoInflightLongterm  int
}

// SegmentLost implements [LossWatcher].
func (b *BBR) SegmentLost(w *Window, l SegmentLoss) {
	// The draft, "Probing for Bandwidth In ProbeBW": "BBR processes each loss
	// detection event to more precisely estimate C.inflight at which loss rates cross
	// BBR.LossThresh".
	b.saveUponLoss(w)
	b.noteLoss()
	if b.isProbeSample && b.isInflightTooHigh(w, l.Lost, l.InFlight) {
		b.handleInflightTooHigh(w, l.Now, inflightAtLoss(l), l.AppLimited)
	}
}

func (b *BBR) noteLoss() {
	if !b.lossInRound {
		b.lossRound = b.delivered
	}
	b.lossInRound = true
}

// bbrLossDeviations is how many standard deviations above the tolerated share of
// losses are still taken for chance.
const bbrLossDeviations = 3

// isInflightTooHigh says that of what was in flight more was lost than BBR
// tolerates. The draft compares with BBR.LossThresh as it is. It is asked at each loss,
// and of a hundred segments on a path that loses 1% at random, three or more are lost
// in every thirteenth window: Startup would end, and each probing, far below what the
// path has. Losses of a full queue are beyond both at once.
func (b *BBR) isInflightTooHigh(w *Window, lost, inFlight int) bool {
	tolerated := float64(inFlight) * bbrLossThresh
	return float64(lost) > tolerated+bbrLossDeviations*math.Sqrt(tolerated*float64(w.MSS)) || lost > 0 && !b.sack
}

// handleInflightTooHigh lowers inflight_longterm, once for each probing.
func (b *BBR) handleInflightTooHigh(w *Window, now time.Duration, inFlight int, appLimited bool) {
	b.tooHigh = true
	b.isProbeSample = false
	if !appLimited {
		// "the BBR.Beta (0.7x) bound is to try to ensure that BBR does not react more
		// dramatically than CUBIC's 0.7x multiplicative decrease factor."
		b.inflightLongterm = min(max(inFlight, int(bbrBeta*float64(b.targetInflight(w)))), unboundedVolume)
	}
	if b.state == bbrUp {
		b.undoState = bbrUp
		b.startDown(now)
	}
}

// inflightAtLoss is how much was in flight when losses exceeded the threshold,
// which may have been in the middle of a super-segment.
//
// "lost_prefix >= (BBR.LossThresh * inflight_prev - lost_prev) / (1 -
// BBR.LossThresh)"
func inflightAtLoss(l SegmentLoss) int {
	flightBefore, lostBefore := float64(l.InFlight-l.Bytes), float64(l.Lost-l.Bytes)
	prefix := (bbrLossThresh*flightBefore - lostBefore) / (1 - bbrLossThresh)
	return clampVolume(flightBefore + prefix)
}

// updateLatestDeliverySignals stands near the begin of the processing of an ACK.
//
// The draft, "When not Probing for Bandwidth".
func (b *BBR) updateLatestDeliverySignals(a *Acknowledgment) {
	b.rateLatest = max(b.rateLatest, a.Rate.BytesPerSecond())
	b.inflightLatest = max(b.inflightLatest, a.Rate.Delivered)
	b.lossRoundStart = a.Rate.PriorTotal >= b.lossRound
	if b.lossRoundStart {
		b.lossRound = b.delivered
	}
}

// advanceLatestDeliverySignals stands near its end.
func (b *BBR) advanceLatestDeliverySignals(a *Acknowledgment) {
	if b.lossRoundStart {
		b.rateLatest = a.Rate.BytesPerSecond()
		b.inflightLatest = a.Rate.Delivered
	}
}

func (b *BBR) resetCongestionSignals() {
	b.lossInRound = false
	b.rateLatest, b.inflightLatest = 0, 0
}

// updateCongestionSignals adapts the bounds, once in a round trip.
func (b *BBR) updateCongestionSignals(w *Window, a *Acknowledgment) {
	b.updateMaxBandwidth(a)
	if !b.lossRoundStart {
		return
	}
	if b.lossInRound && !b.probing() {
		b.adaptLowerBounds(w)
	}
	b.lossInRound = false
}

// adaptLowerBounds slows down to what was delivered last.
//
// "the strategy is to gradually adapt to the current measured delivery process
// (the rate and volume of data that is delivered through the network path over the
// last round trip)."
//
// What is delivered is at most what was sent: 1% less than bw in CRUISE, 11% in DOWN,
// half of it in ProbeRTT. Taken as it is, each round trip with a loss would cost that
// too, until the next probing (with 0.1% lost at random, and 20 ms, a twentieth of the
// goodput), where the draft says that "the steady-state (non-bandwidth-probing) BBR
// response to a non-application-limited round trip with X% packet loss is to reduce
// the sending rate by X%". So it is measured against what was sent, as long as all but
// the tolerated share of that has arrived.
func (b *BBR) adaptLowerBounds(w *Window) {
	if math.IsInf(b.bandwidthShortterm, 1) {
		b.bandwidthShortterm = b.maxBandwidth()
	}
	if b.inflightShortterm == unboundedVolume {
		b.inflightShortterm = w.Bytes
	}
	rate, volume := b.rateLatest, float64(b.inflightLatest)
	rateBefore, volumeBefore := b.bandwidthShortterm, float64(b.inflightShortterm)
	if sent := (1 - bbrPacingMargin) * min(b.slowest, b.slowestBefore); rate >= (1-bbrLossThresh)*sent*rateBefore {
		rate = max(rate, min(rate/sent, rateBefore))
		volume = max(volume, min(volume/sent, volumeBefore))
	}
	b.bandwidthShortterm = max(rate, bbrBeta*rateBefore)
	b.inflightShortterm = clampVolume(max(volume, bbrBeta*volumeBefore))
}

// slowness is the share of bw at which BBR sends of its own will, the margin aside.
func (b *BBR) slowness() float64 {
	return min(b.pacingGain(), bbrStates[b.state].cwndGain, 1)
}

func (b *BBR) resetShortTermModel() {
	b.bandwidthShortterm = math.Inf(1)
	b.inflightShortterm = unboundedVolume
}

// saveUponLoss saves what handleSpuriousLossDetection puts back.
//
// The draft, "Saving State Upon Loss Recovery": "If a connection's transport
// protocol starts a loss recovery episode that may later be declared spurious [...]
// BBR saves information about its current state." Once for an episode: what its
// later round trips find is a consequence of it.
func (b *BBR) saveUponLoss(w *Window) {
	b.saveWindow(w)
	if b.saved {
		return
	}
	b.saved = true
	b.undoState = bbrNone
	b.undoRate = b.bandwidthShortterm
	b.undoInflightShortterm, b.undoInflightLongterm = b.inflightShortterm, b.inflightLongterm
}

// handleSpuriousLossDetection takes back what losses did that were none.
//
// The draft, "Handling a Spurious Loss Recovery".
func (b *BBR) handleSpuriousLossDetection() {
	b.lossInRound = false
	b.resetFullBandwidth(0)
	b.bandwidthShortterm = max(b.bandwidthShortterm, b.undoRate)
	b.inflightShortterm = max(b.inflightShortterm, b.undoInflightShortterm)
	b.inflightLongterm = max(b.inflightLongterm, b.undoInflightLongterm)
	// "if the connection transitioned out of Startup or ProbeBW_UP due to the loss
	// recovery episode, and the connection is not currently in ProbeRTT, BBR returns to
	// the state it was in".
	switch {
	case b.undoState == bbrStartup && b.state != bbrStartup:
		b.fullReached = false
		if b.state != bbrProbeRTT {
			b.state = bbrStartup
		}
	case b.undoState == bbrUp && b.state != bbrUp && b.state != bbrProbeRTT:
		b.startRefill()
	}
	b.undoState = bbrNone
}

// saveWindow remembers the "last-known good" window, "unmodulated by loss recovery
// or ProbeRTT".
func (b *BBR) saveWindow(w *Window) {
	if !b.recovering && b.state != bbrProbeRTT {
		b.priorWindow = w.Bytes
	} else {
		b.priorWindow = max(b.priorWindow, w.Bytes)
	}
}

func (b *BBR) restoreWindow(w *Window) { w.Bytes = max(w.Bytes, b.priorWindow) }
