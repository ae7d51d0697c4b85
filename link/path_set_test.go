package link_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/usernet-go/usernet/link"
)

// What happens by chance follows from a packet's number, whenever the path
// changes; bursts of losses go on.
func TestSetKeepsNumbers(t *testing.T) {
	path := link.Path{Loss: 0.1, Burst: 5, Duplicate: 0.1, Corrupt: 0.1, Reorder: 0.1, ReorderDelay: ms}
	steady, changed := link.NewCarrier(path, 5), link.NewCarrier(path, 5)
	losses := 0
	for i := range 5000 {
		now := epoch.Add(time.Duration(i) * time.Second)
		if i%3 == 0 {
			path.Delay = time.Duration(i) * time.Microsecond
			if path.CoDel, path.Rate = i%2 == 0, 0; path.CoDel {
				path.Rate = 1e12
			}
			changed.Set(now, path)
		}
		want, got := steady.Carry(now, 1), changed.Carry(now, 1)
		if got.Outcome == link.Queued {
			got, _ = changed.Next(now)
		}
		want.At = want.At.Add(path.Delay)
		if want.Outcome == link.Lost {
			want.At, got.At = time.Time{}, time.Time{}
			losses++
		}
		if got != want || got.Number != uint64(i) {
			t.Fatalf("packet %d: %+v, want %+v", i, got, want)
		}
	}
	if losses < 300 {
		t.Errorf("%d packets lost", losses)
	}
}

// The bottleneck has 4000 bytes, 4 ms, before it when the rate changes.
func TestSetKeepsBacklog(t *testing.T) {
	for _, tt := range []struct {
		rate    int64
		arrives time.Duration // the next packet, of 1000 bytes
	}{
		{8_000_000, 5 * ms},
		{4_000_000, 10 * ms},
		{80_000_000, 500 * time.Microsecond},
		{8_000, 5 * time.Second},
		{0, 0},
	} {
		path := link.Path{Rate: 8_000_000, Queue: 5000}
		c := link.NewCarrier(path, 1)
		for range 5 {
			c.Carry(epoch, 1000)
		}
		path.Rate = tt.rate
		c.Set(epoch.Add(ms), path)
		if f := c.Carry(epoch.Add(ms), 1000); f.Outcome != link.Arrives || f.At.Sub(epoch) != ms+tt.arrives || f.Number != 5 {
			t.Errorf("at %d bit/s: %+v at %v, want %v", tt.rate, f, f.At.Sub(epoch), ms+tt.arrives)
		}
	}
}

// The backlog may be more than the new queue holds.
func TestSetShortensQueue(t *testing.T) {
	path := link.Path{Rate: 8_000_000, Queue: 5000}
	c := link.NewCarrier(path, 1)
	for range 5 {
		c.Carry(epoch, 1000)
	}
	path.Queue = 2000
	c.Set(epoch, path)
	for i, want := range []link.Outcome{link.Overflow, link.Overflow, link.Overflow, link.Overflow, link.Arrives} {
		f := c.Carry(epoch.Add(time.Duration(i)*ms), 1000)
		if f.Outcome != want {
			t.Errorf("after %d ms: %v, want %v", i, f.Outcome, want)
		}
	}
}

// The largest queue keeps its bytes at the least and the greatest rate, as far as
// nanoseconds can tell: it is full all the time.
func TestSetExtremeRates(t *testing.T) {
	path := link.Path{Rate: 8_000_000_000, Queue: 1 << 30}
	c := link.NewCarrier(path, 1)
	n := 0
	for c.Carry(epoch, 1<<15).Outcome == link.Arrives {
		n++
	}
	if n != 1<<15 {
		t.Fatalf("%d packets in the queue, want %d", n, 1<<15)
	}
	for _, rate := range []int64{1, 8_000_000_000, 1_000_000, 1, 1 << 30} {
		path.Rate = rate
		c.Set(epoch, path)
		if f := c.Carry(epoch, 1<<15); f.Outcome != link.Overflow {
			t.Errorf("at %d bit/s: %v at %v", rate, f.Outcome, f.At)
		}
	}
	path.Rate = math.MaxInt64
	c.Set(epoch, path)
	if f := c.Carry(epoch, 1<<15); f.At.Sub(epoch) > 10 {
		t.Errorf("at the greatest rate: %v at %v", f.Outcome, f.At)
	}
}

// A shorter path is not held up by what is on the longer one.
func TestSetMayReorder(t *testing.T) {
	c := link.NewCarrier(link.Path{Delay: 100 * ms}, 1)
	if f := c.Carry(epoch, 1); f.At.Sub(epoch) != 100*ms {
		t.Fatalf("arrives after %v", f.At.Sub(epoch))
	}
	c.Set(epoch.Add(ms), link.Path{Delay: 10 * ms})
	if f := c.Carry(epoch.Add(ms), 1); f.At.Sub(epoch) != 11*ms {
		t.Errorf("arrives after %v, want 11 ms", f.At.Sub(epoch))
	}
}

// What waits in CoDel's queue takes the new path when it leaves.
func TestSetWithQueuedPackets(t *testing.T) {
	path := link.Path{Rate: 8_000_000, Queue: 10_000, CoDel: true, Delay: 50 * ms}
	for _, tt := range []struct {
		name  string
		set   link.Path
		known int // fates at the moment of the change
		at    []time.Duration
	}{
		// Packet 1 has left at 1 ms, and its other half is sent at the new rate.
		{"half the rate", link.Path{Rate: 4_000_000, CoDel: true, Delay: 10 * ms}, 2,
			[]time.Duration{51 * ms, 52 * ms, 2500*time.Microsecond + 12*ms, 2500*time.Microsecond + 14*ms}},
		{"without CoDel", link.Path{Rate: 4_000_000, Delay: 10 * ms}, 4,
			[]time.Duration{51 * ms, 52 * ms, 2500*time.Microsecond + 12*ms, 2500*time.Microsecond + 14*ms}},
		{"without a rate", link.Path{Delay: 10 * ms}, 4,
			[]time.Duration{51 * ms, 52 * ms, 1500*time.Microsecond + 10*ms, 1500*time.Microsecond + 10*ms}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := link.NewCarrier(path, 1)
			for range 4 {
				c.Carry(epoch, 1000)
			}
			now := epoch.Add(1500 * time.Microsecond)
			c.Set(now, tt.set)
			if at := c.Deadline(); at.After(now) {
				t.Errorf("Deadline %v, though fates are known", at.Sub(epoch))
			}
			fates := drain(c, now)
			if len(fates) != tt.known {
				t.Errorf("%d fates at the change, want %d", len(fates), tt.known)
			}
			after := c.Carry(now, 1000)
			var got []time.Duration
			for i, f := range append(fates, drain(c, now.Add(time.Hour))...) {
				if f.Number != uint64(i) || f.Outcome != link.Arrives {
					t.Errorf("fate %d: %+v", i, f)
				}
				got = append(got, f.At.Sub(epoch))
			}
			last := got[len(got)-1]
			if tt.set.CoDel {
				got = got[:len(got)-1]
			} else {
				last = after.At.Sub(epoch)
			}
			work := time.Duration(0)
			if tt.set.Rate > 0 {
				work = 2 * ms
			}
			if !slices.Equal(got, tt.at) || last != tt.at[3]+work {
				t.Errorf("arrivals at %v and %v, want %v and %v", got, last, tt.at, tt.at[3]+work)
			}
		})
	}
}

// Without CoDel what stands in the queue is not dropped any more, and with it
// again CoDel begins anew: the first drop comes 105 ms after a burst, though
// the queue stood before.
func TestSetTurnsCoDelOff(t *testing.T) {
	path := link.Path{Rate: 8_000_000, Queue: 600_000, CoDel: true}
	c := link.NewCarrier(path, 1)
	for range 300 {
		c.Carry(epoch, 1000)
	}
	now := epoch.Add(104 * ms)
	fates := drain(c, now)
	plain := path
	plain.CoDel = false
	c.Set(now, plain)
	fates = append(fates, drain(c, now)...)
	for _, f := range fates {
		if f.Outcome != link.Arrives {
			t.Errorf("packet %d: %v", f.Number, f.Outcome)
		}
	}
	if len(fates) != 300 {
		t.Fatalf("%d fates, want 300", len(fates))
	}
	// The bottleneck has 196 ms to go: the next 200 packets stand that long.
	c.Set(now, path)
	for range 200 {
		c.Carry(now, 1000)
	}
	for _, f := range drain(c, now.Add(time.Hour)) {
		if f.Outcome == link.Managed {
			// The first leaves at 300 ms and is above the target at once.
			if f.Number != 400 {
				t.Errorf("the first drop is packet %d, want 400", f.Number)
			}
			return
		}
	}
	t.Error("CoDel dropped nothing")
}
