package host

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// cutDatagram makes the fragments of a datagram with this payload, in pieces of at
// most step bytes, for a reassembler.
func cutDatagram(src, dst netip.Addr, id uint32, payload []byte, step int) (fs []*fragment) {
	key := fragmentKey{src: src, dst: dst, id: id}
	var header []byte
	if src.Is4() {
		key.protocol = wire.ProtocolUDP
		h := wire.IPv4{TotalLen: 20, Protocol: wire.ProtocolUDP, TTL: 9, Src: src, Dst: dst, ID: uint16(id)}
		header = h.Append(nil)
	} else {
		h := wire.IPv6{NextHeader: wire.ProtocolFragment, HopLimit: 9, Src: src, Dst: dst}
		header = h.Append(nil)
	}
	for at := 0; at < len(payload); at += step {
		end := min(at+step, len(payload))
		half := (at + end) / 2
		fs = append(fs, &fragment{
			key: key, header: header, next: wire.ProtocolUDP, offset: at, more: end < len(payload),
			head: payload[at:half], rest: [][]byte{payload[half:end]}, size: end - at,
		})
	}
	return fs
}

func newReassembler() *reassembler {
	m := new(reassembler)
	m.init(1<<20, 16)
	return m
}

// payloadOf returns the payload of the datagram that m has made whole, after
// checking its header.
func payloadOf(t *testing.T, e reassemblyEvent) []byte {
	t.Helper()
	b := e.packet
	if b[0]>>4 == 4 {
		h, n, r := wire.ParseIPv4(b, len(b))
		if r != wire.OK || h.TotalLen != len(b) || h.MoreFragments || h.FragmentOffset != 0 || h.Protocol != wire.ProtocolUDP {
			t.Fatalf("header %+v: %v", h, r)
		}
		return b[n:]
	}
	h, n, r := wire.ParseIPv6(b, len(b))
	if r != wire.OK || h.PayloadLen != len(b)-n || h.NextHeader != wire.ProtocolUDP {
		t.Fatalf("header %+v: %v", h, r)
	}
	return b[n:]
}

// Fragments in any order, with exact duplicates, become the datagram, once.
func TestReassemblyInAnyOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	now := time.Unix(1000, 0)
	for round := range 500 {
		src, dst := peer4, host4
		if round%2 == 0 {
			src, dst = peer6, host6
		}
		payload := make([]byte, 1+random.IntN(3000))
		for i := range payload {
			payload[i] = byte(random.Uint32())
		}
		fs := cutDatagram(src, dst, 1, payload, 8*(4+random.IntN(60)))
		if len(fs) > maxHoles {
			continue
		}
		if len(fs) > 1 { // a lone fragment of a datagram is none
			fs = append(fs, fs[random.IntN(len(fs))])
		}
		random.Shuffle(len(fs), func(i, j int) { fs[i], fs[j] = fs[j], fs[i] })
		m := newReassembler()
		whole := 0
		for i, f := range fs {
			r := m.Receive(now, f)
			for e, ok := m.Next(); ok; e, ok = m.Next() {
				whole++
				if got := payloadOf(t, e); !bytes.Equal(got, payload) {
					t.Fatalf("round %d: another datagram came out", round)
				}
			}
			if r != ReasonNone && r != ReasonFragmentDuplicate {
				t.Fatalf("round %d, fragment %d of %d: %v", round, i, len(fs), r)
			}
		}
		if whole != 1 {
			t.Fatalf("round %d: %d datagrams came out of %d fragments", round, whole, len(fs))
		}
	}
}

// RFC 5722: an overlap ends the datagram; the fragments yet to come are dropped too.
// RFC 1858's tricks are overlaps.
func TestReassemblyOverlap(t *testing.T) {
	now := time.Unix(1000, 0)
	payload := bytes.Repeat([]byte("12345678"), 8)
	for _, c := range []struct {
		name     string
		from, to int
		more     bool
		want     Reason
	}{
		{"inside one", 8, 16, true, ReasonFragmentOverlap},
		{"over the end of one", 16, 32, true, ReasonFragmentOverlap},
		{"around one", 0, 40, true, ReasonFragmentOverlap},
		{"the same bounds, other bytes", 0, 24, true, ReasonFragmentOverlap},
		{"ends where there is more", 8, 16, false, ReasonFragmentEnd},
	} {
		for _, family := range [][2]netip.Addr{{peer4, host4}, {peer6, host6}} {
			m := newReassembler()
			fs := cutDatagram(family[0], family[1], 1, payload, 24)
			m.Receive(now, fs[0])
			bad := *fs[0]
			text := bytes.Repeat([]byte("x"), c.to-c.from)
			bad.offset, bad.more, bad.head, bad.rest, bad.size = c.from, c.more, text, nil, len(text)
			if r := m.Receive(now, &bad); r != c.want {
				t.Errorf("%s: %v, want %v", c.name, r, c.want)
			}
			for _, f := range fs[1:] {
				if r := m.Receive(now, f); r != ReasonFragmentOfDropped {
					t.Errorf("%s: fragment behind it: %v", c.name, r)
				}
			}
			if m.bytes != datagramCost {
				t.Errorf("%s: %d bytes held for a dropped datagram", c.name, m.bytes)
			}
			m.Advance(now.Add(time.Minute))
			if _, ok := m.Next(); ok || len(m.partials) != 0 {
				t.Errorf("%s: a dropped datagram is told of, or stays", c.name)
			}
		}
	}
}

// At its bounds the oldest datagram goes, and all memory is accounted for.
func TestReassemblyBounds(t *testing.T) {
	now := time.Unix(1000, 0)
	m := new(reassembler)
	m.init(100_000, 8)
	for id := range uint32(1000) {
		payload := make([]byte, 1+int(id)*60)
		for _, f := range cutDatagram(peer4, host4, id, payload, 1480) {
			if f.offset != 0 { // never whole
				m.Receive(now, f)
			}
		}
		total := 0
		for _, p := range m.partials {
			total += p.cost
		}
		if total != m.bytes || m.bytes > 100_000 || len(m.partials) > 8 {
			t.Fatalf("%d bytes in %d datagrams, %d counted", total, len(m.partials), m.bytes)
		}
		for _, ok := m.Next(); ok; _, ok = m.Next() {
		}
	}
	m.Advance(now.Add(time.Hour))
	if m.bytes != 0 || len(m.partials) != 0 || !m.Deadline().IsZero() {
		t.Errorf("%d bytes in %d datagrams left", m.bytes, len(m.partials))
	}
}

// RFC 3168, 5.3: a mark on any fragment marks the datagram.
func TestReassemblyKeepsCongestionMark(t *testing.T) {
	now := time.Unix(1000, 0)
	for _, family := range [][2]netip.Addr{{peer4, host4}, {peer6, host6}} {
		m := newReassembler()
		fs := cutDatagram(family[0], family[1], 1, make([]byte, 64), 32)
		fs[1].header = bytes.Clone(fs[1].header)
		if fs[1].header[1] |= byte(wire.CE); family[0].Is6() {
			fs[1].header[1] = byte(wire.CE) << 4
		}
		m.Receive(now, fs[0])
		m.Receive(now, fs[1])
		e, ok := m.Next()
		if !ok || ecnOf(e.packet) != wire.CE {
			t.Errorf("%v: the mark is gone", family)
		}
	}
}

// RFC 792 and RFC 4443, 3.3: the source is told when time ran out, if its first
// fragment is there: after 30 seconds for IPv4, 60 for IPv6.
func TestReassemblyTimeExceeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		text := udpPacket(fromPeer4, toUDP4, "0123456789abcdef")[wire.IPv4Len:]
		for _, c := range []struct {
			first, second []byte
			after         time.Duration
			typ, code     uint8
		}{
			{piece4(peer4, 1, 0, true, text[:16]), nil, reassemblyTimeIPv4, 11, 1},
			{piece6(1, 0, true, wire.ProtocolUDP, text[:16]), nil, reassemblyTimeIPv6, 3, 1},
			{piece4(peer4, 1, 8, true, text[:16]), nil, reassemblyTimeIPv4, 0, 0},
		} {
			r := newRig(t, Config{}, link.Info{Medium: link.IP})
			start := time.Now()
			r.inject(c.first[ipAt:])
			time.Sleep(c.after - 1)
			synctest.Wait()
			r.silent()
			time.Sleep(time.Nanosecond)
			synctest.Wait()
			if c.typ == 0 {
				r.silent() // "If fragment zero is not available then no time exceeded need be sent at all."
				continue
			}
			p, typ, code, _, body := r.icmp(r.one())
			if typ != c.typ || code != c.code || !bytes.Equal(body[:1], c.first[ipAt:][:1]) || p.dst != p.srcOf(body) {
				t.Errorf("after %v: type %d code %d to %v", time.Since(start), typ, code, p.dst)
			}
		}
	})
}

// srcOf returns the source of the packet that an ICMP error quotes.
func (parsed) srcOf(quoted []byte) netip.Addr {
	if quoted[0]>>4 == 4 {
		return netip.AddrFrom4([4]byte(quoted[12:]))
	}
	return netip.AddrFrom16([16]byte(quoted[8:]))
}

// Whole datagrams reach the socket, also when extension headers come before and
// behind the fragment header.
func TestReassembledDatagramArrives(t *testing.T) {
	r := newRig(t, Config{}, link.Info{})
	c := listenUDP(t, r.h, netip.AddrPortFrom(netip.IPv6Unspecified(), udpPort), FamilyAny)
	text := udpPacket(fromPeer4, toUDP4, "0123456789abcdef")[wire.IPv4Len:]
	r.inject(piece4(peer4, 1, 16, false, text[16:]))
	r.inject(piece4(peer4, 1, 0, true, text[:16]))

	text = udpPacket(fromPeer6, toUDP6, "0123456789abcdef")[wire.IPv6Len:]
	part := append(options6(wire.ProtocolUDP, 1, 4, 0, 0, 0, 0), text...)
	for _, cut := range []struct {
		from, to int
		more     bool
	}{{0, 24, true}, {24, len(part), false}} {
		f := wire.IPv6Fragment{NextHeader: wire.ProtocolDestination, Offset: cut.from, MoreFragments: cut.more, ID: 7}
		b := options6(wire.ProtocolFragment, 1, 4, 0, 0, 0, 0)
		b = append(f.Append(b), part[cut.from:cut.to]...)
		r.inject(frame(rawIP(peer6, host6, wire.ProtocolDestination, b)))
	}
	for _, want := range []netip.AddrPort{fromPeer4, fromPeer6} {
		buf := make([]byte, 99)
		c.SetReadDeadline(time.Now().Add(time.Second))
		n, from, err := c.ReadFrom(buf)
		if string(buf[:n]) != "0123456789abcdef" || from != want || err != nil {
			t.Errorf("%q from %v, %v, want it from %v", buf[:n], from, err, want)
		}
	}
}

// Whatever arrives, the reassembler keeps its bounds, and what comes out whole is
// made of bytes that went in.
func FuzzReassembler(f *testing.F) {
	f.Add([]byte{0, 0, 2, 1, 2, 2, 1, 0})
	f.Add([]byte{0, 1, 4, 1, 0, 0, 2, 1, 16, 5, 1, 0})
	f.Fuzz(func(t *testing.T, steps []byte) {
		m := new(reassembler)
		m.init(20_000, 4)
		now := time.Unix(1000, 0)
		for ; len(steps) >= 4; steps = steps[4:] {
			key, header := fragmentKey{src: peer4, dst: host4, id: uint32(steps[0] & 7)}, make([]byte, wire.IPv4Len)
			if header[0] = 0x45; steps[0]&8 != 0 {
				key.src, key.dst, header = peer6, host6, make([]byte, wire.IPv6Len)
				header[0] = 0x60
			}
			size := int(steps[2]) * 8
			fr := &fragment{
				key: key, header: header, next: wire.ProtocolUDP, offset: int(steps[1]) * 8 * (1 + int(steps[0]>>4)),
				more: steps[3]&1 != 0, head: bytes.Repeat([]byte{steps[3] | 1}, size), size: size,
			}
			if !fr.more {
				fr.head = fr.head[:size-size/9]
				fr.size = len(fr.head)
			}
			m.Receive(now, fr)
			now = now.Add(time.Duration(steps[3]>>1) * time.Second / 4)
			m.Advance(now)
			total := 0
			for _, p := range m.partials {
				total += p.cost
			}
			if total != m.bytes || m.bytes > 20_000 || len(m.partials) > 4 {
				t.Fatalf("%d bytes in %d datagrams, %d counted", total, len(m.partials), m.bytes)
			}
			for e, ok := m.Next(); ok; e, ok = m.Next() {
				if e.reason == ReasonNone && bytes.IndexByte(e.packet[len(header):], 0) >= 0 {
					t.Fatal("a datagram came out with a hole in it")
				}
			}
		}
		m.Advance(now.Add(time.Minute))
		if m.bytes != 0 || len(m.partials) != 0 {
			t.Fatalf("%d bytes in %d datagrams left", m.bytes, len(m.partials))
		}
	})
}

// A whole datagram that is too long for an IP packet with its headers is dropped.
func TestReassemblyTooLong(t *testing.T) {
	now := time.Unix(1000, 0)
	for _, c := range []struct {
		src, dst netip.Addr
		options  int
		want     wire.Reason
	}{{peer4, host4, 20, wire.ReasonIPv4Fragment}, {peer6, host6, 16, wire.ReasonIPv6Fragment}} {
		m := newReassembler()
		fs := cutDatagram(c.src, c.dst, 1, make([]byte, 65528), 8192)
		fs[0].header = append(slices.Clone(fs[0].header), make([]byte, c.options)...)
		for _, f := range fs {
			if r := m.Receive(now, f); r != ReasonNone {
				t.Fatal(r)
			}
		}
		if e, ok := m.Next(); !ok || e.reason != Reason(c.want) || e.packet != nil {
			t.Errorf("%v: %v %d bytes, want %v", c.src, e.reason, len(e.packet), c.want)
		}
	}
}

// What a fragment costs does not depend on where in its datagram it says that it lies.
func TestReassemblyFarFragmentIsCheap(t *testing.T) {
	m := newReassembler()
	f := &fragment{
		key: fragmentKey{src: peer4, dst: host4, id: 1}, header: make([]byte, wire.IPv4Len),
		offset: 65000, more: true, head: make([]byte, 8), size: 8,
	}
	if m.Receive(time.Unix(1000, 0), f); m.bytes > datagramCost+4096 {
		t.Errorf("%d bytes held for a fragment of %d", m.bytes, f.size)
	}
}
