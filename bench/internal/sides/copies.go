package sides

import (
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// joinedCopies returns two hosts without a network between them. A connection of theirs
// is a buffer for each way: writers copy into it, readers out of it, and wait for one
// another. That is what stays of a stack which costs nothing else.
func joinedCopies() [2]host {
	listeners := &copyListeners{ports: make(map[int]*copyListener)}
	return [2]host{listeners, listeners}
}

// copyListeners are those of all ports, and dial them.
type copyListeners struct {
	mu    sync.Mutex
	ports map[int]*copyListener
}

func (h *copyListeners) listen(port int) (net.Listener, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	l := &copyListener{dialled: make(chan net.Conn, 64)}
	h.ports[port] = l
	return l, nil
}

func (h *copyListeners) dial(port int) (net.Conn, error) {
	h.mu.Lock()
	l := h.ports[port]
	h.mu.Unlock()
	if l == nil {
		return nil, fmt.Errorf("nobody listens at port %d", port)
	}
	there, back := newCopyBuffer(), newCopyBuffer()
	l.dialled <- &copyConn{in: there, out: back}
	return &copyConn{in: back, out: there}, nil
}

// A copyListener ends with the process.
type copyListener struct{ dialled chan net.Conn }

func (l *copyListener) Accept() (net.Conn, error) { return <-l.dialled, nil }
func (l *copyListener) Close() error              { return nil }
func (l *copyListener) Addr() net.Addr            { return nil }

// copyBufferSize fits a processor's cache.
const copyBufferSize = 128 << 10

// A copyBuffer is one way.
type copyBuffer struct {
	mu       sync.Mutex
	changed  sync.Cond // on mu; there is one writer and one reader, who do not wait at once
	data     []byte
	at, n    int // the oldest byte, and how many there are
	waiting  bool
	finished bool
	until    time.Time // of both who may wait; zero: they wait for ever
}

func newCopyBuffer() *copyBuffer {
	b := &copyBuffer{data: make([]byte, copyBufferSize)}
	b.changed.L = &b.mu
	return b
}

// wait waits until the other side has done something.
func (b *copyBuffer) wait() error {
	if !b.until.IsZero() && !time.Now().Before(b.until) {
		return os.ErrDeadlineExceeded
	}
	b.waiting = true
	b.changed.Wait()
	return nil
}

func (b *copyBuffer) wake() {
	if b.waiting {
		b.waiting = false
		b.changed.Broadcast()
	}
}

func (b *copyBuffer) read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.n == 0 {
		if b.finished {
			return 0, io.EOF
		}
		if err := b.wait(); err != nil {
			return 0, err
		}
	}
	n := copy(p, b.data[b.at:min(b.at+b.n, len(b.data))])
	b.at, b.n = (b.at+n)%len(b.data), b.n-n
	b.wake()
	return n, nil
}

func (b *copyBuffer) write(p []byte) (n int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for n < len(p) {
		if b.finished {
			return n, io.ErrClosedPipe
		}
		if b.n == len(b.data) {
			if err := b.wait(); err != nil {
				return n, err
			}
			continue
		}
		free := (b.at + b.n) % len(b.data)
		k := copy(b.data[free:min(free+len(b.data)-b.n, len(b.data))], p[n:])
		b.n += k
		n += k
		b.wake()
	}
	return n, nil
}

func (b *copyBuffer) finish() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.finished = true
	b.wake()
}

func (b *copyBuffer) setDeadline(t time.Time) {
	b.mu.Lock()
	b.until = t
	b.mu.Unlock()
	if !t.IsZero() {
		time.AfterFunc(time.Until(t), func() {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.wake()
		})
	}
}

type copyConn struct{ in, out *copyBuffer }

func (c *copyConn) Read(p []byte) (int, error)  { return c.in.read(p) }
func (c *copyConn) Write(p []byte) (int, error) { return c.out.write(p) }

func (c *copyConn) CloseWrite() error {
	c.out.finish()
	return nil
}

func (c *copyConn) Close() error {
	c.in.finish()
	c.out.finish()
	return nil
}

func (c *copyConn) SetDeadline(t time.Time) error {
	c.in.setDeadline(t)
	c.out.setDeadline(t)
	return nil
}

func (c *copyConn) SetReadDeadline(t time.Time) error {
	c.in.setDeadline(t)
	return nil
}

func (c *copyConn) SetWriteDeadline(t time.Time) error {
	c.out.setDeadline(t)
	return nil
}

func (c *copyConn) LocalAddr() net.Addr  { return nil }
func (c *copyConn) RemoteAddr() net.Addr { return nil }
