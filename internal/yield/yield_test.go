package yield

import (
	"testing"
	"testing/synctest"
)

// A yield that takes too long is followed by ever more that are left out, and a short one
// by none.
func TestYieldLeavesOut(t *testing.T) {
	var y Yield
	for _, want := range []int32{1, 3, 7, 15, 31, 63, 127, 255, 255} {
		y.took(tooLong)
		if got := y.skip.Load(); got != want {
			t.Fatalf("%d are left out, want %d", got, want)
		}
		for range want {
			y.Now()
		}
		if got := y.skip.Load(); got != 0 {
			t.Fatalf("after %d calls %d are still left out", want, got)
		}
	}
	// In a bubble no time passes within a yield: it is short.
	synctest.Test(t, func(*testing.T) { y.Now() })
	if y.skip.Load() != 0 || y.last.Load() != 0 {
		t.Errorf("after a short one %d are left out, %d were", y.skip.Load(), y.last.Load())
	}
}
