package host

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"github.com/usernet-go/usernet/wire"
)

// frame puts payload into an Ethernet frame from the peer to the host.
func frame(payload []byte) []byte {
	et := wire.EtherTypeIPv4
	if payload[0]>>4 == 6 {
		et = wire.EtherTypeIPv6
	}
	return frameTo(hostMAC, et, payload)
}

func frameTo(dst wire.MAC, et wire.EtherType, payload []byte) []byte {
	h := wire.Ethernet{Dst: dst, Src: peerMAC, Type: et}
	return append(h.Append(nil), payload...)
}

func arpFrame(op wire.ARPOperation, senderMAC wire.MAC, sender netip.Addr, targetMAC wire.MAC, target netip.Addr) []byte {
	dst := wire.Broadcast
	if op == wire.ARPReply {
		dst = targetMAC
	}
	a := wire.ARP{Operation: op, SenderMAC: senderMAC, Sender: sender, TargetMAC: targetMAC, Target: target}
	return frameTo(dst, wire.EtherTypeARP, a.Append(nil))
}

// ip makes a packet of protocol p around a transport header and its text, in which
// it fills in the checksum.
func ip(src, dst netip.Addr, p wire.Protocol, transport []byte) []byte {
	if p.ChecksumOffset() >= 0 && len(transport) >= p.ChecksumOffset()+2 {
		transport = slices.Clone(transport)
		wire.SetChecksum(p, src, dst, transport, nil)
	}
	return rawIP(src, dst, p, transport)
}

// rawIP is ip without the checksum.
func rawIP(src, dst netip.Addr, p wire.Protocol, payload []byte) []byte {
	if src.Is4() {
		h := wire.IPv4{TotalLen: wire.IPv4Len + len(payload), TTL: 64, Protocol: p, Src: src, Dst: dst}
		return append(h.Append(nil), payload...)
	}
	h := wire.IPv6{PayloadLen: len(payload), NextHeader: p, HopLimit: 64, Src: src, Dst: dst}
	return append(h.Append(nil), payload...)
}

func udp(srcPort, dstPort uint16, text string) []byte {
	h := wire.UDP{SrcPort: srcPort, DstPort: dstPort, Length: wire.UDPLen + len(text)}
	return append(h.Append(nil), text...)
}

func udpPacket(src, dst netip.AddrPort, text string) []byte {
	return ip(src.Addr(), dst.Addr(), wire.ProtocolUDP, udp(src.Port(), dst.Port(), text))
}

func tcpPacket(src, dst netip.AddrPort, flags wire.TCPFlags, seq, ack wire.Seq) []byte {
	h := wire.TCP{SrcPort: src.Port(), DstPort: dst.Port(), Seq: seq, Ack: ack, Flags: flags, Window: 65535}
	return ip(src.Addr(), dst.Addr(), wire.ProtocolTCP, h.Append(nil))
}

// echoRequest makes an echo request of the family of src.
func echoRequest(src, dst netip.Addr, data string) []byte {
	if src.Is4() {
		m := wire.ICMPv4{Type: wire.ICMPv4EchoRequest, ID: 7, Sequence: 1, Body: []byte(data)}
		return ip(src, dst, wire.ProtocolICMPv4, m.Append(nil))
	}
	m := wire.ICMPv6{Type: wire.ICMPv6EchoRequest, ID: 7, Sequence: 1, Body: []byte(data)}
	return ip(src, dst, wire.ProtocolICMPv6, m.Append(nil))
}

// withHopLimit sets the TTL or hop limit of an IP packet.
func withHopLimit(packet []byte, ttl byte) []byte {
	if packet[0]>>4 == 6 {
		packet[7] = ttl
		return packet
	}
	packet[8] = ttl
	return resum(packet)
}

// resum writes the header checksum of an IPv4 packet anew.
func resum(packet []byte) []byte {
	n := min(int(packet[0]&15)*4, len(packet))
	packet[10], packet[11] = 0, 0
	binary.BigEndian.PutUint16(packet[10:], wire.Checksum(packet[:n]))
	return packet
}

// solicitation is a neighbour solicitation from the peer's address src for target,
// in its frame.
func solicitation(src, target netip.Addr) []byte {
	m := wire.NeighborSolicitation{Target: target, SourceMAC: peerMAC}
	group := wire.SolicitedNode(target)
	packet := withHopLimit(ip(src, group, wire.ProtocolICMPv6, m.Append(nil)), 255)
	return frameTo(groupMAC(group), wire.EtherTypeIPv6, packet)
}

// routerPacket is a router advertisement to all, in its frame.
func routerPacket(from netip.Addr, m wire.RouterAdvertisement) []byte {
	packet := withHopLimit(ip(from, allNodesLink, wire.ProtocolICMPv6, m.Append(nil)), 255)
	return frameTo(groupMAC(allNodesLink), wire.EtherTypeIPv6, packet)
}

// redirectPacket is a redirect of far6 to another router.
func redirectPacket(from netip.Addr) []byte {
	m := wire.Redirect{Target: router2, Destination: far6}
	return withHopLimit(ip(from, host6, wire.ProtocolICMPv6, m.Append(nil)), 255)
}

// advertisement is a neighbour advertisement by the peer about target, in its frame.
func advertisement(target netip.Addr, mac wire.MAC, solicited bool) []byte {
	m := wire.NeighborAdvertisement{Target: target, TargetMAC: mac, Solicited: solicited, Override: true}
	return frame(withHopLimit(ip(target, host6, wire.ProtocolICMPv6, m.Append(nil)), 255))
}

// groupMAC is where packets to a group are sent on Ethernet.
func groupMAC(group netip.Addr) wire.MAC { return wire.MulticastMAC(group) }
