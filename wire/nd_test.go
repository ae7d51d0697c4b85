package wire

import (
	"net/netip"
	"testing"
)

const (
	wireLocal6 = " fe 80 00 00 00 00 00 00 00 00 00 00 00 00 00 01 "
	wireHost6  = " 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01 "
	wireMAC2   = " 02 00 00 ab cd ef "
)

func TestNeighborSolicitationGolden(t *testing.T) {
	for wire, want := range map[string]NeighborSolicitation{
		"87 00 00 00 00 00 00 00" + wireHost6:                               {Target: host6},
		"87 00 00 00 00 00 00 00" + wireHost6 + "01 01" + wireMAC2:          {Target: host6, SourceMAC: mac2},
		"87 00 00 00 00 00 00 00" + wireHost6 + "0e 01" + wireMAC2:          {Target: host6, Nonce: mac2},
		"87 00 00 00 00 00 00 00" + wireHost6 + "01 01 00 00 00 00 00 00  ": {Target: host6}, // a zero address is none
	} {
		m, r := ParseNeighborSolicitation(octets(wire))
		if r != OK {
			t.Fatal(r)
		}
		checkSame(t, m, want)
		if want.SourceMAC != (MAC{}) || want.Nonce != [6]byte{} || len(octets(wire)) == 24 {
			checkAppend(t, m.Append, octets(wire))
		}
	}
}

func TestNeighborAdvertisementGolden(t *testing.T) {
	for wire, want := range map[string]NeighborAdvertisement{
		"88 00 00 00 e0 00 00 00" + wireHost6 + "02 01" + wireMAC2: {Router: true, Solicited: true, Override: true, Target: host6, TargetMAC: mac2},
		"88 00 00 00 80 00 00 00" + wireHost6:                      {Router: true, Target: host6},
		"88 00 00 00 40 00 00 00" + wireHost6:                      {Solicited: true, Target: host6},
		"88 00 00 00 20 00 00 00" + wireHost6:                      {Override: true, Target: host6},
	} {
		m, r := ParseNeighborAdvertisement(octets(wire))
		if r != OK {
			t.Fatal(r)
		}
		checkSame(t, m, want)
		checkAppend(t, want.Append, octets(wire))
	}
}

func TestRouterSolicitationGolden(t *testing.T) {
	for wire, want := range map[string]RouterSolicitation{
		"85 00 00 00 00 00 00 00":                      {},
		"85 00 00 00 00 00 00 00" + "01 01" + wireMAC2: {SourceMAC: mac2},
	} {
		m, r := ParseRouterSolicitation(octets(wire))
		if r != OK {
			t.Fatal(r)
		}
		checkSame(t, m, want)
		checkAppend(t, want.Append, octets(wire))
	}
}

func TestRouterAdvertisementGolden(t *testing.T) {
	want := RouterAdvertisement{
		HopLimit: 64, Managed: true, Other: true, RouterLifetime: 1800, ReachableTime: 30000, RetransTimer: 1000,
		SourceMAC: mac2, MTU: 1492, NumPrefixes: 2,
	}
	want.Prefixes[0] = PrefixInformation{Prefix: netip.MustParsePrefix("2001:db8:0:1::/64"), OnLink: true, Autonomous: true,
		ValidLifetime: 0xffffffff, PreferredLifetime: 604800}
	want.Prefixes[1] = PrefixInformation{Prefix: netip.MustParsePrefix("2001:db8:8000::/33"), OnLink: true, ValidLifetime: 1}
	wire := octets(`
		86 00 00 00 40 c0 07 08  # hop limit, M and O, lifetime
		00 00 75 30 00 00 03 e8  # reachable time, retransmission timer
		01 01` + wireMAC2 + `
		05 01 00 00 00 00 05 d4  # MTU
		03 04 40 c0 ff ff ff ff 00 09 3a 80 00 00 00 00
		20 01 0d b8 00 00 00 01 00 00 00 00 00 00 00 00
		03 04 21 80 00 00 00 01 00 00 00 00 00 00 00 00
		20 01 0d b8 80 00 00 00 00 00 00 00 00 00 00 00`)
	checkAppend(t, want.Append, wire)
	m, r := ParseRouterAdvertisement(wire)
	if r != OK {
		t.Fatal(r)
	}
	checkSame(t, m, want)

	plain := RouterAdvertisement{HopLimit: 0}
	checkAppend(t, plain.Append, octets("86 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"))
}

// RFC 4191, 2.2: "If the Reserved (10) value is received, the receiver MUST treat
// the value as if it were (00)."
func TestRouterAdvertisementPreference(t *testing.T) {
	for flags, want := range map[string]RouterPreference{
		"00": PreferenceMedium, "08": PreferenceHigh, "10": PreferenceMedium, "18": PreferenceLow, "c7": PreferenceMedium,
	} {
		wire := octets("86 00 00 00 40 " + flags + " 07 08 00 00 00 00 00 00 00 00")
		m, r := ParseRouterAdvertisement(wire)
		if r != OK || m.Preference != want {
			t.Errorf("flags %s: %v, preference %d, want %d", flags, r, m.Preference, want)
		}
		if flags == "08" || flags == "18" {
			checkAppend(t, m.Append, wire)
		}
	}
}

func TestRouterAdvertisementPrefixes(t *testing.T) {
	const head = "86 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"
	prefix := func(bits string) string {
		return "03 04 " + bits + " 00 00 00 00 00 00 00 00 00 00 00 00 00 20 01 0d b8 ff ff ff ff ff ff ff ff ff ff ff ff"
	}
	// Bits behind the prefix length are ignored; a prefix of 129 bits is none.
	m, r := ParseRouterAdvertisement(octets(head + prefix("81") + prefix("24") + prefix("80")))
	if r != OK || m.NumPrefixes != 2 {
		t.Fatalf("%v, %d prefixes, want 2", r, m.NumPrefixes)
	}
	checkSame(t, m.Prefixes[0].Prefix, netip.MustParsePrefix("2001:db8:f000::/36"))
	checkSame(t, m.Prefixes[1].Prefix.Bits(), 128)

	many := head
	for range MaxPrefixes + 3 {
		many += prefix("40")
	}
	if m, r := ParseRouterAdvertisement(octets(many)); r != OK || m.NumPrefixes != MaxPrefixes {
		t.Errorf("%v, %d prefixes, want %d", r, m.NumPrefixes, MaxPrefixes)
	}
}

func TestRedirectGolden(t *testing.T) {
	quote := (&IPv6{NextHeader: ProtocolTCP, HopLimit: 9, Src: host6, Dst: peer6}).Append(nil)
	for _, want := range []Redirect{
		{Target: local6, Destination: host6},
		{Target: local6, Destination: host6, TargetMAC: mac2},
		{Target: local6, Destination: host6, TargetMAC: mac2, Quote: quote},
	} {
		wire := octets("89 00 00 00 00 00 00 00" + wireLocal6 + wireHost6)
		if !want.TargetMAC.IsZero() {
			wire = append(wire, octets("02 01"+wireMAC2)...)
		}
		if want.Quote != nil {
			wire = append(wire, 4, 6, 0, 0, 0, 0, 0, 0)
			wire = append(wire, quote...)
		}
		checkAppend(t, want.Append, wire)
		m, r := ParseRedirect(wire)
		if r != OK {
			t.Fatal(r)
		}
		checkSame(t, m, want)
	}
}

func TestRedirectQuoteIsPaddedAndCut(t *testing.T) {
	for n, want := range map[int]int{1: 8, 8: 8, 9: 16, 2031: 2032, 2032: 2032, 2033: 2032, 5000: 2032} {
		m := Redirect{Target: local6, Destination: host6, Quote: make([]byte, n)}
		got, r := ParseRedirect(m.Append(nil))
		if r != OK || len(got.Quote) != want {
			t.Errorf("%d bytes: %v, %d bytes came back, want %d", n, r, len(got.Quote), want)
		}
	}
}

// RFC 4861, 7.1.1: "The contents of any defined options that are not specified
// to be used with Neighbor Solicitation messages MUST be ignored".
func TestNDForeignOptions(t *testing.T) {
	options := "02 01" + wireMAC2 + // target's address
		"05 01 00 00 00 00 05 d4" + // MTU
		"fd 02 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e" + // unknown
		"01 02" + wireMAC2 + "00 00 00 00 00 00 00 00" + // an address that is not Ethernet's
		"03 01 40 c0 00 00 00 00" + // prefix too short for one
		"01 01" + wireMAC2
	ns, r := ParseNeighborSolicitation(octets("87 00 00 00 00 00 00 00" + wireHost6 + options))
	if r != OK {
		t.Fatal(r)
	}
	checkSame(t, ns, NeighborSolicitation{Target: host6, SourceMAC: mac2})

	ra, r := ParseRouterAdvertisement(octets("86 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00" + options))
	if r != OK {
		t.Fatal(r)
	}
	checkSame(t, ra, RouterAdvertisement{MTU: 1492, SourceMAC: mac2})
}

func TestNDCheck(t *testing.T) {
	var (
		unspecified = netip.IPv6Unspecified()
		solicited   = SolicitedNode(host6)
		allNodes    = netip.MustParseAddr("ff02::1")
	)
	type message interface{ Check(*IPv6) Reason }
	tests := []struct {
		name     string
		m        message
		hops     uint8
		src, dst netip.Addr
		want     Reason
	}{
		{"solicitation", &NeighborSolicitation{Target: host6, SourceMAC: mac2}, 255, local6, solicited, OK},
		{"solicitation to the target", &NeighborSolicitation{Target: host6}, 255, local6, host6, OK},
		{"solicitation for duplicates", &NeighborSolicitation{Target: host6}, 255, unspecified, solicited, OK},
		{"solicitation through a router", &NeighborSolicitation{Target: host6}, 254, local6, solicited, ReasonNDHopLimit},
		{"solicitation from nobody to the target", &NeighborSolicitation{Target: host6}, 255, unspecified, host6, ReasonNDDestination},
		{"solicitation from nobody with an address", &NeighborSolicitation{Target: host6, SourceMAC: mac2}, 255, unspecified, solicited, ReasonNDOption},
		{"advertisement", &NeighborAdvertisement{Solicited: true}, 255, local6, host6, OK},
		{"advertisement to all", &NeighborAdvertisement{}, 255, local6, allNodes, OK},
		{"advertisement through a router", &NeighborAdvertisement{}, 1, local6, host6, ReasonNDHopLimit},
		{"solicited advertisement to all", &NeighborAdvertisement{Solicited: true}, 255, local6, allNodes, ReasonNDDestination},
		{"router solicitation", &RouterSolicitation{SourceMAC: mac2}, 255, local6, allNodes, OK},
		{"router solicitation from nobody", &RouterSolicitation{}, 255, unspecified, allNodes, OK},
		{"router solicitation through a router", &RouterSolicitation{}, 64, local6, allNodes, ReasonNDHopLimit},
		{"router solicitation from nobody with an address", &RouterSolicitation{SourceMAC: mac2}, 255, unspecified, allNodes, ReasonNDOption},
		{"router advertisement", &RouterAdvertisement{}, 255, local6, allNodes, OK},
		{"router advertisement through a router", &RouterAdvertisement{}, 0, local6, allNodes, ReasonNDHopLimit},
		{"router advertisement from a global address", &RouterAdvertisement{}, 255, host6, allNodes, ReasonNDSource},
		{"redirect", &Redirect{}, 255, local6, host6, OK},
		{"redirect through a router", &Redirect{}, 253, local6, host6, ReasonNDHopLimit},
		{"redirect from a global address", &Redirect{}, 255, peer6, host6, ReasonNDSource},
	}
	for _, tt := range tests {
		h := IPv6{HopLimit: tt.hops, Src: tt.src, Dst: tt.dst}
		if got := tt.m.Check(&h); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
