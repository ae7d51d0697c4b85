package host

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/pipe"
	"github.com/usernet-go/usernet/wire"
)

// A sharingLink is a link that shares ports with a kernel, which the test is.
type sharingLink struct {
	link.Link
	slow time.Duration // how long each call takes

	mu       sync.Mutex
	kernels  map[sharedPort]error // what ReservePort says of ports
	reserved map[sharedPort]bool
	calls    []string
	bugs     []string
}

func (l *sharingLink) ReservePort(p wire.Protocol, port uint16) error {
	time.Sleep(l.slow)
	l.mu.Lock()
	defer l.mu.Unlock()
	k := sharedPort{p, port}
	l.calls = append(l.calls, fmt.Sprint("reserve ", k))
	if err := l.kernels[k]; err != nil {
		return err
	}
	if l.reserved[k] {
		l.bugs = append(l.bugs, fmt.Sprint(k, " is reserved twice"))
	}
	if l.reserved == nil {
		l.reserved = make(map[sharedPort]bool)
	}
	l.reserved[k] = true
	return nil
}

func (l *sharingLink) ReleasePort(p wire.Protocol, port uint16) {
	time.Sleep(l.slow)
	l.mu.Lock()
	defer l.mu.Unlock()
	k := sharedPort{p, port}
	l.calls = append(l.calls, fmt.Sprint("release ", k))
	if !l.reserved[k] {
		l.bugs = append(l.bugs, fmt.Sprint(k, " is released that is not reserved"))
	}
	delete(l.reserved, k)
}

// expect checks which ports are reserved, once all is quiet.
func (l *sharingLink) expect(t *testing.T, when string, want ...sharedPort) {
	t.Helper()
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, bug := range l.bugs {
		t.Error(bug)
	}
	ok := len(want) == len(l.reserved)
	for _, k := range want {
		ok = ok && l.reserved[k]
	}
	if !ok {
		t.Fatalf("%s: reserved are %v, want %v; calls %q", when, l.reserved, want, l.calls)
	}
}

func sharedTCP(port uint16) sharedPort { return sharedPort{wire.ProtocolTCP, port} }
func sharedUDP(port uint16) sharedPort { return sharedPort{wire.ProtocolUDP, port} }

// newSharingPair makes two hosts; the link of the first shares ports. Its far end
// is wrapped, to be told apart by nobody.
func newSharingPair(t *testing.T) (a, b *Host, l *sharingLink) {
	t.Helper()
	la, lb := pipe.New(pipe.Config{Medium: link.IP})
	l = &sharingLink{Link: la}
	a = newHostOn(t, link.Trace(l, func(link.Event) {}), 1, hostNets)
	b = newHostOn(t, lb, 2, []netip.Prefix{netip.PrefixFrom(peer4, 24), netip.PrefixFrom(peer6, 64)})
	return a, b, l
}

// A port is reserved before its first use and released after its last, whatever
// the uses are.
func TestSharedPortUses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, l := newSharingPair(t)
		l.expect(t, "at first")

		u, err := a.ListenUDP(netip.MustParseAddrPort("[::]:53"), FamilyAny)
		if err != nil {
			t.Fatal(err)
		}
		second, err := a.ListenUDP(netip.MustParseAddrPort("127.0.0.1:54"), FamilyAny)
		if err != nil {
			t.Fatal(err)
		}
		third, err := a.ListenUDP(netip.MustParseAddrPort("10.0.0.1:54"), FamilyAny)
		if err != nil {
			t.Fatal(err)
		}
		l.expect(t, "two UDP ports, one of them twice", sharedUDP(53), sharedUDP(54))
		u.Close()
		second.Close()
		l.expect(t, "one use left", sharedUDP(54))
		third.Close()
		l.expect(t, "all closed")

		// Accepted connections outlive their listener, and TIME-WAIT them.
		ln := listenTCP(t, a, "10.0.0.1:80")
		l.expect(t, "a listener", sharedTCP(80))
		c := dialTCP(t, b, "10.0.0.1:80")
		accepted, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		ln.Close()
		l.expect(t, "a connection without its listener", sharedTCP(80))
		accepted.Close()
		c.Close()
		synctest.Wait()
		if n := a.timeWait.len(); n != 1 {
			t.Fatalf("%d records in TIME-WAIT, want 1", n)
		}
		l.expect(t, "TIME-WAIT", sharedTCP(80))
		time.Sleep(5 * time.Minute)
		l.expect(t, "after TIME-WAIT")

		// Dialled connections.
		listenTCP(t, b, "10.0.0.2:7")
		d := dialTCP(t, a, "10.0.0.2:7")
		port := sharedTCP(d.LocalAddr().Port())
		l.expect(t, "a dialled connection", port)
		d.SetLinger(0)
		d.Close()
		l.expect(t, "after its reset")
		du, err := a.DialUDP(netip.AddrPort{}, netip.MustParseAddrPort("10.0.0.2:9"))
		if err != nil {
			t.Fatal(err)
		}
		l.expect(t, "a dialled UDP socket", sharedUDP(du.LocalAddr().Port()))
		du.Close()
		l.expect(t, "after its Close")
	})
}

// Close returns when the port is the kernel's again.
func TestSharedPortCloseWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _, l := newSharingPair(t)
		l.slow = time.Millisecond
		listenTCP(t, a, "10.0.0.1:80").Close()
		u, err := a.ListenUDP(netip.MustParseAddrPort("[::]:53"), FamilyAny)
		if err != nil {
			t.Fatal(err)
		}
		u.Close()
		want := []string{"reserve TCP port 80", "release TCP port 80", "reserve UDP port 53", "release UDP port 53"}
		if l.mu.Lock(); !slices.Equal(l.calls, want) {
			t.Errorf("calls %q, want %q", l.calls, want)
		}
		l.mu.Unlock()
	})
}

// What the kernel holds is in use; where the stack chooses, it takes the next.
func TestSharedPortTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, l := newSharingPair(t)
		limit := errors.New("too many open files")
		taken := fmt.Errorf("kernel: %w", syscall.EADDRINUSE)
		l.kernels = map[sharedPort]error{
			sharedTCP(80): taken, sharedUDP(53): taken, sharedTCP(40000): taken, sharedUDP(40000): taken, sharedTCP(81): limit, sharedTCP(41000): limit,
		}
		remote := listenTCP(t, b, "10.0.0.2:7").Addr()
		if _, err := a.ListenTCP(netip.MustParseAddrPort("[::]:80"), FamilyAny, 1, TCPOptions{}); err != ErrAddrInUse {
			t.Errorf("listen: %v, want %v", err, ErrAddrInUse)
		}
		if _, err := a.ListenUDP(netip.MustParseAddrPort("[::]:53"), FamilyAny); err != ErrAddrInUse {
			t.Errorf("listen for UDP: %v, want %v", err, ErrAddrInUse)
		}
		if _, err := a.DialTCP(netip.AddrPortFrom(host4, 80), remote, TCPOptions{}); err != ErrAddrInUse {
			t.Errorf("dial from a taken port: %v, want %v", err, ErrAddrInUse)
		}
		if _, err := a.ListenTCP(netip.MustParseAddrPort("[::]:81"), FamilyAny, 1, TCPOptions{}); !errors.Is(err, limit) {
			t.Errorf("listen: %v, want %v", err, limit)
		}
		nextEphemeral(a, 40000, host4, remote)
		c := dialTCP(t, a, remote.String())
		if port := c.LocalAddr().Port(); port != 40001 {
			t.Errorf("dialled from %d, want 40001", port)
		}
		a.ports.next.Store(40000 - firstEphemeral - a.ports.offset(wire.ProtocolUDP, host4, remote))
		u, err := a.DialUDP(netip.AddrPort{}, remote)
		if err != nil || u.LocalAddr().Port() != 40001 {
			t.Errorf("UDP from %v, %v; want port 40001", u.LocalAddr(), err)
		}
		nextEphemeral(a, 41000, host4, remote)
		if _, err := a.DialTCP(netip.AddrPort{}, remote, TCPOptions{}); !errors.Is(err, limit) {
			t.Errorf("dial: %v, want %v", err, limit)
		}
		l.expect(t, "failures", sharedTCP(40001), sharedUDP(40001))
		if n := a.tcpConns.Load(); n != 1 {
			t.Errorf("%d connections, want 1", n)
		}
		l.mu.Lock()
		l.kernels = nil
		l.mu.Unlock()
		listenTCP(t, a, "[::]:80")
		l.expect(t, "once it is free", sharedTCP(40001), sharedUDP(40001), sharedTCP(80))
	})
}

// A link that comes later gets the ports that are in use, of all kinds; when it
// goes it is told nothing more.
func TestSharedPortsAttachedLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newPair(t, pipe.Config{})
		ln := listenTCP(t, a, "10.0.0.1:80")
		c := dialTCP(t, b, "10.0.0.1:80")
		accepted, _ := ln.Accept()
		ln.Close()
		ln = listenTCP(t, a, "10.0.0.1:81")
		waits, peer := tcpPair(t, a, b, "10.0.0.2:9")
		waits.Close()
		peer.Close()
		udp, err := a.ListenUDP(netip.MustParseAddrPort("[::]:53"), FamilyAny)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		wait := sharedTCP(waits.LocalAddr().Port())

		attach := func(name string, kernels map[sharedPort]error) (*sharingLink, error) {
			near, far := pipe.New(pipe.Config{Medium: link.IP})
			t.Cleanup(func() { far.Close() })
			l := &sharingLink{Link: near, kernels: kernels}
			return l, a.Attach(l, InterfaceConfig{Name: name})
		}
		refused, err := attach("x", map[sharedPort]error{sharedUDP(53): syscall.EADDRINUSE})
		if !errors.Is(err, ErrAddrInUse) || err.Error() != "UDP port 53, which is in use here: address already in use" {
			t.Errorf("attached beside a kernel that has a port in use: %v", err)
		}
		refused.expect(t, "refused")
		refused.Close()

		first, err := attach("x", nil)
		if err != nil {
			t.Fatal(err)
		}
		all := []sharedPort{sharedTCP(80), sharedTCP(81), wait, sharedUDP(53)}
		first.expect(t, "attached", all...)
		double, err := attach("x", nil)
		if !errors.Is(err, ErrBadInterface) {
			t.Errorf("second interface of one name: %v", err)
		}
		double.expect(t, "not attached")
		double.Close()
		second, err := attach("y", nil)
		if err != nil {
			t.Fatal(err)
		}
		second.expect(t, "attached second", all...)

		udp.Close()
		more := listenTCP(t, a, "10.0.0.1:82")
		if err := a.Detach("x"); err != nil {
			t.Fatal(err)
		}
		first.expect(t, "detached")
		second.expect(t, "the other goes", sharedTCP(80), sharedTCP(81), wait, sharedTCP(82))
		more.Close()
		ln.Close()
		accepted.Close()
		c.Close()
		time.Sleep(5 * time.Minute)
		second.expect(t, "all closed")
		first.expect(t, "still detached")
	})
}

// A link that is attached already is refused, and keeps its ports.
func TestSharedLinkTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _, l := newSharingPair(t)
		listenTCP(t, a, "[::]:80")
		err := a.Attach(l, InterfaceConfig{Name: "again", Addrs: []netip.Prefix{netip.MustParsePrefix("10.0.9.1/24")}})
		if !errors.Is(err, ErrBadInterface) {
			t.Errorf("the second Attach: %v, want %v", err, ErrBadInterface)
		}
		l.expect(t, "after the second Attach", sharedTCP(80))
	})
}
