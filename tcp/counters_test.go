package tcp

import (
	"testing"
	"time"
)

// For how long a sender is busy, and what with.
func TestBusy(t *testing.T) {
	j := join(t, 0)
	const step = 100 * time.Millisecond
	b := make([]byte, 4<<20)
	want := func(what string, busy, window, buffer time.Duration) {
		t.Helper()
		if i := j.a.Info(); i.Busy != busy || i.ReceiveWindowLimited != window || i.SendBufferLimited != buffer {
			t.Errorf("%s: busy for %v, for %v because of the window, and for %v because of the buffer; want %v, %v, %v",
				what, i.Busy, i.ReceiveWindowLimited, i.SendBufferLimited, busy, window, buffer)
		}
	}
	settle := func() {
		j.settle()
		for _, c := range []*Conn{&j.a, &j.b} {
			c.Advance(j.now)
		}
		j.settle()
	}
	want("nothing was written", 0, 0, 0)

	// The peer does not read: its buffer, and then ours, is full.
	n, _ := j.a.Write(j.now, b)
	settle()
	m, _ := j.a.Write(j.now, b)
	settle()
	j.now = j.now.Add(step)
	settle()
	want("the window is closed", step, step, 0)

	// It does: all is on its way, and arrives.
	for got := 0; got < n+m; {
		k, err := j.b.Read(j.now, b)
		if err != nil {
			j.now = j.now.Add(time.Millisecond)
			settle()
			continue
		}
		got += k
		settle()
	}
	settle()
	i := j.a.Info()
	if i.BytesAcked != uint64(n+m) || i.Busy > step+10*time.Millisecond || i.ReceiveWindowLimited > i.Busy {
		t.Errorf("when all was read: %+v", i)
	}
	busy, window := i.Busy, i.ReceiveWindowLimited
	j.now = j.now.Add(step)
	settle()
	want("idle", busy, window, 0)

	// The buffer holds less than the windows allow, and nobody answers.
	j.a.SetSendBuffer(j.now, 4096)
	if k, _ := j.a.Write(j.now, b); k != 4096 {
		t.Fatalf("%d bytes fit into the send buffer", k)
	}
	for j.a.Next(j.now, &j.seg) {
	}
	j.a.Returned()
	j.now = j.now.Add(step / 10)
	j.a.Advance(j.now)
	if i := j.a.Info(); i.SendBufferLimited != step/10 {
		t.Errorf("in a small buffer: %+v", i)
	}
}

// A run of timeouts without an answer is one recovery, and lasts until the answer.
func TestTimeoutCounters(t *testing.T) {
	j := join(t, 0)
	_, _ = j.a.Write(j.now, make([]byte, 100))
	var begin time.Time // of the first timeout; a tail loss probe comes before it
	for j.a.Info().Timeouts < 3 {
		for j.a.Next(j.now, &j.seg) {
		}
		j.a.Returned()
		j.now = j.a.Deadline()
		j.a.Advance(j.now)
		if j.a.Info().Timeouts == 1 && begin.IsZero() {
			begin = j.now
		}
	}
	j.settle()
	i := j.a.Info()
	if i.Timeouts != 3 || i.TimeoutRecoveries != 1 || i.TimeoutTime != j.now.Sub(begin) {
		t.Errorf("after three timeouts in %v: %d timeouts, %d recoveries, %v", j.now.Sub(begin), i.Timeouts, i.TimeoutRecoveries, i.TimeoutTime)
	}
	if i.BytesSent != 500 || i.BytesResent != 400 || i.BytesAcked != 100 || i.TextSegmentsSent != 5 || i.Resent != 4 {
		t.Errorf("%+v", i)
	}
}

// What was sent and never acknowledged is not told of as acknowledged when the
// connection ends.
func TestBytesAckedAtEnd(t *testing.T) {
	j := join(t, 0)
	_, _ = j.a.Write(j.now, make([]byte, 1000))
	j.settle()
	_, _ = j.a.Write(j.now, make([]byte, 500))
	for j.a.Next(j.now, &j.seg) {
	}
	j.a.Returned()
	j.a.Abort(j.now)
	if i := j.a.Info(); i.BytesSent != 1500 || i.BytesAcked != 1000 || i.Busy != 0 {
		t.Errorf("%+v", i)
	}
}

// The link gives segments back: they do not count.
func TestCountUnsent(t *testing.T) {
	j := join(t, 65535)
	_, _ = j.a.Write(j.now, make([]byte, 10_000))
	before := j.a.Info()
	var segments []Segment
	for {
		var s Segment
		if !j.a.Next(j.now, &s) {
			break
		}
		segments = append(segments, s)
	}
	for i := len(segments) - 1; i >= 0; i-- {
		j.a.Unsent(j.now, &segments[i])
	}
	j.a.Returned()
	if i := j.a.Info(); i.BytesSent != 0 || i.TextSegmentsSent != 0 || i.SegmentsSent != before.SegmentsSent {
		t.Errorf("%d bytes in %d segments with text, %d segments in all, before %d", i.BytesSent, i.TextSegmentsSent, i.SegmentsSent, before.SegmentsSent)
	}
}
