package tcp

import (
	"strconv"
	"time"

	"github.com/usernet-go/usernet/internal/text"
)

// BBR is version 3 of "BBR Congestion Control" (draft-ietf-ccwg-bbr, which the
// comments call "the draft" and cite by the titles of its sections): it measures
// the rate at which the path delivers, its round-trip time, and how much may be in
// flight before more than 2% is lost, and paces what it sends by that.
//
// The names are the draft's. Volumes are bytes of text, rates bytes in a second,
// and what the draft calls Infinity is unboundedVolume or an infinite float64.
// The zero value is ready for Start.
type BBR struct {
	state bbrState
	sack  bool   // C.has_selective_acks
	rand  uint64 // state of the generator of probe waits

	initial   int           // C.InitialCwnd
	longest   int           // text of the longest super-segment that was sent
	delivered int64         // C.delivered, as the last ACK told it
	appStart  int64         // what was sent from this C.delivered on
	appEnd    int64         // until that one is limited by us, as by the user
	srtt      time.Duration // smoothed, for the state's text only

	bbrRounds
	bbrBandwidth
	bbrAggregation
	bbrCongestion
	bbrFullPipe
	bbrCycle
	bbrMinRTT
	bbrUndo
}

// bbrState is a state of the draft's "State Transition Diagram".
type bbrState uint8

const (
	bbrNone bbrState = iota // of BBR.undo_state: nothing to go back to
	bbrStartup
	bbrDrain
	bbrDown
	bbrCruise
	bbrRefill
	bbrUp
	bbrProbeRTT
)

// bbrStates has the gains of each state.
//
// The draft, "Summary of Control Behavior in the State Machine".
var bbrStates = [...]struct {
	name                 string
	pacingGain, cwndGain float64
}{
	bbrNone:     {"", 1, bbrDefaultCwndGain},
	bbrStartup:  {"Startup", 2.77, bbrDefaultCwndGain},
	bbrDrain:    {"Drain", 0.5, bbrDefaultCwndGain},
	bbrDown:     {"ProbeBW_DOWN", 0.90, bbrDefaultCwndGain},
	bbrCruise:   {"ProbeBW_CRUISE", 1, bbrDefaultCwndGain},
	bbrRefill:   {"ProbeBW_REFILL", 1, bbrDefaultCwndGain},
	bbrUp:       {"ProbeBW_UP", 1.25, 2.25},
	bbrProbeRTT: {"ProbeRTT", 1, bbrProbeRTTCwndGain},
}

// The draft, "Terminology".
const (
	bbrDefaultCwndGain  = 2.0
	bbrProbeRTTCwndGain = 0.5
	bbrPlateauCwndGain  = 1.75 // Startup, when the rate does not grow
	bbrPacingMargin     = 0.01 // BBR.PacingMarginPercent
	bbrLossThresh       = 0.02
	bbrBeta             = 0.7
	bbrHeadroom         = 0.15
	bbrMinPipeSegments  = 4 // BBR.MinPipeCwnd
)

// unboundedVolume stands for an infinite volume: no window exceeds it.
const unboundedVolume = UnboundedThreshold

// Start implements [CongestionControl].
func (b *BBR) Start(w *Window, s Beginning) {
	// The draft, "Initialization".
	*b = BBR{
		sack:    s.SACK,
		rand:    s.Seed + uint64(s.Now),
		initial: max(s.Initial, w.MSS),
		srtt:    s.RTT,
		appEnd:  -1,
	}
	b.bbrMinRTT.start(s.Now, s.RTT)
	b.extraStart = s.Now
	b.inflightLongterm = unboundedVolume
	b.ackedPerIncrement = unboundedVolume
	b.resetShortTermModel()
	b.state = bbrStartup
	b.slowest, b.slowestBefore = 1, 1
	w.Own = true
	w.SlowStartThreshold = UnboundedThreshold
	b.initPacingRate(w, s.RTT)
}

// Acknowledged implements [CongestionControl].
func (b *BBR) Acknowledged(w *Window, a Acknowledgment) {
	b.delivered, b.srtt = a.Total, a.SmoothedRTT
	if p := a.Rate.PriorTotal; b.appStart <= p && p <= b.appEnd {
		a.Rate.AppLimited = true
	}
	// The draft, "Per-ACK Steps".
	b.updateLatestDeliverySignals(&a)
	b.updateCongestionSignals(w, &a)
	b.updateACKAggregation(w, &a)
	b.checkFullBandwidthReached(&a)
	b.checkStartupDone(w, &a)
	b.checkDrainDone(w, &a)
	b.updateProbeBWCyclePhase(w, &a)
	b.updateMinRTT(&a)
	b.checkProbeRTT(w, &a)
	b.advanceLatestDeliverySignals(&a)
	b.boundBandwidth()

	b.setPacingRate(w, b.pacingGain())
	b.slowest = min(b.slowest, b.slowness())
	b.setWindow(w, &a)
}

// Lost implements [CongestionControl].
func (b *BBR) Lost(w *Window, l Loss) {
	// The draft, "Modulating cwnd in Loss Recovery": "Upon entering Fast Recovery:
	// OnEnterFastRecovery(): SaveCwnd() SaveStateUponLoss()". Usually SegmentLost has
	// done so.
	b.saveUponLoss(w)
	b.recovering = true
	if l.Timeout {
		// "Upon a retransmission timeout (RTO), BBR conservatively reduces C.cwnd to a
		// value that will allow 1 C.SMSS to be transmitted."
		w.Bytes = min(l.InFlight, unboundedVolume-w.MSS) + w.MSS
	}
}

// Recovered implements [CongestionControl].
func (b *BBR) Recovered(w *Window, r Recovery) {
	// The draft, "Modulating cwnd in Loss Recovery": "Upon exiting loss recovery
	// [...] either by repairing all losses or undoing recovery, BBR restores the
	// best-known cwnd value we had upon entering loss recovery".
	b.restoreWindow(w)
	if r.Undone {
		b.handleSpuriousLossDetection()
	}
	b.recovering, b.saved = false, false
	// "at the end of ACK processing BoundCwndForModel() will bound the cwnd": this ACK
	// may have been processed already.
	b.boundWindow(w)
}

// CongestionExperienced implements [CongestionControl].
func (b *BBR) CongestionExperienced(w *Window, c Congestion) {
	// The draft, "ECN": "if the connection claims ECN support [...] the congestion
	// controller response MUST treat any CE marks as congestion", and says no more.
	// Here a round trip with a mark is one in which loss was too high.
	b.noteLoss()
	switch {
	case b.state == bbrStartup:
		b.exitStartup()
	case b.isProbeSample:
		b.handleInflightTooHigh(w, c.Now, c.Flight, false)
	}
	b.undoState = bbrNone // the marks are true
}

// Sent implements [CongestionControl].
func (b *BBR) Sent(w *Window, s Sending) {
	b.longest = max(b.longest, s.Bytes)
	if s.InFlight+w.MSS > w.Bytes {
		b.windowLimited = true
	}
	// The draft, "Actions when Restarting from Idle": "if (C.inflight == 0 &&
	// C.app_limited)"
	if s.InFlight <= s.Bytes && s.AppLimited {
		b.restartFromIdle(w, s.Now)
	}
}

// Idle implements [CongestionControl]: who leaves a pause has run out of text
// before it.
func (b *BBR) Idle(w *Window, i Idleness) { b.restartFromIdle(w, i.Now) }

// String tells the state, the model of the path and the bounds in flight; "-" is
// a bound that is not set.
func (b *BBR) String() string {
	if b.state == bbrNone {
		return "BBR"
	}
	bound := func(volume int) string {
		if volume >= unboundedVolume {
			return "-"
		}
		return strconv.Itoa(volume)
	}
	rtt := "-"
	if b.minRTT != noRTT {
		rtt = b.minRTT.String()
	}
	return text.Sprintf("%s bw=%.0fB/s max_bw=%.0fB/s min_rtt=%s pacing_gain=%.2f cwnd_gain=%.2f "+
		"inflight_longterm=%s inflight_shortterm=%s extra_acked=%d round=%d",
		bbrStates[b.state].name, b.bw, b.maxBandwidth(), rtt, b.pacingGain(), bbrStates[b.state].cwndGain,
		bound(b.inflightLongterm), bound(b.inflightShortterm), b.extraAcked(), b.roundCount)
}

func (b *BBR) pacingGain() float64 { return bbrStates[b.state].pacingGain }

// inProbeBW is IsInAProbeBWState.
func (b *BBR) inProbeBW() bool { return bbrDown <= b.state && b.state <= bbrUp }

// probing is IsProbingBW: it sends to find out how much more is possible.
func (b *BBR) probing() bool {
	return b.state == bbrStartup || b.state == bbrRefill || b.state == bbrUp
}

// random is the next of a sequence that the seed decides (splitmix64).
func (b *BBR) random() uint64 {
	b.rand += 0x9e3779b97f4a7c15
	z := b.rand
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
