package tcp

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// traced is join with a Trace on both machines.
func traced(t testing.TB, limit int) *joined {
	j := join(t, 0)
	for _, c := range []*Conn{&j.a, &j.b} {
		c.trace = NewTrace(limit)
		c.trace.epoch = j.cfg.Epoch
		c.trace.timers = c.timers
	}
	return j
}

// texts returns what the events say, of certain kinds.
func texts(events []Event, kinds ...EventKind) (list []string) {
	for _, e := range events {
		if slices.Contains(kinds, e.Kind) {
			list = append(list, e.String())
		}
	}
	return list
}

func TestTraceTellsOfLoss(t *testing.T) {
	j := traced(t, 0)
	_, _ = j.a.Write(j.now, make([]byte, 10))
	for j.a.Next(j.now, &j.seg) { // and it vanishes
	}
	j.a.Returned()
	events, _ := j.a.trace.Take(nil)
	if got := texts(events, EventSent); len(got) != 1 || !strings.HasPrefix(got[0], "sent <SEQ=2><ACK=2><CTL=PSH,ACK,ECE,AE><DATA=10> window ") || strings.HasSuffix(got[0], "again") {
		t.Errorf("the first time:\n%s", strings.Join(got, "\n"))
	}
	if got := texts(events, EventTimer); !slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, "timer on in ") }) {
		t.Errorf("no retransmission timer is set:\n%s", strings.Join(got, "\n"))
	}
	for len(texts(events, EventLost)) == 0 {
		if j.now = j.a.Deadline(); j.now.IsZero() {
			t.Fatal("nothing is taken for lost")
		}
		j.a.Advance(j.now)
		for j.a.Next(j.now, &j.seg) {
			j.b.Receive(j.now, &j.seg)
		}
		j.a.Returned()
		events, _ = j.a.trace.Take(events)
	}
	want := []string{"lost 2-12: timeout"}
	if got := texts(events, EventLost); !slices.Equal(got, want) {
		t.Errorf("lost: %q, want %q", got, want)
	}
	if got := texts(events, EventTimer); !slices.Contains(got, "timer on fired") {
		t.Errorf("no retransmission timer fired:\n%s", strings.Join(got, "\n"))
	}
	if got := texts(events, EventSent); len(got) != 1 || !strings.HasSuffix(got[0], ", again") {
		t.Errorf("the second time:\n%s", strings.Join(got, "\n"))
	}
	if got := texts(events, EventWindow); len(got) == 0 {
		t.Error("the window has not changed")
	}
	if !j.b.Next(j.now, &j.seg) {
		t.Fatal("no ACK")
	}
	j.seg.Ack = j.seg.Ack.Add(1 << 20)
	j.a.Receive(j.now, &j.seg) // of what was never sent
	events, _ = j.a.trace.Take(events)
	if got := texts(events, EventReceived); len(got) != 1 || !strings.HasSuffix(got[0], ReasonUnacceptableACK.String()) {
		t.Errorf("an ACK of what was never sent:\n%s", strings.Join(got, "\n"))
	}
}

// A segment that the link did not take is not a retransmission when it leaves.
func TestTraceUnsent(t *testing.T) {
	j := traced(t, 0)
	_, _ = j.a.Write(j.now, make([]byte, 3000))
	var segs []Segment
	for j.a.Next(j.now, &j.seg) {
		segs = append(segs, j.seg)
	}
	for i := len(segs) - 1; i >= 1; i-- {
		j.a.Unsent(j.now, &segs[i])
	}
	j.a.Returned()
	j.settle()
	events, _ := j.a.trace.Take(nil)
	if n := len(texts(events, EventUnsent)); n != len(segs)-1 {
		t.Errorf("%d of %d segments unsent", n, len(segs)-1)
	}
	for _, e := range events {
		if e.Segment.Again {
			t.Errorf("%v", e)
		}
	}
}

// Beyond the bound events are lost and counted; the trace goes on when the others
// are taken.
func TestTraceBound(t *testing.T) {
	j := traced(t, 10)
	_, _ = j.a.Write(j.now, make([]byte, 100_000))
	j.settle()
	events, lost := j.a.trace.Take(nil)
	if len(events) != 10 || lost == 0 {
		t.Errorf("%d events, %d lost", len(events), lost)
	}
	if !j.a.trace.Empty() {
		t.Error("there are more")
	}
	_, _ = j.a.Write(j.now, make([]byte, 1))
	j.settle()
	if events, lost = j.a.trace.Take(events); len(events) == 0 || lost != 0 {
		t.Errorf("after these %d events, %d lost", len(events), lost)
	}
}

func TestTraceHooks(t *testing.T) {
	j := traced(t, 0)
	now := j.a.at(j.now)
	j.a.traceRTT(now, 20*time.Millisecond)
	j.a.traceLost(now, 7, 9, LossLater)
	j.a.traceUndo(now, UndoDSACK)
	events, _ := j.a.trace.Take(nil)
	got := texts(events, EventRTT, EventLost, EventUndo)
	if len(got) != 3 || !strings.HasPrefix(got[0], "rtt 20ms: srtt ") || got[1] != "lost 7-9: later segments arrived" || got[2] != "undo D-SACK" {
		t.Errorf("%q", got)
	}
	for _, e := range events {
		if !e.Time.Equal(j.now) {
			t.Errorf("%v at %v, want %v", e, e.Time, j.now)
		}
	}
	for i, names := range [][]string{eventNames[1:], lossNames[1:], undoNames[1:], timerNames[:]} {
		if slices.Contains(names, "") {
			t.Errorf("list %d has a value without a name: %q", i, names)
		}
	}
	if got := EventKind(99).String(); got != "EventKind(99)" {
		t.Error(got)
	}
}

// turn is a transfer of 256 KiB and what is traced of it.
func (j *joined) turn(b []byte, spare *[2][]Event) {
	_, _ = j.a.Write(j.now, b)
	j.now = j.now.Add(time.Millisecond)
	j.settle()
	for j.b.in.len() > 0 {
		_, _ = j.b.Read(j.now, b)
	}
	j.settle()
	for i, c := range []*Conn{&j.a, &j.b} {
		if c.trace != nil {
			spare[i], _ = c.trace.Take(spare[i])
		}
	}
}

func TestTraceAllocatesNothing(t *testing.T) {
	for name, on := range map[string]bool{"on": true, "off": false} {
		t.Run(name, func(t *testing.T) {
			j := traced(t, 0)
			if !on {
				j.a.trace, j.b.trace = nil, nil
			}
			var spare [2][]Event
			b := make([]byte, 256<<10)
			for range 100 {
				j.turn(b, &spare)
			}
			if on && (len(spare[0]) == 0 || len(spare[1]) == 0) {
				t.Fatal("nothing is traced")
			}
			if n := testing.AllocsPerRun(100, func() { j.turn(b, &spare) }); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

func BenchmarkTrace(b *testing.B) {
	for _, on := range []bool{false, true} {
		b.Run(map[bool]string{true: "on", false: "off"}[on], func(b *testing.B) {
			j := traced(b, 0)
			if !on {
				j.a.trace, j.b.trace = nil, nil
			}
			var spare [2][]Event
			buf := make([]byte, 256<<10)
			b.SetBytes(int64(len(buf)))
			b.ReportAllocs()
			for b.Loop() {
				j.turn(buf, &spare)
			}
		})
	}
}
