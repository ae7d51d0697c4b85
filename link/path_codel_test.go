package link_test

import (
	"slices"
	"testing"
	"time"

	"github.com/usernet-go/usernet/link"
)

const ms = time.Millisecond

// drain returns the fates of the packets that leave the queue by an instant.
func drain(c *link.Carrier, now time.Time) (fates []link.Fate) {
	for {
		f, ok := c.Next(now)
		if !ok {
			return fates
		}
		fates = append(fates, f)
	}
}

// A packet's fate is known when it leaves the queue, at the bottleneck's pace.
func TestCoDelQueue(t *testing.T) {
	c := link.NewCarrier(link.Path{Rate: 8_000_000, CoDel: true, Queue: 3000, Delay: 10 * ms, MTU: 1500}, 1)
	if at := c.Deadline(); !at.IsZero() {
		t.Errorf("deadline %v of an empty queue", at)
	}
	for i, want := range []link.Outcome{link.Queued, link.Queued, link.Queued, link.Overflow} {
		if f := c.Carry(epoch, 1000); f.Outcome != want || f.Number != uint64(i) {
			t.Errorf("packet %d: %v", f.Number, f.Outcome)
		}
	}
	if f := c.Carry(epoch, 1501); f.Outcome != link.TooBig {
		t.Errorf("1501 bytes: %v", f.Outcome)
	}
	for i := range 3 {
		leaves := epoch.Add(time.Duration(i) * ms)
		if at := c.Deadline(); !at.Equal(leaves) {
			t.Fatalf("packet %d leaves at %v, want %v", i, at.Sub(epoch), leaves.Sub(epoch))
		}
		if i > 0 { // the first found nothing before it
			if f, ok := c.Next(leaves.Add(-1)); ok {
				t.Fatalf("packet %d left too early", f.Number)
			}
		}
		f, ok := c.Next(leaves)
		if !ok || f != (link.Fate{Number: uint64(i), At: leaves.Add(11 * ms)}) {
			t.Errorf("packet %d: %+v, %v", i, f, ok)
		}
	}
	if at := c.Deadline(); !at.IsZero() {
		t.Errorf("deadline %v of an empty queue", at.Sub(epoch))
	}
}

// A burst of 300 packets, of 1 ms each, stands above the target from 5 ms on:
// drops are due at 105, 205 and 275.7 ms. A packet dropped takes no time of the
// bottleneck, so that those behind it move up.
func TestCoDelDropsAndMarks(t *testing.T) {
	for _, tt := range []struct {
		name            string
		ecn             bool
		capable         func(i int) bool
		dropped, marked []uint64
		last            time.Duration // when the last packet arrives
	}{
		{"drops", false, func(int) bool { return true }, []uint64{105, 206, 278}, nil, 297 * ms},
		{"drops what is not capable", true, func(int) bool { return false }, []uint64{105, 206, 278}, nil, 297 * ms},
		// RFC 3168, 5: "instead of dropping the packet, the router MAY instead set
		// the CE codepoint in the IP header".
		{"marks", true, func(int) bool { return true }, nil, []uint64{105, 205, 276}, 300 * ms},
		{"both", true, func(i int) bool { return i%2 == 0 }, []uint64{105, 277}, []uint64{206}, 298 * ms},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := link.NewCarrier(link.Path{Rate: 8_000_000, Queue: 300_000, CoDel: true, ECN: tt.ecn}, 1)
			for i := range 300 {
				if f := c.CarryECN(epoch, 1000, tt.capable(i)); f.Outcome != link.Queued {
					t.Fatalf("packet %d: %v", i, f.Outcome)
				}
			}
			var dropped, marked []uint64
			at := epoch
			for i, f := range drain(c, epoch.Add(time.Hour)) {
				if f.Number != uint64(i) {
					t.Fatalf("fate of packet %d, want %d", f.Number, i)
				}
				if f.Outcome == link.Managed {
					dropped = append(dropped, f.Number)
					continue
				}
				if f.Marked {
					marked = append(marked, f.Number)
				}
				if at = at.Add(ms); f.Outcome != link.Arrives || !f.At.Equal(at) {
					t.Fatalf("packet %d: %v at %v, want %v", i, f.Outcome, f.At.Sub(epoch), at.Sub(epoch))
				}
			}
			if !slices.Equal(dropped, tt.dropped) || !slices.Equal(marked, tt.marked) || at.Sub(epoch) != tt.last {
				t.Errorf("dropped %d, marked %d, last at %v; want %d, %d, %v", dropped, marked, at.Sub(epoch), tt.dropped, tt.marked, tt.last)
			}
		})
	}
}

// offer sends packets at a share of the path's rate for a time, the first of
// them back to back, and returns what became of them with how long each stood in
// the queue. late is how late Next is called.
func offer(path link.Path, size, burst int, share float64, lasts, late time.Duration) (fates []link.Fate, sojourns []time.Duration) {
	c := link.NewCarrier(path, 1)
	work := time.Duration(int64(size) * 8 * int64(time.Second) / path.Rate)
	gap := time.Duration(float64(work) / share)
	var sent []time.Time
	var queued []uint64
	take := func(now time.Time) {
		for _, f := range drain(c, now) {
			fates = append(fates, f)
			sojourns = append(sojourns, f.At.Sub(sent[f.Number])-work-path.Delay)
			if f.Number != queued[0] {
				panic("fates out of order")
			}
			queued = queued[1:]
		}
	}
	now := epoch
	for i := 0; now.Sub(epoch) < lasts; i++ {
		for at := c.Deadline(); !at.IsZero() && at.Add(late).Before(now); at = c.Deadline() {
			take(at.Add(late))
		}
		sent = append(sent, now)
		if f := c.Carry(now, size); f.Outcome == link.Queued {
			queued = append(queued, f.Number)
		}
		if i >= burst {
			now = now.Add(gap)
		}
	}
	take(now.Add(time.Hour))
	return fates, sojourns
}

// A queue of two bandwidth-delay products, of 100 ms each, comes down to the
// target under a constant overload by senders that do not respond, and the
// bottleneck never runs dry. In drop state the law adds 50 drops a second each
// second: it catches up within seconds with the 40 packets or so that are too
// many here, but would swing about a share of the fastest path.
func TestCoDelControlsStandingQueue(t *testing.T) {
	for _, tt := range []struct {
		rate   int64
		share  float64
		within time.Duration // the mean delay in the end
	}{
		// A packet takes 12 ms: two wait, the one that is spared and one more.
		{1_000_000, 1.05, 24 * ms},
		{10_000_000, 1.05, 8 * ms},
		{100_000_000, 1.005, 6 * ms},
	} {
		product := int(tt.rate / 80)
		path := link.Path{Rate: tt.rate, Queue: 2 * product, Delay: 50 * ms, CoDel: true}
		fates, sojourns := offer(path, 1500, 2*product/1500, tt.share, 30*time.Second, 0)
		if first := sojourns[2*product/1500-1]; first < 150*ms {
			t.Fatalf("%d bit/s: the queue stood only for %v", tt.rate, first)
		}
		var sum time.Duration
		n, drops := 0, 0
		work := time.Duration(1500 * 8 * int64(time.Second) / tt.rate)
		last := epoch.Add(path.Delay)
		for i, f := range fates {
			if f.Outcome == link.Managed {
				drops++
				continue
			}
			if gap := f.At.Sub(last); gap != work {
				t.Fatalf("%d bit/s: packet %d comes %v behind the one before, want %v", tt.rate, f.Number, gap, work)
			}
			if last = f.At; f.At.Sub(epoch) > 20*time.Second && f.At.Sub(epoch) < 30*time.Second {
				sum += sojourns[i]
				n++
			}
		}
		mean := sum / time.Duration(n)
		t.Logf("%d bit/s: %d drops, then a delay of %v", tt.rate, drops, mean)
		if mean > tt.within || drops == 0 {
			t.Errorf("%d bit/s: a mean delay of %v after %d drops, want at most %v", tt.rate, mean, drops, tt.within)
		}
	}
}

// A queue that is short now and then never drops, whatever comes in between.
func TestCoDelLeavesShortQueueAlone(t *testing.T) {
	for _, share := range []float64{0.5, 0.99, 1} {
		fates, _ := offer(link.Path{Rate: 8_000_000, CoDel: true}, 1000, 4, share, 20*time.Second, 0)
		for _, f := range fates {
			if f.Outcome != link.Arrives {
				t.Fatalf("at %v of the rate packet %d: %v", share, f.Number, f.Outcome)
			}
		}
	}
}

// At a rate at which one packet takes longer than the target, a queue of one
// packet behind another is spared, however long it stands.
func TestCoDelSparesSlowPath(t *testing.T) {
	path := link.Path{Rate: 1_000_000, CoDel: true} // 12 ms
	for _, tt := range []struct {
		burst int
		drops bool
	}{{1, false}, {2, false}, {3, true}} {
		fates, sojourns := offer(path, 1500, tt.burst, 1, 10*time.Second, 0)
		drops := slices.ContainsFunc(fates, func(f link.Fate) bool { return f.Outcome == link.Managed })
		if want := time.Duration(tt.burst) * 12 * ms; sojourns[5] != want {
			t.Fatalf("the queue stands for %v, want %v", sojourns[5], want)
		}
		if drops != tt.drops {
			t.Errorf("%d packets before each: drops %v", tt.burst, drops)
		}
	}
}

// Fates are those of the instant at which a packet left, however late Next asks.
func TestCoDelLateNext(t *testing.T) {
	path := link.Path{Rate: 8_000_000, CoDel: true, Delay: 20 * ms, Jitter: 5 * ms, Loss: 0.1, Burst: 2, Duplicate: 0.1, Reorder: 0.1, ReorderDelay: ms}
	want, _ := offer(path, 1000, 30, 1.2, 5*time.Second, 0)
	for _, late := range []time.Duration{1, 300 * time.Microsecond, 7 * ms, time.Minute} {
		if got, _ := offer(path, 1000, 30, 1.2, 5*time.Second, late); !slices.Equal(got, want) {
			t.Errorf("other fates when Next is %v late", late)
		}
	}
	if !slices.ContainsFunc(want, func(f link.Fate) bool { return f.Outcome == link.Managed }) {
		t.Error("CoDel dropped nothing")
	}
}

// What happens by chance follows from the number with CoDel too.
func TestCoDelFateFollowsFromNumber(t *testing.T) {
	path := link.Path{Rate: 8_000_000, Loss: 0.1, Burst: 3, Duplicate: 0.2, Corrupt: 0.2}
	calm := link.NewCarrier(path, 7)
	path.CoDel = true
	fates, _ := offer(path, 1000, 30, 1.2, 5*time.Second, 0)
	if len(fates) < 4000 {
		t.Fatalf("%d fates", len(fates))
	}
	c := link.NewCarrier(path, 7)
	n := 0
	for i := range 5000 {
		now := epoch.Add(time.Duration(i) * time.Second)
		want := calm.Carry(now, 1000)
		c.Carry(now, 1000)
		got, ok := c.Next(now)
		if !ok || got != want {
			t.Fatalf("packet %d: %+v, %v, want %+v", i, got, ok, want)
		}
		if want.Outcome == link.Lost {
			n++
		}
	}
	if n < 300 {
		t.Errorf("%d packets lost", n)
	}
}

// Without CoDel, capable packets are marked that find the queue more than half
// full: it holds 10 ms.
func TestECNMarksLongQueue(t *testing.T) {
	for _, capable := range []bool{true, false} {
		c := link.NewCarrier(link.Path{Rate: 8_000_000, Queue: 10_000, ECN: true}, 1)
		for i := range 12 {
			f := c.CarryECN(epoch, 1000, capable)
			want := link.Fate{Number: uint64(i), At: epoch.Add(time.Duration(i+1) * ms), Marked: capable && i > 5}
			if i >= 10 {
				// RFC 3168, 5: "Routers that have a packet arriving at a full queue
				// drop the packet, just as they do in the absence of ECN."
				want = link.Fate{Number: uint64(i), Outcome: link.Overflow, At: f.At}
			}
			if f != want {
				t.Errorf("capable %v: %+v, want %+v", capable, f, want)
			}
		}
	}
	c := link.NewCarrier(link.Path{Rate: 8_000_000, Queue: 10_000}, 1)
	for range 10 {
		if f := c.CarryECN(epoch, 1000, true); f.Marked {
			t.Errorf("packet %d is marked on a path without ECN", f.Number)
		}
	}
}

func BenchmarkCarryCoDel(b *testing.B) {
	c := link.NewCarrier(link.Path{Rate: 8e9, Queue: 1e6, Delay: ms, CoDel: true, ECN: true}, 1)
	now := epoch
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(1499)
		c.CarryECN(now, 1500, true)
		for {
			if _, ok := c.Next(now); !ok {
				break
			}
		}
	}
}
