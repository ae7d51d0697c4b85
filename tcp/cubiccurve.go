package tcp

import (
	"math"
	"time"
)

// Constants of CUBIC.
const (
	// RFC 9438, 5.1: "C SHOULD be set to 0.4"; in segments per cubic second.
	cubicC = 0.4
	// 4.6: "The parameter β_cubic SHOULD be set to 0.7".
	cubicBeta = 0.7
	// 4.3: α must be 3 * (1-β)/(1+β) "to achieve an average window size similar to
	// Reno that uses AIMD(1, 0.5)".
	cubicAlpha = 3 * (1 - cubicBeta) / (1 + cubicBeta)
)

// cubicCurve is how CUBIC's window grows in congestion avoidance. Windows are in
// bytes, and so is C times the MSS.
type cubicCurve struct {
	max   float64 // W_max; 0: unknown
	prior float64 // cwnd_prior
	est   float64 // W_est
	k     float64 // K, in seconds
	rest  float64 // of a byte that the window has grown

	// elapsed is t, kept as a sum since it must leave out the time in which the window
	// was not used up; counted is the instant up to which that is known.
	elapsed, counted time.Duration
	started          bool // the stage has: elapsed and counted hold
}

// reduce takes the window before it is reduced for congestion.
func (c *cubicCurve) reduce(cwnd int) {
	w := float64(cwnd)
	c.prior, c.started = w, false
	// RFC 9438, 4.7: "W_max = cwnd * (1 + β_cubic)/2 if cwnd < W_max and fast
	// convergence enabled, further reduce W_max; cwnd otherwise".
	if w < c.max {
		w *= (1 + cubicBeta) / 2
	}
	c.max = w
}

// flatten makes the next stage begin at its plateau: after a timeout (4.8), and
// after a slow start that ended without a loss (4.10).
//
// "K is set to 0, and W_max is set to the congestion window size at the beginning
// of the current congestion avoidance stage."
func (c *cubicCurve) flatten() { c.max, c.started = 0, false }

// begin starts a stage of congestion avoidance with a window of cwnd.
func (c *cubicCurve) begin(now time.Duration, cwnd float64, mss float64) {
	c.started, c.counted, c.elapsed = true, now, 0
	// 4.3: "W_est is set equal to cwnd_epoch at the start of the congestion avoidance
	// stage."
	c.est, c.rest = cwnd, 0
	if c.prior == 0 {
		// 4.10: "In this special case, CUBIC sets cwnd_prior = cwnd".
		c.prior = cwnd
	}
	if c.max <= cwnd {
		c.max, c.k = cwnd, 0
		return
	}
	// 4.2: K is the cube root of (W_max - cwnd_epoch) / C.
	c.k = math.Cbrt((c.max - cwnd) / (cubicC * mss))
}

// skip leaves the time until now out of the stage.
//
// RFC 9438, 4.2: "The elapsed time t [...] MUST NOT include periods during which
// cwnd has not been updated due to application-limited behavior".
func (c *cubicCurve) skip(now time.Duration) { c.counted = max(c.counted, now) }

// at is W_cubic(t), which may be negative.
func (c *cubicCurve) at(t time.Duration, mss float64) float64 {
	d := t.Seconds() - c.k
	return cubicC*mss*d*d*d + c.max
}

// grow returns the window for n bytes acknowledged now, when it was cwnd: larger by n
// at most.
func (c *cubicCurve) grow(now time.Duration, cwnd, n, mss int, srtt time.Duration) int {
	w, m, acked := float64(cwnd), float64(mss), float64(min(n, cwnd))
	if !c.started {
		c.begin(now, w, m)
	}
	c.elapsed += max(0, now-c.counted)
	c.skip(now)

	// 4.3: "W_est = W_est + α_cubic * segments_acked / cwnd". "Once W_est has grown to
	// reach [...] cwnd_prior the sender SHOULD set α_cubic to 1".
	alpha := cubicAlpha
	if c.est >= c.prior {
		alpha = 1
	}
	c.est += alpha * acked / w * m
	if c.at(c.elapsed, m) < c.est && w < c.est {
		// "whether W_cubic(t) is less than W_est. If so, CUBIC is in the Reno-friendly
		// region and cwnd SHOULD be set to W_est at each reception of a new ACK."
		c.rest = 0
		return min(int(c.est), cwnd+n)
	}
	// 4.4, 4.5: "cwnd MUST be incremented by (target - cwnd) / cwnd for each received
	// new ACK", target being W_cubic(t + RTT), but at least cwnd and at most 1.5 times
	// that.
	target := min(max(c.at(c.elapsed+srtt, m), w), 1.5*w)
	c.rest += (target - w) * acked / w
	whole := math.Floor(c.rest)
	c.rest -= whole
	return cwnd + int(whole)
}
