package wire

import (
	"net/netip"
	"testing"
)

func TestICMPv4Golden(t *testing.T) {
	tests := []struct {
		m    ICMPv4
		text string
		wire string // RFC 792
	}{
		{ICMPv4{Type: ICMPv4EchoRequest, Checksum: 0xabcd, ID: 0x1234, Sequence: 2, Body: []byte("data")}, "echo request", "08 00 ab cd 12 34 00 02 64 61 74 61"},
		{ICMPv4{Type: ICMPv4EchoReply, ID: 1, Sequence: 0xffff, Body: []byte{}}, "echo reply", "00 00 00 00 00 01 ff ff"},
		{ICMPv4{Type: ICMPv4Unreachable, Code: ICMPv4CodePort, Body: []byte{0x45}}, "destination unreachable: port", "03 03 00 00 00 00 00 00 45"},
		// RFC 1191, 4: the next hop's MTU in the lower half of the unused word.
		{ICMPv4{Type: ICMPv4Unreachable, Code: ICMPv4CodeFragmentation, MTU: 1400, Body: []byte{}}, "destination unreachable: fragmentation needed", "03 04 00 00 00 00 05 78"},
		{ICMPv4{Type: ICMPv4Redirect, Code: ICMPv4CodeRedirectHost, Gateway: peer4, Body: []byte{0x45}}, "redirect: host", "05 01 00 00 c0 00 02 21 45"},
		{ICMPv4{Type: ICMPv4TimeExceeded, Code: ICMPv4CodeTransit, Body: []byte{0x45}}, "time exceeded: in transit", "0b 00 00 00 00 00 00 00 45"},
		{ICMPv4{Type: ICMPv4ParameterProblem, Pointer: 21, Body: []byte{0x46}}, "parameter problem: pointer", "0c 00 00 00 15 00 00 00 46"},
		{ICMPv4{Type: 13, Body: []byte{}}, "ICMPv4 type 13", "0d 00 00 00 00 00 00 00"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			checkAppend(t, tt.m.Append, octets(tt.wire))
			m, r := ParseICMPv4(octets(tt.wire))
			if r != OK {
				t.Fatal(r)
			}
			checkSame(t, m, tt.m)
			if got := m.String(); got != tt.text {
				t.Errorf("String() = %q, want %q", got, tt.text)
			}
		})
	}
}

func TestICMPv6Golden(t *testing.T) {
	tests := []struct {
		m    ICMPv6
		text string
		wire string // RFC 4443
	}{
		{ICMPv6{Type: ICMPv6Unreachable, Code: ICMPv6CodePort, Body: []byte{0x60}}, "destination unreachable: port", "01 04 00 00 00 00 00 00 60"},
		{ICMPv6{Type: ICMPv6PacketTooBig, MTU: 0x10500, Body: []byte{0x60}}, "packet too big", "02 00 00 00 00 01 05 00 60"},
		{ICMPv6{Type: ICMPv6TimeExceeded, Code: ICMPv6CodeReassembly, Body: []byte{0x60}}, "time exceeded: reassembly", "03 01 00 00 00 00 00 00 60"},
		{ICMPv6{Type: ICMPv6ParameterProblem, Code: ICMPv6CodeNextHeader, Pointer: 40, Body: []byte{0x60}}, "parameter problem: next header", "04 01 00 00 00 00 00 28 60"},
		{ICMPv6{Type: ICMPv6EchoRequest, Checksum: 0xabcd, ID: 0x1234, Sequence: 2, Body: []byte("data")}, "echo request", "80 00 ab cd 12 34 00 02 64 61 74 61"},
		{ICMPv6{Type: ICMPv6EchoReply, ID: 1, Sequence: 0xffff, Body: []byte{}}, "echo reply", "81 00 00 00 00 01 ff ff"},
		{ICMPv6{Type: 143, Code: 1, Body: []byte{}}, "version 2 multicast listener report: code 1", "8f 01 00 00 00 00 00 00"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			checkAppend(t, tt.m.Append, octets(tt.wire))
			m, r := ParseICMPv6(octets(tt.wire))
			if r != OK {
				t.Fatal(r)
			}
			checkSame(t, m, tt.m)
			if got := m.String(); got != tt.text {
				t.Errorf("String() = %q, want %q", got, tt.text)
			}
		})
	}
}

func TestICMPIsError(t *testing.T) {
	errors4 := map[ICMPv4Type]bool{3: true, 4: true, 5: true, 11: true, 12: true} // RFC 1122, 3.2.2
	for i := range 256 {
		if got := ICMPv4Type(i).IsError(); got != errors4[ICMPv4Type(i)] {
			t.Errorf("ICMPv4 type %d: %v", i, got)
		}
		if got := ICMPv6Type(i).IsError(); got != (i < 128) { // RFC 4443, 2.1
			t.Errorf("ICMPv6 type %d: %v", i, got)
		}
	}
}

// All types and all codes of errors have a name of their own.
func TestICMPNames(t *testing.T) {
	seen := make(map[string]bool)
	check := func(name string) {
		if name == "" || seen[name] {
			t.Errorf("name %q is empty or taken", name)
		}
		seen[name] = true
	}
	for typ := range 256 {
		for code := range 20 {
			check((&ICMPv4{Type: ICMPv4Type(typ), Code: uint8(code)}).String())
		}
	}
	clear(seen)
	for typ := range 256 {
		for code := range 20 {
			check((&ICMPv6{Type: ICMPv6Type(typ), Code: uint8(code)}).String())
		}
	}
}

func TestParseQuote(t *testing.T) {
	tcp := (&TCP{SrcPort: 1000, DstPort: 80, Seq: 77, Flags: SYN}).Append(nil)
	udp := (&UDP{SrcPort: 1000, DstPort: 53, Length: 1400}).Append(nil)
	echo4 := (&ICMPv4{Type: ICMPv4EchoRequest, ID: 5, Sequence: 6}).Append(nil)
	echo6 := (&ICMPv6{Type: ICMPv6EchoRequest, ID: 5, Sequence: 6}).Append(nil)
	h4 := func(p Protocol) []byte {
		return (&IPv4{TotalLen: 1420, TTL: 3, Protocol: p, Src: host4, Dst: peer4}).Append(nil)
	}
	h6 := func(p Protocol) []byte {
		return (&IPv6{PayloadLen: 1400, NextHeader: p, HopLimit: 3, Src: host6, Dst: peer6}).Append(nil)
	}
	join := func(parts ...[]byte) (b []byte) {
		for _, p := range parts {
			b = append(b, p...)
		}
		return b
	}
	options4 := (&IPv4{TotalLen: 1420, TTL: 3, Protocol: ProtocolUDP, Src: host4, Dst: peer4, Options: octets("94 04 00 00")}).Append(nil)
	fragment := (&IPv4{TotalLen: 1420, FragmentOffset: 8, TTL: 3, Protocol: ProtocolUDP, Src: host4, Dst: peer4}).Append(nil)
	v4 := func(p Protocol) Quote { return Quote{Src: host4, Dst: peer4, Protocol: p, Length: 1420} }
	v6 := func(p Protocol) Quote { return Quote{Src: host6, Dst: peer6, Protocol: p, Length: 1440} }
	ports := func(q Quote, dst uint16, seq Seq) Quote { q.SrcPort, q.DstPort, q.Seq = 1000, dst, seq; return q }
	ids := func(q Quote) Quote { q.ID, q.Sequence = 5, 6; return q }

	tests := []struct {
		name string
		b    []byte
		want Quote
		r    Reason
	}{
		{"IPv4, TCP, 8 bytes", join(h4(ProtocolTCP), tcp[:8]), ports(v4(ProtocolTCP), 80, 77), OK},
		{"IPv4, UDP", join(h4(ProtocolUDP), udp, tcp), ports(v4(ProtocolUDP), 53, 0), OK},
		{"IPv4 with options", join(options4, udp), ports(v4(ProtocolUDP), 53, 0), OK},
		{"IPv4, echo", join(h4(ProtocolICMPv4), echo4), ids(v4(ProtocolICMPv4)), OK},
		{"IPv4, wrong checksum: routers change the TTL", join(with(h4(ProtocolUDP), 8, 1), udp), ports(v4(ProtocolUDP), 53, 0), OK},
		{"IPv4, protocol without ports", join(h4(132), udp), v4(132), OK},
		{"IPv4, 7 bytes", join(h4(ProtocolTCP), tcp[:7]), v4(ProtocolTCP), ReasonQuoteTruncated},
		{"IPv4, not the first fragment", join(fragment, udp), v4(ProtocolUDP), ReasonQuoteTruncated},
		{"IPv4, options cut off", options4[:21], v4(ProtocolUDP), ReasonQuoteTruncated},
		{"IPv4, header cut off", h4(ProtocolTCP)[:19], Quote{}, ReasonQuoteTruncated},
		{"IPv4, header length 4", with(h4(ProtocolTCP), 0, 0x44), Quote{}, ReasonQuoteInvalid},
		{"IPv6, TCP", join(h6(ProtocolTCP), tcp), ports(v6(ProtocolTCP), 80, 77), OK},
		{"IPv6, echo", join(h6(ProtocolICMPv6), echo6), ids(v6(ProtocolICMPv6)), OK},
		{"IPv6, first fragment", join(h6(ProtocolFragment), octets("11 00 00 01 00 00 00 09"), udp), ports(v6(ProtocolUDP), 53, 0), OK},
		{"IPv6, second fragment", join(h6(ProtocolFragment), octets("11 00 00 09 00 00 00 09"), udp), v6(ProtocolUDP), ReasonQuoteTruncated},
		{"IPv6, options", join(h6(ProtocolDestination), octets("06 00 01 04 00 00 00 00"), tcp), ports(v6(ProtocolTCP), 80, 77), OK},
		{"IPv6, options cut off", join(h6(ProtocolDestination), octets("06 01 01 04 00 00 00 00")), v6(ProtocolDestination), ReasonQuoteTruncated},
		{"IPv6, header cut off", h6(ProtocolTCP)[:39], Quote{}, ReasonQuoteTruncated},
		{"IPv6, no ports", join(h6(ProtocolUDP), udp[:7]), v6(ProtocolUDP), ReasonQuoteTruncated},
		{"nothing", nil, Quote{}, ReasonQuoteTruncated},
		{"version 5", []byte{0x50}, Quote{}, ReasonQuoteInvalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q, r := ParseQuote(tt.b)
			if r != tt.r {
				t.Errorf("%v, want %v", r, tt.r)
			}
			checkSame(t, q, tt.want)
		})
	}
}

func TestSolicitedNode(t *testing.T) {
	// RFC 4291, 2.7.1: "the Solicited-Node multicast address corresponding to the
	// IPv6 address 4037::01:800:200E:8C6C is FF02::1:FF0E:8C6C."
	got := SolicitedNode(netip.MustParseAddr("4037::01:800:200e:8c6c"))
	if want := netip.MustParseAddr("ff02::1:ff0e:8c6c"); got != want {
		t.Errorf("%v, want %v", got, want)
	}
}
