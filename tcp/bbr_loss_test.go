package tcp

import (
	"math"
	"testing"
	"time"
)

// lose tells BBR of a share of what is in flight as lost, as a spurious recovery
// begins.
func lose(p *toyPath, b *BBR, share float64, timeout bool) {
	flight, lost := p.inFlight, 0
	for lost < int(share*float64(flight)) {
		lost += toyMSS
		b.SegmentLost(&p.w, SegmentLoss{Now: p.now, Bytes: toyMSS, InFlight: flight, Lost: lost})
	}
	b.Lost(&p.w, Loss{Now: p.now, Flight: flight, InFlight: flight - lost, Timeout: timeout})
}

// "Handling Spurious Fast Recovery" and "Handling Spurious RTO Recovery"
func TestBBRSpurious(t *testing.T) {
	for _, timeout := range []bool{false, true} {
		p := newToyPath(100, 40*time.Millisecond, 1)
		b := bbrOn(p)
		until(t, p, b, bbrRefill, 4*time.Second)
		longterm := b.bdp(1.8)
		b.inflightLongterm = longterm
		until(t, p, b, bbrUp, time.Second)
		p.run(50*time.Millisecond, nil)
		wantState(t, b, bbrUp)
		window := p.w.Bytes
		longterm = b.inflightLongterm

		lose(p, b, 0.1, timeout)
		wantState(t, b, bbrDown)
		if b.inflightLongterm >= longterm || b.undoState != bbrUp || b.undoInflightLongterm != longterm ||
			b.undoInflightShortterm != unboundedVolume || !math.IsInf(b.undoRate, 1) || b.priorWindow != window {
			t.Errorf("timeout %v: %v, %+v", timeout, b, b.bbrUndo)
		}
		if timeout && p.w.Bytes > p.inFlight {
			t.Errorf("after a timeout the window is %d", p.w.Bytes)
		}
		b.bandwidthShortterm, b.inflightShortterm = 1, 1
		b.Recovered(&p.w, Recovery{Now: p.now, InFlight: p.inFlight, Timeout: timeout, Undone: true})
		wantState(t, b, bbrRefill)
		if b.inflightLongterm != longterm || b.inflightShortterm != unboundedVolume || !math.IsInf(b.bandwidthShortterm, 1) ||
			p.w.Bytes != min(window, longterm) || b.lossInRound {
			t.Errorf("timeout %v: window %d, was %d: %v", timeout, p.w.Bytes, window, b)
		}
		until(t, p, b, bbrUp, time.Second)
	}
}

// Startup that losses have ended goes on when they were none.
func TestBBRSpuriousInStartup(t *testing.T) {
	p := newToyPath(100, 40*time.Millisecond, 1)
	b := bbrOn(p)
	p.run(200*time.Millisecond, nil)
	wantState(t, b, bbrStartup)
	lose(p, b, 0.1, false)
	b.exitStartup()
	p.run(time.Millisecond, nil)
	b.Recovered(&p.w, Recovery{Now: p.now, InFlight: p.inFlight, Undone: true})
	wantState(t, b, bbrStartup)
	if b.fullReached || b.inflightLongterm != unboundedVolume {
		t.Errorf("%v, %+v", b, b.bbrFullPipe)
	}
	until(t, p, b, bbrDrain, time.Second)
	if !nearly(b.maxBandwidth(), p.rate, 0.02) {
		t.Errorf("max_bw is %.0f, the path has %.0f", b.maxBandwidth(), p.rate)
	}
}

// The draft, "Modulating cwnd in Loss Recovery": what is known to be good comes back
// when all is repaired, within the bounds of the model.
func TestBBRRecovered(t *testing.T) {
	p := newToyPath(100, 40*time.Millisecond, 1)
	b := cruising(t, p)
	window := p.w.Bytes
	lose(p, b, 1, true)
	if p.w.Bytes != toyMSS {
		t.Errorf("after a timeout the window is %d", p.w.Bytes)
	}
	b.inflightShortterm = window - 1
	b.Recovered(&p.w, Recovery{Now: p.now, Timeout: true})
	if p.w.Bytes != window-1 || b.recovering || b.saved {
		t.Errorf("the window was %d, is %d", window, p.w.Bytes)
	}
}

// At which volume 2% were exceeded may be in the middle of a super-segment.
//
// The draft, "Probing for Bandwidth In ProbeBW".
func TestBBRInflightAtLoss(t *testing.T) {
	for _, c := range []struct{ inFlight, bytes, lost, want int }{
		{100_000, 10_000, 10_000, 91_836}, // (0.02*90000-0)/0.98 = 1836 of it
		{100_000, 1000, 3000, 98_979},     // 2000 of 99000 are more: (1980-2000)/0.98 = -20
		{1000, 1000, 1000, 0},
		{1000, 2000, 1 << 30, 0},
		{1 << 30, 1, 0, 1 << 30},
	} {
		if got := inflightAtLoss(SegmentLoss{InFlight: c.inFlight, Bytes: c.bytes, Lost: c.lost}); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}

// Losses at random that are tolerated cost no more than they take; those that are
// not make it slow down.
func TestBBRRandomLoss(t *testing.T) {
	for _, c := range []struct {
		rtt          time.Duration
		loss         float64
		least, below float64 // Mbit/s
	}{
		{20 * time.Millisecond, 0.001, 94, 101},
		{20 * time.Millisecond, 0.01, 78, 101},
		{100 * time.Millisecond, 0.001, 84, 101},
		{100 * time.Millisecond, 0.01, 81, 101},
		{20 * time.Millisecond, 0.03, 20, 90},
	} {
		p := newToyPath(100, c.rtt, 1)
		p.loss = c.loss
		bbrOn(p)
		if r := p.measure(8 * time.Second); r.mbits < c.least || r.mbits > c.below {
			t.Errorf("%v, %v%% lost: %v", c.rtt, c.loss*100, r)
		}
	}
}

// The draft: "if the connection claims ECN support [...] the congestion controller
// response MUST treat any CE marks as congestion."
func TestBBRMarks(t *testing.T) {
	p := newToyPath(100, 40*time.Millisecond, 4)
	b := bbrOn(p)
	p.run(200*time.Millisecond, nil)
	wantState(t, b, bbrStartup)
	b.CongestionExperienced(&p.w, Congestion{Now: p.now, Flight: p.inFlight})
	wantState(t, b, bbrDrain)

	until(t, p, b, bbrCruise, time.Second)
	p.run(100*time.Millisecond, nil)
	window := p.w.Bytes
	b.CongestionExperienced(&p.w, Congestion{Now: p.now, Flight: p.inFlight})
	p.run(100*time.Millisecond, nil)
	if b.inflightShortterm >= window {
		t.Errorf("after a mark in CRUISE, with a window of %d: %v", window, b)
	}

	until(t, p, b, bbrUp, 6*time.Second)
	b.CongestionExperienced(&p.w, Congestion{Now: p.now, Flight: p.inFlight})
	wantState(t, b, bbrDown)
	if b.inflightLongterm == unboundedVolume || !b.tooHigh {
		t.Errorf("after a mark in UP: %v", b)
	}
}

// What chance takes from a flight when 2% is lost is not too much, what a full queue
// takes is. Without SACK, any loss is too much.
func TestBBRLossByChance(t *testing.T) {
	w := &Window{MSS: toyMSS}
	b := &BBR{sack: true}
	for _, c := range []struct{ flight, tolerated int }{{4, 0}, {10, 1}, {100, 6}, {1000, 33}, {10000, 242}} {
		if b.isInflightTooHigh(w, c.tolerated*toyMSS, c.flight*toyMSS) || !b.isInflightTooHigh(w, (c.tolerated+1)*toyMSS, c.flight*toyMSS) {
			t.Errorf("of %d segments, %d are not the most that is tolerated", c.flight, c.tolerated)
		}
	}
	b.sack = false
	if b.isInflightTooHigh(w, 0, 1e6) || !b.isInflightTooHigh(w, 1, 1e6) {
		t.Error("without SACK")
	}
}
