package packet

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/internal/vnet"
	"github.com/usernet-go/usernet/wire"
)

// merged returns a packet of so many bytes of UDP text.
func merged(m link.Medium, v6 bool, text int) []byte {
	var b []byte
	typ, src, dst := wire.EtherTypeIPv4, netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	if v6 {
		typ, src, dst = wire.EtherTypeIPv6, netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2")
	}
	if m == link.Ethernet {
		b = (&wire.Ethernet{Type: typ}).Append(b)
	}
	size := wire.UDPLen + text
	if v6 {
		b = (&wire.IPv6{PayloadLen: size, NextHeader: wire.ProtocolUDP, Src: src, Dst: dst}).Append(b)
	} else {
		b = (&wire.IPv4{TotalLen: wire.IPv4Len + size, ID: 7, Protocol: wire.ProtocolUDP, Src: src, Dst: dst}).Append(b)
	}
	b = (&wire.UDP{SrcPort: 1, DstPort: 2, Length: size}).Append(b)
	for i := range text {
		b = append(b, byte(i))
	}
	return b
}

// Each datagram has headers of its own with the right lengths and checksums, and
// its part of the text.
func TestCutUDP(t *testing.T) {
	for _, m := range []link.Medium{link.IP, link.Ethernet} {
		for _, v6 := range []bool{false, true} {
			for _, text := range []int{0, 1, 999, 1000, 1001, 2500} {
				r := &receiver{}
				b := merged(m, v6, text)
				if !r.cutUDP(b, m, 1000) {
					t.Fatalf("%v, v6 %v, %d bytes: not cut", m, v6, text)
				}
				var all []byte
				for i, p := range r.packets {
					all = append(all, checkDatagram(t, m, i, &p)...)
				}
				if want := b[len(b)-text:]; !bytes.Equal(all, want) {
					t.Errorf("%v, v6 %v, %d bytes: the text differs", m, v6, text)
				}
				if want := max(1, (text+999)/1000); len(r.packets) != want {
					t.Errorf("%v, v6 %v, %d bytes: %d datagrams, want %d", m, v6, text, len(r.packets), want)
				}
			}
		}
	}
}

// checkDatagram checks p, the ith datagram, and returns its text.
func checkDatagram(t *testing.T, m link.Medium, i int, p *link.Packet) []byte {
	t.Helper()
	var cutter link.Cutter
	one, err := cutter.Cut(m, p)
	if err != nil || len(one) != 1 {
		t.Fatalf("Cut = %d packets, %v", len(one), err)
	}
	d := bytes.Join(one[0].Data, nil)
	ip := 0
	if m == link.Ethernet {
		ip = wire.EthernetLen
	}
	udp, src, dst, ok := udpStart(d, ip)
	if !ok {
		t.Fatalf("%x is no datagram", d)
	}
	if d[ip]>>4 == 4 {
		if h, _, _ := wire.ParseIPv4(d[ip:], len(d)-ip); h.TotalLen != len(d)-ip || h.ID != uint16(7+i) {
			t.Errorf("datagram %d: %+v of %d bytes", i, h, len(d)-ip)
		}
	} else if h, _, _ := wire.ParseIPv6(d[ip:], len(d)-ip); h.PayloadLen != len(d)-udp {
		t.Errorf("datagram %d: %+v of %d bytes", i, h, len(d)-ip)
	}
	h, r := wire.ParseUDP(d[udp:], len(d)-udp)
	if r != wire.OK || h.Length != len(d)-udp {
		t.Errorf("datagram %d: %+v, %v", i, h, r)
	}
	if r := wire.VerifyChecksum(wire.ProtocolUDP, src, dst, d[udp:], nil); r != wire.OK {
		t.Errorf("datagram %d: %v", i, r)
	}
	return d[udp+wire.UDPLen:]
}

// Whatever the kernel hands over, what comes of it lies within it.
func FuzzTake(f *testing.F) {
	for _, network := range []bool{false, true} {
		for _, v6 := range []bool{false, true} {
			h := make([]byte, vnet.Len)
			h[1] = 5 // VIRTIO_NET_HDR_GSO_UDP_L4
			binary.NativeEndian.PutUint16(h[4:], 1000)
			f.Add(append(h, merged(link.Ethernet, v6, 2500)...), network, uint16(14))
		}
	}
	r := newReceiver(&socket{}, false)
	f.Fuzz(func(t *testing.T, b []byte, network bool, net uint16) {
		if len(b) > maxFrame {
			return
		}
		r.network = network
		r.packets, r.pieces, r.headers = r.packets[:0], r.pieces[:0], r.headers[:0]
		r.messages[0].n = uint32(copy(r.arena, b))
		r.messages[0].header.SetControllen(int(unsafe.Sizeof(r.control[0])))
		h := (*unix.Cmsghdr)(unsafe.Pointer(&r.control[0]))
		h.Level, h.Type = unix.SOL_PACKET, unix.PACKET_AUXDATA
		*(*uint16)(unsafe.Add(unsafe.Pointer(h), unix.CmsgLen(0)+auxdataNet)) = net
		if !r.take(0) {
			if len(r.packets) > 0 {
				t.Error("packets of what cannot be used")
			}
			return
		}
		for _, p := range r.packets {
			if o := p.Offload; p.Len() > len(b) || o.Checksum == link.ChecksumPartial && int(o.ChecksumStart)+int(o.ChecksumOffset)+2 > len(p.Data[0]) {
				t.Errorf("%+v of %d bytes from %d", o, p.Len(), len(b))
			}
		}
	})
}

// Messages without what has to be beside them, and truncated ones, are refused.
func TestTakeRefuses(t *testing.T) {
	r := newReceiver(&socket{}, true)
	r.messages[0].n = uint32(copy(r.arena, append(make([]byte, vnet.Len), merged(link.IP, false, 10)...)))
	r.messages[0].header.SetControllen(0)
	if r.take(0) {
		t.Error("taken without auxiliary data")
	}
	r.network = false
	if !r.take(0) {
		t.Error("not taken")
	}
	r.messages[0].header.Flags = unix.MSG_TRUNC
	if r.take(0) {
		t.Error("taken though truncated")
	}
	r.messages[0].header.Flags = 0
	r.messages[0].n = vnet.Len - 1
	if r.take(0) {
		t.Error("taken without a header")
	}
}

// Offsets in the packet count from the IP header; the others stay.
func TestTapFilter(t *testing.T) {
	program, err := tapFilter([]bpf.RawInstruction{
		{Op: 0x30, K: 9},          // ldb [9]
		{Op: 0xb1, K: 0},          // ldx 4*([0]&0xf)
		{Op: 0x48, K: 2},          // ldh [x+2]
		{Op: 0x28, K: 0xfffff000}, // ld #proto
		{Op: 0x00, K: 5},          // ld #5
		{Op: 0x15, K: 7},          // jeq #7
		{Op: 0x06, K: 1},          // ret #1
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []uint32{0xfff00009, 0xfff00000, 0xfff00002, 0xfffff000, 5, 7, 1} {
		if got := program[len(program)-7+i].K; got != want {
			t.Errorf("instruction %d: %#x, want %#x", i, got, want)
		}
	}
	if _, err := tapFilter([]bpf.RawInstruction{{Op: 0x30, K: 1 << 16}}); err == nil {
		t.Error("an offset behind every packet is taken")
	}
	if _, err := tapFilter(make([]bpf.RawInstruction, maxInstructions)); err == nil {
		t.Error("too long a program is taken")
	}
}
