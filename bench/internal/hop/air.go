package hop

import (
	"container/heap"
	"time"
)

// A packet is one on its way: a copy.
type packet struct {
	at    time.Time // when it arrives
	order uint64    // of taking off, for arrivals at one instant
	since time.Time // when it was sent
	pair  int
	way   Way
	note  note
	data  []byte
}

// air holds what is on its way, the next to arrive first.
type air struct {
	queue queue
	count uint64
	free  []*packet
}

const maxFree = 4096 // packets whose memory is kept

// pack returns a packet with a copy of data.
func (a *air) pack(pieces [][]byte) *packet {
	p := new(packet)
	if n := len(a.free); n > 0 {
		p, a.free = a.free[n-1], a.free[:n-1]
	}
	p.data = p.data[:0]
	for _, b := range pieces {
		p.data = append(p.data, b...)
	}
	return p
}

// reuse takes back a packet that nobody uses any more.
func (a *air) reuse(p *packet) {
	if len(a.free) < maxFree {
		a.free = append(a.free, p)
	}
}

func (a *air) launch(p *packet, at time.Time) {
	p.at, p.order = at, a.count
	a.count++
	heap.Push(&a.queue, p)
}

func (a *air) next() (time.Time, bool) {
	if len(a.queue) == 0 {
		return time.Time{}, false
	}
	return a.queue[0].at, true
}

// land returns a packet that has arrived by now; nil: none has.
func (a *air) land(now time.Time) *packet {
	if len(a.queue) == 0 || a.queue[0].at.After(now) {
		return nil
	}
	return heap.Pop(&a.queue).(*packet)
}

func (a *air) clear() { a.queue = nil }

type queue []*packet

func (q queue) Len() int { return len(q) }

func (q queue) Less(i, j int) bool {
	if q[i].at.Equal(q[j].at) {
		return q[i].order < q[j].order
	}
	return q[i].at.Before(q[j].at)
}

func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

func (q *queue) Push(x any) { *q = append(*q, x.(*packet)) }

func (q *queue) Pop() any {
	n := len(*q) - 1
	p := (*q)[n]
	(*q)[n] = nil
	*q = (*q)[:n]
	return p
}
