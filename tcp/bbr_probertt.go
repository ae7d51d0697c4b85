package tcp

import (
	"math"
	"time"
)

// BBR's estimate of the round-trip time without a queue, and ProbeRTT, which drains
// the queue to measure it.

// bbrMinRTT is the estimate.
type bbrMinRTT struct {
	minRTT        time.Duration // BBR.min_rtt; noRTT when there is none
	minStamp      time.Duration // BBR.min_rtt_stamp
	probeMin      time.Duration // BBR.probe_rtt_min_delay
	probeMinStamp time.Duration // BBR.probe_rtt_min_stamp
	probeMinUntil time.Duration // until when samples as low as that renew the stamp

	probeExpired   bool          // BBR.probe_rtt_expired
	probeRoundDone bool          // BBR.probe_rtt_round_done
	probeDone      time.Duration // BBR.probe_rtt_done_stamp; 0: the queue is not drained yet
	idleRestart    bool          // BBR.idle_restart
}

// The draft, "ProbeRTT and min_rtt Parameters and State".
const (
	bbrMinRTTFilter     = 10 * time.Second
	bbrProbeRTTDuration = 200 * time.Millisecond
	bbrProbeRTTInterval = 5 * time.Second
	bbrMinRTTRenewal    = bbrMinRTTFilter - bbrProbeRTTInterval
)

// bbrSameRTT is the part of the round-trip time by which two samples may differ that
// are taken for equal.
const bbrSameRTT = 64

const noRTT = time.Duration(math.MaxInt64)

func (m *bbrMinRTT) start(now, rtt time.Duration) {
	if rtt <= 0 {
		rtt = noRTT
	}
	m.minRTT, m.minStamp = rtt, now
	m.probeMin, m.probeMinStamp = rtt, now
	m.probeMinUntil = now + bbrMinRTTRenewal
}

// updateMinRTT takes the sample of an ACK.
//
// The draft, "ProbeRTT Logic". Its estimate is renewed by a lower sample only, which on
// a clock of nanoseconds never comes. Here an equal one renews it too: the queue has
// been empty then, which is all that ProbeRTT is for, and costs a twentieth of the
// goodput where the round trip is long, or Startup. But not for ever: flows that share
// a queue which none of them drains take it for the path. ProbeRTT comes when the
// estimate is as old as the filter of min_rtt at the latest.
func (b *BBR) updateMinRTT(a *Acknowledgment) {
	b.probeExpired = a.Now > b.probeMinStamp+bbrProbeRTTInterval
	switch {
	case a.RTT <= 0:
	case a.RTT < b.probeMin || b.probeExpired:
		b.probeMin, b.probeMinStamp, b.probeMinUntil = a.RTT, a.Now, a.Now+bbrMinRTTRenewal
	case a.RTT-b.probeMin <= b.probeMin/bbrSameRTT:
		b.probeMinStamp = max(b.probeMinStamp, min(a.Now, b.probeMinUntil))
		if b.probeMin == b.minRTT {
			// Both must not end with the same ACK: ProbeRTT's window is reckoned from min_rtt.
			b.minStamp = b.probeMinStamp
		}
	}
	if b.probeMin < b.minRTT || a.Now > b.minStamp+bbrMinRTTFilter {
		b.minRTT, b.minStamp = b.probeMin, b.probeMinStamp
	}
}

// checkProbeRTT enters ProbeRTT, goes through it, and leaves it.
func (b *BBR) checkProbeRTT(w *Window, a *Acknowledgment) {
	if b.state != bbrProbeRTT && b.probeExpired && !b.idleRestart {
		b.state = bbrProbeRTT
		b.saveWindow(w)
		b.probeDone = 0
		b.phase = acksProbeStopping
		b.startRound()
	}
	if b.state == bbrProbeRTT {
		b.handleProbeRTT(w, a)
	}
	if a.Rate.Delivered > 0 {
		b.idleRestart = false
	}
}

// handleProbeRTT stays "for at least BBR.ProbeRTTDuration (200 ms) and at least one
// packet-timed round trip".
func (b *BBR) handleProbeRTT(w *Window, a *Acknowledgment) {
	b.markAppLimited(a.InFlight) // "Ignore low rate samples during ProbeRTT".
	if b.probeDone == 0 {
		if a.InFlight <= b.probeRTTWindow(w) {
			b.probeDone = a.Now + bbrProbeRTTDuration
			b.probeRoundDone = false
			b.startRound()
		}
		return
	}
	b.probeRoundDone = b.probeRoundDone || b.roundStart
	if b.probeRoundDone {
		b.checkProbeRTTDone(w, a.Now)
	}
}

// checkProbeRTTDone leaves ProbeRTT when its time is over.
//
// The draft, "Exiting ProbeRTT": "the algorithm resets the bandwidth-probing clock
// by starting the cycle at ProbeBW_DOWN(). But then [...] we know that [inflight] is
// already below the estimated BDP, so the connection can proceed immediately to
// ProbeBW_CRUISE."
func (b *BBR) checkProbeRTTDone(w *Window, now time.Duration) {
	if b.probeDone == 0 || now <= b.probeDone {
		return
	}
	b.probeMinStamp = now // "schedule next ProbeRTT"
	b.probeMinUntil = now + bbrMinRTTRenewal
	b.restoreWindow(w)
	b.resetShortTermModel()
	if !b.fullReached {
		b.state = bbrStartup
		return
	}
	b.startDown(now)
	b.state = bbrCruise
}

// restartFromIdle is for what is sent when nothing is in flight and the user is
// what limited us.
//
// The draft, "Actions when Restarting from Idle": "When restarting from idle in
// ProbeBW states, BBR leaves C.cwnd as-is and paces packets at exactly BBR.bw".
func (b *BBR) restartFromIdle(w *Window, now time.Duration) {
	b.idleRestart = true
	b.extraStart = now
	switch {
	case b.inProbeBW():
		b.setPacingRate(w, 1)
	case b.state == bbrProbeRTT:
		b.checkProbeRTTDone(w, now)
	}
}
