package host

import (
	"net/netip"
	"testing"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// A flood of fragments, from one source or from many that one neighbour makes up,
// leaves others their reassembly.
func TestReassemblyUnderFlood(t *testing.T) {
	for _, c := range []struct {
		name string
		from func(i int) (src netip.Addr, neighbour uint64) // of the flood
	}{
		{"one source by the same router", func(int) (netip.Addr, uint64) { return far4, 1 }},
		{"one source on the link", func(int) (netip.Addr, uint64) { return peer4, 2 }},
		{"forged sources of one neighbour", func(i int) (netip.Addr, uint64) {
			return netip.AddrFrom4([4]byte{10, 9, byte(i >> 8), byte(i)}), 2
		}},
	} {
		for _, size := range []int{8, 60_000} {
			m := newReassembler()
			now := time.Unix(1, 0)
			payload := make([]byte, 2000)
			honest := cutDatagram(other4, host4, 1, payload, 1000)
			honest[0].neighbour, honest[1].neighbour = 1, 1
			if r := m.Receive(now, honest[0]); r != ReasonNone {
				t.Fatal(r)
			}
			for i := range 2000 * 8 / min(size, 100) {
				src, neighbour := c.from(i)
				f := cutDatagram(src, host4, uint32(i), make([]byte, size+8), size)[0]
				f.neighbour = neighbour
				m.Receive(now, f)
				if len(m.partials) > m.maxDatagrams || m.bytes > m.maxBytes || len(m.holders) > 2*len(m.partials) {
					t.Fatalf("%d datagrams of %d bytes, %d holders", len(m.partials), m.bytes, len(m.holders))
				}
			}
			if r := m.Receive(now, honest[1]); r != ReasonNone {
				t.Fatal(r)
			}
			whole := false
			for e, ok := m.Next(); ok; e, ok = m.Next() {
				whole = whole || e.reason == ReasonNone
			}
			if !whole {
				t.Errorf("%s, fragments of %d bytes: the datagram of another host is lost", c.name, size)
			}
			m.Advance(now.Add(time.Hour))
			if len(m.partials)+len(m.holders)+m.bytes != 0 {
				t.Errorf("%d datagrams, %d holders, %d bytes are left", len(m.partials), len(m.holders), m.bytes)
			}
		}
	}
}

// RFC 6946, 4: "A host that receives an IPv6 packet that includes a Fragment Header
// with the "Fragment Offset" equal to 0 and the "M" flag equal to 0 MUST process that
// packet in isolation from any other packets/fragments, even if such packets/fragments
// contain the same set {IPv6 Source Address, IPv6 Destination Address, Fragment
// Identification}."
func TestAtomicFragments(t *testing.T) {
	r := newRig(t, Config{}, link.Info{})
	sock := listenUDP(t, r.h, netip.AddrPortFrom(host6, udpPort), FamilyIPv6)
	datagram := udpPacket(fromPeer6, toUDP6, "a question in two pieces")[wire.IPv6Len:]
	r.inject(piece6(1, 0, true, wire.ProtocolUDP, datagram[:16]))
	atomic := udpPacket(fromPeer6, toUDP6, "one in one piece")[wire.IPv6Len:]
	r.counted(func() { r.inject(piece6(1, 0, false, wire.ProtocolUDP, atomic)) })
	r.counted(func() { r.inject(piece6(1, 16, false, wire.ProtocolUDP, datagram[16:])) })
	for _, want := range []string{"one in one piece", "a question in two pieces"} {
		b := make([]byte, 100)
		if n, err := sock.Read(b); err != nil || string(b[:n]) != want {
			t.Errorf("%q, %v, want %q", b[:n], err, want)
		}
	}
	r.silent()
}
