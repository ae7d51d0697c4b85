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
			wantNoConnections(t, a, b)
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
