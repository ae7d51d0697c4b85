package usernet_test

import (
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/pipe"
)

// reentrantLink calls again from within Send, before and after the packets have
// gone, unless it is there already.
type reentrantLink struct {
	link.Link
	again atomic.Pointer[func()]
	busy  atomic.Bool
	calls atomic.Int64
}

func (r *reentrantLink) Send(batch []link.Packet) (int, error) {
	r.reenter()
	n, err := r.Link.Send(batch)
	r.reenter()
	return n, err
}

func (r *reentrantLink) reenter() {
	f := r.again.Load()
	if f == nil || !r.busy.CompareAndSwap(false, true) {
		return
	}
	r.calls.Add(1)
	(*f)()
	r.busy.Store(false)
}

// No lock is held across Link.Send: a link that calls the stack back from there
// does not deadlock, whichever verb or timer has led to it.
func TestReentrance(t *testing.T) {
	stop := time.AfterFunc(time.Minute, func() {
		buf := make([]byte, 1<<20)
		panic("deadlock:\n" + string(buf[:runtime.Stack(buf, true)]))
	})
	defer stop.Stop()

	near, far := pipe.New(pipe.Config{})
	re := &reentrantLink{Link: near}
	a, b := newStack(t, usernet.Config{}), newStack(t, usernet.Config{})
	attach(t, a, re, 1)
	attach(t, b, far, 2)
	sink, err := b.Listen("tcp", ":9")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			c, err := sink.Accept()
			if err != nil {
				return
			}
			go io.Copy(io.Discard, c)
		}
	}()
	other, err := a.Dial("tcp", "10.0.0.2:9")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	other.SetReadDeadline(time.Unix(1, 0))

	var active atomic.Pointer[usernet.TCPConn] // the connection whose segments are being sent
	again := func() {
		a.Stats()
		if _, err := other.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Read: %v", err)
		}
		if _, err := other.Write([]byte("x")); err != nil {
			t.Errorf("Write: %v", err)
		}
		if l, err := a.Listen("tcp", ":0"); err != nil {
			t.Errorf("Listen: %v", err)
		} else {
			l.Close()
		}
		if c, err := a.Dial("tcp", "10.0.0.2:9"); err != nil {
			t.Errorf("Dial: %v", err)
		} else {
			c.Close()
		}
		if c := active.Load(); c != nil {
			c.Info()
			c.SetWriteDeadline(time.Now().Add(time.Hour))
			c.SetReadDeadline(time.Unix(1, 0))
			c.Read(make([]byte, 1))
			c.SetReadDeadline(time.Time{})
		}
	}
	re.again.Store(&again)
	c, peer := connect(t, a, b)
	active.Store(c)
	exchange(t, c, peer)
	exchange(t, peer, c)

	// And Close of the very connection that is sending.
	c, peer = connect(t, a, b)
	closing := func() { c.Close() }
	re.again.Store(&closing)
	c.Write(make([]byte, 1000))
	if _, err := c.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Write after Close from within Send: %v", err)
	}
	if n, err := io.Copy(io.Discard, peer); n != 1000 || err != nil {
		t.Errorf("the peer read %d bytes, %v", n, err)
	}
	if re.calls.Load() < 10 {
		t.Errorf("only %d calls came from within Send", re.calls.Load())
	}
}

// exchange sends a megabyte from c to peer.
func exchange(t *testing.T, c, peer *usernet.TCPConn) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if n, err := c.Write(make([]byte, 1<<20)); err != nil {
			t.Errorf("Write: %d, %v", n, err)
		}
	}()
	if _, err := io.CopyN(io.Discard, deadlineFree{peer}, 1<<20); err != nil {
		t.Error(err)
	}
	<-done
}

// deadlineFree reads again when a deadline that somebody else has set has passed.
type deadlineFree struct{ net.Conn }

func (d deadlineFree) Read(b []byte) (int, error) {
	for {
		n, err := d.Conn.Read(b)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		runtime.Gosched()
	}
}
