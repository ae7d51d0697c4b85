package wire

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"
)

// cut splits b at random behind a head of at least n bytes.
func cut(r *rand.Rand, b []byte, n int) (head []byte, rest [][]byte) {
	at := n + r.IntN(len(b)-n+1)
	head, b = b[:at:at], b[at:]
	for len(b) > 0 {
		n := r.IntN(len(b) + 1)
		rest, b = append(rest, b[:n:n]), b[n:]
	}
	return head, rest
}

func TestSetAndVerifyChecksum(t *testing.T) {
	reasons := map[Protocol]Reason{
		ProtocolTCP: ReasonTCPChecksum, ProtocolUDP: ReasonUDPChecksum,
		ProtocolICMPv4: ReasonICMPv4Checksum, ProtocolICMPv6: ReasonICMPv6Checksum, ProtocolIGMP: ReasonIGMPChecksum,
	}
	r := rand.New(rand.NewPCG(7, 8))
	for p, wrong := range reasons {
		for i := range 300 {
			src, dst := host4, peer4
			if p == ProtocolICMPv6 || i%2 == 1 && p != ProtocolICMPv4 {
				src, dst = host6, peer6
			}
			packet := randomBytes(r, 20+r.IntN(300))
			if p == ProtocolUDP {
				binary.BigEndian.PutUint16(packet[4:], uint16(len(packet)))
			}
			head, rest := cut(r, packet, 20)
			SetChecksum(p, src, dst, head, rest)
			if got := VerifyChecksum(p, src, dst, head, rest); got != OK {
				t.Fatalf("%v: %v after SetChecksum", p, got)
			}
			packet[8+r.IntN(len(packet)-8)] ^= byte(1 + r.IntN(255))
			if got := VerifyChecksum(p, src, dst, head, rest); got != wrong {
				t.Fatalf("%v: %v for a broken byte, want %v", p, got, wrong)
			}
		}
	}
}

func TestVerifyChecksumCoversPseudoHeader(t *testing.T) {
	for _, p := range []Protocol{ProtocolTCP, ProtocolUDP, ProtocolICMPv6} {
		b := make([]byte, 20)
		binary.BigEndian.PutUint16(b[4:], 20)
		SetChecksum(p, host6, peer6, b, nil)
		if VerifyChecksum(p, host6, local6, b, nil) == OK {
			t.Errorf("%v: another address goes unnoticed", p)
		}
	}
	b := make([]byte, 20)
	SetChecksum(ProtocolICMPv4, host4, peer4, b, nil)
	if r := VerifyChecksum(ProtocolICMPv4, peer4, host4, b, nil); r != OK {
		t.Errorf("ICMPv4 has no pseudo-header, yet %v", r)
	}
}

func TestVerifyChecksumOfOthers(t *testing.T) {
	if r := VerifyChecksum(Protocol(132), host4, peer4, []byte{1, 2, 3}, nil); r != OK {
		t.Errorf("protocol without a checksum known here: %v", r)
	}
}

// zeroSum returns a UDP datagram whose checksum comes to 0.
func zeroSum(src, dst netip.Addr) []byte {
	b := (&UDP{SrcPort: 1, DstPort: 2, Length: 10}).Append(nil)
	b = append(b, 0, 0)
	var s Sum
	s.AddPseudo(src, dst, ProtocolUDP, len(b))
	s.Add(b)
	binary.BigEndian.PutUint16(b[8:], s.Fold())
	return b
}

func TestUDPChecksumOfZero(t *testing.T) {
	for _, a := range [][2]netip.Addr{{host4, peer4}, {host6, peer6}} {
		b := zeroSum(a[0], a[1])
		SetChecksum(ProtocolUDP, a[0], a[1], b, nil)
		if got := binary.BigEndian.Uint16(b[6:]); got != 0xffff {
			t.Errorf("%v: field %#04x, want 0xffff", a[0], got)
		}
		if r := VerifyChecksum(ProtocolUDP, a[0], a[1], b, nil); r != OK {
			t.Errorf("%v: %v", a[0], r)
		}
	}
}

func TestUDPWithoutChecksum(t *testing.T) {
	b := (&UDP{SrcPort: 1, DstPort: 2, Length: 8}).Append(nil)
	if r := VerifyChecksum(ProtocolUDP, host4, peer4, b, nil); r != OK {
		t.Errorf("IPv4: %v", r)
	}
	if r := VerifyChecksum(ProtocolUDP, host6, peer6, b, nil); r != ReasonUDPNoChecksum {
		t.Errorf("IPv6: %v, want %v", r, ReasonUDPNoChecksum)
	}
}

func TestUDPChecksumEndsWithItsLength(t *testing.T) {
	b := append((&UDP{SrcPort: 1, DstPort: 2, Length: 11}).Append(nil), "abc"...)
	SetChecksum(ProtocolUDP, host4, peer4, b, nil)
	// RFC 768: "Length is the length in octets of this user datagram including this
	// header and the data"; IP may carry more.
	rest := [][]byte{[]byte("c---")}
	if r := VerifyChecksum(ProtocolUDP, host4, peer4, b[:10], rest); r != OK {
		t.Errorf("with 3 bytes behind the datagram: %v", r)
	}
}

func TestPartialChecksum(t *testing.T) {
	text := []byte("text of odd length.")
	for _, p := range []Protocol{ProtocolTCP, ProtocolUDP} {
		head := (&TCP{SrcPort: 7, DstPort: 9, Seq: 12345, Flags: ACK}).Append(nil)
		SetPartialChecksum(p, host6, peer6, head, len(head)+len(text))
		// What a device does: sum all bytes, field included, and write the complement.
		var device Sum
		device.Add(head)
		device.Add(text)
		at := p.ChecksumOffset()
		binary.BigEndian.PutUint16(head[at:], device.Fold())
		finished := binary.BigEndian.Uint16(head[at:])
		SetChecksum(p, host6, peer6, head, [][]byte{text})
		if got := binary.BigEndian.Uint16(head[at:]); got != finished {
			t.Errorf("%v: finished %#04x, summed at once %#04x", p, finished, got)
		}
	}
}

func TestSetChecksumWithoutField(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic for a protocol without a checksum")
		}
	}()
	SetChecksum(ProtocolNone, host6, peer6, make([]byte, 40), nil)
}
