package main

import (
	"testing"
	"time"
)

// Values are read in every form that the help names, and written so that they
// can be read again.
func TestValues(t *testing.T) {
	size := sizeValue{max: demoMaxSize}
	for s, want := range map[string]int{"1": 1, "70000": 70000, "9B": 9, "300kB": 300_000, "2MB": 2_000_000, "12KiB": 12 << 10, "64MiB": 64 << 20} {
		if err := size.Set(s); err != nil || size.n != want {
			t.Errorf("size %s: %d, %v, want %d", s, size.n, err, want)
		}
		again := sizeValue{max: demoMaxSize}
		if err := again.Set(size.String()); err != nil || again.n != want {
			t.Errorf("size %s is written as %q", s, size.String())
		}
	}
	share := shareValue{max: 0.2}
	for s, want := range map[string]float64{"0": 0, "0.02": 0.02, "2%": 0.02, "20%": 0.2} {
		if err := share.Set(s); err != nil || share.p != want {
			t.Errorf("share %s: %v, %v, want %v", s, share.p, err, want)
		}
	}
	delay := delayValue{max: time.Second}
	for s, want := range map[string]time.Duration{"0": 0, "10ms": 10 * time.Millisecond, "1s": time.Second} {
		if err := delay.Set(s); err != nil || delay.d != want {
			t.Errorf("delay %s: %v, %v, want %v", s, delay.d, err, want)
		}
	}
	var device deviceValue
	for _, s := range []string{"tap:tap0", "tun:utun9", "packet:eth0", "rawip", "rawip:eth0.5"} {
		if err := device.Set(s); err != nil || device.String() != s {
			t.Errorf("device %s: %v, %v", s, &device, err)
		}
	}
}
