package host

import (
	"net/netip"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// Bytes of IP header and options in front of a message.
const (
	igmpHeaders = wire.IPv4Len + len(wire.IPv4RouterAlert)
	mldHeaders  = wire.IPv6Len + 8 // with the hop-by-hop options
)

// sendMembership sends e from src.
func (ifc *iface) sendMembership(src netip.Addr, e *membershipMessage) {
	if ifc.linkInfo.Medium != link.Ethernet {
		return
	}
	r := route{ifc: ifc, src: src, nextHop: e.dst, mac: wire.MulticastMAC(e.dst), mtu: ifc.linkInfo.MTU}
	frame := r.appendLinkHeader(make([]byte, 0, headroom+mldHeaders+64), etherTypeOf(e.dst))
	if src.Is4() {
		frame = appendIGMP(frame, src, e)
	} else {
		frame = appendMLD(frame, src, e)
	}
	ifc.transmitOrDrop([]link.Packet{{Data: [][]byte{frame}}})
}

// appendIGMP appends e with its IP header.
//
// RFC 9776, 4: "Every IGMP message described in this document is sent with an IP
// Time-to-Live of 1, IP Precedence of Internetwork Control (e.g., Type of Service
// 0xc0), and carries an IP Router Alert option [RFC2113] in its IP header."
func appendIGMP(b []byte, src netip.Addr, e *membershipMessage) []byte {
	var message []byte
	if e.group.IsValid() {
		m := wire.IGMP{Type: wire.IGMPv2Report, Group: e.group}
		switch {
		case e.leave:
			m.Type = wire.IGMPv2Leave
		case e.version == 1:
			m.Type = wire.IGMPv1Report
		}
		message = m.Append(nil)
	} else {
		message = wire.AppendIGMPReport(nil, e.records)
	}
	h := wire.IPv4{
		TOS: 0xc0, TotalLen: igmpHeaders + len(message), DontFragment: true, TTL: 1, Protocol: wire.ProtocolIGMP,
		Src: src, Dst: e.dst, Options: []byte(wire.IPv4RouterAlert),
	}
	return append(h.Append(b), message...)
}

// appendMLD appends e with its IP header.
//
// RFC 9777, 5: "All MLDv2 messages [...] MUST be sent with a link-local IPv6 Source
// Address, an IPv6 Hop Limit of 1, and an IPv6 Router Alert option [RFC2711] in a
// Hop-by-Hop Options header."
func appendMLD(b []byte, src netip.Addr, e *membershipMessage) []byte {
	var message []byte
	if e.group.IsValid() {
		m := wire.MLD{Type: wire.ICMPv6MLDv1Report, Group: e.group}
		if e.leave {
			m.Type = wire.ICMPv6MLDv1Done
		}
		message = m.Append(nil)
	} else {
		message = wire.AppendMLDReport(nil, e.records)
	}
	wire.SetChecksum(wire.ProtocolICMPv6, src, e.dst, message, nil)
	h := wire.IPv6{
		PayloadLen: mldHeaders - wire.IPv6Len + len(message), NextHeader: wire.ProtocolHopByHop, HopLimit: 1, Src: src, Dst: e.dst,
	}
	b = wire.AppendIPv6Options(h.Append(b), wire.ProtocolICMPv6, []byte(wire.IPv6RouterAlertMLD))
	return append(b, message...)
}
