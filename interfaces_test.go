package usernet_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/pipe"
)

// TestAddressesAtRunTime gives a client a second address and takes the first away,
// while it talks to a server.
func TestAddressesAtRunTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := newPair(t, usernet.Config{}, pipe.Config{})
		old, oldPeer := connect(t, client, server)

		more := netip.MustParsePrefix("10.0.0.77/24")
		if err := client.AddAddr("eth0", more); err != nil {
			t.Fatal(err)
		}
		l, err := server.Listen("tcp", ":7")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		d := usernet.Dialer{Stack: client, LocalAddr: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 77)}}
		c, err := d.Dial("tcp", "10.0.0.2:7")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		peer, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer peer.Close()
		thereAndBack(t, c, peer)

		// What has arrived before the address goes is still read.
		if _, err := oldPeer.Write([]byte("last words")); err != nil {
			t.Fatal(err)
		}
		waiting, began := make(chan error, 1), time.Now()
		if err := client.RemoveAddr("eth0", netip.MustParseAddr("10.0.0.1")); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 100)
		if n, err := old.Read(b); string(b[:n]) != "last words" {
			t.Errorf("read %q, %v; want the last words", b[:n], err)
		}
		if _, err := old.Read(b); !errors.Is(err, syscall.EADDRNOTAVAIL) {
			t.Errorf("read of a connection whose address is gone: %v, want EADDRNOTAVAIL", err)
		}
		thereAndBack(t, c, peer)

		// One who waits is woken.
		go func() {
			_, err := c.Read(b)
			waiting <- err
		}()
		synctest.Wait()
		if err := client.RemoveAddr("eth0", more.Addr()); err != nil {
			t.Fatal(err)
		}
		if err := <-waiting; !errors.Is(err, syscall.EADDRNOTAVAIL) {
			t.Errorf("a read that waits: %v, want EADDRNOTAVAIL", err)
		}
		if d := time.Since(began); d != 0 {
			t.Errorf("it took %v until the connections had ended; want none", d)
		}
		if _, err := client.Dial("tcp", "10.0.0.2:7"); !errors.Is(err, syscall.ENETUNREACH) {
			t.Errorf("dial without an address: %v, want ENETUNREACH", err)
		}
	})
}

// thereAndBack passes a few bytes each way.
func thereAndBack(t *testing.T, a, b net.Conn) {
	t.Helper()
	for _, way := range [][2]net.Conn{{a, b}, {b, a}} {
		const words = "there and back"
		if _, err := way[0].Write([]byte(words)); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(words))
		if _, err := io.ReadFull(way[1], got); err != nil || string(got) != words {
			t.Fatalf("read %q, %v", got, err)
		}
	}
}

// TestListenerWithoutAddress has a listener lose its address and get it back.
func TestListenerWithoutAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := newPair(t, usernet.Config{}, pipe.Config{})
		l, err := server.Listen("tcp", "10.0.0.2:7")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if err := server.RemoveAddr("eth0", netip.MustParseAddr("10.0.0.2")); err != nil {
			t.Fatal(err)
		}
		d := usernet.Dialer{Stack: client, Timeout: 10 * time.Second}
		if c, err := d.Dial("tcp", "10.0.0.2:7"); !errors.Is(err, syscall.EHOSTUNREACH) {
			t.Errorf("dial to an address that is gone: %v, %v; want EHOSTUNREACH", c, err)
		}
		if err := server.AddAddr("eth0", netip.MustParsePrefix("10.0.0.2/24")); err != nil {
			t.Fatal(err)
		}
		c, err := d.Dial("tcp", "10.0.0.2:7")
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	})
}

// TestRoutesAtRunTime moves a connection from one link to another by routes alone.
func TestRoutesAtRunTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := newStack(t, usernet.Config{}), newStack(t, usernet.Config{})
		for i := range 2 {
			near, far := pipe.New(pipe.Config{})
			for j, end := range []struct {
				s *usernet.Stack
				l link.Link
			}{{client, near}, {server, far}} {
				err := end.s.Attach(end.l, usernet.Interface{Name: fmt.Sprintf("eth%d", i), Addrs: []netip.Prefix{
					netip.MustParsePrefix(fmt.Sprintf("10.0.%d.%d/24", i, j+1)),
				}})
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		// An address of the server's that is on neither network.
		if err := server.AddAddr("eth0", netip.MustParsePrefix("192.0.2.1/32")); err != nil {
			t.Fatal(err)
		}
		l, err := server.Listen("tcp", "192.0.2.1:7")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if _, err := client.Dial("tcp", "192.0.2.1:7"); !errors.Is(err, syscall.ENETUNREACH) {
			t.Fatalf("dial without a route: %v, want ENETUNREACH", err)
		}
		routes := []usernet.Route{
			{Prefix: netip.MustParsePrefix("192.0.2.0/24"), Gateway: netip.MustParseAddr("10.0.0.2"), Interface: "eth0"},
			{Prefix: netip.MustParsePrefix("192.0.2.0/24"), Gateway: netip.MustParseAddr("10.0.1.2"), Interface: "eth1"},
		}
		for _, r := range routes {
			if err := client.AddRoute(r); err != nil {
				t.Fatal(err)
			}
		}
		c, err := client.Dial("tcp", "192.0.2.1:7")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		peer, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer peer.Close()
		thereAndBack(t, c, peer)
		if err := client.RemoveRoute(routes[0]); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(client.Routes()); strings.Contains(got, routes[0].String()) || !strings.Contains(got, routes[1].String()) {
			t.Errorf("routes %s; want %v and not %v", got, routes[1], routes[0])
		}
		before := client.Stats().PacketsOut
		thereAndBack(t, c, peer) // by eth1, with the old address
		if client.Stats().PacketsOut == before {
			t.Error("nothing was sent")
		}
		// Without any route the connection waits for one.
		if err := client.RemoveRoute(routes[1]); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		if err := client.AddRoute(routes[0]); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(peer, make([]byte, 1)); err != nil {
			t.Errorf("after the route has come back: %v", err)
		}
	})
}

// TestDetach takes a link away from a stack that transfers on it, and attaches
// another under the same name.
func TestDetach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := newPair(t, usernet.Config{}, pipe.Config{GSO: true})
		var wg sync.WaitGroup
		for range 4 {
			c, peer := connect(t, client, server)
			wg.Go(func() {
				_, err := io.Copy(io.Discard, peer)
				peer.Close()
				_ = err // how the peer's ends is its own affair
			})
			wg.Go(func() {
				b := make([]byte, 100<<10)
				for {
					if _, err := c.Write(b); err != nil {
						if !errors.Is(err, syscall.EADDRNOTAVAIL) {
							t.Errorf("write: %v, want EADDRNOTAVAIL", err)
						}
						c.Close()
						return
					}
					time.Sleep(time.Millisecond)
				}
			})
		}
		time.Sleep(100 * time.Millisecond)
		if err := client.Detach("eth0"); err != nil {
			t.Fatal(err)
		}
		if got := client.Interfaces(); len(got) != 0 {
			t.Errorf("interfaces after Detach: %v", got)
		}
		if got := client.Routes(); len(got) != 0 {
			t.Errorf("routes after Detach: %v", got)
		}
		if err := server.Detach("eth0"); err != nil {
			t.Fatal(err)
		}
		wg.Wait()

		near, far := pipe.New(pipe.Config{})
		attach(t, client, near, 1)
		attach(t, server, far, 2)
		c, peer := connect(t, client, server)
		thereAndBack(t, c, peer)
	})
}

// TestConfigErrors asks for what cannot be.
func TestConfigErrors(t *testing.T) {
	s, _ := newPair(t, usernet.Config{}, pipe.Config{MTU: 1500})
	prefix, addr := netip.MustParsePrefix, netip.MustParseAddr
	for _, c := range []struct {
		err   error
		errno syscall.Errno
		text  string
	}{
		{s.AddAddr("eth1", prefix("10.1.0.1/24")), syscall.ENODEV, `usernet: add address 10.1.0.1/24 to eth1: no such interface: "eth1"`},
		{s.AddAddr("lo", prefix("10.1.0.1/24")), syscall.ENODEV, `no such interface: "lo"`},
		{s.AddAddr("eth0", prefix("10.0.0.1/24")), syscall.EEXIST, `10.0.0.1 is an address of interface "eth0" already`},
		{s.AddAddr("eth0", prefix("10.0.0.1/8")), syscall.EEXIST, `already`},
		{s.AddAddr("eth0", prefix("10.1.0.255/24")), syscall.EINVAL, `broadcast address`},
		{s.AddAddr("eth0", netip.Prefix{}), syscall.EINVAL, `as in 10.0.0.1/24`},
		{s.RemoveAddr("eth0", addr("10.0.0.9")), syscall.EADDRNOTAVAIL, `usernet: remove address 10.0.0.9 from eth0: `},
		{s.AddRoute(usernet.Route{Prefix: prefix("10.9.0.0/16"), Gateway: addr("10.8.0.1"), Interface: "eth0"}), syscall.EINVAL,
			`usernet: add route 10.9.0.0/16 via 10.8.0.1 dev eth0: invalid route: the gateway 10.8.0.1 lies in no network`},
		{s.AddRoute(usernet.Route{Prefix: prefix("10.9.0.1/16"), Interface: "eth0"}), syscall.EINVAL, `as in 10.0.0.0/8`},
		{s.AddRoute(usernet.Route{Prefix: prefix("10.9.0.0/16"), Gateway: addr("fd00::2"), Interface: "eth0"}), syscall.EINVAL, `cannot be the gateway`},
		{s.AddRoute(usernet.Route{Prefix: prefix("10.9.0.0/16"), Gateway: addr("10.0.0.1"), Interface: "eth0"}), syscall.EINVAL, `cannot be the gateway`},
		{s.RemoveRoute(usernet.Route{Prefix: prefix("10.9.0.0/16"), Interface: "eth0"}), syscall.ESRCH, `no such route`},
		{s.Detach("eth9"), syscall.ENODEV, `usernet: detach eth9: no such interface`},
	} {
		if !errors.Is(c.err, c.errno) || !strings.Contains(c.err.Error(), c.text) {
			t.Errorf("%v; want %v in its chain, and %q in its text", c.err, c.errno, c.text)
		}
	}
	r := usernet.Route{Prefix: prefix("10.9.0.0/16"), Gateway: addr("10.0.0.2"), Interface: "eth0"}
	if err := s.AddRoute(r); err != nil {
		t.Fatal(err)
	}
	if err := s.AddRoute(r); !errors.Is(err, syscall.EEXIST) {
		t.Errorf("the same route again: %v, want EEXIST", err)
	}
	s.Close()
	if err := s.AddRoute(r); !errors.Is(err, net.ErrClosed) {
		t.Errorf("on a closed stack: %v, want net.ErrClosed", err)
	}
}
