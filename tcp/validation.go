package tcp

import "time"

// validation knows how much of the congestion window the sender has lately used
// (RFC 7661). A window that was not used says little about the network: it is kept
// for a while and does not grow, and after a loss what was used counts, not the
// window. A pause of more than a retransmission timeout ends in slow start all the
// same (RFC 5681, 4.1). The zero value is ready.
type validation struct {
	at, period time.Duration // when the sample in hand, and the period, began
	since      time.Duration // from when on the window was not used; 0: it is

	// At most UnboundedThreshold each.
	acked      int32 // bytes that have arrived since at
	best, last int32 // largest sample of this period, and of the last; 0: none
	loss       int32 // what counted at the last loss, if the window was not used then
	again      int32 // bytes sent again since
}

// nonValidatedPeriod is NVP, for which a window that is not used is kept.
//
// RFC 7661, 4.4: "The NVP SHOULD NOT exceed five minutes."
const nonValidatedPeriod = 5 * time.Minute

// pipe is pipeACK, the most that has arrived in a round trip; 0: undefined.
func (v *validation) pipe() int { return int(max(v.best, v.last)) }

// unused says that the window is in its non-validated phase.
//
// RFC 7661, 4.3: "Non-validated phase: pipeACK <(1/2)*cwnd."
func (v *validation) unused(w *Window) bool { return v.pipe() > 0 && v.pipe() < w.Bytes/2 }

// mayGrow says that the window was used when what an ACK acknowledges was sent, and
// that the ACK tells of no marks.
//
// RFC 7661, 4.4: "A sender that is not cwnd-limited MUST NOT increase the cwnd when
// ACK packets are received in this phase". In slow start the flight that a window
// of twice its size grew from is still used well: the phase is not this one.
func (w *Window) mayGrow(a *Acknowledgment) bool {
	return a.Bytes > 0 && !a.Congested && (a.Limited || w.Bytes < w.SlowStartThreshold && a.Before > w.Bytes/2)
}

// acknowledged takes a sample of what arrives in a round trip, and reduces a
// window that has not been used for long. initial is the initial window.
func (v *validation) acknowledged(w *Window, a *Acknowledgment, initial int) {
	if a.Recovering {
		// RFC 7661, 4.2: "The pipeACK variable MUST NOT be updated during TCP Fast
		// Recovery." 4.4.1: "After completing the loss recovery phase, the sender MUST
		// re-initialise the pipeACK variable to the "undefined" value."
		v.forget()
		return
	}
	if v.at == 0 {
		v.at, v.period = a.Now, a.Now
	}
	v.acked = int32(min(int(v.acked)+max(0, a.Delivered), UnboundedThreshold))
	if a.Now-v.at < max(a.SmoothedRTT, 1) {
		return
	}
	// 4.2: "the pipeACK Sampling Period as Max(3*RTT, 1 second)": what has passed of
	// this half of it, and the last one.
	half := max(3*a.SmoothedRTT, time.Second) / 2
	if passed := a.Now - v.period; passed >= half {
		v.last, v.best, v.period = v.best, 0, a.Now
		if passed >= 2*half {
			v.last = 0
		}
	}
	v.best = max(v.best, v.acked)
	v.at, v.acked = a.Now, 0
	v.expire(w, a.Now, initial)
}

// expire reduces a window that has not been used for NVP.
func (v *validation) expire(w *Window, now time.Duration, initial int) {
	switch {
	case !v.unused(w):
		v.since = 0
	case v.since == 0:
		v.since = now
	case now-v.since > nonValidatedPeriod:
		// RFC 7661, 4.4.3: "ssthresh = max(ssthresh, 3*cwnd/4). [...] cwnd =
		// max((1/2)*cwnd, IW)."
		w.SlowStartThreshold = max(w.SlowStartThreshold, w.Bytes/4*3)
		w.Bytes = min(w.Bytes, max(w.Bytes/2, initial))
		v.since = now
	}
}

// forget makes pipeACK undefined.
func (v *validation) forget() {
	v.at, v.since, v.acked, v.best, v.last = 0, 0, 0, 0, 0
}

// lost returns the window from which the one after a loss is reckoned in a
// non-validated phase, with the flight when it was found; 0 in a validated one.
//
// RFC 7661, 4.4.1: "cwnd = (Max(pipeACK,LossFlightSize))/2." While slow start doubles
// the window, pipeACK is behind it by up to two round trips, and a flight that is no less
// than what CUBIC leaves of the window shows that it is used.
func (v *validation) lost(w *Window, flight int) int {
	v.again, v.loss = 0, 0
	doubling := w.Bytes < w.SlowStartThreshold && float64(flight) >= cubicBeta*float64(w.Bytes)
	if v.unused(w) && !doubling {
		v.loss = int32(min(max(v.pipe(), flight), w.Bytes, UnboundedThreshold))
	}
	v.forget()
	return int(v.loss)
}

// sent counts what is sent again.
func (v *validation) sent(s *Sending) {
	if s.Again {
		v.again = int32(min(int(v.again)+s.Bytes, UnboundedThreshold))
	}
}

// recovered sets the window when a loss in a non-validated phase is repaired.
//
// RFC 7661, 4.4.1: "cwnd = (Max(pipeACK,LossFlightSize) - R)/2. Where R is the
// volume of data that was successfully retransmitted". "The ssthresh is adjusted
// using the standard TCP method".
func (v *validation) recovered(w *Window, r *Recovery) {
	if v.loss > 0 && !r.Timeout && !r.Undone {
		w.Bytes = min(w.Bytes, max(int(v.loss-v.again)/2, w.MSS))
		w.SlowStartThreshold = max(w.Bytes, 2*w.MSS)
	}
	v.loss = 0
}

// idle begins anew after a pause.
func (v *validation) idle(w *Window, i *Idleness) {
	// RFC 7661, 4.4.3, and RFC 2861 before it: "ssthresh = max(ssthresh, 3*cwnd/4)". It
	// is how far the window returns by slow start.
	w.SlowStartThreshold = max(w.SlowStartThreshold, w.Bytes/4*3)
	// RFC 5681, 4.1: "a TCP SHOULD set cwnd to no more than RW before beginning
	// transmission if the TCP has not sent data in an interval exceeding the
	// retransmission timeout." "RW = min(IW,cwnd)".
	w.Bytes = min(w.Bytes, i.Restart)
	v.forget()
}
