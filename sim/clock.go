package sim

import (
	"time"

	"github.com/usernet-go/usernet"
)

// now is the one place in the package that reads the system's clock. Inside a
// testing/synctest bubble its time is the bubble's.
func now() time.Time { return time.Now() }

// isVirtual says whether an instant is of a testing/synctest bubble: there the clock
// has no monotonic reading, which Round(0) takes away elsewhere.
func isVirtual(t time.Time) bool { return t == t.Round(0) }

// present returns the present instant. It panics where time is another than the
// world's: what waits there would never go on, or the runtime would end the program
// without a word on why.
func (e *engine) present() time.Time {
	at := now()
	switch virtual := isVirtual(at); {
	case virtual && !e.virtual:
		panic("sim: a world that was made outside of a testing/synctest bubble is used inside of one: call New inside")
	case !virtual && e.virtual:
		panic("sim: a world that was made inside of a testing/synctest bubble is used outside of it: call New outside, or use it inside")
	}
	return at
}

// now returns the present offset.
func (e *engine) now() time.Duration { return e.present().Sub(e.start) }

// A clock is a host's: it shows the world's time, as finely as it can, and its
// timers are events of the world.
type clock struct {
	engine *engine
	host   uint32
	tick   time.Duration // between two readings that differ; 0: none
	timers uint64        // made so far; guarded by the engine's lock
}

// Now returns the present instant, or the tick before it.
func (c *clock) Now() time.Time {
	at := c.engine.present()
	if c.tick > 0 {
		at = at.Add(-(at.Sub(c.engine.start) % c.tick))
	}
	return at
}

// AfterFunc calls f on the engine's goroutine.
func (c *clock) AfterFunc(d time.Duration, f func()) usernet.Timer {
	t := &timer{clock: c, f: f, event: event{kind: timeout, who: c.host, index: -1}}
	t.actor = t
	e := c.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	c.timers++
	t.number = c.timers
	t.setLocked(d)
	return t
}

// Wake calls f when no event is in progress.
func (c *clock) Wake(f func()) { c.engine.wake(f) }

// after returns the offset that is d from now, or the tick behind it.
func (c *clock) after(d time.Duration) time.Duration {
	at := c.Now().Sub(c.engine.start) + max(0, d)
	if c.tick > 0 {
		at = (at + c.tick - 1) / c.tick * c.tick
	}
	return at
}

// A timer is a timer of a host.
type timer struct {
	event
	clock  *clock
	f      func()
	system *time.Timer // once the world is closed; guarded by the engine's lock
}

func (t *timer) act(time.Duration) { t.f() }

func (t *timer) Reset(d time.Duration) bool {
	e := t.clock.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	return t.setLocked(d)
}

// setLocked has f called d from now, and says whether it was to be called.
func (t *timer) setLocked(d time.Duration) (waits bool) {
	e := t.clock.engine
	if e.stopped {
		return t.afterLocked(d)
	}
	waits = t.index >= 0
	e.setLocked(&t.event, t.clock.after(d))
	return waits
}

// afterLocked is setLocked in a world that is closed, where somebody may still wait
// before he gives up, such as one who dials.
func (t *timer) afterLocked(d time.Duration) (waits bool) {
	if t.system != nil {
		return t.system.Reset(d)
	}
	t.system = time.AfterFunc(d, t.f)
	return false
}

func (t *timer) Stop() bool {
	e := t.clock.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	if t.system != nil {
		return t.system.Stop()
	}
	return e.queue.remove(&t.event)
}
