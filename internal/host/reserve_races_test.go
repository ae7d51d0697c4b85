package host

import (
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/pipe"
	"github.com/usernet-go/usernet/wire"
)

// Many use and give up the same few ports at once, while links come and go.
func TestSharedPortsRaces(t *testing.T) {
	a, b := newPair(t, pipe.Config{Medium: link.IP})
	remote := listenTCP(t, b, "10.0.0.2:7").Addr()
	stop := make(chan struct{})
	var users sync.WaitGroup
	use := func(f func(port uint16)) {
		users.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
					f(uint16(50000 + i%3))
				}
			}
		})
	}
	for range 2 {
		use(func(port uint16) {
			if ln, err := a.ListenTCP(netip.AddrPortFrom(host4, port), FamilyAny, 1, TCPOptions{}); err == nil {
				ln.Close()
			}
		})
		use(func(port uint16) {
			if c, err := a.DialTCP(netip.AddrPortFrom(host4, port), remote, TCPOptions{}); err == nil {
				c.SetLinger(0)
				c.Close()
			}
		})
		use(func(port uint16) {
			if u, err := a.DialUDP(netip.AddrPort{}, remote); err == nil {
				u.Close()
			}
		})
	}
	var links []*sharingLink
	for i := range 50 {
		near, far := pipe.New(pipe.Config{Medium: link.IP})
		defer far.Close()
		l := &sharingLink{Link: near}
		links = append(links, l)
		name := fmt.Sprintf("x%d", i%2)
		if i >= 2 {
			if err := a.Detach(name); err != nil {
				t.Fatal(err)
			}
		}
		if err := a.Attach(l, InterfaceConfig{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	users.Wait()
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	for i, l := range links {
		if len(l.bugs) > 0 {
			t.Errorf("link %d: %q", i, l.bugs)
		}
		if i < len(links)-2 && len(l.reserved) > 0 {
			t.Errorf("link %d was detached, and has %v", i, l.reserved)
		}
	}
	a.shared.mu.Lock()
	defer a.shared.mu.Unlock()
	for k, u := range a.shared.ports {
		if u.n != 0 {
			t.Errorf("%v has %d uses after Close", k, u.n)
		}
	}
}

// A link that answers within its own calls finds no lock held.
func TestSharedPortsReentrance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var host atomic.Pointer[Host]
		near, far := pipe.New(pipe.Config{Medium: link.IP})
		defer far.Close()
		l := &reentrantSharer{Link: near}
		inside := make(chan bool, 1) // one call of the link at a time calls the host
		l.call = func() {
			select {
			case inside <- true:
			default:
				return
			}
			defer func() { <-inside }()
			if a := host.Load(); a != nil {
				a.Stats()
				ln, err := a.ListenTCP(netip.MustParseAddrPort("[::]:90"), FamilyAny, 1, TCPOptions{})
				if err != nil {
					t.Error(err)
					return
				}
				ln.Close()
				l.calls.Add(1)
			}
		}
		a := newHostOn(t, l, 1, hostNets)
		host.Store(a)
		listenTCP(t, a, "[::]:80").Close()
		c, err := a.DialTCP(netip.AddrPort{}, netip.MustParseAddrPort("10.0.0.2:7"), TCPOptions{})
		if err != nil {
			t.Fatal(err)
		}
		c.SetLinger(0)
		c.Close()
		synctest.Wait()
		if n := l.calls.Load(); n < 2 {
			t.Errorf("the host was called %d times from within the link, want more", n)
		}
	})
}

type reentrantSharer struct {
	link.Link
	call  func()
	calls atomic.Int32
}

func (l *reentrantSharer) ReservePort(wire.Protocol, uint16) error { l.call(); return nil }
func (l *reentrantSharer) ReleasePort(wire.Protocol, uint16)       { l.call() }
