package wire

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
)

// Sum is an Internet checksum (RFC 1071) in the making, over pieces of any
// length; the zero value is the sum of nothing.
type Sum struct {
	sum uint64 // of 16-bit words as a little-endian machine reads them
	odd bool   // the pieces so far have an odd number of bytes
}

// Add adds the bytes of b.
func (s *Sum) Add(b []byte) {
	for len(b) >= 8 {
		s.add(binary.LittleEndian.Uint64(b))
		b = b[8:]
	}
	var last [8]byte
	copy(last[:], b)
	s.add(binary.LittleEndian.Uint64(last[:]))
}

func (s *Sum) add(v uint64) {
	var c uint64
	s.sum, c = bits.Add64(s.sum, v, 0)
	s.sum += c
}

// AddPseudo adds the pseudo-header of IPv4 (RFC 9293, 3.1) or IPv6 (RFC 8200,
// 8.1), whichever src and dst are of; length is the bytes of transport header
// and text.
func (s *Sum) AddPseudo(src, dst netip.Addr, p Protocol, length int) {}

// Fold returns the checksum for the header's field: the one's complement of
// the sum.
func (s *Sum) Fold() uint16 { return ^s.Partial() }

// Partial returns the sum itself, not complemented: what the field holds when a
// device is to finish it.
func (s *Sum) Partial() uint16 {
	v := s.sum>>32 + s.sum&0xffffffff
	v = v>>32 + v&0xffffffff
	v = v>>16 + v&0xffff
	v = v>>16 + v&0xffff
	v = v>>16 + v&0xffff
	return bits.ReverseBytes16(uint16(v))
}

// Checksum returns the Internet checksum of b for a header's field; over a
// header whose field is filled in it is 0 when the header is intact.
func Checksum(b []byte) uint16 {
	var s Sum
	s.Add(b)
	return s.Fold()
}

// UpdateChecksum returns the checksum field that was sum before one 16-bit word
// of what it covers changed (RFC 1624, 3, equation 3).
func UpdateChecksum(sum, from, to uint16) uint16 { return 0 }

// UpdateChecksum32 is UpdateChecksum for a change of 32 bits at an even offset.
func UpdateChecksum32(sum uint16, from, to uint32) uint16 { return 0 }

// SetChecksum writes the checksum of protocol p into its header at the start of
// head, over head and rest and, but for ICMPv4, the pseudo-header. A UDP
// checksum of 0 is written as 0xffff (RFC 768).
func SetChecksum(p Protocol, src, dst netip.Addr, head []byte, rest [][]byte) {}

// SetPartialChecksum writes the folded sum of the pseudo-header only, for a
// link that finishes it (link.ChecksumPartial); length is the bytes of
// transport header and text.
func SetPartialChecksum(p Protocol, src, dst netip.Addr, head []byte, length int) {}

// VerifyChecksum checks the checksum of protocol p, whose header starts head,
// over head and rest: both end where the packet ends. It returns OK or the
// protocol's reason; protocols without a checksum are OK, UDP over IPv4 with
// field 0 likewise.
func VerifyChecksum(p Protocol, src, dst netip.Addr, head []byte, rest [][]byte) Reason { return OK }
