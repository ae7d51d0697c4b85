package crosscheck

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"pgregory.net/rapid"

	"github.com/usernet-go/usernet/wire"
)

func TestICMPv4(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := wire.ICMPv4{Code: rapid.ByteRange(0, 15).Draw(t, "code"), Body: drawText(t)}
		m.Type = rapid.SampledFrom([]wire.ICMPv4Type{wire.ICMPv4EchoRequest, wire.ICMPv4EchoReply, wire.ICMPv4Unreachable,
			wire.ICMPv4TimeExceeded, wire.ICMPv4ParameterProblem, wire.ICMPv4Redirect}).Draw(t, "type")
		var id, seq uint16 // the second word, as gopacket calls it for all types
		switch m.Type {
		case wire.ICMPv4EchoRequest, wire.ICMPv4EchoReply:
			m.ID, m.Sequence = rapid.Uint16().Draw(t, "ID"), rapid.Uint16().Draw(t, "sequence")
			id, seq = m.ID, m.Sequence
		case wire.ICMPv4Unreachable:
			m.MTU = rapid.Uint16().Draw(t, "MTU")
			if m.Code == wire.ICMPv4CodeFragmentation {
				seq = m.MTU
			}
		case wire.ICMPv4ParameterProblem:
			m.Pointer = rapid.Byte().Draw(t, "pointer")
			id = uint16(m.Pointer) << 8
		case wire.ICMPv4Redirect:
			m.Gateway = drawAddr(t, 4, "gateway")
			gateway := m.Gateway.As4()
			id, seq = binary.BigEndian.Uint16(gateway[:]), binary.BigEndian.Uint16(gateway[2:])
		}
		packet, first := appendIP(t, wire.ProtocolICMPv4, m.Append(nil))
		icmp := layer[*layers.ICMPv4](t, decode(t, packet, first))
		same(t, []any{icmp.TypeCode.Type(), icmp.TypeCode.Code(), icmp.Id, icmp.Seq}, []any{uint8(m.Type), m.Code, id, seq})
		same(t, append([]byte{}, icmp.Payload...), append([]byte{}, m.Body...))
	})
}

// decodeICMPv6 appends an IPv6 header in front of the message and decodes both.
func decodeICMPv6(t *rapid.T, message []byte) gopacket.Packet {
	packet, first := appendIP(t, wire.ProtocolICMPv6, message)
	p := decode(t, packet, first)
	same(t, layer[*layers.ICMPv6](t, p).TypeCode.Type(), message[0])
	return p
}

func TestICMPv6Errors(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := wire.ICMPv6{Code: rapid.ByteRange(0, 7).Draw(t, "code"), Body: drawText(t)}
		m.Type = rapid.SampledFrom([]wire.ICMPv6Type{wire.ICMPv6Unreachable, wire.ICMPv6PacketTooBig,
			wire.ICMPv6TimeExceeded, wire.ICMPv6ParameterProblem}).Draw(t, "type")
		var word uint32 // the second one
		switch m.Type {
		case wire.ICMPv6PacketTooBig:
			m.MTU = rapid.Uint32().Draw(t, "MTU")
			word = m.MTU
		case wire.ICMPv6ParameterProblem:
			m.Pointer = rapid.Uint32().Draw(t, "pointer")
			word = m.Pointer
		}
		icmp := layer[*layers.ICMPv6](t, decodeICMPv6(t, m.Append(nil)))
		same(t, []any{icmp.TypeCode.Code(), binary.BigEndian.Uint32(icmp.Payload)}, []any{m.Code, word})
		same(t, append([]byte{}, icmp.Payload[4:]...), append([]byte{}, m.Body...))
	})
}

func TestICMPv6Echo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := wire.ICMPv6{Type: wire.ICMPv6EchoRequest, ID: rapid.Uint16().Draw(t, "ID"), Sequence: rapid.Uint16().Draw(t, "sequence"), Body: drawText(t)}
		if rapid.Bool().Draw(t, "reply") {
			m.Type = wire.ICMPv6EchoReply
		}
		echo := layer[*layers.ICMPv6Echo](t, decodeICMPv6(t, m.Append(nil)))
		same(t, []uint16{echo.Identifier, echo.SeqNumber}, []uint16{m.ID, m.Sequence})
		same(t, append([]byte{}, echo.Payload...), append([]byte{}, m.Body...))
	})
}

// drawTarget draws an address that is not multicast.
func drawTarget(t *rapid.T, label string) netip.Addr {
	b := drawAddr(t, 16, label).As16()
	b[0] &= 0x3f
	return netip.AddrFrom16(b)
}

// option returns the data of the only option of this type, or nil.
func option(t *rapid.T, options layers.ICMPv6Options, kind layers.ICMPv6Opt) (data []byte) {
	for _, o := range options {
		if o.Type == kind && data != nil {
			t.Fatalf("gopacket finds option %v twice", kind)
		}
		if o.Type == kind {
			data = o.Data
		}
	}
	return data
}

func optionMAC(t *rapid.T, options layers.ICMPv6Options, kind layers.ICMPv6Opt) (mac wire.MAC) {
	copy(mac[:], option(t, options, kind))
	return mac
}

func TestNeighborDiscovery(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ns := wire.NeighborSolicitation{Target: drawTarget(t, "target"), SourceMAC: drawMAC(t, "mac")}
		s := layer[*layers.ICMPv6NeighborSolicitation](t, decodeICMPv6(t, ns.Append(nil)))
		same(t, wire.NeighborSolicitation{Target: addr(s.TargetAddress), SourceMAC: optionMAC(t, s.Options, layers.ICMPv6OptSourceAddress)}, ns)

		na := wire.NeighborAdvertisement{Router: rapid.Bool().Draw(t, "R"), Solicited: rapid.Bool().Draw(t, "S"), Override: rapid.Bool().Draw(t, "O"),
			Target: drawTarget(t, "target"), TargetMAC: drawMAC(t, "mac")}
		a := layer[*layers.ICMPv6NeighborAdvertisement](t, decodeICMPv6(t, na.Append(nil)))
		same(t, wire.NeighborAdvertisement{Router: a.Router(), Solicited: a.Solicited(), Override: a.Override(),
			Target: addr(a.TargetAddress), TargetMAC: optionMAC(t, a.Options, layers.ICMPv6OptTargetAddress)}, na)

		rs := wire.RouterSolicitation{SourceMAC: drawMAC(t, "mac")}
		r := layer[*layers.ICMPv6RouterSolicitation](t, decodeICMPv6(t, rs.Append(nil)))
		same(t, wire.RouterSolicitation{SourceMAC: optionMAC(t, r.Options, layers.ICMPv6OptSourceAddress)}, rs)
	})
}

func TestRouterAdvertisement(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := wire.RouterAdvertisement{
			HopLimit: rapid.Byte().Draw(t, "hops"), Managed: rapid.Bool().Draw(t, "M"), Other: rapid.Bool().Draw(t, "O"),
			RouterLifetime: rapid.Uint16().Draw(t, "lifetime"), ReachableTime: rapid.Uint32().Draw(t, "reachable"), RetransTimer: rapid.Uint32().Draw(t, "retrans"),
			SourceMAC: drawMAC(t, "mac"), MTU: rapid.Uint32().Draw(t, "MTU"), NumPrefixes: rapid.IntRange(0, wire.MaxPrefixes).Draw(t, "prefixes"),
		}
		for i := range m.NumPrefixes {
			m.Prefixes[i] = wire.PrefixInformation{
				Prefix: netip.PrefixFrom(drawTarget(t, "prefix"), rapid.IntRange(0, 128).Draw(t, "bits")).Masked(),
				OnLink: rapid.Bool().Draw(t, "L"), Autonomous: rapid.Bool().Draw(t, "A"),
				ValidLifetime: rapid.Uint32().Draw(t, "valid"), PreferredLifetime: rapid.Uint32().Draw(t, "preferred"),
			}
		}
		ra := layer[*layers.ICMPv6RouterAdvertisement](t, decodeICMPv6(t, m.Append(nil)))
		got := wire.RouterAdvertisement{
			HopLimit: ra.HopLimit, Managed: ra.ManagedAddressConfig(), Other: ra.OtherConfig(),
			RouterLifetime: ra.RouterLifetime, ReachableTime: ra.ReachableTime, RetransTimer: ra.RetransTimer,
			SourceMAC: optionMAC(t, ra.Options, layers.ICMPv6OptSourceAddress),
		}
		if mtu := option(t, ra.Options, layers.ICMPv6OptMTU); mtu != nil {
			got.MTU = binary.BigEndian.Uint32(mtu[2:])
		}
		for _, o := range ra.Options {
			if o.Type != layers.ICMPv6OptPrefixInfo {
				continue
			}
			got.Prefixes[got.NumPrefixes] = wire.PrefixInformation{
				Prefix: netip.PrefixFrom(addr(o.Data[14:30]), int(o.Data[0])), OnLink: o.Data[1]&0x80 != 0, Autonomous: o.Data[1]&0x40 != 0,
				ValidLifetime: binary.BigEndian.Uint32(o.Data[2:]), PreferredLifetime: binary.BigEndian.Uint32(o.Data[6:]),
			}
			got.NumPrefixes++
		}
		same(t, got, m)
	})
}

func TestRedirect(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		quote := drawText(t)
		quote = append(quote, make([]byte, -len(quote)&7)...)
		m := wire.Redirect{Target: drawTarget(t, "target"), Destination: drawTarget(t, "destination"), TargetMAC: drawMAC(t, "mac"), Quote: quote}
		r := layer[*layers.ICMPv6Redirect](t, decodeICMPv6(t, m.Append(nil)))
		got := wire.Redirect{Target: addr(r.TargetAddress), Destination: addr(r.DestinationAddress),
			TargetMAC: optionMAC(t, r.Options, layers.ICMPv6OptTargetAddress), Quote: []byte{}}
		if data := option(t, r.Options, layers.ICMPv6OptRedirectedHeader); data != nil {
			got.Quote = append(got.Quote, data[6:]...)
		}
		m.Quote = append([]byte{}, m.Quote...)
		same(t, got, m)
	})
}
