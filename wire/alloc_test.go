package wire

import (
	"net/netip"
	"testing"
)

// Nothing that runs per packet allocates: parsing, appending into a slice with
// room, and checksums.
func TestNoAllocations(t *testing.T) {
	ipv4 := (&IPv4{TotalLen: 32, TTL: 1, Src: host4, Dst: peer4, Options: octets("94 04 00 00 83 07 04 0a 00 00 01 00")}).Append(nil)
	ipv6 := (&IPv6{HopLimit: 1, Src: host6, Dst: peer6}).Append(nil)
	extensions := AppendIPv6Options(nil, ProtocolFragment, octets("05 02 00 00"))
	extensions = (&IPv6Fragment{NextHeader: ProtocolTCP, Offset: 8}).Append(extensions)
	ethernet := (&Ethernet{Dst: mac2, Src: mac1, Tagged: true, Type: EtherTypeIPv4}).Append(nil)
	arp := (&ARP{Operation: ARPReply, Sender: host4, Target: peer4}).Append(nil)
	tcp := (&TCP{Flags: ACK, Options: TCPOptions{HasTimestamps: true, NumSACK: 3, HasWindowScale: true}}).Append(nil)
	udp := (&UDP{Length: 8}).Append(nil)
	echo := (&ICMPv4{Type: ICMPv4EchoRequest, ID: 1}).Append(nil)
	quote := append(ipv4[:len(ipv4):len(ipv4)], tcp...)
	ns := (&NeighborSolicitation{Target: host6, SourceMAC: mac2}).Append(nil)
	rs := (&RouterSolicitation{SourceMAC: mac2}).Append(nil)
	na := (&NeighborAdvertisement{Target: host6, TargetMAC: mac2}).Append(nil)
	advertised := RouterAdvertisement{MTU: 1500, NumPrefixes: 1, Prefixes: [MaxPrefixes]PrefixInformation{{Prefix: netip.PrefixFrom(host6, 64)}}}
	ra := advertised.Append(nil)
	redirect := (&Redirect{Target: local6, Destination: host6, Quote: ipv6}).Append(nil)

	room := make([]byte, 0, 512)
	rest := [][]byte{make([]byte, 101), make([]byte, 50)}
	var reasons [16]Reason
	h4, _, _ := ParseIPv4(ipv4, len(ipv4))
	h6, _, _ := ParseIPv6(ipv6, len(ipv6))
	hTCP, _, _ := ParseTCP(tcp, len(tcp))

	for name, f := range map[string]func(){
		"ParseEthernet":       func() { _, _, reasons[0] = ParseEthernet(ethernet) },
		"ParseARP":            func() { _, reasons[1] = ParseARP(arp) },
		"ParseIPv4":           func() { _, _, reasons[2] = ParseIPv4(ipv4, len(ipv4)) },
		"ParseIPv6":           func() { _, _, reasons[3] = ParseIPv6(ipv6, len(ipv6)) },
		"ParseIPv6Extensions": func() { _, _, reasons[4] = ParseIPv6Extensions(ProtocolHopByHop, extensions) },
		"ParseUDP":            func() { _, reasons[5] = ParseUDP(udp, 8) },
		"ParseTCP":            func() { _, _, reasons[6] = ParseTCP(tcp, len(tcp)) },
		"ParseICMPv4":         func() { _, reasons[7] = ParseICMPv4(echo) },
		"ParseICMPv6":         func() { _, reasons[8] = ParseICMPv6(ns) },
		"ParseQuote":          func() { _, reasons[9] = ParseQuote(quote) },
		"ND": func() {
			_, reasons[10] = ParseNeighborSolicitation(ns)
			_, reasons[11] = ParseNeighborAdvertisement(na)
			_, reasons[12] = ParseRouterSolicitation(rs)
			_, reasons[13] = ParseRouterAdvertisement(ra)
			_, reasons[14] = ParseRedirect(redirect)
		},
		"malformed packets": func() {
			if _, _, r := ParseTCP(tcp[:30], 30); r != ReasonTCPTruncated {
				panic("the header is truncated")
			}
		},
		"options": func() {
			if !h4.SourceRouted() {
				panic("the packet is source-routed")
			}
		},
		"Append": func() {
			b := (&Ethernet{Dst: mac1, Src: mac2, Type: EtherTypeIPv4}).Append(room)
			b = h4.Append(b)
			b = h6.Append(b)
			b = hTCP.Append(b)
			b = (&UDP{Length: 8}).Append(b)
			b = (&NeighborSolicitation{Target: host6, SourceMAC: mac2}).Append(b)
			advertised.Append(b)
		},
		"checksums": func() {
			SetChecksum(ProtocolTCP, host6, peer6, tcp, rest)
			SetPartialChecksum(ProtocolTCP, host4, peer4, tcp, 400)
			SetChecksum(ProtocolTCP, host4, peer4, tcp, rest)
			reasons[15] = VerifyChecksum(ProtocolTCP, host4, peer4, tcp, rest)
		},
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	for i, r := range reasons {
		if r != OK {
			t.Errorf("parser %d measured on a malformed packet: %v", i, r)
		}
	}
}
