package link_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/usernet-go/usernet/link"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func TestPathCheck(t *testing.T) {
	for _, tt := range []struct {
		path link.Path
		want string // "" means that nothing is wrong
	}{
		{link.Path{}, ""},
		{link.Path{Rate: 1, Loss: 1, Duplicate: 1, Corrupt: 1, Reorder: 1, ReorderDelay: 1}, ""},
		{link.Path{Rate: math.MaxInt64, Delay: 24 * time.Hour}, ""},
		{link.Path{Loss: 0.5, Burst: 1}, ""},
		{link.Path{Loss: -0.1}, "Loss -0.1"},
		{link.Path{Loss: 1.1}, "Loss 1.1"},
		{link.Path{Corrupt: math.NaN()}, "Corrupt NaN"},
		{link.Path{Duplicate: 2}, "Duplicate 2"},
		{link.Path{Reorder: -1}, "Reorder -1"},
		{link.Path{Reorder: 0.1}, "no ReorderDelay"},
		{link.Path{Delay: -1}, "Delay -1ns"},
		{link.Path{Jitter: 25 * time.Hour}, "Jitter 25h"},
		{link.Path{ReorderDelay: -1}, "ReorderDelay -1ns"},
		{link.Path{Rate: -1}, "Rate -1"},
		{link.Path{Queue: -1}, "Queue -1"},
		{link.Path{Queue: 1<<30 + 1}, "Queue 1073741825"},
		{link.Path{MTU: -1}, "MTU -1"},
		{link.Path{Rate: 1, CoDel: true, ECN: true}, ""},
		{link.Path{CoDel: true}, "CoDel, but no Rate"},
		{link.Path{ECN: true}, "ECN, but no Rate"},
		{link.Path{Burst: 0.5}, "Burst 0.5"},
		{link.Path{Burst: 1, Loss: 0.6}, "at most 0.5"},
	} {
		err := tt.path.Check()
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want %q", tt.path, err, tt.want)
		}
		if err != nil {
			func() {
				defer func() {
					if r := recover(); r != err.Error() {
						t.Errorf("NewCarrier(%+v) panics with %v, want %q", tt.path, r, err)
					}
				}()
				link.NewCarrier(tt.path, 1)
			}()
			func() {
				defer func() {
					if r := recover(); r != err.Error() {
						t.Errorf("Set(%+v) panics with %v, want %q", tt.path, r, err)
					}
				}()
				link.NewCarrier(link.Path{}, 1).Set(epoch, tt.path)
			}()
		}
	}
}

// A bottleneck of 8 Mbit/s passes a byte each microsecond.
func TestRateAndQueue(t *testing.T) {
	c := link.NewCarrier(link.Path{Rate: 8_000_000, Queue: 3000, Delay: 10 * time.Millisecond}, 1)
	for i, tt := range []struct {
		now     time.Duration
		size    int
		outcome link.Outcome
		at      time.Duration
	}{
		{0, 1000, link.Arrives, 11 * time.Millisecond},
		{0, 1000, link.Arrives, 12 * time.Millisecond},
		{0, 1000, link.Arrives, 13 * time.Millisecond},
		{0, 1, link.Overflow, 0}, // the three fill the queue
		{time.Millisecond, 1001, link.Overflow, 0},
		{time.Millisecond, 1000, link.Arrives, 14 * time.Millisecond},
		{4 * time.Millisecond, 5000, link.Arrives, 19 * time.Millisecond}, // finds nothing before it
		{4 * time.Millisecond, 1, link.Overflow, 0},
		{time.Second, 0, link.Arrives, 1010 * time.Millisecond},
	} {
		f := c.Carry(epoch.Add(tt.now), tt.size)
		if f.Number != uint64(i) || f.Outcome != tt.outcome || f.Outcome == link.Arrives && f.At.Sub(epoch) != tt.at {
			t.Errorf("packet %d: number %d %v at %v, want %v at %v", i, f.Number, f.Outcome, f.At.Sub(epoch), tt.outcome, tt.at)
		}
	}
}

// The default queue holds a bandwidth-delay product, and at least 32 KiB.
func TestDefaultQueue(t *testing.T) {
	for _, tt := range []struct {
		path link.Path
		want int // packets of 1000 bytes
	}{
		{link.Path{Rate: 8_000_000}, 32},
		{link.Path{Rate: 8_000_000, Delay: 50 * time.Millisecond}, 100},
		{link.Path{Rate: 1}, 32},
	} {
		c := link.NewCarrier(tt.path, 1)
		n := 0
		for n < 1000 && c.Carry(epoch, 1000).Outcome == link.Arrives {
			n++
		}
		if tt.path.Rate == 1 {
			tt.want = 10 // a day's work: 86400 bits
		}
		if n != tt.want {
			t.Errorf("%+v: %d packets in the queue, want %d", tt.path, n, tt.want)
		}
	}
}

func TestMTU(t *testing.T) {
	c := link.NewCarrier(link.Path{MTU: 1400}, 1)
	if f := c.Carry(epoch, 1401); f.Outcome != link.TooBig {
		t.Errorf("1401 bytes: %v", f.Outcome)
	}
	if f := c.Carry(epoch, 1400); f.Outcome != link.Arrives || f.Number != 1 {
		t.Errorf("1400 bytes: %v, number %d", f.Outcome, f.Number)
	}
}

// Loss and the other shares come out as configured, in bursts of the length
// that was asked for.
func TestShares(t *testing.T) {
	const total = 200_000
	for _, tt := range []struct {
		path  link.Path
		burst float64
	}{
		{link.Path{Loss: 0.01}, 1 / (1 - 0.01)},
		{link.Path{Loss: 0.3}, 1 / (1 - 0.3)},
		{link.Path{Loss: 0.01, Burst: 1}, 1},
		{link.Path{Loss: 0.01, Burst: 5}, 5},
		{link.Path{Loss: 0.2, Burst: 20}, 20},
		{link.Path{Duplicate: 0.02, Corrupt: 0.03, Reorder: 0.04, ReorderDelay: time.Millisecond}, 0},
	} {
		c := link.NewCarrier(tt.path, 42)
		var lost, bursts, twice, corrupt, reordered float64
		before := false
		for range total {
			f := c.Carry(epoch, 1000)
			loses := f.Outcome == link.Lost
			count(&lost, loses)
			count(&bursts, loses && !before)
			count(&twice, f.Twice)
			count(&corrupt, f.Corrupt)
			count(&reordered, f.Reordered)
			before = loses
		}
		near := func(what string, got, want float64) {
			t.Helper()
			if math.Abs(got-want) > 0.07*want {
				t.Errorf("%+v: %s %v, want %v", tt.path, what, got, want)
			}
		}
		near("loss", lost/total, tt.path.Loss)
		near("duplicates", twice/total, tt.path.Duplicate)
		near("corrupt", corrupt/total, tt.path.Corrupt)
		near("reordered", reordered/total, tt.path.Reorder)
		if tt.burst > 0 {
			near("burst", lost/bursts, tt.burst)
		}
	}
}

func count(n *float64, yes bool) {
	if yes {
		*n++
	}
}

func TestLossOfEverything(t *testing.T) {
	c := link.NewCarrier(link.Path{Loss: 1}, 1)
	for range 1000 {
		if f := c.Carry(epoch, 1); f.Outcome != link.Lost {
			t.Fatalf("packet %d: %v", f.Number, f.Outcome)
		}
	}
}

// What happens by chance follows from the number: neither load nor time nor
// other chances change it.
func TestFateFollowsFromNumber(t *testing.T) {
	loss := link.Path{Loss: 0.1, Burst: 3}
	full := loss
	full.Rate, full.Delay, full.Jitter, full.Duplicate = 8_000_000, time.Millisecond, time.Millisecond, 0.5
	calm, busy, other := link.NewCarrier(loss, 7), link.NewCarrier(full, 7), link.NewCarrier(loss, 8)
	same := true
	for i := range 10_000 {
		f := calm.Carry(epoch, 100)
		g := busy.Carry(epoch.Add(time.Duration(i)*900*time.Microsecond), 1000)
		if g.Outcome != link.Overflow && f.Outcome != g.Outcome {
			t.Fatalf("packet %d: %v on an idle path, %v on a busy one", i, f.Outcome, g.Outcome)
		}
		same = same && f.Outcome == other.Carry(epoch, 100).Outcome
	}
	if same {
		t.Error("another seed loses the same packets")
	}
}

// Jitter spreads arrivals over its range and keeps their order.
func TestJitterKeepsOrder(t *testing.T) {
	path := link.Path{Delay: 10 * time.Millisecond, Jitter: 5 * time.Millisecond}
	c := link.NewCarrier(path, 1)
	var last time.Time
	least, most := time.Hour, time.Duration(0)
	for i := range 1000 {
		now := epoch.Add(time.Duration(i) * time.Millisecond)
		f := c.Carry(now, 1000)
		if f.At.Before(last) {
			t.Fatalf("packet %d overtakes", i)
		}
		last = f.At
		least, most = min(least, f.At.Sub(now)), max(most, f.At.Sub(now))
	}
	if least < 10*time.Millisecond || least > 11*time.Millisecond || most < 14*time.Millisecond || most > 15*time.Millisecond {
		t.Errorf("delays from %v to %v, want 10 to 15 ms", least, most)
	}
}

// A packet that is held back does not hold up those behind it.
func TestReorder(t *testing.T) {
	c := link.NewCarrier(link.Path{Delay: time.Millisecond, Reorder: 0.5, ReorderDelay: 7 * time.Millisecond}, 1)
	for range 100 {
		f := c.Carry(epoch, 1000)
		want := time.Millisecond
		if f.Reordered {
			want += 7 * time.Millisecond
		}
		if f.At.Sub(epoch) != want {
			t.Errorf("packet %d (reordered: %v) at %v, want %v", f.Number, f.Reordered, f.At.Sub(epoch), want)
		}
	}
}

func BenchmarkCarry(b *testing.B) {
	c := link.NewCarrier(link.Path{Rate: 1e12, Delay: time.Millisecond, Jitter: time.Millisecond, Loss: 0.01, Burst: 2, Duplicate: 0.01, Reorder: 0.01, ReorderDelay: time.Millisecond}, 1)
	for b.Loop() {
		c.Carry(epoch, 1500)
	}
}
