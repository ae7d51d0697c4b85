package wire

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
)

// slowSum is the definition: 16-bit words, one at a time, with end-around carry.
func slowSum(b []byte) uint16 {
	var sum uint32
	for i := 0; i < len(b); i += 2 {
		word := uint32(b[i]) << 8
		if i+1 < len(b) {
			word |= uint32(b[i+1])
		}
		if sum += word; sum > 0xffff {
			sum -= 0xffff
		}
	}
	return uint16(sum)
}

func randomBytes(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func TestChecksumOfRFC1071(t *testing.T) {
	// RFC 1071, 3: the bytes and their sum in its table.
	var s Sum
	s.Add(octets("00 01 f2 03 f4 f5 f6 f7"))
	if got := s.Partial(); got != 0xddf2 {
		t.Errorf("sum %#04x, want 0xddf2", got)
	}
	if got := s.Fold(); got != 0x220d {
		t.Errorf("checksum %#04x, want 0x220d", got)
	}
}

func TestChecksumEveryLengthAndOffset(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	data := randomBytes(r, 600)
	for n := range 520 {
		for _, at := range []int{0, 1, 2, 3, 5, 7, 8, 13} {
			b := data[at : at+n]
			if got, want := Checksum(b), ^slowSum(b); got != want {
				t.Fatalf("%d bytes at offset %d: %#04x, want %#04x", n, at, got, want)
			}
		}
	}
}

func TestChecksumCarries(t *testing.T) {
	for n := range 400 {
		ones := make([]byte, n)
		for i := range ones {
			ones[i] = 0xff
		}
		if got, want := Checksum(ones), ^slowSum(ones); got != want {
			t.Errorf("%d bytes of 0xff: %#04x, want %#04x", n, got, want)
		}
	}
	// A whole IPv6 jumbogram's worth of the largest words, beyond what 32 bits of
	// carries would hold.
	big := make([]byte, 1<<20)
	for i := range big {
		big[i] = 0xff
	}
	if got := Checksum(big); got != 0 {
		t.Errorf("1 MiB of 0xff: %#04x, want 0", got)
	}
}

func TestSumOverPieces(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		data := randomBytes(r, r.IntN(700))
		var s Sum
		var cuts []int
		for rest := data; len(rest) > 0; {
			n := min(r.IntN(150), len(rest)) // odd ones, empty ones, and below a word too
			s.Add(rest[:n])
			rest, cuts = rest[n:], append(cuts, n)
		}
		if got, want := s.Fold(), ^slowSum(data); got != want {
			t.Fatalf("pieces of %v: %#04x, want %#04x", cuts, got, want)
		}
	}
}

func TestAddPseudo(t *testing.T) {
	tests := []struct {
		name     string
		src, dst netip.Addr
		p        Protocol
		length   int
		header   []byte
	}{
		// RFC 9293, 3.1, figure 2.
		{"IPv4", host4, peer4, ProtocolTCP, 0x1234, octets(`
			0a 00 00 01  # source
			c0 00 02 21  # destination
			00 06 12 34  # zero, protocol, length`)},
		// RFC 8200, 8.1: the length has 32 bits.
		{"IPv6", host6, peer6, ProtocolICMPv6, 0x12345, octets(`
			20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01  # source
			20 01 0d b8 00 01 00 02 00 00 00 00 00 00 00 99  # destination
			00 01 23 45  # length
			00 00 00 3a  # zero, next header`)},
		{"IPv4 in IPv6", netip.MustParseAddr("::ffff:10.0.0.1"), peer6, ProtocolUDP, 8, octets(`
			00 00 00 00 00 00 00 00 00 00 ff ff 0a 00 00 01
			20 01 0d b8 00 01 00 02 00 00 00 00 00 00 00 99
			00 00 00 08
			00 00 00 11`)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var s Sum
			s.AddPseudo(tt.src, tt.dst, tt.p, tt.length)
			if got, want := s.Partial(), slowSum(tt.header); got != want {
				t.Errorf("sum %#04x, want %#04x", got, want)
			}
		})
	}
}

func TestUpdateChecksumOfRFC1624(t *testing.T) {
	// RFC 1624, 4: "the correct result" is 0x0000, where RFC 1141 comes to 0xffff.
	if got := UpdateChecksum(0xdd2f, 0x5555, 0x3285); got != 0 {
		t.Errorf("checksum %#04x, want 0", got)
	}
}

func TestUpdateChecksum(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	words := []uint16{0, 1, 0x7fff, 0x8000, 0xfffe, 0xffff} // where one's complement has its corners
	pick := func() uint16 {
		if r.IntN(2) == 0 {
			return words[r.IntN(len(words))]
		}
		return uint16(r.Uint32())
	}
	for range 100000 {
		b := make([]byte, 12)
		for i := 0; i < len(b); i += 2 {
			binary.BigEndian.PutUint16(b[i:], pick())
		}
		b[0] = 0x45 // a header is never all zeros, before or after
		old := Checksum(b)
		at := 2 + 2*r.IntN(4)
		if r.IntN(2) == 0 {
			from, to := binary.BigEndian.Uint16(b[at:]), pick()
			binary.BigEndian.PutUint16(b[at:], to)
			if got, want := UpdateChecksum(old, from, to), Checksum(b); got != want {
				t.Fatalf("%#04x, %#04x to %#04x: %#04x, want %#04x", old, from, to, got, want)
			}
		} else {
			from, to := binary.BigEndian.Uint32(b[at:]), uint32(pick())<<16|uint32(pick())
			binary.BigEndian.PutUint32(b[at:], to)
			if got, want := UpdateChecksum32(old, from, to), Checksum(b); got != want {
				t.Fatalf("%#04x, %#08x to %#08x: %#04x, want %#04x", old, from, to, got, want)
			}
		}
	}
}

func BenchmarkChecksum(b *testing.B) {
	for _, n := range []int{20, 40, 576, 1460, 8960, 65536, 1 << 20} {
		b.Run(fmt.Sprintf("%d", n), func(b *testing.B) {
			data := make([]byte, n)
			b.SetBytes(int64(n))
			var sum uint16
			for b.Loop() {
				sum += Checksum(data)
			}
			perMiB := float64(b.Elapsed().Nanoseconds()) / float64(b.N) / float64(n) * (1 << 20) / 1000
			b.ReportMetric(perMiB, "us/MiB")
			_ = sum
		})
	}
}
