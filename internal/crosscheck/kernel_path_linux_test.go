package crosscheck

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// The addresses of every test. The near end is usernet, or the kernel where the
// harness proves itself; between it and the far end stands a router.
const (
	near4, near6     = "10.1.0.2", "fd01::2"
	gate4, gate6     = "10.1.0.1", "fd01::1" // the router, on the near side
	farGate4         = "10.2.0.1"            // the router, on the far side
	farGate6         = "fd02::1"
	far4, far6       = "10.2.0.2", "fd02::2"
	nowhere4         = "10.1.0.99" // nobody has these, on the near side
	nowhere6         = "fd01::99"
	nearDev, gateDev = "near0", "gate0" // the near link: the end's device, the router's
	farDev, exitDev  = "far0", "exit0"  // the far link, likewise
)

// pathConfig describes the way between the two ends.
type pathConfig struct {
	mtu     int  // of every link
	single  bool // offloads off: every segment is a packet of its own, in the kernel too
	percent int  // of the packets that are lost in each direction
}

func (c pathConfig) String() string {
	s := fmt.Sprintf("MTU %d", c.mtu)
	if c.single {
		s += ", single segments"
	}
	if c.percent > 0 {
		s += fmt.Sprintf(", %d%% lost each way", c.percent)
	}
	return s
}

// A path is a router and the far end. The near end's device in the router is
// gateDev: the other side of a veth pair, or a TUN or TAP device.
type path struct {
	pathConfig
	router, far *netns
}

// newPath makes the router and the far end, and loses packets between them. The
// loss is in the router's forward hook: in the output hook of the sender's own
// host, TCP would be told of it and take it for a full queue.
func newPath(t testing.TB, c pathConfig) *path {
	t.Helper()
	p := &path{pathConfig: c, router: newNetns(t), far: newNetns(t)}
	p.router.sysctl("net/ipv4/ip_forward", "1")
	p.router.sysctl("net/ipv6/conf/all/forwarding", "1")
	p.veth(p.far, farDev, exitDev)
	p.far.configure(farDev, far4+"/24", far6+"/64")
	p.router.configure(exitDev, farGate4+"/24", farGate6+"/64")
	p.far.ip("route", "add", "default", "via", farGate4)
	p.far.ip("-6", "route", "add", "default", "via", farGate6)
	if c.percent > 0 {
		p.lose()
	}
	return p
}

// veth joins a namespace to the router.
func (p *path) veth(ns *netns, dev, routerDev string) {
	mtu := strconv.Itoa(p.mtu)
	ns.ip("link", "add", dev, "mtu", mtu, "type", "veth",
		"peer", "name", routerDev, "mtu", mtu, "netns", p.router.name)
	if p.single {
		ns.offloadsOff(dev)
		p.router.offloadsOff(routerDev)
	}
}

// configure brings a device up with its addresses, which are usable when it
// returns: no duplicate of them is looked for, but the kernel takes an IPv6
// address for its own only once a work queue has put it into the routing table.
func (ns *netns) configure(dev string, prefixes ...string) {
	ns.t.Helper()
	ns.ip("link", "set", dev, "up")
	for _, prefix := range prefixes {
		args := []string{"address", "add", prefix, "dev", dev}
		if strings.Contains(prefix, ":") {
			args = append(args, "nodad")
		}
		ns.ip(args...)
		addr, _, _ := strings.Cut(prefix, "/")
		waitUntil(ns.t, "the kernel takes "+addr+" for its own", func() bool {
			return strings.HasPrefix(ns.ip("route", "get", addr), "local ")
		})
	}
}

// offloadsOff makes every segment that leaves or enters by dev a packet of its
// own with a complete checksum.
func (ns *netns) offloadsOff(dev string) {
	ns.t.Helper()
	ns.run("ethtool", "-K", dev, "tso", "off", "gso", "off", "gro", "off", "tx", "off")
}

// lose drops packets at random on their way through the router.
func (p *path) lose() {
	nft := func(args ...string) { p.router.run("nft", args...) }
	nft("add table inet loss")
	nft("add chain inet loss forward { type filter hook forward priority 0; }")
	for _, dev := range []string{gateDev, exitDev} {
		nft("add counter inet loss " + dev)
		nft(fmt.Sprintf("add rule inet loss forward iifname %s numgen random mod 100 < %d counter name %s drop",
			dev, p.percent, dev))
	}
}

// lost returns how many packets that came in by a device of the router were lost.
func (p *path) lost(dev string) int {
	p.router.t.Helper()
	var list struct {
		Nftables []struct {
			Counter struct{ Packets int }
		}
	}
	out := p.router.run("nft", "-j", "list", "counter", "inet", "loss", dev)
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		p.router.t.Fatalf("%v in %s", err, out)
	}
	n := 0
	for _, o := range list.Nftables {
		n += o.Counter.Packets
	}
	return n
}
