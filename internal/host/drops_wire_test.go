package host

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// A dropCase is one packet that is dropped, and why.
type dropCase struct {
	name   string
	reason Reason
	packet []byte // frame, as it arrives
	answer bool   // something may be sent back
}

// runDrops delivers the packet of each case to a host of its own with open sockets,
// and checks that the counter of its reason alone rises, and that nothing is
// answered that must not be.
func runDrops(t *testing.T, cases []dropCase, seen map[Reason]bool) {
	for _, c := range cases {
		seen[c.reason] = true
		name := c.name
		if name == "" {
			name = c.reason.String()
		}
		t.Run(name, func(t *testing.T) {
			r := newRig(t, Config{}, link.Info{})
			r.listen()
			r.l.all = c.reason == ReasonConflict // the answer is an announcement
			r.counted(func() { r.inject(c.packet) }, c.reason)
			if c.answer {
				r.one()
			}
			r.silent()
		})
	}
}

// The ports that a rig's listen opens.
const (
	udpPort = 53
	tcpPort = 80
)

// listen opens a UDP socket and a TCP listener, so that nothing is dropped for want
// of one.
func (r *rig) listen() {
	r.Helper()
	if _, err := r.h.ListenUDP(netip.AddrPortFrom(netip.IPv6Unspecified(), udpPort), FamilyAny); err != nil {
		r.Fatal(err)
	}
	if _, err := r.h.ListenTCP(netip.AddrPortFrom(netip.IPv6Unspecified(), tcpPort), FamilyAny, 8, TCPOptions{}); err != nil {
		r.Fatal(err)
	}
}

// change returns a copy of b with the bytes from at on replaced.
func change(b []byte, at int, to ...byte) []byte {
	b = slices.Clone(b)
	copy(b[at:], to)
	return b
}

const (
	ipAt = wire.EthernetLen // offsets in frames without options
	udp4 = ipAt + wire.IPv4Len
	udp6 = ipAt + wire.IPv6Len
	tcp4 = udp4
	nd   = udp6
	etAt = 12
)

var (
	fromPeer4 = netip.AddrPortFrom(peer4, 9)
	fromPeer6 = netip.AddrPortFrom(peer6, 9)
	toUDP4    = netip.AddrPortFrom(host4, udpPort)
	toUDP6    = netip.AddrPortFrom(host6, udpPort)
	toTCP4    = netip.AddrPortFrom(host4, tcpPort)
	toTCP6    = netip.AddrPortFrom(host6, tcpPort)
)

func good4() []byte { return frame(udpPacket(fromPeer4, toUDP4, "question")) }
func good6() []byte { return frame(udpPacket(fromPeer6, toUDP6, "question")) }

// fixed4 is f with the IPv4 header checksum made right.
func fixed4(f []byte) []byte {
	resum(f[ipAt:])
	return f
}

// fixed6 is f with the ICMPv6 checksum made right.
func fixed6(f []byte) []byte {
	f[nd+2], f[nd+3] = 0, 0
	wire.SetChecksum(wire.ProtocolICMPv6, netip.AddrFrom16([16]byte(f[ipAt+8:])), netip.AddrFrom16([16]byte(f[ipAt+24:])), f[nd:], nil)
	return f
}

// extension6 is an IPv6 packet with extension headers of type first in front of an
// echo request.
func extension6(first wire.Protocol, extensions []byte) []byte {
	h := wire.ICMPv6{Type: wire.ICMPv6EchoRequest}
	m := h.Append(nil)
	wire.SetChecksum(wire.ProtocolICMPv6, peer6, host6, m, nil)
	return frame(rawIP(peer6, host6, first, append(slices.Clone(extensions), m...)))
}

// options4 is an IPv4 packet with options in front of a UDP datagram.
func options4(options ...byte) []byte {
	text := udpPacket(fromPeer4, toUDP4, "question")[wire.IPv4Len:]
	h := wire.IPv4{TTL: 64, Protocol: wire.ProtocolUDP, Src: peer4, Dst: host4, Options: options}
	h.TotalLen = h.HeaderLen() + len(text)
	return frame(append(h.Append(nil), text...))
}

// options6 makes a header of destination options, padded with zeros, which are
// Pad1 options.
func options6(next wire.Protocol, options ...byte) []byte {
	return wire.AppendIPv6Options(nil, next, options)
}

func quoting4(quote []byte) []byte {
	m := wire.ICMPv4{Type: wire.ICMPv4Unreachable, Code: wire.ICMPv4CodePort, Body: quote}
	return frame(ip(peer4, host4, wire.ProtocolICMPv4, m.Append(nil)))
}

func TestDropsForWireReasons(t *testing.T) {
	six, four := byte(wire.ProtocolICMPv6), good4()
	ns, na := solicitation(peer6, host6), advertisement(peer6, peerMAC, false)
	segment := frame(tcpPacket(fromPeer4, toTCP4, wire.SYN, 1, 0))
	w := func(r wire.Reason) Reason { return Reason(r) }
	cases := []dropCase{
		{reason: w(wire.ReasonEthernetTruncated), packet: four[:13]},
		{reason: w(wire.ReasonEthernetLength), packet: change(four, etAt, 0, 46)},
		{reason: w(wire.ReasonARPTruncated), packet: arpFrame(wire.ARPRequest, peerMAC, peer4, wire.MAC{}, host4)[:ipAt+27]},
		{reason: w(wire.ReasonARPHardware), packet: change(arpFrame(wire.ARPRequest, peerMAC, peer4, wire.MAC{}, host4), ipAt, 0, 6)},
		{reason: w(wire.ReasonARPProtocol), packet: change(arpFrame(wire.ARPRequest, peerMAC, peer4, wire.MAC{}, host4), ipAt+2, 0x86, 0xdd)},

		{reason: w(wire.ReasonIPv4Truncated), packet: four[:ipAt+19]},
		{reason: w(wire.ReasonIPv4Version), packet: change(four, ipAt, 0x65)},
		{reason: w(wire.ReasonIPv4HeaderLength), packet: change(four, ipAt, 0x44)},
		{reason: w(wire.ReasonIPv4TotalLength), packet: four[:len(four)-1]},
		{reason: w(wire.ReasonIPv4TotalLength), name: "total length below the header's", packet: fixed4(change(four, ipAt+2, 0, 19))},
		{reason: w(wire.ReasonIPv4Checksum), packet: change(four, ipAt+10, four[ipAt+10]^1)},
		{reason: w(wire.ReasonIPv4Fragment), packet: fixed4(change(four, ipAt+6, 0x1f, 0xff))},
		{reason: w(wire.ReasonIPv4Option), packet: options4(7, 0, 0, 0)},
		{reason: w(wire.ReasonIPv4Option), name: "IPv4 option beyond the header", packet: options4(7, 9, 4, 0)},

		{reason: w(wire.ReasonIPv6Truncated), packet: good6()[:ipAt+39]},
		{reason: w(wire.ReasonIPv6Version), packet: change(good6(), ipAt, 0x40)},
		{reason: w(wire.ReasonIPv6PayloadLength), packet: good6()[:len(good6())-1]},
		{reason: w(wire.ReasonIPv6ExtensionTruncated), packet: frame(rawIP(peer6, host6, wire.ProtocolDestination, []byte{six, 1, 1, 4, 0, 0, 0, 0}))},
		{reason: w(wire.ReasonIPv6ExtensionLimit), packet: extension6(wire.ProtocolDestination, slices.Concat(slices.Repeat(
			options6(wire.ProtocolDestination, 1, 4, 0, 0, 0, 0), wire.MaxIPv6Extensions), options6(wire.ProtocolICMPv6, 1, 4, 0, 0, 0, 0)))},
		{reason: w(wire.ReasonIPv6ExtensionOrder), packet: extension6(wire.ProtocolDestination, slices.Concat(
			options6(wire.ProtocolHopByHop, 1, 4, 0, 0, 0, 0), options6(wire.ProtocolICMPv6, 1, 4, 0, 0, 0, 0))), answer: true},
		{reason: w(wire.ReasonIPv6OptionLength), packet: extension6(wire.ProtocolDestination, options6(wire.ProtocolICMPv6, 1, 5, 0, 0, 0, 0)), answer: true},
		{reason: w(wire.ReasonIPv6OptionUnknown), packet: extension6(wire.ProtocolDestination, options6(wire.ProtocolICMPv6, 0x80|30, 4, 0, 0, 0, 0)), answer: true},
		{reason: w(wire.ReasonIPv6OptionUnknown), name: "IPv6 option to be dropped in silence", packet: extension6(wire.ProtocolDestination, options6(wire.ProtocolICMPv6, 0x40|30, 4, 0, 0, 0, 0))},
		{reason: w(wire.ReasonIPv6RoutingType), packet: extension6(wire.ProtocolRouting, []byte{six, 0, 0, 1, 0, 0, 0, 0}), answer: true},
		{reason: w(wire.ReasonIPv6Fragment), packet: extension6(wire.ProtocolFragment, []byte{six, 0, 0xff, 0xf9, 0, 0, 0, 1}), answer: true},

		{reason: w(wire.ReasonICMPv4Truncated), packet: frame(ip(peer4, host4, wire.ProtocolICMPv4, []byte{8, 0, 0, 0, 0, 7, 0}))},
		{reason: w(wire.ReasonICMPv4Checksum), packet: frame(rawIP(peer4, host4, wire.ProtocolICMPv4, []byte{8, 0, 1, 2, 0, 7, 0, 1}))},
		{reason: w(wire.ReasonICMPv6Truncated), packet: frame(ip(peer6, host6, wire.ProtocolICMPv6, []byte{128, 0, 0, 0, 0, 7, 0}))},
		{reason: w(wire.ReasonICMPv6Checksum), packet: frame(rawIP(peer6, host6, wire.ProtocolICMPv6, []byte{128, 0, 1, 2, 0, 7, 0, 1}))},
		{reason: w(wire.ReasonQuoteTruncated), packet: quoting4(udpPacket(toUDP4, fromPeer4, "")[:27])},
		{reason: w(wire.ReasonQuoteInvalid), packet: quoting4(change(udpPacket(toUDP4, fromPeer4, ""), 0, 0x55))},

		{reason: w(wire.ReasonNDHopLimit), packet: change(ns, ipAt+7, 64)},
		{reason: w(wire.ReasonNDCode), packet: fixed6(change(ns, nd+1, 1))},
		{reason: w(wire.ReasonNDTarget), packet: fixed6(change(ns, nd+8, 0xff))},
		{reason: w(wire.ReasonNDDestination), packet: fixed6(change(change(na, ipAt+24, allNodesLink.AsSlice()...), nd+4, 0x40))},
		{reason: w(wire.ReasonNDOption), packet: fixed6(change(ns, ipAt+8, make([]byte, 16)...))},
		{reason: w(wire.ReasonNDOptionLength), packet: fixed6(change(ns, nd+25, 0))},

		{reason: w(wire.ReasonUDPTruncated), packet: frame(rawIP(peer4, host4, wire.ProtocolUDP, make([]byte, 7)))},
		{reason: w(wire.ReasonUDPLength), packet: change(four, udp4+4, 0, 7)},
		{reason: w(wire.ReasonUDPLength), name: "UDP length beyond the packet", packet: change(four, udp4+4, 0, 17)},
		{reason: w(wire.ReasonUDPChecksum), packet: change(four, len(four)-1, '!')},
		{reason: w(wire.ReasonUDPNoChecksum), packet: change(good6(), udp6+6, 0, 0)},

		{reason: w(wire.ReasonTCPTruncated), packet: frame(rawIP(peer4, host4, wire.ProtocolTCP, make([]byte, 19)))},
		{reason: w(wire.ReasonTCPHeaderLength), packet: change(segment, tcp4+12, 4<<4)},
		{reason: w(wire.ReasonTCPOption), packet: frame(ip(peer4, host4, wire.ProtocolTCP, append(
			change(segment[tcp4:], 12, 6<<4), 2, 0, 0, 0)))},
		{reason: w(wire.ReasonTCPChecksum), packet: change(segment, tcp4+16, segment[tcp4+16]^1)},
	}
	seen := map[Reason]bool{
		// Of queries to groups that were joined: TestGroupQueryDestination.
		w(wire.ReasonMembershipDestination): true,
		// Of router advertisements and redirects, which are not acted on.
		w(wire.ReasonNDSource): true,
	}
	runDrops(t, append(cases, groupDrops()...), seen)
	for r := Reason(1); r < Reason(wire.NumReasons); r++ {
		if !seen[r] {
			t.Errorf("no packet is dropped for %q here", r)
		}
	}
}
