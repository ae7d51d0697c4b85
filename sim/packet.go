package sim

import (
	"net/netip"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// A Packet is one packet on one way of a path, as it would be on the wire: whole,
// checksums complete.
type Packet struct {
	Number   uint64      // on this way of the path, from 1
	Time     time.Time   // when it was sent
	From, To string      // names of the nodes at the ends of the path
	Medium   link.Medium // what Data begins with
	Data     []byte      // lent

	size int // bytes of the whole packet, where Data is but its beginning; otherwise 0
}

// length returns the bytes of the whole packet.
func (p *Packet) length() int { return max(p.size, len(p.Data)) }

// TCP returns the header of a TCP segment, and how many bytes of text follow it;
// false for all else, and for a fragment of a segment. The header's checksum has
// not been verified.
func (p *Packet) TCP() (h wire.TCP, text int, ok bool) {
	d, ok := p.datagram()
	if !ok {
		return h, 0, false
	}
	return d.tcp()
}

// ends returns the addresses and ports of a TCP segment with that header.
func (p *Packet) ends(h *wire.TCP) (src, dst netip.AddrPort) {
	d, _ := p.datagram()
	return netip.AddrPortFrom(d.src, h.SrcPort), netip.AddrPortFrom(d.dst, h.DstPort)
}

// A datagram is an IP packet without its headers.
type datagram struct {
	src, dst netip.Addr
	protocol wire.Protocol
	payload  []byte // as much as there is of it
	length   int    // bytes of the payload

	fragment bool // of another packet, and the rest says which part
	id       uint32
	offset   int // bytes
	more     bool
}

// datagram reads the headers up to IP's; false when it is no IP packet.
func (p *Packet) datagram() (datagram, bool) {
	b, size := p.Data, p.length()
	if p.Medium == link.Ethernet {
		h, n, r := wire.ParseEthernet(b)
		if r != wire.OK || h.Type != wire.EtherTypeIPv4 && h.Type != wire.EtherTypeIPv6 {
			return datagram{}, false
		}
		b, size = b[n:], size-n
	}
	d, r := parseDatagram(b, size)
	return d, r == wire.OK
}

// parseDatagram reads the packet that b starts with, of size bytes.
func parseDatagram(b []byte, size int) (d datagram, r wire.Reason) {
	if len(b) == 0 || b[0]>>4 != 6 {
		return parseIPv4(b, size)
	}
	return parseIPv6(b, size)
}

func parseIPv4(b []byte, size int) (d datagram, r wire.Reason) {
	h, n, r := wire.ParseIPv4(b, size)
	if r != wire.OK {
		return d, r
	}
	return datagram{
		src: h.Src, dst: h.Dst, protocol: h.Protocol,
		payload: b[n:min(len(b), h.TotalLen)], length: h.TotalLen - n,
		fragment: h.FragmentOffset > 0 || h.MoreFragments, id: uint32(h.ID), offset: h.FragmentOffset, more: h.MoreFragments,
	}, wire.OK
}

func parseIPv6(b []byte, size int) (d datagram, r wire.Reason) {
	h, n, r := wire.ParseIPv6(b, size)
	if r != wire.OK {
		return d, r
	}
	b = b[n:min(len(b), n+h.PayloadLen)]
	x, n, r := wire.ParseIPv6Extensions(h.NextHeader, b)
	if r != wire.OK {
		return d, r
	}
	protocol := x.Protocol
	if x.HasFragment {
		protocol = x.Fragment.NextHeader
	}
	return datagram{
		src: h.Src, dst: h.Dst, protocol: protocol, payload: b[n:], length: h.PayloadLen - n,
		fragment: x.HasFragment, id: x.Fragment.ID, offset: x.Fragment.Offset, more: x.Fragment.MoreFragments,
	}, wire.OK
}

// tcp reads the header of a segment; false when it is not one, or not one piece.
func (d *datagram) tcp() (h wire.TCP, text int, ok bool) {
	if d.protocol != wire.ProtocolTCP || d.fragment {
		return h, 0, false
	}
	h, n, r := wire.ParseTCP(d.payload, d.length)
	if r != wire.OK {
		return wire.TCP{}, 0, false
	}
	return h, d.length - n, true
}
