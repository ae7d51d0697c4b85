package wire

import "encoding/binary"

// TCPFlags are the control bits of a TCP header (RFC 9293, 3.1; RFC 9768, 3.1.1).
type TCPFlags uint16

// The control bits. The three reserved bits beside them are ignored on parsing and
// sent as zero (RFC 9293, 3.1: "Must be zero in generated segments and must be
// ignored in received segments").
const (
	FIN TCPFlags = 1 << iota
	SYN
	RST
	PSH
	ACK
	URG
	ECE
	CWR
	AE // RFC 9768; it was NS, the nonce sum of RFC 3540
)

const tcpFlagsMask = AE<<1 - 1

// Has says that all bits of mask are set in f.
func (f TCPFlags) Has(mask TCPFlags) bool { return f&mask == mask }

// Lengths of a TCP header in bytes: without options, and at most.
const (
	TCPLen    = 20
	TCPMaxLen = 60
)

// TCP is a TCP header (RFC 9293, 3.1).
type TCP struct {
	SrcPort, DstPort uint16
	Seq, Ack         Seq
	Flags            TCPFlags
	Window           uint16 // as on the wire, not scaled
	Checksum, Urgent uint16
	Options          TCPOptions
}

// ParseTCP parses the header that b starts with; size is the length in bytes
// of the segment over all pieces, n that of the header with its options: the
// text has size-n bytes. The checksum is not checked: see VerifyChecksum.
func ParseTCP(b []byte, size int) (h TCP, n int, r Reason) {
	b = b[:min(len(b), max(size, 0))]
	if len(b) < TCPLen {
		return h, 0, ReasonTCPTruncated
	}
	n = int(b[12]>>4) * 4
	if n < TCPLen {
		return h, 0, ReasonTCPHeaderLength
	}
	if n > len(b) {
		return h, 0, ReasonTCPTruncated
	}
	h.SrcPort, h.DstPort = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	h.Seq, h.Ack = Seq(binary.BigEndian.Uint32(b[4:])), Seq(binary.BigEndian.Uint32(b[8:]))
	h.Flags, h.Window = TCPFlags(binary.BigEndian.Uint16(b[12:]))&tcpFlagsMask, binary.BigEndian.Uint16(b[14:])
	h.Checksum, h.Urgent = binary.BigEndian.Uint16(b[16:]), binary.BigEndian.Uint16(b[18:])
	return h, n, h.Options.parse(b[TCPLen:n])
}

// HeaderLen returns the bytes that Append writes.
func (h *TCP) HeaderLen() int { return TCPLen + h.Options.Len() }

// Append appends the header to b, with the checksum as it stands in h:
// SetChecksum fills it in. SACK blocks for which the options have no room are
// left out, the last first.
func (h *TCP) Append(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, h.SrcPort)
	b = binary.BigEndian.AppendUint16(b, h.DstPort)
	b = binary.BigEndian.AppendUint32(b, uint32(h.Seq))
	b = binary.BigEndian.AppendUint32(b, uint32(h.Ack))
	b = binary.BigEndian.AppendUint16(b, uint16(h.HeaderLen()/4)<<12|uint16(h.Flags&tcpFlagsMask))
	b = binary.BigEndian.AppendUint16(b, h.Window)
	b = binary.BigEndian.AppendUint16(b, h.Checksum)
	b = binary.BigEndian.AppendUint16(b, h.Urgent)
	return h.Options.append(b)
}
