package ladder

import (
	"testing"
	"time"

	"github.com/usernet-go/usernet/wire"
)

// segment returns a header with that number.
func segment(seq wire.Seq) wire.TCP {
	return wire.TCP{SrcPort: 40000, DstPort: 7, Seq: seq, Flags: wire.ACK}
}

// checkFates checks what became of each segment, and that those that arrived did
// so oneWay after they were sent.
func checkFates(t *testing.T, r *Recorder, want ...Fate) {
	t.Helper()
	events := r.Events()
	if len(events) != len(want) {
		t.Fatalf("%d events, want %d", len(events), len(want))
	}
	for i, e := range events {
		arrives := want[i] == Delivered || want[i] == Duplicated
		if e.Fate != want[i] || e.Arrived.IsZero() == arrives || arrives && !e.Arrived.Equal(e.Sent.Add(oneWay*time.Millisecond)) {
			t.Errorf("segment %d has fate %d and arrives at %v, want fate %d", i, e.Fate, e.Arrived, want[i])
		}
	}
}

func TestRecorder(t *testing.T) {
	var r Recorder
	for i := range 4 {
		if n := r.Sent(LeftToRight, at(float64(i)), segment(wire.Seq(i)), 5); n != i {
			t.Errorf("event %d of segment %d", n, i)
		}
	}
	r.Sent(RightToLeft, at(4), segment(2), 5) // the other direction's are others
	for _, i := range []int{3, 1} {           // one overtakes another
		if n, ok := r.Arrived(LeftToRight, at(float64(i+oneWay)), segment(wire.Seq(i)), 5); !ok || n != i {
			t.Errorf("segment %d arrives as %d, %v", i, n, ok)
		}
	}
	if n, ok := r.Arrived(LeftToRight, at(20), segment(1), 5); !ok || n != 1 {
		t.Errorf("a copy of segment 1 arrives as %d, %v", n, ok)
	}
	if n, ok := r.Arrived(LeftToRight, at(20), segment(0), 6); ok {
		t.Errorf("a segment that was not sent arrives as %d", n)
	}
	r.Settle(2, Corrupted, time.Time{})
	checkFates(t, &r, Lost, Duplicated, Corrupted, Delivered, Lost)
	if _, ok := r.Arrived(LeftToRight, at(20), segment(2), 5); ok {
		t.Error("a segment that was settled arrives")
	}
}

// What is lost on a part of its way counts as lost unless it arrives all the same;
// a segment sent again, with nothing to tell it from the first, is the one that
// arrives.
func TestRecorderMissed(t *testing.T) {
	var r Recorder
	r.Sent(LeftToRight, at(0), segment(1), 5)
	r.Missed(LeftToRight, segment(1), 5)
	r.Missed(LeftToRight, segment(2), 5) // of which nothing is known
	r.Sent(LeftToRight, at(200), segment(1), 5)
	r.Arrived(LeftToRight, at(200+oneWay), segment(1), 5)
	checkFates(t, &r, Lost, Delivered)

	r.Sent(LeftToRight, at(300), segment(2), 5)
	r.Missed(LeftToRight, segment(2), 5) // on its way to somebody else, say
	r.Arrived(LeftToRight, at(300+oneWay), segment(2), 5)
	checkFates(t, &r, Lost, Delivered, Delivered)
}

// Where segments do not overtake each other, the second of two that are alike is
// told from the first by what arrived between them.
func TestRecorderInOrder(t *testing.T) {
	for _, inOrder := range []bool{true, false} {
		r := Recorder{InOrder: inOrder}
		r.Sent(LeftToRight, at(0), segment(1), 5) // never arrives
		r.Sent(LeftToRight, at(1), segment(6), 5)
		r.Arrived(LeftToRight, at(1+oneWay), segment(6), 5)
		r.Sent(LeftToRight, at(200), segment(1), 5)
		n, ok := r.Arrived(LeftToRight, at(200+oneWay), segment(1), 5)
		if want := map[bool]int{true: 2, false: 0}[inOrder]; !ok || n != want {
			t.Errorf("in order %v: segment %d arrives, want %d", inOrder, n, want)
		}
	}
}

// However many segments never arrive, there is a bound on those that are waited for.
func TestRecorderForgets(t *testing.T) {
	var r Recorder
	for i := range maxFlying + 1 {
		r.Sent(LeftToRight, at(0), segment(wire.Seq(i)), 5)
	}
	for i, want := range []bool{false, true} {
		if _, ok := r.Arrived(LeftToRight, at(oneWay), segment(wire.Seq(i)), 5); ok != want {
			t.Errorf("segment %d arrives: %v", i, ok)
		}
	}
	if n := len(r.flying[LeftToRight]); n != maxFlying-1 {
		t.Errorf("%d segments are waited for", n)
	}
}
