package tun

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// tcpFrame returns a frame with a TCP header of 32 bytes and text behind it.
func tcpFrame(m link.Medium, v6 bool, text int) []byte {
	var b []byte
	typ := wire.EtherTypeIPv4
	if v6 {
		typ = wire.EtherTypeIPv6
	}
	if m == link.Ethernet {
		b = (&wire.Ethernet{Type: typ}).Append(b)
	}
	tcp := (&wire.TCP{SrcPort: 1, DstPort: 2, Options: wire.TCPOptions{HasTimestamps: true}}).Append(nil)
	if v6 {
		b = (&wire.IPv6{PayloadLen: len(tcp) + text, NextHeader: wire.ProtocolTCP, Src: netip.IPv6LinkLocalAllNodes(), Dst: netip.IPv6Loopback()}).Append(b)
	} else {
		b = (&wire.IPv4{TotalLen: 20 + len(tcp) + text, Protocol: wire.ProtocolTCP, Src: netip.IPv4Unspecified(), Dst: netip.IPv4Unspecified()}).Append(b)
	}
	return append(append(b, tcp...), make([]byte, text)...)
}

func header(flags, gso byte, fields ...uint16) []byte {
	h := []byte{flags, gso}
	for _, f := range fields {
		h = binary.NativeEndian.AppendUint16(h, f)
	}
	return h
}

// What is written of an Offload is what is read.
func TestVnet(t *testing.T) {
	for _, tt := range []struct {
		name    string
		offload link.Offload
		header  []byte
		medium  link.Medium
		v6      bool
	}{
		{"nothing", link.Offload{}, header(0, 0, 0, 0, 0, 0), link.IP, false},
		{"checksum", link.Offload{Checksum: link.ChecksumPartial, ChecksumStart: 20, ChecksumOffset: 16},
			header(1, 0, 0, 0, 20, 16), link.IP, false},
		{"IPv4 super-segment", link.Offload{Segmentation: link.SegmentTCPv4, SegmentSize: 1448, HeaderLen: 52, Checksum: link.ChecksumPartial, ChecksumStart: 20, ChecksumOffset: 16},
			header(1, 1, 52, 1448, 20, 16), link.IP, false},
		{"IPv6 super-segment on Ethernet", link.Offload{Segmentation: link.SegmentTCPv6, SegmentSize: 1428, HeaderLen: 86, Checksum: link.ChecksumPartial, ChecksumStart: 54, ChecksumOffset: 16},
			header(1, 4, 86, 1428, 54, 16), link.Ethernet, true},
	} {
		got := make([]byte, vnetLen+2)
		for i := range got {
			got[i] = 0xff
		}
		putVnet(got, &tt.offload)
		if string(got[:vnetLen]) != string(tt.header) || got[vnetLen] != 0 || got[vnetLen+1] != 0 {
			t.Errorf("%s: header %x, want %x and zeros", tt.name, got, tt.header)
		}
		if o, ok := parseVnet(tt.header, tcpFrame(tt.medium, tt.v6, 3000), tt.medium); !ok || o != tt.offload {
			t.Errorf("%s: %+v, %v, want %+v", tt.name, o, ok, tt.offload)
		}
	}
}

// What the kernel says on the way in, and what it must not say.
func TestParseVnet(t *testing.T) {
	const partial, valid = vnetNeedsChecksum, vnetDataValid
	super := link.Offload{Segmentation: link.SegmentTCPv4, SegmentSize: 1448, HeaderLen: 52, Checksum: link.ChecksumPartial, ChecksumStart: 20, ChecksumOffset: 16}
	verified := link.Offload{Segmentation: link.SegmentTCPv4, SegmentSize: 1448, HeaderLen: 52, Checksum: link.ChecksumVerified}
	verified6 := link.Offload{Segmentation: link.SegmentTCPv6, SegmentSize: 1448, HeaderLen: 86, Checksum: link.ChecksumVerified}
	for _, tt := range []struct {
		name   string
		header []byte
		medium link.Medium
		v6     bool
		cut    int // bytes of the frame, when not all
		want   link.Offload
		ok     bool
	}{
		{"checked before", header(valid, 0, 0, 0, 0, 0), link.IP, false, 0, link.Offload{Checksum: link.ChecksumVerified}, true},
		{"header length is a hint", header(partial, 1, 300, 1448, 20, 16), link.IP, false, 0, super, true},
		{"congestion window reduced", header(partial, 1|vnetGSOECN, 52, 1448, 20, 16), link.IP, false, 0, super, true},
		{"super-segment that was checked before", header(valid, 1, 0, 1448, 0, 0), link.IP, false, 0, verified, true},
		{"the same of IPv6 on Ethernet", header(valid, 4, 0, 1448, 0, 0), link.Ethernet, true, 0, verified6, true},
		{"super-segment of unknown checksum", header(0, 1, 52, 1448, 0, 0), link.IP, false, 0, link.Offload{}, false},
		{"no segment size", header(partial, 1, 52, 0, 20, 16), link.IP, false, 0, link.Offload{}, false},
		{"another protocol's", header(partial, 3, 28, 1448, 20, 6), link.IP, false, 0, link.Offload{}, false},
		{"IPv6 super-segment that is IPv4", header(partial, 4, 52, 1448, 20, 16), link.IP, false, 0, link.Offload{}, false},
		{"IPv4 super-segment that is IPv6", header(partial, 1, 72, 1448, 40, 16), link.IP, true, 0, link.Offload{}, false},
		{"the same, checked before", header(valid, 1, 72, 1448, 0, 0), link.IP, true, 0, link.Offload{}, false},
		{"super-segment with another checksum", header(partial, 1, 52, 1448, 20, 6), link.IP, false, 0, link.Offload{}, false},
		{"super-segment whose checksum starts in its text", header(partial, 1, 52, 1448, 53, 16), link.IP, false, 0, link.Offload{}, false},
		{"the same of IPv6 within IP", header(partial, 4, 86, 1428, 40, 16), link.Ethernet, true, 0, link.Offload{}, false},
		{"checksum outside", header(partial, 0, 0, 0, 20, 16), link.IP, false, 37, link.Offload{}, false},
		{"TCP header outside", header(partial, 1, 52, 1448, 20, 16), link.IP, false, 39, link.Offload{}, false},
		{"TCP options outside", header(partial, 1, 52, 1448, 20, 16), link.IP, false, 51, link.Offload{}, false},
		{"start within IP", header(partial, 1, 52, 1448, 4, 16), link.IP, false, 0, link.Offload{}, false},
		{"checked runt", header(valid, 1, 52, 1448, 0, 0), link.Ethernet, false, 13, link.Offload{}, false},
		{"checked runt of IP", header(valid, 1, 52, 1448, 0, 0), link.IP, false, 30, link.Offload{}, false},
	} {
		frame := tcpFrame(tt.medium, tt.v6, 3000)
		if tt.cut > 0 {
			frame = frame[:tt.cut]
		}
		o, ok := parseVnet(tt.header, frame, tt.medium)
		if ok != tt.ok || ok && o != tt.want {
			t.Errorf("%s: %+v, %v, want %+v, %v", tt.name, o, ok, tt.want, tt.ok)
		}
	}
}

func FuzzParseVnet(f *testing.F) {
	f.Add(header(1, 1, 52, 1448, 20, 16), tcpFrame(link.IP, false, 100), false)
	f.Add(header(1, 4, 86, 1428, 54, 16), tcpFrame(link.Ethernet, true, 100), true)
	f.Add(header(2, 4, 86, 1428, 0, 0), tcpFrame(link.Ethernet, true, 100), true)
	f.Fuzz(func(t *testing.T, h, b []byte, ethernet bool) {
		if len(h) < vnetLen {
			return
		}
		m := link.IP
		if ethernet {
			m = link.Ethernet
		}
		o, ok := parseVnet(h, b, m)
		if !ok {
			return
		}
		if o.Segmentation != link.SegmentNone && (int(o.HeaderLen) > len(b) || o.HeaderLen < wire.TCPLen || o.SegmentSize == 0) {
			t.Errorf("offload %+v of a packet of %d bytes", o, len(b))
		}
		if o.Checksum == link.ChecksumPartial && int(o.ChecksumStart)+int(o.ChecksumOffset)+2 > len(b) {
			t.Errorf("offload %+v of a packet of %d bytes", o, len(b))
		}
		if h := (&[vnetLen]byte{}); o.Checksum == link.ChecksumPartial {
			// What comes in as a super-segment can also go out as one.
			if p := (link.Packet{Data: [][]byte{b}, Offload: o}); o.Segmentation != link.SegmentNone && len(b) <= 65535 {
				if _, err := new(link.Cutter).Cut(m, &p); err != nil {
					t.Errorf("offload %+v of a packet of %d bytes: %v", o, len(b), err)
				}
			}
			putVnet(h[:], &o)
			if again, ok := parseVnet(h[:], b, m); !ok || again != o {
				t.Errorf("%+v is read back as %+v, %v", o, again, ok)
			}
		}
	})
}

// All packets of a flow have one hash, fragments among themselves too; flows
// differ.
func TestFlowHash(t *testing.T) {
	of := func(m link.Medium, b []byte) uint32 {
		return flowHash(&link.Packet{Data: [][]byte{b}}, m)
	}
	for _, m := range []link.Medium{link.IP, link.Ethernet} {
		for _, v6 := range []bool{false, true} {
			a, b := tcpFrame(m, v6, 0), tcpFrame(m, v6, 500)
			if of(m, a) != of(m, b) || of(m, a) == 0 {
				t.Errorf("%v, v6 %v: hashes %x and %x of one flow", m, v6, of(m, a), of(m, b))
			}
			seen := map[uint32]bool{}
			for port := range 256 {
				b[len(b)-500-32+1] = byte(port)
				seen[of(m, b)%4] = true
			}
			if len(seen) != 4 {
				t.Errorf("%v, v6 %v: 256 flows on queues %v of 4", m, v6, seen)
			}
		}
	}
	// A later fragment has no ports: the first one must not count them either.
	first, later := tcpFrame(link.IP, false, 0), tcpFrame(link.IP, false, 0)
	first[6], later[7] = 0x20, 4
	clear(later[20:])
	if of(link.IP, first) != of(link.IP, later) {
		t.Error("fragments of one packet have different hashes")
	}
	for _, b := range [][]byte{nil, {0x45}, {0x60}, make([]byte, 100), (&wire.Ethernet{Type: wire.EtherTypeARP}).Append(nil)} {
		for _, m := range []link.Medium{link.IP, link.Ethernet} {
			if h := of(m, b); h != 0 {
				t.Errorf("%v: %x has hash %x", m, b, h)
			}
		}
	}
	if h := flowHash(&link.Packet{}, link.IP); h != 0 {
		t.Errorf("no bytes have hash %x", h)
	}
}
