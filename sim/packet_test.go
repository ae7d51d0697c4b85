package sim

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

var (
	addr1, addr2 = netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	six1, six2   = netip.MustParseAddr("fd00::1"), netip.MustParseAddr("fd00::2")
	mac1, mac2   = wire.MAC{2, 0, 0, 0, 0, 1}, wire.MAC{2, 0, 0, 0, 0, 2}
	group4       = netip.MustParseAddr("224.1.1.1")
	group6       = netip.MustParseAddr("ff02::fb")
)

// ipPacket returns an IP packet with that payload, of the source's family.
func ipPacket(src, dst netip.Addr, p wire.Protocol, payload []byte) []byte {
	var b []byte
	if src.Is4() {
		b = (&wire.IPv4{TotalLen: wire.IPv4Len + len(payload), TTL: 64, Protocol: p, Src: src, Dst: dst}).Append(b)
	} else {
		b = (&wire.IPv6{PayloadLen: len(payload), NextHeader: p, HopLimit: 64, Src: src, Dst: dst}).Append(b)
	}
	return append(b, payload...)
}

// frame returns what is in it behind an Ethernet header.
func frame(t wire.EtherType, b []byte) []byte {
	return append((&wire.Ethernet{Dst: mac2, Src: mac1, Type: t}).Append(nil), b...)
}

// tcpPacket returns a segment with text bytes of text in an IP packet.
func tcpPacket(src, dst string, h wire.TCP, text int) []byte {
	from, to := netip.MustParseAddrPort(src), netip.MustParseAddrPort(dst)
	h.SrcPort, h.DstPort = from.Port(), to.Port()
	b := append(h.Append(nil), make([]byte, text)...)
	wire.SetChecksum(wire.ProtocolTCP, from.Addr(), to.Addr(), b, nil)
	return ipPacket(from.Addr(), to.Addr(), wire.ProtocolTCP, b)
}

func udpPacket(src, dst netip.Addr, text int) []byte {
	b := (&wire.UDP{SrcPort: 5000, DstPort: 53, Length: wire.UDPLen + text}).Append(nil)
	return ipPacket(src, dst, wire.ProtocolUDP, append(b, make([]byte, text)...))
}

func icmpv4(m wire.ICMPv4) []byte { return ipPacket(addr1, addr2, wire.ProtocolICMPv4, m.Append(nil)) }
func icmpv6(b []byte) []byte      { return ipPacket(six1, six2, wire.ProtocolICMPv6, b) }
func igmp(b []byte) []byte        { return ipPacket(addr1, group4, wire.ProtocolIGMP, b) }

var pushed = wire.TCP{Seq: 100, Ack: 300, Flags: wire.PSH | wire.ACK, Options: wire.TCPOptions{HasTimestamps: true}}

// packetTexts has a packet of each kind that has a text of its own.
var packetTexts = []struct {
	medium link.Medium
	data   []byte
	want   string
}{
	{link.IP, tcpPacket("10.0.0.1:49152", "10.0.0.2:80", pushed, 1448),
		"10.0.0.1:49152 > 10.0.0.2:80 <SEQ=100><ACK=300><CTL=PSH,ACK><DATA=1448>"},
	{link.Ethernet, frame(wire.EtherTypeIPv4, append(tcpPacket("10.0.0.1:49152", "10.0.0.2:80", wire.TCP{Flags: wire.SYN}, 0), 0, 0, 0)),
		"10.0.0.1:49152 > 10.0.0.2:80 <SEQ=0><CTL=SYN>"}, // with the link's padding
	{link.Ethernet, frame(wire.EtherTypeIPv6, tcpPacket("[fd00::1]:49152", "[fd00::2]:80", pushed, 5)),
		"[fd00::1]:49152 > [fd00::2]:80 <SEQ=100><ACK=300><CTL=PSH,ACK><DATA=5>"},
	{link.IP, udpPacket(addr1, addr2, 32), "10.0.0.1:5000 > 10.0.0.2:53 UDP, 32 bytes"},
	{link.IP, udpPacket(six1, six2, 0), "[fd00::1]:5000 > [fd00::2]:53 UDP, 0 bytes"},
	{link.IP, ipPacket(addr1, addr2, 253, make([]byte, 7)), "10.0.0.1 > 10.0.0.2 protocol 253, 7 bytes"},

	{link.IP, (&wire.IPv4{TotalLen: 20, ID: 7, MoreFragments: true, Protocol: wire.ProtocolTCP, Src: addr1, Dst: addr2}).Append(nil),
		"10.0.0.1 > 10.0.0.2 TCP fragment of packet 7, 0 bytes from 0"},
	{link.IP, (&wire.IPv4{TotalLen: 20, ID: 7, FragmentOffset: 1480, Protocol: wire.ProtocolUDP, Src: addr1, Dst: addr2}).Append(nil),
		"10.0.0.1 > 10.0.0.2 UDP fragment of packet 7, 0 bytes from 1480, the last"},
	{link.IP, ipPacket(six1, six2, wire.ProtocolFragment, append((&wire.IPv6Fragment{NextHeader: wire.ProtocolUDP, Offset: 1232, ID: 9}).Append(nil), 1, 2, 3)),
		"fd00::1 > fd00::2 UDP fragment of packet 9, 3 bytes from 1232, the last"},

	{link.IP, icmpv4(wire.ICMPv4{Type: wire.ICMPv4EchoRequest, ID: 3, Sequence: 2, Body: make([]byte, 56)}),
		"10.0.0.1 > 10.0.0.2 ICMPv4 echo request, id 3, sequence 2, 56 bytes"},
	{link.IP, icmpv4(wire.ICMPv4{Type: wire.ICMPv4Unreachable, Code: wire.ICMPv4CodePort, Body: udpPacket(addr2, addr1, 0)}),
		"10.0.0.1 > 10.0.0.2 ICMPv4 destination unreachable: port, about 10.0.0.2:5000 > 10.0.0.1:53 UDP"},
	{link.IP, icmpv4(wire.ICMPv4{Type: wire.ICMPv4Unreachable, Code: wire.ICMPv4CodeFragmentation, MTU: 1400}),
		"10.0.0.1 > 10.0.0.2 ICMPv4 destination unreachable: fragmentation needed, MTU 1400"},
	{link.IP, icmpv4(wire.ICMPv4{Type: wire.ICMPv4Redirect, Code: wire.ICMPv4CodeRedirectHost, Gateway: addr2}),
		"10.0.0.1 > 10.0.0.2 ICMPv4 redirect: host, gateway 10.0.0.2"},
	{link.IP, icmpv6((&wire.ICMPv6{Type: wire.ICMPv6EchoReply, ID: 3, Sequence: 2}).Append(nil)),
		"fd00::1 > fd00::2 ICMPv6 echo reply, id 3, sequence 2, 0 bytes"},
	{link.IP, icmpv6((&wire.ICMPv6{Type: wire.ICMPv6PacketTooBig, MTU: 1280, Body: tcpPacket("[fd00::2]:80", "[fd00::1]:9", pushed, 0)}).Append(nil)),
		"fd00::1 > fd00::2 ICMPv6 packet too big, MTU 1280, about [fd00::2]:80 > [fd00::1]:9 TCP"},
	{link.IP, icmpv6((&wire.NeighborSolicitation{Target: six2, SourceMAC: mac1}).Append(nil)),
		"fd00::1 > fd00::2 ICMPv6 neighbor solicitation, target fd00::2"},
	{link.IP, icmpv6((&wire.NeighborAdvertisement{Target: six1, TargetMAC: mac1}).Append(nil)),
		"fd00::1 > fd00::2 ICMPv6 neighbor advertisement, target fd00::1"},
	{link.IP, icmpv6((&wire.RouterSolicitation{}).Append(nil)), "fd00::1 > fd00::2 ICMPv6 router solicitation"},
	{link.IP, icmpv6((&wire.RouterAdvertisement{NumPrefixes: 1, Prefixes: [8]wire.PrefixInformation{{Prefix: netip.PrefixFrom(six1, 64).Masked()}}}).Append(nil)),
		"fd00::1 > fd00::2 ICMPv6 router advertisement, fd00::/64"},
	{link.IP, icmpv6((&wire.Redirect{Target: netip.MustParseAddr("fe80::1"), Destination: six2}).Append(nil)),
		"fd00::1 > fd00::2 ICMPv6 redirect, fd00::2 by way of fe80::1"},
	{link.IP, icmpv6((&wire.MLD{Type: wire.ICMPv6MLDv1Done, Group: group6}).Append(nil)),
		"fd00::1 > fd00::2 ICMPv6 multicast listener done, ff02::fb"},
	{link.IP, icmpv6((&wire.MembershipQuery{Version: 2, Group: netip.IPv6Unspecified()}).AppendMLD(nil)),
		"fd00::1 > fd00::2 ICMPv6 multicast listener query, general"},
	{link.IP, icmpv6(wire.AppendMLDReport(nil, []wire.MembershipRecord{{Type: wire.ChangeToExcludeMode, Group: group6}})),
		"fd00::1 > fd00::2 ICMPv6 version 2 multicast listener report, TO_EX ff02::fb"},
	{link.IP, icmpv6((&wire.ICMPv6{Type: 200}).Append(nil)), "fd00::1 > fd00::2 ICMPv6 ICMPv6 type 200"},
	{link.IP, igmp((&wire.IGMP{Type: wire.IGMPv2Report, Group: group4}).Append(nil)),
		"10.0.0.1 > 224.1.1.1 IGMP version 2 membership report, 224.1.1.1"},
	{link.IP, igmp((&wire.MembershipQuery{Version: 3, Group: group4}).AppendIGMP(nil)),
		"10.0.0.1 > 224.1.1.1 IGMP membership query, 224.1.1.1"},
	{link.IP, igmp(wire.AppendIGMPReport(nil, []wire.MembershipRecord{
		{Type: wire.ChangeToExcludeMode, Group: group4}, {Type: wire.ModeIsInclude, Group: group4},
		{Type: wire.ModeIsInclude, Group: group4}, {Type: wire.ModeIsInclude, Group: group4}})),
		"10.0.0.1 > 224.1.1.1 IGMP version 3 membership report, TO_EX 224.1.1.1, IS_IN 224.1.1.1, IS_IN 224.1.1.1, 1 more"},
	{link.Ethernet, frame(wire.EtherTypeARP, (&wire.ARP{Operation: wire.ARPRequest, Sender: addr1, Target: addr2}).Append(nil)),
		"ARP request, who has 10.0.0.2, from 10.0.0.1"},
	{link.Ethernet, frame(wire.EtherTypeARP, (&wire.ARP{Operation: wire.ARPReply, SenderMAC: mac2, Sender: addr2, Target: addr1}).Append(nil)),
		"ARP reply, 10.0.0.2 is at 02:00:00:00:00:02"},

	{link.Ethernet, frame(0x88b5, make([]byte, 50)), "02:00:00:00:00:01 > 02:00:00:00:00:02 EtherType 0x88b5, 50 bytes"},
	{link.Ethernet, make([]byte, 9), "malformed: Ethernet truncated, 9 bytes"},
	{link.Ethernet, frame(wire.EtherTypeARP, make([]byte, 7)), "malformed: ARP truncated, 7 bytes"},
	{link.IP, nil, "malformed: IPv4 truncated, 0 bytes"},
	{link.IP, []byte{0x60}, "malformed: IPv6 truncated, 1 bytes"},
	{link.IP, make([]byte, 20), "malformed: IPv4 version, 20 bytes"},
	{link.IP, ipPacket(addr1, addr2, wire.ProtocolTCP, make([]byte, 3)), "10.0.0.1 > 10.0.0.2 malformed: TCP truncated, 3 bytes"},
	{link.IP, ipPacket(addr1, addr2, wire.ProtocolUDP, make([]byte, 3)), "10.0.0.1 > 10.0.0.2 malformed: UDP truncated, 3 bytes"},
	{link.IP, ipPacket(addr1, addr2, wire.ProtocolIGMP, make([]byte, 3)), "10.0.0.1 > 10.0.0.2 malformed: IGMP truncated, 3 bytes"},
	{link.IP, ipPacket(addr1, addr2, wire.ProtocolICMPv4, make([]byte, 3)), "10.0.0.1 > 10.0.0.2 malformed: ICMPv4 truncated, 3 bytes"},
	{link.IP, icmpv6(make([]byte, 3)), "fd00::1 > fd00::2 malformed: ICMPv6 truncated, 3 bytes"},
	{link.IP, icmpv6((&wire.MLD{Type: wire.ICMPv6MLDv1Done, Group: six1}).Append(nil)), "fd00::1 > fd00::2 ICMPv6 multicast listener done"},
}

func TestPacketString(t *testing.T) {
	for _, tt := range packetTexts {
		p := Packet{Medium: tt.medium, Data: tt.data}
		if got := p.String(); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}

func TestPacketTCP(t *testing.T) {
	p := Packet{Medium: link.Ethernet, Data: frame(wire.EtherTypeIPv6, tcpPacket("[fd00::1]:49152", "[fd00::2]:80", pushed, 5))}
	h, text, ok := p.TCP()
	want := pushed
	want.SrcPort, want.DstPort, want.Checksum = 49152, 80, h.Checksum
	if !ok || text != 5 || h != want || h.Checksum == 0 {
		t.Errorf("TCP: %+v, %d, %v", h, text, ok)
	}
	if src, dst := p.ends(&h); src.String() != "[fd00::1]:49152" || dst.String() != "[fd00::2]:80" {
		t.Errorf("ends: %v, %v", src, dst)
	}
	for _, tt := range packetTexts {
		p := Packet{Medium: tt.medium, Data: tt.data}
		if _, _, ok := p.TCP(); ok != strings.Contains(tt.want, "<SEQ=") {
			t.Errorf("%s: TCP: %v", tt.want, ok)
		}
	}
}

// A packet of which only the beginning was kept has the same text.
func TestPacketBeginning(t *testing.T) {
	for _, tt := range packetTexts {
		p := Packet{Medium: tt.medium, Data: tt.data[:min(len(tt.data), 128)], size: len(tt.data)}
		if got := p.String(); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}

func FuzzPacket(f *testing.F) {
	for _, tt := range packetTexts {
		f.Add(tt.medium == link.IP, tt.data, 0)
		f.Add(tt.medium == link.IP, tt.data, len(tt.data)+100)
	}
	f.Fuzz(func(t *testing.T, ip bool, data []byte, size int) {
		p := Packet{Data: data, size: size}
		if ip {
			p.Medium = link.IP
		}
		text := p.String()
		if text == "" || strings.Contains(text, "\n") || strings.Contains(text, "%!") {
			t.Errorf("text is %q", text)
		}
		h, n, ok := p.TCP()
		if n < 0 {
			t.Errorf("%d bytes of text", n)
		}
		if ok && !strings.HasSuffix(text, " "+h.Notation(n)) {
			t.Errorf("%q does not end in %s", text, h.Notation(n))
		}
	})
}
