package sim

import (
	"slices"
	"sync"
	"time"

	"github.com/usernet-go/usernet/link"
)

// An engine lets a world's events happen, one by one, on one goroutine. Offsets
// count from the world's start.
//
// In virtual time it acts at odd nanoseconds only: whoever sleeps until then wakes
// up when everybody else in the bubble is blocked. What the event wakes, the engine
// wakes a little later, so that applications, and the timers that they set,
// have the even nanoseconds for themselves. See the package's documentation for
// what follows from that.
type engine struct {
	start   time.Time
	virtual bool

	mu       sync.Mutex
	idle     sync.Cond // no event is happening; on mu
	queue    eventQueue
	last     time.Duration // the next event happens later
	entering []*flight     // sent, and not on their way yet
	wakes    []func()      // of the event in progress
	acting   bool          // an event is in progress
	free     []*flight     // landed, for reuse
	stopped  bool          // nothing happens any more

	// The engine's goroutine's.
	arrivals int       // so far, modulo phases
	leaving  []*flight // what is put on its way
	seen     Packet
	packet   [1]link.Packet
	piece    [1][]byte

	kick     chan struct{} // there is more to do, or earlier; holds one
	quit     chan struct{}
	finished chan struct{} // run has returned
}

func newEngine() *engine {
	e := &engine{
		start:    now(),
		kick:     make(chan struct{}, 1),
		quit:     make(chan struct{}),
		finished: make(chan struct{}),
	}
	e.virtual = isVirtual(e.start)
	e.last = -1
	e.idle.L = &e.mu
	go e.run()
	return e
}

// stop ends the engine. What has not happened will not.
func (e *engine) stop() {
	close(e.quit)
	<-e.finished
}

// run lets events happen until stop.
func (e *engine) run() {
	defer close(e.finished)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		wait, any := e.untilNext()
		if any && wait <= 0 {
			e.step()
			continue
		}
		var alarm <-chan time.Time // none while nothing is to come
		if any {
			timer.Reset(wait)
			alarm = timer.C
		} else {
			timer.Stop()
		}
		select {
		case <-alarm:
		case <-e.kick:
		case <-e.quit:
			return
		}
	}
}

// untilNext returns how long to wait before the next step; false if there is
// nothing to come.
func (e *engine) untilNext() (time.Duration, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.now()
	switch {
	case len(e.entering) > 0:
		return e.instant(e.entering[0].sent) - now, true
	case len(e.queue) > 0:
		return e.instant(e.queue[0].at-1) - now, true
	}
	return 0, false
}

// instant returns when the engine can act on something that is known since, or
// wanted right behind, the given instant.
func (e *engine) instant(since time.Duration) time.Duration {
	if !e.virtual {
		return since
	}
	return (max(since, e.last) + 1) | 1
}

// step puts on its way what was sent, and lets the next event happen if its time
// has come.
func (e *engine) step() {
	e.mu.Lock()
	now := e.now()
	e.last = now
	e.acting = true
	e.mu.Unlock()
	e.depart(now)

	e.mu.Lock()
	var next *event
	if len(e.queue) > 0 && e.queue[0].at <= now {
		next = e.queue.pop()
	}
	e.mu.Unlock()
	if next != nil {
		next.actor.act(now)
		e.depart(now)
	}

	e.mu.Lock()
	e.acting = false
	wakes := e.wakes
	e.wakes = nil
	e.idle.Broadcast()
	e.mu.Unlock()
	if len(wakes) == 0 {
		return
	}
	e.wakeUp(wakes)
	clear(wakes)
}

// Instants at which somebody is woken.
const (
	// unit is what a program's own durations are multiples of in nearly all practice.
	unit = time.Microsecond
	// phases is how many instants within a unit there are, but for those of timers set
	// at the start. It is a prime number.
	phases = int(unit)/2 - 1
	// stride is how many phases apart those of two arrivals are.
	stride = 10
)

// wakeUp calls what an event has left to be done: in virtual time each at an even
// instant of its own, so that who reads and who writes on one connection do not go on
// at the same one. Nor does a timer that is set when one packet arrives run out when
// another one does, as that of a peer who is given up after some heartbeats would: each
// arrival has another phase than those before.
func (e *engine) wakeUp(wakes []func()) {
	phase := 2 * time.Duration(1+e.arrivals*stride%phases)
	for i, wake := range wakes {
		switch {
		case e.virtual && i == 0:
			time.Sleep((unit + phase - e.now()%unit) % unit)
		case e.virtual:
			time.Sleep(2 * time.Nanosecond)
		}
		wake()
	}
	e.mu.Lock()
	e.last = max(e.last, e.now())
	e.mu.Unlock()
}

// depart puts on its way what was sent. No lock is held meanwhile: a path's Drop and
// a trace's writer are user code.
func (e *engine) depart(now time.Duration) {
	e.mu.Lock()
	e.leaving, e.entering = e.entering, e.leaving
	e.mu.Unlock()
	// What an event sends may be in an order of goroutines too: a packet that waited
	// for its neighbour's address was sent before.
	slices.SortStableFunc(e.leaving, (*flight).compare)
	for i, f := range e.leaving {
		f.way.depart(now, f)
		e.leaving[i] = nil
	}
	e.leaving = e.leaving[:0]
}

// wake wakes up somebody who waits for what an event has changed: when the event
// is over, and its output on its way.
func (e *engine) wake(f func()) {
	e.mu.Lock()
	if e.acting {
		e.wakes = append(e.wakes, f)
		e.mu.Unlock()
		return
	}
	e.mu.Unlock()
	f()
}

// setLocked has ev happen at the instant at.
func (e *engine) setLocked(ev *event, at time.Duration) {
	e.queue.set(ev, at)
	if !e.acting && ev.index == 0 {
		e.kickLocked()
	}
}

// kickLocked tells the engine's goroutine to look again, and not to act before
// everybody else has done what there is to do at this instant.
func (e *engine) kickLocked() {
	e.last = max(e.last, e.now())
	select {
	case e.kick <- struct{}{}:
	default:
	}
}

// settle waits until no event is in progress. It must not be called from within
// one.
func (e *engine) settle() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for e.acting {
		e.idle.Wait()
	}
}
