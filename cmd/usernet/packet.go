package main

import (
	"fmt"
	"net/netip"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// A packet is what a trace shows of one IP packet.
type packet struct {
	src, dst netip.Addr
	protocol wire.Protocol
	tcp      wire.TCP // when protocol is TCP
	textLen  int      // bytes behind the TCP header, or behind the IP header for other protocols
	first    byte     // behind the IP header: the type of an ICMP message
}

// parsePacket reads the headers of a packet on a link; false when it is no IP
// packet, or one that a stack would drop.
func parsePacket(medium link.Medium, p *link.Packet) (packet, bool) {
	b, size := p.Data[0], p.Len()
	if medium == link.Ethernet {
		h, n, r := wire.ParseEthernet(b)
		if r != wire.OK || h.Type != wire.EtherTypeIPv4 && h.Type != wire.EtherTypeIPv6 {
			return packet{}, false
		}
		b, size = b[n:], size-n
	}
	if len(b) == 0 {
		return packet{}, false
	}
	var q packet
	var ok bool
	if b[0]>>4 == 4 {
		b, size, ok = q.parseIPv4(b, size)
	} else {
		b, size, ok = q.parseIPv6(b, size)
	}
	if !ok {
		return packet{}, false
	}
	q.textLen = size
	if len(b) > 0 {
		q.first = b[0]
	}
	if q.protocol == wire.ProtocolTCP {
		h, n, r := wire.ParseTCP(b, size)
		if r != wire.OK {
			return packet{}, false
		}
		q.tcp, q.textLen = h, size-n
	}
	return q, true
}

// parseIPv4 returns what follows the IP header in the first piece, and how many
// bytes do so in all.
func (q *packet) parseIPv4(b []byte, size int) ([]byte, int, bool) {
	h, n, r := wire.ParseIPv4(b, size)
	if r != wire.OK || h.FragmentOffset > 0 || h.MoreFragments {
		return nil, 0, false
	}
	q.src, q.dst, q.protocol = h.Src, h.Dst, h.Protocol
	return b[n:min(len(b), h.TotalLen)], h.TotalLen - n, true
}

// parseIPv6 is parseIPv4 for IPv6.
func (q *packet) parseIPv6(b []byte, size int) ([]byte, int, bool) {
	h, n, r := wire.ParseIPv6(b, size)
	if r != wire.OK {
		return nil, 0, false
	}
	b = b[n:min(len(b), n+h.PayloadLen)]
	x, n, r := wire.ParseIPv6Extensions(h.NextHeader, b)
	if r != wire.OK || x.HasFragment {
		return nil, 0, false
	}
	q.src, q.dst, q.protocol = h.Src, h.Dst, x.Protocol
	return b[n:], h.PayloadLen - n, true
}

// String returns the packet as -v shows it: a TCP segment in the RFC's notation.
func (q *packet) String() string {
	switch q.protocol {
	case wire.ProtocolTCP:
		return fmt.Sprintf("%v > %v %s", netip.AddrPortFrom(q.src, q.tcp.SrcPort), netip.AddrPortFrom(q.dst, q.tcp.DstPort),
			q.tcp.NotationVerbose(q.textLen))
	case wire.ProtocolUDP:
		return fmt.Sprintf("%v > %v UDP, %d bytes", q.src, q.dst, q.textLen-wire.UDPLen)
	case wire.ProtocolICMPv4, wire.ProtocolICMPv6:
		return fmt.Sprintf("%v > %v ICMP, type %d, %d bytes", q.src, q.dst, q.first, q.textLen)
	}
	return fmt.Sprintf("%v > %v protocol %d, %d bytes", q.src, q.dst, q.protocol, q.textLen)
}
