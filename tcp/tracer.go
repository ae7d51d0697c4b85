package tcp

import (
	"net/netip"
	"time"
)

// A Tracer hears what connections do. Whoever drives them calls it: the machine
// only keeps a [Trace]. The stack calls Trace on a goroutine of its own, one call at a
// time, without a lock: it may block. While it does, a connection's events are kept
// up to the bound of its Trace, and those after them are counted.
type Tracer interface {
	// Trace takes what a connection has done since the last call for it, in the order
	// in which it did so, and how many events were lost behind those. events is lent
	// for the time of the call. The last one of all is the state CLOSED, TIME-WAIT, or
	// LISTEN for what came to nothing.
	Trace(f Flow, events []Event, lost uint64)
}

// TracerFunc is a Tracer that is a function.
type TracerFunc func(f Flow, events []Event, lost uint64)

// Trace calls f.
func (f TracerFunc) Trace(flow Flow, events []Event, lost uint64) { f(flow, events, lost) }

// Flow is the two ends of a connection. A later connection may have the same.
type Flow struct{ Local, Remote netip.AddrPort }

// A Trace keeps the events of one connection until they are taken: Params.Trace.
// It is not safe for use by many goroutines at once; what guards the connection
// guards it.
type Trace struct {
	events []Event
	limit  int
	lost   uint64
	epoch  time.Time
	beyond Event // where an event is written for which there is no room

	high    Seq // behind all that was sent
	opened  bool
	arrived int // index of the segment that is being received; -1: lost
	window  WindowEvent
	timers  timers // when that was last told of
}

// traceLimit is how many events a Trace keeps, if nobody says otherwise: what one
// batch of segments can cause, some ten times over; about 300 KB.
const traceLimit = 1024

// NewTrace returns a Trace that keeps limit events, 1024 if that is 0. What comes
// when it is full is lost and counted.
func NewTrace(limit int) *Trace {
	if limit <= 0 {
		limit = traceLimit
	}
	return &Trace{limit: limit}
}

// Take returns the events since the last Take, and how many were lost behind them.
// The trace goes on in spare, what an earlier Take returned or nil, so that two
// slices are enough for ever.
func (t *Trace) Take(spare []Event) (events []Event, lost uint64) {
	events, lost = t.events, t.lost
	t.events, t.lost = spare[:0], 0
	return events, lost
}

// Empty says that Take would return nothing.
func (t *Trace) Empty() bool { return len(t.events) == 0 && t.lost == 0 }

// add returns a new event, to be filled in.
func (t *Trace) add(now instant, kind EventKind) *Event {
	e := &t.beyond
	if len(t.events) < t.limit {
		t.events = append(t.events, Event{})
		e = &t.events[len(t.events)-1]
	} else {
		t.lost++
	}
	e.Time, e.Kind = t.epoch.Add(now.since(0)), kind
	return e
}

// sent tells of a segment that leaves.
func (t *Trace) sent(now instant, seg *Segment, shift uint8) {
	e := t.add(now, EventSent)
	e.Segment = segmentEvent(seg, shift)
	if seg.seqLen() == 0 || seg.Flags.Has(rst) {
		return
	}
	if e.Segment.Again = t.opened && seg.Seq.Less(t.high); !t.opened || t.high.Less(seg.end()) {
		t.high = seg.end()
	}
	t.opened = true
}

// unsent tells of a segment that the link did not take. The last one comes first.
func (t *Trace) unsent(now instant, seg *Segment, shift uint8) {
	t.add(now, EventUnsent).Segment = segmentEvent(seg, shift)
	if seg.seqLen() > 0 && seg.end() == t.high {
		t.high = seg.Seq
	}
}

// received tells of a segment that has arrived, before what follows from it.
func (t *Trace) received(now instant, seg *Segment, shift uint8) {
	e := t.add(now, EventReceived)
	e.Segment = segmentEvent(seg, shift)
	if t.arrived = len(t.events) - 1; e == &t.beyond {
		t.arrived = -1
	}
}

// taken adds to what received has told what became of the segment.
func (t *Trace) taken(r Reason) {
	if t.arrived >= 0 {
		t.events[t.arrived].Segment.Reason = r
	}
}

func segmentEvent(seg *Segment, shift uint8) SegmentEvent {
	s := SegmentEvent{Header: seg.TCP, Len: seg.Len, SegmentSize: seg.SegmentSize, Window: int(seg.Window)}
	// RFC 7323, 2.2: "The window field in a segment where the SYN bit is set (i.e., a
	// <SYN> or <SYN,ACK>) MUST NOT be scaled."
	if !seg.Flags.Has(syn) {
		s.Window <<= shift
	}
	return s
}

// timer tells of timer i, which now is due at the given instant.
func (t *Trace) timer(now instant, name string, i timer, due instant) {
	t.timers[i] = due
	in := time.Duration(-1)
	if due != 0 {
		in = max(0, due.since(now))
	}
	t.add(now, EventTimer).Timer = TimerEvent{Name: name, In: in}
}
