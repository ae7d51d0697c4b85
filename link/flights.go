package link

import (
	"container/heap"
	"time"
)

// A flight is a packet on a path: its own copy.
type flight struct {
	at    time.Time
	order uint64 // of taking off, for arrivals at one instant
	data  [1][]byte
}

// flights holds what is on a path, the next to arrive first.
type flights struct {
	queue flightQueue
	count uint64    // of flights so far
	free  []*flight // landed, for reuse
}

const maxFree = 64 // flights whose memory is kept for reuse

// pack returns a flight with a copy of a packet.
func (f *flights) pack(pieces [][]byte) *flight {
	x := new(flight)
	if n := len(f.free); n > 0 {
		x, f.free = f.free[n-1], f.free[:n-1]
	}
	data := x.data[0][:0]
	for _, b := range pieces {
		data = append(data, b...)
	}
	x.data[0] = data
	return x
}

// launch puts a flight on the path.
func (f *flights) launch(x *flight, at time.Time) {
	x.at, x.order = at, f.count
	f.count++
	heap.Push(&f.queue, x)
}

// next says when the next one arrives; false when there is none.
func (f *flights) next() (time.Time, bool) {
	if len(f.queue) == 0 {
		return time.Time{}, false
	}
	return f.queue[0].at, true
}

// land takes the next one off the path.
func (f *flights) land() *flight { return heap.Pop(&f.queue).(*flight) }

// reuse takes back the memory of a flight that has landed, or never took off.
func (f *flights) reuse(x *flight) {
	if len(f.free) < maxFree {
		f.free = append(f.free, x)
	}
}

type flightQueue []*flight

func (q flightQueue) Len() int { return len(q) }

func (q flightQueue) Less(i, j int) bool {
	if q[i].at.Equal(q[j].at) {
		return q[i].order < q[j].order
	}
	return q[i].at.Before(q[j].at)
}

func (q flightQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

func (q *flightQueue) Push(x any) { *q = append(*q, x.(*flight)) }

func (q *flightQueue) Pop() any {
	n := len(*q) - 1
	x := (*q)[n]
	(*q)[n] = nil
	*q = (*q)[:n]
	return x
}
