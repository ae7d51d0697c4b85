package wire

import (
	"fmt"
	"testing"
)

func TestTCPGolden(t *testing.T) {
	tests := []struct {
		name string
		h    TCP
		wire string
	}{
		{"no options", TCP{SrcPort: 80, DstPort: 0xc001, Seq: 0x01020304, Ack: 0xfffffffe, Flags: ACK | PSH, Window: 0xffff, Checksum: 0x1234, Urgent: 0}, `
			00 50 c0 01  # ports
			01 02 03 04  # sequence number
			ff ff ff fe  # acknowledgment number
			50 18 ff ff  # data offset 5, ACK and PSH, window
			12 34 00 00  # checksum, urgent pointer`},
		{"all flags", TCP{Flags: FIN | SYN | RST | PSH | ACK | URG | ECE | CWR | AE, Urgent: 5}, `
			00 00 00 00 00 00 00 00 00 00 00 00 51 ff 00 00 00 00 00 05`},
		{"SYN with all options", TCP{Flags: SYN, Options: TCPOptions{HasMSS: true, MSS: 1460, HasWindowScale: true, WindowScale: 7,
			SACKPermitted: true, HasTimestamps: true, TSVal: 0x11223344}}, `
			00 00 00 00 00 00 00 00 00 00 00 00 a0 02 00 00 00 00 00 00
			02 04 05 b4              # MSS 1460
			04 02                    # SACK permitted
			08 0a 11 22 33 44 00 00 00 00  # timestamps
			01 03 03 07              # no operation, window scale 7`},
		{"SYN without timestamps", TCP{Flags: SYN, Options: TCPOptions{HasMSS: true, MSS: 536, HasWindowScale: true, SACKPermitted: true}}, `
			00 00 00 00 00 00 00 00 00 00 00 00 80 02 00 00 00 00 00 00
			02 04 02 18 01 01 04 02 01 03 03 00`},
		{"timestamps and 3 SACK blocks", TCP{Flags: ACK, Options: TCPOptions{HasTimestamps: true, TSVal: 1, TSEcr: 2, NumSACK: 3,
			SACK: [4]SACKBlock{{0x10, 0x20}, {0x30, 0x40}, {0xfffffff0, 0x5}}}}, `
			00 00 00 00 00 00 00 00 00 00 00 00 f0 10 00 00 00 00 00 00
			01 01 08 0a 00 00 00 01 00 00 00 02
			01 01 05 1a  # SACK, 3 blocks
			00 00 00 10 00 00 00 20 00 00 00 30 00 00 00 40 ff ff ff f0 00 00 00 05`},
		{"4 SACK blocks", TCP{Flags: ACK, Options: TCPOptions{NumSACK: 4, SACK: [4]SACKBlock{{1, 2}, {3, 4}, {5, 6}, {7, 8}}}}, `
			00 00 00 00 00 00 00 00 00 00 00 00 e0 10 00 00 00 00 00 00
			01 01 05 22
			00 00 00 01 00 00 00 02 00 00 00 03 00 00 00 04 00 00 00 05 00 00 00 06 00 00 00 07 00 00 00 08`},
		// RFC 9768, Figure 4 and Table 5.
		{"AccECN of order 0", TCP{Flags: ACK, Options: TCPOptions{AccECN: AccECN{Present: true, Fields: 3, EE0B: 0x123456, ECEB: 2, EE1B: 0xffffff}}}, `
			00 00 00 00 00 00 00 00 00 00 00 00 80 10 00 00 00 00 00 00
			01 ac 0b 12 34 56 00 00 02 ff ff ff`},
		{"AccECN of order 1", TCP{Flags: ACK, Options: TCPOptions{AccECN: AccECN{Present: true, Order: 1, Fields: 3, EE0B: 0x123456, ECEB: 2, EE1B: 0xffffff}}}, `
			00 00 00 00 00 00 00 00 00 00 00 00 80 10 00 00 00 00 00 00
			01 ae 0b ff ff ff 00 00 02 12 34 56`},
		{"AccECN of two fields between timestamps and SACK", TCP{Flags: ACK, Options: TCPOptions{HasTimestamps: true, TSVal: 1, TSEcr: 2,
			NumSACK: 2, SACK: [4]SACKBlock{{1, 2}, {3, 4}}, AccECN: AccECN{Present: true, Fields: 2, EE0B: 1, ECEB: 2}}}, `
			00 00 00 00 00 00 00 00 00 00 00 00 f0 10 00 00 00 00 00 00
			01 01 08 0a 00 00 00 01 00 00 00 02
			ac 08 00 00 01 00 00 02
			01 01 05 12 00 00 00 01 00 00 00 02 00 00 00 03 00 00 00 04`},
		{"AccECN of one field", TCP{Flags: ACK, Options: TCPOptions{AccECN: AccECN{Present: true, Order: 1, Fields: 1, EE1B: 9}}}, `
			00 00 00 00 00 00 00 00 00 00 00 00 70 10 00 00 00 00 00 00
			01 01 01 ae 05 00 00 09`},
		{"empty AccECN", TCP{Flags: ACK, Options: TCPOptions{AccECN: AccECN{Present: true}}}, `
			00 00 00 00 00 00 00 00 00 00 00 00 60 10 00 00 00 00 00 00
			01 01 ac 02`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wire := octets(tt.wire)
			checkAppend(t, tt.h.Append, wire)
			if n := tt.h.HeaderLen(); n != len(wire) {
				t.Errorf("HeaderLen() = %d, want %d", n, len(wire))
			}
			h, n, r := ParseTCP(append(wire, "text"...), len(wire)+4)
			if r != OK || n != len(wire) {
				t.Fatalf("%v, %d bytes", r, n)
			}
			checkSame(t, h, tt.h)
		})
	}
}

// header returns a TCP header with these options, padded with zeros.
func header(options []byte) []byte {
	options = append(options, make([]byte, -len(options)&3)...)
	b := (&TCP{SrcPort: 1, DstPort: 2, Flags: ACK}).Append(nil)
	b[12] = byte(20+len(options)) / 4 << 4
	return append(b, options...)
}

func TestTCPOptions(t *testing.T) {
	mss := TCPOptions{HasMSS: true, MSS: 1460}
	tests := []struct {
		name    string
		options string
		want    TCPOptions
	}{
		{"none", "", TCPOptions{}},
		// RFC 9293, 3.2: the end "might not coincide with the end of the TCP header".
		{"end before the header's", "02 04 05 b4 00 02 04 00", mss},
		{"after the end nothing is looked at", "00 05 00 ff", TCPOptions{}},
		// MUST-64: options need not begin on a word boundary.
		{"on any octet", "01 02 04 05 b4 01 01 00", mss},
		{"last octet is no operation", "02 04 05 b4 01 01 01 01", mss},
		// MUST-6, MUST-68: unknown options are skipped by their length.
		{"unknown: experiment", "fd 06 01 02 03 04 02 04 05 b4 00 00", mss},
		{"unknown: fast open, authentication", "22 02 1d 04 00 00 02 04 05 b4 00 00", mss},
		{"unknown up to the header's end", "02 04 05 b4 99 04 00 00", mss},
		{"unknown without data at the header's end", "02 04 05 b4 01 01 99 02", mss},
		{"unpadded timestamps", "08 0a 00 00 00 01 00 00 00 02", TCPOptions{HasTimestamps: true, TSVal: 1, TSEcr: 2}},
		{"timestamps behind the padding", "01 01 08 0a 00 00 00 01 00 00 00 02", TCPOptions{HasTimestamps: true, TSVal: 1, TSEcr: 2}},
		{"timestamps before the padding", "08 0a 00 00 00 01 00 00 00 02 01 01", TCPOptions{HasTimestamps: true, TSVal: 1, TSEcr: 2}},
		{"the last of two counts", "02 04 02 18 02 04 05 b4", mss},
		{"the last SACK counts", "05 12 00 00 00 01 00 00 00 02 00 00 00 03 00 00 00 04 05 0a 00 00 00 07 00 00 00 08",
			TCPOptions{NumSACK: 1, SACK: [4]SACKBlock{{7, 8}}}},
		{"window scale above 14", "03 03 ff 00", TCPOptions{HasWindowScale: true, WindowScale: 255}},
		// RFC 9768, 3.2.3: "if the AccECN Option is of any other length, implementations MUST use those whole 3-octet fields
		// that fit within the length and ignore the remainder of the option, treating it as padding."
		{"AccECN of 4", "ac 04 ff ff", TCPOptions{AccECN: AccECN{Present: true}}},
		{"AccECN of 7", "ac 07 00 00 05 ff ff", TCPOptions{AccECN: AccECN{Present: true, Fields: 1, EE0B: 5}}},
		{"AccECN of 14", "ae 0e 00 00 05 00 00 06 00 00 07 ff ff ff", TCPOptions{AccECN: AccECN{Present: true, Order: 1, Fields: 3, EE1B: 5, ECEB: 6, EE0B: 7}}},
		{"the last AccECN counts", "ae 05 00 00 05 ac 02", TCPOptions{AccECN: AccECN{Present: true}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := header(octets(tt.options))
			h, n, r := ParseTCP(b, len(b))
			if r != OK || n != len(b) {
				t.Fatalf("%v, %d bytes of %d", r, n, len(b))
			}
			checkSame(t, h.Options, tt.want)
		})
	}
}

func TestTCPIllegalOptionLength(t *testing.T) {
	for name, options := range map[string]string{
		"length 0":                      "02 00 05 b4",
		"length 1":                      "fd 01 00 00",
		"beyond the header":             "01 01 02 04",
		"unknown, beyond the header":    "fd 05 00 00",
		"no room for a length":          "01 01 01 02",
		"MSS of 3":                      "02 03 05 00",
		"MSS of 5":                      "02 05 05 b4 00 00 00 00",
		"window scale of 2":             "03 02 00 00",
		"window scale of 4":             "03 04 07 00",
		"SACK permitted of 3":           "04 03 00 00",
		"timestamps of 9":               "08 09 00 00 00 00 00 00 00 00 00 00",
		"timestamps of 11":              "08 0b 00 00 00 00 00 00 00 00 00 00",
		"SACK without a block":          "05 02 00 00",
		"SACK with a block and a piece": "05 0e 00 00 00 00 00 00 00 00 00 00 00 00 00 00",
	} {
		b := header(octets(options))
		if _, _, r := ParseTCP(b, len(b)); r != ReasonTCPOption {
			t.Errorf("%s: %v, want %v", name, r, ReasonTCPOption)
		}
	}
}

// RFC 9293, 3.1: the reserved bits "must be ignored in received segments".
func TestTCPReservedBits(t *testing.T) {
	want := TCP{SrcPort: 1, DstPort: 2, Flags: ACK}
	b := want.Append(nil)
	b[12] |= 0x0e
	h, _, r := ParseTCP(b, len(b))
	if r != OK {
		t.Fatal(r)
	}
	checkSame(t, h, want)
}

func TestTCPOptionsNeverOverflow(t *testing.T) {
	for i := range 16 * 6 * 5 {
		o := TCPOptions{AccECN: AccECN{Present: i/96 > 0, Fields: uint8(max(0, i/96-1))}, HasMSS: i&1 != 0, HasWindowScale: i&2 != 0, SACKPermitted: i&4 != 0, HasTimestamps: i&8 != 0, NumSACK: uint8(i % 96 >> 4)}
		h := TCP{Options: o}
		b := h.Append(nil)
		if len(b) > TCPMaxLen || len(b) != h.HeaderLen() || len(b)%4 != 0 {
			t.Errorf("%+v: %d bytes, HeaderLen() = %d", o, len(b), h.HeaderLen())
		}
		got, _, r := ParseTCP(b, len(b))
		o.NumSACK = got.Options.NumSACK
		if r != OK || got.Options != o {
			t.Errorf("%+v came back as %+v (%v)", o, got.Options, r)
		}
		room := TCPMaxLen - len(b)
		if o.NumSACK == 0 {
			room -= 4 // before the first block
		}
		if want := min(i%96>>4, 4); int(o.NumSACK) != want && room >= 8 {
			t.Errorf("%+v: %d blocks where there is room for %d", o, o.NumSACK, want)
		}
	}
}

func TestTCPFlagsString(t *testing.T) {
	for flags, want := range map[TCPFlags]string{
		0: "", SYN: "SYN", SYN | ACK: "SYN,ACK", FIN | ACK: "FIN,ACK", RST | ACK: "RST,ACK",
		PSH | ACK: "PSH,ACK", URG | ACK: "URG,ACK", SYN | ECE | CWR: "SYN,ECE,CWR", SYN | ECE | CWR | AE: "SYN,ECE,CWR,AE",
	} {
		if got := fmt.Sprint(flags); got != want {
			t.Errorf("%09b: %q, want %q", uint16(flags), got, want)
		}
	}
}
