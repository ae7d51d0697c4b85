package link

import "time"

// A managedQueue is the queue before a bottleneck when CoDel manages it, and
// the fates of those that have left it until Next gives them.
type managedQueue struct {
	codel   codel
	waiting fifo[queuedPacket]
	bytes   int           // of the packets that wait
	work    time.Duration // of the bottleneck on them
	left    fifo[departure]
}

// A queuedPacket waits in a queue.
type queuedPacket struct {
	number  uint64
	since   time.Time
	size    int
	lost    bool // behind the bottleneck
	capable bool // of being marked instead of dropped
}

// A departure is a packet that has left the queue at an instant.
type departure struct {
	at   time.Time
	fate Fate
}

// add appends a packet on which the bottleneck works that long.
func (q *managedQueue) add(x queuedPacket, work time.Duration) {
	q.codel.see(x.size)
	q.bytes += x.size
	q.work += work
	q.waiting.push(x)
}

// depart lets those packets leave the queue for which the bottleneck is free by
// now. Without CoDel, when Set has turned it off, there is nothing to wait for:
// all leave.
func (c *Carrier) depart(now time.Time) {
	q := &c.managed
	for q.waiting.len() > 0 {
		at := c.idle.Add(-q.work)
		if at.After(now) && c.path.CoDel {
			return
		}
		x := q.waiting.pop()
		work := c.path.transmission(x.size)
		q.bytes -= x.size
		q.work -= work
		f := Fate{Number: x.number, At: at.Add(work)}
		drop := c.path.CoDel && q.codel.drop(at, at.Sub(x.since), q.bytes)
		if drop && !(c.path.ECN && x.capable) {
			// It takes no time of the bottleneck: what is behind it moves up.
			c.idle = c.idle.Add(-work)
			f.Outcome = Managed
		} else {
			f.Marked = drop
			c.behind(&f, x.lost)
		}
		if at.After(now) {
			at = now
		}
		q.left.push(departure{at, f})
	}
}

// Deadline returns when Next has the next fate; zero when no packet is queued.
// It changes with each Carry, Next and Set.
func (c *Carrier) Deadline() time.Time {
	q := &c.managed
	switch {
	case q.left.len() > 0:
		return q.left.first().at
	case q.waiting.len() > 0:
		return c.idle.Add(-q.work)
	}
	return time.Time{}
}

// Next returns the fate of the packet that was Queued first, once it has left
// the queue; false when it has not, or nothing is queued. Who carries packets on
// a path with CoDel calls it until it says so; fates wait for it without bound.
func (c *Carrier) Next(now time.Time) (Fate, bool) {
	c.depart(now)
	q := &c.managed
	if q.left.len() == 0 {
		return Fate{}, false
	}
	return q.left.pop().fate, true
}

// A fifo gives back first what it got first; its zero value is empty.
type fifo[T any] struct {
	items []T
	head  int // items before it are gone
}

func (q *fifo[T]) len() int  { return len(q.items) - q.head }
func (q *fifo[T]) first() *T { return &q.items[q.head] }
func (q *fifo[T]) all() []T  { return q.items[q.head:] }

func (q *fifo[T]) push(x T) {
	if len(q.items) == cap(q.items) && q.head > len(q.items)/2 {
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	q.items = append(q.items, x)
}

func (q *fifo[T]) pop() T {
	x := q.items[q.head]
	clear(q.items[q.head : q.head+1])
	q.head++
	if q.head == len(q.items) {
		q.items, q.head = q.items[:0], 0
	}
	return x
}
