package tcp

import "time"

// Which rate the text of a window leaves at, for algorithms that decide a window
// only.

// minPacedRTT is the shortest round trip that a window is spread over: in a
// shorter one, timers and the ACKs themselves are no finer than what they would
// space out.
const minPacedRTT = time.Millisecond

// maxPacingRate is what fits an int everywhere. Beyond it a super-segment of 64
// KiB takes less than 31 us, and nothing is paced.
const maxPacingRate = 1<<31 - 1

// setPacingRate sets the rate at which a window leaves: faster than it can be
// acknowledged, so that the window decides, not the rate. In slow start it is
// twice the window in a round trip, since the window doubles in one. The initial
// window leaves within a tenth of one: RFC 6928 allows as much at once, but a queue
// may be shorter. Nothing leaves slower than that, so a window of some 80 segments, or
// less, is less and less spread: behind losses small windows would be filled late (a
// tenth less goodput under 3% of loss).
func (w *Window) setPacingRate(srtt time.Duration, initial int) {
	w.PacingRate = 0
	if srtt < minPacedRTT {
		return
	}
	gain := 1.2
	if w.Bytes < w.SlowStartThreshold/2 {
		gain = 2 // nearer to it the window no longer doubles
	}
	if rate := max(gain*float64(w.Bytes), float64(10*initial)) / srtt.Seconds(); rate < maxPacingRate {
		w.PacingRate = max(1, int(rate))
	}
}
