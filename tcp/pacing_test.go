package tcp

import (
	"testing"
	"time"
)

// fixedRate is a congestion control that sends at one rate.
type fixedRate struct{ NewReno }

func (f *fixedRate) Start(w *Window, _ Beginning) {
	w.Bytes, w.PacingRate = 1<<20, 1_000_000
}

// TestPacing: text leaves at the rate that the congestion control sets, on a
// clock that is fine and on one that is not.
func TestPacing(t *testing.T) {
	for _, tick := range []time.Duration{time.Microsecond, 15600 * time.Microsecond} {
		t.Run(tick.String(), func(t *testing.T) {
			j := &joined{now: pairEpoch.Add(time.Second)}
			j.cfg = Config{Epoch: pairEpoch, Congestion: &Algorithm{"fixed", func() CongestionControl { return new(fixedRate) }}}.WithDefaults()
			for _, c := range []*Conn{&j.a, &j.b} {
				c.Init(&j.cfg, Params{MSS: 1000, MaxSegment: 65535})
			}
			j.b.OpenPassive()
			j.a.OpenActive(j.now)
			j.settle()
			start, got := j.now, 0
			b := make([]byte, 1<<20)
			j.a.SetSendBuffer(j.now, len(b))
			_, _ = j.a.Write(j.now, b[:1_000_000])
			j.settle()
			for j.now.Sub(start) < 10*time.Second {
				n, _ := j.b.Read(j.now, b)
				got += n
				if got == 1_000_000 {
					break
				}
				d := j.a.Deadline().Sub(pairEpoch)
				j.now = pairEpoch.Add((max(d, j.now.Sub(pairEpoch)) + tick - 1) / tick * tick)
				j.a.Advance(j.now)
				j.b.Advance(j.now)
				j.settle()
			}
			if took := j.now.Sub(start); took < 950*time.Millisecond || took > 1050*time.Millisecond {
				t.Errorf("%d bytes at 1 MB/s took %v", got, took)
			}
		})
	}
}

// TestPacingAfterPause: what the window or the user kept back does not leave in a burst after it.
func TestPacingAfterPause(t *testing.T) {
	c := Conn{window: Window{MSS: 1000, PacingRate: 1_000_000}, tx: new(sender)}
	burst := func(now instant) (n int) {
		for ; !c.paced(now); n++ {
			c.pace(now, 1000)
		}
		return n
	}
	now := 1000 * millisecond
	if n := burst(now); n != 2 {
		t.Errorf("%d segments leave at once, want what a millisecond allows, and one", n)
	}
	// The timer runs out late: that is made up for.
	now = c.timers[timerPace] + 10*millisecond
	c.timers[timerPace], c.tx.pace.fired = 0, now
	if n := burst(now); n != 11 {
		t.Errorf("%d segments leave when the timer was 10 ms late", n)
	}
	// An ACK comes before the timer that is late.
	now = c.timers[timerPace] + 5*millisecond
	if n := burst(now); n != 6 {
		t.Errorf("%d segments leave 5 ms after they might have", n)
	}
	now = c.timers[timerPace]
	c.timers[timerPace], c.tx.pace.fired = 0, now
	now += 500 * millisecond
	if n := burst(now); n != 2 {
		t.Errorf("%d segments leave at once after a pause", n)
	}
}
