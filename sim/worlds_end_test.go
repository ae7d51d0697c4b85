package sim_test

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/usernet-go/usernet"
)

// An end is one end of a talk, and what became of it.
type end struct {
	app  *app
	talk *talk
	name string
	host *worldHost
	peer *end
	plan endPlan

	mu                sync.Mutex // guards what follows while the end is in use
	opened            bool
	began, left       time.Time // when it was opened, and closed
	moved             time.Time // when bytes were read or written last
	slept             time.Duration
	resent            int // segments
	wrote, got        int // bytes
	writes, reads     int
	finished          bool // CloseWrite or Close was called
	sawEOF            bool
	aborted, early    bool
	readErr, writeErr error // the first ones, apart from planned deadlines
}

func (e *end) init(k *talk, name string, h *worldHost, peer *end, plan endPlan) {
	e.talk, e.name, e.host, e.peer, e.plan = k, name, h, peer, plan
}

// run follows the plan to its end; false if the peer left without a byte, so that
// the server waits for another.
func (e *end) run(c *usernet.TCPConn) bool {
	e.configure(c)
	first := 0
	if e.name == "server" {
		var b [1]byte
		c.SetReadDeadline(time.Now().Add(patience))
		n, err := c.Read(b[:])
		c.SetReadDeadline(time.Time{})
		if n == 0 {
			e.readErr = err
			c.Close()
			return false
		}
		s := stream{key: e.peer.key()}
		if s.check(b[:]) >= 0 {
			e.app.errorf("the first byte is wrong")
		}
		first = 1
	}
	e.opened, e.got, e.readErr, e.began = true, first, nil, time.Now()
	var wg sync.WaitGroup
	quit := make(chan struct{}) // closed when there is nothing to quit any more
	wg.Go(func() {
		select {
		case <-time.After(e.plan.quit):
			e.leave(c)
		case <-quit:
		}
	})
	var both sync.WaitGroup
	both.Go(func() { e.write(c) })
	both.Go(func() { e.readAll(c) })
	both.Wait()
	close(quit)
	wg.Wait()
	e.leave(c)
	return true
}

// key tells the streams of a world from each other.
func (e *end) key() int {
	if e.name == "client" {
		return 2 * e.talk.port
	}
	return 2*e.talk.port + 1
}

func (e *end) configure(c *usernet.TCPConn) {
	c.SetNoDelay(!e.plan.nagle)
	if e.plan.timeout > 0 {
		c.SetUserTimeout(e.plan.timeout)
	}
}

// leave closes the connection.
func (e *end) leave(c *usernet.TCPConn) {
	e.mu.Lock()
	if !e.left.IsZero() {
		e.mu.Unlock()
		return
	}
	e.left = time.Now()
	// A tail loss probe may go before the answer comes, where a round trip with text takes twice that of the handshake.
	i := c.Info()
	e.resent = i.Resent - i.TailProbes
	e.early = !e.sawEOF
	e.aborted = e.plan.finish == finishAbort
	e.finished = e.finished || !e.aborted
	e.mu.Unlock()
	linger := e.plan.linger
	if e.plan.finish == finishAbort {
		linger = 0
	}
	err := c.SetLinger(linger)
	if err == nil {
		err = c.Close()
	}
	if err != nil && !e.host.closed.Load() {
		e.app.errorf("%s: SetLinger and Close: %v", e.name, err)
	}
	took := time.Since(e.left)
	if took > time.Duration(max(0, linger))*time.Second+time.Second {
		e.app.errorf("%s: Close took %v, and lingers for %d s at most", e.name, took, linger)
	}
}

// pause sleeps, and remembers it.
func (e *end) pause(d time.Duration) {
	e.mu.Lock()
	e.slept += d
	e.mu.Unlock()
	pause(d)
}

// write writes all there is, and the FIN.
func (e *end) write(c *usernet.TCPConn) {
	r := e.app.w.draw(e.app.name + " writes " + e.name)
	s := stream{key: e.key()}
	for s.offset < e.plan.total {
		if e.plan.copies {
			n, err := c.ReadFrom(io.LimitReader(&s, int64(e.plan.total)))
			if e.wroteSome(int(n), err) != nil {
				return
			}
			break
		}
		b := make([]byte, min(1+r.IntN(e.plan.chunk), e.plan.total-s.offset))
		s.Read(b)
		if e.plan.deadlines > 0 {
			c.SetWriteDeadline(time.Now().Add(span(r, 0, e.plan.deadlines)))
		}
		write := c.Write
		if chance(r, 0.01) {
			write = c.WriteUrgent
		}
		n, err := write(b)
		s.offset -= len(b) - n
		if n < len(b) && err == nil {
			e.app.errorf("%s: %d of %d bytes were written, without an error", e.name, n, len(b))
		}
		if e.wroteSome(n, err) != nil {
			return
		}
		if chance(r, 0.3) {
			e.pause(e.plan.writePause)
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			e.pause(span(r, 0, time.Second))
		}
		if e.plan.buffers > 0 && s.offset > e.plan.total/2 {
			c.SetWriteBuffer(e.plan.buffers)
			c.SetReadBuffer(e.plan.buffers)
		}
	}
	if e.plan.finish == finishCleanly {
		e.mu.Lock()
		e.finished = true
		e.mu.Unlock()
		err := c.CloseWrite()
		e.wroteSome(0, err)
	}
}

// wroteSome counts what was written, and returns what ends the writing.
func (e *end) wroteSome(n int, err error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.wrote += n
	e.writes++
	e.move(n)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		e.writeErr = err
		return err
	}
	return nil
}

// move notes that there is progress.
func (e *end) move(n int) {
	if n > 0 {
		e.moved = time.Now()
	}
}

// readAll reads up to the peer's FIN, and checks each byte.
func (e *end) readAll(c *usernet.TCPConn) {
	r := e.app.w.draw(e.app.name + " reads " + e.name)
	e.pause(2 + e.plan.lateRead) // not when the writer begins
	s := stream{key: e.peer.key(), offset: e.got}
	if e.plan.copies {
		_, err := c.WriteTo(checker{e, &s})
		if err == nil {
			err = io.EOF
		}
		e.readSome(&s, nil, err)
		return
	}
	b := make([]byte, e.plan.read)
	for {
		if e.plan.deadlines > 0 {
			c.SetReadDeadline(time.Now().Add(span(r, 0, e.plan.deadlines)))
		}
		n, err := c.Read(b[:1+r.IntN(len(b))])
		if e.readSome(&s, b[:n], err) {
			break
		}
		if chance(r, 0.3) {
			e.pause(e.plan.readPause)
		}
	}
	e.afterwards(c)
}

// readSome checks what was read, and says whether that is all.
func (e *end) readSome(s *stream, b []byte, err error) bool {
	at := s.check(b)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.got += len(b)
	e.reads++
	e.move(len(b))
	if at >= 0 {
		e.app.errorf("%s: byte %d is wrong", e.name, at)
		return true
	}
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	e.readErr, e.sawEOF = err, err == io.EOF
	return true
}

// afterwards reads once more: what has ended has ended.
func (e *end) afterwards(c *usernet.TCPConn) {
	c.SetReadDeadline(time.Time{})
	n, err := c.Read(make([]byte, 1))
	if n != 0 || err != io.EOF && !errors.Is(err, net.ErrClosed) {
		e.app.errorf("%s: Read after %v: %d, %v", e.name, e.readErr, n, err)
	}
}

// A checker is a Writer that compares.
type checker struct {
	e *end
	s *stream
}

func (c checker) Write(b []byte) (int, error) {
	c.e.readSome(c.s, b, nil)
	return len(b), nil
}
