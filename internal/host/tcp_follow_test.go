package host

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// A batch of packets comes to the same as its packets one by one, whichever of them
// look like the one before.
func TestPacketsAlikeComeToTheSame(t *testing.T) {
	for _, medium := range []link.Medium{link.Ethernet, link.IP} {
		for _, peer := range []netip.Addr{peer4, peer6} {
			for seed := range uint64(200) {
				name := fmt.Sprintf("%v, %v, seed %d", medium, peer, seed)
				var ends [2]followEnd
				for i := range ends {
					ends[i] = follow(t, name, medium, netip.AddrPortFrom(peer, 1001), seed, i == 0)
				}
				if a, b := &ends[0], &ends[1]; !bytes.Equal(a.text, b.text) || a.stats != b.stats || a.info != b.info {
					t.Fatalf("%s: %d bytes, %+v, %+v; one by one %d bytes, %+v, %+v", name, len(a.text), a.stats, a.info, len(b.text), b.stats, b.info)
				}
			}
		}
	}
}

// A followEnd is what becomes of the packets.
type followEnd struct {
	text  []byte
	stats Stats
	info  followInfo
}

type followInfo struct {
	next            wire.Seq
	segments, texts uint32
	bytes           uint64
	window, urgent  int
}

// follow sends a host packets that continue one another, some of which differ, as a
// batch or one by one.
func follow(t *testing.T, name string, medium link.Medium, src netip.AddrPort, seed uint64, batch bool) followEnd {
	r := newRig(t, Config{}, link.Info{Medium: medium})
	defer r.h.Close()
	dst, at := toTCP4, 0
	if src.Addr().Is6() {
		dst = netip.AddrPortFrom(host6, dst.Port())
	}
	if medium == link.Ethernet {
		at = wire.EthernetLen
	}
	l := listenTCP(t, r.h, netip.AddrPortFrom(netip.IPv6Unspecified(), dst.Port()).String())
	inject := func(h wire.TCP, text string) {
		h.SrcPort, h.DstPort, h.Window = src.Port(), dst.Port(), 65535
		p := frame(ip(src.Addr(), dst.Addr(), wire.ProtocolTCP, append(h.Append(nil), text...)))
		r.inject(p[wire.EthernetLen-at:])
	}
	inject(wire.TCP{Seq: 1, Flags: wire.SYN}, "")
	answer := r.parse(r.one())
	h, _, _ := wire.ParseTCP(answer.payload, len(answer.payload))
	inject(wire.TCP{Seq: 2, Ack: h.Seq + 1, Flags: wire.ACK}, "")
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}

	packets := alike(rand.New(rand.NewPCG(seed, 1)), src, dst, wire.Seq(2), h.Seq+1, at)
	before := r.h.Stats()
	if batch {
		r.deliver(packets)
	} else {
		for i := range packets {
			r.deliver(packets[i : i+1])
		}
	}
	var e followEnd
	e.stats = r.h.Stats()
	e.stats.Memory = before.Memory // texts that arrive together lie in fewer chunks
	for i, n := range before.Drops {
		e.stats.Drops[i] -= n
	}
	// One by one there are more answers.
	e.stats.PacketsOut, e.stats.BytesOut, e.stats.TCP.SegmentsOut = 0, 0, 0
	info := c.Info()
	e.info = followInfo{info.RcvNxt, info.SegmentsReceived, uint32(info.TextSegmentsReceived), info.BytesReceived, int(info.SndWnd), int(info.Urgent)}
	if e.text = make([]byte, info.Unread); len(e.text) > 0 {
		c.Read(e.text)
	}
	if len(e.text) < 500 {
		t.Fatalf("%s: read %d bytes only", name, len(e.text))
	}
	return e
}

// alike makes packets of a stream. A few differ from the one before in more than
// their number.
func alike(r *rand.Rand, src, dst netip.AddrPort, seq, ack wire.Seq, at int) (packets []link.Packet) {
	size := 100
	for i := range 40 {
		h := wire.TCP{SrcPort: src.Port(), DstPort: dst.Port(), Seq: seq, Ack: ack, Flags: wire.ACK, Window: 65535}
		text := bytes.Repeat([]byte{byte(i + 1)}, size)
		p := link.Packet{Offload: link.Offload{Checksum: link.ChecksumVerified}}
		odd := -1
		if i > 5 && r.IntN(4) == 0 {
			odd = r.IntN(18)
		}
		switch odd {
		case 0:
			h.Flags |= wire.PSH
		case 1:
			h.Window--
		case 2:
			h.Ack--
		case 3:
			h.Seq -= 10
		case 4:
			h.Seq += 10
		case 5:
			text = text[:r.IntN(100)+1]
		case 6:
			h.Options.HasTimestamps, h.Options.TSVal = true, 5
		case 7:
			h.Urgent, h.Flags = 3, h.Flags|wire.URG
		case 8:
			h.DstPort++
		}
		if next := h.Seq.Add(len(text)); odd != 4 && odd != 8 && (odd < 10 || odd > 12) { // those are lost, or come too early
			seq = next
		}
		f := frame(ip(src.Addr(), dst.Addr(), wire.ProtocolTCP, append(h.Append(nil), text...)))
		packet := f[wire.EthernetLen:]
		switch odd {
		case 9: // another hop limit
			withHopLimit(packet, 9)
		case 10: // a TTL that the checksum is not right for; in IPv6 another traffic class
			packet[8-packet[0]>>4/6*7]--
		case 11:
			f[0] ^= 4 // another MAC, where there is one
		case 12: // a wrong checksum that nobody has vouched for
			packet[len(packet)-1]++
			p.Offload.Checksum = link.ChecksumNone
		case 13:
			p.Offload.Checksum = link.ChecksumNone
		case 14: // padded
			f = append(f, 0, 0, 0)
		case 15: // a part of the text lies in front
			p.Data = append(p.Data, f[wire.EthernetLen-at:len(f)-50], f[len(f)-50:])
		case 16: // padded, in one piece
			p.Data = append(p.Data, append(f, make([]byte, 22)...)[wire.EthernetLen-at:])
		case 17: // nothing before it
			packets = append(packets, link.Packet{Offload: p.Offload})
		}
		if p.Data == nil {
			headers := len(f) - len(text)
			if odd == 14 {
				headers -= 3
			}
			p.Data = append(p.Data, f[wire.EthernetLen-at:headers], f[headers:])
		}
		packets = append(packets, p)
	}
	return packets
}

// A packet that was padded teaches nothing: what follows the text is no part of it.
func TestPaddedPacketIsNotLearnt(t *testing.T) {
	for _, padding := range []int{0, 4} {
		const eth, ip, tcp, text = 14, 20, 20, 2
		first := make([]byte, eth+ip+tcp+text+padding)
		p := inPacket{first: first, head: first[eth+ip : eth+ip+tcp+text], size: tcp + text, length: len(first)}
		p.head[12] = tcp / 4 << 4
		p.offload.Checksum = link.ChecksumVerified
		var l likeness
		l.learn(&p)
		if padding > 0 && l.first != nil {
			t.Errorf("%d bytes of padding: %+v was learnt", padding, l)
		}
		if padding == 0 && (l.first == nil || l.tcpAt != eth+ip || l.textAt != eth+ip+tcp) {
			t.Errorf("learnt %+v", l)
		}
	}
}

// Packets without bytes behind one that is not to be followed are counted.
func TestNothingFollows(t *testing.T) {
	r := newRig(t, Config{}, link.Info{})
	l := listenTCP(t, r.h, toTCP4.String())
	ack := r.halfOpen(fromPeer4)
	r.inject(frame(tcpPacket(fromPeer4, toTCP4, wire.ACK, 2, ack)))
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	text := wire.TCP{SrcPort: fromPeer4.Port(), DstPort: toTCP4.Port(), Seq: 2, Ack: ack, Flags: wire.ACK, Window: 65535}
	segment := frame(ip(peer4, host4, wire.ProtocolTCP, append(text.Append(nil), "text"...)))
	r.counted(func() {
		r.deliver([]link.Packet{{Data: [][]byte{segment}}, {}, {Data: [][]byte{nil}}})
	}, ReasonEmpty, ReasonEmpty)
	if n := c.Info().Unread; n != 4 {
		t.Errorf("%d bytes to read, want 4", n)
	}
}
