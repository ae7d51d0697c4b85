package host

import (
	"cmp"
	"sync"
	"sync/atomic"
	"time"
)

// A timer is one node of the host's timer heap, embedded in whatever it serves.
// Its zero value, with its owner set, is ready for use.
type timer struct {
	owner timerOwner // set it before the first set, and never again

	when  atomic.Int64 // wanted instant, nanoseconds since timers.epoch; 0 when none
	key   atomic.Int64 // instant under which the node is in the heap; 0 when it is not in it
	index int          // in timers.heap; guarded by timers.mu
}

// A timerOwner is what a timer serves: a *TCPConn, a *deadline, or a timerFunc.
type timerOwner interface {
	// fire is called with no lock held, on the host's one timer goroutine, with
	// the instant that its round shares. It may come too early or for an
	// instant that has been cleared meanwhile: the owner looks at its own deadline
	// under its own lock.
	fire(now time.Time)
}

// A timerFunc is an owner that goroutines of the application do not set the timer of.
type timerFunc func(now time.Time)

func (f timerFunc) fire(now time.Time) { f(now) }

// timers is the host's timer heap: 4-ary, with intrusive nodes, and one timer of
// the clock under it. A node that is moved to a later instant, or cleared, stays
// where it is and is looked at when its old instant comes: a retransmission timer
// is moved with every segment and seldom fires.
//
// timers.mu is a leaf in the lock order: set and clear may be called under any
// other lock.
type timers struct {
	clock Clock
	epoch time.Time

	mu      sync.Mutex
	heap    []*timer
	alarm   Timer      // nil until the first set
	armed   int64      // instant that alarm is set for; 0 when it is not
	running bool       // a round of callbacks is on its way; it arms the alarm at its end
	idle    *sync.Cond // signalled when running becomes false
	closed  bool
}

func (ts *timers) init(clock Clock, epoch time.Time) {
	ts.clock, ts.epoch = clock, epoch
	ts.idle = sync.NewCond(&ts.mu)
}

// at converts an instant for the heap; 0 is kept for "none".
func (ts *timers) at(t time.Time) int64 {
	return max(1, int64(t.Sub(ts.epoch)))
}

// set asks for t.fire at when; the zero time clears.
func (ts *timers) set(t *timer, when time.Time) {
	if when.IsZero() {
		ts.clear(t)
		return
	}
	ts.setAt(t, ts.at(when))
}

// setAt is set for an instant of the heap; 0 clears.
func (ts *timers) setAt(t *timer, w int64) {
	if w == 0 {
		ts.clear(t)
		return
	}
	// The store of when comes before the load of key here, and the store of key
	// before the load of when in pop: one of the two sees the other's.
	if t.when.Load() != w {
		t.when.Store(w)
	}
	if k := t.key.Load(); k != 0 && k <= w {
		return
	}
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if ts.closed {
		return
	}
	switch k := t.key.Load(); {
	case k == 0:
		t.key.Store(w)
		t.index = len(ts.heap)
		ts.heap = append(ts.heap, t)
		ts.up(t.index)
	case w < k:
		t.key.Store(w)
		ts.up(t.index)
	default:
		return
	}
	ts.arm()
}

// clear takes the wish back. The node stays in the heap until its instant comes;
// who frees what holds it calls remove.
func (ts *timers) clear(t *timer) {
	if t.when.Load() != 0 {
		t.when.Store(0)
	}
}

// remove clears t and takes it out of the heap. A call of fire that has begun
// goes on.
func (ts *timers) remove(t *timer) {
	t.when.Store(0)
	if t.key.Load() == 0 {
		return
	}
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if t.key.Load() != 0 {
		ts.take(t.index)
	}
}

// arm sets the alarm for the earliest node when it is not set for that or an
// earlier instant. Called with mu held.
func (ts *timers) arm() {
	if ts.running || ts.closed || len(ts.heap) == 0 {
		return
	}
	first := ts.heap[0].key.Load()
	if ts.armed != 0 && ts.armed <= first {
		return
	}
	ts.armed = first
	d := ts.epoch.Add(time.Duration(first)).Sub(ts.clock.Now())
	if ts.alarm == nil {
		ts.alarm = ts.clock.AfterFunc(d, ts.round)
		return
	}
	ts.alarm.Reset(d)
}

// round fires what is due. It is the alarm's function.
func (ts *timers) round() {
	ts.mu.Lock()
	if ts.running || ts.closed {
		ts.mu.Unlock()
		return
	}
	ts.running = true
	ts.armed = 0
	ts.mu.Unlock()

	// A callback may ask for this very instant again, so the round reads the clock
	// anew from time to time: a long round must not stop time.
	for more := true; more; {
		now := ts.clock.Now()
		for range 64 {
			t := ts.pop(now)
			if more = t != nil; !more {
				break
			}
			t.owner.fire(now)
		}
	}

	ts.mu.Lock()
	ts.running = false
	ts.arm()
	ts.idle.Broadcast()
	ts.mu.Unlock()
}

// pop takes out the next node that is due at now, and puts back where they
// belong those that were moved to a later instant.
func (ts *timers) pop(now time.Time) *timer {
	limit := ts.at(now)
	ts.mu.Lock()
	defer ts.mu.Unlock()
	for len(ts.heap) > 0 && !ts.closed {
		t := ts.heap[0]
		if t.key.Load() > limit {
			return nil
		}
		ts.take(0)
		switch w := t.when.Load(); {
		case w == 0:
		case w > limit:
			t.key.Store(w)
			t.index = len(ts.heap)
			ts.heap = append(ts.heap, t)
			ts.up(t.index)
		default:
			return t
		}
	}
	return nil
}

// close forgets all nodes and waits until no callback runs. It must not be
// called from within one.
func (ts *timers) close() {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	ts.closed = true
	for _, t := range ts.heap {
		t.key.Store(0)
	}
	ts.heap = nil
	if ts.alarm != nil {
		ts.alarm.Stop()
	}
	for ts.running {
		ts.idle.Wait()
	}
}

// take removes the node at i from the heap. Called with mu held.
func (ts *timers) take(i int) {
	t := ts.heap[i]
	last := len(ts.heap) - 1
	if i != last {
		ts.heap[i] = ts.heap[last]
		ts.heap[i].index = i
	}
	ts.heap[last] = nil
	ts.heap = ts.heap[:last]
	if i != last {
		ts.up(i)
		ts.down(i)
	}
	t.key.Store(0)
}

// tie says that t comes before o, which is due at the same instant: what belongs to
// connections and sockets comes in the order of their keys, behind all else, whichever
// was set first. Goroutines that drive connections at one instant do so in any order,
// and what the connections do later is to be the same.
func (t *timer) tie(o *timer) bool {
	k, role := t.place()
	other, otherRole := o.place()
	if k == nil || other == nil {
		return k == nil && other != nil
	}
	return cmp.Or(k.compare(other), cmp.Compare(role, otherRole)) < 0
}

// place returns whose timer t is, and which of his; nil if it is of nobody's with a key.
func (t *timer) place() (*flowKey, timerRole) {
	switch o := t.owner.(type) {
	case *TCPConn:
		return &o.key, timerOfConn
	case *deadline:
		return o.key, o.role
	}
	return nil, 0
}

// A timerRole orders the timers of one key.
type timerRole uint8

const (
	timerOfConn timerRole = iota
	timerOfTCPRead
	timerOfTCPWrite
	timerOfLinger
	timerOfAccept
	timerOfUDPRead
	timerOfUDPWrite
)

// up restores the order from i towards the root.
func (ts *timers) up(i int) {
	t := ts.heap[i]
	k := t.key.Load()
	for i > 0 {
		parent := (i - 1) / 4
		if pk := ts.heap[parent].key.Load(); pk < k || pk == k && !t.tie(ts.heap[parent]) {
			break
		}
		ts.heap[i] = ts.heap[parent]
		ts.heap[i].index = i
		i = parent
	}
	ts.heap[i] = t
	t.index = i
}

// down restores the order from i towards the leaves.
func (ts *timers) down(i int) {
	t := ts.heap[i]
	k := t.key.Load()
	for {
		least, leastKey, first := -1, k, t
		for c := 4*i + 1; c <= 4*i+4 && c < len(ts.heap); c++ {
			ck := ts.heap[c].key.Load()
			if ck < leastKey || ck == leastKey && ts.heap[c].tie(first) {
				least, leastKey, first = c, ck, ts.heap[c]
			}
		}
		if least < 0 {
			break
		}
		ts.heap[i] = ts.heap[least]
		ts.heap[i].index = i
		i = least
	}
	ts.heap[i] = t
	t.index = i
}
