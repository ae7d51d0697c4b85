package tcp

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"time"
)

// A world is two stacks of one four-tuple each, the two ways of the path between
// them, and users who open, write, read and close in their own manner, one
// connection after another. All of it follows from a seed: nothing here knows a
// map's order, another goroutine or the real clock.
type world struct {
	seed   uint64
	random *rand.Rand
	now    time.Time
	ends   [2]*end
	ways   [2]*way // ways[i] leads from ends[i] to the other
	air    air
	users  []*user // of all sessions
	left   int     // sessions that are still to come
	next   time.Time
	vanish time.Time // when ends[gone] does; zero: never
	back   time.Time // when it dials anew, without any memory; zero: never
	gone   int
	tells  bool // routers send ICMP errors
	// haunted: what was sent again long ago arrives in the midst of the next session,
	// which may use the same numbers again.
	haunted bool
	liar    int // the end whose ACKs others precede that are lies; -1: none
	losses  int // segments that did not arrive as they were sent, or late
	steps   int
	hush    hush
	buffer  [1 << 17]byte
	tally   tally
	trace   func(format string, args ...any) // nil: nobody looks
}

var pairEpoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// unfit is what a world panics with when something in it is not as it must be.
type unfit string

func newWorld(seed uint64) *world {
	r := rand.New(rand.NewPCG(seed, 1))
	w := &world{seed: seed, random: r, now: pairEpoch.Add(time.Second + upTo(r, time.Hour)), left: 1, tells: r.IntN(3) == 0, tally: make(tally)}
	if r.IntN(3) == 0 {
		w.left += 1 + r.IntN(3)
	}
	w.next = w.now
	w.makeWays()
	mss := []int{88, 536, 1000, 1460, 1460, 8948}[r.IntN(6)]
	for i := range w.ends {
		w.ends[i] = newEnd(w, i, mss)
	}
	if w.liar = -1; r.IntN(6) == 0 {
		w.liar = r.IntN(2)
	}
	if r.IntN(12) == 0 {
		w.vanish, w.gone = w.now.Add(upTo(r, 5*time.Second)), r.IntN(2)
	}
	return w
}

// upTo returns a random duration below d, short ones more often than evenly.
func upTo(r *rand.Rand, d time.Duration) time.Duration {
	x := r.Float64()
	return time.Duration(x * x * float64(d))
}

func (w *world) chance(p float64) bool { return w.random.Float64() < p }

func (w *world) failf(format string, args ...any) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "at %v: ", w.now.Sub(pairEpoch))
	fmt.Fprintf(&b, format, args...)
	for _, y := range w.ways {
		fmt.Fprintf(&b, "\nfrom end %d: %+v, cut %v", y.from, y.path, y.cuts)
	}
	for _, e := range w.ends {
		fmt.Fprintf(&b, "\nend %d: clock %v, timer %v, dark %v, %d losses", e.id, e.clock, e.timer, e.dark, w.losses)
	}
	for _, u := range w.users {
		if u.conn.cfg == nil {
			continue // nobody has come
		}
		fmt.Fprintf(&b, "\nuser at %d: %+v err %v timers %v, wrote %d of %d, read %d, %v, gone %v eof %v", u.end.id,
			u.conn.Info(), u.conn.Err(), u.conn.timers, u.wrote, u.total, u.read, u.ending, u.gone, u.eof)
	}
	panic(unfit(b.String()))
}

// run lets the world go on until nothing can happen any more, and returns what
// was wrong in it.
func (w *world) run() (err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case unfit:
			err = fmt.Errorf("%s", string(p))
		default:
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	for {
		switch {
		case !w.back.IsZero() && !w.now.Before(w.back):
			w.comeBack()
		case w.left > 0 && !w.now.Before(w.next) && w.quiet():
			w.session()
		}
		next, ok := w.nextEvent()
		if !ok {
			break
		}
		if w.steps++; w.steps > 2_000_000 {
			w.failf("no end in sight")
		}
		if next.After(w.now) {
			w.now = next
		}
		if w.now.Sub(pairEpoch) > 48*time.Hour {
			w.failf("it takes days")
		}
		if !w.vanish.IsZero() && !w.now.Before(w.vanish) {
			w.vanish = time.Time{}
			w.ends[w.gone].vanish()
			if w.ends[w.gone].dark == rebooted && w.random.IntN(2) == 0 {
				w.back = w.now.Add(time.Second + upTo(w.random, time.Minute))
			}
		}
		w.deliver()
		for _, e := range w.ends {
			e.wake()
		}
		for _, u := range w.users {
			u.act()
		}
	}
	for _, u := range w.users {
		if !u.over() {
			w.failf("deadlock: nothing happens any more, and end %d is not done", u.end.id)
		}
	}
	w.verdict()
	return nil
}

// nextEvent returns when something happens next; false when nothing will.
func (w *world) nextEvent() (next time.Time, ok bool) {
	earlier := func(t time.Time) {
		if !t.IsZero() && (!ok || t.Before(next)) {
			next, ok = t, true
		}
	}
	if len(w.air.flights) > 0 {
		earlier(w.air.flights[0].at)
	}
	for _, e := range w.ends {
		earlier(e.due())
	}
	earlier(w.back)
	busy := w.left > 0
	for _, u := range w.users {
		if !u.over() {
			busy = true
			earlier(u.due())
		}
	}
	if busy && !w.vanish.IsZero() {
		earlier(w.vanish)
	}
	if w.left > 0 && w.quiet() {
		earlier(w.next)
	}
	return next, ok
}

// quiet says that all connections so far are over, and that no record of TIME-WAIT
// is needed to tell their segments from those of the next.
func (w *world) quiet() bool {
	for _, u := range w.users {
		if !u.over() {
			return false
		}
	}
	return len(w.air.flights) == 0 || w.ends[0].tw != nil || w.ends[1].tw != nil
}

// session begins the next session: one user dials, and the other accepts or dials
// at the same time.
func (w *world) session() {
	r := w.random
	from := r.IntN(2)
	if w.ends[from].dark != alive {
		from = 1 - from
	}
	e := w.ends[from]
	if e.tw != nil && !e.tw.CanReuse(e.reading()) {
		w.next = w.now.Add(time.Second + upTo(r, 20*time.Second))
		return
	}
	w.left--
	w.next = w.now.Add(upTo(r, 90*time.Second))
	if w.haunted {
		w.next = w.now.Add(upTo(r, 5*time.Second))
	}
	dialler, other := w.pair(from)
	switch {
	case other.end.dark != alive:
		other.gone, other.vanished = true, true
	case r.IntN(6) == 0 && other.end.tw == nil:
		w.tally["opened at once"]++
		other.dial()
	default:
		other.end.waiting = other
		if r.IntN(2) == 0 && other.end.tw == nil {
			other.listen()
		}
	}
	dialler.dial()
}

// comeBack lets the end that has vanished dial anew, while the other still has the
// connection from before, or what is left of it. Nothing but timestamps protects
// the new one from segments of the old that are still on their way.
func (w *world) comeBack() {
	w.back = time.Time{}
	for _, u := range w.users {
		if !u.vanished && !u.seen.established {
			return
		}
	}
	for _, e := range w.ends {
		if e.cfg.NoTimestamps || e.waiting != nil {
			return
		}
	}
	w.tally["an end came back"]++
	w.ends[w.gone].dark = alive
	dialler, other := w.pair(w.gone)
	other.end.waiting = other
	dialler.dial()
}

// pair makes the users of a session, that of ends[from] first, in the place of
// those that are done.
func (w *world) pair(from int) (a, b *user) {
	w.tally["sessions"]++
	w.verdict()
	for _, u := range w.users {
		if u.attached && u.conn.State() == StateListen {
			u.close(true) // nobody has come
		}
	}
	w.users = slices.DeleteFunc(w.users, (*user).over)
	a, b = newUser(w.ends[from]), newUser(w.ends[1-from])
	a.peer, b.peer = b, a
	hurried := w.random.IntN(3) == 0
	for _, u := range []*user{a, b} {
		u.end.waiting = nil
		u.maxRead = max(u.maxRead, u.peer.total/300) // or it would take days
		if hurried {
			u.impatient()
		}
	}
	w.users = append(w.users, a, b)
	return a, b
}
