package tcp

import (
	"testing"
	"time"
)

// TestSilence: when nothing arrives any more, each end gives up by R2, by the
// user timeout or by keepalives, and holds nothing afterwards.
func TestSilence(t *testing.T) {
	for seed := range uint64(60) {
		w := newWorld(t, seed)
		w.cut = w.now.Add(time.Duration(w.random.Int64N(int64(3 * time.Second))))
		w.mended = w.now.Add(1000 * time.Hour)
		for _, e := range w.ends {
			e.conn.SetKeepAlive(w.now, KeepAlive{Idle: time.Minute})
			if w.random.IntN(3) == 0 {
				e.conn.SetUserTimeout(w.now, 30*time.Second)
			}
		}
		w.drain(0)
		for range 100_000 {
			w.silentStep()
		}
		for i, e := range w.ends {
			switch s := e.conn.State(); {
			case s == StateListen:
			case s != StateClosed:
				w.failf("end %d is in %v, for ever", i, s)
			case e.conn.Err() == nil && !e.gone:
				w.failf("end %d has ended without a reason", i)
			case !e.conn.Deadline().IsZero() || e.conn.out.head != nil:
				w.failf("end %d holds a timer or memory", i)
			}
		}
	}
}

// silentStep goes on to what happens next.
func (w *world) silentStep() {
	var next time.Time
	for i := range w.wire {
		if at := w.wire[i].at; next.IsZero() || at.Before(next) {
			next = at
		}
	}
	for _, e := range w.ends {
		if d := e.conn.Deadline(); !d.IsZero() && (next.IsZero() || d.Before(next)) {
			next = d
		}
	}
	if next.IsZero() {
		return
	}
	w.now = w.now.Add(max(next.Sub(w.now), 0))
	if w.clock().Before(next) {
		w.now = w.clock().Add(w.tick)
	}
	w.deliver()
	for i, e := range w.ends {
		if d := e.conn.Deadline(); !d.IsZero() && !d.After(w.clock()) {
			e.conn.Advance(w.clock())
		}
		if e.conn.Err() == nil {
			w.application(i)
		}
		w.drain(i)
	}
}
