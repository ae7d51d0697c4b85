package sim_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/sim"
)

// routesOf returns the routes that a host was given, apart from those to its own
// networks.
func routesOf(h *usernet.Stack) (list []string) {
	for _, r := range h.Routes() {
		if r.Gateway.IsValid() {
			list = append(list, fmt.Sprintf("%v via %v dev %s", r.Prefix, r.Gateway, r.Interface))
		}
	}
	slices.Sort(list)
	return list
}

func want[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func wantLines(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\ngot  %s\nwant %s", what, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

// Numbering is the same in each run, and says to a reader what a network is.
func TestAddresses(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, w *sim.World) {
		a, b, c, d := w.Host("a"), w.Host("b"), w.Host("c"), w.Host("d")
		lan, other := w.Switch("lan"), w.Switch("other")
		w.Connect(a, b, sim.Path{})
		w.Connect(b, c, sim.Path{})
		w.Connect(lan, other, sim.Path{})
		w.Connect(c, lan, sim.Path{})
		w.Connect(other, d, sim.Path{})
		for _, x := range []struct {
			host *sim.Host
			want string
		}{
			{a, "[10.0.0.1 fd00::1]"},
			{b, "[10.0.0.2 fd00::2 10.0.1.1 fd00:0:0:1::1]"},
			{c, "[10.0.1.2 fd00:0:0:1::2 10.128.0.1 fd00:0:0:8000::1]"},
			{d, "[10.128.0.2 fd00:0:0:8000::2]"},
		} {
			want(t, x.host.Name(), fmt.Sprint(x.host.Addrs()), x.want)
		}
		list, err := d.Resolver().LookupHost(context.Background(), "C")
		if err != nil {
			t.Fatal(err)
		}
		// What cannot be reached comes last (RFC 6724, 6, rule 1).
		want(t, "addresses of c seen from d", strings.Join(list, " "), "10.128.0.1 fd00:0:0:8000::1 10.0.1.2 fd00:0:0:1::2")
		if _, err := d.Resolver().LookupHost(context.Background(), "lan"); err == nil {
			t.Error("a switch has addresses")
		}
	})
}

// ping asks for one echo.
func ping(from *sim.Host, to netip.Addr) error {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	p, err := from.NewPinger(to)
	if err != nil {
		return err
	}
	defer p.Close()
	_, err = p.Ping(ctx, 8)
	return err
}

// All hosts reach all others, over switches and chains of routers, in both families,
// by the shortest way.
func TestRoutes(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, w *sim.World) {
		r1, r2, r3 := w.Router("r1"), w.Router("r2"), w.Router("r3")
		a, b, c, d := w.Host("a"), w.Host("b"), w.Host("c"), w.Host("d")
		lan := w.Switch("lan")
		w.Connect(a, r1, sim.Path{})   // 10.0.0.0/24
		w.Connect(r1, r2, sim.Path{})  // 10.0.1.0/24
		w.Connect(r2, r3, sim.Path{})  // 10.0.2.0/24
		w.Connect(r3, lan, sim.Path{}) // 10.128.0.0/16
		w.Connect(b, lan, sim.Path{})  //
		w.Connect(c, lan, sim.Path{})  //
		w.Connect(c, r1, sim.Path{})   // 10.0.3.0/24: c has two routers
		w.Connect(r2, d, sim.Path{})   // 10.0.4.0/24
		hosts := []*sim.Host{a, b, c, d, r1.Host, r2.Host, r3.Host}
		for _, from := range hosts {
			for _, to := range hosts {
				for _, addr := range to.Addrs() {
					if err := ping(from, addr); err != nil {
						t.Errorf("%v does not reach %v at %v: %v", from, to, addr, err)
					}
				}
			}
		}
		wantLines(t, "routes of a", routesOf(a.Stack), "0.0.0.0/0 via 10.0.0.2 dev eth0", "::/0 via fd00::2 dev eth0")
		wantLines(t, "routes of c", routesOf(c.Stack),
			"10.0.0.0/24 via 10.0.3.2 dev eth1", "10.0.1.0/24 via 10.0.3.2 dev eth1", "10.0.2.0/24 via 10.128.0.1 dev eth0", "10.0.4.0/24 via 10.128.0.1 dev eth0",
			"fd00:0:0:1::/64 via fd00:0:0:3::2 dev eth1", "fd00:0:0:2::/64 via fd00:0:0:8000::1 dev eth0", "fd00:0:0:4::/64 via fd00:0:0:8000::1 dev eth0", "fd00::/64 via fd00:0:0:3::2 dev eth1")
	})
}

// A host that is on two networks is no router: who wants one takes a Router.
func TestHostsDoNotForward(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, w *sim.World) {
		a, b, c := w.Host("a"), w.Host("b"), w.Host("c")
		w.Connect(a, b, sim.Path{})
		w.Connect(b, c, sim.Path{})
		if _, err := a.Dial("tcp", "c:80"); !errors.Is(err, syscall.ENETUNREACH) {
			t.Errorf("a dial by way of a host: %v; want ENETUNREACH", err)
		}
	})
}

// A switch sends a frame only to where its destination is, once it has heard of it.
func TestSwitchLearns(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, w *sim.World) {
		lan := w.Switch("lan")
		a, b, c := w.Host("a"), w.Host("b"), w.Host("c")
		w.Connect(a, lan, sim.Path{})
		w.Connect(b, lan, sim.Path{})
		bystander := w.Connect(c, lan, sim.Path{})
		data := pattern(1, 100_000)
		serveBytes(t, b, data)
		time.Sleep(time.Minute) // the noise of new addresses is over
		_, before := bystander.Stats()
		got, _ := fetch(t, a, "b:80")
		wantSame(t, got, data)
		_, after := bystander.Stats()
		// What it sees are questions for addresses.
		if n := after.Sent - before.Sent; n > 4 {
			t.Errorf("a bystander was sent %d packets of a transfer between others", n)
		}
	})
}

// What embeds a node is one.
func TestEmbeddedNodes(t *testing.T) {
	type service struct {
		*sim.Host
		greeting []byte
	}
	type office struct{ *sim.Switch }
	inBubble(t, 1, func(t *testing.T, w *sim.World) {
		s := service{w.Host("server"), []byte("hello")}
		lan := &office{w.Switch("lan")}
		client := w.Host("client")
		w.Connect(s, lan, sim.Path{})
		w.Connect(lan, client, sim.Path{})
		serveBytes(t, s.Host, s.greeting)
		got, _ := fetch(t, client, "server:80")
		wantSame(t, got, s.greeting)
	})
}

// Who moves is found where it speaks next.
func TestStationMoves(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, w *sim.World) {
		lan := w.Switch("lan")
		a, b := w.Host("a"), w.Host("b")
		w.Connect(a, lan, sim.Path{})
		first := w.Connect(b, lan, sim.Path{})
		serveBytes(t, b, []byte("hello"))
		got, _ := fetch(t, a, "b:80")
		wantSame(t, got, []byte("hello"))
		first.Cut()
		w.Connect(b, lan, sim.Path{})
		got, _ = fetch(t, a, netip.AddrPortFrom(b.Addrs()[2], 80).String())
		wantSame(t, got, []byte("hello"))
	})
}

// A clock that shows ticks lets timers run out at ticks: a delayed acknowledgment, say.
func TestTick(t *testing.T) {
	const tick = 15600 * time.Microsecond
	inBubble(t, 1, func(t *testing.T, w *sim.World) {
		client, server := w.Host("client"), w.HostWith("server", sim.HostConfig{Tick: tick})
		w.Connect(client, server, sim.Path{})
		ln, err := server.Listen("tcp", ":80")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.Dial("tcp", "server:80"); err != nil {
			t.Fatal(err)
		}
		c, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		for range 10 {
			c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
			if _, err := c.Read(make([]byte, 1)); err == nil {
				t.Fatal("read what nobody sent")
			}
			if off := time.Since(start) % tick; off > time.Microsecond && off < tick-time.Microsecond {
				t.Errorf("a deadline passed %v behind a tick", off)
			}
		}
	})
}
