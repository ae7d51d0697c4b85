package tcp

// NewReno is the congestion control of RFC 5681: slow start and congestion
// avoidance, by counting bytes. With the recovery that the machine does it is
// RFC 6582's. The zero value is ready.
type NewReno struct {
	acked int // bytes acknowledged since the window last grew in congestion avoidance
}

// Start implements [CongestionControl].
func (r *NewReno) Start(*Window, Beginning) {}

// Acknowledged implements [CongestionControl].
func (r *NewReno) Acknowledged(w *Window, a Acknowledgment) {
	// A window that was not used up says nothing about the network. RFC 7661, 4.4:
	// "A sender that is not cwnd-limited MUST NOT increase the cwnd".
	if !a.Limited || a.Recovering && !a.InTimeout {
		return
	}
	// After a timeout an ACK may cover more than was in the network: what was taken
	// for lost, and was not, does not count.
	n := min(a.Bytes, a.Before)
	if w.Bytes < w.SlowStartThreshold {
		r.slowStart(w, n)
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

// slowStart grows the window for n bytes acknowledged.
func (r *NewReno) slowStart(w *Window, n int) {
	// RFC 5681, 3.1: "cwnd += min (N, SMSS)". An ACK for a super-segment stands
	// for those that its segments would have got one by one, or two by two.
	acks := max(1, (n+2*w.MSS-1)/(2*w.MSS))
	w.Bytes = min(w.Bytes+min(n, acks*w.MSS), UnboundedThreshold)
	r.acked = 0
}

// Lost implements [CongestionControl].
func (r *NewReno) Lost(w *Window, l Loss) {
	// RFC 5681, 3.1: "when a TCP sender detects segment loss using the
	// retransmission timer and the given segment has already been retransmitted
	// by way of the retransmission timer at least once, the value of ssthresh is
	// held constant."
	if !l.Again {
		// "ssthresh = max (FlightSize / 2, 2*SMSS)"
		w.SlowStartThreshold = max(l.Flight/2, 2*w.MSS)
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
}

// Recovered implements [CongestionControl].
func (r *NewReno) Recovered(*Window, Recovery) {}

// Sent implements [CongestionControl].
func (r *NewReno) Sent(*Window, Sending) {}

// Idle implements [CongestionControl].
func (r *NewReno) Idle(w *Window, i Idleness) {
	// RFC 5681, 4.1: "a TCP SHOULD set cwnd to no more than RW before beginning
	// transmission if the TCP has not sent data in an interval exceeding the
	// retransmission timeout."
	w.Bytes = min(w.Bytes, i.Restart)
	r.acked = 0
}
