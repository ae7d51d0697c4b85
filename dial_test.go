package usernet_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/pipe"
)

// A context that ends after the dial has no influence; one that ends before
// leaves nothing behind.
func TestBubbleDialContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := pipe.New(pipe.Config{})
		slow := link.Shape(near, link.ShapeConfig{Path: link.Path{Delay: time.Second}})
		a, b := newStack(t, usernet.Config{}), newStack(t, usernet.Config{})
		attach(t, a, slow, 1)
		attach(t, b, far, 2)
		l, err := b.Listen("tcp", ":7")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		c, err := a.DialContext(ctx, "tcp", "10.0.0.2:7")
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		peer, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(c, "still there")
		if got := make([]byte, 11); !readFull(peer, got) || string(got) != "still there" {
			t.Errorf("read %q", got)
		}
		c.Close()
		peer.Close()

		start := time.Now()
		if _, err := a.DialTimeout("tcp", "10.0.0.2:7", 500*time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if d := time.Since(start); d != 500*time.Millisecond {
			t.Errorf("a dial with a timeout of 500ms took %v", d)
		}
		time.Sleep(10 * time.Second) // the SYN arrives at b, its answer at nobody
		if n := a.Stats().Connections + b.Stats().Connections; n != 0 {
			t.Errorf("%d connections are left of a dial that was given up", n)
		}
		d := usernet.Dialer{Stack: a, Deadline: time.Now().Add(time.Hour), Timeout: 500 * time.Millisecond}
		if _, err := d.Dial("tcp", "10.0.0.2:7"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the earlier of two limits: %v", err)
		}
	})
}

func TestDialContextNilPanics(t *testing.T) {
	s := newStack(t, usernet.Config{})
	defer func() {
		if recover() == nil {
			t.Error("no panic, as package net's")
		}
	}()
	var none context.Context
	s.DialContext(none, "tcp", "127.0.0.1:7")
}

// Both dial at once, nobody listens: RFC 9293's simultaneous open.
func TestBubbleSimultaneousOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := pipe.New(pipe.Config{})
		path := link.ShapeConfig{Path: link.Path{Delay: 10 * time.Millisecond}}
		a, b := newStack(t, usernet.Config{}), newStack(t, usernet.Config{})
		attach(t, a, link.Shape(near, path), 1)
		attach(t, b, link.Shape(far, path), 2)
		connect(t, a, b) // so that no SYN waits for ARP
		var conns [2]net.Conn
		var wg sync.WaitGroup
		for i, s := range []*usernet.Stack{a, b} {
			wg.Go(func() {
				d := usernet.Dialer{Stack: s, LocalAddr: &net.TCPAddr{Port: 1000 + i}}
				c, err := d.Dial("tcp", fmt.Sprintf("10.0.0.%d:%d", 2-i, 1001-i))
				if err != nil {
					t.Errorf("stack %d: %v", i, err)
				}
				conns[i] = c
			})
		}
		wg.Wait()
		if t.Failed() {
			return
		}
		go func() { io.WriteString(conns[0], "hello"); conns[0].Close() }()
		if got, err := io.ReadAll(conns[1]); string(got) != "hello" || err != nil {
			t.Errorf("read %q, %v", got, err)
		}
		conns[1].Close()
	})
}

// A port in TIME-WAIT can be dialled from again after a second, when timestamps
// tell old segments from new ones (RFC 6191).
func TestBubbleTimeWaitIsReused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newPair(t, usernet.Config{}, pipe.Config{})
		l, err := b.Listen("tcp", ":7")
		if err != nil {
			t.Fatal(err)
		}
		d := usernet.Dialer{Stack: a, LocalAddr: &net.TCPAddr{Port: 5000}}
		dial := func() error {
			c, err := d.Dial("tcp", "10.0.0.2:7")
			if err != nil {
				return err
			}
			peer, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			c.Close()
			peer.Close()
			return nil
		}
		if err := dial(); err != nil {
			t.Fatal(err)
		}
		if s := a.Stats(); s.TimeWait != 1 || s.Connections != 0 {
			t.Errorf("after closing first: %+v", s)
		}
		if err := dial(); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("at once: %v", err)
		}
		time.Sleep(2 * time.Second)
		if err := dial(); err != nil {
			t.Errorf("after two seconds: %v", err)
		}
		time.Sleep(61 * time.Second)
		if n := a.Stats().TimeWait; n != 0 {
			t.Errorf("%d connections are in TIME-WAIT after a minute", n)
		}
	})
}

// Keepalive as Dialer, ListenConfig and Config say: seen by what an idle hour
// puts on the wire.
func TestBubbleKeepAliveOptions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		always := net.KeepAliveConfig{Enable: true, Idle: time.Minute, Interval: time.Second, Count: 2}
		for _, c := range []struct {
			name   string
			stack  usernet.Config
			dial   usernet.Dialer
			probes uint64 // in an hour
		}{
			{"default", usernet.Config{}, usernet.Dialer{}, 240},
			{"stack off", usernet.Config{KeepAlive: -1}, usernet.Dialer{}, 0},
			{"stack every 30 s", usernet.Config{KeepAlive: 30 * time.Second}, usernet.Dialer{}, 120},
			{"stack in detail", usernet.Config{KeepAliveConfig: always}, usernet.Dialer{}, 60},
			{"dialer off", usernet.Config{}, usernet.Dialer{KeepAlive: -1}, 0},
			{"dialer every 30 s", usernet.Config{KeepAlive: -1}, usernet.Dialer{KeepAlive: 30 * time.Second}, 120},
			{"dialer in detail", usernet.Config{KeepAlive: -1}, usernet.Dialer{KeepAlive: -1, KeepAliveConfig: always}, 60},
			{"dialer with defaults", usernet.Config{KeepAlive: -1}, usernet.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true}}, 240},
		} {
			a, b := newPair(t, c.stack, pipe.Config{})
			lc := usernet.ListenConfig{Stack: b, KeepAlive: -1}
			l, err := lc.Listen(t.Context(), "tcp", ":7")
			if err != nil {
				t.Fatal(err)
			}
			c.dial.Stack = a
			conn, err := c.dial.Dial("tcp", "10.0.0.2:7")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := l.Accept(); err != nil {
				t.Fatal(err)
			}
			before := a.Stats().SegmentsOut
			time.Sleep(time.Hour)
			if n := a.Stats().SegmentsOut - before; n < c.probes-min(c.probes, 1) || n > c.probes+1 {
				t.Errorf("%s: %d segments in an idle hour, want %d", c.name, n, c.probes)
			}
			if n := b.Stats().SegmentsOut; n > c.probes+10 {
				t.Errorf("%s: the other end sent %d segments", c.name, n)
			}
			conn.Close()
			a.Close()
			b.Close()
		}
	})
}

// Stacks that are closed while all kinds of calls are under way: no deadlock, no
// race, and errors that say why.
func TestCloseRaces(t *testing.T) {
	for range 30 {
		a, b := newPair(t, usernet.Config{}, wires[1].Config)
		l, err := b.Listen("tcp", ":7")
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		var echoes atomic.Int32
		wg.Go(func() {
			for {
				c, err := l.Accept()
				if err != nil {
					if !errors.Is(err, net.ErrClosed) {
						t.Errorf("Accept: %v", err)
					}
					return
				}
				wg.Go(func() { io.Copy(c, c); c.Close() })
			}
		})
		for i := range 8 {
			wg.Go(func() {
				for {
					err := oneEcho(a, byte(i))
					if err == nil {
						echoes.Add(1)
						continue
					}
					if expected := errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.ECONNRESET) ||
						errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrUnexpectedEOF) ||
						errors.Is(err, io.EOF); !expected {
						t.Errorf("echo: %v", err)
					}
					if errors.Is(err, net.ErrClosed) {
						return
					}
				}
			})
		}
		for echoes.Load() < 20 {
			time.Sleep(time.Millisecond)
		}
		wg.Go(func() { b.Close() })
		a.Close()
		wg.Wait()
	}
}

func oneEcho(s *usernet.Stack, x byte) error {
	c, err := s.DialTimeout("tcp", "10.0.0.2:7", time.Minute)
	if err != nil {
		return err
	}
	defer c.Close()
	b := []byte{x, x, x}
	if _, err := c.Write(b); err != nil {
		return err
	}
	_, err = io.ReadFull(c, b)
	return err
}

func TestPing(t *testing.T) {
	a, b := newPair(t, usernet.Config{}, pipe.Config{})
	for _, dst := range []string{"10.0.0.2", "fd00::2", "127.0.0.1", "::1"} {
		p, err := a.NewPinger(addr(dst))
		if err != nil {
			t.Fatal(err)
		}
		for i, size := range []int{0, 56, 4000} {
			r, err := p.Ping(t.Context(), size)
			if err != nil || r.From != addr(dst) || r.Size != size || r.Sequence != uint16(i+1) || r.TTL == 0 {
				t.Errorf("%s, %d bytes: %+v, %v", dst, size, r, err)
			}
		}
		p.Close()
		if _, err := p.Ping(t.Context(), 0); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Ping after Close: %v", err)
		}
	}
	if _, err := a.NewPinger(addr("203.0.113.1")); !errors.Is(err, syscall.ENETUNREACH) || err.Error() != "ping ip4:icmp 203.0.113.1: sendto: network is unreachable" {
		t.Errorf("no route: %v", err)
	}
	b.Close()
	p, err := a.NewPinger(addr("10.0.0.2"))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := p.Ping(ctx, 0); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a host that is gone: %v", err)
	}
}
