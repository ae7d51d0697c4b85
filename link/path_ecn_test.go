package link_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// setECN writes the ECN field of the IP packet in a frame made by tcpPacket, and
// completes the checksums.
func setECN(t testing.TB, m link.Medium, p link.Packet, field byte) link.Packet {
	t.Helper()
	var cutter link.Cutter
	cut, err := cutter.Cut(m, &p)
	if err != nil || len(cut) != 1 {
		t.Fatal(len(cut), err)
	}
	b := bytes.Join(cut[0].Data, nil)
	ip := b
	if m == link.Ethernet {
		_, n, _ := wire.ParseEthernet(b)
		ip = b[n:]
	}
	if ip[0]>>4 == 6 {
		ip[1] = ip[1]&^0x30 | field<<4
	} else {
		ip[1] = ip[1]&^3 | field
		ip[10], ip[11] = 0, 0
		sum := wire.Checksum(ip[:ip[0]&15*4])
		ip[10], ip[11] = byte(sum>>8), byte(sum)
	}
	return whole(string(b))
}

// RFC 3168, 5: packets that are not ECT are not marked, those with CE stay as
// they are, and nothing else changes in the others.
func TestMarkCE(t *testing.T) {
	for _, m := range []link.Medium{link.Ethernet, link.IP} {
		for _, addr := range [][2]bool{{false, false}, {false, true}, {true, false}, {true, true}} {
			if m == link.IP && addr[1] {
				continue // no VLAN
			}
			for field := byte(0); field < 4; field++ {
				t.Run(fmt.Sprintf("%v IPv6 %v VLAN %v field %d", m, addr[0], addr[1], field), func(t *testing.T) {
					a := v4
					if addr[0] {
						a = v6
					}
					p := setECN(t, m, frame(m, a, wire.TCP{Seq: 5, Flags: wire.ACK}, pattern(100), 100, 0, addr[1]), field)
					if got := link.ECNCapable(m, &p); got != (field != 0) {
						t.Errorf("ECNCapable %v", got)
					}
					want := whole(joined(p))
					if field != 0 {
						want = setECN(t, m, p, 3)
					}
					link.MarkCE(m, p.Data[0])
					if joined(p) != joined(want) {
						t.Errorf("marked:\n%x\nwant:\n%x", joined(p)[:40], joined(want)[:40])
					}
					if _, err := parse(m, p); err != nil {
						t.Error(err)
					}
				})
			}
		}
	}
}

// Whatever is no IP packet is neither capable nor changed.
func TestMarkCESparesOthers(t *testing.T) {
	arp := (&wire.Ethernet{Dst: wire.Broadcast, Type: wire.EtherTypeARP}).Append(nil)
	runt := (&wire.Ethernet{Type: wire.EtherTypeIPv4}).Append(nil)
	for _, tt := range []struct {
		medium link.Medium
		frame  []byte
	}{
		{link.Ethernet, nil},
		{link.Ethernet, []byte("runt")},
		{link.Ethernet, append(arp, bytes.Repeat([]byte{0x45}, 40)...)},
		{link.Ethernet, append(runt, bytes.Repeat([]byte{0x45}, 19)...)},
		{link.Ethernet, append(runt, bytes.Repeat([]byte{0x65}, 39)...)},
		{link.IP, nil},
		{link.IP, bytes.Repeat([]byte{0x45}, 19)},
		{link.IP, bytes.Repeat([]byte{0x55}, 60)},
	} {
		before := bytes.Clone(tt.frame)
		p := link.Packet{Data: [][]byte{tt.frame}}
		if link.ECNCapable(tt.medium, &p) {
			t.Errorf("%x is ECN-capable", tt.frame)
		}
		if link.MarkCE(tt.medium, tt.frame); !bytes.Equal(tt.frame, before) {
			t.Errorf("%x became %x", before, tt.frame)
		}
	}
	if link.ECNCapable(link.IP, new(link.Packet)) {
		t.Error("a packet without pieces is ECN-capable")
	}
}

// BenchmarkECNCapable is the look that Shape takes at each packet.
func BenchmarkECNCapable(b *testing.B) {
	p := setECN(b, link.Ethernet, tcpPacket(link.Ethernet, v4, wire.TCP{}, pattern(10), 10, 0), 2)
	for b.Loop() {
		if !link.ECNCapable(link.Ethernet, &p) {
			b.Fatal("not capable")
		}
	}
}
