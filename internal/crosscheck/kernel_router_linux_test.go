package crosscheck

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/pipe"
	"github.com/usernet-go/usernet/link/tun"
)

// A between is usernet as the router between two namespaces, whose kernels are the
// hosts near and far; each is joined to it by a TAP or TUN device.
type between struct {
	near, far *netns
	stacks    []*usernet.Stack // the router, or two with a link between them
}

// newBetween makes the two hosts and the router. With middle there are two routers,
// and the link between them takes packets of that many bytes.
func newBetween(t testing.TB, near, far device, middle int) *between {
	t.Helper()
	b := &between{near: newNetns(t), far: newNetns(t)}
	first := newRouter(t)
	b.stacks = []*usernet.Stack{first}
	last := first
	if middle > 0 {
		last = newRouter(t)
		b.stacks = append(b.stacks, last)
		l, r := pipe.New(pipe.Config{MTU: middle, GSO: true})
		join(t, first, l, "middle", "10.3.0.1", "fd03::1", "10.3.0.2", "fd03::2")
		join(t, last, r, "middle", "10.3.0.2", "fd03::2", "10.3.0.1", "fd03::1")
	}
	join(t, first, openBetween(t, b.near, nearDev, near), nearDev, gate4, gate6)
	join(t, last, openBetween(t, b.far, farDev, far), farDev, farGate4, farGate6)
	b.near.configure(nearDev, near4+"/24", near6+"/64")
	b.far.configure(farDev, far4+"/24", far6+"/64")
	b.near.ip("route", "add", "default", "via", gate4)
	b.near.ip("-6", "route", "add", "default", "via", gate6)
	b.far.ip("route", "add", "default", "via", farGate4)
	b.far.ip("-6", "route", "add", "default", "via", farGate6)
	return b
}

func newRouter(t testing.TB) *usernet.Stack {
	t.Helper()
	s, err := usernet.New(usernet.Config{Forwarding: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("closing the stack: %v", err)
		}
	})
	return s
}

// join gives a stack an interface with these addresses, and default routers if there
// are any.
func join(t testing.TB, s *usernet.Stack, l link.Link, name, own4, own6 string, gateways ...string) {
	t.Helper()
	i := usernet.Interface{
		Name:  name,
		Addrs: []netip.Prefix{netip.MustParsePrefix(own4 + "/24"), netip.MustParsePrefix(own6 + "/64")},
	}
	for _, g := range gateways {
		i.Gateways = append(i.Gateways, netip.MustParseAddr(g))
	}
	if err := s.Attach(l, i); err != nil {
		t.Fatal(err)
	}
}

// openBetween makes a device in a namespace and opens its other end.
func openBetween(t testing.TB, ns *netns, dev string, d device) (l link.Link) {
	t.Helper()
	mode := "tun"
	if d.tap {
		mode = "tap"
	}
	ns.ip("tuntap", "add", "dev", dev, "mode", mode)
	ns.ip("link", "set", dev, "mtu", strconv.Itoa(d.mtu))
	var err error
	ns.do(func() { l, err = tun.Open(tun.Config{Name: dev, TAP: d.tap}) })
	if err != nil {
		t.Fatal(err)
	}
	if d.single {
		ns.offloadsOff(dev)
	}
	return l
}

// betweens are the links that the router joins.
var betweens = []struct {
	name      string
	near, far device
	middle    int // MTU of a link between two routers; 0: there is one router
}{
	{"alike", device{tap: true, mtu: 1500}, device{tap: true, mtu: 1500}, 0},
	{"narrow end", device{tap: true, mtu: 1500}, device{tap: true, mtu: 1280}, 0},
	{"narrow middle", device{tap: true, mtu: 1500}, device{tap: true, mtu: 1500}, 1280},
	{"offloads on one side", device{tap: true, mtu: 1500}, device{tap: true, mtu: 1400, single: true}, 0},
	{"TUN and TAP", device{mtu: 1500}, device{tap: true, mtu: 1500, single: true}, 1400},
}

// TestKernelsByRouter lets two kernels talk through usernet, by links that differ: the
// small, what is sent in fragments, and bulk both ways, for which the kernels learn the
// path's MTU from the router.
func TestKernelsByRouter(t *testing.T) {
	t.Parallel()
	needKernel(t, "nc", "ping", "ethtool")
	for _, c := range betweens {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBetween(t, c.near, c.far, c.middle)
			for _, to := range []string{far4, far6} {
				out := b.near.pings(3, "-i", "0.05", "-W", "5", to)
				if !strings.Contains(out, fmt.Sprintf("ttl=%d", 64-len(b.stacks))) {
					t.Errorf("ping: %s", out)
				}
				// The first may be lost, and the first answer: it is by a router's word that an
				// IPv6 host learns how large its fragments may be.
				out = b.near.run("ping", "-n", "-c", "5", "-i", "0.2", "-W", "2", "-s", "4000", to)
				if !strings.Contains(out, "icmp_seq=3") || !strings.Contains(out, "icmp_seq=4") {
					t.Errorf("ping -s 4000: %s", out)
				}
			}
			const n = 10 << 20
			for _, leg := range []struct {
				from, to *netns
				addr     string
			}{{b.near, b.far, far4}, {b.far, b.near, near4}, {b.near, b.far, far6}, {b.far, b.near, near6}} {
				got := newSink()
				cmd := leg.to.command("nc", "-l", leg.addr, "5001")
				cmd.Stdout = got
				server := start(t, cmd)
				server.listening("tcp", 5001)
				began := time.Now()
				body, sum := payload(1, n)
				cmd = leg.from.command("nc", "-N", leg.addr, "5001")
				cmd.Stdin = body
				start(t, cmd).wait()
				server.wait()
				got.wantSame(t, "to "+leg.addr, n, sum)
				t.Logf("to %s: %s", leg.addr, rate(n, began))
			}
			if c.middle > 0 {
				// Both have believed the "too big" of their routers; with IPv4 the far end had none,
				// for its peer said at once what it takes.
				for _, w := range []struct {
					ns *netns
					to string
				}{{b.near, far4}, {b.near, far6}, {b.far, near6}} {
					if out := w.ns.run("ip", "route", "get", w.to); !strings.Contains(out, fmt.Sprintf("mtu %d", c.middle)) {
						t.Errorf("route to %s: %s", w.to, out)
					}
				}
			}
			for _, s := range b.stacks {
				s := s.Stats()
				t.Logf("%d packets forwarded, drops %v", s.Forwarded, s.Drops)
			}
		})
	}
}

// TestKernelTraceroute shows the router as the first hop, and a host that is not there
// as such.
func TestKernelTraceroute(t *testing.T) {
	t.Parallel()
	needKernel(t, "traceroute", "ping")
	b := newBetween(t, device{tap: true, mtu: 1500}, device{tap: true, mtu: 1500}, 0)
	for _, c := range []struct{ far, hop, absent, nowhere string }{
		{far4, gate4, "10.2.0.99", "192.0.2.1"}, {far6, gate6, "fd02::99", "2001:db8::1"},
	} {
		for _, how := range [][]string{{}, {"-I"}, {"-T"}} {
			out := b.near.run("traceroute", append(how, "-n", "-q", "1", "-w", "5", c.far)...)
			lines := strings.Split(strings.TrimSpace(out), "\n")
			if len(lines) != 3 || !strings.Contains(lines[1], " "+c.hop+" ") || !strings.Contains(lines[2], " "+c.far+" ") {
				t.Errorf("traceroute %v: %s", how, out)
			}
		}
		if c.far == far4 {
			// RFC 1812, 5.3.13.5: the way there and back, as routers record it.
			if out := b.near.run("ping", "-n", "-R", "-c", "1", far4); !strings.Contains(out, farGate4+"\n") || !strings.Contains(out, gate4+"\n") {
				t.Errorf("ping -R: %s", out)
			}
		}
		for _, to := range []string{c.absent, c.nowhere} {
			cmd := b.near.command("ping", "-n", "-c", "1", "-W", "10", to)
			out, _ := cmd.CombinedOutput()
			if s := string(out); !strings.Contains(s, "From "+c.hop) || !strings.Contains(strings.ToLower(s), "unreachable") && !strings.Contains(s, "No route") {
				t.Errorf("ping %s: %s", to, s)
			}
		}
	}
}
