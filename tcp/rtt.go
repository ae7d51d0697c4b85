package tcp

import "time"

// rttEstimator computes the retransmission timeout (RFC 6298).
type rttEstimator struct {
	srtt, rttvar time.Duration // zero srtt: nothing measured yet

	least   minRTT
	synSent instant // when our SYN was, if it may be timed
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

// abandon says that SYN is sent again.
//
// RFC 6298, 3: "RTT samples MUST NOT be made using segments that were
// retransmitted" (Karn's algorithm; RFC 9293: MUST-18).
func (e *rttEstimator) abandon() { e.synSent = 0 }

// minRTTWindow is how long a round trip counts for the least one at least, and at
// most twice that long.
//
// RFC 8985, 6.2: "The sender SHOULD track a windowed min-filtered estimate of recent
// RTT measurements that can adapt when migrating to significantly longer paths".
const minRTTWindow = 150 * second

// minRTT is the least round trip of late: that of two windows, the current one and
// the one before.
type minRTT struct {
	current, before time.Duration // 0: none
	since           instant
}

func (m *minRTT) sample(now instant, r time.Duration) {
	if now-m.since > minRTTWindow {
		m.before, m.current, m.since = m.current, 0, now
	}
	if m.current == 0 || r < m.current {
		m.current = r
	}
}

func (m *minRTT) get() time.Duration {
	if m.before != 0 && m.before < m.current {
		return m.before
	}
	return m.current
}
