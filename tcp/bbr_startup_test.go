package tcp

import (
	"math"
	"strings"
	"testing"
	"time"
)

// The tests follow the draft's "BBR Example Test Cases", whose titles they name.

// bbrOn starts BBR on a path.
func bbrOn(p *toyPath) *BBR {
	b := new(BBR)
	p.start(b, 1)
	return b
}

// until runs the path until BBR is in a state, and returns the states on the way.
func until(t *testing.T, p *toyPath, b *BBR, s bbrState, within time.Duration) (seen []bbrState) {
	t.Helper()
	watch := p.observe
	p.observe = func() {
		if watch != nil {
			watch()
		}
		if len(seen) == 0 || seen[len(seen)-1] != b.state {
			seen = append(seen, b.state)
		}
	}
	defer func() { p.observe = watch }()
	if !p.run(within, func() bool { return b.state == s }) {
		t.Fatalf("not in %s within %v: %v", bbrStates[s].name, within, b)
	}
	return seen
}

// leave runs the path until BBR goes on to another state, which is to be next.
func leave(t *testing.T, p *toyPath, b *BBR, next bbrState, within time.Duration) {
	t.Helper()
	was, got, watch := b.state, bbrNone, p.observe
	p.observe = func() {
		if watch != nil {
			watch()
		}
		if got == bbrNone && b.state != was {
			got = b.state
		}
	}
	defer func() { p.observe = watch }()
	p.run(within, func() bool { return got != bbrNone })
	if got != next {
		t.Fatalf("%s goes on to %q, want %s: %v", bbrStates[was].name, bbrStates[got].name, bbrStates[next].name, b)
	}
}

func wantState(t *testing.T, b *BBR, s bbrState) {
	t.Helper()
	if b.state != s {
		t.Fatalf("in %s, want %s: %v", bbrStates[b.state].name, bbrStates[s].name, b)
	}
}

func nearly(got, want, share float64) bool { return math.Abs(got-want) <= share*want }

// "Exiting STARTUP on Bandwidth Plateau"
func TestBBRStartupPlateau(t *testing.T) {
	for _, c := range []struct {
		mbits float64
		rtt   time.Duration
	}{{1, 100 * time.Millisecond}, {10, 20 * time.Millisecond}, {100, 100 * time.Millisecond}, {1000, time.Millisecond}} {
		p := newToyPath(c.mbits, c.rtt, 3)
		b := bbrOn(p)
		if b.pacingGain() != 2.77 {
			t.Errorf("pacing gain is %v", b.pacingGain())
		}
		leave(t, p, b, bbrDrain, 4*time.Second)
		if !nearly(b.maxBandwidth(), p.rate, 0.02) {
			t.Errorf("%v Mbit/s, %v: max_bw is %.0f, the path has %.0f", c.mbits, c.rtt, b.maxBandwidth(), p.rate)
		}
		if b.fullCount != 3 || !b.fullNow || !b.fullReached {
			t.Errorf("full pipe: %+v", b.bbrFullPipe)
		}
	}
}

// A clean path whose queue takes one product loses little at the start.
func TestBBRStartupLosesLittle(t *testing.T) {
	for _, rtt := range []time.Duration{time.Millisecond, 20 * time.Millisecond, 100 * time.Millisecond} {
		p := newToyPath(100, rtt, 1)
		bbrOn(p)
		if r := p.measure(4 * time.Second); r.resent > 100 {
			t.Errorf("%v: %v", rtt, r)
		}
	}
}

// "Exiting STARTUP on Loss When Application-Limited"
func TestBBRStartupLoss(t *testing.T) {
	p := newToyPath(100, 40*time.Millisecond, 1)
	p.app = 20e6 / 8
	b := bbrOn(p)
	p.run(time.Second, nil)
	wantState(t, b, bbrStartup)
	p.loss = 0.2
	var latest int
	p.observe = func() {
		if b.state == bbrStartup {
			latest = b.inflightLatest
		}
	}
	p.run(time.Second, func() bool { return b.state != bbrStartup })
	// Drain too may be over with the same ACK.
	if b.drainStart != b.roundCount || !b.fullNow || !b.fullReached || b.undoState != bbrStartup {
		t.Errorf("%v, full pipe: %+v, to go back to: %q", b, b.bbrFullPipe, bbrStates[b.undoState].name)
	}
	if low := b.bdp(1); b.inflightLongterm < low || b.inflightLongterm > 2*max(low, latest) {
		t.Errorf("inflight_longterm is %d, the product %d, delivered in a round trip %d", b.inflightLongterm, low, latest)
	}
}

// Without SACK only one loss is found in a round trip: it ends Startup.
func TestBBRStartupLossWithoutSACK(t *testing.T) {
	for _, sack := range []bool{true, false} {
		var b BBR
		w := Window{MSS: 1000, Bytes: 10_000}
		b.Start(&w, Beginning{Initial: 10_000, RTT: 20 * time.Millisecond, SACK: sack})
		b.SegmentLost(&w, SegmentLoss{Now: 1, Bytes: 1000, InFlight: 100_000, Lost: 1000})
		b.Lost(&w, Loss{Now: 1, Flight: 100_000, InFlight: 99_000})
		b.Acknowledged(&w, Acknowledgment{Now: 2, Delivered: 1000, Lost: 1000, InFlight: 99_000, Recovering: true, Total: 5000,
			Rate: RateSample{Delivered: 5000, Interval: 20 * time.Millisecond, InFlight: 100_000, Lost: 1000}})
		if left := b.state != bbrStartup; left == sack {
			t.Errorf("SACK %v: %v", sack, &b)
		}
	}
}

// "Exiting DRAIN Based on Inflight"
func TestBBRDrain(t *testing.T) {
	p := newToyPath(100, 40*time.Millisecond, 2)
	b := bbrOn(p)
	until(t, p, b, bbrDrain, time.Second)
	if b.pacingGain() != 0.5 || p.inFlight <= b.inflight(&p.w, 1) {
		t.Errorf("pacing gain is %v, %d in flight, the product is %d", b.pacingGain(), p.inFlight, b.inflight(&p.w, 1))
	}
	started := p.now
	p.run(time.Second, func() bool { return b.state != bbrDrain })
	if !b.inProbeBW() || p.inFlight > b.inflight(&p.w, 1) || p.now-started > 100*time.Millisecond {
		t.Errorf("after %v with %d in flight: %v", p.now-started, p.inFlight, b)
	}
}

// "Exiting DRAIN Based on Time"
func TestBBRDrainTime(t *testing.T) {
	p := newToyPath(100, 20*time.Millisecond, 20)
	b := bbrOn(p)
	until(t, p, b, bbrDrain, time.Second)
	p.setRate(p.rate / 10)
	p.run(2*time.Second, func() bool { return b.state != bbrDrain })
	if !b.inProbeBW() || p.inFlight <= b.inflight(&p.w, 1) || b.roundCount != b.drainStart+4 {
		t.Errorf("%d in flight, the product is %d, Drain began in round trip %d: %v", p.inFlight, b.inflight(&p.w, 1), b.drainStart, b)
	}
}

// "Never Exiting PROBE_UP (or STARTUP) When Application-Limited With No Loss"
func TestBBRAppLimitedStays(t *testing.T) {
	p := newToyPath(100, 20*time.Millisecond, 1)
	p.app = 20e6 / 8
	b := bbrOn(p)
	p.run(4*time.Second, func() bool { return b.state != bbrStartup })
	wantState(t, b, bbrStartup)

	p = newToyPath(100, 20*time.Millisecond, 1)
	b = bbrOn(p)
	until(t, p, b, bbrCruise, time.Second)
	p.app, p.wroteAt = 20e6/8, p.now
	until(t, p, b, bbrUp, 4*time.Second)
	p.run(2*time.Second, func() bool { return b.state != bbrUp })
	wantState(t, b, bbrUp)
}

// "Achieving Expected STARTUP Bandwidth on a Link With Aggregation"
func TestBBRAggregationInStartup(t *testing.T) {
	p := newToyPath(50, 40*time.Millisecond, 4)
	p.aggregate = 15 * time.Millisecond
	b := bbrOn(p)
	beyond := false
	p.observe = func() { beyond = beyond || p.w.Bytes > 2*b.bdp(1) && b.extraAcked() > 0 && b.roundCount > 8 }
	until(t, p, b, bbrDrain, 4*time.Second)
	if !beyond {
		t.Error("the window was never beyond two products")
	}
	if !nearly(b.maxBandwidth(), p.rate, 0.2) {
		t.Errorf("max_bw is %.0f, the path has %.0f", b.maxBandwidth(), p.rate)
	}
}

// "Entering and Exiting PROBE_RTT During STARTUP"
func TestBBRProbeRTTInStartup(t *testing.T) {
	p := newToyPath(100, 20*time.Millisecond, 1)
	p.app = 20e6 / 8
	b := bbrOn(p)
	until(t, p, b, bbrProbeRTT, 11*time.Second)
	if p.now < bbrProbeRTTInterval {
		t.Errorf("ProbeRTT after %v", p.now)
	}
	leave(t, p, b, bbrStartup, time.Second)
	p.app = 0
	until(t, p, b, bbrDrain, time.Second)
	if !nearly(b.maxBandwidth(), p.rate, 0.02) {
		t.Errorf("max_bw is %.0f, the path has %.0f", b.maxBandwidth(), p.rate)
	}
}

// The state can be read in Info.
func TestBBRString(t *testing.T) {
	b := new(BBR)
	if got := b.String(); got != "BBR" {
		t.Errorf("before Start: %q", got)
	}
	p := newToyPath(100, 20*time.Millisecond, 1)
	b = bbrOn(p)
	until(t, p, b, bbrCruise, time.Second)
	for _, want := range []string{"ProbeBW_CRUISE ", " min_rtt=20", " pacing_gain=1.00 ", " cwnd_gain=2.00 ", " inflight_longterm=- "} {
		if got := b.String(); !strings.Contains(got, want) {
			t.Errorf("%q is not in %q", want, got)
		}
	}
}
