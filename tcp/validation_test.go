package tcp

import (
	"testing"
	"time"
)

// trickle acknowledges a share of the window in each round trip.
func trickle(cc CongestionControl, w *Window, from, end, rtt time.Duration, n int) {
	for now := from; now < end; now += rtt {
		cc.Acknowledged(w, Acknowledgment{Now: now, Bytes: n, Delivered: n, Before: n, RTT: rtt, SmoothedRTT: rtt})
	}
}

func eachWindow(t *testing.T, f func(t *testing.T, cc CongestionControl, used *validation)) {
	t.Run("reno", func(t *testing.T) { r := new(NewReno); f(t, r, &r.used) })
	t.Run("cubic", func(t *testing.T) { c := new(CUBIC); f(t, c, &c.used) })
}

// RFC 7661, 4.3: a window that is not used is kept, and does not grow.
func TestUnusedWindowIsKept(t *testing.T) {
	eachWindow(t, func(t *testing.T, cc CongestionControl, used *validation) {
		const rtt = 100 * time.Millisecond
		w := Window{MSS: 1000, Bytes: 100_000, SlowStartThreshold: 50_000}
		cc.Start(&w, Beginning{Initial: 10_000})
		trickle(cc, &w, time.Second, 3*time.Second, rtt, 60_000)
		if used.unused(&w) {
			t.Error("60 of 100 is more than a half")
		}
		trickle(cc, &w, 3*time.Second, 6*time.Second, rtt, 20_000)
		if !used.unused(&w) {
			t.Errorf("20 of 100 is less than a half: pipeACK %d", used.pipe())
		}
		if w.Bytes != 100_000 {
			t.Errorf("cwnd is %d", w.Bytes)
		}
	})
}

// RFC 7661, 4.4.3: after five minutes it is halved, and slow start leads back to three quarters.
func TestUnusedWindowExpires(t *testing.T) {
	eachWindow(t, func(t *testing.T, cc CongestionControl, _ *validation) {
		const rtt = 100 * time.Millisecond
		w := Window{MSS: 1000, Bytes: 100_000, SlowStartThreshold: 50_000}
		cc.Start(&w, Beginning{Initial: 10_000})
		trickle(cc, &w, time.Second, 5*time.Minute, rtt, 1000)
		if w.Bytes != 100_000 {
			t.Fatalf("cwnd is %d before five minutes", w.Bytes)
		}
		trickle(cc, &w, 5*time.Minute, 6*time.Minute, rtt, 1000)
		if w.Bytes != 50_000 || w.SlowStartThreshold != 75_000 {
			t.Errorf("cwnd is %d, ssthresh %d", w.Bytes, w.SlowStartThreshold)
		}
		trickle(cc, &w, 6*time.Minute, time.Hour, rtt, 1000)
		if w.Bytes != 10_000 {
			t.Errorf("cwnd is %d, want the initial window", w.Bytes)
		}
	})
}

// RFC 7661, 4.4.1: "cwnd = (Max(pipeACK,LossFlightSize) - R)/2."
func TestLossInUnusedWindow(t *testing.T) {
	eachWindow(t, func(t *testing.T, cc CongestionControl, used *validation) {
		const rtt = 100 * time.Millisecond
		w := Window{MSS: 1000, Bytes: 100_000, SlowStartThreshold: 50_000}
		cc.Start(&w, Beginning{Initial: 10_000})
		trickle(cc, &w, time.Second, 3*time.Second, rtt, 20_000)
		cc.Lost(&w, Loss{Now: 3 * time.Second, Flight: 8000})
		if w.Bytes != 10_000 || w.SlowStartThreshold != 10_000 {
			t.Errorf("after a loss cwnd is %d, ssthresh %d, want half of pipeACK", w.Bytes, w.SlowStartThreshold)
		}
		cc.Sent(&w, Sending{Now: 3 * time.Second, Bytes: 4000, Again: true})
		cc.Recovered(&w, Recovery{Now: 3*time.Second + rtt})
		if w.Bytes != 8000 || w.SlowStartThreshold != 8000 {
			t.Errorf("after recovery cwnd is %d, ssthresh %d, want half of 20,000 - 4,000", w.Bytes, w.SlowStartThreshold)
		}
		if used.pipe() != 0 {
			t.Error("pipeACK is to be undefined")
		}
	})
}

// RFC 5681, 4.1: "RW = min(IW,cwnd)".
func TestRestartWindow(t *testing.T) {
	eachWindow(t, func(t *testing.T, cc CongestionControl, _ *validation) {
		w := Window{MSS: 1000, Bytes: 100_000, SlowStartThreshold: 20_000}
		cc.Idle(&w, Idleness{Now: time.Minute, For: time.Second, Restart: 10_000})
		if w.Bytes != 10_000 || w.SlowStartThreshold != 75_000 {
			t.Errorf("cwnd is %d, ssthresh %d", w.Bytes, w.SlowStartThreshold)
		}
		cc.Idle(&w, Idleness{Now: time.Hour, For: time.Second, Restart: 20_000})
		if w.Bytes != 10_000 {
			t.Errorf("cwnd is %d", w.Bytes)
		}
	})
}

// While slow start doubles the window, what arrived in a round trip is what a window of half the size, or a quarter, had
// sent: a loss is reckoned from the window, which the flight shows to be used.
func TestLossInSlowStart(t *testing.T) {
	var v validation
	const rtt = 100 * time.Millisecond
	w := Window{MSS: 1000, Bytes: 10_000, SlowStartThreshold: UnboundedThreshold}
	for now := time.Second; now <= time.Second+rtt; now += rtt / 10 {
		v.acknowledged(&w, &Acknowledgment{Now: now, Bytes: 1000, Delivered: 1000, SmoothedRTT: rtt}, 10_000)
	}
	w.Bytes = 28_000
	if !v.unused(&w) {
		t.Fatalf("pipeACK is %d", v.pipe())
	}
	used := v
	if got := used.lost(&w, 24_000); got != 0 {
		t.Errorf("with 24 of 28 kB in the network, the loss is reckoned from %d", got)
	}
	used = v
	if got := used.lost(&w, 19_000); got != 19_000 {
		t.Errorf("with 19 of 28 kB in the network, the loss is reckoned from %d", got)
	}
	w.SlowStartThreshold = 20_000
	if got := v.lost(&w, 24_000); got != 24_000 {
		t.Errorf("in congestion avoidance, the loss is reckoned from %d", got)
	}
}
