package host

import (
	"sync"
	"time"
)

// A deadline is when waiting on a condition is to end. The condition's lock
// guards it.
type deadline struct {
	h      *Host
	cond   *sync.Cond
	at     time.Time // zero: none
	passed bool
	timer  timer
	key    *flowKey // whose it is, and
	role   timerRole
}

func (d *deadline) init(h *Host, cond *sync.Cond, key *flowKey, role timerRole) {
	d.h, d.cond, d.key, d.role = h, cond, key, role
	d.timer.owner = d
}

// setLocked moves the deadline to t; the zero time means never.
func (d *deadline) setLocked(now, t time.Time) {
	if !t.IsZero() {
		// By the clock of the timers: if t has no monotonic reading, later steps of the
		// wall clock do not move it, as with package net.
		t = now.Add(t.Sub(now))
	}
	d.at, d.passed = t, !t.IsZero() && !t.After(now)
	if d.passed {
		d.h.timers.clear(&d.timer)
		d.h.wakeAll(d.cond)
		return
	}
	d.h.timers.set(&d.timer, t)
}

// fire is the timer's; the deadline may have moved since it was armed.
func (d *deadline) fire(now time.Time) {
	d.cond.L.Lock()
	defer d.cond.L.Unlock()
	if !d.at.IsZero() {
		d.setLocked(now, d.at)
	}
}

// stop gives the timer back: nothing waits any more.
func (d *deadline) stop() {
	d.at = time.Time{}
	d.h.timers.remove(&d.timer)
}

// SetDeadline sets the time at which Read and Write give up; zero means never.
func (c *TCPConn) SetDeadline(t time.Time) error { return c.setDeadlines(t, true, true) }

// SetReadDeadline sets it for Read alone.
func (c *TCPConn) SetReadDeadline(t time.Time) error { return c.setDeadlines(t, true, false) }

// SetWriteDeadline sets it for Write alone.
func (c *TCPConn) SetWriteDeadline(t time.Time) error { return c.setDeadlines(t, false, true) }

func (c *TCPConn) setDeadlines(t time.Time, read, write bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	d := c.timedWaitsLocked().deadlines
	now := c.h.clock.Now()
	if read {
		d.read.setLocked(now, t)
	}
	if write {
		d.write.setLocked(now, t)
	}
	return nil
}

// stopDeadlinesLocked forgets the deadlines of a connection that is closed.
func (c *TCPConn) stopDeadlinesLocked() {
	if c.waits != nil && c.waits.deadlines != nil {
		c.waits.deadlines.read.stop()
		c.waits.deadlines.write.stop()
	}
}
