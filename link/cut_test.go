package link_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"testing"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

var (
	v4 = [2]netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")}
	v6 = [2]netip.Addr{netip.MustParseAddr("fd00::1"), netip.MustParseAddr("fd00::2")}
)

// pattern returns n bytes in which every offset within 64 KiB can be told.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8)
	}
	return b
}

// tcpPacket returns a TCP packet with its checksum left to the link. The text
// begins in the first piece, behind the headers, with the first inHead bytes.
func tcpPacket(m link.Medium, addr [2]netip.Addr, h wire.TCP, text []byte, inHead int, size uint16) link.Packet {
	return frame(m, addr, h, text, inHead, size, false)
}

func frame(m link.Medium, addr [2]netip.Addr, h wire.TCP, text []byte, inHead int, size uint16, vlan bool) link.Packet {
	var b []byte
	v6 := addr[0].Is6()
	if m == link.Ethernet {
		eth := wire.Ethernet{Dst: wire.MAC{2, 0, 0, 0, 0, 2}, Src: wire.MAC{2, 0, 0, 0, 0, 1}, Type: wire.EtherTypeIPv4, Tagged: vlan, VLAN: 7}
		if v6 {
			eth.Type = wire.EtherTypeIPv6
		}
		b = eth.Append(b)
	}
	tcp := h.Append(nil)
	if v6 {
		ip := wire.IPv6{PayloadLen: len(tcp) + len(text), NextHeader: wire.ProtocolTCP, HopLimit: 64, Src: addr[0], Dst: addr[1]}
		b = ip.Append(b)
	} else {
		ip := wire.IPv4{TotalLen: 24 + len(tcp) + len(text), ID: 0xfffe, TTL: 64, Protocol: wire.ProtocolTCP, Src: addr[0], Dst: addr[1], Options: []byte{1, 1, 1, 0}}
		b = ip.Append(b)
	}
	start := len(b)
	wire.SetPartialChecksum(wire.ProtocolTCP, addr[0], addr[1], tcp, len(tcp)+len(text))
	b = append(b, tcp...)
	p := link.Packet{Offload: link.Offload{Checksum: link.ChecksumPartial, ChecksumStart: uint16(start), ChecksumOffset: 16}}
	if size > 0 {
		p.Offload.Segmentation, p.Offload.SegmentSize, p.Offload.HeaderLen = link.SegmentTCPv4, size, uint16(len(b))
		if v6 {
			p.Offload.Segmentation = link.SegmentTCPv6
		}
	}
	p.Data = [][]byte{append(b, text[:inHead]...)}
	for text = text[inHead:]; len(text) > 0; {
		// Pieces of odd lengths, and an empty one.
		n := min(len(text), 999)
		p.Data = append(p.Data, text[:n], nil)
		text = text[n:]
	}
	return p
}

// parsed is a TCP packet as a receiver sees it, who checks everything.
type parsed struct {
	id   uint16
	tcp  wire.TCP
	text []byte
}

func parse(m link.Medium, p link.Packet) (out parsed, err error) {
	if p.Offload != (link.Offload{}) {
		return out, fmt.Errorf("packet with offload %+v", p.Offload)
	}
	b := bytes.Join(p.Data, nil)
	if m == link.Ethernet {
		_, n, r := wire.ParseEthernet(b)
		if r != wire.OK {
			return out, fmt.Errorf("Ethernet: %v", r)
		}
		b = b[n:]
	}
	var src, dst netip.Addr
	if b[0]>>4 == 6 {
		h, n, r := wire.ParseIPv6(b, len(b))
		if r != wire.OK || n+h.PayloadLen != len(b) {
			return out, fmt.Errorf("IPv6 %+v in %d bytes: %v", h, len(b), r)
		}
		src, dst, b = h.Src, h.Dst, b[n:]
	} else {
		h, n, r := wire.ParseIPv4(b, len(b))
		if r != wire.OK || h.TotalLen != len(b) {
			return out, fmt.Errorf("IPv4 %+v in %d bytes: %v", h, len(b), r)
		}
		out.id, src, dst, b = h.ID, h.Src, h.Dst, b[n:]
	}
	if r := wire.VerifyChecksum(wire.ProtocolTCP, src, dst, b, nil); r != wire.OK {
		return out, fmt.Errorf("%v", r)
	}
	h, n, r := wire.ParseTCP(b, len(b))
	if r != wire.OK {
		return out, fmt.Errorf("TCP: %v", r)
	}
	out.tcp, out.text = h, b[n:]
	return out, nil
}

func TestCut(t *testing.T) {
	options := wire.TCPOptions{HasTimestamps: true, TSVal: 77, TSEcr: 88}
	head := wire.TCP{SrcPort: 1, DstPort: 2, Seq: 0xffffff00, Ack: 5, Window: 9, Options: options,
		Flags: wire.ACK | wire.PSH | wire.FIN | wire.CWR}
	for _, tt := range []struct {
		name   string
		medium link.Medium
		addr   [2]netip.Addr
		text   int
		inHead int
		size   uint16
		vlan   bool
	}{
		{"IPv4 on Ethernet", link.Ethernet, v4, 10_000, 0, 1448, false},
		{"IPv6 on Ethernet", link.Ethernet, v6, 10_000, 333, 1428, false},
		{"IPv6 in a VLAN", link.Ethernet, v6, 5_000, 0, 1428, true},
		{"IPv4", link.IP, v4, 65_000, 65_000, 1000, false},
		{"IPv6, largest", link.IP, v6, 65_535 - 32, 7, 1428, false},
		{"odd size", link.IP, v6, 1_000, 0, 7, false},
		{"even multiple", link.IP, v4, 2_000, 0, 1000, false},
		{"one segment", link.IP, v4, 1_000, 0, 1000, false},
		{"no text", link.IP, v4, 0, 0, 1000, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := pattern(tt.text)
			p := frame(tt.medium, tt.addr, head, text, tt.inHead, tt.size, tt.vlan)
			before := bytes.Join(p.Data, nil)
			var c link.Cutter
			var got []byte
			for range 2 { // the Cutter's memory is reused
				packets, err := c.Cut(tt.medium, &p)
				if err != nil {
					t.Fatal(err)
				}
				if want := max(1, (tt.text+int(tt.size)-1)/int(tt.size)); len(packets) != want {
					t.Fatalf("%d packets, want %d", len(packets), want)
				}
				got = got[:0]
				for i, q := range packets {
					s, err := parse(tt.medium, q)
					if err != nil {
						t.Fatalf("packet %d: %v", i, err)
					}
					first, last := i == 0, i == len(packets)-1
					want := head
					want.Seq = head.Seq.Add(len(got))
					want.Flags = wire.ACK
					if first {
						want.Flags |= wire.CWR
					}
					if last {
						want.Flags |= wire.PSH | wire.FIN
					}
					s.tcp.Checksum = 0
					if s.tcp != want {
						t.Errorf("packet %d: %+v, want %+v", i, s.tcp, want)
					}
					if id := uint16(0xfffe + i); tt.addr == v4 && s.id != id {
						t.Errorf("packet %d: identification %d, want %d", i, s.id, id)
					}
					if len(s.text) != int(tt.size) && !last {
						t.Errorf("packet %d: %d bytes of text, want %d", i, len(s.text), tt.size)
					}
					got = append(got, s.text...)
				}
			}
			if !bytes.Equal(got, text) {
				t.Error("the text of the segments is not that of the super-segment")
			}
			if !bytes.Equal(bytes.Join(p.Data, nil), before) {
				t.Error("Cut changes what it was lent")
			}
		})
	}
}

// RFC 9293, 3.1: the urgent pointer counts from each segment's own sequence
// number.
func TestCutUrgent(t *testing.T) {
	p := tcpPacket(link.IP, v4, wire.TCP{Seq: 100, Flags: wire.ACK | wire.URG, Urgent: 1500}, pattern(3000), 0, 1000)
	var c link.Cutter
	packets, err := c.Cut(link.IP, &p)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []wire.TCP{
		{Seq: 100, Flags: wire.ACK | wire.URG, Urgent: 1500},
		{Seq: 1100, Flags: wire.ACK | wire.URG, Urgent: 500},
		{Seq: 2100, Flags: wire.ACK},
	} {
		s, err := parse(link.IP, packets[i])
		if err != nil {
			t.Fatal(err)
		}
		if s.tcp.Checksum = 0; s.tcp != want {
			t.Errorf("segment %d: %+v, want %+v", i, s.tcp, want)
		}
	}
}

func TestCutCompletesChecksum(t *testing.T) {
	p := tcpPacket(link.Ethernet, v6, wire.TCP{Seq: 100, Flags: wire.ACK}, pattern(1001), 3, 0)
	before := bytes.Join(p.Data, nil)
	var c link.Cutter
	packets, err := c.Cut(link.Ethernet, &p)
	if err != nil || len(packets) != 1 {
		t.Fatalf("%d packets, %v", len(packets), err)
	}
	if s, err := parse(link.Ethernet, packets[0]); err != nil || !bytes.Equal(s.text, pattern(1001)) {
		t.Errorf("segment %+v, %v", s.tcp, err)
	}
	if !bytes.Equal(bytes.Join(p.Data, nil), before) {
		t.Error("Cut changes what it was lent")
	}
}

// RFC 768: a computed checksum of zero is transmitted as all ones.
func TestCutChecksumOfZero(t *testing.T) {
	p := link.Packet{
		Data:    [][]byte{{0, 53, 0, 53, 0, 10, 0, 0}, {0xff, 0xff - 116}},
		Offload: link.Offload{Checksum: link.ChecksumPartial, ChecksumOffset: 6},
	}
	var c link.Cutter
	packets, err := c.Cut(link.IP, &p)
	if err != nil {
		t.Fatal(err)
	}
	if got := packets[0].Data[0][6:8]; got[0] != 0xff || got[1] != 0xff {
		t.Errorf("checksum %x, want ffff", got)
	}
}

func TestCutLeavesTheRestAlone(t *testing.T) {
	p := whole("a frame")
	p.Offload.Checksum = link.ChecksumVerified
	var c link.Cutter
	packets, err := c.Cut(link.Ethernet, &p)
	if err != nil || len(packets) != 1 || &packets[0].Data[0][0] != &p.Data[0][0] {
		t.Errorf("Cut = %v, %v, want the packet itself", packets, err)
	}
	if packets[0].Offload != (link.Offload{}) {
		t.Errorf("offload %+v; on a wire nothing has been verified", packets[0].Offload)
	}
}

func TestCutRefuses(t *testing.T) {
	for name, spoil := range map[string]func(p *link.Packet){
		"no pieces":             func(p *link.Packet) { p.Data = nil },
		"headers in two pieces": func(p *link.Packet) { p.Data = [][]byte{p.Data[0][:40], p.Data[0][40:], p.Data[1]} },
		"segment size 0":        func(p *link.Packet) { p.Offload.SegmentSize = 0 },
		"complete checksum":     func(p *link.Packet) { p.Offload.Checksum = link.ChecksumNone },
		"checksum elsewhere":    func(p *link.Packet) { p.Offload.ChecksumOffset = 6 },
		"wrong header length":   func(p *link.Packet) { p.Offload.HeaderLen -= 4 },
		"wrong start":           func(p *link.Packet) { p.Offload.ChecksumStart -= 4 },
		"start behind headers":  func(p *link.Packet) { p.Offload.ChecksumStart = 65535 },
		"other protocol":        func(p *link.Packet) { p.Offload.Segmentation = link.SegmentTCPv6 },
		"unknown segmentation":  func(p *link.Packet) { p.Offload.Segmentation = 9 },
		"too large":             func(p *link.Packet) { p.Data = append(p.Data, make([]byte, 70_000)) },
		"too large for IPv4":    func(p *link.Packet) { p.Data = append(p.Data, make([]byte, 65535-40-900+1)) },
		"no Ethernet header": func(p *link.Packet) {
			p.Data[0] = p.Data[0][:10]
			p.Offload.HeaderLen = 10
		},
		"checksum behind headers": func(p *link.Packet) {
			p.Offload = link.Offload{Checksum: link.ChecksumPartial, ChecksumStart: 500}
		},
	} {
		p := tcpPacket(link.Ethernet, v4, wire.TCP{Flags: wire.ACK}, pattern(900), 0, 500)
		spoil(&p)
		var c link.Cutter
		if packets, err := c.Cut(link.Ethernet, &p); err == nil {
			t.Errorf("%s: Cut makes %d packets", name, len(packets))
		}
	}
}

func TestCutAllocatesNothing(t *testing.T) {
	p := tcpPacket(link.Ethernet, v4, wire.TCP{Flags: wire.ACK}, pattern(60_000), 0, 1460)
	var c link.Cutter
	cut := func() {
		if packets, err := c.Cut(link.Ethernet, &p); err != nil || len(packets) != 42 {
			t.Fatalf("%d packets, %v", len(packets), err)
		}
	}
	cut()
	if n := testing.AllocsPerRun(10, cut); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func BenchmarkCut(b *testing.B) {
	p := tcpPacket(link.Ethernet, v4, wire.TCP{Flags: wire.ACK}, pattern(60_000), 0, 1460)
	var c link.Cutter
	b.SetBytes(60_000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Cut(link.Ethernet, &p); err != nil {
			b.Fatal(err)
		}
	}
}
