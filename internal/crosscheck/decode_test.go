package crosscheck

import (
	"encoding/binary"
	"net"
	"net/netip"
	"reflect"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"pgregory.net/rapid"

	"github.com/usernet-go/usernet/wire"
)

// gopacket decodes what package wire appends. Each test draws headers with any
// values, appends them, has gopacket decode the bytes and verify the checksums,
// and turns its layers back into wire's structs, which must equal those drawn.

// decode decodes b, whose first layer is first; no layer may fail or have a
// wrong checksum.
func decode(t *rapid.T, b []byte, first gopacket.LayerType) gopacket.Packet {
	p := gopacket.NewPacket(b, first, gopacket.Default)
	if failed := p.ErrorLayer(); failed != nil {
		t.Fatalf("gopacket: %v\n% x\n%v", failed.Error(), b, p)
	}
	if n := wrongChecksums(t, p); n != 0 {
		t.Fatalf("gopacket: %d wrong checksums\n% x\n%v", n, b, p)
	}
	return p
}

// wrongChecksums returns how many of p's layers have a wrong checksum.
func wrongChecksums(t *rapid.T, p gopacket.Packet) int {
	for _, l := range p.Layers() {
		// gopacket leaves it to its caller to say which addresses are summed.
		if l, ok := l.(interface {
			SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
		}); ok {
			if err := l.SetNetworkLayerForChecksum(p.NetworkLayer()); err != nil {
				t.Fatal(err)
			}
		}
	}
	err, wrong := p.VerifyChecksums()
	if err != nil {
		t.Fatalf("gopacket: %v\n%v", err, p)
	}
	return len(wrong)
}

// layer returns the first layer of type L.
func layer[L gopacket.Layer](t *rapid.T, p gopacket.Packet) L {
	for _, l := range p.Layers() {
		if l, ok := l.(L); ok {
			return l
		}
	}
	var none L
	t.Fatalf("gopacket finds no %T in\n%v", none, p)
	return none
}

func same(t *rapid.T, got, want any) {
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("gopacket decodes\n%+v, we have appended\n%+v", got, want)
	}
}

func drawAddr(t *rapid.T, n int, label string) netip.Addr {
	a, _ := netip.AddrFromSlice(rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, label))
	return a
}

func drawMAC(t *rapid.T, label string) wire.MAC {
	return wire.MAC(rapid.SliceOfN(rapid.Byte(), 6, 6).Draw(t, label))
}

func drawText(t *rapid.T) []byte { return rapid.SliceOfN(rapid.Byte(), 0, 80).Draw(t, "text") }

func addr(ip net.IP) netip.Addr {
	if v4 := ip.To4(); len(ip) == 4 && v4 != nil {
		return netip.AddrFrom4([4]byte(v4))
	}
	return netip.AddrFrom16([16]byte(ip.To16()))
}

func TestEthernet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := wire.Ethernet{Dst: drawMAC(t, "dst"), Src: drawMAC(t, "src"), Tagged: rapid.Bool().Draw(t, "tagged"), Type: 0x88b5}
		if h.Tagged {
			h.VLAN = rapid.Uint16().Draw(t, "VLAN")
		}
		p := gopacket.NewPacket(h.Append(nil), layers.LayerTypeEthernet, gopacket.Default)
		eth := layer[*layers.Ethernet](t, p)
		got := wire.Ethernet{Dst: wire.MAC(eth.DstMAC), Src: wire.MAC(eth.SrcMAC), Type: wire.EtherType(eth.EthernetType)}
		if h.Tagged {
			tag := layer[*layers.Dot1Q](t, p)
			got.Tagged, got.Type = true, wire.EtherType(tag.Type)
			got.VLAN = uint16(tag.Priority)<<13 | tag.VLANIdentifier
			if tag.DropEligible {
				got.VLAN |= 1 << 12
			}
		}
		same(t, got, h)
	})
}

func TestARP(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := wire.ARP{
			Operation: wire.ARPOperation(rapid.Uint16().Draw(t, "operation")),
			SenderMAC: drawMAC(t, "sha"), Sender: drawAddr(t, 4, "spa"),
			TargetMAC: drawMAC(t, "tha"), Target: drawAddr(t, 4, "tpa"),
		}
		b := (&wire.Ethernet{Dst: wire.Broadcast, Type: wire.EtherTypeARP}).Append(nil)
		arp := layer[*layers.ARP](t, decode(t, a.Append(b), layers.LayerTypeEthernet))
		same(t, wire.ARP{
			Operation: wire.ARPOperation(arp.Operation),
			SenderMAC: wire.MAC(arp.SourceHwAddress), Sender: addr(arp.SourceProtAddress),
			TargetMAC: wire.MAC(arp.DstHwAddress), Target: addr(arp.DstProtAddress),
		}, a)
		same(t, []any{arp.AddrType, arp.Protocol}, []any{layers.LinkTypeEthernet, layers.EthernetTypeIPv4})
	})
}

// drawIPv4Options draws options that are well formed, at most 40 bytes.
func drawIPv4Options(t *rapid.T) (b []byte) {
	for range rapid.IntRange(0, 5).Draw(t, "options") {
		kind := rapid.ByteRange(1, 255).Draw(t, "kind")
		data := rapid.SliceOfN(rapid.Byte(), 0, 9).Draw(t, "data")
		switch {
		case kind == byte(wire.IPv4OptionLooseRoute) || kind == byte(wire.IPv4OptionStrictRoute):
			// gopacket takes the route's end for the destination in the pseudo-header.
		case kind == byte(wire.IPv4OptionNoOperation) && len(b) < 40:
			b = append(b, kind)
		case kind != byte(wire.IPv4OptionNoOperation) && len(b)+2+len(data) <= 40:
			b = append(append(b, kind, byte(2+len(data))), data...)
		}
	}
	return append(b, make([]byte, -len(b)&3)...)
}

func TestIPv4(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := drawText(t)
		h := wire.IPv4{
			TOS: rapid.Byte().Draw(t, "TOS"), ID: rapid.Uint16().Draw(t, "ID"), TTL: rapid.Byte().Draw(t, "TTL"), Protocol: wire.ProtocolNone,
			DontFragment: rapid.Bool().Draw(t, "DF"), MoreFragments: rapid.Bool().Draw(t, "MF"),
			FragmentOffset: 8 * rapid.IntRange(0, 8000).Draw(t, "offset"),
			Src:            drawAddr(t, 4, "src"), Dst: drawAddr(t, 4, "dst"),
		}
		if options := drawIPv4Options(t); len(options) > 0 {
			h.Options = options
		}
		h.TotalLen = h.HeaderLen() + len(text)
		p := decode(t, append(h.Append(nil), text...), layers.LayerTypeIPv4)
		ip := layer[*layers.IPv4](t, p)
		got := wire.IPv4{
			TOS: ip.TOS, TotalLen: int(ip.Length), ID: ip.Id, TTL: ip.TTL, Protocol: wire.Protocol(ip.Protocol),
			DontFragment: ip.Flags&layers.IPv4DontFragment != 0, MoreFragments: ip.Flags&layers.IPv4MoreFragments != 0,
			FragmentOffset: 8 * int(ip.FragOffset), Src: addr(ip.SrcIP), Dst: addr(ip.DstIP),
		}
		for _, o := range ip.Options {
			got.Options = append(got.Options, o.OptionType)
			if o.OptionType > byte(wire.IPv4OptionNoOperation) {
				got.Options = append(append(got.Options, o.OptionLength), o.OptionData...)
			}
		}
		got.Options = append(got.Options, ip.Padding...)
		same(t, got, h)
		same(t, append([]byte{}, ip.Payload...), append([]byte{}, text...))
	})
}

// drawIPv6Options draws options that every node skips.
func drawIPv6Options(t *rapid.T) (b []byte) {
	for range rapid.IntRange(0, 6).Draw(t, "options") {
		data := rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "data")
		b = append(append(b, rapid.ByteRange(2, 0x3f).Draw(t, "kind"), byte(len(data))), data...)
	}
	return b
}

// TestIPv6 appends a packet with every kind of extension header.
func TestIPv6(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hop, dst, text := drawIPv6Options(t), drawIPv6Options(t), drawText(t)
		fragment := wire.IPv6Fragment{NextHeader: 253, Offset: 8 * rapid.IntRange(0, 8191).Draw(t, "offset"),
			MoreFragments: true, ID: rapid.Uint32().Draw(t, "ID")}
		payload := wire.AppendIPv6Options(nil, wire.ProtocolDestination, hop)
		payload = wire.AppendIPv6Options(payload, wire.ProtocolRouting, dst)
		payload = append(payload, byte(wire.ProtocolFragment), 0, 4, 0, 1, 2, 3, 4) // segment routing, all visited
		payload = fragment.Append(payload)
		headers := len(payload)
		payload = append(payload, text...)
		h := wire.IPv6{
			TrafficClass: rapid.Byte().Draw(t, "class"), FlowLabel: rapid.Uint32Range(0, 1<<20-1).Draw(t, "label"), PayloadLen: len(payload),
			NextHeader: wire.ProtocolHopByHop, HopLimit: rapid.Byte().Draw(t, "hops"), Src: drawAddr(t, 16, "src"), Dst: drawAddr(t, 16, "dst"),
		}
		p := decode(t, append(h.Append(nil), payload...), layers.LayerTypeIPv6)
		ip := layer[*layers.IPv6](t, p)
		same(t, wire.IPv6{
			TrafficClass: ip.TrafficClass, FlowLabel: ip.FlowLabel, PayloadLen: int(ip.Length),
			NextHeader: wire.Protocol(ip.NextHeader), HopLimit: ip.HopLimit, Src: addr(ip.SrcIP), Dst: addr(ip.DstIP),
		}, h)
		var got []byte
		for _, o := range layer[*layers.IPv6HopByHop](t, p).Options {
			got = appendOption(got, o.OptionType, o.OptionLength, o.OptionData)
		}
		same(t, got, hop)
		got = nil
		for _, o := range layer[*layers.IPv6Destination](t, p).Options {
			got = appendOption(got, o.OptionType, o.OptionLength, o.OptionData)
		}
		same(t, got, dst)
		f := layer[*layers.IPv6Fragment](t, p)
		same(t, wire.IPv6Fragment{NextHeader: wire.Protocol(f.NextHeader), Offset: 8 * int(f.FragmentOffset),
			MoreFragments: f.MoreFragments, ID: f.Identification}, fragment)

		x, n, r := wire.ParseIPv6Extensions(h.NextHeader, payload)
		if r != wire.OK || n != headers || x.Fragment != fragment {
			t.Fatalf("we parse %d bytes of %d: %+v, %v", n, headers, x, r)
		}
	})
}

// appendOption appends an option that is no padding.
func appendOption(b []byte, kind, length byte, data []byte) []byte {
	if kind <= 1 {
		return b
	}
	return append(append(b, kind, length), data...)
}

// appendIP draws the header, of either family, of a packet with this transport
// header and text, fills in the checksum, and appends all to nothing.
func appendIP(t *rapid.T, p wire.Protocol, transport []byte) ([]byte, gopacket.LayerType) {
	var head []byte
	first, n := layers.LayerTypeIPv4, 4
	if p == wire.ProtocolICMPv6 || p != wire.ProtocolICMPv4 && rapid.Bool().Draw(t, "IPv6") {
		first, n = layers.LayerTypeIPv6, 16
	}
	src, dst := drawAddr(t, n, "src"), drawAddr(t, n, "dst")
	if n == 4 {
		h := wire.IPv4{TTL: 64, Protocol: p, Src: src, Dst: dst, Options: drawIPv4Options(t)}
		h.TotalLen = h.HeaderLen() + len(transport)
		head = h.Append(nil)
	} else {
		options := wire.AppendIPv6Options(nil, p, drawIPv6Options(t))
		h := wire.IPv6{PayloadLen: len(options) + len(transport), NextHeader: wire.ProtocolDestination, HopLimit: 64, Src: src, Dst: dst}
		head = append(h.Append(nil), options...)
	}
	// The checksum is summed over pieces, as the engine does.
	at := max(20, rapid.IntRange(0, len(transport)).Draw(t, "first piece"))
	at = min(at, len(transport))
	wire.SetChecksum(p, src, dst, transport[:at], [][]byte{transport[at:]})
	return append(head, transport...), first
}

func TestUDP(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := drawText(t)
		h := wire.UDP{SrcPort: drawPort(t, "src port"), DstPort: drawPort(t, "dst port"), Length: wire.UDPLen + len(text)}
		b := append(h.Append(nil), text...)
		packet, first := appendIP(t, wire.ProtocolUDP, b)
		h.Checksum = binary.BigEndian.Uint16(b[6:])
		udp := layer[*layers.UDP](t, decode(t, packet, first))
		same(t, wire.UDP{SrcPort: uint16(udp.SrcPort), DstPort: uint16(udp.DstPort), Length: int(udp.Length), Checksum: udp.Checksum}, h)
	})
}

// drawPort draws a port that is none of those by which gopacket guesses what
// the text is.
func drawPort(t *rapid.T, label string) uint16 {
	return rapid.Uint16Range(50000, 65535).Draw(t, label)
}

func TestTCP(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := drawTCP(t)
		b := append(h.Append(nil), drawText(t)...)
		packet, first := appendIP(t, wire.ProtocolTCP, b)
		h.Checksum = binary.BigEndian.Uint16(b[16:])
		tcp := layer[*layers.TCP](t, decode(t, packet, first))
		same(t, asTCP(t, tcp), h)
		same(t, 4*int(tcp.DataOffset), h.HeaderLen())
	})
}

// A wrong byte does not go unnoticed by the checks above.
func TestBrokenByte(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := drawTCP(t)
		packet, first := appendIP(t, wire.ProtocolTCP, append(h.Append(nil), 1, 2, 3))
		packet[len(packet)-1-rapid.IntRange(0, 2).Draw(t, "at")] ^= 1
		if n := wrongChecksums(t, gopacket.NewPacket(packet, first, gopacket.Default)); n != 1 {
			t.Fatalf("%d wrong checksums, want 1", n)
		}
	})
}
