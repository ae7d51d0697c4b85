package host

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// A twoLinks is a host with an interface on each of two Ethernet links. On both there
// is a peer with the same link-local address and the same MAC.
type twoLinks struct {
	*testing.T
	h       *Host
	links   [2]*testLink
	deliver [2]func([]link.Packet)
}

var (
	side     = [2]netip.Addr{host6, netip.MustParseAddr("2001:db8:1::1")}
	sharedLL = netip.MustParseAddr("fe80::9")
)

func newTwoLinks(t *testing.T, config Config) *twoLinks {
	t.Helper()
	config.Rand = rand.NewChaCha8([32]byte{1})
	h, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	w := &twoLinks{T: t, h: h}
	for i := range w.links {
		w.links[i] = newTestLink(link.Info{})
		err := h.Attach(w.links[i], InterfaceConfig{
			Name: [2]string{"eth0", "eth1"}[i], MAC: hostMAC,
			Addrs: []netip.Prefix{
				netip.PrefixFrom(side[i], 64), netip.PrefixFrom(netip.AddrFrom16([16]byte{0: 0xfe, 1: 0x80, 15: byte(i + 1)}), 64),
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		w.deliver[i] = <-w.links[i].deliver
		w.inject(i, solicitation(sharedLL, side[i]))
		w.links[i].take()
	}
	return w
}

func (w *twoLinks) inject(i int, b []byte) { w.deliver[i]([]link.Packet{{Data: [][]byte{b}}}) }

// only checks that one packet was sent on link i, and none on the other, and returns
// it.
func (w *twoLinks) only(i int) parsed {
	w.Helper()
	sent, other := w.links[i].take(), w.links[1-i].take()
	if len(sent) != 1 || len(other) != 0 {
		w.Fatalf("%d packets sent where the peer is, %d elsewhere", len(sent), len(other))
	}
	r := rig{T: w.T, l: w.links[i]}
	return r.parse(sent[0].frame)
}

// RFC 4007, 6: "the same non-global address may be in use in more than one zone of
// the same scope". Who has one is answered on its link, whichever interface the
// address that it talks to belongs to.
func TestAnswersToLinkLocalPeers(t *testing.T) {
	w := newTwoLinks(t, Config{})
	l, err := w.h.ListenTCP(netip.AddrPortFrom(netip.IPv6Unspecified(), 80), FamilyIPv6, 10, TCPOptions{NoDelay: true})
	if err != nil {
		t.Fatal(err)
	}
	sock := listenUDP(t, w.h, netip.AddrPortFrom(netip.IPv6Unspecified(), udpPort), FamilyIPv6)
	for at := range 2 { // the link on which the packets come
		for i := range 2 { // whose address they are for
			from := netip.AddrPortFrom(sharedLL, uint16(4000+i))
			to := func(port uint16) netip.AddrPort { return netip.AddrPortFrom(side[i], port) }

			w.inject(at, frame(echoRequest(sharedLL, side[i], "x")))
			if p := w.only(at); p.payload[0] != byte(wire.ICMPv6EchoReply) {
				t.Errorf("ICMPv6 type %d, want an echo reply", p.payload[0])
			}
			w.inject(at, frame(tcpPacket(from, to(81), wire.SYN, 1, 0)))
			if h, _, _ := wire.ParseTCP(w.only(at).payload, wire.TCPLen); !h.Flags.Has(wire.RST) {
				t.Errorf("a closed port sends %v", h.Flags)
			}
			w.inject(at, frame(udpPacket(from, to(81), "x")))
			if p := w.only(at); p.payload[0] != byte(wire.ICMPv6Unreachable) {
				t.Errorf("ICMPv6 type %d, want unreachable", p.payload[0])
			}
			w.inject(at, frame(udpPacket(from, to(udpPort), "x")))
			_, back, err := sock.ReadFrom(make([]byte, 1))
			if err != nil || back.Addr().Zone() != [2]string{"eth0", "eth1"}[at] {
				t.Fatalf("datagram from %v, %v", back, err)
			}
			if _, err := sock.WriteTo([]byte("y"), back); err != nil {
				t.Fatal(err)
			}
			w.only(at)

			// The four-tuple is the same on both links, the connection is not.
			w.inject(at, frame(tcpPacket(from, to(80), wire.SYN, 1, 0)))
			p := w.only(at)
			h, _, _ := wire.ParseTCP(p.payload, len(p.payload))
			if h.Flags != wire.SYN|wire.ACK || p.dst != sharedLL || p.src != side[i] {
				t.Fatalf("SYN is answered with %v from %v to %v", h.Flags, p.src, p.dst)
			}
			w.inject(at, frame(tcpPacket(from, to(80), wire.ACK, 2, h.Seq+1)))
			c, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			if got := c.RemoteAddr(); got != netip.AddrPortFrom(sharedLL.WithZone([2]string{"eth0", "eth1"}[at]), from.Port()) {
				t.Errorf("accepted from %v", got)
			}
			if _, err := c.Write([]byte("z")); err != nil {
				t.Fatal(err)
			}
			w.only(at)
		}
	}
	if n := w.h.Stats().TCP.Connections; n != 4 {
		t.Errorf("%d connections, want 4", n)
	}
	// A connection stays on its link when routes change.
	w.h.change(func(*topology) error { return nil })
	for _, c := range w.h.flows.all() {
		if _, err := c.Write([]byte("z")); err != nil {
			t.Fatal(err)
		}
		at := 0
		if c.RemoteAddr().Addr().Zone() == "eth1" {
			at = 1
		}
		w.only(at)
	}
}

// RFC 4007, 6: a link-local address that we have on one link is another host's on
// another; where no zone is told it is ours.
func TestOwnLinkLocalAddressElsewhere(t *testing.T) {
	w := newTwoLinks(t, Config{})
	ours := netip.MustParseAddr("fe80::1") // eth0's
	to := netip.AddrPortFrom(ours, udpPort)
	w.inject(1, solicitation(ours, side[1]))
	w.links[1].take()
	sock := listenUDP(t, w.h, netip.AddrPortFrom(netip.IPv6Unspecified(), udpPort), FamilyIPv6)
	for _, c := range []struct {
		zone string
		self bool
	}{{"", true}, {"eth0", true}, {"eth1", false}} {
		if _, err := sock.WriteTo([]byte("x"), netip.AddrPortFrom(ours.WithZone(c.zone), udpPort)); err != nil {
			t.Fatal(err)
		}
		if got := len(inbox(t, sock)); got != 0 != c.self {
			t.Errorf("zone %q: %d datagrams to ourselves", c.zone, got)
		}
		if !c.self {
			w.only(1)
		}
	}
	if _, err := sock.WriteTo([]byte("x"), netip.AddrPortFrom(ours.WithZone("none"), udpPort)); err != ErrNoRoute {
		t.Errorf("to a zone that there is not: %v, want %v", err, ErrNoRoute)
	}
	w.inject(1, frame(udpPacket(to, netip.AddrPortFrom(side[1], udpPort), "from there")))
	buf := make([]byte, 99)
	sock.SetReadDeadline(time.Now().Add(30 * time.Second))
	n, from, err := sock.ReadFrom(buf)
	if string(buf[:n]) != "from there" || from.Addr() != ours.WithZone("eth1") || err != nil {
		t.Errorf("%q from %v, %v", buf[:n], from, err)
	}
	before := w.h.Stats().Drops[ReasonSourceOwn]
	w.inject(0, frame(udpPacket(to, netip.AddrPortFrom(side[1], udpPort), "forged")))
	if n := w.h.Stats().Drops[ReasonSourceOwn]; n != before+1 {
		t.Error("a packet from our own address was taken")
	}
}
