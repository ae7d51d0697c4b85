package tcp

import (
	"container/heap"
	"time"
)

// What is in the air.
const (
	segment = iota
	tooBig
	unreachable
)

// flight is a segment on its way, or an ICMP error about one.
type flight struct {
	at   time.Time
	tie  int
	to   int
	kind int
	mss  int // when tooBig
	seg  Segment
	text []byte
}

// air holds the flights in the order of their arrival.
type air struct {
	flights []*flight
	tie     int
	spare   []*flight
}

func (a *air) Len() int { return len(a.flights) }
func (a *air) Less(i, j int) bool {
	x, y := a.flights[i], a.flights[j]
	return x.at.Before(y.at) || x.at.Equal(y.at) && x.tie < y.tie
}
func (a *air) Swap(i, j int) { a.flights[i], a.flights[j] = a.flights[j], a.flights[i] }
func (a *air) Push(x any)    { a.flights = append(a.flights, x.(*flight)) }
func (a *air) Pop() any {
	n := len(a.flights) - 1
	f := a.flights[n]
	a.flights = a.flights[:n]
	return f
}

func (a *air) get() *flight {
	if n := len(a.spare) - 1; n >= 0 {
		f := a.spare[n]
		a.spare = a.spare[:n]
		f.kind = segment
		return f
	}
	return new(flight)
}

func (a *air) push(f *flight) {
	a.tie++
	f.tie = a.tie
	heap.Push(a, f)
}

// due returns the next flight that arrives no later than now, or nil.
func (a *air) due(now time.Time) *flight {
	if len(a.flights) == 0 || a.flights[0].at.After(now) {
		return nil
	}
	return heap.Pop(a).(*flight)
}

// deliver hands over what is due. Neighbours that fit together may arrive as one
// super-segment.
func (w *world) deliver() {
	for f := w.air.due(w.now); f != nil; f = w.air.due(w.now) {
		e := w.ends[f.to]
		if f.kind != segment {
			e.error(f)
			continue
		}
		f.seg.Text, f.seg.Len, f.seg.SegmentSize = append(f.seg.Text[:0], f.text), len(f.text), 0
		if n := len(f.text); n > 1 && w.steps%2 == 0 {
			f.seg.Text = [][]byte{f.text[:n/2], nil, f.text[n/2:]}
		}
		merged := []*flight{f}
		for e.coalesces && len(w.air.flights) > 0 && continues(&f.seg, w.air.flights[0], f.to, w.now) {
			merged = append(merged, w.air.due(w.now))
		}
		e.receive(&f.seg, len(merged))
		w.air.spare = append(w.air.spare, merged...)
	}
}

// continues appends the text of g to s, if the two are segments of one sending.
func continues(s *Segment, g *flight, to int, now time.Time) bool {
	size := s.SegmentSize
	if size == 0 {
		size = s.Len
	}
	h := &g.seg
	if g.kind != segment || g.to != to || g.at.After(now) || size == 0 || s.Len%size != 0 || len(g.text) == 0 || len(g.text) > size ||
		s.Len+len(g.text) > 65535 || s.Flags&^ecnFlags != ack || (h.Flags^s.Flags)&^(psh|fin) != 0 || h.ECN != s.ECN || h.Seq != s.end() || h.Ack != s.Ack ||
		h.Window != s.Window || h.Options != s.Options {
		return false
	}
	s.Text = append(s.Text, g.text)
	s.Flags, s.Len, s.SegmentSize = h.Flags, s.Len+len(g.text), size
	return true
}
