package crosscheck

import (
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/usernet-go/usernet"
)

const (
	bridgeDev  = "br0"
	groupPort  = 7000
	someGroup4 = "239.1.2.3"
	someGroup6 = "ff15::123"
)

// A snoopedLink is a bridge of the kernel that passes on to a port only the groups
// which were joined there, and asks for them in the place of a router. Usernet has
// one port, a kernel's host the other.
type snoopedLink struct {
	t           *testing.T
	switchboard *netns // the bridge
	far         *netns // the kernel's host, at gate4 and gate6
	stack       *usernet.Stack
	sender      net.PacketConn // of far
	socket      *usernet.UDPConn
}

func newSnoopedLink(t *testing.T) *snoopedLink {
	t.Helper()
	b := &snoopedLink{t: t, switchboard: newNetns(t), far: newNetns(t)}
	// Queries every second, a membership lasts for three: in hundredths of a second.
	b.switchboard.ip("link", "add", bridgeDev, "type", "bridge", "mcast_snooping", "1", "mcast_querier", "1",
		"mcast_igmp_version", "3", "mcast_mld_version", "2", "mcast_query_interval", "100", "mcast_query_response_interval", "50",
		"mcast_startup_query_interval", "100", "mcast_membership_interval", "300", "mcast_last_member_interval", "10")
	b.far.ip("link", "add", farDev, "type", "veth", "peer", "name", exitDev, "netns", b.switchboard.name)
	b.switchboard.ip("link", "set", exitDev, "master", bridgeDev, "up")
	b.stack = b.switchboard.attach(t, device{tap: true, mtu: 1500, single: true})
	b.switchboard.ip("address", "flush", "dev", gateDev)
	b.switchboard.ip("link", "set", gateDev, "master", bridgeDev)
	b.switchboard.ip("link", "set", bridgeDev, "up")
	b.far.configure(farDev, gate4+"/24", gate6+"/64")
	b.far.ip("route", "add", "239.0.0.0/8", "dev", farDev)
	b.far.offloadsOff(farDev)

	var err error
	b.far.do(func() { b.sender, err = net.ListenPacket("udp", ":0") })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.sender.Close() })
	b.socket, err = b.stack.ListenUDP("udp", &net.UDPAddr{Port: groupPort})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// send sends text from the kernel's host.
func (b *snoopedLink) send(text, to string) {
	b.t.Helper()
	if _, err := b.sender.WriteTo([]byte(text), net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(to), groupPort))); err != nil {
		b.t.Fatal(err)
	}
}

// gets reads the next datagram.
func (b *snoopedLink) gets() string {
	b.t.Helper()
	buf := make([]byte, 100)
	b.socket.SetReadDeadline(time.Now().Add(patience))
	n, _, err := b.socket.ReadFrom(buf)
	if err != nil {
		b.t.Fatal(err)
	}
	return string(buf[:n])
}

// passes says whether the bridge passes on to usernet what is sent to a group: it
// keeps the order, so what is sent behind it to usernet alone arrives later.
func (b *snoopedLink) passes(group, near string) bool {
	b.t.Helper()
	before := b.stack.Stats().Drops["group not joined"]
	b.send("group", group)
	b.send("alone", near)
	got := b.gets()
	if got == "group" && b.gets() == "alone" {
		return true
	}
	return b.stack.Stats().Drops["group not joined"] > before
}

// keepsPassing says whether the bridge passes on to usernet whatever is sent to a group.
// Once says little: a router's solicitation or a report of the kernel's host is to a
// group that usernet has not joined either.
func (b *snoopedLink) keepsPassing(group, near string) bool {
	b.t.Helper()
	for range 5 {
		if !b.passes(group, near) {
			return false
		}
	}
	return true
}

// knows says whether the bridge knows of a member of the group behind a port.
func (b *snoopedLink) knows(port, group string) bool {
	b.t.Helper()
	for line := range strings.Lines(b.switchboard.run("bridge", "mdb", "show", "dev", bridgeDev)) {
		f := strings.Fields(line) // dev br0 port gate0 grp 239.1.2.3 temp
		if len(f) >= 6 && f[3] == port && f[5] == group {
			return true
		}
	}
	return false
}

// TestKernelSnooping has a bridge of the kernel judge usernet's reports: it passes a
// group on while they say that there is a member, and asks for them again and again.
// Without those for solicited-node groups IPv6 would not even find its neighbour.
func TestKernelSnooping(t *testing.T) {
	t.Parallel()
	needKernel(t, "bridge", "ethtool", "tcpdump", "tshark")
	b := newSnoopedLink(t)
	file := filepath.Join(t.TempDir(), "capture.pcap")
	dump := start(t, b.switchboard.command("tcpdump", "-i", gateDev, "-Z", "root", "--immediate-mode", "-U", "-w", file))
	waitUntil(t, "tcpdump captures", func() bool { return strings.Contains(dump.stderr.String(), "listening on") })

	for _, c := range []struct{ group, other, near string }{
		{someGroup4, "239.9.9.9", near4},
		{someGroup6, "ff15::999", near6},
	} {
		// A bridge that has just begun to ask floods all groups.
		waitUntil(t, "the bridge snoops on "+c.group, func() bool { return !b.passes(c.other, c.near) })
		if b.keepsPassing(c.group, c.near) {
			t.Errorf("%v: the bridge passes on what nobody has joined", c.group)
		}
		if err := b.socket.JoinGroup("", netip.MustParseAddr(c.group)); err != nil {
			t.Fatal(err)
		}
		waitUntil(t, "the bridge knows the member of "+c.group, func() bool { return b.knows(gateDev, c.group) })
		if !b.passes(c.group, c.near) {
			t.Errorf("%v: joined, but the bridge passes nothing on", c.group)
		}
		// A membership that is not reported again ends in three seconds.
		for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
			if !b.knows(gateDev, c.group) {
				t.Fatalf("%v: the bridge has asked and was not answered", c.group)
			}
		}
		if err := b.socket.LeaveGroup("", netip.MustParseAddr(c.group)); err != nil {
			t.Fatal(err)
		}
		waitUntil(t, "the bridge knows no member of "+c.group, func() bool { return !b.knows(gateDev, c.group) })
		if b.keepsPassing(c.group, c.near) {
			t.Errorf("%v: the bridge passes on what was left", c.group)
		}
		b.toKernel(c.group)
	}
	dump.interrupt()

	faults := faults + ` or igmp.checksum.status == "Bad"`
	if bad := frames(t, file, faults); len(bad) > 0 {
		t.Errorf("tshark finds fault with frames %v:\n%s", bad, describe(t, file, bad[0]))
	}
	for _, good := range []string{
		`igmp.type == 0x22 and ip.src == ` + near4 + ` and igmp.checksum.status == "Good" and ip.ttl == 1 and ip.opt.type == 148`,
		`icmpv6.type == 143 and not ipv6.src == :: and icmpv6.checksum.status == "Good" and ipv6.hlim == 1 and ipv6.opt.router_alert == 0`,
		`igmp.record_type == 4 and igmp.maddr == ` + someGroup4,
		`igmp.record_type == 2 and igmp.maddr == ` + someGroup4,
		`igmp.record_type == 3 and igmp.maddr == ` + someGroup4,
		`icmpv6.mldr.mar.record_type == 4 and icmpv6.mldr.mar.multicast_address == ` + someGroup6,
		`icmpv6.mldr.mar.record_type == 2 and icmpv6.mldr.mar.multicast_address == ` + someGroup6,
		`icmpv6.mldr.mar.record_type == 3 and icmpv6.mldr.mar.multicast_address == ` + someGroup6,
		`igmp.type == 0x11 and ip.src == 0.0.0.0`,
		`icmpv6.type == 130`,
		// Told that a member has left, the bridge asks whether there are others.
		`igmp.type == 0x11 and igmp.maddr == ` + someGroup4,
		`icmpv6.type == 130 and icmpv6.mld.multicast_address == ` + someGroup6,
	} {
		if n := len(frames(t, file, good)); n == 0 {
			t.Errorf("tshark finds no frame with %s", good)
		}
	}
}

// toKernel sends to a group that a socket of the kernel has joined.
func (b *snoopedLink) toKernel(group string) {
	b.t.Helper()
	g := netip.MustParseAddr(group)
	var c *net.UDPConn
	var err error
	b.far.do(func() {
		var dev *net.Interface
		if dev, err = net.InterfaceByName(farDev); err == nil {
			c, err = net.ListenMulticastUDP("udp", dev, net.UDPAddrFromAddrPort(netip.AddrPortFrom(g, groupPort)))
		}
	})
	if err != nil {
		b.t.Fatal(err)
	}
	defer c.Close()
	waitUntil(b.t, "the bridge knows the kernel's member of "+group, func() bool { return b.knows(exitDev, group) })
	if _, err := b.socket.WriteToUDPAddrPort([]byte("from usernet"), netip.AddrPortFrom(g, groupPort)); err != nil {
		b.t.Fatal(err)
	}
	buf := make([]byte, 100)
	c.SetReadDeadline(time.Now().Add(patience))
	n, from, err := c.ReadFromUDPAddrPort(buf)
	if err != nil || string(buf[:n]) != "from usernet" {
		b.t.Fatalf("%q from %v, %v", buf[:n], from, err)
	}
}
