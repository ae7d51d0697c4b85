package tcp

// NewReno is the congestion control of RFC 5681: slow start and congestion
// avoidance, by counting bytes. The zero value is ready.
type NewReno struct {
	used    validation
	initial int // bytes: the initial window
	acked   int // bytes acknowledged since the window last grew in congestion avoidance
}

// Start implements [CongestionControl].
func (r *NewReno) Start(w *Window, s Beginning) {
	r.initial = s.Initial
	w.PacingRate = 0
}

// Acknowledged implements [CongestionControl].
func (r *NewReno) Acknowledged(w *Window, a Acknowledgment) {
	r.used.acknowledged(w, &a, r.initial)
	if a.Recovering && !a.InTimeout || !w.mayGrow(&a) {
		return
	}
	// After a timeout an ACK may cover more than was in the network: what was taken
	// for lost, and was not, does not count.
	n := min(a.Delivered, a.Before)
	if w.Bytes < w.SlowStartThreshold {
		w.Bytes = min(w.Bytes+w.slowStart(n), UnboundedThreshold)
		r.acked = 0
		return
	}
	// RFC 5681, 3.1: "The RECOMMENDED way to increase cwnd during congestion
	// avoidance is to count the number of bytes that have been acknowledged by
	// ACKs for new data. [...] When the number of bytes acknowledged reaches cwnd,
	// then cwnd can be incremented by up to SMSS bytes."
	r.acked += n
	if r.acked >= w.Bytes {
		r.acked = min(r.acked-w.Bytes, w.Bytes)
		w.Bytes = min(w.Bytes+w.MSS, UnboundedThreshold)
	}
}

// slowStart is how much the window grows in slow start for an ACK of n bytes.
func (w *Window) slowStart(n int) int {
	// RFC 5681, 3.1: "cwnd += min (N, SMSS)". An ACK for a super-segment stands
	// for those that its segments would have got one by one, or two by two.
	acks := max(1, (n+2*w.MSS-1)/(2*w.MSS))
	return min(n, acks*w.MSS)
}

// Lost implements [CongestionControl].
func (r *NewReno) Lost(w *Window, l Loss) {
	// RFC 5681, 3.1: "when a TCP sender detects segment loss using the
	// retransmission timer and the given segment has already been retransmitted
	// by way of the retransmission timer at least once, the value of ssthresh is
	// held constant."
	if !l.Again {
		// "ssthresh = max (FlightSize / 2, 2*SMSS)"
		flight := max(l.Flight, r.used.lost(w, l.Flight))
		w.SlowStartThreshold = max(flight/2, 2*w.MSS)
	}
	w.Bytes = w.SlowStartThreshold
	if l.Timeout {
		// "upon a timeout [...] cwnd MUST be set to no more than the loss window,
		// LW, which equals 1 full-sized segment"
		w.Bytes = w.MSS
	}
	r.acked = 0
}

// CongestionExperienced implements [CongestionControl].
func (r *NewReno) CongestionExperienced(w *Window, c Congestion) {
	// RFC 3168, 6.1.2: "essentially the same as the congestion control response to
	// a *single* dropped packet"
	r.Lost(w, Loss{Now: c.Now, Flight: c.Flight})
	r.used.loss = 0 // there is nothing to recover
}

// Recovered implements [CongestionControl].
func (r *NewReno) Recovered(w *Window, e Recovery) { r.used.recovered(w, &e) }

// Sent implements [CongestionControl].
func (r *NewReno) Sent(_ *Window, s Sending) { r.used.sent(&s) }

// Idle implements [CongestionControl].
func (r *NewReno) Idle(w *Window, i Idleness) {
	r.used.idle(w, &i)
	r.acked = 0
}
