package wire

import "encoding/binary"

// UDPLen is the length of a UDP header in bytes.
const UDPLen = 8

// UDP is a UDP header (RFC 768).
type UDP struct {
	SrcPort, DstPort uint16
	Length           int    // bytes of header and text
	Checksum         uint16 // 0: none
}

// ParseUDP parses the header that b starts with; size is the length in bytes
// of the packet from there on, over all pieces. The text is Length-UDPLen bytes
// long; what size has beyond Length is not part of it.
func ParseUDP(b []byte, size int) (h UDP, r Reason) {
	if len(b) < UDPLen || size < UDPLen {
		return h, ReasonUDPTruncated
	}
	h.SrcPort, h.DstPort = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	h.Length, h.Checksum = int(binary.BigEndian.Uint16(b[4:])), binary.BigEndian.Uint16(b[6:])
	if h.Length < UDPLen || h.Length > size {
		return h, ReasonUDPLength
	}
	return h, OK
}

// Append appends the header to b, with the checksum as it stands in h.
func (h *UDP) Append(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, h.SrcPort)
	b = binary.BigEndian.AppendUint16(b, h.DstPort)
	b = binary.BigEndian.AppendUint16(b, uint16(h.Length))
	return binary.BigEndian.AppendUint16(b, h.Checksum)
}
