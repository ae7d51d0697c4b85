package host

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// chop cuts b behind its first n bytes into pieces of one byte.
func chop(b []byte, n int) (pieces [][]byte) {
	pieces = append(pieces, b[:n])
	for i := n; i < len(b); i++ {
		pieces = append(pieces, b[i:i+1])
	}
	return pieces
}

// What comes in more pieces than a link takes goes out in as many as it takes, whole
// or in fragments.
func TestMorePiecesThanTheLinkTakes(t *testing.T) {
	for _, mtu := range []int{1500, 100} {
		r := newSinkless(t, link.Info{Medium: link.IP, MTU: mtu, MaxPieces: 4})
		data := strings.Repeat("usernet", 30)
		r.inject(chop(echoRequest(peer4, host4, data), wire.IPv4Len+wire.ICMPLen)...)
		m, whole := newReassembler(), []byte(nil)
		for _, s := range r.l.take() {
			if s.pieces > 4 || len(s.frame) > mtu {
				t.Errorf("MTU %d: %d bytes in %d pieces", mtu, len(s.frame), s.pieces)
			}
			if whole = s.frame; mtu == 100 {
				whole = r.reassemble(m, s.frame)
			}
		}
		if _, typ, _, _, body := r.icmp(whole); typ != 0 || string(body) != data {
			t.Errorf("MTU %d: type %d with %d bytes", mtu, typ, len(body))
		}
	}
}

// newSinkless is newRig with IPv4 only, for links of any MTU.
func newSinkless(t *testing.T, info link.Info) *rig {
	h, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{T: t, h: h, l: newTestLink(info)}
	if err := h.Attach(r.l, InterfaceConfig{Addrs: hostNets[:1]}); err != nil {
		t.Fatal(err)
	}
	r.deliver = <-r.l.deliver
	t.Cleanup(func() { h.Close() })
	return r
}

// A message of neighbour discovery is understood in pieces; where there are no MACs
// it is nothing to act on.
func TestNeighbourDiscoveryInPieces(t *testing.T) {
	r := newRig(t, Config{}, link.Info{})
	r.inject(chop(solicitation(peer6, host6), udp6+8)...)
	if p := r.parse(r.one()); p.payload[0] != byte(wire.ICMPv6NeighborAdvertisement) {
		t.Errorf("answered with type %d", p.payload[0])
	}
	r = newRig(t, Config{}, link.Info{Medium: link.IP})
	for _, f := range [][]byte{solicitation(peer6, host6), advertisement(peer6, peerMAC, true)} {
		r.counted(func() { r.inject(f[ipAt:]) }, ReasonICMPType)
	}
	r.silent()
}

// A gateway may be link-local; packets leave from an address that the far end can
// answer to.
func TestLinkLocalGateway(t *testing.T) {
	h, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	gateway := netip.MustParseAddr("fe80::1")
	err = h.Attach(newTestLink(link.Info{}), InterfaceConfig{Addrs: hostNets[1:], Gateways: []netip.Addr{gateway}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := h.lookupRoute(netip.Addr{}, far6)
	if err != nil || r.nextHop != gateway || r.src != host6 {
		t.Errorf("via %v from %v, %v, want via %v from %v", r.nextHop, r.src, err, gateway, host6)
	}
}

// An answer to a link-local source leaves by the interface that it came by.
func TestErrorToLinkLocalSource(t *testing.T) {
	r := newRig(t, Config{}, link.Info{})
	second := newTestLink(link.Info{})
	if err := r.h.Attach(second, InterfaceConfig{Name: "eth1", Addrs: []netip.Prefix{netip.MustParsePrefix("2001:db8:5::1/64")}}); err != nil {
		t.Fatal(err)
	}
	deliver := <-second.deliver
	src := netip.MustParseAddr("fe80::2")
	mac := r.h.net.Load().ifaces[2].mac
	for _, f := range [][]byte{
		frameTo(groupMAC(group6), wire.EtherTypeIPv6, rawIP(src, group6, wire.ProtocolDestination, options6(wire.ProtocolUDP, 0x80|30, 4, 0, 0, 0, 0))),
		frameTo(mac, wire.EtherTypeIPv6, echoRequest(src, netip.MustParseAddr("2001:db8:5::1"), "x")),
	} {
		deliver([]link.Packet{{Data: [][]byte{f}}})
		r.silent()
	}
	// One solicitation is out; its answer lets both answers go.
	if sent := second.take(); len(sent) != 1 {
		t.Fatalf("%d packets left by the interface that the packets came by, want a solicitation", len(sent))
	}
	a := wire.NeighborAdvertisement{Solicited: true, Override: true, Target: src, TargetMAC: peerMAC}
	local := r.h.net.Load().ifaces[2].addrs[1].Addr()
	answer := withHopLimit(ip(src, local, wire.ProtocolICMPv6, a.Append(nil)), 255)
	deliver([]link.Packet{{Data: [][]byte{frameTo(mac, wire.EtherTypeIPv6, answer)}}})
	if sent := second.take(); len(sent) != 2 {
		t.Errorf("%d answers, want 2", len(sent))
	}
}

// What is bounded in pings.
func TestPingBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{}, link.Info{Medium: link.IP})
		p, err := r.h.NewPinger(far4)
		if err != nil {
			t.Fatal(err)
		}
		errs := make(chan error, maxPings)
		for range maxPings {
			go func() { errs <- second(p.Ping(t.Context(), 0)) }()
		}
		synctest.Wait()
		if _, err := p.Ping(t.Context(), 0); err != ErrNoBuffers {
			t.Errorf("one ping more: %v, want %v", err, ErrNoBuffers)
		}
		sent := r.l.take()
		r.inject(quoting(3, 4, 1000, change(sent[0].frame, 2, 5, 220))[ipAt:]) // as if it had had 1500 bytes
		if err := <-errs; err != ErrMessageTooLong {
			t.Errorf("after fragmentation needed: %v", err)
		}
		p.Close()
		for range maxPings - 1 {
			if err := <-errs; err != ErrClosed {
				t.Errorf("after Close: %v", err)
			}
		}
		var all []*Pinger
		for range maxPingers {
			p, err := r.h.NewPinger(far4)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, p)
		}
		if _, err := r.h.NewPinger(far4); err != ErrNoBuffers {
			t.Errorf("one pinger more: %v, want %v", err, ErrNoBuffers)
		}
		ids := make(map[uint16]bool)
		for _, p := range all {
			ids[p.id] = true
		}
		if len(ids) != maxPingers {
			t.Errorf("%d identifiers for %d pingers", len(ids), maxPingers)
		}
	})
}

// The packets that wait for all neighbours together are bounded.
func TestNeighbourQueuesTogether(t *testing.T) {
	var c neighbourCache
	c.init(1024, 0)
	now, dropped := time.Unix(1000, 0), 0
	for i := range 64 {
		n := c.Get(netip.AddrFrom4([4]byte{10, 0, 2, byte(i)}))
		c.Use(now, n, host4)
		for range 2 {
			c.Enqueue(n, queuedPacket{frame: make([]byte, maxQueuedBytes/2)})
		}
	}
	for e, ok := c.Next(); ok; e, ok = c.Next() {
		if e.kind == eventDrop && e.reason == ReasonNeighbourQueue {
			dropped++
		}
	}
	if want := 128 - maxQueuedBytesAll/(maxQueuedBytes/2); c.queued > maxQueuedBytesAll || dropped != want {
		t.Errorf("%d bytes queued, %d dropped, want %d", c.queued, dropped, want)
	}
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
