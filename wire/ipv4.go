package wire

import (
	"encoding/binary"
	"net/netip"
)

// Lengths of an IPv4 header in bytes: without options, and at most.
const (
	IPv4Len    = 20
	IPv4MaxLen = 60
)

// The parts of the word that has flags and fragment offset (RFC 791, 3.1).
const (
	ipv4DontFragment  = 0x4000
	ipv4MoreFragments = 0x2000
	ipv4OffsetMask    = 0x1fff // in units of 8 bytes
)

// maxPacket is the largest length in bytes that an IP header can tell.
const maxPacket = 65535

// IPv4 is an IPv4 header (RFC 791, 3.1). Its checksum is checked by ParseIPv4
// and written by Append.
type IPv4 struct {
	TOS            uint8 // DSCP in the upper 6 bits, ECN in the lower 2
	TotalLen       int   // bytes of header and payload
	ID             uint16
	DontFragment   bool
	MoreFragments  bool
	FragmentOffset int // bytes, a multiple of 8
	TTL            uint8
	Protocol       Protocol
	Src, Dst       netip.Addr
	Options        []byte // as on the wire, padding included; at most 40 bytes
}

// ParseIPv4 parses the header that b starts with; size is the length in bytes
// of the packet from there on, over all pieces, n that of the header with its
// options. The payload is TotalLen-n bytes long; what size has beyond TotalLen
// is the link's padding. With ReasonIPv4Option h is set and n is the offset of
// the octet at fault, as an ICMP parameter problem reports it.
func ParseIPv4(b []byte, size int) (h IPv4, n int, r Reason) {
	b = b[:min(len(b), max(size, 0))]
	if len(b) < IPv4Len {
		return h, 0, ReasonIPv4Truncated
	}
	n = int(b[0]&15) * 4
	h.TotalLen = int(binary.BigEndian.Uint16(b[2:]))
	switch {
	case b[0]>>4 != 4:
		return IPv4{}, 0, ReasonIPv4Version
	case n < IPv4Len:
		return IPv4{}, 0, ReasonIPv4HeaderLength
	case n > len(b):
		return IPv4{}, 0, ReasonIPv4Truncated
	case h.TotalLen < n || h.TotalLen > size:
		return IPv4{}, 0, ReasonIPv4TotalLength
	case Checksum(b[:n]) != 0:
		// RFC 1122, 3.2.1.2: "A host MUST verify the IP header checksum on every
		// received datagram and silently discard every datagram that has a bad
		// checksum."
		return IPv4{}, 0, ReasonIPv4Checksum
	}
	fragment := binary.BigEndian.Uint16(b[6:])
	h.TOS, h.ID = b[1], binary.BigEndian.Uint16(b[4:])
	h.DontFragment, h.MoreFragments = fragment&ipv4DontFragment != 0, fragment&ipv4MoreFragments != 0
	h.FragmentOffset = int(fragment&ipv4OffsetMask) * 8
	h.TTL, h.Protocol = b[8], Protocol(b[9])
	h.Src, h.Dst = netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20]))
	// RFC 791, 3.2: "Fragments are counted in units of 8 octets." And what they
	// come to must have a total length of 16 bits.
	if h.MoreFragments && (h.TotalLen-n)%8 != 0 || h.FragmentOffset+h.TotalLen > maxPacket {
		return h, 0, ReasonIPv4Fragment
	}
	if n > IPv4Len {
		h.Options = b[IPv4Len:n:n]
		if at := checkIPv4Options(h.Options); at >= 0 {
			return h, IPv4Len + at, ReasonIPv4Option
		}
	}
	return h, n, OK
}

// HeaderLen returns the bytes that Append writes.
func (h *IPv4) HeaderLen() int { return IPv4Len + (len(h.Options)+3)&^3 }

// Append appends the header to b, with its checksum. Options are padded with
// zeros to a multiple of 4 bytes. Src and Dst must be IPv4 addresses.
func (h *IPv4) Append(b []byte) []byte {
	start, src, dst := len(b), h.Src.As4(), h.Dst.As4()
	fragment := uint16(h.FragmentOffset / 8)
	if h.DontFragment {
		fragment |= ipv4DontFragment
	}
	if h.MoreFragments {
		fragment |= ipv4MoreFragments
	}
	b = append(b, 0x40|byte(h.HeaderLen()/4), h.TOS)
	b = binary.BigEndian.AppendUint16(b, uint16(h.TotalLen))
	b = binary.BigEndian.AppendUint16(b, h.ID)
	b = binary.BigEndian.AppendUint16(b, fragment)
	b = append(b, h.TTL, byte(h.Protocol), 0, 0)
	b = append(b, src[:]...)
	b = append(b, dst[:]...)
	b = append(b, h.Options...)
	b = append(b, zeros[:-len(h.Options)&3]...)
	binary.BigEndian.PutUint16(b[start+10:], Checksum(b[start:]))
	return b
}

// zeros is what headers are padded with.
var zeros [8]byte
