package host

import (
	"net/netip"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// This file is what makes a host with Config.Forwarding a router (RFC 1812, RFC
// 8200): which packets go on, where, and what their source is told otherwise.
//
// It has neither redirects nor filters. Extension headers of IPv6 are passed on
// unread, hop-by-hop options among them: RFC 8200, 4: "[...] it is now expected that
// nodes along a packet's delivery path only examine and process the Hop-by-Hop
// Options header if explicitly configured to do so." A routing header counts at its
// packet's destination only.

var (
	classE      = netip.MustParsePrefix("240.0.0.0/4")
	allRouters4 = netip.AddrFrom4([4]byte{224, 0, 0, 2})
	allRouters6 = netip.IPv6LinkLocalAllRouters()
	// allRoutersSite is RFC 4291, 2.7.1, ff05::2.
	allRoutersSite = netip.AddrFrom16([16]byte{0: 0xff, 1: 0x05, 15: 0x02})
)

// forwardable says whether a packet for another host may go on, as far as its
// addresses tell, or why it is dropped. What no host may send is gone before.
func (b *inputBatch) forwardable(src, dst netip.Addr) Reason {
	switch {
	case !b.h.config.Forwarding:
		return ReasonNotForUs
	case b.frameGroup:
		// RFC 1812, 5.3.4: "A router MUST NOT forward any packet that the router received
		// as a Link Layer broadcast, unless it is directed to an IP Multicast address."
		return ReasonFrameBroadcast
	case src.IsUnspecified(), classE.Contains(src):
		// RFC 4291, 2.5.2: "An IPv6 packet with a source address of unspecified must never
		// be forwarded by an IPv6 router." RFC 1812, 5.3.7: "An IP source address is
		// invalid if it [...] is not a unicast address."
		return ReasonSource
	case dst.Is4() && anyIPv4Network.Contains(dst), classE.Contains(dst):
		// RFC 1812, 5.3.7: "A router SHOULD NOT forward any packet that has an invalid IP
		// destination address or a destination address on network 0." An address is invalid
		// "if it [...] is a Class E address".
		return ReasonDestination
	case dst.IsLinkLocalUnicast(), src.IsLinkLocalUnicast() && src.Is4():
		// RFC 3927, 2.7: "An IPv4 packet whose source and/or destination address is in the
		// 169.254/16 prefix MUST NOT be sent to any router for forwarding, and any network
		// device receiving such a packet MUST NOT forward it". RFC 4291, 2.5.6, has the
		// same for IPv6.
		return ReasonForwardScope
	}
	return ReasonNone
}

// A transit is a packet on its way through: its IP header starts head.
type transit struct {
	src, dst  netip.Addr
	head      []byte   // the first piece
	rest      [][]byte // the further ones
	size      int      // bytes in head and rest
	header    int      // bytes of IP header and options, or of the fixed IPv6 header
	protocol  wire.Protocol
	transport int // where in head the transport header begins
	offload   link.Offload
	linkLen   int  // bytes of link header by which offload's offsets are too large
	fragments bool // may be cut into fragments here
}

// forwardIPv4 sends a packet on. b.p holds it, from its transport header on.
func (b *inputBatch) forwardIPv4(h *wire.IPv4, n int) Reason {
	return b.forward(&transit{
		src: h.Src, dst: h.Dst, head: b.p.ip, rest: b.p.rest, size: n + b.p.size, header: n,
		protocol: h.Protocol, transport: n, offload: b.p.offload, linkLen: b.linkLen, fragments: !h.DontFragment,
	})
}

// forwardIPv6 sends a packet on.
func (b *inputBatch) forwardIPv6(h *wire.IPv6, n int) Reason {
	p, at := upperLayer(b.p.ip)
	return b.forward(&transit{
		src: h.Src, dst: h.Dst, head: b.p.ip, rest: b.p.rest, size: n + b.p.size, header: n,
		protocol: p, transport: at, offload: b.p.offload, linkLen: b.linkLen,
	})
}

// forward sends a packet on, or tells its source why it cannot.
func (b *inputBatch) forward(t *transit) Reason {
	b.tcp.flush() // what follows sends
	if b.forwarder == nil {
		b.forwarder = new(forwarder)
	}
	f := b.forwarder
	if b.p.ttl <= 1 {
		// RFC 1812, 5.3.1: "If the TTL is reduced to zero (or less), the packet MUST be
		// discarded, and [...] the router MUST send an ICMP Time Exceeded message, Code 0".
		// RFC 4443, 3.3: "If a router receives a packet with a Hop Limit of zero, or if a
		// router decrements a packet's Hop Limit to zero, it MUST discard the packet and
		// originate an ICMPv6 Time Exceeded message with Code 0".
		b.refuse(t, icmpError{type4: wire.ICMPv4TimeExceeded, type6: wire.ICMPv6TimeExceeded})
		return ReasonForwardTTL
	}
	if t.src.IsLinkLocalUnicast() {
		// RFC 4443, 3.1: "If the reason for the failure to deliver is that the destination
		// is beyond the scope of the source address, the Code field is set to 2."
		b.refuse(t, icmpError{type6: wire.ICMPv6Unreachable, code: wire.ICMPv6CodeBeyondScope})
		return ReasonForwardScope
	}
	if f.dst != t.dst || f.generation != b.t.generation {
		b.flushForwarded() // by the route of before
		f.dst, f.generation = t.dst, b.t.generation
		f.onLink, f.routed = b.forwardRoute(t.dst, &f.route)
	}
	if r := &f.route; !f.routed || t.dst.Is6() && r.mtu < minMTUv6 {
		// RFC 1812, 4.3.3.1: "If a router cannot forward a packet because it has no routes
		// at all (including no default route) to the destination [...], then the router
		// MUST generate a Destination Unreachable, Code 0 (Network Unreachable)". RFC 4443,
		// 3.1, has the same code.
		b.refuse(t, icmpError{type4: wire.ICMPv4Unreachable, type6: wire.ICMPv6Unreachable})
		return ReasonNoRoute
	} else if r.ifc == b.ifc && f.onLink && r.ifc.linkInfo.Medium == link.IP {
		// RFC 4443, 3.1: "[...] code 3 [...] in response to a packet received by a router
		// from a point-to-point link, destined to an address within a subnet assigned to
		// that same link [...]. In such a case, the packet MUST NOT be forwarded back onto
		// the arrival link." With IPv4 it would go to and fro as well.
		b.refuse(t, unreachableHost(t.dst))
		return ReasonForwardBack
	}
	return b.passOn(t)
}

// forwardRoute looks for the way to dst; onLink says that no router is on it.
func (b *inputBatch) forwardRoute(dst netip.Addr, r *route) (onLink, ok bool) {
	e, ok := b.t.find(netip.Addr{}, dst, "")
	if !ok || e.ifc.link == nil {
		return false, false
	}
	*r = route{ifc: e.ifc, nextHop: dst, mtu: e.ifc.mtu(dst)}
	if e.gateway.IsValid() {
		r.nextHop = e.gateway
	}
	if e.ifc.linkInfo.Medium == link.Ethernet {
		r.nbr = e.ifc.neighbours.get(r.nextHop)
	}
	return !e.gateway.IsValid(), true
}

// passOn sends t by the route that was found, if it is not too big for that.
func (b *inputBatch) passOn(t *transit) Reason {
	f := b.forwarder
	mtu := f.route.mtu
	if t.dst.Is4() && t.header > wire.IPv4Len && (t.largest() <= mtu || t.fragments) {
		if at := b.recordHop(t); at >= 0 {
			// RFC 792: "The pointer identifies the octet of the original datagram's header
			// where the error was detected".
			b.refuse(t, icmpError{type4: wire.ICMPv4ParameterProblem, word: uint32(at) << 24})
			return ReasonForwardOption
		}
	}
	switch {
	case t.largest() <= mtu:
		return f.pass(b, t)
	case t.fragments:
		return f.fragment(b, t)
	case t.dst.Is6():
		// RFC 4443, 3.2: "A Packet Too Big MUST be sent by a router in response to a packet
		// that it cannot forward because the packet is larger than the MTU of the outgoing
		// link."
		b.refuse(t, icmpError{type6: wire.ICMPv6PacketTooBig, word: uint32(mtu)})
	default:
		// RFC 1191, 4: "[...] the router MUST include the MTU of that next-hop network in
		// the low-order 16 bits of the ICMP header field that is labelled 'unused' in the
		// ICMP specification".
		b.refuse(t, icmpError{type4: wire.ICMPv4Unreachable, code: wire.ICMPv4CodeFragmentation, word: uint32(mtu)})
	}
	return ReasonForwardTooBig
}

// largest returns the bytes of the largest packet that t is on a wire.
func (t *transit) largest() int {
	if t.offload.Segmentation == link.SegmentNone {
		return t.size
	}
	return min(t.size, int(t.offload.HeaderLen)-t.linkLen+int(t.offload.SegmentSize))
}

// unreachableHost is RFC 1812, 4.3.3.1, "Code 1 (Host Unreachable)", and RFC 4443,
// 3.1, code 3.
func unreachableHost(dst netip.Addr) icmpError {
	e := icmpError{type4: wire.ICMPv4Unreachable, type6: wire.ICMPv6Unreachable, code: wire.ICMPv4CodeHost}
	if dst.Is6() {
		e.code = wire.ICMPv6CodeAddress
	}
	return e
}

// refuse tells t's source that it does not go on. Of a super-segment, or of what has
// no checksum yet, what is quoted is what would have been on the wire.
func (b *inputBatch) refuse(t *transit, e icmpError) {
	c := b.culprit()
	if t.offload.Checksum == link.ChecksumPartial || t.offload.Segmentation != link.SegmentNone {
		var p link.Packet
		t.copyTo(&p, nil)
		if cut, err := b.forwarder.whole.Cut(link.IP, &p); err == nil {
			c.ip, c.rest = cut[0].Data[0], cut[0].Data[1:]
		}
	}
	b.h.sendICMPError(b.now, c, e)
}

// forwardFailed tells the source of a packet that was to be sent on that its next
// hop does not answer. What is quoted is what would have been on the wire.
func (h *Host) forwardFailed(now time.Time, q *wire.Quote, p *queuedPacket) {
	c := culprit{src: q.Src, dst: q.Dst, ip: p.frame[headroom:]}
	if p.offload != (link.Offload{}) {
		var cutter link.Cutter
		whole := link.Packet{Data: [][]byte{p.frame}, Offload: p.offload}
		if cut, err := cutter.Cut(link.Ethernet, &whole); err == nil {
			c.ip, c.rest = cut[0].Data[0][headroom:], cut[0].Data[1:]
		}
	}
	h.sendICMPError(now, c, unreachableHost(q.Dst))
}
