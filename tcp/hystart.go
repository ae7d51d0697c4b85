package tcp

import (
	"fmt"
	"time"
)

// Constants of HyStart++ (RFC 9406, 4.3).
const (
	hystartMinThreshold = 4 * time.Millisecond  // MIN_RTT_THRESH
	hystartMaxThreshold = 16 * time.Millisecond // MAX_RTT_THRESH
	hystartDivisor      = 8                     // MIN_RTT_DIVISOR
	hystartSamples      = 8                     // N_RTT_SAMPLE
	hystartGrowth       = 4                     // CSS_GROWTH_DIVISOR
	hystartRounds       = 5                     // CSS_ROUNDS
	hystartLimit        = 8                     // L, when not paced
)

// hystart is HyStart++ (RFC 9406): slow start that ends when round trips become
// longer, which is before anything is lost. It then goes on more slowly for some
// rounds (Conservative Slow Start, CSS), to see whether they stay so. The zero
// value is ready.
type hystart struct {
	round    hystartRound
	min      time.Duration // currentRoundMinRTT; 0: infinity
	before   time.Duration // lastRoundMinRTT; 0: infinity
	baseline time.Duration // cssBaselineMinRtt; 0: not in CSS
	samples  int           // rttSampleCount
	rounds   int           // of CSS that are over
	rest     int           // bytes acknowledged in CSS that the window has not grown for
}

// hystartRound finds the borders of rounds. The RFC has "windowEnd [...] set to
// SND.NXT": what is sent in a round is acknowledged in the next. Total tells the
// same: what was sent when more had been delivered than when the round began.
type hystartRound struct {
	end int64         // Total when it began
	at  time.Duration // when it began
}

// over says that the ACK ends the round, and begins the next.
func (r *hystartRound) over(a *Acknowledgment) bool {
	switch {
	case r.at == 0:
		// What leaves before the first ACK is the first round.
	case a.Total == 0:
		// Nobody counts: a round trip is a round.
		if a.Now-r.at < max(a.SmoothedRTT, 1) {
			return false
		}
	case a.Rate.PriorTotal < r.end:
		return false
	}
	first := r.at == 0
	r.end, r.at = max(1, a.Total), max(1, a.Now)
	return !first
}

// acknowledged grows the window for n bytes that have arrived, and says that slow
// start is over: then it has set the threshold.
func (h *hystart) acknowledged(w *Window, a *Acknowledgment, n int) (over bool) {
	if h.round.over(a) {
		if h.baseline > 0 {
			h.rounds++
		}
		h.before, h.min, h.samples = h.min, 0, 0
		// RFC 9406, 4.2: "If CSS_ROUNDS rounds are complete, enter congestion avoidance by
		// setting the ssthresh to the current cwnd."
		if h.rounds >= hystartRounds {
			w.SlowStartThreshold = max(w.Bytes, 2*w.MSS)
			return true
		}
	}
	if w.mayGrow(a) {
		h.grow(w, n)
	}
	if a.RTT > 0 {
		h.sample(a.RTT)
	}
	return false
}

// grow is slow start, or CSS.
func (h *hystart) grow(w *Window, n int) {
	// RFC 9406, 4.2: "cwnd = cwnd + min(N, L * SMSS)", 4.3: "L = infinity if paced, L =
	// 8 if non-paced".
	if w.PacingRate == 0 {
		n = min(n, hystartLimit*w.MSS)
	}
	if h.baseline > 0 {
		// "cwnd = cwnd + (min(N, L * SMSS) / CSS_GROWTH_DIVISOR)"
		h.rest += n
		n, h.rest = h.rest/hystartGrowth, h.rest%hystartGrowth
	}
	w.Bytes = min(w.Bytes+n, UnboundedThreshold)
}

// sample takes a round trip.
func (h *hystart) sample(rtt time.Duration) {
	if h.samples++; h.min == 0 || rtt < h.min {
		h.min = rtt
	}
	switch {
	case h.samples < hystartSamples:
	case h.baseline > 0:
		// RFC 9406, 4.2: "if (currentRoundMinRTT < cssBaselineMinRtt) cssBaselineMinRtt =
		// infinity, resume slow start including HyStart++".
		if h.min < h.baseline {
			h.baseline, h.rounds, h.rest = 0, 0, 0
		}
	case h.before > 0:
		// "RttThresh = max(MIN_RTT_THRESH, min(lastRoundMinRTT / MIN_RTT_DIVISOR,
		// MAX_RTT_THRESH)); if (currentRoundMinRTT >= (lastRoundMinRTT + RttThresh))
		// cssBaselineMinRtt = currentRoundMinRTT, exit slow start and enter CSS".
		if h.min >= h.before+max(hystartMinThreshold, min(h.before/hystartDivisor, hystartMaxThreshold)) {
			h.baseline = h.min
		}
	}
}

func (h *hystart) String() string {
	if h.baseline > 0 {
		return fmt.Sprintf("CSS round %d, baseline %v", h.rounds+1, h.baseline)
	}
	return fmt.Sprintf("slow start, round's least RTT %v, last round's %v", h.min, h.before)
}
