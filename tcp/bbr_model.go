package tcp

import "time"

// What BBR knows of the path: packet-timed round trips, the rate at which it
// delivers, and how much ACKs are aggregated on it. The round-trip time stands in
// bbr_probertt.go, what is safe in flight in bbr_loss.go and bbr_probebw.go.

// bbrRounds counts round trips.
type bbrRounds struct {
	nextRound  int64 // BBR.next_round_delivered
	roundCount uint32
	roundStart bool

	windowLimited bool // the window was used up in this round trip
	limitedBefore bool // and in the one before
}

// updateRound notes that a round trip has passed.
//
// The draft, "BBR.round_count": "BBR counts packet-timed round trips by recording
// state about a sentinel packet, and waiting for an ACK of any data packet that was
// sent after that sentinel packet".
func (b *BBR) updateRound(a *Acknowledgment) {
	b.roundStart = a.Rate.PriorTotal >= b.nextRound
	if b.roundStart {
		b.startRound()
		b.roundCount++
		b.roundsSinceUp++
		b.windowLimited, b.limitedBefore = false, b.windowLimited
		b.slowest, b.slowestBefore = b.slowness(), b.slowest
	}
}

func (b *BBR) startRound() { b.nextRound = b.delivered }

// isWindowLimited is C.is_cwnd_limited: "True if the connection has fully utilized
// C.cwnd at any point in the last packet-timed round trip."
func (b *BBR) isWindowLimited() bool { return b.windowLimited || b.limitedBefore }

// markAppLimited takes what is sent until all in flight is acknowledged for
// limited by the user.
//
// The draft, "Detecting application-limited phases": "MarkConnectionAppLimited():
// C.app_limited = max(C.delivered + C.inflight, 1)"
func (b *BBR) markAppLimited(inFlight int) {
	if b.delivered > b.appEnd {
		b.appStart = b.delivered
	}
	b.appEnd = b.delivered + int64(inFlight)
}

// bbrBandwidth is the estimate of the rate.
//
// The draft, "Tracking Time for the BBR.max_bw Max Filter": "the BBR.max_bw filter
// only needs to track samples from two time slots: the previous ProbeBW cycle and
// the current ProbeBW cycle".
type bbrBandwidth struct {
	bw     float64    // BBR.bw: min(max_bw, bw_shortterm)
	cycles [2]float64 // BBR.max_bw_filter: maxima of the last cycle and of this one
}

func (b *BBR) maxBandwidth() float64 { return max(b.cycles[0], b.cycles[1]) }

// updateMaxBandwidth takes the sample of an ACK.
//
// The draft, "BBR.max_bw and Application-limited Delivery Rate Samples": "the
// estimator discards application-limited samples [...] However, the estimator does
// use application-limited samples if the measured delivery rate happens to be
// larger than the current BBR.max_bw estimate".
func (b *BBR) updateMaxBandwidth(a *Acknowledgment) {
	b.updateRound(a)
	rate := a.Rate.BytesPerSecond()
	if rate > 0 && (rate >= b.maxBandwidth() || !a.Rate.AppLimited) {
		b.cycles[1] = max(b.cycles[1], rate)
	}
}

// advanceMaxBandwidth begins a new cycle of the filter. A cycle that saw nothing
// does not displace one that did.
func (b *BBR) advanceMaxBandwidth() {
	if b.cycles[1] > 0 {
		b.cycles = [2]float64{b.cycles[1], 0}
	}
}

// boundBandwidth is BoundBWForModel.
func (b *BBR) boundBandwidth() { b.bw = min(b.maxBandwidth(), b.bandwidthShortterm) }

// bbrAggregation is the estimate of how much more than expected is acknowledged at
// once.
type bbrAggregation struct {
	extraStart     time.Duration // BBR.extra_acked_interval_start
	extraDelivered float64       // BBR.extra_acked_delivered
	extra          maxFilter     // BBR.extra_acked_filter, by round trips
}

// bbrExtraAckedRounds is BBR.ExtraAckedFilterLen.
const bbrExtraAckedRounds = 10

func (b *BBR) extraAcked() int { return int(b.extra.max()) }

// updateACKAggregation takes what an ACK acknowledges.
//
// The draft, "BBR.extra_acked": "For each ACK, the algorithm computes a sample of
// the estimated extra ACKed data beyond the amount of data that the sender expected
// to be ACKed over the timescale of a round trip, given the BBR.bw."
func (b *BBR) updateACKAggregation(w *Window, a *Acknowledgment) {
	expected := b.bw * max(0, a.Now-b.extraStart).Seconds()
	if b.extraDelivered <= expected {
		// "If the ACK rate falls below the expected bandwidth, then the algorithm
		// estimates an aggregation episode has terminated".
		b.extraDelivered, b.extraStart, expected = 0, a.Now, 0
	}
	b.extraDelivered += float64(a.Delivered)
	extra := min(b.extraDelivered-expected, float64(w.Bytes))
	rounds := uint32(1)
	if b.fullReached {
		rounds = bbrExtraAckedRounds
	}
	b.extra.update(b.roundCount, rounds, extra)
}

// maxFilter is the maximum of the samples of a window of virtual time: the best of
// them, the best after it, and the best after that one.
//
// The draft, "Updating the BBR.max_bw Max Filter": "can be implemented using
// Kathleen Nichols' algorithm for tracking the minimum/maximum value of a data
// stream over some measurement window."
type maxFilter [3]struct {
	value float64
	at    uint32
}

func (f *maxFilter) max() float64 { return f[0].value }

// update takes a sample and forgets those that are window or more old.
func (f *maxFilter) update(now, window uint32, value float64) {
	last := f[2]
	last.value, last.at = value, now
	switch {
	case value >= f[0].value, now-f[2].at >= window:
		f[0], f[1], f[2] = last, last, last
		return
	case value >= f[1].value:
		f[1], f[2] = last, last
	case value >= f[2].value:
		f[2] = last
	}
	// The second and the third are to be of later parts of the window than the best,
	// or all would be forgotten together.
	switch age := now - f[0].at; {
	case age >= window:
		f[0], f[1], f[2] = f[1], f[2], last
		if now-f[0].at >= window {
			f[0], f[1] = f[1], f[2]
		}
	case f[1].at == f[0].at && age > window/4:
		f[1], f[2] = last, last
	case f[2].at == f[1].at && age > window/2:
		f[2] = last
	}
}
