package host

import (
	"net/netip"
	"time"

	"github.com/usernet-go/usernet/wire"
)

// icmpv4 takes an ICMP message.
func (b *inputBatch) icmpv4() Reason {
	p := &b.p
	if r := p.verify(wire.ProtocolICMPv4); r != wire.OK {
		return wireReason(r)
	}
	m, r := wire.ParseICMPv4(p.head)
	if r != wire.OK {
		return wireReason(r)
	}
	switch m.Type {
	case wire.ICMPv4EchoRequest:
		return b.echo(wire.ProtocolICMPv4, byte(wire.ICMPv4EchoReply))
	case wire.ICMPv4EchoReply:
		return b.h.pings.reply(b.now, p, m.ID, m.Sequence)
	case wire.ICMPv4Unreachable:
		return b.unreachable(unreachableIPv4(m.Code), int(m.MTU), m.Code == wire.ICMPv4CodeFragmentation)
	case wire.ICMPv4TimeExceeded, wire.ICMPv4ParameterProblem:
		// RFC 9293, 3.9.2.2: "Since these [...] messages indicate soft error conditions, a
		// TCP implementation MUST NOT abort the connection (MUST-56)".
		return b.unreachable(icmpVerdict{err: ErrHostUnreachable}, 0, false)
	}
	// Redirects among them: with one gateway there is no better one to learn of.
	return ReasonICMPType
}

// icmpv6 takes an ICMPv6 message.
func (b *inputBatch) icmpv6() Reason {
	p := &b.p
	if r := p.verify(wire.ProtocolICMPv6); r != wire.OK {
		return wireReason(r)
	}
	m, r := wire.ParseICMPv6(p.head)
	switch {
	case r != wire.OK:
		return wireReason(r)
	case p.src.IsUnspecified() && m.Type != wire.ICMPv6NeighborSolicitation:
		return ReasonSource
	}
	switch m.Type {
	case wire.ICMPv6EchoRequest:
		return b.echo(wire.ProtocolICMPv6, byte(wire.ICMPv6EchoReply))
	case wire.ICMPv6EchoReply:
		return b.h.pings.reply(b.now, p, m.ID, m.Sequence)
	case wire.ICMPv6Unreachable:
		return b.unreachable(unreachableIPv6(m.Code), 0, false)
	case wire.ICMPv6PacketTooBig:
		return b.unreachable(icmpVerdict{}, int(min(m.MTU, 1<<16)), true)
	case wire.ICMPv6ParameterProblem:
		v := icmpVerdict{err: ErrHostUnreachable}
		if m.Code == wire.ICMPv6CodeNextHeader {
			// IPv6's "protocol unreachable", but no hard error: RFC 9293, 3.9.2.2, counts
			// "Parameter Problem -- codes 0, 1, 2" among the soft ones (MUST-56).
			v.err = ErrProtocol
		}
		return b.unreachable(v, 0, false)
	case wire.ICMPv6TimeExceeded:
		return b.unreachable(icmpVerdict{err: ErrHostUnreachable}, 0, false)
	case wire.ICMPv6MLDQuery, wire.ICMPv6MLDv1Report:
		return b.mld()
	case wire.ICMPv6NeighborSolicitation:
		return b.neighborSolicitation()
	case wire.ICMPv6NeighborAdvertisement:
		return b.neighborAdvertisement()
	case wire.ICMPv6RouterAdvertisement:
		return b.routerAdvertisement()
	case wire.ICMPv6Redirect:
		return b.redirect()
	}
	if m.Type.IsError() {
		// RFC 4443, 2.4 (a): "If an ICMPv6 error message of unknown type is received at its
		// destination, it MUST be passed to the upper-layer process that originated the
		// packet that caused the error, where this can be identified".
		return b.unreachable(icmpVerdict{err: ErrHostUnreachable}, 0, false)
	}
	return ReasonICMPType
}

// echo answers an echo request.
//
// RFC 1122, 3.2.2.6: "Every host MUST implement an ICMP Echo server function [...].
// An ICMP Echo Request destined to an IP broadcast or IP multicast address MAY be
// silently discarded. [...] The IP source address in an ICMP Echo Reply MUST be the
// same as the specific-destination address [...]. Data received in an ICMP Echo
// Request MUST be entirely included in the resulting Echo Reply." RFC 1812, 4.3.2.5: "An
// ICMP reply message SHOULD have its TOS bits set to the same value as the TOS bits in
// the ICMP request that provoked the reply."
func (b *inputBatch) echo(p wire.Protocol, reply byte) Reason {
	src, tos := b.p.dst, uint8(0)
	switch {
	case p == wire.ProtocolICMPv4 && b.p.broadcast:
		return ReasonICMPEchoGroup
	case p == wire.ProtocolICMPv4:
		tos = b.p.ip[1] &^ 3 // the rest is ECN's
	case b.p.dst.IsMulticast():
		// RFC 4443, 4.2: "An Echo Reply SHOULD be sent in response to an Echo Request
		// message sent to an IPv6 multicast or anycast address. In this case, the source
		// address of the reply MUST be a unicast address belonging to the interface on which
		// the Echo Request message was received."
		if src = b.t.sourceFor(b.ifc, b.p.src, b.p.src); !src.IsValid() {
			return ReasonICMPEchoGroup
		}
	}
	r, err := b.h.lookupRoute(src, b.p.replyTo())
	if err != nil {
		return ReasonNoRoute
	}
	d := b.h.newDatagram()
	d.tos = tos
	d.head = append(d.head, reply, 0, 0, 0)
	d.head = append(d.head, b.p.head[4:wire.ICMPLen]...)
	d.body = append(d.body, b.p.head[wire.ICMPLen:])
	d.body = append(d.body, b.p.rest...)
	b.h.sendDatagram(b.now, &r, b.p.src, p, d) // what is lost is counted, and asked for again
	return ReasonNone
}

// An icmpVerdict is what an ICMP error means for the flow that it is about.
type icmpVerdict struct {
	err  error
	hard bool
}

// unreachableIPv4 is RFC 1122, 3.2.2.1 and 4.2.3.9: codes 2 to 4 are hard errors,
// the others soft; the errors are those of the kernel.
func unreachableIPv4(code uint8) icmpVerdict {
	switch code {
	case wire.ICMPv4CodeProtocol:
		return icmpVerdict{ErrProtocol, true}
	case wire.ICMPv4CodePort:
		return icmpVerdict{errPortUnreachable, true}
	case wire.ICMPv4CodeNet, wire.ICMPv4CodeNetUnknown, wire.ICMPv4CodeNetProhibited, wire.ICMPv4CodeNetTOS:
		return icmpVerdict{ErrNetUnreachable, false}
	}
	return icmpVerdict{ErrHostUnreachable, false}
}

// unreachableIPv6 is the same for RFC 4443, 3.1.
func unreachableIPv6(code uint8) icmpVerdict {
	switch code {
	case wire.ICMPv6CodePort:
		return icmpVerdict{errPortUnreachable, true}
	case wire.ICMPv6CodeNoRoute:
		return icmpVerdict{ErrNetUnreachable, false}
	}
	return icmpVerdict{ErrHostUnreachable, false}
}

// unreachable takes an ICMP error to the flow of the packet that it quotes. tooBig
// says that it tells an MTU.
func (b *inputBatch) unreachable(v icmpVerdict, mtu int, tooBig bool) Reason {
	if b.p.broadcast {
		return ReasonICMPErrorUnknown // our packets come from none of these addresses
	}
	q, r := wire.ParseQuote(b.message()[wire.ICMPLen:])
	switch {
	case r != wire.OK:
		return wireReason(r)
	case q.Src != b.p.dst, b.ifc.link != nil && b.t.isOwn(q.Dst) && !b.t.isElsewhere(q.Dst, b.ifc.name):
		// An error goes to who sent the packet, and what we send to ourselves is on no
		// wire: RFC 5927 has what forged errors are good for.
		return ReasonICMPErrorUnknown
	}
	if tooBig {
		if mtu = pathMTUOf(mtu, &q); mtu == 0 {
			return ReasonICMPErrorMTU
		}
		v = icmpVerdict{} // no error: what comes next is made to fit
	}
	return b.h.flowUnreachable(b.now, b.ifc, &q, v, mtu)
}

const minPathMTUv4 = 552 // the kernel's: what is told below is more likely an attack than a path

// pathMTUOf returns the MTU that an ICMP error tells, or 0 if it cannot be
// believed: a packet that fits was not too big (RFC 5927, 7.2).
func pathMTUOf(mtu int, q *wire.Quote) int {
	if q.Src.Is6() {
		// RFC 8201, 4: "If a node receives a Packet Too Big message reporting a next-hop
		// MTU that is less than the IPv6 minimum link MTU, it must discard it."
		if mtu < minMTUv6 || mtu >= q.Length {
			return 0
		}
		return mtu
	}
	if mtu == 0 { // RFC 1191, 5: the router does not tell; guess by the plateaus of 7.1
		for _, plateau := range [...]int{32000, 17914, 8166, 4352, 2002, 1492, 1006, minPathMTUv4} {
			if plateau < q.Length {
				mtu = plateau
				break
			}
		}
	}
	if mtu == 0 || max(mtu, minPathMTUv4) >= q.Length {
		return 0
	}
	return max(mtu, minPathMTUv4)
}

// flowUnreachable tells the flow that sent the packet in q, of which ifc has heard.
// mtu is set when the packet was too big.
func (h *Host) flowUnreachable(now time.Time, ifc *iface, q *wire.Quote, v icmpVerdict, mtu int) Reason {
	local, remote := netip.AddrPortFrom(q.Src, q.SrcPort), netip.AddrPortFrom(q.Dst, q.DstPort)
	switch q.Protocol {
	case wire.ProtocolTCP:
		key := makeFlowKey(local, remote).on(ifc)
		if !h.tcpUnreachable(&key, q.Seq, v.err, v.hard, mtu) {
			return ReasonICMPErrorUnknown
		}
		return ReasonNone
	case wire.ProtocolUDP:
		c := h.udp.find(local, remote, ifc)
		length := 0
		if mtu > 0 {
			length = q.Length
		}
		if c == nil || !h.recent.sent(now.Sub(h.epoch), q.Dst, uint32(q.SrcPort)<<16|uint32(q.DstPort), length) {
			return ReasonICMPErrorUnknown
		}
		c.unreachable(v.err)
	case wire.ProtocolICMPv4, wire.ProtocolICMPv6:
		if !h.pings.unreachable(q, v.err) {
			return ReasonICMPErrorUnknown
		}
	default:
		return ReasonICMPErrorUnknown
	}
	if mtu > 0 && !h.learnPathMTU(now, q.Dst, mtu) {
		return ReasonICMPErrorMTU
	}
	return ReasonNone
}

// flowFailed tells the flow of p, which could not be sent because its neighbour on
// ifc does not answer.
func (h *Host) flowFailed(now time.Time, ifc *iface, p *queuedPacket) {
	packet := p.frame[headroom:]
	q, r := wire.ParseQuote(packet)
	if h.config.Forwarding && q.Src.IsValid() && !h.net.Load().isOwn(q.Src) {
		h.forwardFailed(now, &q, p)
		return
	}
	if r != wire.OK {
		return
	}
	v := icmpVerdict{err: ErrHostUnreachable}
	switch q.Protocol {
	case wire.ProtocolUDP: // nobody has to be believed that the datagram was ours
		if c := h.udp.find(netip.AddrPortFrom(q.Src, q.SrcPort), netip.AddrPortFrom(q.Dst, q.DstPort), ifc); c != nil {
			c.unreachable(v.err)
		}
		return
	case wire.ProtocolTCP:
		// A connection that is being opened fails at once, as the kernel's does; one that
		// is open waits for its neighbour to come back, as for a router (RFC 9293, MUST-56).
		v.hard = opensConnection(packet)
	}
	h.flowUnreachable(now, ifc, &q, v, 0)
}

// opensConnection says whether packet, one of ours, holds the first segment of a
// connection.
func opensConnection(packet []byte) bool {
	header := wire.IPv4Len
	if packet[0]>>4 == 6 {
		header = wire.IPv6Len
	}
	h, _, r := wire.ParseTCP(packet[header:], len(packet)-header)
	return r == wire.OK && h.Flags&(wire.SYN|wire.ACK) == wire.SYN
}
