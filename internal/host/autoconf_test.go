package host

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/pipe"
	"github.com/usernet-go/usernet/wire"
)

// newBareHost makes a host without a link.
func newBareHost(t *testing.T, seed byte) *Host {
	t.Helper()
	h, err := New(Config{Rand: rand.NewChaCha8([32]byte{seed})})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

// newRouterRig makes a rig in which the host looks for routers, has no address but
// the link-local one, and is not checked: all that it sends is recorded.
func newRouterRig(t *testing.T, config InterfaceConfig) *rig {
	t.Helper()
	r := &rig{T: t, h: newBareHost(t, 1), l: newTestLink(link.Info{})}
	r.l.all = true
	config.Name, config.MAC, config.Autoconfigure = "eth0", hostMAC, true
	if err := r.h.Attach(r.l, config); err != nil {
		t.Fatal(err)
	}
	r.deliver = <-r.l.deliver
	return r
}

// told takes what was sent, and returns the messages of neighbour discovery in
// words.
func (r *rig) told() (told []string) {
	r.Helper()
	for _, s := range r.l.take() {
		if e, _, _ := wire.ParseEthernet(s.frame); e.Type != wire.EtherTypeIPv6 {
			continue
		}
		p := r.parse(s.frame)
		if p.protocol != wire.ProtocolICMPv6 {
			continue
		}
		switch wire.ICMPv6Type(p.payload[0]) {
		case wire.ICMPv6RouterSolicitation:
			m, _ := wire.ParseRouterSolicitation(p.payload)
			told = append(told, fmt.Sprintf("RS from %v to %v, %v", p.src, p.dst, m.SourceMAC))
		case wire.ICMPv6NeighborSolicitation:
			m, _ := wire.ParseNeighborSolicitation(p.payload)
			told = append(told, fmt.Sprintf("NS for %v from %v, %v", m.Target, p.src, m.SourceMAC))
		case wire.ICMPv6NeighborAdvertisement:
			m, _ := wire.ParseNeighborAdvertisement(p.payload)
			told = append(told, fmt.Sprintf("NA for %v to %v, %v, S=%v O=%v", m.Target, p.dst, m.TargetMAC, m.Solicited, m.Override))
		}
	}
	return told
}

// has returns the state of one of the host's addresses in words.
func (r *rig) has(a netip.Addr) string {
	for _, own := range r.h.Interfaces()[0].Addrs {
		if own.Prefix.Addr() == a {
			return strings.TrimSpace(map[bool]string{true: "tentative "}[own.Tentative] +
				map[bool]string{true: "optimistic "}[own.Optimistic] + map[bool]string{true: "deprecated"}[own.Deprecated])
		}
	}
	return "none"
}

func (r *rig) hasRoute(p string, gateway netip.Addr) bool {
	for _, route := range r.h.Routes() {
		if route.Prefix == netip.MustParsePrefix(p) && route.Gateway == gateway {
			return true
		}
	}
	return false
}

// slaacMessage advertises a router, and a prefix for addresses that is on the link.
func slaacMessage(preferred, valid uint32) wire.RouterAdvertisement {
	m := wire.RouterAdvertisement{RouterLifetime: 1800, SourceMAC: peerMAC, NumPrefixes: 1}
	m.Prefixes[0] = wire.PrefixInformation{Prefix: slaacNet, OnLink: true, Autonomous: true, PreferredLifetime: preferred, ValidLifetime: valid}
	return m
}

// RFC 4862, 5.5, RFC 4861, 6.3: an address from a router's prefix, from optimistic to
// invalid, with the default route, the prefix on the link, MTU and hop limit.
func TestAutoconfigure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRouterRig(t, InterfaceConfig{})
		local := r.linkLocal()
		time.Sleep(3 * time.Second)
		told := r.told()
		if len(told) != 3 || !strings.HasPrefix(told[0], fmt.Sprintf("NS for %v from ::", local)) || !strings.HasPrefix(told[1], fmt.Sprintf("RS from %v to ff02::2", local)) ||
			told[2] != fmt.Sprintf("NA for %v to ff02::1, %v, S=false O=true", local, hostMAC) {
			t.Errorf("sent %q", told)
		}
		got := make(chan netip.Prefix)
		go func() {
			p, err := r.h.WaitAddress(t.Context(), "eth0")
			if err != nil {
				t.Error(err)
			}
			got <- p
		}()
		synctest.Wait()
		m := slaacMessage(100, 200)
		m.MTU, m.HopLimit = 1400, 99
		r.inject(routerPacket(router1, m))
		p := <-got
		if !slaacNet.Contains(p.Addr()) || p.Bits() != 64 || r.has(p.Addr()) != "optimistic" {
			t.Fatalf("address %v, %s", p, r.has(p.Addr()))
		}
		if told := r.told(); len(told) != 1 || !strings.HasPrefix(told[0], fmt.Sprintf("NS for %v from ::", p.Addr())) {
			t.Errorf("sent %q", told)
		}
		if !r.hasRoute("::/0", router1) || !r.hasRoute(slaacNet.String(), netip.Addr{}) {
			t.Errorf("routes %v", r.h.Routes())
		}
		time.Sleep(time.Second + time.Millisecond) // later than what is due
		if state := r.has(p.Addr()); state != "" {
			t.Errorf("%q after the check", state)
		}
		r.told()
		r.l.take() // reports of the groups

		c := listenUDP(t, r.h, netip.AddrPort{}, FamilyAny)
		if _, err := c.WriteTo(make([]byte, 1300), netip.AddrPortFrom(far6, 9)); err != nil {
			t.Fatal(err)
		}
		sent := r.parse(r.one()) // the router's MAC is known from its advertisement
		if sent.eth.Dst != peerMAC || sent.src != p.Addr() || sent.ip6.HopLimit != 99 {
			t.Errorf("sent from %v to %v with the hop limit %d", sent.src, sent.eth.Dst, sent.ip6.HopLimit)
		}
		if route, err := r.h.lookupRoute(netip.Addr{}, far6); err != nil || route.mtu != 1400 {
			t.Errorf("MTU %d, %v", route.mtu, err)
		}

		time.Sleep(99 * time.Second)
		if state := r.has(p.Addr()); state != "deprecated" {
			t.Errorf("%q when its preferred lifetime is over", state)
		}
		time.Sleep(100 * time.Second)
		if state := r.has(p.Addr()); state != "none" || r.hasRoute(slaacNet.String(), netip.Addr{}) {
			t.Errorf("%q when its valid lifetime is over; routes %v", state, r.h.Routes())
		}
		time.Sleep(time.Hour)
		if r.hasRoute("::/0", router1) {
			t.Error("the router's lifetime is over")
		}
	})
}

// RFC 7217, 6: a duplicate is replaced by the next identifier. RFC 4862, 5.4.3: a
// tentative address is not answered for.
func TestAutoconfigureDuplicate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRouterRig(t, InterfaceConfig{DetectDuplicates: true})
		r.inject(routerPacket(router1, slaacMessage(1000, 1000)))
		first := r.h.Interfaces()[0].Addrs[1].Prefix.Addr()
		if state := r.has(first); state != "tentative" {
			t.Fatalf("%v is %q", first, state)
		}
		r.counted(func() { r.inject(solicitation(peer6, first)) }, ReasonNDTarget)
		if told := r.told(); len(told) != 0 {
			t.Errorf("sent %q for a tentative address", told)
		}
		if _, err := r.h.lookupRoute(first, far6); err != ErrAddrNotAvail {
			t.Errorf("route from a tentative address: %v", err)
		}
		m := wire.NeighborAdvertisement{Target: first, TargetMAC: otherMAC, Override: true}
		packet := withHopLimit(ip(first, allNodesLink, wire.ProtocolICMPv6, m.Append(nil)), 255)
		r.counted(func() { r.inject(frameTo(groupMAC(allNodesLink), wire.EtherTypeIPv6, packet)) }, ReasonConflict)
		if state := r.has(first); state != "none" {
			t.Errorf("the duplicate %v is %q", first, state)
		}
		time.Sleep(3 * time.Second)
		second, err := r.h.WaitAddress(t.Context(), "eth0")
		if err != nil || second.Addr() == first || !slaacNet.Contains(second.Addr()) || r.has(second.Addr()) != "" {
			t.Errorf("%v, %q, %v", second, r.has(second.Addr()), err)
		}
	})
}

// RFC 4429, 3.2 and 3.3: an optimistic address sends no link-layer address in
// solicitations, and is answered for without the Override flag; not at all to who
// checks for duplicates, for then it is one.
func TestOptimisticAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRouterRig(t, InterfaceConfig{Addrs: hostNets})
		r.told()
		c := listenUDP(t, r.h, netip.AddrPort{}, FamilyAny)
		if _, err := c.WriteTo([]byte("x"), netip.AddrPortFrom(peer6, 9)); err != nil {
			t.Fatal(err)
		}
		if told, want := r.told(), "NS for 2001:db8::2 from 2001:db8::1, 00:00:00:00:00:00"; len(told) != 1 || told[0] != want {
			t.Errorf("sent %q, want %q", told, want)
		}
		r.inject(solicitation(peer6, host6))
		if told, want := r.told(), "NA for 2001:db8::1 to 2001:db8::2, 02:00:00:00:00:01, S=true O=false"; len(told) != 1 || told[0] != want {
			t.Errorf("sent %q, want %q", told, want)
		}
		m := wire.NeighborSolicitation{Target: host6, Nonce: [6]byte{1}}
		group := wire.SolicitedNode(host6)
		packet := withHopLimit(ip(netip.IPv6Unspecified(), group, wire.ProtocolICMPv6, m.Append(nil)), 255)
		r.counted(func() { r.inject(frameTo(groupMAC(group), wire.EtherTypeIPv6, packet)) }, ReasonConflict)
		if told := r.told(); len(told) != 0 || r.has(host6) != "none" {
			t.Errorf("sent %q; the address is %q", told, r.has(host6))
		}
	})
}

// RFC 4861, 6.3.6 and 7.2.5, 8.3: a router that does not answer is left for another
// one; one that says that it is none, too; redirects are followed.
func TestDefaultRouters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRouterRig(t, InterfaceConfig{Addrs: hostNets[1:]})
		time.Sleep(3 * time.Second)
		r.inject(routerPacket(router1, wire.RouterAdvertisement{RouterLifetime: 1800, Preference: wire.PreferenceHigh}))
		r.inject(routerPacket(router2, wire.RouterAdvertisement{RouterLifetime: 1800}))
		c := listenUDP(t, r.h, netip.AddrPort{}, FamilyAny)
		write := func(want netip.Addr) {
			t.Helper()
			if _, err := c.WriteTo([]byte("x"), netip.AddrPortFrom(far6, 9)); err != nil && !errors.Is(err, ErrHostUnreachable) {
				t.Fatal(err)
			}
			route, err := r.h.lookupRoute(netip.Addr{}, far6)
			if err != nil || route.nextHop != want {
				t.Errorf("by %v, want %v: %v", route.nextHop, want, err)
			}
		}
		write(router1)
		time.Sleep(4 * time.Second) // three solicitations
		write(router2)
		r.inject(routerPacket(router1, wire.RouterAdvertisement{RouterLifetime: 1800, Preference: wire.PreferenceHigh, SourceMAC: peerMAC}))
		write(router1)
		r.inject(solicitation(router1, host6)) // the redirect comes from a neighbour
		r.counted(func() { r.inject(frame(redirectPacket(router2))) }, ReasonNDUnsolicited)
		r.inject(frame(redirectPacket(router1)))
		write(router2)
		if !r.hasRoute(far6.String()+"/128", router2) {
			t.Errorf("routes %v", r.h.Routes())
		}
		time.Sleep(4 * time.Second) // router2 is not there
		write(router1)
		na := wire.NeighborAdvertisement{Target: router1, TargetMAC: peerMAC, Override: true}
		r.inject(frame(withHopLimit(ip(router1, host6, wire.ProtocolICMPv6, na.Append(nil)), 255)))
		write(router2)
	})
}

// RFC 4861, 8.2: "A router MUST NOT update its routing tables upon receipt of a
// Redirect." It says that it is a router.
func TestRouterHeedsNoRedirect(t *testing.T) {
	r := newRig(t, Config{Forwarding: true}, link.Info{})
	r.autoconfigure()
	r.counted(func() { r.inject(frame(redirectPacket(router1))) }, ReasonICMPType)
	r.inject(solicitation(peer6, host6))
	if a, _ := wire.ParseNeighborAdvertisement(r.parse(r.one()).payload); !a.Router {
		t.Errorf("advertised %+v", a)
	}
}

// Close and Detach end what waits.
func TestAutoconfEnds(t *testing.T) {
	for _, end := range []func(*Host) error{(*Host).Close, func(h *Host) error { return h.Detach("eth0") }} {
		synctest.Test(t, func(t *testing.T) {
			near, _ := pipe.New(pipe.Config{})
			h := newBareHost(t, 1)
			errs := make(chan error, 2)
			go func() {
				errs <- h.Attach(near, InterfaceConfig{Name: "eth0", Addrs: hostNets, DetectDuplicates: true, Autoconfigure: true})
			}()
			time.Sleep(time.Millisecond)
			go func() {
				_, err := h.WaitAddress(t.Context(), "eth0")
				errs <- err
			}()
			synctest.Wait()
			if err := end(h); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := <-errs; !errors.Is(err, ErrClosed) && !errors.Is(err, ErrNoInterface) && !errors.Is(err, ErrAddrNotAvail) {
					t.Errorf("error %v", err)
				}
			}
		})
	}
	h := newBareHost(t, 1)
	if _, err := h.WaitAddress(t.Context(), "eth0"); !errors.Is(err, ErrNoInterface) {
		t.Errorf("no interface: %v", err)
	}
	near, _ := pipe.New(pipe.Config{})
	if err := h.Attach(near, InterfaceConfig{Name: "eth0", Autoconfigure: true}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.ErrUnsupported)
	if _, err := h.WaitAddress(ctx, "eth0"); err != errors.ErrUnsupported {
		t.Errorf("cancelled: %v", err)
	}
}

// What has no routers to ask says so.
func TestAutoconfigureRefused(t *testing.T) {
	for _, c := range []pipe.Config{{Medium: link.IP}, {MTU: 1279}} {
		near, _ := pipe.New(c)
		if err := newBareHost(t, 1).Attach(near, InterfaceConfig{Autoconfigure: true}); !errors.Is(err, ErrBadInterface) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
