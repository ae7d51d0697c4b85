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

// The networks of a router: the peer's, which is on Ethernet, and one behind a link
// without link headers.
var (
	inside4, inside6 = netip.MustParseAddr("10.0.1.1"), netip.MustParseAddr("2001:db8:1::1") // the router's own
	guest4, guest6   = netip.MustParseAddr("10.0.1.9"), netip.MustParseAddr("2001:db8:1::9")
)

// A routerRig is a rig whose host forwards, with a second link.
type routerRig struct {
	*rig
	second *rig // the same host, by the second link
}

// newRouter makes a router; the second link is of medium IP. It has no default routes.
func newRouter(t *testing.T, config Config, first, second link.Info) *routerRig {
	t.Helper()
	config.Forwarding = true
	config.Rand = rand.NewChaCha8([32]byte{1})
	h, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	second.Medium = link.IP
	r := &routerRig{&rig{T: t, h: h, l: newTestLink(first)}, &rig{T: t, h: h, l: newTestLink(second)}}
	for _, c := range []struct {
		r      *rig
		config InterfaceConfig
	}{
		{r.rig, InterfaceConfig{Name: "eth0", Addrs: hostNets, MAC: hostMAC}},
		{r.second, InterfaceConfig{Name: "tun0", Addrs: []netip.Prefix{netip.PrefixFrom(inside4, 24), netip.PrefixFrom(inside6, 64)}}},
	} {
		if c.r.l.info.MTU < minMTUv6 {
			c.config.Addrs = c.config.Addrs[:1]
		}
		if err := h.Attach(c.r.l, c.config); err != nil {
			t.Fatal(err)
		}
		c.r.deliver = <-c.r.l.deliver
	}
	r.introduce()
	return r
}

// crossing makes a packet of n bytes of text from one side to the other.
func crossing(src, dst netip.Addr, n int) []byte {
	text := make([]byte, n)
	for i := range text {
		text[i] = byte(i % 251)
	}
	return udpPacket(netip.AddrPortFrom(src, 1000), netip.AddrPortFrom(dst, 2000), string(text))
}

// hop returns the packet as it is one router later.
func hop(packet []byte) []byte {
	packet = bytes.Clone(packet)
	ttl := packet[8]
	if packet[0]>>4 == 6 {
		ttl = packet[7]
	}
	return withHopLimit(packet, ttl-1)
}

// RFC 1812, 5.3.1: "When a router forwards a packet, it MUST reduce the TTL by at least
// one." All else of it stays as it is, and what was lent is not touched.
func TestForward(t *testing.T) {
	for _, c := range []struct{ peer, guest netip.Addr }{{peer4, guest4}, {peer6, guest6}} {
		r := newRouter(t, Config{}, link.Info{}, link.Info{})
		for _, size := range []int{0, 1, 100, 200, 1400} {
			packet := crossing(c.peer, c.guest, size)
			in := frame(packet)
			for _, cut := range []int{len(in), min(len(in), ipAt+48), len(in) - size/2} {
				lent := bytes.Clone(in)
				r.counted(func() { r.inject(lent[:cut], lent[cut:]) })
				if out := r.second.one(); !bytes.Equal(out, hop(packet)) {
					t.Fatalf("forwarded\n% x, want\n% x", out, hop(packet))
				}
				if !bytes.Equal(lent, in) {
					t.Fatal("what was lent is written to")
				}
			}
			back := crossing(c.guest, c.peer, size)
			r.counted(func() { r.second.inject(back) })
			out := r.one()
			if e, n, _ := wire.ParseEthernet(out); e.Dst != peerMAC || e.Src != hostMAC || !bytes.Equal(out[n:], hop(back)) {
				t.Fatalf("forwarded %v\n% x, want\n% x", e, out[n:], hop(back))
			}
		}
		// Padding of a short frame is none of the packet's.
		packet := crossing(c.peer, c.guest, 0)
		r.inject(append(frame(packet), 0, 0, 0, 0))
		if out := r.second.one(); !bytes.Equal(out, hop(packet)) {
			t.Errorf("forwarded % x, want % x", out, hop(packet))
		}
		if n := r.h.Stats().Forwarded; n != 21 {
			t.Errorf("%d packets counted", n)
		}
	}
}

// A batch stays one, as far as it has one next hop.
func TestForwardBatch(t *testing.T) {
	r := newRouter(t, Config{}, link.Info{}, link.Info{})
	var batches []int
	r.second.l.onSend = func(b []link.Packet) { batches = append(batches, len(b)) }
	batch := make([]link.Packet, 100)
	for i := range batch {
		batch[i].Data = [][]byte{frame(crossing(peer4, guest4, i))}
	}
	r.deliver(batch)
	if sent := r.second.l.take(); len(sent) != 100 || !slices.Equal(batches, []int{forwardAtOnce, 100 - forwardAtOnce}) {
		t.Errorf("%d packets in batches of %v", len(sent), batches)
	}
	for i := range batch {
		dst := guest4
		if i%2 == 1 {
			dst = inside4 // its own
		}
		batch[i].Data = [][]byte{frame(crossing(peer4, dst, 10))}
	}
	batches = nil
	r.deliver(batch)
	if sent := r.second.l.take(); len(sent) != 50 || !slices.Equal(batches, []int{50}) {
		t.Errorf("%d packets in batches of %v, with others between them", len(sent), batches)
	}
}

// RFC 1122, 3.3.1.1, of hosts: forwarding is off unless it is asked for.
func TestForwardingIsOff(t *testing.T) {
	r := newRig(t, Config{}, link.Info{})
	for _, packet := range [][]byte{crossing(peer4, far4, 1), crossing(peer6, far6, 1)} {
		r.counted(func() { r.inject(frame(packet)) }, ReasonNotForUs)
		r.silent()
	}
}

// What a router sends instead of a packet that it cannot forward.
func TestForwardRefuses(t *testing.T) {
	old := func(p []byte, ttl byte) []byte { return withHopLimit(p, ttl) }
	fixed := func(p []byte) []byte { p[6] |= 0x40; return resum(p) }
	linkLocal := netip.MustParseAddr("fe80::2")
	for _, c := range []struct {
		name      string
		packet    []byte
		reason    Reason
		typ, code byte
		word      uint32
	}{
		// RFC 1812, 5.3.1; RFC 4443, 3.3.
		{"TTL of 1", old(crossing(peer4, guest4, 9), 1), ReasonForwardTTL, 11, 0, 0},
		{"TTL of 0", old(crossing(peer4, guest4, 9), 0), ReasonForwardTTL, 11, 0, 0},
		{"hop limit of 1", old(crossing(peer6, guest6, 9), 1), ReasonForwardTTL, 3, 0, 0},
		{"hop limit of 0", old(crossing(peer6, guest6, 9), 0), ReasonForwardTTL, 3, 0, 0},
		// RFC 1812, 4.3.3.1; RFC 4443, 3.1.
		{"no route", crossing(peer4, far4, 9), ReasonNoRoute, 3, 0, 0},
		{"no IPv6 route", crossing(peer6, far6, 9), ReasonNoRoute, 1, 0, 0},
		// RFC 1191, 4; RFC 4443, 3.2.
		{"too big", fixed(crossing(peer4, guest4, 1400)), ReasonForwardTooBig, 3, 4, 1280},
		{"too big for IPv6", crossing(peer6, guest6, 1400), ReasonForwardTooBig, 2, 0, 1280},
		// RFC 4443, 3.1: code 2.
		{"beyond scope", crossing(linkLocal, guest6, 9), ReasonForwardScope, 1, 2, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRouter(t, Config{}, link.Info{}, link.Info{MTU: 1280})
			r.inject(solicitation(linkLocal, host6))
			r.l.take()
			in := frame(c.packet)
			r.counted(func() { r.inject(in) }, c.reason)
			r.second.silent()
			p, typ, code, word, body := r.icmp(r.one())
			if typ != c.typ || code != c.code || word != c.word {
				t.Errorf("type %d code %d word %d, want %d, %d, %d", typ, code, word, c.typ, c.code, c.word)
			}
			// RFC 1812, 4.3.2.4: "the IP source address in an ICMP message originated by the
			// router MUST be one of the IP addresses associated with the physical interface
			// over which the ICMP message is transmitted."
			if src := p.src; r.h.net.Load().own[src].name != "eth0" {
				t.Errorf("from %v", src)
			}
			if !bytes.HasPrefix(c.packet, body) || len(body) < min(len(c.packet), 500) {
				t.Errorf("quotes % x, of % x", body, c.packet)
			}
		})
	}
}

// What is dropped without a word.
func TestForwardDrops(t *testing.T) {
	a := netip.MustParseAddr
	all := func(p []byte) []byte {
		et := wire.EtherTypeIPv4
		if p[0]>>4 == 6 {
			et = wire.EtherTypeIPv6
		}
		return frameTo(wire.Broadcast, et, p)
	}
	for _, c := range []struct {
		name   string
		frame  []byte
		reason Reason
	}{
		// RFC 1812, 5.3.7.
		{"from network 0", frame(crossing(a("0.0.0.1"), guest4, 1)), ReasonSource},
		{"from nobody", frame(crossing(netip.IPv4Unspecified(), guest4, 1)), ReasonSource},
		{"from loopback", frame(crossing(a("127.0.0.1"), guest4, 1)), ReasonSource},
		{"from a group", frame(crossing(a("224.0.0.1"), guest4, 1)), ReasonSource},
		{"from class E", frame(crossing(a("240.0.0.1"), guest4, 1)), ReasonSource},
		{"from all", frame(crossing(limitedBroadcast, guest4, 1)), ReasonSource},
		{"from a network's broadcast", frame(crossing(a("10.0.1.255"), guest4, 1)), ReasonSource},
		{"from ourselves", frame(crossing(inside4, guest4, 1)), ReasonSourceOwn},
		{"to network 0", frame(crossing(peer4, a("0.0.0.1"), 1)), ReasonDestination},
		{"to loopback", frame(crossing(peer4, a("127.0.0.1"), 1)), ReasonDestination},
		{"to class E", frame(crossing(peer4, a("240.0.0.1"), 1)), ReasonDestination},
		{"from IPv6 nobody", frame(crossing(netip.IPv6Unspecified(), guest6, 1)), ReasonSource},
		{"from IPv6 loopback", frame(crossing(netip.IPv6Loopback(), guest6, 1)), ReasonSource},
		{"from an IPv6 group", frame(crossing(a("ff02::1"), guest6, 1)), ReasonSource},
		{"to IPv6 loopback", frame(crossing(peer6, netip.IPv6Loopback(), 1)), ReasonDestination},
		{"to IPv4-mapped", frame(crossing(peer6, a("::ffff:10.0.1.9"), 1)), ReasonDestination},
		// RFC 1812, 5.3.4.
		{"in a frame to all", all(crossing(peer4, guest4, 1)), ReasonFrameBroadcast},
		{"IPv6 in a frame to all", all(crossing(peer6, guest6, 1)), ReasonFrameBroadcast},
		// Groups are forwarded by nobody here.
		{"to a group", frame(crossing(peer4, a("224.1.1.1"), 1)), ReasonNotJoined},
		{"to an IPv6 group", frame(crossing(peer6, a("ff0e::1234"), 1)), ReasonNotJoined},
		// RFC 3927, 2.7; RFC 4291, 2.5.6.
		{"to link-local", frame(crossing(peer4, a("169.254.1.1"), 1)), ReasonForwardScope},
		{"from link-local", frame(crossing(a("169.254.1.1"), guest4, 1)), ReasonForwardScope},
		{"to IPv6 link-local", frame(crossing(peer6, a("fe80::1234"), 1)), ReasonForwardScope},
		{"between IPv6 link-locals", frame(crossing(a("fe80::2"), a("fe80::1234"), 1)), ReasonForwardScope},
		{"source route", frame(routed4(peer4, guest4, wire.IPv4OptionLooseRoute)), ReasonSourceRoute},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRouter(t, Config{}, link.Info{}, link.Info{})
			r.counted(func() { r.inject(c.frame) }, c.reason)
			r.silent()
			r.second.silent()
		})
	}
	// RFC 1122, 3.2.2: no error about an error, about a piece, nor to a group.
	r := newRouter(t, Config{}, link.Info{}, link.Info{})
	piece := withHopLimit(piece4(peer4, 1, 8, false, make([]byte, 8))[ipAt:], 1)
	copy(piece[16:], guest4.AsSlice())
	for _, packet := range [][]byte{
		withHopLimit(ip(peer4, guest4, wire.ProtocolICMPv4, append([]byte{3, 1, 0, 0, 0, 0, 0, 0}, crossing(guest4, peer4, 1)...)), 1),
		withHopLimit(ip(peer6, guest6, wire.ProtocolICMPv6, append([]byte{1, 3, 0, 0, 0, 0, 0, 0}, crossing(guest6, peer6, 1)...)), 1),
		resum(piece),
	} {
		r.counted(func() { r.inject(frame(packet)) }, ReasonForwardTTL, ReasonICMPErrorBarred)
		r.silent()
	}
}

// routed4 makes a packet with a source route that has one hop to go.
func routed4(src, dst netip.Addr, kind wire.IPv4OptionType) []byte {
	payload := udp(1000, 2000, "x")
	h := wire.IPv4{
		TotalLen: wire.IPv4Len + 8 + len(payload), TTL: 64, Protocol: wire.ProtocolUDP, Src: src, Dst: dst,
		Options: []byte{byte(kind), 7, 4, 10, 0, 1, 7, 0},
	}
	return append(h.Append(nil), payload...)
}

// RFC 4861, 4.4, and RFC 4291, 2.8: a router says that it is one, and is where all
// routers are.
func TestRouterIsKnownAsOne(t *testing.T) {
	r := newRouter(t, Config{}, link.Info{}, link.Info{})
	r.inject(solicitation(peer6, host6))
	m, bad := wire.ParseNeighborAdvertisement(r.parse(r.one()).payload)
	if bad != wire.OK || !m.Router {
		t.Errorf("advertisement %+v, %v", m, bad)
	}
	for _, c := range []struct{ src, group netip.Addr }{{peer4, allRouters4}, {peer6, allRouters6}} {
		sock, err := r.h.ListenUDP(netip.AddrPortFrom(c.group, 2000), FamilyAny)
		if err != nil {
			t.Fatal(err)
		}
		in := frameTo(groupMAC(c.group), wire.EtherTypeIPv4, crossing(c.src, c.group, 1))
		if c.group.Is6() {
			in[12], in[13] = 0x86, 0xdd
		}
		r.counted(func() { r.inject(in) })
		sock.Close()
	}
}

// RFC 4443, 3.1: what came by a point-to-point link for a host of its own network
// does not go back.
func TestForwardBack(t *testing.T) {
	r := newRouter(t, Config{}, link.Info{}, link.Info{})
	for _, c := range []struct {
		src, dst  netip.Addr
		typ, code byte
	}{{guest4, inside4.Next(), 3, 1}, {guest6, inside6.Next(), 1, 3}} {
		r.counted(func() { r.second.inject(crossing(c.src, c.dst, 9)) }, ReasonForwardBack)
		r.silent()
		if _, typ, code, _, _ := r.second.icmp(r.second.one()); typ != c.typ || code != c.code {
			t.Errorf("type %d code %d, want %d, %d", typ, code, c.typ, c.code)
		}
	}
	// On Ethernet it does: RFC 1812, 5.2.7.2, would have it told by a redirect as well.
	r.counted(func() { r.inject(frame(crossing(other4, peer4, 9))) })
	r.one()
}

// RFC 1812, 4.3.3.1, and RFC 4861, 7.2.2: "If no Neighbor Advertisement is received
// [...] The sender MUST return ICMP destination unreachable indications with code 3
// (Address Unreachable) for each packet queued awaiting address resolution."
func TestForwardNeighbourFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRouter(t, Config{}, link.Info{}, link.Info{})
		for _, c := range []struct {
			src, dst  netip.Addr
			typ, code byte
		}{{guest4, netip.MustParseAddr("10.0.0.99"), 3, 1}, {guest6, netip.MustParseAddr("2001:db8::99"), 1, 3}} {
			r.counted(func() {
				r.second.inject(crossing(c.src, c.dst, 9))
				time.Sleep(10 * time.Second)
				synctest.Wait()
			}, ReasonNeighbourFailed)
			n := 0
			for _, s := range r.l.take() {
				if wire.MAC(s.frame).IsMulticast() {
					n++
				}
			}
			if n != maxMulticastSolicit {
				t.Errorf("%d solicitations", n)
			}
			p, typ, code, _, body := r.second.icmp(r.second.one())
			if typ != c.typ || code != c.code || p.dst != c.src || !bytes.Equal(body, hop(crossing(c.src, c.dst, 9))) {
				t.Errorf("type %d code %d to %v about % x", typ, code, p.dst, body)
			}
		}
	})
}
