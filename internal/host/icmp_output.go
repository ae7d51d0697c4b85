package host

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/usernet-go/usernet/wire"
)

// An icmpError is an error message about to be sent. Types and codes of the two
// families differ; the words here are those of both.
type icmpError struct {
	type4 wire.ICMPv4Type
	type6 wire.ICMPv6Type
	code  uint8  // of the family that is meant
	word  uint32 // the second word of the ICMP header
	group bool   // is sent even about a packet to a group (RFC 4443, 2.4 e.3)
}

// A culprit is the packet that an error is about.
type culprit struct {
	src, dst netip.Addr
	ip       []byte   // its first piece, from the IP header on
	rest     [][]byte // the further pieces
	group    bool     // it was sent to more than one host
	zone     string   // the interface that it came by, if that counts
}

func (b *inputBatch) culprit() culprit {
	return culprit{b.p.src, b.p.dst, b.p.ip, b.p.rest, b.p.broadcast, b.p.replyTo().Zone()}
}

// portUnreachable answers a datagram for a UDP port that nobody has bound.
// RFC 1122, 4.1.3.1: "If a datagram arrives addressed to a UDP port for which there
// is no pending LISTEN call, UDP SHOULD send an ICMP Port Unreachable message."
func (b *inputBatch) portUnreachable() {
	e := icmpError{type4: wire.ICMPv4Unreachable, type6: wire.ICMPv6Unreachable, code: wire.ICMPv4CodePort}
	if b.p.src.Is6() {
		e.code = wire.ICMPv6CodePort
	}
	b.h.sendICMPError(b.now, b.culprit(), e)
}

// protocolUnreachable answers a packet of an unknown transport protocol: RFC 1122,
// 3.2.2.1, and RFC 8200, 4.
func (b *inputBatch) protocolUnreachable() {
	e := icmpError{type4: wire.ICMPv4Unreachable, type6: wire.ICMPv6ParameterProblem, code: wire.ICMPv4CodeProtocol}
	if b.p.src.Is6() {
		if wire.Protocol(b.p.ip[b.p.protocolAt]) == wire.ProtocolNone {
			return // RFC 8200, 4.7: nothing follows, and nothing is amiss
		}
		e.code, e.word = wire.ICMPv6CodeNextHeader, uint32(b.p.protocolAt)
	}
	b.h.sendICMPError(b.now, b.culprit(), e)
}

// parameterProblem answers an IPv6 packet with a header that cannot be processed.
func (b *inputBatch) parameterProblem(x *wire.IPv6Extensions) {
	if x.Answer == wire.IPv6AnswerNone {
		return
	}
	b.tcp.flush()
	b.h.sendICMPError(b.now, b.culprit(), icmpError{
		type6: wire.ICMPv6ParameterProblem, code: x.Code, word: uint32(x.Pointer),
		group: x.Answer == wire.IPv6AnswerAlways,
	})
}

// sendTimeExceeded tells the source of a datagram that its fragments did not
// arrive in time: RFC 792, RFC 4443, 3.3. packet is as much of it as there is.
func (h *Host) sendTimeExceeded(now time.Time, packet []byte) {
	c := culprit{ip: packet}
	if packet[0]>>4 == 4 {
		c.src, c.dst = netip.AddrFrom4([4]byte(packet[12:])), netip.AddrFrom4([4]byte(packet[16:]))
	} else {
		c.src, c.dst = netip.AddrFrom16([16]byte(packet[8:])), netip.AddrFrom16([16]byte(packet[24:]))
	}
	c.group = h.isGroup(c.dst)
	h.sendICMPError(now, c, icmpError{
		type4: wire.ICMPv4TimeExceeded, type6: wire.ICMPv6TimeExceeded, code: wire.ICMPv4CodeReassembly,
	})
}

// mayAnswer says whether an error may be sent about c.
//
// RFC 1122, 3.2.2: "An ICMP error message MUST NOT be sent as the result of
// receiving: [...] an ICMP error message, or [...] a datagram destined to an IP
// broadcast or IP multicast address, or [...] a datagram sent as a link-layer
// broadcast, or [...] a non-initial fragment, or [...] a datagram whose source
// address does not define a single host -- e.g., a zero address, a loopback address, a
// broadcast address, a multicast address, or a Class E address." RFC 4443, 2.4 (e) says
// nearly the same. Sources that are loopback or broadcast addresses have come no further
// than judge, unless the host talks to itself.
func (c *culprit) mayAnswer(e *icmpError) bool {
	if c.group && !e.group || c.src.IsUnspecified() || c.src.IsMulticast() || classE.Contains(c.src) {
		return false
	}
	if c.src.Is4() {
		header := int(c.ip[0]&15) * 4
		first := c.ip[6]&0x1f == 0 && c.ip[7] == 0
		isICMP := wire.Protocol(c.ip[9]) == wire.ProtocolICMPv4
		return first && !(isICMP && (len(c.ip) <= header || wire.ICMPv4Type(c.ip[header]).IsError()))
	}
	next, at := upperLayer(c.ip)
	if next != wire.ProtocolICMPv6 {
		return true
	}
	if len(c.ip) <= at {
		return false
	}
	t := wire.ICMPv6Type(c.ip[at])
	return !t.IsError() && t != wire.ICMPv6Redirect
}

// upperLayer returns the protocol behind the extension headers of an IPv6 packet,
// and where it starts, whatever is wrong with them; for a fragment other than the
// first, of which nobody knows what it is a piece of, ProtocolFragment.
func upperLayer(b []byte) (p wire.Protocol, at int) {
	p, at = wire.Protocol(b[6]), wire.IPv6Len
	for at+8 <= len(b) {
		n := 8 * (int(b[at+1]) + 1)
		switch p {
		case wire.ProtocolHopByHop, wire.ProtocolRouting, wire.ProtocolDestination:
		case wire.ProtocolFragment:
			if n = wire.IPv6FragmentLen; binary.BigEndian.Uint16(b[at+2:])&^7 != 0 {
				return p, at
			}
		default:
			return p, at
		}
		p, at = wire.Protocol(b[at]), at+n
	}
	return p, at
}

// sendICMPError sends e about c to c's source, if that is allowed and the rate
// limit permits.
func (h *Host) sendICMPError(now time.Time, c culprit, e icmpError) {
	if !c.mayAnswer(&e) {
		h.stats.drop(ReasonICMPErrorBarred)
		return
	}
	// RFC 4443, 2.4 (f): "[...] an IPv6 node MUST limit the rate of ICMPv6 error
	// messages it originates." RFC 1812, 4.3.2.8, says so for IPv4.
	if !h.icmpErrors.allow(now, c.src) {
		h.stats.drop(ReasonICMPErrorLimited)
		return
	}
	src := c.dst
	if c.group || !h.net.Load().isOwn(src) { // a group's, or a packet that was on its way through
		src = netip.Addr{}
	}
	r, err := h.lookupRoute(src, c.src.WithZone(c.zone))
	if err != nil {
		h.stats.drop(ReasonNoRoute)
		return
	}
	d := h.newDatagram()
	// RFC 1812, 4.3.2.3: "the ICMP datagram SHOULD contain as much of the original
	// datagram as possible without the length of the ICMP datagram exceeding 576 bytes."
	p, typ, quoted := wire.ProtocolICMPv4, uint8(e.type4), 576-wire.IPv4Len-wire.ICMPLen
	if c.src.Is6() {
		// RFC 4443, 2.4 (c): "Every ICMPv6 error message (type < 128) MUST include as much
		// of the IPv6 offending (invoking) packet (the packet that caused the error) as
		// possible without making the error message packet exceed the minimum IPv6 MTU".
		p, typ, quoted = wire.ProtocolICMPv6, uint8(e.type6), minMTUv6-wire.IPv6Len-wire.ICMPLen
	}
	d.head = append(d.head, typ, e.code, 0, 0, 0, 0, 0, 0)
	binary.BigEndian.PutUint32(d.head[4:], e.word)
	for _, piece := range append([][]byte{c.ip}, c.rest...) {
		piece = piece[:min(len(piece), quoted)]
		quoted -= len(piece)
		d.body = append(d.body, piece)
	}
	h.sendDatagram(now, &r, c.src, p, d) // an error is counted where it happens
}
