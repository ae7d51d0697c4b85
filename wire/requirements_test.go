package wire

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"
)

// What RFC 9293 requires of the options of a TCP header. docs/requirements.md
// lists which test shows which requirement.

// withOptions is a TCP header with these flags and options, padded.
func withOptions(flags TCPFlags, options ...byte) []byte {
	return with(header(options), 13, byte(flags))
}

func parseOptions(t *testing.T, head []byte) TCP {
	t.Helper()
	h, n, r := ParseTCP(head, len(head))
	if r != OK || n != len(head) {
		t.Fatalf("ParseTCP(%x): %d bytes, %v", head, n, r)
	}
	return h
}

var mss1460 = []byte{2, 4, 5, 180}

func TestRequiredTCPOptions(t *testing.T) {
	// RFC 9293 MUST-4, MUST-64
	for before := range 5 { // no-operations, so that the option begins at each alignment
		b := append(make([]byte, 0, 12), []byte{1, 1, 1, 1, 1}[:before]...)
		b = append(append(b, mss1460...), 0, 2, 4, 9, 9) // end of option list: what follows is no option
		h := parseOptions(t, withOptions(SYN, b...))
		if !h.Options.HasMSS || h.Options.MSS != 1460 {
			t.Errorf("MSS at offset %d: %+v", before, h.Options)
		}
	}
	for before := range 4 {
		b := append([]byte{1, 1, 1, 1}[:before:before], 8, 10, 0, 0, 0, 5, 0, 0, 0, 6)
		h := parseOptions(t, withOptions(ACK, b...))
		if o := h.Options; !o.HasTimestamps || o.TSVal != 5 || o.TSEcr != 6 {
			t.Errorf("timestamps at offset %d: %+v", before, o)
		}
	}
}

func TestTCPOptionInAnySegment(t *testing.T) {
	// RFC 9293 MUST-5
	for flags := range 256 {
		h := parseOptions(t, withOptions(TCPFlags(flags), append(mss1460, 8, 10, 0, 0, 0, 5, 0, 0, 0, 6)...))
		if o := h.Options; !o.HasMSS || !o.HasTimestamps || h.Flags != TCPFlags(flags) {
			t.Errorf("segment with <CTL=%v>: options %+v", TCPFlags(flags), o)
		}
	}
}

func TestUnknownTCPOption(t *testing.T) {
	// RFC 9293 MUST-6
	for kind := 6; kind < 256; kind++ {
		if kind == optionTimestamps {
			continue
		}
		for _, n := range []int{2, 3, 4, 17, 36} {
			option := append([]byte{byte(kind), byte(n)}, make([]byte, n-2)...)
			for i := range option[2:] {
				option[2+i] = 2 // as the kind of an option, it would be one of MSS
			}
			h := parseOptions(t, withOptions(SYN, append(option, mss1460...)...))
			if !h.Options.HasMSS || h.Options.MSS != 1460 {
				t.Errorf("MSS behind an option of kind %d and length %d: %+v", kind, n, h.Options)
			}
		}
	}
}

func TestIllegalTCPOptionLength(t *testing.T) {
	// RFC 9293 MUST-7
	for kind := 2; kind < 256; kind++ {
		for _, b := range [][]byte{
			{byte(kind), 0, 0, 0},                // no length at all: a loop for the careless
			{byte(kind), 1, 0, 0},                // less than kind and length take
			{byte(kind), 5, 0, 0},                // one byte beyond the header
			{byte(kind), 255, 0, 0},              // far beyond the header
			{1, 1, 1, byte(kind)},                // the header ends before the length
			{byte(kind), 41, 1, 1, 1, 1, 1, 1},   // more than fits any header
			append([]byte{1}, byte(kind), 0, 20), // behind a good one
		} {
			head := withOptions(ACK, b...)
			if _, _, r := ParseTCP(head, len(head)); r != ReasonTCPOption {
				t.Errorf("options %x: %v, want %v", b, r, ReasonTCPOption)
			}
		}
	}
}

func TestTCPOptionsAppended(t *testing.T) {
	// RFC 9293 MUST-68, MUST-69
	for bits := range 1 << 4 {
		for blocks := range uint8(5) {
			o := TCPOptions{
				HasMSS: bits&1 != 0, MSS: 1460, HasWindowScale: bits&2 != 0, WindowScale: 7,
				SACKPermitted: bits&4 != 0, HasTimestamps: bits&8 != 0, TSVal: 0xfffefdfc, TSEcr: 0xfbfaf9f8,
				NumSACK: blocks, SACK: [4]SACKBlock{{1, 2}, {3, 4}, {5, 6}, {7, 8}},
			}
			h := TCP{Flags: SYN, Options: o}
			head := h.Append(nil)
			if n := int(head[12]>>4) * 4; n != len(head) || n > TCPMaxLen {
				t.Fatalf("%+v: header of %d bytes says %d", o, len(head), n)
			}
			if err := walkOptions(head[TCPLen:]); err != nil {
				t.Errorf("%+v: %v in %x", o, err, head[TCPLen:])
			}
		}
	}
}

// walkOptions reads options as a receiver does who knows none of them.
func walkOptions(b []byte) error {
	lengths := map[byte]int{optionMSS: 4, optionWindowScale: 3, optionSACKPermitted: 2, optionTimestamps: 10}
	for len(b) > 0 {
		switch b[0] {
		case optionEnd:
			for _, pad := range b {
				if pad != 0 {
					return fmt.Errorf("padding is %x", b)
				}
			}
			return nil
		case optionNoOperation:
			b = b[1:]
			continue
		}
		if len(b) < 2 || b[1] < 2 || int(b[1]) > len(b) {
			return fmt.Errorf("no length behind kind %d", b[0])
		}
		if want, ok := lengths[b[0]]; ok && int(b[1]) != want || !ok && b[0] != optionSACK {
			return fmt.Errorf("kind %d has length %d", b[0], b[1])
		}
		b = b[b[1]:]
	}
	return nil
}

func TestRequiredTCPChecksum(t *testing.T) {
	// RFC 9293 MUST-2, MUST-3
	for _, src := range []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("fd00::1")} {
		for n := range 70 { // text of odd and even length
			text := make([]byte, n)
			for i := range text {
				text[i] = byte(i * 7)
			}
			dst := src.Next()
			h := TCP{SrcPort: 1, DstPort: 2, Seq: 3, Ack: 4, Flags: ACK, Window: 5}
			head := h.Append(nil)
			SetChecksum(ProtocolTCP, src, dst, head, [][]byte{text})
			if sum := binary.BigEndian.Uint16(head[16:]); sum == 0 {
				t.Fatalf("from %v, %d bytes of text: no checksum", src, n)
			}
			if r := VerifyChecksum(ProtocolTCP, src, dst, head, [][]byte{text}); r != OK {
				t.Errorf("from %v, %d bytes of text: %v", src, n, r)
			}
			whole := append(head, text...)
			for i := range whole { // header and text are covered, to the last byte
				whole[i] ^= 0x10
				if r := VerifyChecksum(ProtocolTCP, src, dst, whole, nil); r != ReasonTCPChecksum {
					t.Errorf("from %v, %d bytes of text, byte %d flipped: %v", src, n, i, r)
				}
				whole[i] ^= 0x10
			}
		}
	}
}
