package host

import (
	"sync"

	"github.com/usernet-go/usernet/tcp"
)

// tcpWaits is what a connection has for those who wait for it: 200 bytes, which come from
// a pool of the host when somebody first waits, and go back when the connection rests or
// has ended. (To give them back with the last who waits took ping-pong a twentieth longer.)
// With the first deadline they stay, since a deadline's timer may be about to look at them
// whoever waits.
type tcpWaits struct {
	readable sync.Cond // on the connection's mu: Readable has become true, or Read must look again
	writable sync.Cond // likewise for Write, and for a Close that lingers

	text      tcp.Direct
	deadlines *tcpDeadlines // made with the first, which refers to the conditions

	n int // who wait
}

type tcpDeadlines struct{ read, write deadline }

func (w *tcpWaits) readPassed() bool {
	return w != nil && w.deadlines != nil && w.deadlines.read.passed
}

func (w *tcpWaits) writePassed() bool {
	return w != nil && w.deadlines != nil && w.deadlines.write.passed
}

func (w *tcpWaits) forReading() *sync.Cond { return &w.readable }
func (w *tcpWaits) forWriting() *sync.Cond { return &w.writable }

// waitLocked waits for one of the conditions of tcpWaits.
func (c *TCPConn) waitLocked(condition func(*tcpWaits) *sync.Cond) {
	w := c.waitsLocked()
	w.n++
	condition(w).Wait()
	c.waitedLocked(w)
}

// waitForTextLocked waits until Read is to look again, and returns how much has been
// put into b meanwhile.
//
// It parks at once. Making a reader ready has the runtime wake an idle thread, which finds
// nothing, sleeps and looks again: of exchanges of a byte over a pipe, in 5 us, every
// twentieth takes 20 to 50. Yielding for 4 us first, with Gosched and no lock, after waits
// that were short, spares that: the 99th percentile is 7 us, but only while two processors
// are idle and near each other (30 ns for a cache line). Where that takes 160 ns it was no
// better than parking, and beside 7 bulk connections the percentile rose from 9 to 16 us,
// in some runs to 390. A loop without Gosched made an exchange last 8 us.
func (c *TCPConn) waitForTextLocked(b []byte) (n int) {
	w := c.waitsLocked()
	lent := c.m.Lend(&w.text, b)
	w.n++
	w.readable.Wait()
	if lent {
		n = c.m.TakeBack()
	}
	c.waitedLocked(w)
	return n
}

// waitedLocked is called by who has waited.
func (c *TCPConn) waitedLocked(w *tcpWaits) {
	if w.n--; c.detached {
		c.releaseWaitsLocked()
	}
}

// releaseWaitsLocked gives back what nobody needs who waits.
func (c *TCPConn) releaseWaitsLocked() {
	w := c.waits
	if w == nil || w.n > 0 || w.deadlines != nil {
		return
	}
	c.waits = nil
	// A Waker may wake later: what it then wakes must not be what others wait on.
	if c.h.waker == nil {
		c.h.tcpWaits.Put(w)
	}
}

func (c *TCPConn) waitsLocked() *tcpWaits {
	if c.waits == nil {
		c.waits = c.h.tcpWaits.Get().(*tcpWaits)
		c.waits.readable.L, c.waits.writable.L = &c.mu, &c.mu
	}
	return c.waits
}

// timedWaitsLocked is waitsLocked for what has a deadline.
func (c *TCPConn) timedWaitsLocked() *tcpWaits {
	w := c.waitsLocked()
	if w.deadlines == nil {
		w.deadlines = new(tcpDeadlines)
		w.deadlines.read.init(c.h, &w.readable, &c.key, timerOfTCPRead)
		w.deadlines.write.init(c.h, &w.writable, &c.key, timerOfTCPWrite)
	}
	return w
}

// wakeReadersLocked and wakeWritersLocked let those look again who wait.
func (c *TCPConn) wakeReadersLocked() {
	if c.waits != nil {
		c.h.wakeAll(&c.waits.readable)
	}
}

func (c *TCPConn) wakeWritersLocked() {
	if c.waits != nil {
		c.h.wakeAll(&c.waits.writable)
	}
}
