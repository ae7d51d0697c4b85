package tcp

import (
	"testing"
	"time"
)

// Several goroutines read the clock, and come to the connection's lock in
// another order: instants may go back a little from call to call.

// TestClockGoesBack: a timestamp that is older than the one before would have
// the peer drop the segment (PAWS).
func TestClockGoesBack(t *testing.T) {
	j := join(t, 0)
	var first, second Segment
	write := func(seg *Segment) {
		t.Helper()
		if _, err := j.a.Write(j.now, []byte{1}); err != nil {
			t.Fatal(err)
		}
		if !j.a.Next(j.now, seg) {
			t.Fatal("nothing was sent")
		}
	}
	j.a.SetNoDelay(j.now, true)
	j.now = j.now.Add(2 * time.Millisecond)
	write(&first)
	j.now = j.now.Add(-time.Millisecond)
	write(&second)
	for _, seg := range []*Segment{&first, &second} {
		if r := j.b.Receive(j.now, seg); r != ReasonTaken {
			t.Errorf("%v is not taken: %v", seg.TCP, r)
		}
	}
}

// TestTimeWaitClockGoesBack: nor does the record go back behind the connection
// whose place it has taken.
func TestTimeWaitClockGoesBack(t *testing.T) {
	j := join(t, 0)
	j.now = j.now.Add(2 * time.Millisecond)
	for _, c := range []*Conn{&j.a, &j.b} {
		if err := c.Close(j.now); err != nil {
			t.Fatal(err)
		}
		j.settle()
	}
	if s := j.a.State(); s != StateTimeWait {
		t.Fatal(s)
	}
	tw := j.a.TimeWait()
	last := tsClock(tw.since, tw.tsOffset)
	fin := Segment{}
	fin.Seq, fin.Ack, fin.Flags = tw.rcvNxt.Add(-1), tw.sndNxt, fin.Flags|ackFIN
	fin.Options.HasTimestamps, fin.Options.TSVal = true, tw.tsRecent
	var out Segment
	deadline := tw.Deadline()
	if got := tw.Receive(j.now.Add(-time.Millisecond), &fin, &out); got != TimeWaitRestart {
		t.Fatalf("action %v", got)
	}
	if tsBefore(out.Options.TSVal, last) {
		t.Errorf("TSval goes back by %d", last-out.Options.TSVal)
	}
	if tw.Deadline().Before(deadline) {
		t.Error("TIME-WAIT becomes shorter")
	}
}

const ackFIN = ack | fin

// TestChallengeLimitClockGoesBack: instants on both sides of a second's end do
// not renew the limit each time.
func TestChallengeLimitClockGoesBack(t *testing.T) {
	for _, start := range []time.Time{pairEpoch, time.Unix(0, 0)} {
		l := NewChallengeLimiter(10, nil)
		n := 0
		for i := range 1000 {
			if l.Allow(start.Add(time.Duration(i%2) * time.Second)) {
				n++
			}
		}
		if n > 30 {
			t.Errorf("%d challenges within two seconds from %v, want at most 30", n, start)
		}
	}
	l := NewChallengeLimiter(10, nil)
	l.Allow(pairEpoch)
	for l.Allow(pairEpoch) {
	}
	if !l.Allow(pairEpoch.Add(-time.Hour)) {
		t.Error("a clock that was set back by an hour stops all challenges")
	}
}
