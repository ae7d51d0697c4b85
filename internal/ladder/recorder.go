package ladder

import (
	"slices"
	"time"

	"github.com/usernet-go/usernet/wire"
)

// A Recorder makes events of segments that are seen twice: where they leave one
// end, and where they reach the other. The zero value is ready for use. Not safe
// for concurrent use.
type Recorder struct {
	// InOrder says that segments do not overtake each other: what was sent before one
	// that has arrived, and has not arrived itself, is lost.
	InOrder bool

	events []Event
	flying [2][]flight // by direction, in the order of sending
}

// A flight is a segment that has not arrived.
type flight struct {
	event  int
	missed bool // see Recorder.Missed
}

// Bounds on how many segments one looks through for one that arrives: those under
// way, of which the oldest are given up, and those that have arrived already.
const (
	maxFlying  = 1 << 14
	maxArrived = 1 << 12
)

// Sent takes note of a segment with that many bytes of text that leaves its end,
// and returns the number of its event, from 0. Until it arrives it counts as lost.
func (r *Recorder) Sent(d Direction, at time.Time, h wire.TCP, text int) int {
	if len(r.flying[d]) == maxFlying {
		r.flying[d] = r.flying[d][1:]
	}
	r.flying[d] = append(r.flying[d], flight{event: len(r.events)})
	r.events = append(r.events, Event{Sent: at, Direction: d, Fate: Lost, TCP: h, Len: text})
	return len(r.events) - 1
}

// Arrived takes note of a segment that reaches the other end, the oldest under way
// that is like it, and returns its event; false if there is none. One of which a
// copy has arrived before is Duplicated.
func (r *Recorder) Arrived(d Direction, at time.Time, h wire.TCP, text int) (event int, ok bool) {
	if i := r.find(d, &h, text); i >= 0 {
		event = r.flying[d][i].event
		if r.InOrder {
			r.flying[d] = r.flying[d][i:]
		}
		r.Settle(event, Delivered, at)
		return event, true
	}
	for i := len(r.events) - 1; i >= max(0, len(r.events)-maxArrived); i-- {
		if e := &r.events[i]; e.is(d, &h, text) && (e.Fate == Delivered || e.Fate == Duplicated) {
			e.Fate = Duplicated
			return i, true
		}
	}
	return 0, false
}

// Missed takes note of a segment that is lost on its way; one like it that arrives
// is rather one that is not, if there is such a one.
func (r *Recorder) Missed(d Direction, h wire.TCP, text int) {
	if i := r.find(d, &h, text); i >= 0 {
		r.flying[d][i].missed = true
	}
}

// Settle says what became of an event's segment, and when it arrived if it did.
func (r *Recorder) Settle(event int, f Fate, at time.Time) {
	e := &r.events[event]
	e.Fate, e.Arrived = f, at
	flying := r.flying[e.Direction]
	switch i := slices.IndexFunc(flying, func(f flight) bool { return f.event == event }); {
	case i == 0:
		r.flying[e.Direction] = flying[1:]
	case i > 0:
		r.flying[e.Direction] = slices.Delete(flying, i, i+1)
	}
}

// Events returns the events up to now, in the order in which they were noted.
func (r *Recorder) Events() []Event { return slices.Clone(r.events) }

// find returns the flight of such a segment: the oldest that was not missed, or
// else the latest that was; -1 if there is none.
func (r *Recorder) find(d Direction, h *wire.TCP, text int) int {
	missed := -1
	for i, f := range r.flying[d] {
		switch {
		case !r.events[f.event].is(d, h, text):
		case f.missed:
			missed = i
		default:
			return i
		}
	}
	return missed
}

// is says whether the event is of such a segment.
func (e *Event) is(d Direction, h *wire.TCP, text int) bool {
	return e.Direction == d && e.TCP.Seq == h.Seq && e.Len == text && e.TCP == *h
}
