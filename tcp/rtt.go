package tcp

import "time"

// rttEstimator computes the retransmission timeout (RFC 6298).
type rttEstimator struct {
	srtt, rttvar time.Duration // zero srtt: nothing measured yet

	// One segment at a time is timed, to the clock's precision.
	timing bool
	seq    Seq // number of the byte whose acknowledgment ends the measurement
	sent   instant
}

// sample takes a measured round trip.
func (e *rttEstimator) sample(r time.Duration) {
	r = max(r, 1)
	if e.srtt == 0 {
		// RFC 6298, 2.2: "When the first RTT measurement R is made, the host MUST set
		// SRTT <- R, RTTVAR <- R/2"
		e.srtt, e.rttvar = r, r/2
		return
	}
	// 2.3: "RTTVAR <- (1 - beta) * RTTVAR + beta * |SRTT - R'|, SRTT <- (1 - alpha)
	// * SRTT + alpha * R' [...] using alpha=1/8 and beta=1/4"
	e.rttvar += ((e.srtt - r).Abs() - e.rttvar) / 4
	e.srtt = max(1, e.srtt+(r-e.srtt)/8)
}

// rto returns the retransmission timeout, without back-off.
func (e *rttEstimator) rto(cfg *Config) time.Duration {
	if e.srtt == 0 {
		// 2.1: "Until a round-trip time (RTT) measurement has been made [...] the
		// sender SHOULD set RTO <- 1 second"
		return cfg.InitialRTO
	}
	// 2.2: "RTO <- SRTT + max (G, K*RTTVAR) where K = 4". The minimum stands where
	// the clock's granularity G does, as in Linux: on a path without variation the
	// timeout would otherwise come as close to the round trip as the peer's next
	// delayed ACK. With it 2.4, "it is less than 1 second, then the RTO SHOULD be
	// rounded up", holds for the configured minimum.
	return min(e.srtt+max(cfg.MinRTO, 4*e.rttvar), cfg.MaxRTO)
}

// time starts a measurement with a segment that is sent at now and ends before
// end, unless one is under way.
//
// RFC 6298, 3: "A TCP implementation MUST take at least one RTT measurement per
// RTT (unless that is not possible per Karn's algorithm)."
func (e *rttEstimator) time(end Seq, now instant) {
	if !e.timing {
		e.timing, e.seq, e.sent = true, end, now
	}
}

// abandon drops the measurement when what it waits for is sent again.
//
// RFC 6298, 3: "RTT samples MUST NOT be made using segments that were
// retransmitted" (Karn's algorithm; RFC 9293: MUST-18).
func (e *rttEstimator) abandon() { e.timing = false }

// acknowledged returns the round trip that an ACK up to ack ends.
func (e *rttEstimator) acknowledged(ack Seq, now instant) (time.Duration, bool) {
	if !e.timing || ack.Less(e.seq) {
		return 0, false
	}
	e.timing = false
	return max(now.since(e.sent), 1), true
}
