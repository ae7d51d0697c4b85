package tcp

import (
	"testing"
	"time"
)

// "Entering and Exiting PROBE_RTT"
func TestBBRProbeRTT(t *testing.T) {
	p := newToyPath(100, 40*time.Millisecond, 1)
	b := cruising(t, p)
	until(t, p, b, bbrProbeRTT, 11*time.Second)
	if gain := bbrStates[b.state].cwndGain; gain != 0.5 || p.now < bbrProbeRTTInterval {
		t.Errorf("after %v, window's gain %v", p.now, gain)
	}
	entered, least := p.now, p.inFlight
	p.observe = func() { least = min(least, p.inFlight) }
	bandwidth := b.maxBandwidth()
	leave(t, p, b, bbrCruise, time.Second)
	if took := p.now - entered; took < bbrProbeRTTDuration || took > 400*time.Millisecond {
		t.Errorf("took %v", took)
	}
	if half := b.bdp(0.5); least > half || least < half-2*toyMSS {
		t.Errorf("%d in flight at the least, half the product is %d", least, half)
	}
	if p.w.Bytes <= b.bdp(1) || b.inflightShortterm != unboundedVolume {
		t.Errorf("the window is %d: %v", p.w.Bytes, b)
	}
	if b.maxBandwidth() != bandwidth {
		t.Errorf("max_bw was %.0f, is %.0f", bandwidth, b.maxBandwidth())
	}
	if r := p.measure(time.Second); r.mbits < 95 {
		t.Error(r)
	}
}

// ProbeRTT comes after its interval when no sample is as low as the estimate, and when
// samples are, as late as min_rtt's filter allows.
func TestBBRProbeRTTWhenDue(t *testing.T) {
	for _, longer := range []time.Duration{0, 2 * time.Millisecond} {
		p := newToyPath(100, 40*time.Millisecond, 1)
		b := cruising(t, p)
		p.rtt += longer
		from := p.now
		until(t, p, b, bbrProbeRTT, 11*time.Second)
		want := bbrMinRTTFilter
		if longer > 0 {
			want = bbrProbeRTTInterval
		}
		if took := p.now - from; took < want-time.Second || took > want+500*time.Millisecond {
			t.Errorf("the path %v longer: ProbeRTT after %v, want %v", longer, took, want)
		}
	}
}

// "Skipping PROBE_RTT Due to Application-Limited Sending"
func TestBBRIdleSkipsProbeRTT(t *testing.T) {
	p := newToyPath(100, 40*time.Millisecond, 1)
	b := cruising(t, p)
	p.paused = true
	p.run(6*time.Second, nil)
	window := p.w.Bytes
	p.paused = false
	restarted := false
	p.observe = func() {
		if b.idleRestart {
			restarted = true
			if got := float64(p.w.PacingRate); !nearly(got, 0.99*b.bw, 0.001) {
				t.Errorf("paces at %.0f, bw is %.0f", got, b.bw)
			}
		}
		if b.state == bbrProbeRTT {
			t.Fatalf("after the pause: %v", b)
		}
	}
	p.run(2*time.Second, nil)
	if !restarted || p.w.Bytes < window {
		t.Errorf("restarted: %v, the window was %d, is %d", restarted, window, p.w.Bytes)
	}
}

// A pause in ProbeRTT ends it: "often it will have met those exit conditions by the
// time it restarts".
func TestBBRIdleEndsProbeRTT(t *testing.T) {
	p := newToyPath(100, 40*time.Millisecond, 1)
	b := cruising(t, p)
	until(t, p, b, bbrProbeRTT, 11*time.Second)
	p.run(150*time.Millisecond, nil)
	wantState(t, b, bbrProbeRTT)
	p.paused = true
	p.run(2*time.Second, nil)
	b.Idle(&p.w, Idleness{Now: p.now})
	wantState(t, b, bbrCruise)
	if p.w.Bytes <= b.bdp(1) {
		t.Errorf("the window is %d: %v", p.w.Bytes, b)
	}
}

// A route that becomes longer is seen when the old round-trip time is ten seconds
// old, and one that becomes shorter at once.
func TestBBRMinRTT(t *testing.T) {
	p := newToyPath(10, 20*time.Millisecond, 2)
	b := cruising(t, p)
	p.rtt = 60 * time.Millisecond
	p.run(16*time.Second, nil)
	if b.minRTT < p.rtt || b.minRTT > p.rtt+10*time.Millisecond {
		t.Errorf("min_rtt is %v, the path has %v", b.minRTT, p.rtt)
	}
	p.rtt = 10 * time.Millisecond
	p.run(500*time.Millisecond, nil)
	if b.minRTT < p.rtt || b.minRTT > p.rtt+10*time.Millisecond {
		t.Errorf("min_rtt is %v, the path has %v", b.minRTT, p.rtt)
	}
}
