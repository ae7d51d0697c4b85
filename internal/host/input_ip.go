package host

import (
	"github.com/usernet-go/usernet/wire"
)

// ipv4 takes a packet from its IPv4 header on, of size bytes in head and rest.
func (b *inputBatch) ipv4(head []byte, rest [][]byte, size int) Reason {
	h, n, r := wire.ParseIPv4(head, size)
	if r != wire.OK {
		return wireReason(r)
	}
	if reason := b.addresses(h.Src, h.Dst); reason != ReasonNone {
		return reason
	}
	if len(h.Options) > 0 && h.SourceRouted() {
		// Who lets the sender choose the way is easily lied to. A router has no use for
		// these packets either.
		return ReasonSourceRoute
	}
	b.p.ecn, b.p.ttl, b.p.protocolAt = h.ECN(), h.TTL, 9
	b.setPayload(head, rest, n, h.TotalLen, size)
	if b.last.forward {
		return b.forwardIPv4(&h, n)
	}
	if h.MoreFragments || h.FragmentOffset > 0 {
		return b.fragment(&fragment{
			key:    fragmentKey{src: h.Src, dst: h.Dst, protocol: h.Protocol, id: uint32(h.ID)},
			header: head[:n], offset: h.FragmentOffset, more: h.MoreFragments,
			head: b.p.head, rest: b.p.rest, size: b.p.size,
		})
	}
	return b.transport(h.Protocol)
}

// ipv6 takes a packet from its IPv6 header on, of size bytes in head and rest.
func (b *inputBatch) ipv6(head []byte, rest [][]byte, size int) Reason {
	h, n, r := wire.ParseIPv6(head, size)
	if r != wire.OK {
		return wireReason(r)
	}
	if reason := b.addresses(h.Src, h.Dst); reason != ReasonNone && !b.isClaim(reason, &h, head[n:]) {
		return reason
	}
	b.p.ecn, b.p.ttl, b.p.protocolAt = h.ECN(), h.HopLimit, 6
	b.setPayload(head, rest, n, n+h.PayloadLen, size)
	if b.last.forward {
		return b.forwardIPv6(&h, n)
	}
	switch h.NextHeader {
	case wire.ProtocolTCP, wire.ProtocolUDP, wire.ProtocolICMPv6:
		return b.transport(h.NextHeader)
	}

	x, extensions, r := wire.ParseIPv6Extensions(h.NextHeader, b.p.head)
	if r != wire.OK {
		b.parameterProblem(&x)
		return wireReason(r)
	}
	b.p.head, b.p.size = b.p.head[extensions:], b.p.size-extensions
	b.p.protocolAt = x.ProtocolOffset
	if !x.HasFragment {
		return b.transport(x.Protocol)
	}
	if r := x.CheckFragment(b.p.size); r != wire.OK {
		b.parameterProblem(&x)
		return wireReason(r)
	}
	if x.Fragment.Offset == 0 && !hasAllHeaders(x.Protocol, b.p.head) {
		// RFC 8200, 4.5: "If the first fragment does not include all headers through an
		// Upper-Layer header, then that fragment should be discarded and an ICMP
		// Parameter Problem, Code 3, message should be sent".
		b.parameterProblem(&wire.IPv6Extensions{Answer: wire.IPv6AnswerUnicast, Code: wire.ICMPv6CodeFirstFragment})
		return ReasonFragmentHeader
	}
	f := &fragment{
		key:    fragmentKey{src: h.Src, dst: h.Dst, id: x.Fragment.ID},
		header: head[:n+extensions-wire.IPv6FragmentLen], offset: x.Fragment.Offset, more: x.Fragment.MoreFragments,
		head: b.p.head, rest: b.p.rest, size: b.p.size, next: x.Fragment.NextHeader,
	}
	return b.fragment(f)
}

// hasAllHeaders says whether b, which starts with a header of protocol p, holds
// the headers through the transport's.
func hasAllHeaders(p wire.Protocol, b []byte) bool {
	x, n, r := wire.ParseIPv6Extensions(p, b)
	if r != wire.OK {
		return r != wire.ReasonIPv6ExtensionTruncated
	}
	switch x.Protocol {
	case wire.ProtocolTCP:
		return len(b)-n >= wire.TCPLen
	case wire.ProtocolUDP:
		return len(b)-n >= wire.UDPLen
	case wire.ProtocolICMPv6:
		return len(b)-n >= wire.ICMPLen
	}
	return true
}
