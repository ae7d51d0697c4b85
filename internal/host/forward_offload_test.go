package host

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// super makes a super-segment of n bytes of text, in its frame from the peer, and the
// offload that says so. With partial its checksum is left to the link.
func super(src, dst netip.Addr, n, segment int, partial bool) ([]byte, link.Offload) {
	h := wire.TCP{SrcPort: 1000, DstPort: 2000, Seq: 1, Ack: 1, Flags: wire.ACK | wire.PSH, Window: 1000}
	text := make([]byte, n)
	for i := range text {
		text[i] = byte(i % 251)
	}
	b := frame(ip(src, dst, wire.ProtocolTCP, append(h.Append(nil), text...)))
	header := len(b) - n
	start := header - wire.TCPLen
	o := link.Offload{Segmentation: link.SegmentTCPv4, SegmentSize: uint16(segment), HeaderLen: uint16(header), Checksum: link.ChecksumVerified}
	if src.Is6() {
		o.Segmentation = link.SegmentTCPv6
	}
	b[start+16] ^= 0xff // whoever merged the segments has not written it anew
	if partial {
		o.Checksum, o.ChecksumStart, o.ChecksumOffset = link.ChecksumPartial, uint16(start), 16
		wire.SetPartialChecksum(wire.ProtocolTCP, src, dst, b[start:], len(b)-start)
	}
	return b, o
}

// text returns the text of TCP segments in the order in which they were sent, and
// checks each by the receiver's own means.
func (r *rig) text(sent []sentPacket) (all []byte) {
	r.Helper()
	for i := range sent {
		p := link.Packet{Data: [][]byte{sent[i].frame}, Offload: sent[i].offload}
		var c link.Cutter
		packets, err := c.Cut(r.l.info.Medium, &p)
		if err != nil {
			r.Fatalf("what was sent cannot be cut: %v", err)
		}
		for _, p := range packets {
			b := r.parse(slices.Concat(p.Data...)).payload
			h, n, bad := wire.ParseTCP(b, len(b))
			if bad != wire.OK || int(h.Seq) != 1+len(all) {
				r.Fatalf("segment of %d, want %d: %v", h.Seq, 1+len(all), bad)
			}
			all = append(all, b[n:]...)
		}
	}
	return all
}

// Super-segments pass whole where the next link takes them, and are cut otherwise.
func TestForwardSuperSegments(t *testing.T) {
	const n, segment = 20_000, 1400
	gso := link.Info{MaxSegment: 65535, ChecksumOffload: true}
	for _, c := range []struct {
		name string
		info link.Info
		want int // packets
	}{
		{"whole", gso, 1},
		{"cut", link.Info{}, (n + segment - 1) / segment},
		{"too long to pass whole", link.Info{MaxSegment: 10_000, ChecksumOffload: true}, (n + segment - 1) / segment},
		{"in few pieces", link.Info{MaxSegment: 65535, ChecksumOffload: true, MaxPieces: 4}, 1},
	} {
		for _, a := range []struct{ peer, guest netip.Addr }{{peer4, guest4}, {peer6, guest6}} {
			for _, partial := range []bool{false, true} {
				r := newRouter(t, Config{}, gso, c.info)
				b, o := super(a.peer, a.guest, n, segment, partial)
				lent := bytes.Clone(b)
				header := int(o.HeaderLen)
				pieces := [][]byte{lent[:header+10], lent[header+10 : 5000], lent[5000:5001], lent[5001:9000], lent[9000:]}
				r.counted(func() { r.deliver([]link.Packet{{Data: pieces, Offload: o}}) })
				if !bytes.Equal(lent, b) {
					t.Fatal("what was lent is written to")
				}
				sent := r.second.l.take()
				if len(sent) != c.want || sent[0].pieces > r.second.l.info.MaxPieces {
					t.Errorf("%s: %d packets, want %d, the first in %d pieces", c.name, len(sent), c.want, sent[0].pieces)
				}
				if got := r.second.text(sent); !bytes.Equal(got, b[header:]) {
					t.Errorf("%s: %d bytes of text arrive, want %d", c.name, len(got), n)
				}
			}
		}
	}
}

// A super-segment is as large as the packets for which it stands.
func TestForwardSuperSegmentTooBig(t *testing.T) {
	const n, segment = 20_000, 1400
	r := newRouter(t, Config{}, link.Info{MaxSegment: 65535, ChecksumOffload: true}, link.Info{MTU: 1300, MaxSegment: 65535, ChecksumOffload: true})
	for _, a := range []struct{ peer, guest netip.Addr }{{peer4, guest4}, {peer6, guest6}} {
		for _, partial := range []bool{false, true} {
			b, o := super(a.peer, a.guest, n, segment, partial)
			if a.peer.Is4() {
				b[ipAt+6] |= 0x40
				resum(b[ipAt:])
			}
			r.counted(func() { r.deliver([]link.Packet{{Data: [][]byte{b}, Offload: o}}) }, ReasonForwardTooBig)
			_, typ, _, word, body := r.icmp(r.one())
			if typ != 3 && typ != 2 || word != 1300 {
				t.Errorf("type %d, MTU %d", typ, word)
			}
			// What is quoted is the first of those packets, with its own length.
			if q, bad := wire.ParseQuote(body); bad != wire.OK || q.Length != int(o.HeaderLen)-ipAt+segment || q.Seq != 1 {
				t.Errorf("quotes a packet of %d bytes: %v", q.Length, bad)
			}
		}
	}
	// Where it may be, each is cut into fragments.
	b, o := super(peer4, guest4, 4000, segment, false)
	r.counted(func() { r.deliver([]link.Packet{{Data: [][]byte{b}, Offload: o}}) })
	m, whole := newReassembler(), []sentPacket(nil)
	sent := r.second.l.take()
	for _, s := range sent {
		if len(s.frame) > 1300 {
			t.Errorf("fragment of %d bytes", len(s.frame))
		}
		if h, _, _ := wire.ParseIPv4(s.frame, len(s.frame)); !h.MoreFragments && h.FragmentOffset == 0 {
			whole = append(whole, s)
		} else if w := r.reassemble(m, s.frame); w != nil {
			whole = append(whole, sentPacket{frame: w})
		}
	}
	if got := r.second.text(whole); len(sent) != 5 || !bytes.Equal(got, b[o.HeaderLen:]) {
		t.Errorf("%d packets with %d bytes of text arrive, want 5 with %d", len(sent), len(got), 4000)
	}
}

// Checksums that were left to the link stay so where the next one completes them.
func TestForwardPartialChecksums(t *testing.T) {
	for _, offload := range []bool{false, true} {
		for _, a := range []struct{ peer, guest netip.Addr }{{peer4, guest4}, {peer6, guest6}} {
			r := newRouter(t, Config{}, link.Info{}, link.Info{ChecksumOffload: offload})
			var batch []link.Packet
			for i := range 3 {
				b := frame(crossing(a.peer, a.guest, 700+i))
				start := len(b) - 700 - i - wire.UDPLen
				wire.SetPartialChecksum(wire.ProtocolUDP, a.peer, a.guest, b[start:], len(b)-start)
				batch = append(batch, link.Packet{
					Data:    [][]byte{b[:500], b[500:]},
					Offload: link.Offload{Checksum: link.ChecksumPartial, ChecksumStart: uint16(start), ChecksumOffset: 6},
				})
			}
			r.counted(func() { r.deliver(batch) })
			sent := r.second.l.take()
			if len(sent) != 3 {
				t.Fatalf("%d packets", len(sent))
			}
			for i, s := range sent {
				if (s.offload.Checksum == link.ChecksumPartial) != offload {
					t.Errorf("offload %+v", s.offload)
				}
				p := link.Packet{Data: [][]byte{s.frame}, Offload: s.offload}
				var c link.Cutter
				whole, err := c.Cut(link.IP, &p)
				if err != nil {
					t.Fatal(err)
				}
				if got := slices.Concat(whole[0].Data...); !bytes.Equal(got, hop(crossing(a.peer, a.guest, 700+i))) {
					t.Errorf("forwarded % x", got)
				}
			}
		}
	}
}

// FuzzForward sends arbitrary packets through a router. What comes out is well formed,
// has fewer hops to live than what went in, is no more than that, and leaves alone what
// was lent. Thus nothing goes round for ever.
func FuzzForward(f *testing.F) {
	add := func(p []byte, flags byte) { f.Add(p, flags, uint16(0), uint16(0)) }
	add(crossing(peer4, guest4, 700), 1)
	add(crossing(peer6, guest6, 700), 1)
	add(crossing(guest4, peer4, 2000), 3)
	add(withHopLimit(crossing(peer4, guest4, 9), 1), 1)
	add(routed4(peer4, guest4, wire.IPv4OptionRecordRoute), 1)
	add(rawIP(peer6, guest6, wire.ProtocolHopByHop, append(options6(wire.ProtocolUDP, 0x80|30, 4, 0, 0, 0, 0), udp(1, 2, "x")...)), 1)
	add(piece4(peer4, 1, 8, true, make([]byte, 900))[ipAt:], 1)
	b, o := super(peer4, guest4, 4000, 1000, true)
	f.Add(b[ipAt:], byte(8), o.SegmentSize, o.HeaderLen-ipAt)
	b, o = super(peer6, guest6, 4000, 1000, false)
	f.Add(b[ipAt:], byte(16), o.SegmentSize, o.HeaderLen-ipAt)

	f.Fuzz(func(t *testing.T, packet []byte, flags byte, segment, header uint16) {
		if len(packet) > 65535 {
			return
		}
		r := newRouter(t, Config{Clock: &handClock{}}, link.Info{MTU: 2000}, link.Info{MTU: 600, ChecksumOffload: flags&32 != 0, MaxSegment: int(flags&64) << 9})
		if flags&1 != 0 {
			packet = mend(append(make([]byte, ipAt), packet...))[ipAt:]
		}
		in := link.Packet{Data: [][]byte{packet}}
		if flags&2 != 0 {
			in.Data = [][]byte{packet[:len(packet)*2/3], packet[len(packet)*2/3:]}
		}
		if flags&4 != 0 {
			in.Offload.Checksum = link.ChecksumVerified
		}
		if flags&24 != 0 && header >= wire.TCPLen {
			in.Offload = link.Offload{Segmentation: link.SegmentTCPv4, SegmentSize: segment, HeaderLen: header, Checksum: link.ChecksumVerified}
			if len(packet) > 0 && packet[0]>>4 == 6 {
				in.Offload.Segmentation = link.SegmentTCPv6
			}
			if flags&8 != 0 {
				in.Offload.Checksum, in.Offload.ChecksumStart, in.Offload.ChecksumOffset = link.ChecksumPartial, header-wire.TCPLen, 16
			}
		}
		lent := bytes.Clone(packet)
		from, to := r.second, r.rig
		if flags&128 != 0 { // from Ethernet to the link without
			from, to = to, from
			eth := wire.Ethernet{Dst: hostMAC, Src: peerMAC, Type: wire.EtherTypeIPv4}
			if len(packet) > 0 && packet[0]>>4 == 6 {
				eth.Type = wire.EtherTypeIPv6
			}
			in.Data[0] = append(eth.Append(nil), in.Data[0]...)
			if o := &in.Offload; o.Segmentation != link.SegmentNone {
				o.HeaderLen += ipAt
				o.ChecksumStart += ipAt
			}
		}
		from.deliver([]link.Packet{in})
		if !bytes.Equal(packet, lent) {
			t.Fatal("what was lent is written to")
		}
		sent := to.l.take()
		for i := range sent {
			b := sent[i].frame
			if to.l.info.Medium == link.Ethernet {
				if wire.EtherType(binary.BigEndian.Uint16(b[12:])) == wire.EtherTypeARP || b[ipAt]>>4 == 6 && b[ipAt+7] == 255 {
					continue // the next hop is looked for
				}
				b = b[ipAt:]
			}
			if src, _ := addressesOf(b); r.h.net.Load().own[src] != nil {
				continue // an answer
			}
			checkForwarded(t, packet, b, sent[i].offload, to.l.info.MTU)
		}
		if segments := len(packet)/max(1, int(segment)) + 1; len(sent) > 2+segments*(2000/8) {
			t.Errorf("%d packets for one", len(sent))
		}
	})
}

// addressesOf returns the addresses of a packet.
func addressesOf(packet []byte) (src, dst netip.Addr) {
	if packet[0]>>4 == 4 {
		return netip.AddrFrom4([4]byte(packet[12:])), netip.AddrFrom4([4]byte(packet[16:]))
	}
	return netip.AddrFrom16([16]byte(packet[8:])), netip.AddrFrom16([16]byte(packet[24:]))
}

func checkForwarded(t *testing.T, in, out []byte, o link.Offload, mtu int) {
	t.Helper()
	if out[0]>>4 != in[0]>>4 {
		t.Fatalf("% x becomes % x", in, out)
	}
	if o.Segmentation == link.SegmentNone && len(out) > mtu {
		t.Fatalf("packet of %d bytes, the MTU is %d", len(out), mtu)
	}
	var before, after uint8
	if out[0]>>4 == 4 {
		h, _, bad := wire.ParseIPv4(out, len(out))
		if bad != wire.OK || h.TotalLen != len(out) {
			t.Fatalf("sent % x: %v", out, bad)
		}
		before, after = in[8], out[8]
	} else {
		if h, _, bad := wire.ParseIPv6(out, len(out)); bad != wire.OK || h.PayloadLen != len(out)-wire.IPv6Len {
			t.Fatalf("sent % x: %v", out, bad)
		}
		before, after = in[7], out[7]
	}
	if after == 0 || after != before-1 {
		t.Fatalf("%d hops to live become %d", before, after)
	}
}

// BenchmarkForward is the way of a batch through a router.
func BenchmarkForward(b *testing.B) {
	for _, size := range []int{64, 1400} {
		for _, family := range []string{"IPv4", "IPv6"} {
			b.Run(family+"/"+map[int]string{64: "64", 1400: "1400"}[size], func(b *testing.B) {
				h, err := New(Config{Forwarding: true, Rand: rand.NewChaCha8([32]byte{1})})
				if err != nil {
					b.Fatal(err)
				}
				defer h.Close()
				ends := [2]*testLink{newTestLink(link.Info{Medium: link.IP}), newTestLink(link.Info{Medium: link.IP})}
				ends[1].discard = true
				for i, addrs := range [2][]netip.Prefix{hostNets, {netip.PrefixFrom(inside4, 24), netip.PrefixFrom(inside6, 64)}} {
					if err := h.Attach(ends[i], InterfaceConfig{Addrs: addrs}); err != nil {
						b.Fatal(err)
					}
				}
				deliver := <-ends[0].deliver
				packet := crossing(peer4, guest4, size)
				if family == "IPv6" {
					packet = crossing(peer6, guest6, size)
				}
				batch := make([]link.Packet, 64)
				for i := range batch {
					batch[i].Data = [][]byte{bytes.Clone(packet)}
				}
				b.ReportAllocs()
				for n := 0; n < b.N; n += len(batch) {
					deliver(batch)
				}
			})
		}
	}
}

// forwardDrops are the drops of a router, for TestDropsForHostReasons.
func forwardDrops() []statefulDrop {
	config := Config{Forwarding: true}
	drop := func(reason Reason, medium link.Medium, packet []byte, o link.Offload) statefulDrop {
		return statefulDrop{reason: reason, config: config, medium: medium, run: func(r *rig) {
			if medium == link.Ethernet {
				packet = frame(packet)
			}
			r.counted(func() { r.deliver([]link.Packet{{Data: [][]byte{packet}, Offload: o}}) }, reason)
		}}
	}
	segments, o := super(peer4, far4, 4000, 1000, true)
	o.SegmentSize = 0
	return []statefulDrop{
		drop(ReasonForwardTTL, link.Ethernet, withHopLimit(crossing(peer4, far4, 1), 1), link.Offload{}),
		drop(ReasonForwardTooBig, link.Ethernet, crossing(peer6, far6, 2000), link.Offload{}),
		drop(ReasonForwardScope, link.Ethernet, crossing(peer4, netip.MustParseAddr("169.254.1.1"), 1), link.Offload{}),
		drop(ReasonForwardBack, link.IP, crossing(peer4, other4, 1), link.Offload{}),
		drop(ReasonForwardOffload, link.Ethernet, segments[ipAt:], o),
		drop(ReasonForwardOption, link.Ethernet, asking([]byte{7, 3, 1, 0}), link.Offload{}),
	}
}
