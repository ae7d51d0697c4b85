package wire

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
)

// Sum is an Internet checksum (RFC 1071) in the making, over pieces of any
// length; the zero value is the sum of nothing.
type Sum struct {
	// sum is the one's complement sum of 64-bit words as a little-endian machine
	// reads them. RFC 1071, 2 (B): "The sum of 16-bit integers can be computed in
	// either byte order [...] except the bytes are swapped in the sum": Partial
	// swaps them back. By 2 (C) the words may be wide.
	sum uint64
	odd bool // the pieces so far have an odd number of bytes
}

// Add adds the bytes of b, behind those added before.
func (s *Sum) Add(b []byte) {
	v := sumWords(b)
	if s.odd {
		// RFC 1071, 2 (B): a group that begins in the middle of a word "can be
		// calculated without concern to its odd/even origin [...] if this sum is
		// byte-swapped before it is added".
		v = uint64(bits.ReverseBytes16(fold(v)))
	}
	s.addWord(v)
	s.odd = s.odd != (len(b)&1 == 1)
}

// addWord adds a word that begins at an even offset, in the byte order of sum.
func (s *Sum) addWord(v uint64) {
	sum, carry := bits.Add64(s.sum, v, 0)
	s.sum = sum + carry
}

// AddPseudo adds the pseudo-header of IPv4 (RFC 9293, 3.1) or IPv6 (RFC 8200,
// 8.1), whichever src and dst are of; length is the bytes of transport header
// and text.
func (s *Sum) AddPseudo(src, dst netip.Addr, p Protocol, length int) {
	if src.Is4() {
		from, to := src.As4(), dst.As4()
		s.addWord(uint64(binary.LittleEndian.Uint32(from[:])) + uint64(binary.LittleEndian.Uint32(to[:])))
	} else {
		from, to := src.As16(), dst.As16()
		s.addWord(binary.LittleEndian.Uint64(from[:8]))
		s.addWord(binary.LittleEndian.Uint64(from[8:]))
		s.addWord(binary.LittleEndian.Uint64(to[:8]))
		s.addWord(binary.LittleEndian.Uint64(to[8:]))
	}
	s.addWord(uint64(bits.ReverseBytes32(uint32(length))) + uint64(p)<<8)
}

// Fold returns the checksum for the header's field: the one's complement of
// the sum. When the field itself was among the bytes, 0 means intact.
func (s *Sum) Fold() uint16 { return ^s.Partial() }

// Partial returns the sum itself, not complemented: what the field holds when a
// device is to finish it.
func (s *Sum) Partial() uint16 { return bits.ReverseBytes16(fold(s.sum)) }

// fold brings a sum of wide words down to 16 bits, in the same byte order.
func fold(v uint64) uint16 {
	v = v>>32 + v&0xffffffff
	v = v>>32 + v&0xffffffff
	v = v>>16 + v&0xffff
	v = v>>16 + v&0xffff
	v = v>>16 + v&0xffff
	return uint16(v)
}

// sumWords returns the one's complement sum of b as little-endian 64-bit words,
// the last padded with zeros. Two chains of eight additions with carry, each
// its own accumulator, keep two loads in flight: over 64 KiB a third faster
// than one chain of eight.
func sumWords(b []byte) uint64 {
	var even, odd, c uint64
	for len(b) >= 128 {
		p := (*[128]byte)(b)
		even, c = bits.Add64(even, binary.LittleEndian.Uint64(p[0:8]), 0)
		even, c = bits.Add64(even, binary.LittleEndian.Uint64(p[8:16]), c)
		even, c = bits.Add64(even, binary.LittleEndian.Uint64(p[16:24]), c)
		even, c = bits.Add64(even, binary.LittleEndian.Uint64(p[24:32]), c)
		even, c = bits.Add64(even, binary.LittleEndian.Uint64(p[32:40]), c)
		even, c = bits.Add64(even, binary.LittleEndian.Uint64(p[40:48]), c)
		even, c = bits.Add64(even, binary.LittleEndian.Uint64(p[48:56]), c)
		even, c = bits.Add64(even, binary.LittleEndian.Uint64(p[56:64]), c)
		even += c
		odd, c = bits.Add64(odd, binary.LittleEndian.Uint64(p[64:72]), 0)
		odd, c = bits.Add64(odd, binary.LittleEndian.Uint64(p[72:80]), c)
		odd, c = bits.Add64(odd, binary.LittleEndian.Uint64(p[80:88]), c)
		odd, c = bits.Add64(odd, binary.LittleEndian.Uint64(p[88:96]), c)
		odd, c = bits.Add64(odd, binary.LittleEndian.Uint64(p[96:104]), c)
		odd, c = bits.Add64(odd, binary.LittleEndian.Uint64(p[104:112]), c)
		odd, c = bits.Add64(odd, binary.LittleEndian.Uint64(p[112:120]), c)
		odd, c = bits.Add64(odd, binary.LittleEndian.Uint64(p[120:128]), c)
		odd += c
		b = b[128:]
	}
	for len(b) >= 8 {
		even, c = bits.Add64(even, binary.LittleEndian.Uint64(b), 0)
		even += c
		b = b[8:]
	}
	odd, c = bits.Add64(odd, lastWord(b), 0)
	even, c = bits.Add64(even, odd+c, 0)
	return even + c
}

// lastWord returns the fewer than 8 bytes of b as a little-endian word.
func lastWord(b []byte) (v uint64) {
	shift := 0
	if len(b) >= 4 {
		v, shift, b = uint64(binary.LittleEndian.Uint32(b)), 32, b[4:]
	}
	if len(b) >= 2 {
		v, shift, b = v|uint64(binary.LittleEndian.Uint16(b))<<shift, shift+16, b[2:]
	}
	if len(b) == 1 {
		v |= uint64(b[0]) << shift
	}
	return v
}

// Checksum returns the Internet checksum of b for a header's field; over a
// header whose field is filled in it is 0 when the header is intact.
func Checksum(b []byte) uint16 { return ^bits.ReverseBytes16(fold(sumWords(b))) }

// UpdateChecksum returns the checksum field that was sum before one 16-bit word
// of what it covers changed. Where the new sum is 0 it returns what summing
// afresh returns, as long as a word that is not 0 remains; a field of UDP must
// still be turned from 0 into 0xffff.
func UpdateChecksum(sum, from, to uint16) uint16 {
	// RFC 1624, 3, equation 3: "HC' = [...] ~(~HC + ~m + m')". Equation 2, of RFC
	// 1141, comes to 0xffff where this one comes to 0.
	return ^fold(uint64(^sum) + uint64(^from) + uint64(to))
}

// UpdateChecksum32 is UpdateChecksum for a change of 32 bits at an even offset.
func UpdateChecksum32(sum uint16, from, to uint32) uint16 {
	return ^fold(uint64(^sum) + uint64(^from) + uint64(to))
}
