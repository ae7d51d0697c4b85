package wire

import (
	"encoding/binary"
	"net/netip"
)

// IPv6Len is the length of the fixed IPv6 header in bytes.
const IPv6Len = 40

// IPv6 is the fixed IPv6 header (RFC 8200, 3).
type IPv6 struct {
	TrafficClass uint8  // DSCP in the upper 6 bits, ECN in the lower 2
	FlowLabel    uint32 // 20 bits
	PayloadLen   int    // bytes behind the fixed header, extension headers included
	NextHeader   Protocol
	HopLimit     uint8
	Src, Dst     netip.Addr
}

// ParseIPv6 parses the fixed header that b starts with; size is the length in
// bytes of the packet from there on, over all pieces, n is IPv6Len. What size
// has beyond n+PayloadLen is the link's padding.
func ParseIPv6(b []byte, size int) (h IPv6, n int, r Reason) {
	if len(b) < IPv6Len || size < IPv6Len {
		return h, 0, ReasonIPv6Truncated
	}
	h.PayloadLen = int(binary.BigEndian.Uint16(b[4:]))
	first := binary.BigEndian.Uint32(b)
	switch {
	case first>>28 != 6:
		return h, 0, ReasonIPv6Version
	case h.PayloadLen > size-IPv6Len:
		return h, 0, ReasonIPv6PayloadLength
	}
	h.TrafficClass, h.FlowLabel = uint8(first>>20), first&0xfffff
	h.NextHeader, h.HopLimit = Protocol(b[6]), b[7]
	h.Src, h.Dst = netip.AddrFrom16([16]byte(b[8:24])), netip.AddrFrom16([16]byte(b[24:40]))
	return h, IPv6Len, OK
}

// Append appends the header to b. Src and Dst must be IPv6 addresses.
func (h *IPv6) Append(b []byte) []byte {
	src, dst := h.Src.As16(), h.Dst.As16()
	b = binary.BigEndian.AppendUint32(b, 6<<28|uint32(h.TrafficClass)<<20|h.FlowLabel&0xfffff)
	b = binary.BigEndian.AppendUint16(b, uint16(h.PayloadLen))
	b = append(b, byte(h.NextHeader), h.HopLimit)
	b = append(b, src[:]...)
	return append(b, dst[:]...)
}
