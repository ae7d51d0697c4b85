package wire

import (
	"encoding/binary"
	"net/netip"
)

// SetChecksum writes the checksum of protocol p into its header at the start of
// head, over head and rest and, but for ICMPv4 and IGMP, the pseudo-header: the packet
// ends where they end. A UDP checksum of 0 is written as 0xffff.
func SetChecksum(p Protocol, src, dst netip.Addr, head []byte, rest [][]byte) {
	field := checksumField(p, head)
	field[0], field[1] = 0, 0
	length := pieces(head, rest)
	sum := sumTransport(p, src, dst, length, head, rest)
	checksum := sum.Fold()
	// RFC 768: "If the computed checksum is zero, it is transmitted as all ones
	// [...]. An all zero transmitted checksum value means that the transmitter
	// generated no checksum".
	if p == ProtocolUDP && checksum == 0 {
		checksum = 0xffff
	}
	binary.BigEndian.PutUint16(field, checksum)
}

// SetPartialChecksum writes the folded sum of the pseudo-header only, for a
// link that finishes it (link.ChecksumPartial): it adds what follows and writes
// the complement, for UDP with 0xffff in the place of 0. length is the bytes of
// transport header and text.
func SetPartialChecksum(p Protocol, src, dst netip.Addr, head []byte, length int) {
	var sum Sum
	sum.AddPseudo(src, dst, p, length)
	binary.BigEndian.PutUint16(checksumField(p, head), sum.Partial())
}

// VerifyChecksum checks the checksum of protocol p, whose header starts head,
// over head and rest: the IP packet ends where they end, a UDP datagram where
// its header says. It returns OK or the protocol's reason. OK are also protocols
// without a checksum, and UDP over IPv4 from a sender that generated none.
func VerifyChecksum(p Protocol, src, dst netip.Addr, head []byte, rest [][]byte) Reason {
	length := pieces(head, rest)
	var wrong Reason
	switch p {
	case ProtocolTCP:
		wrong = ReasonTCPChecksum
	case ProtocolICMPv4:
		wrong = ReasonICMPv4Checksum
	case ProtocolIGMP:
		wrong = ReasonIGMPChecksum
	case ProtocolICMPv6:
		wrong = ReasonICMPv6Checksum
	case ProtocolUDP:
		h, r := ParseUDP(head, length)
		switch {
		case r != OK:
			return r
		case h.Checksum == 0 && src.Is4():
			return OK
		case h.Checksum == 0:
			// RFC 8200, 8.1: "IPv6 receivers must discard UDP packets containing a
			// zero checksum and should log the error."
			return ReasonUDPNoChecksum
		}
		length, wrong = h.Length, ReasonUDPChecksum
	default:
		return OK
	}
	if sum := sumTransport(p, src, dst, length, head, rest); sum.Fold() != 0 {
		return wrong
	}
	return OK
}

// sumTransport sums the first length bytes of head and rest, and the
// pseudo-header where p has one.
func sumTransport(p Protocol, src, dst netip.Addr, length int, head []byte, rest [][]byte) (sum Sum) {
	// RFC 792 and RFC 9776 have no pseudo-header; RFC 4443, 2.3 has that of IPv6.
	if p != ProtocolICMPv4 && p != ProtocolIGMP {
		sum.AddPseudo(src, dst, p, length)
	}
	left := length - min(len(head), length)
	sum.Add(head[:length-left])
	for _, piece := range rest {
		piece = piece[:min(len(piece), left)]
		sum.Add(piece)
		left -= len(piece)
	}
	return sum
}

// pieces returns the bytes of head and rest.
func pieces(head []byte, rest [][]byte) int {
	n := len(head)
	for _, piece := range rest {
		n += len(piece)
	}
	return n
}

// checksumField returns the field for the checksum of the header that starts head.
func checksumField(p Protocol, head []byte) []byte {
	at := p.ChecksumOffset()
	if at < 0 || len(head) < at+2 {
		panic("BUG: no field for the checksum of " + p.String())
	}
	return head[at : at+2]
}
