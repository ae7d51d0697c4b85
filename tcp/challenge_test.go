package tcp

import (
	"bytes"
	"testing"
	"time"
)

// TestChallengeLimit: the limit holds in each second, and is not the same in
// each.
func TestChallengeLimit(t *testing.T) {
	l := NewChallengeLimiter(100, bytes.NewReader(make([]byte, 16)))
	seen := map[int]bool{}
	for s := range 50 {
		n := 0
		for l.Allow(pairEpoch.Add(time.Duration(s) * time.Second)) {
			n++
		}
		if n < 50 || n >= 150 {
			t.Fatalf("%d in second %d, want 50 to 149", n, s)
		}
		seen[n] = true
	}
	if len(seen) < 10 {
		t.Errorf("the limit takes %d values in 50 seconds: it can be guessed", len(seen))
	}
}
