package host

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet/link/pipe"
	"github.com/usernet-go/usernet/tcp"
)

// A holdingClock is the system's clock, and a Waker that keeps what it is given while
// held is set.
type holdingClock struct {
	systemClock
	mu    sync.Mutex
	held  bool
	wakes []func()
}

func (c *holdingClock) Wake(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held {
		c.wakes = append(c.wakes, f)
	} else {
		f()
	}
}

func (c *holdingClock) hold() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held = true
}

// release calls what was kept.
func (c *holdingClock) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.wakes {
		f()
	}
	c.held, c.wakes = false, nil
}

// A wakeRig is a host whose clock is a holdingClock, and its peer.
type wakeRig struct {
	*testing.T
	clock *holdingClock
	h     *Host
	peer  *Host
	// A connection, both of whose ends have small buffers.
	near, far *TCPConn
}

func newWakeRig(t *testing.T) *wakeRig {
	la, lb := pipe.New(pipe.Config{})
	w := &wakeRig{T: t, clock: new(holdingClock)}
	// A window that is told to the byte: one that is scaled may close with a few bytes
	// left in it, which probes then fill.
	peer, err := New(Config{Rand: rand.NewChaCha8([32]byte{2}), TCP: tcp.Config{ReceiveBuffer: 65535}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { peer.Close() })
	w.peer = peer
	w.must(peer.Attach(lb, InterfaceConfig{Name: "eth0", Addrs: []netip.Prefix{netip.PrefixFrom(peer4, 24)}}))
	h, err := New(Config{Rand: rand.NewChaCha8([32]byte{1}), Clock: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	w.h = h
	if err := h.Attach(la, InterfaceConfig{Name: "eth0", Addrs: []netip.Prefix{netip.PrefixFrom(host4, 24)}}); err != nil {
		t.Fatal(err)
	}
	w.near, w.far = tcpPair(t, h, w.peer, "10.0.0.2:7")
	for _, c := range []*TCPConn{w.near, w.far} {
		w.must(errors.Join(c.SetReadBuffer(1), c.SetWriteBuffer(1)))
	}
	return w
}

func (w *wakeRig) must(err error) {
	w.Helper()
	if err != nil {
		w.Error(err)
	}
}

// fill writes to the near end until there is no room.
func (w *wakeRig) fill() {
	w.near.SetWriteDeadline(time.Now().Add(time.Second))
	for {
		if _, err := w.near.Write(make([]byte, 1<<10)); err != nil {
			break
		}
	}
	w.near.SetWriteDeadline(time.Time{})
}

// Whoever waits for the host is woken by the Waker, for each event that wakes him, and
// by nothing else; what he finds then is what has become of what he waits for.
func TestWaker(t *testing.T) {
	for _, test := range []struct {
		name    string
		prepare func(*wakeRig)
		wait    func(*wakeRig) error
		event   func(*wakeRig)
		want    error
	}{
		{"read", nil,
			func(w *wakeRig) error { return second(w.near.Read(make([]byte, 9))) },
			func(w *wakeRig) { w.must(second(w.far.Write([]byte("hello")))) }, nil},
		{"read deadline", nil,
			func(w *wakeRig) error {
				w.near.SetReadDeadline(time.Now().Add(time.Second))
				return second(w.near.Read(make([]byte, 9)))
			},
			func(w *wakeRig) { time.Sleep(2 * time.Second) }, ErrDeadline},
		{"read, then Close", nil,
			func(w *wakeRig) error { return second(w.near.Read(make([]byte, 9))) },
			func(w *wakeRig) { w.must(w.near.Close()) }, ErrClosed},
		{"read, then the host's Close", nil,
			func(w *wakeRig) error { return second(w.near.Read(make([]byte, 9))) },
			func(w *wakeRig) { w.must(w.h.Close()) }, ErrClosed},
		{"write", (*wakeRig).fill,
			func(w *wakeRig) error { return second(w.near.Write([]byte("hello"))) },
			func(w *wakeRig) {
				w.far.SetReadDeadline(time.Now().Add(5 * time.Second))
				for {
					if _, err := w.far.Read(make([]byte, 1<<16)); err != nil {
						break // and there is room again
					}
				}
			}, nil},
		{"write deadline", (*wakeRig).fill,
			func(w *wakeRig) error {
				w.near.SetWriteDeadline(time.Now().Add(time.Second))
				return second(w.near.Write([]byte("hello")))
			},
			func(w *wakeRig) { time.Sleep(2 * time.Second) }, ErrDeadline},
		{"a Close that lingers",
			func(w *wakeRig) { w.must(w.near.SetLinger(time.Second)); w.fill() },
			func(w *wakeRig) error { return w.near.Close() },
			func(w *wakeRig) { time.Sleep(2 * time.Second) }, nil},
		{"accept", nil,
			func(w *wakeRig) error { return second(listenTCP(w.T, w.h, "10.0.0.1:80").Accept()) },
			func(w *wakeRig) { dialTCP(w.T, w.peer, "10.0.0.1:80") }, nil},
		{"accept deadline", nil,
			func(w *wakeRig) error {
				l := listenTCP(w.T, w.h, "10.0.0.1:80")
				l.SetDeadline(time.Now().Add(time.Second))
				return second(l.Accept())
			},
			func(w *wakeRig) { time.Sleep(2 * time.Second) }, ErrDeadline},
		{"dial", nil,
			func(w *wakeRig) error {
				c, err := w.h.DialTCP(netip.AddrPort{}, netip.MustParseAddrPort("10.0.0.9:80"), TCPOptions{})
				w.must(err)
				<-c.Connected()
				return c.ConnectError()
			},
			func(w *wakeRig) { time.Sleep(5 * time.Second) }, ErrHostUnreachable},
		{"UDP read", nil,
			func(w *wakeRig) error {
				c, err := w.h.ListenUDP(netip.MustParseAddrPort("10.0.0.1:53"), FamilyIPv4)
				w.must(err)
				return second(c.Read(make([]byte, 9)))
			},
			func(w *wakeRig) {
				c, err := w.peer.DialUDP(netip.AddrPort{}, netip.MustParseAddrPort("10.0.0.1:53"))
				w.must(err)
				w.must(second(c.Write([]byte("hello"))))
			}, nil},
		{"UDP deadline", nil,
			func(w *wakeRig) error {
				c, err := w.h.ListenUDP(netip.MustParseAddrPort("10.0.0.1:53"), FamilyIPv4)
				w.must(err)
				c.SetDeadline(time.Now().Add(time.Second))
				return second(c.Read(make([]byte, 9)))
			},
			func(w *wakeRig) { time.Sleep(2 * time.Second) }, ErrDeadline},
		{"UDP error", nil,
			func(w *wakeRig) error {
				c, err := w.h.DialUDP(netip.AddrPort{}, netip.MustParseAddrPort("10.0.0.2:53"))
				w.must(err)
				time.AfterFunc(time.Second, func() { w.must(second(c.Write([]byte("hello")))) })
				return second(c.Read(make([]byte, 9)))
			},
			func(w *wakeRig) { time.Sleep(2 * time.Second) }, ErrRefused},
		{"ping", nil,
			func(w *wakeRig) error {
				p, err := w.h.NewPinger(peer4)
				w.must(err)
				defer p.Close()
				return second(p.Ping(context.Background(), 8))
			},
			func(*wakeRig) {}, nil},
		{"ping, then Close", nil,
			func(w *wakeRig) error {
				p, err := w.h.NewPinger(netip.MustParseAddr("10.0.0.9"))
				w.must(err)
				time.AfterFunc(time.Second, func() { p.Close() })
				return second(p.Ping(context.Background(), 8))
			},
			func(w *wakeRig) { time.Sleep(2 * time.Second) }, ErrClosed},
		{"address", nil,
			func(w *wakeRig) error { return second(w.h.WaitAddress(context.Background(), "eth0")) },
			func(w *wakeRig) { w.must(w.h.AddAddress("eth0", netip.PrefixFrom(host6, 64))) }, nil},
		{"address, then the host's Close", nil,
			func(w *wakeRig) error { return second(w.h.WaitAddress(context.Background(), "eth0")) },
			func(w *wakeRig) { w.must(w.h.Close()) }, ErrClosed},
		{"check for duplicates", nil,
			func(w *wakeRig) error {
				l, _ := pipe.New(pipe.Config{})
				return w.h.Attach(l, InterfaceConfig{Name: "eth1", DetectDuplicates: true,
					Addrs: []netip.Prefix{netip.MustParsePrefix("10.0.1.1/24")}})
			},
			func(w *wakeRig) { time.Sleep(20 * time.Second) }, nil},
		{"check for duplicates, then Detach", nil,
			func(w *wakeRig) error {
				l, _ := pipe.New(pipe.Config{})
				return w.h.Attach(l, InterfaceConfig{Name: "eth1", DetectDuplicates: true,
					Addrs: []netip.Prefix{netip.MustParsePrefix("10.0.1.1/24")}})
			},
			func(w *wakeRig) { w.must(w.h.Detach("eth1")) }, ErrClosed},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWakeRig(t)
				defer w.clock.release()
				if test.prepare != nil {
					test.prepare(w)
				}
				synctest.Wait()
				w.clock.hold()
				result := make(chan error, 1)
				go func() { result <- test.wait(w) }()
				synctest.Wait()
				test.event(w)
				synctest.Wait()
				select {
				case err := <-result:
					t.Fatalf("woken by somebody else: %v", err)
				default:
				}
				w.clock.release()
				synctest.Wait()
				select {
				case err := <-result:
					if !errors.Is(err, test.want) {
						t.Errorf("got %v, want %v", err, test.want)
					}
				default:
					t.Error("not woken")
				}
			})
		})
	}
}
