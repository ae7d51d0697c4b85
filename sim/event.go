package sim

import (
	"container/heap"
	"time"
)

// An event is something that happens at an instant: a packet arrives, a timer
// runs out. It is embedded in what it happens to.
type event struct {
	at     time.Duration // since the world's start: the wanted instant
	number uint64        // of the packet on the way; of the timer at the host
	actor  actor
	who    uint32 // id of the way or the host
	index  int32  // in the queue; -1 when it is not there
	kind   kind
	again  bool // the second copy of a packet
}

// An actor is what an event happens to.
type actor interface{ act(now time.Duration) }

// A kind orders the events of one instant.
type kind uint8

const (
	departure kind = iota // a packet leaves a managed queue
	arrival
	timeout
)

// before orders events by what they are, and never by when they were asked for.
func (e *event) before(f *event) bool {
	switch {
	case e.at != f.at:
		return e.at < f.at
	case e.kind != f.kind:
		return e.kind < f.kind
	case e.who != f.who:
		return e.who < f.who
	case e.number != f.number:
		return e.number < f.number
	}
	return !e.again && f.again
}

// An eventQueue holds the events to come, the next one first.
type eventQueue []*event

// set puts e into the queue, or moves it, so that it happens at the instant at.
func (q *eventQueue) set(e *event, at time.Duration) {
	e.at = at
	if e.index >= 0 {
		heap.Fix(q, int(e.index))
		return
	}
	heap.Push(q, e)
}

// remove takes e out of the queue and says whether it was there.
func (q *eventQueue) remove(e *event) bool {
	if e.index < 0 {
		return false
	}
	heap.Remove(q, int(e.index))
	return true
}

// pop takes out the next event.
func (q *eventQueue) pop() *event { return heap.Pop(q).(*event) }

func (q eventQueue) Len() int           { return len(q) }
func (q eventQueue) Less(i, j int) bool { return q[i].before(q[j]) }

func (q eventQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = int32(i), int32(j)
}

// Push is container/heap's.
func (q *eventQueue) Push(x any) {
	e := x.(*event)
	e.index = int32(len(*q))
	*q = append(*q, e)
}

// Pop is container/heap's.
func (q *eventQueue) Pop() any {
	n := len(*q) - 1
	e := (*q)[n]
	(*q)[n] = nil
	*q = (*q)[:n]
	e.index = -1
	return e
}
