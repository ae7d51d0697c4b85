package tcp

import (
	"time"

	"github.com/usernet-go/usernet/internal/text"
)

// CUBIC is the congestion control of RFC 9438: its window grows with the time since
// the last loss, not with the number of round trips, and so as fast on long paths
// as on short ones. It starts with HyStart++ (RFC 9406). The zero value is ready.
type CUBIC struct {
	used  validation
	curve *cubicCurve // nil until congestion avoidance first begins
	undo  *cubicCurve // what curve was before a loss that is being repaired
	start *hystart    // nil but in the first slow start
	// reduced says that a loss is being repaired, and undoable that undo, and before,
	// the window, tell what was before it.
	reduced, undoable bool
	before            int32
	initial           int32 // bytes: the initial window
}

// Start implements [CongestionControl].
func (c *CUBIC) Start(w *Window, s Beginning) {
	c.initial = int32(min(s.Initial, UnboundedThreshold))
	w.setPacingRate(s.RTT, int(c.initial))
}

// Acknowledged implements [CongestionControl].
func (c *CUBIC) Acknowledged(w *Window, a Acknowledgment) {
	c.used.acknowledged(w, &a, int(c.initial))
	// What was taken for lost, and was not, does not count (RFC 5681, 3.1: what is
	// acknowledged, not how often).
	n := min(a.Delivered, a.Before)
	switch {
	case a.Recovering && !a.InTimeout:
	case w.Bytes < w.SlowStartThreshold:
		c.slowStart(w, &a, n)
	case w.mayGrow(&a):
		c.avoid(w, &a, n)
	case c.curve != nil:
		c.curve.skip(a.Now)
	}
	rtt := a.SmoothedRTT
	if a.RTT > 0 && a.RTT < rtt/2 {
		// A SYN that had to wait for the neighbour's address makes the first sample a
		// second: the average needs many more, and these come at the rate that it sets.
		rtt = a.RTT
	}
	w.setPacingRate(rtt, int(c.initial))
}

// slowStart grows the window for n bytes that have arrived.
func (c *CUBIC) slowStart(w *Window, a *Acknowledgment, n int) {
	// RFC 9406, 4.3: "An implementation SHOULD use HyStart++ only for the initial slow
	// start (when the ssthresh is at its initial value of arbitrarily high per
	// [RFC5681])".
	if w.SlowStartThreshold >= UnboundedThreshold {
		if c.start == nil {
			c.start = new(hystart)
		}
		if c.start.acknowledged(w, a, n) {
			// RFC 9438, 4.10: "it may exit the first slow start without incurring any packet
			// loss and thus W_max is undefined."
			c.start = nil
			c.shape().flatten()
		}
		return
	}
	c.start = nil
	if !w.mayGrow(a) {
		return
	}
	limit := n
	switch {
	case a.InTimeout:
		// RFC 3465, 2.3: "during a slow start phase that follows a retransmission timeout
		// (RTO) [...] a TCP MUST use L=1*SMSS".
		limit = w.slowStart(n)
	case w.PacingRate == 0:
		limit = hystartLimit * w.MSS
	}
	grown := min(n, limit, w.SlowStartThreshold-w.Bytes)
	w.Bytes += grown
	if n > grown && grown < limit {
		c.avoid(w, a, n-grown)
	}
}

// avoid grows the window in congestion avoidance for n bytes that have arrived.
func (c *CUBIC) avoid(w *Window, a *Acknowledgment, n int) {
	w.Bytes = min(c.shape().grow(a.Now, w.Bytes, n, w.MSS, a.SmoothedRTT), UnboundedThreshold)
}

// shape is the curve of congestion avoidance.
func (c *CUBIC) shape() *cubicCurve {
	if c.curve == nil {
		c.curve = new(cubicCurve)
	}
	return c.curve
}

// Lost implements [CongestionControl].
func (c *CUBIC) Lost(w *Window, l Loss) {
	if !c.reduced || l.Timeout && !l.Again {
		// RFC 9438, 4.9.2: "MAY save the current value of the following variables before
		// the congestion window is reduced."
		if c.undo == nil {
			c.undo = new(cubicCurve)
		}
		*c.undo, c.before, c.undoable = *c.shape(), int32(min(w.Bytes, UnboundedThreshold)), true
	}
	c.reduced = true
	if !l.Again {
		c.reduce(w, l.Flight, 2)
	}
	if l.Timeout {
		// 4.8: "In the case of a timeout, CUBIC follows Reno to reduce cwnd".
		w.Bytes = w.MSS
		c.shape().flatten()
	}
}

// reduce sets the window and the threshold after congestion, the window to least
// segments or more.
func (c *CUBIC) reduce(w *Window, flight, least int) {
	c.start = nil
	before := w.Bytes
	// RFC 9438, 4.6: "Some implementations of CUBIC currently use cwnd instead of
	// flight_size when calculating a new ssthresh. Implementations that use cwnd MUST
	// use other measures to prevent cwnd from growing when the volume of bytes in
	// flight is smaller than cwnd." That is mayGrow, and RFC 7661.
	after := int(cubicBeta * float64(before))
	if used := c.used.lost(w, flight); used > 0 {
		before, after = used, used/2
	}
	c.shape().reduce(before)
	w.Bytes = max(after, least*w.MSS)
	w.SlowStartThreshold = max(after, 2*w.MSS)
}

// CongestionExperienced implements [CongestionControl].
func (c *CUBIC) CongestionExperienced(w *Window, e Congestion) {
	// RFC 9438, 4.6: "max(ssthresh, 1) reduction on ECE, cwnd >= 1 SMSS". Nothing undoes
	// it.
	c.reduce(w, e.Flight, 1)
	c.used.loss = 0 // there is nothing to recover
	c.undoable = false
}

// Recovered implements [CongestionControl].
func (c *CUBIC) Recovered(w *Window, r Recovery) {
	c.used.recovered(w, &r)
	c.reduced = false
	// RFC 9438, 4.9.2: "when the detection happens long after a spurious fast
	// retransmit event and the current cwnd is already higher than cwnd_prior, CUBIC
	// SHOULD continue to use the current and the most recent values of these
	// variables." The machine has put the window back.
	if r.Undone && c.undoable && w.Bytes <= int(c.before) {
		*c.curve = *c.undo
	}
	if r.Undone {
		c.undoable = false
	}
}

// Sent implements [CongestionControl].
func (c *CUBIC) Sent(_ *Window, s Sending) {
	c.used.sent(&s)
	if c.curve != nil && s.InFlight <= s.Bytes {
		// Nothing was in the network: until now no window was used.
		c.curve.skip(s.Now)
	}
}

// Idle implements [CongestionControl].
func (c *CUBIC) Idle(w *Window, i Idleness) {
	c.used.idle(w, &i)
	w.setPacingRate(i.SmoothedRTT, int(c.initial))
	if c.curve != nil {
		c.curve.skip(i.Now)
	}
}

// String tells the state in RFC 9438's words, windows in bytes.
func (c *CUBIC) String() string {
	if c.start != nil {
		return c.start.String()
	}
	if c.curve == nil || !c.curve.started {
		return ""
	}
	s := c.curve
	return text.Sprintf("W_max %.0f, K %v, t %v, W_est %.0f", s.max, time.Duration(s.k*float64(time.Second)).Round(time.Millisecond),
		s.elapsed.Round(time.Millisecond), s.est)
}
