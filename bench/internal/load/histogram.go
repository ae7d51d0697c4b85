package load

import (
	"math/bits"
	"time"
)

// A histogram counts durations within 1/64 of their length, in little memory: what is
// written for each exchange must not push the stack's own data out of the caches.
type histogram struct {
	counts [64 * subBuckets]uint32
	total  uint64
}

const subBuckets = 64

// bucket returns where a duration counts: those below 64 ns one by one, above by their
// six highest bits behind the first.
func bucket(d time.Duration) int {
	n := uint64(max(0, d))
	if n < subBuckets {
		return int(n)
	}
	shift := bits.Len64(n) - 7
	return (shift+1)*subBuckets + int(n>>shift) - subBuckets
}

// least returns the shortest duration of a bucket.
func least(bucket int) time.Duration {
	if bucket < subBuckets {
		return time.Duration(bucket)
	}
	shift := bucket/subBuckets - 1
	return time.Duration(bucket%subBuckets+subBuckets) << shift
}

func (h *histogram) add(d time.Duration) {
	h.counts[bucket(d)]++
	h.total++
}

func (h *histogram) merge(o *histogram) {
	for i, n := range o.counts {
		h.counts[i] += n
	}
	h.total += o.total
}

// quantile returns the duration in microseconds that such a share does not exceed.
func (h *histogram) quantile(share float64) float64 {
	below, want := uint64(0), uint64(share*float64(h.total))
	for i, n := range h.counts {
		if below += uint64(n); below > want || below == h.total && below > 0 {
			return float64(least(i).Nanoseconds()) / 1e3
		}
	}
	return 0
}
