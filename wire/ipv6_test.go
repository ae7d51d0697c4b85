package wire

import "testing"

func TestIPv6Golden(t *testing.T) {
	want := IPv6{TrafficClass: 0xb9, FlowLabel: 0x12345, PayloadLen: 20, NextHeader: ProtocolTCP, HopLimit: 64, Src: host6, Dst: peer6}
	wire := octets(`
		6b 91 23 45  # version, traffic class, flow label
		00 14 06 40  # payload length, next header, hop limit
		20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01
		20 01 0d b8 00 01 00 02 00 00 00 00 00 00 00 99`)
	checkAppend(t, want.Append, wire)
	h, n, r := ParseIPv6(wire, 60)
	if r != OK || n != 40 {
		t.Fatalf("%v, %d bytes", r, n)
	}
	checkSame(t, h, want)
}

func TestIPv6FlowLabelHas20Bits(t *testing.T) {
	h := IPv6{TrafficClass: 1, FlowLabel: 0xffffffff, Src: host6, Dst: peer6}
	got, _, r := ParseIPv6(h.Append(nil), 40)
	if r != OK || got.TrafficClass != 1 || got.FlowLabel != 0xfffff {
		t.Errorf("%v: class %d, flow label %#x", r, got.TrafficClass, got.FlowLabel)
	}
}

func TestIPv6ExtensionsGolden(t *testing.T) {
	const (
		hopByHop    = "3c 00 05 02 00 00 01 00 " // router alert, PadN; then destination options
		destination = "2b 01 04 01 04 00 01 01 00 1e 03 aa bb cc 01 00 "
		routing     = "2c 00 04 00 00 00 00 00 " // segment routing type, all segments visited
		fragment    = "11 ff 05 c9 de ad be ef " // offset 1480, more
		whole       = "3c 00 00 06 de ad be ef " // one fragment is the packet
		last        = "06 00 01 04 00 00 00 00 "
	)
	tests := []struct {
		name  string
		first Protocol
		b     string
		x     IPv6Extensions
		n     int
	}{
		{"none", ProtocolTCP, "00", IPv6Extensions{Protocol: ProtocolTCP, ProtocolOffset: 6}, 0},
		{"no next header", ProtocolNone, "", IPv6Extensions{Protocol: ProtocolNone, ProtocolOffset: 6}, 0},
		{"unknown protocol", Protocol(200), "ff ff", IPv6Extensions{Protocol: 200, ProtocolOffset: 6}, 0},
		{"padding only", ProtocolDestination, last, IPv6Extensions{Protocol: ProtocolTCP, ProtocolOffset: 40}, 8},
		{"all, and a piece of a packet", ProtocolHopByHop, hopByHop + destination + routing + fragment + "01 02 03",
			IPv6Extensions{Protocol: ProtocolUDP, ProtocolOffset: 72, HasFragment: true,
				Fragment: IPv6Fragment{NextHeader: ProtocolUDP, Offset: 1480, MoreFragments: true, ID: 0xdeadbeef}}, 40},
		{"one fragment is the packet", ProtocolFragment, whole + last, IPv6Extensions{Protocol: ProtocolTCP, ProtocolOffset: 48}, 16},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x, n, r := ParseIPv6Extensions(tt.first, octets(tt.b))
			if r != OK || n != tt.n {
				t.Fatalf("%v, %d bytes, want %d", r, n, tt.n)
			}
			checkSame(t, x, tt.x)
		})
	}
}

func TestIPv6FragmentGolden(t *testing.T) {
	f := IPv6Fragment{NextHeader: ProtocolUDP, Offset: 1480, MoreFragments: true, ID: 0xdeadbeef}
	checkAppend(t, f.Append, octets("11 00 05 c9 de ad be ef"))
	f = IPv6Fragment{NextHeader: ProtocolTCP, Offset: 65528}
	checkAppend(t, f.Append, octets("06 00 ff f8 00 00 00 00"))
}

// The answers that RFC 8200 asks for; the fixed header has 40 bytes.
func TestIPv6Answers(t *testing.T) {
	tests := []struct {
		name    string
		first   Protocol
		b       string
		reason  Reason
		answer  IPv6Answer
		code    uint8
		pointer int
	}{
		{"option 01: discard", ProtocolDestination, "06 00 41 04 00 00 00 00", ReasonIPv6OptionUnknown, IPv6AnswerNone, 0, 0},
		{"option 10: answer even multicast", ProtocolDestination, "06 00 01 00 81 02 00 00", ReasonIPv6OptionUnknown, IPv6AnswerAlways, ICMPv6CodeOption, 44},
		{"option 11: answer unless multicast", ProtocolHopByHop, "3c 00 01 04 00 00 00 00 06 00 c2 04 00 00 00 00",
			ReasonIPv6OptionUnknown, IPv6AnswerUnicast, ICMPv6CodeOption, 50},
		{"hop-by-hop behind another header", ProtocolDestination, "00 00 01 04 00 00 00 00 06 00 01 04 00 00 00 00",
			ReasonIPv6ExtensionOrder, IPv6AnswerUnicast, ICMPv6CodeNextHeader, 40},
		{"routing type with segments left", ProtocolDestination, "2b 00 01 04 00 00 00 00 06 00 63 01 00 00 00 00",
			ReasonIPv6RoutingType, IPv6AnswerUnicast, ICMPv6CodeHeaderField, 50},
		{"option beyond its header", ProtocolDestination, "06 00 01 00 05 03 00 00", ReasonIPv6OptionLength, IPv6AnswerUnicast, ICMPv6CodeHeaderField, 45},
		{"option without a length", ProtocolDestination, "06 00 01 03 00 00 00 05", ReasonIPv6OptionLength, IPv6AnswerUnicast, ICMPv6CodeHeaderField, 47},
		{"too much padding: silence", ProtocolDestination, "06 01 01 04 00 00 00 00 01 06 00 00 00 00 00 00",
			ReasonIPv6ExtensionLimit, IPv6AnswerNone, 0, 0},
		{"too many single bytes of padding", ProtocolDestination, "06 01 05 04 00 00 00 00 00 00 00 00 00 00 00 00",
			ReasonIPv6ExtensionLimit, IPv6AnswerNone, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x, _, r := ParseIPv6Extensions(tt.first, octets(tt.b))
			if r != tt.reason || x.Answer != tt.answer || x.Code != tt.code || x.Pointer != tt.pointer {
				t.Errorf("%v: %v, code %d at %d; want %v: %v, code %d at %d",
					r, x.Answer, x.Code, x.Pointer, tt.reason, tt.answer, tt.code, tt.pointer)
			}
		})
	}
}

func TestIPv6Limits(t *testing.T) {
	headers := func(n int) (b []byte) {
		for range n - 1 {
			b = AppendIPv6Options(b, ProtocolDestination, nil)
		}
		return AppendIPv6Options(b, ProtocolTCP, nil)
	}
	options := func(n int) (b []byte) {
		for range n {
			b = append(b, 0x1e, 0)
		}
		return AppendIPv6Options(nil, ProtocolTCP, b)
	}
	padding := func(n int) []byte {
		return AppendIPv6Options(nil, ProtocolTCP, append([]byte{0x1e, 0, 1, byte(n - 2)}, make([]byte, n-2)...))
	}
	tests := []struct {
		name string
		b    []byte
		want Reason
	}{
		{"headers", headers(MaxIPv6Extensions), OK},
		{"one header more", headers(MaxIPv6Extensions + 1), ReasonIPv6ExtensionLimit},
		{"options", options(MaxIPv6Options), OK},
		{"one option more", options(MaxIPv6Options + 1), ReasonIPv6ExtensionLimit},
		{"padding", padding(4), OK},
		{"more padding", padding(8), ReasonIPv6ExtensionLimit},
	}
	for _, tt := range tests {
		if _, _, r := ParseIPv6Extensions(ProtocolDestination, tt.b); r != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, r, tt.want)
		}
	}
}

func TestCheckFragment(t *testing.T) {
	tests := []struct {
		name    string
		f       IPv6Fragment
		length  int
		want    Reason
		pointer int
	}{
		{"first", IPv6Fragment{MoreFragments: true}, 1448, OK, 0},
		{"last", IPv6Fragment{Offset: 1448}, 3, OK, 0},
		{"up to the limit", IPv6Fragment{Offset: 65528}, 7, OK, 0},
		{"not a multiple of 8", IPv6Fragment{MoreFragments: true}, 1449, ReasonIPv6Fragment, 4},
		{"beyond the limit", IPv6Fragment{Offset: 65528}, 8, ReasonIPv6Fragment, 42},
	}
	for _, tt := range tests {
		x, _, r := ParseIPv6Extensions(ProtocolFragment, tt.f.Append(nil))
		if r != OK || !x.HasFragment {
			t.Fatalf("%s: %v, HasFragment %v", tt.name, r, x.HasFragment)
		}
		if r := x.CheckFragment(tt.length); r != tt.want || x.Pointer != tt.pointer {
			t.Errorf("%s: %v at %d, want %v at %d", tt.name, r, x.Pointer, tt.want, tt.pointer)
		}
		if tt.want != OK && (x.Answer != IPv6AnswerUnicast || x.Code != ICMPv6CodeHeaderField) {
			t.Errorf("%s: %v, code %d", tt.name, x.Answer, x.Code)
		}
	}
}

func TestAppendIPv6Options(t *testing.T) {
	tests := map[string]string{
		"":                      "06 00 01 04 00 00 00 00",
		"05 02 00 00":           "06 00 05 02 00 00 01 00",
		"1e 03 00 00 00":        "06 00 1e 03 00 00 00 00",
		"1e 04 00 00 00 00":     "06 00 1e 04 00 00 00 00",
		"1e 05 00 00 00 00 00":  "06 01 1e 05 00 00 00 00 00 01 05 00 00 00 00 00",
		"05 02 00 00 04 01 04 ": "06 01 05 02 00 00 04 01 04 01 05 00 00 00 00 00",
	}
	for options, want := range tests {
		checkAppend(t, func(b []byte) []byte { return AppendIPv6Options(b, ProtocolTCP, octets(options)) }, octets(want))
		if x, n, r := ParseIPv6Extensions(ProtocolHopByHop, octets(want)); r != OK || x.Protocol != ProtocolTCP || n != len(octets(want)) {
			t.Errorf("%s: %v, %v, %d bytes", options, r, x.Protocol, n)
		}
	}
}
