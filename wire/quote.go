package wire

import (
	"encoding/binary"
	"net/netip"
)

// Quote tells the flow of a packet that an ICMP error quotes. Src is the host
// that sent the packet: for an error that concerns us, our own address.
type Quote struct {
	Src, Dst         netip.Addr
	Protocol         Protocol
	Length           int    // bytes of the whole packet, as its IP header says
	SrcPort, DstPort uint16 // TCP, UDP
	Seq              Seq    // TCP
	ID, Sequence     uint16 // ICMP echo
}

// quoteLen is how much of a quoted packet there is behind its IP header at
// least (RFC 792: "The internet header plus the first 64 bits of the original
// datagram's data").
const quoteLen = 8

// ParseQuote parses the packet that an ICMP error quotes: lengths that point
// beyond b are fine, checksums are not looked at. With ReasonQuoteTruncated the
// addresses and the length are set when Src is valid, and the protocol when it
// is found; that is also the reason for a fragment other than the first, which
// has no transport header.
func ParseQuote(b []byte) (q Quote, r Reason) {
	if len(b) == 0 {
		return q, ReasonQuoteTruncated
	}
	switch b[0] >> 4 {
	case 4:
		b, r = q.parseIPv4(b)
	case 6:
		b, r = q.parseIPv6(b)
	default:
		return q, ReasonQuoteInvalid
	}
	if r != OK {
		return q, r
	}
	return q, q.parseTransport(b)
}

// parseIPv4 parses the header and returns what follows it.
func (q *Quote) parseIPv4(b []byte) ([]byte, Reason) {
	if len(b) < IPv4Len {
		return nil, ReasonQuoteTruncated
	}
	n := int(b[0]&15) * 4
	if n < IPv4Len {
		return nil, ReasonQuoteInvalid
	}
	q.Length, q.Protocol = int(binary.BigEndian.Uint16(b[2:])), Protocol(b[9])
	q.Src, q.Dst = netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20]))
	if n > len(b) || binary.BigEndian.Uint16(b[6:])&ipv4OffsetMask != 0 {
		return nil, ReasonQuoteTruncated
	}
	return b[n:], OK
}

// parseIPv6 parses the header and its extensions and returns what follows them.
func (q *Quote) parseIPv6(b []byte) ([]byte, Reason) {
	if len(b) < IPv6Len {
		return nil, ReasonQuoteTruncated
	}
	q.Length = IPv6Len + int(binary.BigEndian.Uint16(b[4:]))
	q.Src, q.Dst = netip.AddrFrom16([16]byte(b[8:24])), netip.AddrFrom16([16]byte(b[24:40]))
	x, n, r := ParseIPv6Extensions(Protocol(b[6]), b[IPv6Len:])
	q.Protocol = x.Protocol
	if r != OK || x.HasFragment && x.Fragment.Offset != 0 {
		return nil, ReasonQuoteTruncated
	}
	return b[IPv6Len+n:], OK
}

func (q *Quote) parseTransport(b []byte) Reason {
	if len(b) < quoteLen {
		return ReasonQuoteTruncated
	}
	switch q.Protocol {
	case ProtocolTCP:
		q.Seq = Seq(binary.BigEndian.Uint32(b[4:]))
		fallthrough
	case ProtocolUDP:
		q.SrcPort, q.DstPort = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	case ProtocolICMPv4:
		m, _ := ParseICMPv4(b)
		q.ID, q.Sequence = m.ID, m.Sequence
	case ProtocolICMPv6:
		m, _ := ParseICMPv6(b)
		q.ID, q.Sequence = m.ID, m.Sequence
	}
	return OK
}
