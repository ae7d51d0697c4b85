package tcp

import (
	"testing"
	"time"
)

// cruising starts BBR and runs the path until it is in CRUISE.
func cruising(t *testing.T, p *toyPath) *BBR {
	t.Helper()
	b := bbrOn(p)
	until(t, p, b, bbrCruise, 5*time.Second)
	return b
}

// "Exiting PROBE_UP on Bandwidth Plateau"
func TestBBRUpPlateau(t *testing.T) {
	p := newToyPath(100, 20*time.Millisecond, 4)
	b := bbrOn(p)
	until(t, p, b, bbrUp, 5*time.Second)
	if b.pacingGain() != 1.25 || b.fullCount != 0 {
		t.Errorf("%v, %+v", b, b.bbrFullPipe)
	}
	began := b.roundCount
	leave(t, p, b, bbrDown, time.Second)
	if !b.fullNow || b.fullCount != 3 || b.roundCount-began < 3 {
		t.Errorf("after %d round trips: %+v", b.roundCount-began, b.bbrFullPipe)
	}
}

// "Exiting PROBE_UP on Loss When Application-Limited"
func TestBBRUpLossAppLimited(t *testing.T) {
	p := newToyPath(100, 20*time.Millisecond, 1)
	b := cruising(t, p)
	p.app, p.wroteAt = 50e6/8, p.now
	until(t, p, b, bbrUp, 5*time.Second)
	p.run(100*time.Millisecond, nil)
	wantState(t, b, bbrUp)
	p.loss = 0.2
	leave(t, p, b, bbrDown, time.Second)
	if !b.tooHigh || b.isProbeSample || b.undoState != bbrUp {
		t.Errorf("%+v", b.bbrCycle)
	}
	// What the user limits says nothing about how much may be in flight.
	if b.inflightLongterm != unboundedVolume {
		t.Errorf("inflight_longterm is %d", b.inflightLongterm)
	}
}

// "Exiting PROBE_DOWN on Inflight"
func TestBBRDown(t *testing.T) {
	p := newToyPath(100, 40*time.Millisecond, 0.4)
	b := bbrOn(p)
	until(t, p, b, bbrUp, 5*time.Second)
	leave(t, p, b, bbrDown, time.Second)
	if b.pacingGain() != 0.90 {
		t.Errorf("pacing gain is %v", b.pacingGain())
	}
	before := 0
	p.observe = func() {
		if b.state == bbrDown {
			before = p.inFlight
		}
	}
	leave(t, p, b, bbrCruise, time.Second)
	if most := min(b.inflightWithHeadroom(&p.w), b.inflight(&p.w, 1)); p.inFlight > most || before <= most-toyMSS {
		t.Errorf("%d in flight, before %d, want %d", p.inFlight, before, most)
	}
}

// "Exiting PROBE_DOWN After Max Time"
func TestBBRDownTime(t *testing.T) {
	p := newToyPath(100, 100*time.Millisecond, 20)
	b := bbrOn(p)
	until(t, p, b, bbrUp, 5*time.Second)
	p.run(80*time.Millisecond, nil)
	leave(t, p, b, bbrDown, time.Second)
	p.setRate(p.rate / 3)
	began, wait := p.now, b.probeWait
	// ProbeRTT is not to come first.
	p.observe = func() { b.probeMinStamp = p.now }
	leave(t, p, b, bbrRefill, 5*time.Second)
	if took := p.now - began; took < wait || took > wait+time.Second || wait < 2*time.Second || wait > 3*time.Second {
		t.Errorf("after %v, want %v", p.now-began, wait)
	}
}

// "Achieving Expected Cruise Bandwidth on a Link With Aggregation"
func TestBBRAggregationInCruise(t *testing.T) {
	p := newToyPath(50, 40*time.Millisecond, 4)
	b := cruising(t, p)
	p.aggregate = 30 * time.Millisecond
	from := b.roundCount
	p.run(2*time.Second, func() bool { return b.roundCount > from+5 })
	if want := p.rate * p.aggregate.Seconds() / 2; float64(b.extraAcked()) < want {
		t.Errorf("extra_acked is %d, want %.0f or more", b.extraAcked(), want)
	}
	if r := p.measure(2 * time.Second); r.mbits < 47 {
		t.Error(r)
	}
	if p.w.Bytes <= b.bdp(2) {
		t.Errorf("the window is %d: %v", p.w.Bytes, b)
	}
	// It is forgotten when a hundredth more than is sent has made up for it.
	p.aggregate = 0
	p.run(4*time.Second, nil)
	if b.extraAcked() > 4*toyMSS {
		t.Errorf("extra_acked is %d", b.extraAcked())
	}
}

// "Correctly Managing Sub-Packet BDPs"
func TestBBRSmallProduct(t *testing.T) {
	p := newToyPath(0.5, time.Millisecond, 1)
	b := cruising(t, p)
	low := p.w.Bytes
	p.observe = func() { low = min(low, p.w.Bytes) }
	r := p.measure(10 * time.Second)
	if low != 4*toyMSS {
		t.Errorf("the least window is %d", low)
	}
	if r.mbits < 0.45 || !nearly(b.bw, p.rate, 0.1) {
		t.Errorf("%v: %v", r, b)
	}
}

// "Increasing Bandwidth 10x and Ensuring Full Bandwidth is Reached"
func TestBBRTenTimesMore(t *testing.T) {
	p := newToyPath(10, 20*time.Millisecond, 1)
	b := cruising(t, p)
	p.setRate(p.rate * 10)
	p.queue *= 10
	from := b.roundCount
	until(t, p, b, bbrUp, 4*time.Second)
	if !p.run(10*time.Second, func() bool { return nearly(b.maxBandwidth(), p.rate, 0.05) }) || b.roundCount-from > 400 {
		t.Errorf("after %d round trips: %v", b.roundCount-from, b)
	}
}

// The draft: "BBR.inflight_longterm grows (in units of C.SMSS) by 1, 2, 4, 8, 16,
// etc".
func TestBBRLongtermSlope(t *testing.T) {
	const window = 64_000
	var b BBR
	w := Window{MSS: 1000, Bytes: window}
	b.Start(&w, Beginning{Initial: window, RTT: 20 * time.Millisecond, SACK: true})
	for _, segments := range []int{1, 2, 4, 8, 16, 32, 64, 64} {
		b.inflightLongterm, b.windowLimited, w.Bytes = window, true, window
		b.raiseLongtermSlope(&w)
		for acked := 0; acked < window; acked += 1000 {
			w.Bytes = b.inflightLongterm
			b.probeLongtermUpward(&w, 1000)
		}
		if got := b.inflightLongterm - window; got != segments*1000 {
			t.Errorf("grown by %d, want %d segments", got, segments)
		}
	}
	b.inflightLongterm, w.Bytes = unboundedVolume-10, unboundedVolume
	b.probeLongtermUpward(&w, 1<<29)
	if b.inflightLongterm > unboundedVolume {
		t.Errorf("inflight_longterm is %d", b.inflightLongterm)
	}
}

// "Decreasing Bandwidth 10x and Ensuring Max Bandwidth Adapts Down"
func TestBBRTenTimesLess(t *testing.T) {
	p := newToyPath(100, 20*time.Millisecond, 1)
	b := cruising(t, p)
	p.setRate(p.rate / 10)
	p.queue /= 10
	if !p.run(2*time.Second, func() bool { return b.bandwidthShortterm < 2*p.rate }) {
		t.Errorf("after two seconds: %v", b)
	}
	if !p.run(20*time.Second, func() bool { return nearly(b.maxBandwidth(), p.rate, 0.1) }) {
		t.Errorf("after twenty seconds: %v", b)
	}
	if r := p.measure(5 * time.Second); r.mbits < 8.5 {
		t.Error(r)
	}
}

// "Handling Token Bucket Policers"
func TestBBRPolicer(t *testing.T) {
	p := newToyPath(100, 40*time.Millisecond, 1)
	p.police = &toyPolicer{rate: 10e6 / 8, bucket: 100_000, tokens: 5_000_000}
	b := bbrOn(p)
	bounded := false
	p.observe = func() {
		bounded = bounded || b.inProbeBW() && b.inflightShortterm < unboundedVolume && b.bandwidthShortterm < b.maxBandwidth()
	}
	p.run(10*time.Second, nil)
	if !bounded {
		t.Error("the bounds of the short term were never set")
	}
	dropped := p.overflow
	r := p.measure(20 * time.Second)
	if share := float64(p.overflow-dropped) * toyMSS / (r.mbits * 20e6 / 8); r.mbits < 7 || share > 0.05 {
		t.Errorf("%v, %.1f%% are dropped: %v", r, share*100, b)
	}
}

// "Handling Loss During PROBE_UP After inflight_longterm is Set"
func TestBBRUpLoss(t *testing.T) {
	p := newToyPath(100, 40*time.Millisecond, 1)
	b := bbrOn(p)
	until(t, p, b, bbrRefill, 4*time.Second)
	b.inflightLongterm = b.bdp(1.5)
	until(t, p, b, bbrUp, time.Second)
	target := b.targetInflight(&p.w)
	p.loss = 0.3
	leave(t, p, b, bbrDown, time.Second)
	if !b.tooHigh || float64(b.inflightLongterm) < 0.69*float64(target) || b.inflightLongterm >= b.bdp(1.5) {
		t.Errorf("target was %d: %v", target, b)
	}
}

// After a probe that went too high the next one is cut short; when that is well, it
// goes on at once.
//
// The draft, "Precautionary Bandwidth Probing".
func TestBBRPrecaution(t *testing.T) {
	p := newToyPath(100, 40*time.Millisecond, 1)
	b := bbrOn(p)
	until(t, p, b, bbrRefill, 4*time.Second)
	b.inflightLongterm, b.tooHigh = b.bdp(1.1), true
	until(t, p, b, bbrUp, time.Second)
	leave(t, p, b, bbrDown, time.Second)
	if !b.precautionary || b.fullNow || p.inFlight <= b.inflightLongterm-3*toyMSS {
		t.Errorf("%d in flight, %+v", p.inFlight, b.bbrCycle)
	}
	began := p.now
	if seen := until(t, p, b, bbrUp, time.Second); p.now-began > 200*time.Millisecond || b.precautionary || len(seen) < 2 || seen[len(seen)-2] != bbrRefill {
		t.Errorf("after %v and %v: %+v", p.now-began, seen, b.bbrCycle)
	}
	leave(t, p, b, bbrDown, 2*time.Second)
	if b.precautionary {
		t.Errorf("%+v", b.bbrCycle)
	}
}

// "Handling Application-Limited Sending During PROBE_REFILL"
func TestBBRRefillAppLimited(t *testing.T) {
	p := newToyPath(100, 40*time.Millisecond, 1)
	b := bbrOn(p)
	until(t, p, b, bbrRefill, 4*time.Second)
	before := b.maxBandwidth()
	p.app, p.wroteAt = 5e6/8, p.now
	until(t, p, b, bbrUp, time.Second)
	p.run(200*time.Millisecond, nil)
	if b.maxBandwidth() != before {
		t.Errorf("max_bw was %.0f, is %.0f", before, b.maxBandwidth())
	}
	p.app = 0
	until(t, p, b, bbrCruise, 2*time.Second)
	if !nearly(b.maxBandwidth(), p.rate, 0.02) {
		t.Errorf("max_bw is %.0f, the path has %.0f", b.maxBandwidth(), p.rate)
	}
}

// The wait for the next probe differs from connection to connection, and does not
// change when a connection is repeated.
func TestBBRProbeWait(t *testing.T) {
	waits := map[time.Duration]bool{}
	rounds := [2]int{}
	for seed := range uint64(100) {
		one, same := BBR{rand: seed}, BBR{rand: seed}
		one.pickProbeWait()
		same.pickProbeWait()
		if one.probeWait != same.probeWait || one.roundsSinceUp != same.roundsSinceUp {
			t.Fatalf("seed %d: %v and %v", seed, one.probeWait, same.probeWait)
		}
		if one.probeWait < 2*time.Second || one.probeWait >= 3*time.Second {
			t.Errorf("waits %v", one.probeWait)
		}
		waits[one.probeWait] = true
		rounds[one.roundsSinceUp]++
	}
	if len(waits) < 90 || min(rounds[0], rounds[1]) < 20 {
		t.Errorf("%d waits, round trips %v", len(waits), rounds)
	}
}
