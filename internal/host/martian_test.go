package host

import (
	"net/netip"
	"testing"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// Addresses that a program or a node may use inside, and that no packet on a wire
// may have.
func TestAddressesThatStayInside(t *testing.T) {
	mapped := func(a netip.Addr) netip.Addr { return netip.AddrFrom16(a.As16()) }
	ff01 := netip.MustParseAddr("ff01::1")
	syn := func(src, dst netip.Addr) []byte {
		return frame(tcpPacket(netip.AddrPortFrom(src, 9), netip.AddrPortFrom(dst, tcpPort), wire.SYN, 1, 0))
	}
	runDrops(t, []dropCase{
		{name: "datagram from an IPv4-mapped address", reason: ReasonSource, packet: from(mapped(peer4))},
		{name: "SYN from an IPv4-mapped address", reason: ReasonSource, packet: syn(mapped(peer4), host6)},
		{name: "echo from an IPv4-mapped address", reason: ReasonSource, packet: frame(echoRequest(mapped(peer4), host6, "x"))},
		{name: "IPv4-mapped form of our own address as source", reason: ReasonSource, packet: syn(mapped(host4), host6)},
		{name: "IPv4-mapped loopback as source", reason: ReasonSource, packet: syn(mapped(loopback4), host6)},
		{name: "group's packet from an IPv4-mapped address, with an option to be answered", reason: ReasonSource,
			packet: frameTo(groupMAC(group6), wire.EtherTypeIPv6, rawIP(mapped(peer4), group6, wire.ProtocolDestination,
				options6(wire.ProtocolUDP, 0x80|30, 4, 0, 0, 0, 0)))},
		{name: "to the IPv4-mapped form of our address", reason: ReasonDestination, packet: syn(peer6, mapped(host4))},
		{name: "to the IPv4-mapped loopback", reason: ReasonDestination, packet: syn(peer6, mapped(loopback4))},
		{name: "to the nodes of an interface", reason: ReasonDestination, packet: frameTo(groupMAC(ff01), wire.EtherTypeIPv6, to(ff01)[ipAt:])},
	}, make(map[Reason]bool))
}

// A link-local address is reached by its own link only: the same one on another
// link is another host's.
func TestLinkLocalOfAnotherLink(t *testing.T) {
	r := newRig(t, Config{}, link.Info{})
	r.listen()
	second, secondMAC := newTestLink(link.Info{}), wire.MAC{2, 0, 0, 0, 1, 1}
	err := r.h.Attach(second, InterfaceConfig{Name: "eth1", Addrs: []netip.Prefix{netip.MustParsePrefix("2001:db8:1::1/64")}, MAC: secondMAC})
	if err != nil {
		t.Fatal(err)
	}
	deliver := <-second.deliver
	ours, peer := r.linkLocal(), netip.MustParseAddr("fe80::2")
	packet := tcpPacket(netip.AddrPortFrom(peer, 9), netip.AddrPortFrom(ours, tcpPort), wire.SYN, 1, 0)
	r.counted(func() {
		deliver([]link.Packet{{Data: [][]byte{frameTo(secondMAC, wire.EtherTypeIPv6, packet)}}})
	}, ReasonNotForUs)
	if n := len(second.take()); n != 0 || r.h.Stats().TCP.Connections != 0 {
		t.Errorf("%d packets sent, %d connections", n, r.h.Stats().TCP.Connections)
	}
	r.silent()
	r.counted(func() { r.inject(frame(packet)) })
	if n := r.h.Stats().TCP.Connections; n != 1 {
		t.Errorf("%d connections by the address's own link, want 1", n)
	}
}
