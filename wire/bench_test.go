package wire

import "testing"

// The headers of a segment in the middle of a connection, as it comes in.
func BenchmarkParse(b *testing.B) {
	tcp := (&TCP{Flags: ACK, Options: TCPOptions{HasTimestamps: true}}).Append(nil)
	blocks := (&TCP{Flags: ACK, Options: TCPOptions{HasTimestamps: true, NumSACK: 3}}).Append(nil)
	ipv4 := (&IPv4{TotalLen: 52, TTL: 64, Protocol: ProtocolTCP, Src: host4, Dst: peer4}).Append(nil)
	ipv6 := (&IPv6{PayloadLen: 32, NextHeader: ProtocolTCP, HopLimit: 64, Src: host6, Dst: peer6}).Append(nil)
	ethernet := (&Ethernet{Dst: mac2, Src: mac1, Type: EtherTypeIPv4}).Append(nil)
	for _, bb := range []struct {
		name string
		f    func() Reason
	}{
		{"Ethernet", func() Reason { _, _, r := ParseEthernet(ethernet); return r }},
		{"IPv4", func() Reason { _, _, r := ParseIPv4(ipv4, 52); return r }},
		{"IPv6", func() Reason { _, _, r := ParseIPv6(ipv6, 72); return r }},
		{"TCP", func() Reason { _, _, r := ParseTCP(tcp, 32); return r }},
		{"TCP with SACK", func() Reason { _, _, r := ParseTCP(blocks, len(blocks)); return r }},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if r := bb.f(); r != OK {
					b.Fatal(r)
				}
			}
		})
	}
}

// All headers of a segment in one forward pass.
func BenchmarkAppend(b *testing.B) {
	ethernet := Ethernet{Dst: mac2, Src: mac1, Type: EtherTypeIPv4}
	ipv4 := IPv4{TotalLen: 52, TTL: 64, Protocol: ProtocolTCP, Src: host4, Dst: peer4}
	ipv6 := IPv6{PayloadLen: 32, NextHeader: ProtocolTCP, HopLimit: 64, Src: host6, Dst: peer6}
	tcp := TCP{Flags: ACK, Options: TCPOptions{HasTimestamps: true}}
	room := make([]byte, 0, 128)
	b.Run("Ethernet IPv4 TCP", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			tcp.Append(ipv4.Append(ethernet.Append(room)))
		}
	})
	b.Run("Ethernet IPv6 TCP", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			tcp.Append(ipv6.Append(ethernet.Append(room)))
		}
	})
	b.Run("partial checksum", func(b *testing.B) {
		head := tcp.Append(nil)
		b.ReportAllocs()
		for b.Loop() {
			SetPartialChecksum(ProtocolTCP, host4, peer4, head, len(head))
		}
	})
}
