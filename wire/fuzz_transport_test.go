package wire

import (
	"bytes"
	"encoding/binary"
	"testing"
)

func FuzzUDP(f *testing.F) {
	f.Add(octets("00 35 c0 01 00 0d ab cd"), 13)
	f.Add(octets("00 35 c0 01 00 07 ab cd"), 13)
	f.Fuzz(func(t *testing.T, b []byte, size int) {
		h, r := ParseUDP(b, size)
		checkReason(t, r)
		if r != OK {
			return
		}
		if h.Length > size {
			t.Fatalf("length %d of %d", h.Length, size)
		}
		if got := h.Append(nil); !bytes.Equal(got, b[:UDPLen]) {
			t.Fatalf("% x became % x", b[:UDPLen], got)
		}
	})
}

func FuzzTCP(f *testing.F) {
	for _, options := range []string{
		"", "02 04 05 b4 04 02 08 0a 11 22 33 44 00 00 00 00 01 03 03 07",
		"01 01 08 0a 00 00 00 01 00 00 00 02",
		"01 01 05 12 00 00 00 10 00 00 00 20 00 00 00 30 00 00 00 40",
		"05 22 00 00 00 01 00 00 00 02 00 00 00 03 00 00 00 04 00 00 00 05 00 00 00 06 00 00 00 07 00 00 00 08",
		"fd 06 01 02 03 04 02 00", "02 03 05 00", "99",
		"01 ac 0b 00 00 01 00 00 00 00 00 01", "ae 08 00 00 01 00 00 02", "ac 05 00 00 01", "ae 02 ac 07 01 02 03 04 05",
	} {
		b := header(octets(options))
		f.Add(b, len(b))
	}
	f.Fuzz(func(t *testing.T, b []byte, size int) {
		h, n, r := ParseTCP(b, size)
		checkReason(t, r)
		if r != OK {
			return
		}
		if n < TCPLen || n > TCPMaxLen || n > len(b) || n > size {
			t.Fatalf("header %d of %d, size %d", n, len(b), size)
		}
		if _, _, r := ParseTCP(b[:n-1], size); r != ReasonTCPTruncated {
			t.Fatalf("one byte less: %v", r)
		}
		// Options that came without a byte of padding may take more room in our
		// layout, which then costs SACK blocks.
		blocks := h.Options.sackBlocks(h.Options.fixedLen())
		clear(h.Options.SACK[blocks:])
		h.Options.NumSACK = uint8(blocks)
		own, text := h.Append(nil), size-n
		got, n, r := ParseTCP(own, len(own))
		checkReparsed(t, got, h, r)
		if n != len(own) || n != h.HeaderLen() {
			t.Fatalf("appended %d bytes, HeaderLen() = %d, parsed %d", len(own), h.HeaderLen(), n)
		}
		got, textLen, err := ParseNotation(h.NotationVerbose(text))
		got.SrcPort, got.DstPort, got.Checksum = h.SrcPort, h.DstPort, h.Checksum
		if text <= 1<<30 && (err != nil || got != h || textLen != text) {
			t.Fatalf("%s: %+v, %d bytes of text, %v", h.NotationVerbose(text), got, textLen, err)
		}
	})
}

func FuzzNotation(f *testing.F) {
	for _, s := range []string{
		"<SEQ=100><CTL=SYN>", "<SEQ=101><ACK=301><CTL=ACK><DATA>", "<SEQ=300><ACK=100><DATA=10><CTL=ACK>",
		"<SEQ=1><CTL=SYN><WND=65535><MSS=1460><WS=7><SACKOK><TSVAL=1><TSECR=2><SACK=200-300,400-500><UP=9>",
		"<SEQ=1><ACK=2><CTL=ACK,ECE,CWR,AE><ACCECN0=1,0,1>", "<SEQ=1><CTL=ACK><ACCECN1>", "<SEQ=1><CTL=ACK><ACCECN1=5,6>",
		"><", "<SEQ=>", "<>",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		h, textLen, err := ParseNotation(s)
		if err != nil {
			return
		}
		got, n, err := ParseNotation(h.NotationVerbose(textLen))
		if err != nil || got != h || n != textLen {
			t.Fatalf("%q: %+v came back as %+v, %d as %d bytes of text (%v)", s, h, got, textLen, n, err)
		}
	})
}

func FuzzSum(f *testing.F) {
	f.Add(octets("00 01 f2 03 f4 f5 f6 f7"), uint16(3), uint16(1))
	f.Add(bytes.Repeat([]byte{0xff}, 300), uint16(129), uint16(0))
	f.Fuzz(func(t *testing.T, b []byte, first, second uint16) {
		i := min(int(first), len(b))
		j := min(i+int(second), len(b))
		var s Sum
		s.Add(b[:i])
		s.Add(b[i:j])
		s.Add(b[j:])
		if got, want := s.Partial(), slowSum(b); got != want {
			t.Fatalf("%d, %d and %d bytes: %#04x, want %#04x", i, j-i, len(b)-j, got, want)
		}
		if s.Fold() != Checksum(b) {
			t.Fatalf("Fold() = %#04x, Checksum = %#04x", s.Fold(), Checksum(b))
		}
	})
}

func FuzzVerifyChecksum(f *testing.F) {
	f.Add(uint8(ProtocolTCP), header(nil), uint16(20), true)
	f.Add(uint8(ProtocolUDP), octets("00 35 c0 01 00 0d ab cd 01 02 03 04 05 06"), uint16(8), false)
	f.Fuzz(func(t *testing.T, number uint8, b []byte, at uint16, ipv6 bool) {
		p, src, dst := Protocol(number), host4, peer4
		if ipv6 {
			src, dst = host6, peer6
		}
		b = bytes.Clone(b)
		head := b[:min(int(at), len(b))]
		rest := [][]byte{b[len(head):]}
		checkReason(t, VerifyChecksum(p, src, dst, head, rest))

		if field := p.ChecksumOffset(); field < 0 || len(head) < field+2 || len(head) < UDPLen || len(b) > maxPacket {
			return
		}
		if p == ProtocolUDP {
			binary.BigEndian.PutUint16(b[4:], uint16(len(b)))
		}
		SetChecksum(p, src, dst, head, rest)
		if r := VerifyChecksum(p, src, dst, head, rest); r != OK {
			t.Fatalf("after SetChecksum: %v", r)
		}
	})
}
