package host

import (
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// newTimers returns the timers of a host that has nothing else.
func newTimers() *timers {
	ts := new(timers)
	ts.init(systemClock{}, time.Now())
	return ts
}

func TestTimersFireInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ts := newTimers()
		defer ts.close()
		start := time.Now()
		var fired []time.Duration
		random := rand.New(rand.NewPCG(1, 2))
		var want []time.Duration
		for range 500 {
			d := time.Duration(random.IntN(1e6)) * time.Microsecond
			n := &timer{}
			n.owner = timerFunc(func(now time.Time) {
				if got := now.Sub(start); got != d {
					t.Errorf("fired at %v, set for %v", got, d)
				}
				fired = append(fired, d)
			})
			ts.set(n, start.Add(d))
			switch random.IntN(4) {
			case 0: // later
				d += time.Second
				ts.set(n, start.Add(d))
			case 1: // earlier
				d /= 2
				ts.set(n, start.Add(d))
			case 2:
				if random.IntN(2) == 0 {
					ts.clear(n)
				} else {
					ts.remove(n)
				}
				continue
			}
			want = append(want, d)
		}
		slices.Sort(want)
		time.Sleep(time.Minute)
		synctest.Wait()
		if !slices.Equal(fired, want) {
			t.Errorf("fired %d timers, in another order or number than the %d set", len(fired), len(want))
		}
		if len(ts.heap) != 0 {
			t.Errorf("%d nodes left in the heap", len(ts.heap))
		}
	})
}

// A callback may set its own timer, for this very instant too, and take locks.
func TestTimerSetsItselfAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ts := newTimers()
		defer ts.close()
		n, times := &timer{}, 0
		n.owner = timerFunc(func(now time.Time) {
			if times++; times < 1000 {
				ts.set(n, now)
			}
		})
		ts.set(n, time.Now())
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if times != 1000 {
			t.Errorf("fired %d times, want 1000", times)
		}
	})
}

// Instants before the epoch, or in the past, fire at once.
func TestTimerInThePast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ts := newTimers()
		defer ts.close()
		var fired atomic.Int32
		n := &timer{owner: timerFunc(func(time.Time) { fired.Add(1) })}
		ts.set(n, time.Now().Add(-time.Hour))
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if fired.Load() != 1 {
			t.Errorf("fired %d times, want 1", fired.Load())
		}
	})
}

func TestTimersCloseWaitsForCallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ts := newTimers()
		var over atomic.Bool
		n := &timer{owner: timerFunc(func(time.Time) {
			time.Sleep(time.Second)
			over.Store(true)
		})}
		ts.set(n, time.Now().Add(time.Second))
		time.Sleep(1500 * time.Millisecond)
		ts.close()
		if !over.Load() {
			t.Error("close returned while a callback ran")
		}
		ts.set(n, time.Now())
		over.Store(false)
		time.Sleep(time.Hour)
		synctest.Wait()
		if over.Load() {
			t.Error("a timer fired after close")
		}
	})
}

// No wish is lost when one goroutine moves a node while the round looks at it: that
// is decided between two atomics without the lock.
func TestTimersLoseNothing(t *testing.T) {
	ts := newTimers()
	defer ts.close()
	const goroutines, rounds = 4, 2000
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			fired := make(chan struct{}, 1)
			n := &timer{owner: timerFunc(func(time.Time) {
				select {
				case fired <- struct{}{}:
				default:
				}
			})}
			for i := range rounds {
				// A move to a later instant races with the firing of the earlier one.
				ts.set(n, time.Now().Add(time.Duration(i%7)*time.Microsecond))
				ts.set(n, time.Now().Add(time.Duration(i%11)*time.Microsecond))
				<-fired
			}
		})
	}
	wg.Wait()
}

func BenchmarkTimersReset(b *testing.B) {
	ts := newTimers()
	defer ts.close()
	const conns = 100_000
	nodes := make([]timer, conns)
	now := time.Now()
	for i := range nodes {
		nodes[i].owner = timerFunc(func(time.Time) {})
		ts.set(&nodes[i], now.Add(time.Hour+time.Duration(i)*time.Millisecond))
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		ts.set(&nodes[i%conns], now.Add(2*time.Hour+time.Duration(i)))
	}
}
