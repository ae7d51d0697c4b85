package wire

import "testing"

func TestIPv4Golden(t *testing.T) {
	tests := []struct {
		name string
		h    IPv4
		wire []byte // checksum left to summed
	}{
		{"plain", IPv4{TOS: 0xb9, TotalLen: 40, ID: 0x1234, DontFragment: true, TTL: 64, Protocol: ProtocolTCP, Src: host4, Dst: peer4}, octets(`
			45 b9 00 28  # version, IHL, TOS, total length
			12 34 40 00  # identification, DF, offset
			40 06 00 00  # TTL, protocol, checksum
			0a 00 00 01  # source
			c0 00 02 21  # destination`)},
		{"first fragment", IPv4{TotalLen: 28, MoreFragments: true, TTL: 255, Protocol: ProtocolUDP, Src: host4, Dst: peer4}, octets(`
			45 00 00 1c 00 00 20 00 ff 11 00 00 0a 00 00 01 c0 00 02 21`)},
		{"last fragment", IPv4{TotalLen: 23, FragmentOffset: 1480, TTL: 1, Protocol: ProtocolUDP, Src: host4, Dst: peer4}, octets(`
			45 00 00 17 00 00 00 b9 01 11 00 00 0a 00 00 01 c0 00 02 21`)},
		{"options", IPv4{TotalLen: 32, TTL: 1, Protocol: ProtocolICMPv4, Src: host4, Dst: peer4, Options: octets("94 04 00 00 01 07 03 04 00 00 00 00")}, octets(`
			48 00 00 20 00 00 00 00 01 01 00 00 0a 00 00 01 c0 00 02 21
			94 04 00 00  # router alert
			01 07 03 04  # no operation, record route without room
			00 00 00 00  # end, padding`)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			golden := summed(tt.wire)
			checkAppend(t, tt.h.Append, golden)
			if n := tt.h.HeaderLen(); n != len(golden) {
				t.Errorf("HeaderLen() = %d, want %d", n, len(golden))
			}
			h, n, r := ParseIPv4(append(golden, 0xee), tt.h.TotalLen+6)
			if r != OK || n != len(golden) {
				t.Fatalf("%v, %d bytes", r, n)
			}
			checkSame(t, h, tt.h)
		})
	}
}

func TestIPv4ChecksumByHand(t *testing.T) {
	// 4500+0014+0000+0000+0001+0000+0a00+0001+c000+0221 = 11137 -> 1138, complemented eec7.
	h := IPv4{TotalLen: 20, TTL: 0, Protocol: ProtocolICMPv4, Src: host4, Dst: peer4}
	b := h.Append(nil)
	if b[10] != 0xee || b[11] != 0xc7 {
		t.Errorf("checksum % x, want ee c7", b[10:12])
	}
}

func TestIPv4OptionsArePadded(t *testing.T) {
	h := IPv4{TotalLen: 28, TTL: 1, Src: host4, Dst: peer4, Options: octets("07 07 04 00 00 00 00")}
	b := h.Append(nil)
	if len(b) != 28 || h.HeaderLen() != 28 {
		t.Fatalf("%d bytes, HeaderLen() = %d, want 28", len(b), h.HeaderLen())
	}
	got, _, r := ParseIPv4(b, len(b))
	if r != OK {
		t.Fatal(r)
	}
	checkSame(t, got.Options, octets("07 07 04 00 00 00 00 00"))
}

func TestIPv4AllOptions(t *testing.T) {
	h := IPv4{Options: octets("01 83 07 04 c0 00 02 01 44 04 05 00 00 94 04 00 00")}
	type option struct {
		kind IPv4OptionType
		data []byte
	}
	var got []option
	for kind, data := range h.AllOptions() {
		got = append(got, option{kind, data})
	}
	checkSame(t, got, []option{
		{IPv4OptionLooseRoute, octets("04 c0 00 02 01")},
		{IPv4OptionTimestamp, octets("05 00")}, // what stands behind the end is none
	})
	for range h.AllOptions() {
		break // must not go on
	}
}

func TestIPv4SourceRouted(t *testing.T) {
	for options, want := range map[string]bool{
		"":                        false,
		"07 07 04 00 00 00 00 00": false,
		"01 83 03 04":             true,
		"89 03 04 00":             true,
		"94 04 00 00 89 03 04 00": true,
		"00 89 03 04":             false,
	} {
		h := IPv4{Options: octets(options)}
		if got := h.SourceRouted(); got != want {
			t.Errorf("options %s: %v", options, got)
		}
	}
}

func TestIPv4OptionAtFault(t *testing.T) {
	tests := []struct {
		name    string
		options string
		at      int // offset in the header
	}{
		{"length 0", "07 00 00 00", 21},
		{"length 1", "01 07 01 00", 22},
		{"beyond the header", "01 01 07 03", 23},
		{"no room for a length", "01 01 01 07", 23},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := IPv4{TotalLen: 24, TTL: 1, Protocol: 9, Src: host4, Dst: peer4, Options: octets(tt.options)}
			got, n, r := ParseIPv4(h.Append(nil), 24)
			if r != ReasonIPv4Option || n != tt.at {
				t.Errorf("%v at %d, want %v at %d", r, n, ReasonIPv4Option, tt.at)
			}
			checkSame(t, got, h)
		})
	}
}

// A header with ReasonIPv4Option has its options set: what of them can be told
// is told.
func TestIPv4AllOptionsOfAMalformedHeader(t *testing.T) {
	for _, tt := range []struct {
		options string
		routed  bool // before the fault
	}{
		{"83", false},
		{"07", false},
		{"07 00 00 00", false},
		{"07 01 83 03", false},
		{"07 09 04 00", false},
		{"83 03 04 07", true},
		{"01 83 03 04 07 01 00 00", true},
	} {
		h := IPv4{Options: octets(tt.options)}
		if got := h.SourceRouted(); got != tt.routed {
			t.Errorf("%s: source-routed %v, want %v", tt.options, got, tt.routed)
		}
	}
}
