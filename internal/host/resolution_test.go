package host

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// arp takes an ARP packet apart.
func (r *rig) arp(f []byte) (wire.Ethernet, wire.ARP) {
	r.Helper()
	e, n, bad := wire.ParseEthernet(f)
	if bad != wire.OK || e.Type != wire.EtherTypeARP {
		r.Fatalf("not ARP: %v, type %#x", bad, e.Type)
	}
	a, bad := wire.ParseARP(f[n:])
	if bad != wire.OK {
		r.Fatal(bad)
	}
	return e, a
}

// RFC 826 and RFC 5227, 2.1: requests and probes for our address are answered, to
// the asker alone.
func TestARPAnswers(t *testing.T) {
	for _, sender := range []netip.Addr{peer4, netip.IPv4Unspecified()} {
		r := newRig(t, Config{}, link.Info{})
		r.inject(arpFrame(wire.ARPRequest, otherMAC, sender, wire.MAC{}, host4))
		e, a := r.arp(r.one())
		want := wire.ARP{Operation: wire.ARPReply, SenderMAC: hostMAC, Sender: host4, TargetMAC: otherMAC, Target: sender}
		if a != want || e.Dst != otherMAC || e.Src != hostMAC {
			t.Errorf("answer %+v to %v, want %+v to %v", a, e.Dst, want, otherMAC)
		}
	}
}

// A gratuitous ARP packet (RFC 5227, 3: "ARP Announcement") moves a neighbour that is
// known, and makes none known.
func TestGratuitousARP(t *testing.T) {
	r := newRig(t, Config{}, link.Info{})
	r.counted(func() { r.inject(arpFrame(wire.ARPRequest, otherMAC, other4, wire.MAC{}, other4)) }, ReasonARPTarget)
	r.counted(func() { r.inject(arpFrame(wire.ARPRequest, otherMAC, peer4, wire.MAC{}, peer4)) })
	r.silent()
	r.inject(frame(echoRequest(peer4, host4, "x")))
	if e, _, _ := wire.ParseEthernet(r.one()); e.Dst != otherMAC {
		t.Errorf("sent to %v, want %v", e.Dst, otherMAC)
	}
	if r.h.net.Load().places[1].ifc.neighbours.cache.entries[other4] != nil {
		t.Error("a gratuitous ARP packet made an entry")
	}
}

// RFC 5227, 2.4 (c): who has our address is answered with an announcement, once in ten
// seconds, and does not move our neighbours.
func TestAddressIsDefended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{}, link.Info{})
		r.l.all = true
		conflict := func() {
			r.counted(func() { r.inject(arpFrame(wire.ARPReply, otherMAC, host4, hostMAC, peer4)) }, ReasonConflict)
		}
		for range 2 {
			conflict()
			e, a := r.arp(r.one())
			if want := (wire.ARP{Operation: wire.ARPRequest, SenderMAC: hostMAC, Sender: host4, Target: host4}); a != want || !e.Dst.IsBroadcast() {
				t.Errorf("%+v to %v, want %+v to all", a, e.Dst, want)
			}
			conflict()
			time.Sleep(defendInterval - 1)
			r.l.take() // the neighbour is probed meanwhile
			conflict()
			r.silent()
			time.Sleep(defendInterval)
			r.l.take()
		}
	})
}

// RFC 4861, 7.2.4: a node that checks whether our address is free is told, with all
// others, that it is not.
func TestDuplicateAddressDetectionIsAnswered(t *testing.T) {
	r := newRig(t, Config{}, link.Info{})
	r.l.all = true
	m := wire.NeighborSolicitation{Target: host6}
	group := wire.SolicitedNode(host6)
	packet := withHopLimit(ip(netip.IPv6Unspecified(), group, wire.ProtocolICMPv6, m.Append(nil)), 255)
	r.inject(frameTo(groupMAC(group), wire.EtherTypeIPv6, packet))
	p := r.parse(r.one())
	a, bad := wire.ParseNeighborAdvertisement(p.payload)
	if bad == wire.OK {
		bad = a.Check(&p.ip6)
	}
	if bad != wire.OK || a.Solicited || a.Target != host6 || a.TargetMAC != hostMAC || p.dst != allNodesLink || p.src != host6 || p.eth.Dst != groupMAC(allNodesLink) {
		t.Errorf("%v: %+v from %v to %v", bad, a, p.src, p.dst)
	}
}

// A solicitation is answered from the address that it asks for, link-local ones too.
func TestNeighborSolicitationIsAnswered(t *testing.T) {
	r := newRig(t, Config{}, link.Info{})
	for _, target := range []netip.Addr{host6, r.linkLocal()} {
		src := netip.MustParseAddr("fe80::2")
		r.inject(solicitation(src, target))
		p := r.parse(r.one())
		a, bad := wire.ParseNeighborAdvertisement(p.payload)
		if bad == wire.OK {
			bad = a.Check(&p.ip6)
		}
		if bad != wire.OK || !a.Solicited || !a.Override || a.Target != target || a.TargetMAC != hostMAC || p.dst != src || p.src != target || p.eth.Dst != peerMAC {
			t.Errorf("%v: %+v from %v to %v", bad, a, p.src, p.dst)
		}
	}
}

// Packets for a neighbour that is not known wait until it has answered; it is asked
// from the packets' own source address.
func TestPacketsWaitForNeighbour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, to := range []netip.Addr{other4, other6} {
			r := newRig(t, Config{}, link.Info{ChecksumOffload: true})
			c := listenUDP(t, r.h, netip.AddrPort{}, FamilyAny)
			for _, text := range []string{"a", "b"} {
				if _, err := c.WriteTo([]byte(text), netip.AddrPortFrom(to, 9)); err != nil {
					t.Fatal(err)
				}
			}
			asked := r.one()
			if to.Is4() {
				e, a := r.arp(asked)
				if a.Operation != wire.ARPRequest || a.Target != to || a.Sender != host4 || a.SenderMAC != hostMAC || !e.Dst.IsBroadcast() {
					t.Errorf("asked %+v", a)
				}
				r.inject(arpFrame(wire.ARPReply, otherMAC, to, hostMAC, host4))
			} else {
				p := r.parse(asked)
				m, bad := wire.ParseNeighborSolicitation(p.payload)
				if bad == wire.OK {
					bad = m.Check(&p.ip6)
				}
				if bad != wire.OK || m.Target != to || m.SourceMAC != hostMAC || p.src != host6 || p.dst != wire.SolicitedNode(to) || p.eth.Dst != groupMAC(p.dst) {
					t.Errorf("%v: asked %+v from %v to %v", bad, m, p.src, p.dst)
				}
				r.inject(advertisement(to, otherMAC, true))
			}
			sent := r.l.take()
			if len(sent) != 2 {
				t.Fatalf("%d packets went after the answer, want 2", len(sent))
			}
			for i, s := range sent {
				e, _, _ := wire.ParseEthernet(s.frame)
				if e.Dst != otherMAC || s.frame[len(s.frame)-1] != "ab"[i] || s.offload.Checksum != link.ChecksumPartial {
					t.Errorf("packet %d to %v, %+v", i, e.Dst, s.offload)
				}
			}
			c.WriteTo([]byte("c"), netip.AddrPortFrom(to, 9))
			if e, _, _ := wire.ParseEthernet(r.one()); e.Dst != otherMAC {
				t.Errorf("next packet to %v", e.Dst)
			}
		}
	})
}

// Packets that have waited leave in their order, also when others are written while
// they leave: none is given to the link before Send has returned for the one before.
func TestPacketsLeaveInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{}, link.Info{})
		c := listenUDP(t, r.h, netip.AddrPort{}, FamilyAny)
		write := func(text string) { c.WriteTo([]byte(text), netip.AddrPortFrom(other4, 9)) }
		write("a")
		r.one() // asks who other4 is
		var texts []byte
		first := true
		r.l.onSend = func(batch []link.Packet) {
			if first {
				first = false
				write("b")
				write("c")
			}
			frame := slices.Concat(batch[0].Data...)
			texts = append(texts, frame[len(frame)-1])
		}
		r.inject(arpFrame(wire.ARPReply, otherMAC, other4, hostMAC, host4))
		if string(texts) != "abc" {
			t.Errorf("sent in the order %q, want %q", texts, "abc")
		}
	})
}

// Who does not answer is not there: the sockets are told after three tries.
func TestNeighbourFailureReachesSockets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, to := range []netip.Addr{other4, other6} {
			r := newRig(t, Config{}, link.Info{})
			start := time.Now()
			sock := dialUDP(t, r.h, netip.AddrPortFrom(to, 9))
			if _, err := sock.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
			conn, err := r.h.DialTCP(netip.AddrPort{}, netip.AddrPortFrom(to, 80), TCPOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := sock.Read(nil); err != ErrHostUnreachable {
				t.Errorf("read: %v, want %v", err, ErrHostUnreachable)
			}
			<-conn.Connected()
			if err := conn.ConnectError(); err != ErrHostUnreachable {
				t.Errorf("connect: %v, want %v", err, ErrHostUnreachable)
			}
			if d := time.Since(start); d != 3*time.Second {
				t.Errorf("told after %v, want 3s", d)
			}
		}
	})
}

// A cached route survives that its neighbour's entry makes room for others.
func TestRouteOutlivesNeighbour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{MaxNeighbours: 2}, link.Info{})
		route, err := r.h.lookupRoute(netip.Addr{}, peer4)
		if err != nil {
			t.Fatal(err)
		}
		old := route.nbr
		for i := range 4 {
			r.inject(arpFrame(wire.ARPRequest, otherMAC, netip.AddrFrom4([4]byte{10, 0, 0, byte(100 + i)}), wire.MAC{}, host4))
		}
		r.l.take()
		if old.state != neighbourGone {
			t.Fatalf("the entry is still %v", old.state)
		}
		b := route.appendLinkHeader(nil, wire.EtherTypeIPv4)
		b = r.h.appendIP(b, &route, peer4, 99, 0, 64, 0)
		if n, err := route.ifc.send(time.Now(), &route, []link.Packet{{Data: [][]byte{b}}}); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		if _, a := r.arp(r.one()); a.Target != peer4 {
			t.Errorf("asked for %v", a.Target)
		}
		r.inject(arpFrame(wire.ARPReply, peerMAC, peer4, hostMAC, host4))
		if p := r.parse(r.one()); p.eth.Dst != peerMAC || route.nbr == old {
			t.Errorf("sent to %v", p.eth.Dst)
		}
	})
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
	mac := r.h.net.Load().places[2].ifc.mac
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
	local := r.h.net.Load().places[2].addrs[1].prefix.Addr()
	answer := withHopLimit(ip(src, local, wire.ProtocolICMPv6, a.Append(nil)), 255)
	deliver([]link.Packet{{Data: [][]byte{frameTo(mac, wire.EtherTypeIPv6, answer)}}})
	if sent := second.take(); len(sent) != 2 {
		t.Errorf("%d answers, want 2", len(sent))
	}
}

// Who always has one more packet for a neighbour does not keep those that waited from
// leaving, nor the goroutine that sends them at work: at a bound what joins is dropped.
func TestFlushEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{}, link.Info{})
		c := listenUDP(t, r.h, netip.AddrPort{}, FamilyAny)
		next := 0
		write := func() {
			c.WriteTo(binary.BigEndian.AppendUint32(nil, uint32(next)), netip.AddrPortFrom(other4, 9))
			next++
		}
		for range maxQueuedPackets {
			write()
		}
		r.one() // asks who other4 is
		way, err := r.h.lookupRoute(netip.Addr{}, other4)
		if err != nil {
			t.Fatal(err)
		}
		sends := 0
		r.l.onSend = func([]link.Packet) {
			if sends++; way.nbr.word.Load() == 0 && sends < 10*maxQueuedPackets {
				write() // comes while the flush is in Send
				write()
			}
		}
		before := r.h.Stats().Drops[ReasonNeighbourQueue]
		r.inject(arpFrame(wire.ARPReply, otherMAC, other4, hostMAC, host4))
		if sends > maxQueuedPackets+maxJoiningPackets {
			t.Errorf("%d packets left before the flush ended, want %d at most", sends, maxQueuedPackets+maxJoiningPackets)
		}
		if way.nbr.word.Load() == 0 {
			t.Error("the send path does not see the MAC")
		}
		if dropped := r.h.Stats().Drops[ReasonNeighbourQueue] - before; int(dropped)+sends != next {
			t.Errorf("of %d packets %d were sent and %d dropped", next, sends, dropped)
		}
		write() // directly
		last := -1
		for _, p := range r.l.take() {
			n := int(binary.BigEndian.Uint32(p.frame[len(p.frame)-4:]))
			if n <= last {
				t.Fatalf("packet %d after packet %d", n, last)
			}
			last = n
		}
		if last != next-1 {
			t.Errorf("the last packet is %d, want %d", last, next-1)
		}
	})
}
