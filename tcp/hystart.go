package tcp

import (
	"time"

	"github.com/usernet-go/usernet/internal/text"
)

// Constants of HyStart++ (RFC 9406, 4.3): "An implementation MAY tune them".
const (
	hystartMinThreshold = 4 * time.Millisecond  // MIN_RTT_THRESH
	hystartMaxThreshold = 16 * time.Millisecond // MAX_RTT_THRESH
	hystartDivisor      = 8                     // MIN_RTT_DIVISOR
	hystartSamples      = 8                     // N_RTT_SAMPLE
	hystartRounds       = 5                     // CSS_ROUNDS
	hystartLimit        = 8                     // L, when not paced
)

// hystart is HyStart++ (RFC 9406): slow start that ends when round trips become
// longer, which is before anything is lost. It then holds back for some rounds
// (Conservative Slow Start, CSS), to see whether they stay so. The zero value is
// ready.
//
// In two things it is more careful than the RFC. In CSS the window stays what it is:
// with the RFC's CSS_GROWTH_DIVISOR of 4 ("Values larger than 4 will cause the
// algorithm to be less aggressive") it triples until CSS is over, and what was to be
// spared is lost then. That costs little where CSS was not called for: the first
// short round ends it. And N_RTT_SAMPLE round trips in a row count where the RFC
// looks at a round from its beginning on. In slow start the text of a round leaves
// faster than it is acknowledged, as a train that fills the queue towards its end:
// who waits until the first of a round find a queue hears of it a round, and a
// doubling of the window, later. On 100 Mbit/s and 100 ms, with a queue of one
// product, that is 1,100 segments lost instead of none.
type hystart struct {
	round    hystartRound
	min      time.Duration // currentRoundMinRTT; 0: infinity
	before   time.Duration // lastRoundMinRTT; 0: infinity
	row      time.Duration // least of those in a row
	baseline time.Duration // cssBaselineMinRtt; 0: not in CSS
	samples  int           // rttSampleCount; outside of CSS of those in a row
	rounds   int           // of CSS that are over, with the one that it began in
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
	r.begin(a)
	return !first
}

// begin begins a round.
func (r *hystartRound) begin(a *Acknowledgment) {
	r.end, r.at = max(1, a.Total), max(1, a.Now)
}

// acknowledged grows the window for n bytes that have arrived, and says that slow
// start is over: then it has set the threshold.
func (h *hystart) acknowledged(w *Window, a *Acknowledgment, n int) (over bool) {
	if h.round.over(a) {
		h.before, h.min, h.samples = h.min, 0, 0
		if h.baseline > 0 {
			h.rounds++
		}
		// RFC 9406, 4.2: "If CSS_ROUNDS rounds are complete, enter congestion avoidance by
		// setting the ssthresh to the current cwnd."
		if h.rounds >= hystartRounds {
			w.SlowStartThreshold = max(w.Bytes, 2*w.MSS)
			return true
		}
	}
	if h.baseline == 0 && w.mayGrow(a) {
		// RFC 9406, 4.2: "cwnd = cwnd + min(N, L * SMSS)", 4.3: "L = infinity if paced, L =
		// 8 if non-paced".
		if w.PacingRate == 0 {
			n = min(n, hystartLimit*w.MSS)
		}
		w.Bytes = min(w.Bytes+n, UnboundedThreshold)
	}
	if a.RTT > 0 {
		h.sample(a)
	}
	return false
}

// sample takes a round trip.
func (h *hystart) sample(a *Acknowledgment) {
	h.min = least(h.min, a.RTT)
	h.samples++
	if h.baseline > 0 {
		// RFC 9406, 4.2: "if (currentRoundMinRTT < cssBaselineMinRtt) cssBaselineMinRtt =
		// infinity, resume slow start including HyStart++". What was sent before CSS tells
		// nothing about it.
		if h.rounds > 0 && h.samples >= hystartSamples && h.min < h.baseline {
			h.baseline, h.rounds, h.samples, h.row = 0, 0, 0, 0
		}
		return
	}
	if h.row = least(h.row, a.RTT); h.samples < hystartSamples {
		return
	}
	row := h.row
	h.row, h.samples = 0, 0
	if h.before == 0 {
		return
	}
	// "RttThresh = max(MIN_RTT_THRESH, min(lastRoundMinRTT / MIN_RTT_DIVISOR,
	// MAX_RTT_THRESH)); if (currentRoundMinRTT >= (lastRoundMinRTT + RttThresh))
	// cssBaselineMinRtt = currentRoundMinRTT, exit slow start and enter CSS". "If the
	// transition into CSS happens in the middle of a round, that partial round counts
	// towards the limit."
	if row >= h.before+max(hystartMinThreshold, min(h.before/hystartDivisor, hystartMaxThreshold)) {
		h.baseline = row
		h.round.begin(a)
	}
}

// least is the shorter of two round trips, of which the first may be unknown.
func least(a, b time.Duration) time.Duration {
	if a == 0 || b < a {
		return b
	}
	return a
}

func (h *hystart) String() string {
	if h.baseline > 0 {
		return text.Sprintf("CSS round %d, baseline %v", h.rounds+1, h.baseline)
	}
	return text.Sprintf("slow start, least RTT of the round %v, of the last %v", h.min, h.before)
}
