package usernet_test

import (
	"errors"
	"net/netip"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link/pipe"
)

// A lateClock shows another time than the system's, and wakes nobody until it is told to.
type lateClock struct {
	late  time.Duration
	mu    sync.Mutex
	held  bool
	wakes []func()
}

func (c *lateClock) Now() time.Time { return time.Now().Add(-c.late) }

func (c *lateClock) AfterFunc(d time.Duration, f func()) usernet.Timer { return time.AfterFunc(d, f) }

func (c *lateClock) Wake(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held {
		c.wakes = append(c.wakes, f)
	} else {
		f()
	}
}

// hold has Wake keep what it is given, or calls what it has kept.
func (c *lateClock) hold(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held = on; !on {
		for _, f := range c.wakes {
			f()
		}
		c.wakes = nil
	}
}

var _ interface {
	usernet.Clock
	usernet.Waker
} = new(lateClock)

// Deadlines are by Config.Clock.
func TestBubbleClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := &lateClock{late: 1000 * time.Hour}
		s := newStack(t, usernet.Config{Clock: clock})
		c, err := s.ListenPacket("udp", ":53")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		start := time.Now()
		c.SetReadDeadline(clock.Now().Add(time.Second))
		if _, _, err := c.ReadFrom(nil); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
		if d := time.Since(start); d != time.Second {
			t.Errorf("the deadline of 1s has passed after %v", d)
		}
	})
}

// Dial goes on with the next address of a name, and the resolver with the next server,
// when the Waker says so.
func TestBubbleWaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := new(lateClock)
		near, far := pipe.New(pipe.Config{})
		b := newStack(t, usernet.Config{})
		attach(t, b, far, 2)
		l, err := b.Listen("tcp", ":80")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		_, server := startNameServer(t, b, func(q query) []byte { return q.addresses("10.0.0.2") })
		a := newStack(t, usernet.Config{Clock: clock, Resolver: &usernet.Resolver{
			Servers: []netip.AddrPort{netip.MustParseAddrPort("10.0.0.99:53"), server},
			Timeout: 500 * time.Millisecond,
			HostsFunc: func(name string) []netip.Addr {
				if name == "two.example" {
					return []netip.Addr{addr("10.0.0.99"), addr("fd00::2")} // IPv4 is preferred to unique local addresses
				}
				return nil
			},
		}})
		attach(t, a, near, 1)
		time.Sleep(10 * time.Second)
		for _, name := range []string{"two.example:80", "dns.example:80"} {
			clock.hold(true)
			result := make(chan error, 1)
			go func() {
				c, err := a.Dial("tcp", name)
				if err == nil {
					c.Close()
				}
				result <- err
			}()
			time.Sleep(time.Second)
			if len(result) != 0 {
				t.Fatalf("%s: woken by somebody else: %v", name, <-result)
			}
			clock.hold(false)
			time.Sleep(time.Second)
			if len(result) == 0 {
				t.Fatalf("%s: not woken", name)
			}
			if err := <-result; err != nil {
				t.Error(err)
			}
		}
	})
}
