package host

import (
	"sync"
	"time"
)

// A tokenBucket says yes at most burst times at once and rate times a second.
type tokenBucket struct {
	rate   float64 // tokens a second
	burst  float64
	tokens float64
	last   time.Time // when tokens was right; zero before the first call
}

func (b *tokenBucket) init(rate, burst int) {
	b.rate, b.burst, b.tokens = float64(rate), float64(burst), float64(burst)
}

// allow takes a token if there is one.
func (b *tokenBucket) allow(now time.Time) bool {
	// Instants come from several batches and may be out of order.
	if b.last.IsZero() {
		b.last = now
	} else if d := now.Sub(b.last); d > 0 {
		b.tokens = min(b.burst, b.tokens+d.Seconds()*b.rate)
		b.last = now
	}
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// A rateLimit is a tokenBucket for many goroutines. Its mutex is a leaf in the
// lock order.
type rateLimit struct {
	mu     sync.Mutex
	bucket tokenBucket
}

func (l *rateLimit) init(rate, burst int) { l.bucket.init(rate, burst) }

// allow takes a token if there is one.
func (l *rateLimit) allow(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bucket.allow(now)
}
