package host

import (
	"sync"

	"github.com/usernet-go/usernet/tcp"
)

// A connTrace is what a connection that is traced has for it.
type connTrace struct {
	tracer tcp.Tracer
	events *tcp.Trace // guarded by the connection's lock
	queued bool       // in tracing.queue; guarded by tracing.mu
}

// tracing hands the events of traced connections to their tracers, on a goroutine
// which begins with the first of them. So what a tracer does holds up no
// packet and no lock; while it does not come back, each connection's trace
// fills up to its bound. The queue is bounded by the number of connections.
type tracing struct {
	mu      sync.Mutex // a leaf
	more    sync.Cond  // on mu: queue or closed has changed
	queue   []*TCPConn // those that have events, in the order in which they came by them
	started bool
	closed  bool
	ended   chan struct{} // closed when the goroutine has returned
}

func (t *tracing) init() {
	t.more.L = &t.mu
	t.ended = make(chan struct{})
}

// newTrace returns what a connection with these options is traced with; nil if it
// is not.
func (h *Host) newTrace(opt *TCPOptions) *connTrace {
	tracer := opt.Tracer
	if tracer == nil {
		tracer = h.config.Tracer
	}
	if tracer == nil {
		return nil
	}
	return &connTrace{tracer: tracer, events: tcp.NewTrace(0)}
}

// tellLocked queues c if it has events. c.mu is held.
func (t *tracing) tellLocked(c *TCPConn) {
	if c.trace.events.Empty() {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || c.trace.queued {
		return
	}
	c.trace.queued = true
	t.queue = append(t.queue, c)
	// At once, and not by the Waker: to be woken is an event of a simulation, and who
	// looks on must not change what happens.
	t.more.Signal()
	if !t.started {
		t.started = true
		go t.run()
	}
}

// run calls tracers until close, and then for what is left.
func (t *tracing) run() {
	defer close(t.ended)
	var spare []tcp.Event
	var work, done []*TCPConn
	for {
		t.mu.Lock()
		for len(t.queue) == 0 && !t.closed {
			t.more.Wait()
		}
		work, t.queue = t.queue, done
		for _, c := range work {
			c.trace.queued = false
		}
		t.mu.Unlock()
		if len(work) == 0 {
			return
		}
		for i, c := range work {
			c.mu.Lock()
			events, lost := c.trace.events.Take(spare)
			c.mu.Unlock()
			if len(events) > 0 || lost > 0 {
				c.trace.tracer.Trace(tcp.Flow{Local: c.LocalAddr(), Remote: c.RemoteAddr()}, events, lost)
			}
			spare, work[i] = events, nil
		}
		done = work[:0]
	}
}

// close returns when all that has happened is told of.
func (t *tracing) close() {
	t.mu.Lock()
	t.closed = true
	started := t.started
	t.more.Signal()
	t.mu.Unlock()
	if started {
		<-t.ended
	}
}
