package usernet_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link/pipe"
)

func TestHundredConnections(t *testing.T) {
	for _, w := range wires {
		t.Run(w.name, func(t *testing.T) {
			a, b := newPair(t, usernet.Config{}, w.Config)
			l, err := b.Listen("tcp", ":0")
			if err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			wg.Go(func() {
				for range 100 {
					c, err := l.Accept()
					if err != nil {
						t.Error(err)
						return
					}
					wg.Go(func() { io.Copy(c, c); c.Close() })
				}
			})
			for i := range 100 {
				host := []string{"10.0.0.2", "fd00::2"}[i%2]
				wg.Go(func() { echoThrough(t, a, net.JoinHostPort(host, port(l.Addr())), i) })
			}
			wg.Wait()
			if n := a.Stats().Connections + b.Stats().Connections; n != 0 {
				t.Errorf("%d connections are left", n)
			}
		})
	}
}

func echoThrough(t *testing.T, s *usernet.Stack, address string, seed int) {
	c, err := s.Dial("tcp", address)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	want := bytes.Repeat([]byte{byte(seed), byte(seed >> 8), 1}, 20000)
	go func() {
		c.Write(want)
		c.(*usernet.TCPConn).CloseWrite()
	}()
	if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d of %d bytes came back, %v", len(got), len(want), err)
	}
}

// What is beyond the backlog is dropped, not refused: it succeeds as soon as
// there is room.
func TestBubbleBacklog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const backlog = 3
		a, b := newPair(t, usernet.Config{}, pipe.Config{})
		lc := usernet.ListenConfig{Stack: b, Backlog: backlog}
		l, err := lc.Listen(context.Background(), "tcp", ":0")
		if err != nil {
			t.Fatal(err)
		}
		address := net.JoinHostPort("10.0.0.2", port(l.Addr()))
		for range backlog {
			if _, err := a.Dial("tcp", address); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := a.DialTimeout("tcp", address, 30*time.Second); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("dialling a full backlog: %v", err)
		}
		if n := b.Stats().Drops["TCP backlog full"]; n == 0 {
			t.Errorf("drops: %v", b.Stats().Drops)
		}
		time.AfterFunc(10*time.Second, func() {
			if _, err := l.Accept(); err != nil {
				t.Error(err)
			}
		})
		start := time.Now()
		if _, err := a.DialTimeout("tcp", address, time.Minute); err != nil || time.Since(start) < 10*time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}

// A listener that closes resets what it has not accepted.
func TestListenerCloseResetsTheBacklog(t *testing.T) {
	a, b := newPair(t, usernet.Config{}, pipe.Config{})
	l, err := b.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	c, err := a.Dial("tcp", net.JoinHostPort("10.0.0.2", port(l.Addr())))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	l.Close()
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("Read: %v", err)
	}
}

// With all 32768 ephemeral ports taken, dialling the same address fails as in
// the kernel, and dialling another one goes on.
func TestEphemeralPortsRunOut(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 32768 connections")
	}
	const ports = 32768
	a, b := newPair(t, usernet.Config{}, pipe.Config{GSO: true})
	lc := usernet.ListenConfig{Stack: b, Backlog: ports + 1}
	l, err := lc.Listen(context.Background(), "tcp", ":7")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	seen := make(map[int]bool)
	for range ports {
		c, err := a.Dial("tcp", "10.0.0.2:7")
		if err != nil {
			t.Fatalf("after %d: %v", len(seen), err)
		}
		seen[c.LocalAddr().(*net.TCPAddr).Port] = true
	}
	if len(seen) != ports {
		t.Errorf("%d different ports", len(seen))
	}
	_, err = a.Dial("tcp", "10.0.0.2:7")
	if !errors.Is(err, syscall.EADDRNOTAVAIL) || err.Error() != "dial tcp 10.0.0.2:7: connect: cannot assign requested address" {
		t.Errorf("one more: %v", err)
	}
	c, err := a.Dial("tcp", "[fd00::2]:7")
	if err != nil {
		t.Errorf("another address: %v", err)
	} else {
		c.Close()
	}
}

// A listener that finds no port says what the kernel says.
func TestNoPortToListenAt(t *testing.T) {
	s := newStack(t, usernet.Config{})
	var err error
	n := 0
	for ; err == nil && n < 70000; n++ {
		_, err = s.Listen("tcp", "127.0.0.1:0")
	}
	if !errors.Is(err, syscall.EADDRINUSE) || n != 32769 {
		t.Errorf("listener %d: %v", n, err)
	}
}
