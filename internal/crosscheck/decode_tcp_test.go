package crosscheck

import (
	"encoding/binary"

	"github.com/gopacket/gopacket/layers"
	"pgregory.net/rapid"

	"github.com/usernet-go/usernet/wire"
)

// drawTCP draws a header whose options have room.
func drawTCP(t *rapid.T) wire.TCP {
	u16 := func(label string) uint16 { return rapid.Uint16().Draw(t, label) }
	u32 := func(label string) uint32 { return rapid.Uint32().Draw(t, label) }
	flag := func(label string) bool { return rapid.Bool().Draw(t, label) }
	h := wire.TCP{
		SrcPort: drawPort(t, "src port"), DstPort: drawPort(t, "dst port"), Seq: wire.Seq(u32("seq")), Ack: wire.Seq(u32("ack")),
		Flags: wire.TCPFlags(rapid.Uint16().Draw(t, "flags") & (1<<9 - 1)), Window: u16("window"), Urgent: u16("urgent"),
	}
	o := &h.Options
	if o.HasMSS = flag("has MSS"); o.HasMSS {
		o.MSS = u16("MSS")
	}
	if o.HasWindowScale = flag("has window scale"); o.HasWindowScale {
		o.WindowScale = rapid.Byte().Draw(t, "window scale")
	}
	if o.HasTimestamps = flag("has timestamps"); o.HasTimestamps {
		o.TSVal, o.TSEcr = u32("TSval"), u32("TSecr")
	}
	o.SACKPermitted = flag("SACK permitted")
	if a := &o.AccECN; flag("has AccECN") {
		a.Present, a.Order, a.Fields = true, rapid.Byte().Draw(t, "order")&1, 3
		a.EE0B, a.ECEB, a.EE1B = u32("EE0B")&(1<<24-1), u32("ECEB")&(1<<24-1), u32("EE1B")&(1<<24-1)
	}
	room := (wire.TCPMaxLen - h.HeaderLen() - 4) / 8
	o.NumSACK = uint8(rapid.IntRange(0, min(room, 4)).Draw(t, "blocks"))
	for i := range o.SACK[:o.NumSACK] {
		o.SACK[i] = wire.SACKBlock{Left: wire.Seq(u32("left")), Right: wire.Seq(u32("right"))}
	}
	return h
}

// asTCP turns gopacket's layer into our header.
func asTCP(t *rapid.T, tcp *layers.TCP) wire.TCP {
	h := wire.TCP{
		SrcPort: uint16(tcp.SrcPort), DstPort: uint16(tcp.DstPort), Seq: wire.Seq(tcp.Seq), Ack: wire.Seq(tcp.Ack),
		Window: tcp.Window, Checksum: tcp.Checksum, Urgent: tcp.Urgent,
	}
	for flag, set := range map[wire.TCPFlags]bool{
		wire.FIN: tcp.FIN, wire.SYN: tcp.SYN, wire.RST: tcp.RST, wire.PSH: tcp.PSH,
		wire.ACK: tcp.ACK, wire.URG: tcp.URG, wire.ECE: tcp.ECE, wire.CWR: tcp.CWR, wire.AE: tcp.NS,
	} {
		if set {
			h.Flags |= flag
		}
	}
	o := &h.Options
	for _, option := range tcp.Options {
		data := option.OptionData
		switch option.OptionType {
		case layers.TCPOptionKindNop:
		case layers.TCPOptionKindMSS:
			o.HasMSS, o.MSS = true, binary.BigEndian.Uint16(data)
		case layers.TCPOptionKindWindowScale:
			o.HasWindowScale, o.WindowScale = true, data[0]
		case layers.TCPOptionKindSACKPermitted:
			o.SACKPermitted = true
		case layers.TCPOptionKindTimestamps:
			o.HasTimestamps, o.TSVal, o.TSEcr = true, binary.BigEndian.Uint32(data), binary.BigEndian.Uint32(data[4:])
		case layers.TCPOptionKindSACK:
			for ; len(data) > 0; data = data[8:] {
				o.SACK[o.NumSACK] = wire.SACKBlock{Left: wire.Seq(binary.BigEndian.Uint32(data)), Right: wire.Seq(binary.BigEndian.Uint32(data[4:]))}
				o.NumSACK++
			}
		case 172, 174: // gopacket does not know them
			field := func(i int) uint32 { return uint32(data[3*i])<<16 | uint32(data[3*i+1])<<8 | uint32(data[3*i+2]) }
			o.AccECN = wire.AccECN{Present: true, Order: uint8(option.OptionType-172) / 2, Fields: 3, EE0B: field(0), ECEB: field(1), EE1B: field(2)}
			if o.AccECN.Order == 1 {
				o.AccECN.EE0B, o.AccECN.EE1B = o.AccECN.EE1B, o.AccECN.EE0B
			}
		default:
			t.Fatalf("gopacket finds option %v", option)
		}
	}
	return h
}
