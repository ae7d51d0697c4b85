package host

import (
	"errors"
	"time"

	"github.com/usernet-go/usernet/tcp"
)

// Read reads what has arrived, at least a byte of it, and waits for it if need
// be. After the peer's FIN it returns io.EOF; otherwise the errors are those of
// tcp.Conn.Read, ErrClosed and ErrDeadline.
func (c *TCPConn) Read(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		switch {
		case c.closed:
			return 0, ErrClosed
		case len(b) == 0:
			return 0, nil
		case c.waits.readPassed():
			return 0, ErrDeadline
		}
		if c.m.Readable() {
			roomForOutput(nil)
			now := c.h.clock.Now()
			n, err := c.m.Read(now, b)
			c.settleLocked(now) // the window may have opened
			return n, err
		}
		if n := c.waitForTextLocked(b); n > 0 {
			return n, nil
		}
	}
}

// Write queues all of b for sending, and waits for room if need be: it returns
// n < len(b) only with an error. Writes at the same time do not mix. What is sent refers
// to b until Write returns.
func (c *TCPConn) Write(b []byte) (int, error) {
	if len(b) >= lendAfter {
		return c.write(b, c.m.WriteLent)
	}
	return c.write(b, c.m.Write)
}

// WriteUrgent is Write of urgent data: segments point to its end until the peer
// has acknowledged it, and the peer finds it in line (RFC 6093).
func (c *TCPConn) WriteUrgent(b []byte) (int, error) { return c.write(b, c.m.WriteUrgent) }

// yieldAfter is how many bytes a Write has at least that lets others run if the peer has
// acknowledged all of it already: then link and peer are in this process, and its reader
// takes the bytes out of the processor's cache. If instead the writer fills the buffers
// first, bulk over a pipe takes 1.3 to 1.7 times as long.
const yieldAfter = 16 << 10

// lendAfter is how many bytes a Write has at least that are not copied before they are
// sent: over a pipe the peer acknowledges most of a bulk transfer within that, which takes a
// fifth less without the copy. With 1 to 2 KiB there is no difference.
const lendAfter = 4 << 10

// write queues b by queue, which is one of the machine's.
func (c *TCPConn) write(b []byte, queue func(now time.Time, b []byte) (int, error)) (n int, err error) {
	roomForOutput(nil)
	c.mu.Lock()
	n, err = c.writeLocked(b, queue)
	yields := n >= yieldAfter && c.m.AllAcknowledged()
	c.mu.Unlock()
	if yields {
		c.h.yields.Now()
	}
	return n, err
}

// writeLocked is write; c.mu is held.
func (c *TCPConn) writeLocked(b []byte, queue func(now time.Time, b []byte) (int, error)) (n int, err error) {
	for c.writing {
		if err := c.writeErrorLocked(); err != nil {
			return 0, err
		}
		c.waitLocked((*tcpWaits).forWriting)
	}
	c.writing = true
	for {
		if err = c.writeErrorLocked(); err != nil {
			break
		}
		if !c.m.Writable() && len(b) > 0 {
			if c.m.Starved() && !c.starving {
				c.h.memory.starve(c)
				continue // some may have been given back meanwhile
			}
			c.waitLocked((*tcpWaits).forWriting)
			continue
		}
		now := c.h.clock.Now()
		k, err := queue(now, b[n:])
		n += k
		if err != nil && !errors.Is(err, tcp.ErrWouldBlock) {
			c.endWriteLocked()
			return n, err
		}
		if n == len(b) {
			c.endWriteLocked() // before it leaves: the next Write need not wait for that
		}
		if k > 0 {
			c.settleLocked(now)
			c.m.Keep()
		}
		if n == len(b) {
			return n, nil
		}
	}
	c.endWriteLocked()
	return n, err
}

// endWriteLocked lets the next Write begin.
func (c *TCPConn) endWriteLocked() {
	c.writing = false
	c.wakeWritersLocked()
}

func (c *TCPConn) writeErrorLocked() error {
	switch {
	case c.closed:
		return ErrClosed
	case c.waits.writePassed():
		return ErrDeadline
	}
	return nil
}

// CloseWrite sends a FIN behind what is queued.
func (c *TCPConn) CloseWrite() error {
	return c.shutdown(c.m.CloseWrite)
}

// CloseRead makes Read return io.EOF; what arrives is acknowledged and dropped.
func (c *TCPConn) CloseRead() error {
	return c.shutdown(c.m.CloseRead)
}

// shutdown is CloseWrite or CloseRead; as in the kernel, a connection that has
// ended in both directions is not connected.
func (c *TCPConn) shutdown(f func(now time.Time) error) error {
	return c.verb(func(now time.Time) error {
		if c.m.State() == tcp.StateClosed || c.detached {
			return tcp.ErrNotConnected
		}
		return f(now)
	})
}

// SetNoDelay turns Nagle's algorithm off or on.
func (c *TCPConn) SetNoDelay(on bool) error {
	return c.verb(func(now time.Time) error { c.m.SetNoDelay(now, on); return nil })
}

// UpdateKeepAlive sets whether and when an idle peer is probed, to what f makes of how
// it is. What it is given it must not change.
func (c *TCPConn) UpdateKeepAlive(f func(*tcp.KeepAlive) *tcp.KeepAlive) error {
	return c.verb(func(now time.Time) error { c.m.SetKeepAlive(now, f(c.m.KeepAlive())); return nil })
}

// SetUserTimeout bounds how long sent data may stay unacknowledged (RFC 5482).
func (c *TCPConn) SetUserTimeout(d time.Duration) error {
	return c.verb(func(now time.Time) error { c.m.SetUserTimeout(now, d); return nil })
}

// SetCongestionControl puts a in charge of the congestion window.
func (c *TCPConn) SetCongestionControl(a *tcp.Algorithm) error {
	return c.verb(func(now time.Time) error { c.m.SetCongestionControl(now, a); return nil })
}

// SetReadBuffer sets how many bytes may wait to be read, up to the host's bound.
func (c *TCPConn) SetReadBuffer(n int) error {
	return c.setBuffer(n, c.m.SetReceiveBuffer)
}

// SetWriteBuffer sets how many bytes may wait to be acknowledged, up to the host's
// bound.
func (c *TCPConn) SetWriteBuffer(n int) error {
	return c.setBuffer(n, c.m.SetSendBuffer)
}

func (c *TCPConn) setBuffer(n int, set func(now time.Time, n int)) error {
	return c.verb(func(now time.Time) error {
		if n < 0 {
			return ErrInvalid
		}
		set(now, n)
		return nil
	})
}

// SetTrafficClass sets the DiffServ field of the packets that are sent from now on:
// the upper six bits of IPv4's type of service or IPv6's traffic class (RFC 2474,
// 3). The lower two belong to ECN, and are ignored.
//
// RFC 9293, 3.9.1.9: "The application layer MUST be able to specify the
// Differentiated Services field for segments that are sent on a connection
// (MUST-48). [...] It is not required, but the application SHOULD be able to change
// the Differentiated Services field during the connection lifetime (SHLD-21)."
func (c *TCPConn) SetTrafficClass(class uint8) error {
	return c.verb(func(time.Time) error { c.tos = class &^ 3; return nil })
}

// SetLinger says what Close does with data that is not acknowledged: d < 0 sends
// it in the background, 0 drops it and resets the connection, d > 0 sends it and
// lets Close wait for as long.
func (c *TCPConn) SetLinger(d time.Duration) error {
	return c.verb(func(time.Time) error { c.linger = d; return nil })
}

// verb calls f on the machine of a connection that is not closed, and settles.
func (c *TCPConn) verb(f func(now time.Time) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	now := c.h.clock.Now()
	err := f(now)
	c.settleLocked(now)
	return err
}

// Close closes both directions. What was written is still sent, in the
// background; unread data, or data that arrives later, resets the connection
// (RFC 9293, 3.6.1). A second Close returns ErrClosed.
func (c *TCPConn) Close() error {
	roomForOutput(nil)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	c.closed = true
	now := c.h.clock.Now()
	c.stopDeadlinesLocked()
	if c.linger == 0 {
		c.m.Abort(now)
	} else {
		c.m.Close(now)
	}
	c.settleLocked(now)
	c.wakeReadersLocked()
	c.wakeWritersLocked()
	if c.linger > 0 {
		c.lingerLocked()
	}
	return nil
}

// lingerLocked waits until the peer has acknowledged all, or for c.linger.
func (c *TCPConn) lingerLocked() {
	var d deadline
	d.init(c.h, &c.timedWaitsLocked().writable, &c.key, timerOfLinger)
	now := c.h.clock.Now()
	d.setLocked(now, now.Add(c.linger))
	for !d.passed && !c.detached && c.m.State() != tcp.StateFinWait2 {
		c.waitLocked((*tcpWaits).forWriting)
	}
	d.stop()
}

// Info tells what the connection is doing, as TCP_INFO does.
func (c *TCPConn) Info() tcp.Info {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.m.InfoAt(c.h.clock.Now())
}
