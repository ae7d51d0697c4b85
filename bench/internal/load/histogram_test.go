package load

import (
	"testing"
	"time"
)

// A duration counts where the least is at most 1/64 less, in order.
func TestBuckets(t *testing.T) {
	last := -1
	for _, d := range []time.Duration{0, 1, 63, 64, 65, 127, 128, 129, 130, 1000, 4095, 4096, 1e6, 1e9, 1e12, 1 << 62} {
		b := bucket(d)
		if b < last {
			t.Errorf("%d ns counts in bucket %d, what is shorter in %d", d, b, last)
		}
		last = b
		if low := least(b); low > d || float64(d-low) > float64(d)/subBuckets {
			t.Errorf("%d ns counts as %d", d, low)
		}
		if bucket(least(b)) != b {
			t.Errorf("the least of bucket %d counts in %d", b, bucket(least(b)))
		}
	}
	if last >= len(histogram{}.counts) {
		t.Errorf("bucket %d, and there are %d", last, len(histogram{}.counts))
	}
	if bucket(-1) != 0 {
		t.Error("a negative duration does not count as none")
	}
}

func TestQuantile(t *testing.T) {
	var h, o histogram
	if h.quantile(0.5) != 0 {
		t.Error("of nothing")
	}
	for i := range 100 {
		if i%2 == 0 {
			h.add(time.Duration(i) * time.Microsecond)
		} else {
			o.add(time.Duration(i) * time.Microsecond)
		}
	}
	h.merge(&o)
	for share, want := range map[float64]float64{0: 0, 0.5: 50, 0.99: 99, 1: 99} {
		if got := h.quantile(share); got > want || got < want*63/64 {
			t.Errorf("%v of all is %v us, want %v", share, got, want)
		}
	}
}

func TestFigures(t *testing.T) {
	before := Usage{CPU: time.Second, Mallocs: 10, Bytes: 1000}
	after := Usage{CPU: 2 * time.Second, Mallocs: 30, Bytes: 5000}
	f := make(Figures)
	f.per(10, before, after.Plus(Usage{CPU: time.Second}))
	if f[CPU] != 2e5 || f[Allocs] != 2 || f[AllocBytes] != 400 {
		t.Errorf("%v", f)
	}
	if x := more(1, 3); x != -2 {
		t.Errorf("shrunk by %v", x)
	}
}
