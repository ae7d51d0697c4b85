package wire

import (
	"net/netip"
	"strings"
	"testing"
)

func parseIPv4(b []byte) Reason     { _, _, r := ParseIPv4(b, len(b)); return r }
func parseIPv6(b []byte) Reason     { _, _, r := ParseIPv6(b, len(b)); return r }
func parseTCP(b []byte) Reason      { _, _, r := ParseTCP(b, len(b)); return r }
func parseEthernet(b []byte) Reason { _, _, r := ParseEthernet(b); return r }

func parseExtensions(first Protocol, b string) Reason {
	_, _, r := ParseIPv6Extensions(first, octets(b))
	return r
}

func verify(p Protocol, src, dst netip.Addr) Reason {
	b := (&TCP{SrcPort: 1}).Append(nil)
	if p == ProtocolUDP {
		b = (&UDP{Length: 8, Checksum: 1}).Append(nil)
	}
	return VerifyChecksum(p, src, dst, b, nil)
}

// reasonCases has packets for every reason.
func reasonCases() map[Reason][]Reason {
	ipv4 := (&IPv4{TotalLen: 20, TTL: 1, Src: host4, Dst: peer4}).Append(nil)
	big := (&IPv4{TotalLen: 28, FragmentOffset: 65512, TTL: 1, Src: host4, Dst: peer4}).Append(nil)
	piece := (&IPv4{TotalLen: 23, MoreFragments: true, TTL: 1, Src: host4, Dst: peer4}).Append(nil)
	ipv6 := (&IPv6{HopLimit: 1, Src: host6, Dst: peer6}).Append(nil)
	arp := (&ARP{Operation: ARPRequest, Sender: host4, Target: peer4}).Append(nil)
	tcp := (&TCP{}).Append(nil)
	ns := (&NeighborSolicitation{Target: host6, SourceMAC: mac2}).Append(nil)
	ra := (&RouterAdvertisement{MTU: 1500}).Append(nil)
	redirect := (&Redirect{Target: local6, Destination: host6}).Append(nil)

	ndSolicitation := func(b []byte) Reason { _, r := ParseNeighborSolicitation(b); return r }
	ndAdvertisement := func(b []byte) Reason { _, r := ParseNeighborAdvertisement(b); return r }
	ndRouters := func(b []byte) Reason { _, r := ParseRouterAdvertisement(b); return r }
	ndSolicitRouters := func(b []byte) Reason { _, r := ParseRouterSolicitation(b); return r }
	ndRedirect := func(b []byte) Reason { _, r := ParseRedirect(b); return r }
	arpReason := func(b []byte) Reason { _, r := ParseARP(b); return r }
	icmp4 := func(b []byte) Reason { _, r := ParseICMPv4(b); return r }
	icmp6 := func(b []byte) Reason { _, r := ParseICMPv6(b); return r }
	udp := func(b string, size int) Reason { _, r := ParseUDP(octets(b), size); return r }
	quote := func(b []byte) Reason { _, r := ParseQuote(b); return r }
	sized := func(f func([]byte, int) (IPv4, int, Reason), b []byte, size int) Reason {
		_, _, r := f(b, size)
		return r
	}
	check := func(m interface{ Check(*IPv6) Reason }, hops uint8, src, dst netip.Addr) Reason {
		return m.Check(&IPv6{HopLimit: hops, Src: src, Dst: dst})
	}
	solicitation, advertisement := &NeighborSolicitation{SourceMAC: mac1}, &NeighborAdvertisement{Solicited: true}

	igmp := func(b string) Reason { _, r := ParseIGMP(octets(b)); return r }
	igmpQuery := func(b string) Reason { _, r := ParseIGMPQuery(octets(b)); return r }
	igmpReport := func(b string) Reason { _, r := ParseIGMPReport(octets(b)); return r }
	mldQuery := func(b []byte) Reason { _, r := ParseMLDQuery(b); return r }
	mldReport := func(b []byte) Reason { _, r := ParseMLDReport(b); return r }
	mld := func(b []byte) Reason { _, r := ParseMLD(b); return r }
	general := &MembershipQuery{Version: 3, Group: netip.IPv4Unspecified()}
	alert := []byte(IPv4RouterAlert)

	return map[Reason][]Reason{
		OK: {parseIPv4(ipv4), parseIPv6(ipv6), parseTCP(tcp), arpReason(arp), ndSolicitation(ns), ndRouters(ra), ndRedirect(redirect)},

		ReasonEthernetTruncated: {parseEthernet(nil), parseEthernet(make([]byte, 13)), parseEthernet(with(make([]byte, 17), 12, 0x81))},
		ReasonEthernetLength:    {parseEthernet(with(make([]byte, 60), 12, 0x05, 0xff)), parseEthernet(with(make([]byte, 60), 12, 0x81, 0, 0, 0, 0, 46))},

		ReasonARPTruncated: {arpReason(nil), arpReason(arp[:27]), arpReason(arp[:7])},
		ReasonARPHardware:  {arpReason(with(arp, 0, 0, 6)), arpReason(with(arp, 4, 8))},
		ReasonARPProtocol:  {arpReason(with(arp, 2, 0x86, 0xdd)), arpReason(with(arp, 5, 16))},

		ReasonIPv4Truncated: {parseIPv4(nil), parseIPv4(ipv4[:19]), parseIPv4(with(ipv4, 0, 0x46)),
			sized(ParseIPv4, ipv4, 19), sized(ParseIPv4, ipv4, -1)},
		ReasonIPv4Version:      {parseIPv4(with(ipv4, 0, 0x55)), parseIPv4(with(ipv6, 0, 0x60))},
		ReasonIPv4HeaderLength: {parseIPv4(with(ipv4, 0, 0x44)), parseIPv4(with(ipv4, 0, 0x40))},
		ReasonIPv4TotalLength:  {parseIPv4(with(ipv4, 3, 21)), parseIPv4(with(ipv4, 3, 19)), parseIPv4(with(ipv4, 2, 0, 0))},
		ReasonIPv4Checksum:     {parseIPv4(with(ipv4, 8, 2)), parseIPv4(with(ipv4, 10, 0, 0))},
		ReasonIPv4Fragment:     {sized(ParseIPv4, big, 28), sized(ParseIPv4, piece, 23)},
		ReasonIPv4Option:       {parseIPv4((&IPv4{TotalLen: 24, Src: host4, Dst: peer4, Options: octets("07 00 00 00")}).Append(nil))},

		ReasonIPv6Truncated:          {parseIPv6(nil), parseIPv6(ipv6[:39])},
		ReasonIPv6Version:            {parseIPv6(with(ipv6, 0, 0x40))},
		ReasonIPv6PayloadLength:      {parseIPv6(with(ipv6, 4, 0, 1))},
		ReasonIPv6ExtensionTruncated: {parseExtensions(ProtocolHopByHop, ""), parseExtensions(ProtocolRouting, "06 01 00 00 00 00 00 00"), parseExtensions(ProtocolFragment, "06 00 00 00 00 00 00")},
		ReasonIPv6ExtensionLimit:     {parseExtensions(ProtocolDestination, strings.Repeat("3c 00 01 04 00 00 00 00", 9))},
		ReasonIPv6ExtensionOrder:     {parseExtensions(ProtocolRouting, "00 00 00 00 00 00 00 00"+"06 00 01 04 00 00 00 00")},
		ReasonIPv6OptionLength:       {parseExtensions(ProtocolHopByHop, "06 00 05 05 00 00 00 00")},
		ReasonIPv6OptionUnknown:      {parseExtensions(ProtocolHopByHop, "06 00 c2 04 00 01 00 00")}, // jumbo payload
		ReasonIPv6RoutingType:        {parseExtensions(ProtocolRouting, "06 00 00 01 00 00 00 00")},  // type 0: RFC 5095
		ReasonIPv6Fragment:           {(&IPv6Extensions{HasFragment: true, Fragment: IPv6Fragment{MoreFragments: true}}).CheckFragment(9)},

		ReasonICMPv4Truncated: {icmp4(nil), icmp4(make([]byte, 7))},
		ReasonICMPv4Checksum:  {verify(ProtocolICMPv4, host4, peer4)},
		ReasonICMPv6Truncated: {icmp6(nil), icmp6(make([]byte, 7)), ndSolicitation(ns[:23]), ndAdvertisement(ns[:23]),
			ndRouters(ra[:15]), ndSolicitRouters(ra[:7]), ndRedirect(redirect[:39]),
			mld(make([]byte, 23)), mldQuery(make([]byte, 23)), mldReport(make([]byte, 7)), mldReport(with(make([]byte, 27), 7, 1))},
		ReasonICMPv6Checksum: {verify(ProtocolICMPv6, host6, peer6)},
		ReasonQuoteTruncated: {quote(nil), quote(ipv4), quote(ipv6)},
		ReasonQuoteInvalid:   {quote([]byte{0}), quote(with(ipv4, 0, 0x43))},

		ReasonNDHopLimit: {check(solicitation, 254, host6, peer6)},
		ReasonNDCode:     {ndSolicitation(with(ns, 1, 1)), ndAdvertisement(with(ns, 1, 1)), ndRouters(with(ra, 1, 1)), ndSolicitRouters(with(ra, 1, 1)), ndRedirect(with(redirect, 1, 1))},
		ReasonNDTarget: {ndSolicitation(with(ns, 8, 0xff, 2)), ndAdvertisement(with(ns, 8, 0xff, 2)),
			ndRedirect((&Redirect{Target: peer6, Destination: host6}).Append(nil))},
		ReasonNDSource:       {check(&RouterAdvertisement{}, 255, host6, peer6)},
		ReasonNDDestination:  {check(advertisement, 255, host6, SolicitedNode(host6)), ndRedirect(with(redirect, 24, 0xff, 2))},
		ReasonNDOption:       {check(solicitation, 255, netip.IPv6Unspecified(), SolicitedNode(host6))},
		ReasonNDOptionLength: {ndSolicitation(with(ns, 25, 0)), ndSolicitation(with(ns, 25, 2)), ndSolicitation(ns[:30]), ndRouters(with(ra, 17, 0)), ndRedirect(append(redirect, 4, 0, 0, 0, 0, 0, 0, 0))},

		ReasonIGMPTruncated: {igmp("11 00 00 00 e0 00 00"), igmpQuery("11"), igmpReport("22"),
			igmpReport("22 00 00 00 00 00 00 01 04 00 00 00 e0 00 00"), igmpReport("22 00 00 00 00 00 00 01 04 00 00 01 e0 00 00 09 01 02 03"),
			igmpReport("22 00 00 00 00 00 00 01 04 01 00 00 e0 00 00 09 01 02 03")},
		ReasonIGMPChecksum:     {VerifyChecksum(ProtocolIGMP, host4, peer4, octets("11 00 00 00 00 00 00 00"), nil)},
		ReasonMembershipLength: {igmpQuery("11 64 00 00 00 00 00 00 02 7d"), igmpQuery("11 64 00 00 e0 00 00 09 02 7d 00 01 0a 00 00"), mldQuery(make([]byte, 26))},
		ReasonMembershipGroup: {igmp("16 00 00 00 0a 00 00 01"), igmpQuery("11 64 00 00 0a 00 00 01"), igmpReport("22 00 00 00 00 00 00 01 04 00 00 00 0a 00 00 01"),
			mld((&MLD{Type: ICMPv6MLDv1Done, Group: host6}).Append(nil)), mldQuery((&MembershipQuery{Version: 2, Group: host6}).AppendMLD(nil)),
			mldReport(AppendMLDReport(nil, []MembershipRecord{{Type: ModeIsExclude, Group: host6}}))},
		ReasonMembershipSource:      {CheckMLD(&IPv6{HopLimit: 1, Src: host6}, true)},
		ReasonMembershipDestination: {general.CheckIGMP(&IPv4{Dst: netip.MustParseAddr("224.0.0.9"), Options: alert})},
		ReasonMembershipHopLimit:    {CheckMLD(&IPv6{HopLimit: 2, Src: local6}, true)},
		ReasonMembershipRouterAlert: {CheckMLD(&IPv6{HopLimit: 1, Src: local6}, false), general.CheckIGMP(&IPv4{Dst: netip.MustParseAddr("224.0.0.1")})},

		ReasonUDPTruncated:  {udp("", 8), udp("00 01 00 02 00 08 00 00", 7), udp("00 01 00 02 00 08 00", 8)},
		ReasonUDPLength:     {udp("00 01 00 02 00 07 00 00", 8), udp("00 01 00 02 00 09 00 00", 8), udp("00 01 00 02 00 00 00 00", 8)},
		ReasonUDPChecksum:   {verify(ProtocolUDP, host4, peer4), verify(ProtocolUDP, host6, peer6)},
		ReasonUDPNoChecksum: {VerifyChecksum(ProtocolUDP, host6, peer6, octets("00 01 00 02 00 08 00 00"), nil)},

		ReasonTCPTruncated:    {parseTCP(nil), parseTCP(tcp[:19]), parseTCP(with(tcp, 12, 0x60))},
		ReasonTCPHeaderLength: {parseTCP(with(tcp, 12, 0x40)), parseTCP(with(tcp, 12, 0))},
		ReasonTCPOption:       {parseTCP(header(octets("02 00 00 00")))},
		ReasonTCPChecksum:     {verify(ProtocolTCP, host4, peer4)},
	}
}

func TestEveryReason(t *testing.T) {
	cases := reasonCases()
	for want := range Reason(NumReasons) {
		if len(cases[want]) == 0 {
			t.Errorf("no packet shows %q", want)
		}
		for i, got := range cases[want] {
			if got != want {
				t.Errorf("packet %d for %q: %q", i, want, got)
			}
		}
	}
}

func TestReasonStrings(t *testing.T) {
	seen := make(map[string]Reason)
	for r := range Reason(NumReasons) {
		s := r.String()
		if other, taken := seen[s]; taken || s == "" {
			t.Errorf("reason %d: %q, as reason %d", r, s, other)
		}
		seen[s] = r
	}
	if s := Reason(NumReasons).String(); s != "unknown reason" {
		t.Errorf("beyond the last: %q", s)
	}
}

// Enums of the formats show a name, and the number where there is none.
func TestEnumStrings(t *testing.T) {
	for got, want := range map[string]string{
		ProtocolTCP.String():                "TCP",
		ProtocolHopByHop.String():           "hop-by-hop options",
		Protocol(132).String():              "protocol 132",
		EtherTypeIPv6.String():              "IPv6",
		EtherTypeVLAN.String():              "802.1Q",
		EtherType(0x88cc).String():          "EtherType 0x88cc",
		ARPRequest.String():                 "request",
		ARPOperation(8).String():            "ARP operation 8",
		IPv4OptionLooseRoute.String():       "loose source route",
		IPv4OptionType(130).String():        "IPv4 option 130",
		IPv6AnswerUnicast.String():          "answer unless multicast",
		IPv6Answer(7).String():              "IPv6 answer 7",
		ICMPv4EchoRequest.String():          "echo request",
		ICMPv6PacketTooBig.String():         "packet too big",
		ICMPv6NeighborSolicitation.String(): "neighbor solicitation",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
