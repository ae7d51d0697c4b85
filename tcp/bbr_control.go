package tcp

import (
	"math"
	"time"
)

// What BBR's model makes of the window and of the pacing rate.

// initPacingRate is for the time before the first sample of the rate.
//
// The draft, "Pacing Rate": "nominal_bandwidth = C.InitialCwnd / (C.srtt ? C.srtt :
// 1ms) C.pacing_rate = BBR.StartupPacingGain * nominal_bandwidth".
func (b *BBR) initPacingRate(w *Window, rtt time.Duration) {
	if rtt <= 0 {
		rtt = time.Millisecond
	}
	w.PacingRate = clampRate(b.pacingGain() * float64(b.initial) / rtt.Seconds())
}

// setPacingRate is SetPacingRateWithGain.
//
// The draft, "Pacing Rate": "BBR updates its pacing rate to be proportional to bw,
// as long as it estimates that it has filled the pipe [...] or doing so increases
// the pacing rate."
func (b *BBR) setPacingRate(w *Window, gain float64) {
	rate := clampRate(gain * b.bw * (1 - bbrPacingMargin))
	if b.bw > 0 && (b.fullReached || rate > w.PacingRate) {
		w.PacingRate = rate
	}
}

// sendQuantum is C.send_quantum. The machine bounds super-segments to the same, and
// to what the link takes; so the longest that has been sent is one of the bounds.
//
// The draft, "Send Quantum": "A BBR implementation MAY use alternate approaches to
// select a C.send_quantum, [...] a BBR implementation SHOULD attempt to use the
// smallest feasible quanta."
func (b *BBR) sendQuantum(w *Window) int {
	return max(min(w.PacingRate/1000, 64<<10, b.longest), 2*w.MSS)
}

// volume is BDPMultiple: what a rate delivers in gain times min_rtt.
func (b *BBR) volume(rate, gain float64) int {
	if b.minRTT == noRTT {
		return b.initial // "no valid RTT samples yet"
	}
	return clampVolume(gain * rate * b.minRTT.Seconds())
}

// bdp is gain times the estimated bandwidth-delay product.
func (b *BBR) bdp(gain float64) int { return b.volume(b.bw, gain) }

// quantized is QuantizationBudget: it makes room for super-segments on their way.
//
// The draft, "BBR.offload_budget": "The factor of 3 is chosen to allow maintaining
// at least: 1 quantum in the sending host's queuing discipline layer, 1 quantum
// being segmented [...], 1 quantum being reassembled".
func (b *BBR) quantized(w *Window, volume int) int {
	volume = max(volume, 3*b.sendQuantum(w), minPipe(w))
	if b.state == bbrUp {
		volume += 2 * w.MSS
	}
	return min(volume, unboundedVolume)
}

// inflight is what gain times the product needs in flight.
func (b *BBR) inflight(w *Window, gain float64) int { return b.quantized(w, b.bdp(gain)) }

// setWindow is SetCwnd.
//
// The draft, "cwnd Adjustment Mechanism": "When C.cwnd is above the
// BBR.max_inflight derived from BBR's path model, BBR cuts C.cwnd immediately to the
// BBR.max_inflight. When C.cwnd is below BBR.max_inflight, BBR raises C.cwnd
// gradually and cautiously, increasing C.cwnd by no more than the amount of data
// acknowledged". The draft's pseudocode does not cut before the pipe is full; here a
// round trip without growth is enough: the rate that grew looked like aggregation, and
// what that adds would overflow a queue of one product in each of the last rounds.
func (b *BBR) setWindow(w *Window, a *Acknowledgment) {
	most := b.maxInflight(w)
	grown := min(w.Bytes, unboundedVolume-a.Delivered) + a.Delivered
	if b.fullReached || b.fullCount > 0 {
		w.Bytes = min(grown, most)
	} else if w.Bytes < most || a.Total < int64(b.initial) {
		w.Bytes = grown
	}
	b.boundWindow(w)
}

// maxInflight is UpdateMaxInflight. Startup's last round trips would overflow a queue
// of one product, for which the draft's two in flight are the brim, so here they have
// less: while the rate has not grown for a round trip, what suffices to see it grow by a
// quarter; and when a queue stands, nothing for aggregation, for which the estimate
// takes it that the rate rises.
func (b *BBR) maxInflight(w *Window) int {
	gain := bbrStates[b.state].cwndGain
	if b.state == bbrStartup && b.fullCount > 0 {
		gain = bbrPlateauCwndGain
	}
	volume := b.bdp(gain)
	if b.fullReached || b.minRTT == noRTT || b.srtt <= b.minRTT+b.minRTT/8 {
		volume += min(b.extraAcked(), unboundedVolume-volume)
	}
	return b.quantized(w, volume)
}

// boundWindow is the rest of SetCwnd: BoundCwndForProbeRTT and BoundCwndForModel.
//
// The draft, "Summary of Control Behavior in the State Machine", column "Volume
// Cap".
func (b *BBR) boundWindow(w *Window) {
	w.Bytes = max(w.Bytes, minPipe(w))
	bound := unboundedVolume
	switch {
	case b.state == bbrProbeRTT:
		bound = min(b.inflightWithHeadroom(w), b.probeRTTWindow(w))
	case b.state == bbrCruise:
		bound = b.inflightWithHeadroom(w)
	case b.inProbeBW():
		bound = b.inflightLongterm
	}
	w.Bytes = min(w.Bytes, max(min(bound, b.inflightShortterm), minPipe(w)))
}

// probeRTTWindow is the window that drains the queue.
func (b *BBR) probeRTTWindow(w *Window) int {
	return max(b.bdp(bbrProbeRTTCwndGain), minPipe(w))
}

// minPipe is BBR.MinPipeCwnd: "4 * C.SMSS" keeps something in flight even when
// every other segment is acknowledged.
func minPipe(w *Window) int { return bbrMinPipeSegments * w.MSS }

// clampVolume makes a volume of a calculated one.
func clampVolume(volume float64) int {
	return int(max(0, min(volume, unboundedVolume)))
}

// clampRate makes a pacing rate of a calculated one: 0 would mean none.
func clampRate(rate float64) int {
	return int(max(1, min(rate, math.MaxInt/2)))
}
