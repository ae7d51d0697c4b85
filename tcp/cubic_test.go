package tcp

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// flowing hands a window's worth of ACKs, one for two segments each, to a congestion
// control in each round trip until end, the window used up.
func flowing(cc CongestionControl, w *Window, from, end, rtt time.Duration) {
	var total int64
	for now := from; now < end; now += rtt {
		for left, flight := w.Bytes, w.Bytes; left > 0; left -= 2 * w.MSS {
			n := min(left, 2*w.MSS)
			total += int64(n)
			cc.Acknowledged(w, Acknowledgment{
				Now: now, Bytes: n, Delivered: n, Before: flight, InFlight: flight - n, RTT: rtt, SmoothedRTT: rtt, Limited: true,
				Total: total, Rate: RateSample{PriorTotal: max(0, total-int64(flight))},
			})
		}
	}
}

// near says that a window is within a share of what is wanted.
func near(t *testing.T, why string, got int, want, share float64) {
	t.Helper()
	if math.Abs(float64(got)-want) > share*want {
		t.Errorf("%s: %d, want about %.0f", why, got, want)
	}
}

// RFC 9438, 4.2: after a loss the window is back at W_max after K, flat there, and grows faster and faster beyond.
func TestCUBICCurve(t *testing.T) {
	const mss, rtt = 1000, 100 * time.Millisecond
	var c CUBIC
	w := Window{MSS: mss, Bytes: 1000 * mss, SlowStartThreshold: 1000 * mss}
	c.Lost(&w, Loss{Flight: w.Bytes})
	c.Recovered(&w, Recovery{})
	if w.Bytes != 700*mss || w.SlowStartThreshold != 700*mss {
		t.Fatalf("after a loss cwnd is %d, ssthresh %d, want 0.7 of 1000 segments", w.Bytes, w.SlowStartThreshold)
	}
	k := math.Cbrt(300 / 0.4)
	at := func(seconds float64) float64 { return mss * (0.4*math.Pow(seconds-k, 3) + 1000) }
	for second := time.Duration(0); second < 16; second++ {
		flowing(&c, &w, second*time.Second, (second+1)*time.Second, rtt)
		near(t, "W_cubic", w.Bytes, at(float64(second+1)), 0.01)
	}
}

// RFC 9438, 4.3: on short paths the window grows by 0.53 segments in a round trip, and by one beyond cwnd_prior.
func TestCUBICRenoFriendly(t *testing.T) {
	const mss, rtt = 1000, time.Millisecond
	var c CUBIC
	w := Window{MSS: mss, Bytes: 50 * mss, SlowStartThreshold: 50 * mss}
	c.Lost(&w, Loss{Flight: w.Bytes})
	c.Recovered(&w, Recovery{})
	flowing(&c, &w, 0, 20*rtt, rtt)
	near(t, "after 20 round trips", w.Bytes, (35+20*cubicAlpha)*mss, 0.02)
	flowing(&c, &w, 20*rtt, 28*rtt, rtt)
	flowing(&c, &w, 28*rtt, 48*rtt, rtt)
	near(t, "after 20 more beyond cwnd_prior", w.Bytes, (50+20)*mss, 0.02)
}

// RFC 9438, 4.7: the second loss at a smaller window makes for a smaller W_max.
func TestCUBICFastConvergence(t *testing.T) {
	var c CUBIC
	w := Window{MSS: 1000, Bytes: 100_000, SlowStartThreshold: 100_000}
	for _, want := range []float64{100_000, 70_000 * (1 + cubicBeta) / 2} {
		c.Lost(&w, Loss{Flight: w.Bytes})
		c.Recovered(&w, Recovery{})
		if c.curve.max != want {
			t.Errorf("W_max is %v, want %v", c.curve.max, want)
		}
	}
}

// RFC 9438, 4.2: "The elapsed time t [...] MUST NOT include periods during which cwnd has not been updated due to
// application-limited behavior".
func TestCUBICUnusedWindow(t *testing.T) {
	const mss, rtt = 1000, 50 * time.Millisecond
	for _, idle := range []bool{false, true} {
		var c CUBIC
		w := Window{MSS: mss, Bytes: 1000 * mss, SlowStartThreshold: 1000 * mss}
		c.Lost(&w, Loss{Flight: w.Bytes})
		c.Recovered(&w, Recovery{})
		flowing(&c, &w, 0, time.Second, rtt)
		before, now := w.Bytes, time.Second
		for ; now < 4*time.Minute && !idle; now += time.Second {
			c.Acknowledged(&w, Acknowledgment{Now: now, Delivered: mss, Before: w.Bytes * 3 / 4, InFlight: 2 * mss, RTT: rtt, SmoothedRTT: rtt})
		}
		if w.Bytes != before {
			t.Fatalf("a window that was not used has grown from %d to %d", before, w.Bytes)
		}
		now = 4 * time.Minute
		c.Sent(&w, Sending{Now: now, Bytes: mss, InFlight: mss})
		flowing(&c, &w, now, now+rtt, rtt)
		if grown := w.Bytes - before; grown < mss || grown > 20*mss {
			t.Errorf("after minutes the window has grown by %d in a round trip", grown)
		}
	}
}

// RFC 9438, 4.8, and RFC 5681, 3.1.
func TestCUBICTimeout(t *testing.T) {
	const mss, rtt = 1000, 100 * time.Millisecond
	var c CUBIC
	w := Window{MSS: mss, Bytes: 100 * mss, SlowStartThreshold: UnboundedThreshold}
	for i := range 3 {
		c.Lost(&w, Loss{Flight: w.Bytes, Timeout: true, Again: i > 0})
		if w.Bytes != mss || w.SlowStartThreshold != 70*mss {
			t.Fatalf("after timeout %d cwnd is %d, ssthresh %d", i+1, w.Bytes, w.SlowStartThreshold)
		}
	}
	c.Recovered(&w, Recovery{Timeout: true})
	flowing(&c, &w, 0, 7*rtt, rtt)
	near(t, "after slow start", w.Bytes, 70*mss, 0.03)
	flowing(&c, &w, 7*rtt, 10*rtt, rtt)
	if c.curve.k != 0 || c.curve.max > 72*mss {
		t.Errorf("K is %v, W_max %v, want the plateau where congestion avoidance began", c.curve.k, c.curve.max)
	}
}

// RFC 9438, 4.9: a loss that was none leaves no trace.
func TestCUBICUndo(t *testing.T) {
	const mss, rtt = 1000, 100 * time.Millisecond
	for _, timeout := range []bool{false, true} {
		var c CUBIC
		w := Window{MSS: mss, Bytes: 1000 * mss, SlowStartThreshold: 1000 * mss}
		c.Lost(&w, Loss{Flight: w.Bytes})
		c.Recovered(&w, Recovery{})
		flowing(&c, &w, 0, 3*time.Second, rtt)
		before, curve := w, *c.curve
		c.Lost(&w, Loss{Flight: w.Bytes, Timeout: timeout})
		c.Lost(&w, Loss{Flight: w.Bytes / 2})
		w = before
		c.Recovered(&w, Recovery{Undone: true, Timeout: timeout})
		if *c.curve != curve {
			t.Errorf("state is %+v, was %+v", *c.curve, curve)
		}
		// "In rare cases, when [...] the current cwnd is already higher than cwnd_prior, CUBIC SHOULD continue to use the
		// current and the most recent values".
		c.Lost(&w, Loss{Flight: w.Bytes, Timeout: timeout})
		c.Recovered(&w, Recovery{Timeout: timeout})
		curve = *c.curve
		w.Bytes = before.Bytes + mss
		c.Recovered(&w, Recovery{Undone: true})
		if *c.curve != curve {
			t.Errorf("state is %+v, want the most recent, %+v", *c.curve, curve)
		}
	}
}

// RFC 9438, 4.6: marks reduce the window as a loss does, to one segment in the end.
func TestCUBICMarks(t *testing.T) {
	var c CUBIC
	w := Window{MSS: 1000, Bytes: 100_000, SlowStartThreshold: UnboundedThreshold}
	c.CongestionExperienced(&w, Congestion{Flight: 100_000})
	if w.Bytes != 70_000 || w.SlowStartThreshold != 70_000 {
		t.Errorf("cwnd is %d, ssthresh %d", w.Bytes, w.SlowStartThreshold)
	}
	for range 20 {
		c.CongestionExperienced(&w, Congestion{Flight: w.Bytes})
	}
	if w.Bytes != 1000 || w.SlowStartThreshold != 2000 {
		t.Errorf("cwnd is %d, ssthresh %d, want one segment and two", w.Bytes, w.SlowStartThreshold)
	}
}

// TestWindowProperties: whatever happens in whatever order, no algorithm's window leaves its bounds, grows by more than
// was acknowledged, or depends on how ACKs are divided.
func TestWindowProperties(t *testing.T) {
	for _, a := range []struct {
		name string
		make func() CongestionControl
	}{{"cubic", func() CongestionControl { return new(CUBIC) }}, {"reno", func() CongestionControl { return new(NewReno) }}} {
		t.Run(a.name, func(t *testing.T) { rapid.Check(t, func(t *rapid.T) { anyEvents(t, a.make()) }) })
	}
}

func anyEvents(t *rapid.T, cc CongestionControl) {
	mss := rapid.IntRange(88, 65535).Draw(t, "mss")
	bytes := rapid.OneOf(rapid.IntRange(mss, 100*mss), rapid.IntRange(mss, UnboundedThreshold))
	span := rapid.OneOf(rapid.Just(time.Duration(0)), rapid.Map(rapid.IntRange(0, 200), func(ticks int) time.Duration { return time.Duration(ticks) * 15600 * time.Microsecond }),
		rapid.Map(rapid.Int64Range(0, int64(2*time.Second)), func(n int64) time.Duration { return time.Duration(n) }),
		rapid.Map(rapid.IntRange(0, 100), func(days int) time.Duration { return time.Duration(days) * 24 * time.Hour }))
	w := Window{MSS: mss, Bytes: bytes.Draw(t, "initial"), SlowStartThreshold: UnboundedThreshold}
	var now time.Duration
	var total int64
	cc.Start(&w, Beginning{Now: now, Initial: w.Bytes, RTT: span.Draw(t, "handshake")})
	for range rapid.IntRange(1, 60).Draw(t, "events") {
		now += span.Draw(t, "passes")
		before, n := w, bytes.Draw(t, "bytes")
		switch rapid.IntRange(0, 8).Draw(t, "event") {
		case 0:
			timeout := rapid.Bool().Draw(t, "timeout")
			cc.Lost(&w, Loss{Now: now, Flight: n, Timeout: timeout, Again: timeout && rapid.Bool().Draw(t, "again")})
			if w.Bytes > max(before.Bytes, n, 2*mss) {
				t.Fatalf("a loss has made the window grow from %d to %d", before.Bytes, w.Bytes)
			}
		case 1:
			cc.CongestionExperienced(&w, Congestion{Now: now, Flight: n})
		case 2:
			cc.Recovered(&w, Recovery{Now: now, Timeout: rapid.Bool().Draw(t, "timeout"), Undone: rapid.Bool().Draw(t, "undone")})
			if w.Bytes > before.Bytes {
				t.Fatalf("the end of a recovery has made the window grow from %d to %d", before.Bytes, w.Bytes)
			}
		case 3:
			cc.Idle(&w, Idleness{Now: now, For: time.Hour, RTO: time.Second, Restart: 10 * mss})
			if w.Bytes > max(10*mss, before.Bytes) || w.Bytes > before.Bytes {
				t.Fatalf("a pause has made the window %d, it was %d", w.Bytes, before.Bytes)
			}
		case 4:
			cc.Sent(&w, Sending{Now: now, Bytes: n, InFlight: n, Again: rapid.Bool().Draw(t, "again")})
		default:
			total += int64(n)
			a := Acknowledgment{Now: now, Bytes: n, Delivered: n, Before: bytes.Draw(t, "before"), RTT: span.Draw(t, "rtt"), SmoothedRTT: span.Draw(t, "srtt"),
				Limited: rapid.Bool().Draw(t, "limited"), Recovering: rapid.Bool().Draw(t, "recovering"), InTimeout: rapid.Bool().Draw(t, "in timeout"),
				Total: total, Rate: RateSample{PriorTotal: total - int64(n)}}
			cc.Acknowledged(&w, a)
			if grown := w.Bytes - before.Bytes; grown > min(n, a.Before)+mss {
				t.Fatalf("%d acknowledged, of %d in the network, have made the window grow by %d", n, a.Before, grown)
			}
		}
		if w.Bytes < mss || w.Bytes > UnboundedThreshold || w.SlowStartThreshold < 2*mss || w.SlowStartThreshold > UnboundedThreshold ||
			w.PacingRate < 0 || w.MSS != mss || w.Own {
			t.Fatalf("the window is %+v", w)
		}
	}
}

// TestPacingAfterSlowSYN: a first round trip of a second, in which the SYN waited for the neighbour's address, does not set
// the pace on a path of microseconds.
func TestPacingAfterSlowSYN(t *testing.T) {
	var c CUBIC
	w := Window{MSS: 1000, Bytes: 10_000, SlowStartThreshold: UnboundedThreshold}
	c.Start(&w, Beginning{Initial: 10_000, RTT: time.Second})
	if w.PacingRate == 0 {
		t.Fatal("the initial window is not paced at a round trip of a second")
	}
	c.Acknowledged(&w, Acknowledgment{Now: time.Second, Bytes: 1000, Delivered: 1000, Before: 10_000, InFlight: 9000,
		RTT: 130 * time.Microsecond, SmoothedRTT: 875 * time.Millisecond, Limited: true, Total: 1000})
	if w.PacingRate != 0 {
		t.Errorf("text leaves at %d bytes a second though the round trip takes 130 us", w.PacingRate)
	}
}
