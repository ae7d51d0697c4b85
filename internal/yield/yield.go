// Package yield lets others run behind work that has woken them, so that they find what
// was brought while it is still in this processor's cache.
package yield

import (
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"time"
)

const (
	// tooLong is what who was woken needs for no batch, and less than the 10 ms for which
	// Go lets a goroutine compute.
	tooLong = time.Millisecond
	// maxSkip is how many yields are left out at most, after one that took too long.
	maxSkip = 255
	// sample: of short ones one in so many is measured. To read the clock twice for each
	// Write of 64 KiB over a pipe took a fiftieth of its time.
	sample = 16
)

// A Yield lets others run while that is short. Where all processors compute, each yield
// would take as long as they may compute at a stretch: beside one that computes, on one
// processor, bulk from a TUN fell to half, and over a pipe to 3 MB/s. So after one that
// took too long the next 1, 3, 7 and so on are left out, which makes those 880 MB/s. It may
// be used by many goroutines.
type Yield struct {
	skip atomic.Int32 // so many are left out
	last atomic.Int32 // how many were, after the last that took too long; 0: it was short
}

// Now lets others run, or returns at once.
func (y *Yield) Now() {
	if y.skip.Load() > 0 {
		y.skip.Add(-1)
		return
	}
	if y.last.Load() == 0 && rand.Uint32()%sample != 0 {
		runtime.Gosched()
		return
	}
	began := time.Now()
	runtime.Gosched()
	y.took(time.Since(began))
}

// took notes how long a yield was.
func (y *Yield) took(d time.Duration) {
	last := y.last.Load()
	switch {
	case d >= tooLong:
		last = min(2*last+1, maxSkip)
		y.last.Store(last)
		y.skip.Store(last)
	case last > 0:
		y.last.Store(0)
	}
}
