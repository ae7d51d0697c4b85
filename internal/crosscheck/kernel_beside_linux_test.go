package crosscheck

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/packet"
	"github.com/usernet-go/usernet/link/rawip"
)

// The tests of usernet beside a kernel: host1, whose kernel has the addresses near4
// and near6 and a TCP of its own, is joined by a veth pair to the router, and
// behind that is the far end. Usernet stands in either of them, on an address of
// its own (packet) or on the kernel's (rawip).

// The addresses that a packet link has beside those of its host's kernel.
const (
	beside4, beside6       = "10.1.0.3", "fd01::3"
	farBeside4, farBeside6 = "10.2.0.3", "fd02::3"
)

// newNeighbour makes the namespace on the near side of the path.
func (p *path) newNeighbour(t testing.TB) *netns {
	t.Helper()
	ns := newNetns(t)
	p.veth(ns, nearDev, gateDev)
	ns.configure(nearDev, near4+"/24", near6+"/64")
	p.router.configure(gateDev, gate4+"/24", gate6+"/64")
	ns.ip("route", "add", "default", "via", gate4)
	ns.ip("-6", "route", "add", "default", "via", gate6)
	return ns
}

// A place is where a stack stands on one side of the path.
type place struct {
	dev            string
	beside4, near4 string // the address of a packet link, and the kernel's
	beside6, near6 string
	gate4, gate6   string
}

var (
	nearPlace = place{nearDev, beside4, near4, beside6, near6, gate4, gate6}
	farPlace  = place{farDev, farBeside4, far4, farBeside6, far6, farGate4, farGate6}
)

// attachBeside opens a link of the kind, "packet" or "rawip", in the namespace,
// and returns a stack on it with its addresses.
func (ns *netns) attachBeside(t testing.TB, kind string, at place) (s *usernet.Stack, addr4, addr6 string) {
	t.Helper()
	s, err := usernet.New(usernet.Config{TTL: besideTTL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("closing the stack: %v", err)
		}
	})
	ifc := usernet.Interface{Name: at.dev}
	var l link.Link
	var routes []usernet.Route
	switch kind {
	case "packet":
		ns.do(func() { l, err = packet.Open(packet.Config{Interface: at.dev}) })
		addr4, addr6 = at.beside4, at.beside6
		ifc.Addrs = []netip.Prefix{netip.MustParsePrefix(addr4 + "/24"), netip.MustParsePrefix(addr6 + "/64")}
		ifc.Gateways = []netip.Addr{netip.MustParseAddr(at.gate4), netip.MustParseAddr(at.gate6)}
	case "rawip":
		var r *rawip.Link
		ns.do(func() {
			if r, err = rawip.Open(rawip.Config{Interface: at.dev}); err == nil {
				ifc.Addrs = r.Addrs()
			}
		})
		l, addr4, addr6 = r, at.near4, at.near6
		for _, p := range []string{"0.0.0.0/0", "::/0"} {
			routes = append(routes, usernet.Route{Prefix: netip.MustParsePrefix(p), Interface: at.dev})
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Attach(l, ifc); err != nil {
		t.Fatal(err)
	}
	for _, r := range routes {
		if err := s.AddRoute(r); err != nil {
			t.Fatal(err)
		}
	}
	return s, addr4, addr6
}

// By their time to live usernet's packets are told from those of a kernel.
const besideTTL, kernelTTL = 128, 64

// watchResets has tcpdump look for resets on a device that a kernel has sent from
// the addresses of hosts; what it returns ends that, and tells its lines. Usernet's
// own are none of them: where the last acknowledgment of a connection comes twice,
// since a FIN was sent again, RFC 9293 wants the second one reset.
func (ns *netns) watchResets(t testing.TB, dev string, hosts ...string) func() []string {
	t.Helper()
	filter := fmt.Sprintf("((ip and tcp[13] & 4 != 0 and ip[8] <= %d) or (ip6 and ip6[6] = 6 and ip6[53] & 4 != 0 and ip6[7] <= %d)) and (src host %s)",
		kernelTTL, kernelTTL, strings.Join(hosts, " or src host "))
	var out lockedBuffer
	cmd := ns.command("tcpdump", "-i", dev, "-nn", "-l", "--immediate-mode", filter)
	cmd.Stdout = &out
	dump := start(t, cmd)
	waitUntil(t, "tcpdump listens", func() bool {
		select {
		case <-dump.done:
			t.Fatalf("tcpdump ended: %v\n%s", dump.err, &dump.stderr)
		default:
		}
		return strings.Contains(dump.stderr.String(), "listening on")
	})
	return func() []string {
		t.Helper()
		const markPort = 1 // where nobody listens
		last := fmt.Sprintf("%s.%d > ", near4, markPort)
		ns.do(func() {
			if _, err := net.DialTimeout("tcp", hostPort(near4, markPort), patience); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("the last reset: %v, want ECONNREFUSED", err)
			}
		})
		waitUntil(t, "tcpdump has seen the last reset", func() bool { return strings.Contains(out.String(), last) })
		dump.interrupt()
		if !strings.Contains(dump.stderr.String(), "captured") {
			t.Fatalf("tcpdump ended: %v\n%s", dump.err, &dump.stderr)
		}
		var lines []string
		for line := range strings.Lines(out.String()) {
			if line != "\n" && !strings.Contains(line, last) { // tcpdump's own, when it is interrupted
				lines = append(lines, line)
			}
		}
		return lines
	}
}

// TestKernelBesideLoss is the demonstration that the project began with: bulk in
// both directions between usernet, beside a kernel with a TCP of its own, and the
// kernel's nc behind a router that loses packets; and no kernel resets what is
// usernet's.
func TestKernelBesideLoss(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind string
		v6   bool
		mtu  int
	}{
		{"packet", false, 1500},
		{"packet", true, 9000},
		{"rawip", false, 9000},
		{"rawip", true, 1500},
	} {
		family := "IPv4"
		if c.v6 {
			family = "IPv6"
		}
		t.Run(fmt.Sprintf("%s %s MTU %d", c.kind, family, c.mtu), func(t *testing.T) {
			t.Parallel()
			needKernel(t, "nc", "nft", "ethtool", "tcpdump")
			p := newPath(t, pathConfig{mtu: c.mtu, single: true, percent: 1})
			host1 := p.newNeighbour(t)
			resets := p.router.watchResets(t, gateDev, near4, near6, beside4, beside6)
			s, near, near6 := host1.attachBeside(t, c.kind, nearPlace)
			kernel := far4
			if c.v6 {
				near, kernel = near6, far6
			}
			if n := bulkToKernel(t, s, p.far, kernel, lossy); n == 0 {
				t.Errorf("usernet sent nothing again, with %d packets lost on the way", p.lost(gateDev))
			}
			before := p.far.tcpCounter("RetransSegs")
			bulkFromKernel(t, s, p.far, near, lossy)
			if p.far.tcpCounter("RetransSegs") == before {
				t.Errorf("the kernel sent nothing again, with %d packets lost on the way", p.lost(exitDev))
			}
			if lines := resets(); len(lines) > 0 {
				t.Errorf("resets on the wire:\n%s", strings.Join(lines, ""))
			}
		})
	}
}
