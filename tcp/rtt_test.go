package tcp

import (
	"testing"
	"time"
)

const ms = time.Millisecond

// TestEstimator follows RFC 6298, 2, by hand.
func TestEstimator(t *testing.T) {
	cfg := Config{}.WithDefaults()
	var e rttEstimator
	if got := e.rto(&cfg); got != time.Second {
		t.Errorf("RTO is %v before the first measurement, want 1s (2.1)", got)
	}
	for _, step := range []struct{ sample, srtt, rttvar, rto time.Duration }{
		{100 * ms, 100 * ms, 50 * ms, 300 * ms},                  // 2.2
		{100 * ms, 100 * ms, 37500 * time.Microsecond, 300 * ms}, // 4*RTTVAR is below the minimum
		{500 * ms, 150 * ms, 128125 * time.Microsecond, 662500 * time.Microsecond},
		{150 * ms, 150 * ms, 96093750, 534375 * time.Microsecond},
	} {
		e.sample(step.sample)
		if e.srtt != step.srtt || e.rttvar.Round(time.Microsecond) != step.rttvar.Round(time.Microsecond) {
			t.Errorf("after %v: SRTT %v RTTVAR %v, want %v %v", step.sample, e.srtt, e.rttvar, step.srtt, step.rttvar)
		}
		if got := e.rto(&cfg); got.Round(10*time.Microsecond) != step.rto.Round(10*time.Microsecond) {
			t.Errorf("after %v: RTO %v, want %v", step.sample, got, step.rto)
		}
	}
	e.sample(time.Hour)
	if got := e.rto(&cfg); got != cfg.MaxRTO {
		t.Errorf("RTO is %v, want the maximum %v (2.5)", got, cfg.MaxRTO)
	}
}

// TestEstimatorOnCoarseClock: samples of zero do not stop it.
func TestEstimatorOnCoarseClock(t *testing.T) {
	cfg := Config{}.WithDefaults()
	var e rttEstimator
	for range 100 {
		e.sample(0)
	}
	if got := e.rto(&cfg); got < cfg.MinRTO || got > cfg.MinRTO+ms {
		t.Errorf("RTO is %v, want the minimum %v", got, cfg.MinRTO)
	}
}
