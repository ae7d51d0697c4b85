package host

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

func TestLookupRoute(t *testing.T) {
	r := newRig(t, Config{}, link.Info{})
	second := newTestLink(link.Info{Medium: link.IP, MTU: 1400})
	err := r.h.Attach(second, InterfaceConfig{Name: "tun0", Addrs: []netip.Prefix{
		netip.MustParsePrefix("10.0.0.129/25"), netip.MustParsePrefix("172.16.0.1/30"), netip.MustParsePrefix("2001:db8:5::1/64"),
	}, Gateways: []netip.Addr{netip.MustParseAddr("172.16.0.2")}})
	if err != nil {
		t.Fatal(err)
	}
	a := netip.MustParseAddr
	local := r.linkLocal()
	for _, c := range []struct {
		src, dst       netip.Addr
		ifc            string
		wantSrc, nextH netip.Addr
		err            error
	}{
		{dst: peer4, ifc: "eth0", wantSrc: host4, nextH: peer4},
		{dst: peer6, ifc: "eth0", wantSrc: host6, nextH: peer6},
		{dst: a("10.0.0.200"), ifc: "tun0", wantSrc: a("10.0.0.129"), nextH: a("10.0.0.200")}, // the longer prefix
		{dst: far4, ifc: "eth0", wantSrc: host4, nextH: peer4},
		{src: a("172.16.0.1"), dst: far4, ifc: "tun0", wantSrc: a("172.16.0.1"), nextH: a("172.16.0.2")}, // of two gateways the source's
		{src: a("172.16.0.1"), dst: peer4, ifc: "eth0", wantSrc: a("172.16.0.1"), nextH: peer4},          // weak: no gateway for a neighbour
		{dst: far6, ifc: "eth0", wantSrc: host6, nextH: peer6},
		{dst: host4, ifc: "lo", wantSrc: host4, nextH: host4},
		{dst: a("10.0.0.129"), ifc: "lo", wantSrc: a("10.0.0.129"), nextH: a("10.0.0.129")},
		{src: host4, dst: a("127.0.0.1"), ifc: "lo", wantSrc: host4, nextH: a("127.0.0.1")},
		{dst: a("127.3.3.3"), ifc: "lo", wantSrc: a("127.0.0.1"), nextH: a("127.3.3.3")},
		{dst: a("::1"), ifc: "lo", wantSrc: a("::1"), nextH: a("::1")},
		{dst: a("::ffff:10.0.0.2"), ifc: "eth0", wantSrc: host4, nextH: peer4},
		{dst: a("fe80::2"), ifc: "eth0", wantSrc: local, nextH: a("fe80::2")},
		{dst: a("fe80::2%eth0"), ifc: "eth0", wantSrc: local, nextH: a("fe80::2")},
		{dst: a("fe80::2%eth7"), err: ErrNoRoute},
		{dst: limitedBroadcast, ifc: "eth0", wantSrc: host4, nextH: limitedBroadcast},
		{src: a("172.16.0.1"), dst: limitedBroadcast, ifc: "tun0", wantSrc: a("172.16.0.1"), nextH: limitedBroadcast},
		{dst: a("172.16.0.3"), ifc: "tun0", wantSrc: a("172.16.0.1"), nextH: a("172.16.0.3")},
		{dst: a("224.0.0.251"), ifc: "eth0", wantSrc: host4, nextH: a("224.0.0.251")},
		{dst: a("ff02::fb%tun0"), ifc: "tun0", wantSrc: a("2001:db8:5::1"), nextH: a("ff02::fb")},
		{src: peer4, dst: far4, err: ErrAddrNotAvail},
		{src: host6, dst: far4, err: ErrAddrNotAvail},
		{src: a("127.0.0.1"), dst: far4, err: ErrAddrNotAvail},
		{dst: netip.IPv4Unspecified(), err: ErrNoRoute},
		{dst: netip.Addr{}, err: ErrNoRoute},
	} {
		got, err := r.h.lookupRoute(c.src, c.dst)
		if err != c.err {
			t.Errorf("from %v to %v: %v, want %v", c.src, c.dst, err, c.err)
			continue
		}
		if err == nil && (got.ifc.name != c.ifc || got.src != c.wantSrc || got.nextHop != c.nextH) {
			t.Errorf("from %v to %v: by %s from %v via %v, want by %s from %v via %v",
				c.src, c.dst, got.ifc.name, got.src, got.nextHop, c.ifc, c.wantSrc, c.nextH)
		}
		if err == nil && c.ifc == "eth0" && (got.nbr != nil) == r.h.isGroup(c.dst) {
			t.Errorf("to %v: neighbour %v", c.dst, got.nbr)
		}
	}
	if g, _ := r.h.lookupRoute(netip.Addr{}, a("224.129.0.251")); g.mac != (wire.MAC{1, 0, 0x5e, 1, 0, 0xfb}) {
		t.Errorf("MAC %v of a group", g.mac)
	}
	if g, _ := r.h.lookupRoute(netip.Addr{}, a("ff02::1:2")); g.mac != (wire.MAC{0x33, 0x33, 0, 1, 0, 2}) {
		t.Errorf("MAC %v of a group", g.mac)
	}
	g := r.h.routeGeneration()
	if err := r.h.AddAddress("tun0", netip.MustParsePrefix("10.5.0.1/24")); err != nil || r.h.routeGeneration() == g {
		t.Errorf("generation %d before a change and after it: %v", g, err)
	}
}

// What does not fit is refused with its reason, and the host goes on as it was.
func TestAttachRefuses(t *testing.T) {
	prefix := netip.MustParsePrefix
	for _, c := range []struct {
		info   link.Info
		config InterfaceConfig
		want   string
	}{
		{link.Info{MTU: 67}, InterfaceConfig{}, "MTU of 67"},
		{link.Info{MTU: 1279}, InterfaceConfig{Addrs: hostNets}, "needs an MTU of 1280"},
		{link.Info{MaxPieces: 1}, InterfaceConfig{}, "1 pieces"},
		{link.Info{}, InterfaceConfig{Addrs: []netip.Prefix{{}}}, "10.0.0.1/24"},
		{link.Info{}, InterfaceConfig{Addrs: []netip.Prefix{prefix("224.0.0.1/24")}}, "cannot be an interface's address"},
		{link.Info{}, InterfaceConfig{Addrs: []netip.Prefix{prefix("10.9.0.255/24")}}, "broadcast address"},
		{link.Info{}, InterfaceConfig{Addrs: []netip.Prefix{prefix("127.0.0.1/8")}}, "cannot be"},
		{link.Info{}, InterfaceConfig{Name: "eth0"}, "there is an interface"},
		{link.Info{}, InterfaceConfig{Addrs: hostNets[:1]}, "of interface \"eth0\" already"},
		{link.Info{}, InterfaceConfig{Addrs: []netip.Prefix{prefix("10.9.0.1/24")}, Gateways: []netip.Addr{peer4}}, "lies in no network"},
		{link.Info{Medium: link.IP}, InterfaceConfig{Gateways: []netip.Addr{peer4, far4}}, "second gateway"},
		{link.Info{}, InterfaceConfig{MAC: wire.Broadcast}, "MAC of a group"},
	} {
		r := newRig(t, Config{}, link.Info{})
		before := r.h.net.Load()
		err := r.h.Attach(newTestLink(c.info), c.config)
		if !errors.Is(err, ErrBadInterface) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.config, err, c.want)
		}
		if r.h.net.Load() != before {
			t.Errorf("%+v: the host has changed", c.config)
		}
	}
}

// The MAC: the configured one, else the link's, else a random one of no vendor.
func TestInterfaceMAC(t *testing.T) {
	r := newRig(t, Config{}, link.Info{})
	for i, c := range []struct{ config, link, want wire.MAC }{
		{peerMAC, otherMAC, peerMAC}, {wire.MAC{}, otherMAC, otherMAC}, {},
	} {
		if err := r.h.Attach(newTestLink(link.Info{MAC: c.link}), InterfaceConfig{MAC: c.config}); err != nil {
			t.Fatal(err)
		}
		got := r.h.net.Load().places[i+2].ifc.mac
		if c.want.IsZero() && got[0]&3 == 2 && !got.IsZero() {
			continue
		}
		if got != c.want {
			t.Errorf("MAC %v, want %v", got, c.want)
		}
	}
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
