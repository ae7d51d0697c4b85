package tcp

// BBR's Startup, which doubles the rate each round trip until the pipe is full, and
// Drain, which empties the queue that this made.

// bbrFullPipe is the estimator of whether the pipe is full.
type bbrFullPipe struct {
	fullReached   bool    // BBR.full_bw_reached: it has been full
	fullNow       bool    // BBR.full_bw_now: since we began to look
	fullCount     uint8   // BBR.full_bw_count: round trips without much growth
	fullBandwidth float64 // BBR.full_bw: what growth is measured from

	lossEvents uint8  // ACKs of this round trip that showed losses
	drainStart uint32 // BBR.drain_start_round
}

const (
	bbrFullRounds    = 3
	bbrFullGrowth    = 1.25
	bbrStartupLosses = 6 // BBRStartupFullLossCnt
	bbrDrainRounds   = 3
	bbrMaxLossEvents = 100
)

// resetFullBandwidth begins to look for a plateau, from a rate on.
func (b *BBR) resetFullBandwidth(from float64) {
	b.fullBandwidth, b.fullCount, b.fullNow = from, 0, false
}

// checkFullBandwidthReached looks for a plateau.
//
// The draft, "Exiting Acceleration Based on Bandwidth Plateau": "if BBR counts
// several (three) non-application-limited rounds where attempts to significantly
// increase the delivery rate actually result in little increase (less than 25
// percent), then it estimates that it has fully utilized the per-flow available
// bandwidth".
func (b *BBR) checkFullBandwidthReached(a *Acknowledgment) {
	rate := a.Rate.BytesPerSecond()
	if b.fullNow || !b.roundStart || a.Rate.AppLimited || rate <= 0 {
		return
	}
	if rate >= b.fullBandwidth*bbrFullGrowth {
		b.resetFullBandwidth(rate)
		return
	}
	b.fullCount++
	if b.fullNow = b.fullCount >= bbrFullRounds; b.fullNow {
		b.fullReached = true
	}
}

func (b *BBR) checkStartupDone(w *Window, a *Acknowledgment) {
	b.checkStartupHighLoss(w, a)
	if b.state == bbrStartup && b.fullReached {
		b.enterDrain()
	}
}

// checkStartupHighLoss looks for losses that say that the pipe is full.
//
// The draft, "Exiting Startup Based on Packet Loss": "The connection has been in
// fast recovery for at least one full packet-timed round trip. [...] The loss rate
// over the time scale of a single full round trip exceeds BBR.LossThresh (2%). [...]
// There are at least BBRStartupFullLossCnt=6 discontiguous sequence ranges lost in
// that round trip." ACKs that show a loss are counted for ranges: between two that
// do, something has arrived.
func (b *BBR) checkStartupHighLoss(w *Window, a *Acknowledgment) {
	if a.Lost > 0 && b.lossEvents < bbrMaxLossEvents {
		b.lossEvents++
	}
	tooHigh := b.lossRoundStart && b.lossEvents >= bbrStartupLosses && b.isInflightTooHigh(w, a.Rate.Lost, a.Rate.InFlight)
	if !b.sack {
		// "CheckStartupHighLoss() exits Startup based on packet loss if any packet loss
		// is detected during fast recovery."
		tooHigh = a.Lost > 0
	}
	if tooHigh && b.state == bbrStartup && a.Recovering && !a.InTimeout {
		b.exitStartup()
	}
	if b.lossRoundStart {
		b.lossEvents = 0
	}
}

// exitStartup ends Startup because of losses.
//
// "First, it sets BBR.undo_state = Startup [...] Second, it sets
// BBR.full_bw_reached = true. Then it sets BBR.inflight_longterm to its estimate of
// a safe level of in-flight data suggested by these losses, which is max(BBR.bdp,
// BBR.inflight_latest) [...] Finally, it exits Startup and enters Drain."
func (b *BBR) exitStartup() {
	b.undoState = bbrStartup
	b.fullNow, b.fullReached = true, true
	b.inflightLongterm = max(b.bdp(1), b.inflightLatest)
	b.enterDrain()
}

func (b *BBR) enterDrain() {
	b.state = bbrDrain
	b.drainStart = b.roundCount
}

// checkDrainDone ends Drain.
//
// The draft, "Drain": "when the amount of data in flight is less than or equal to
// the estimated BDP [...] then BBR exits Drain and enters ProbeBW. [...] it could
// take longer if the bandwidth was overestimated [...] In that case, BBR enters
// ProbeBW after 3 round trips".
func (b *BBR) checkDrainDone(w *Window, a *Acknowledgment) {
	if b.state == bbrDrain && (a.InFlight <= b.inflight(w, 1) || b.roundCount-b.drainStart > bbrDrainRounds) {
		b.startDown(a.Now)
	}
}
