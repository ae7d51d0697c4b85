package host

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/usernet-go/usernet/wire"
)

// RFC 4861, 6.3.7, and RFC 7559, 2: a random delay, then solicitations at
// intervals that double, until a default router has answered.
func TestRouterSolicitations(t *testing.T) {
	s := newRouterScript(t).asked()
	for low, high, n := 3600*time.Millisecond, 4400*time.Millisecond, 0; n < 12; n++ {
		s.idle(fmt.Sprint("interval ", n), low, high)
		s.want("nobody has answered", "solicit")
		low, high = min(2*low, time.Hour)*9/10, min(2*high, time.Hour)*11/10
	}
	s.advertise(router1, wire.RouterAdvertisement{}, ReasonNone)
	s.idle("no default router", 54*time.Minute, 66*time.Minute)
	s.want("nobody has answered", "solicit")
	s.router(router1, 9000, 0)
	s.want("a default router", "route ::/0 fe80::a")
	s.idle("only its lifetime is left", 9000*time.Second, 9000*time.Second)
	s.want("it has ended", "no route ::/0 fe80::a")
}

// RFC 4861, 6.3.7: "a host SHOULD send at least one solicitation in the case where
// an advertisement is received prior to having sent a solicitation."
func TestRouterSolicitationAfterAdvertisement(t *testing.T) {
	s := newRouterScript(t)
	s.router(router1, 1800, 0)
	s.want("unasked", "route ::/0 fe80::a")
	s.asked()
	s.idle("no more of them", 1799*time.Second, 1800*time.Second)
}

// An interface without autoconfiguration does not listen to routers.
func TestRouterDiscoveryOff(t *testing.T) {
	s := &routerScript{T: t, now: time.Unix(1000, 0)}
	s.d.init(1500, [32]byte{1}, stableIdentifiers{})
	s.advertise(router1, wire.RouterAdvertisement{RouterLifetime: 9, HopLimit: 99}, ReasonICMPType)
	if r := s.d.Redirect(s.now, router1, router1, &wire.Redirect{Target: router2, Destination: far6}); r != ReasonNDUnsolicited {
		t.Errorf("redirect: %v", r)
	}
	s.want("nothing")
}

// RFC 4861, 6.3.4 and 6.3.5: lifetimes of default routers.
func TestRouterLifetime(t *testing.T) {
	s := newRouterScript(t).asked()
	s.router(router1, 100, 0)
	s.want("new", "route ::/0 fe80::a")
	s.pass(90 * time.Second)
	s.router(router1, 100, 0)
	s.pass(90 * time.Second)
	s.want("reset by a later one")
	s.idle("end", 10*time.Second, 10*time.Second)
	s.want("no advertisement", "no route ::/0 fe80::a")

	s.router(router1, 100, 0)
	s.router(router2, 100, 0)
	s.want("the first is kept", "route ::/0 fe80::a")
	s.router(router1, 0, 0)
	s.want("lifetime 0: immediately", "no route ::/0 fe80::a", "route ::/0 fe80::b")
	s.d.NotRouter(router2)
	s.want("RFC 4861, 7.2.5: no router any more", "no route ::/0 fe80::b")
	s.d.NotRouter(router2)
	s.router(router3, 0, 0)
	s.want("not known")
}

// RFC 4861, 6.3.6, and RFC 4191, 3.2: reachable ones first, then preference.
func TestRouterSelection(t *testing.T) {
	s := newRouterScript(t).asked()
	s.router(router1, 1800, wire.PreferenceLow)
	s.want("the only one", "route ::/0 fe80::a")
	s.router(router2, 1800, wire.PreferenceHigh)
	s.want("preferred", "no route ::/0 fe80::a", "route ::/0 fe80::b")
	s.router(router3, 1800, wire.PreferenceMedium)
	s.want("not preferred")
	s.d.Unreachable(router2)
	s.want("the best does not answer", "no route ::/0 fe80::b", "route ::/0 fe80::c")
	s.router(router2, 1800, wire.PreferenceHigh)
	s.want("that it advertises without its MAC is no answer")
	s.d.Unreachable(router3)
	s.want("nor the next", "no route ::/0 fe80::c", "route ::/0 fe80::a")
	// RFC 4861, 6.3.6: "When no routers on the list are known to be reachable [...],
	// routers SHOULD be selected in a round-robin fashion".
	s.d.Unreachable(router1)
	s.want("nor the last", "no route ::/0 fe80::a", "route ::/0 fe80::b")
	s.d.Unreachable(router2)
	s.want("round", "no route ::/0 fe80::b", "route ::/0 fe80::c")
	s.d.Unreachable(router1)
	s.want("it is not in use")
	s.d.Reachable(router1)
	s.want("one answers", "no route ::/0 fe80::c", "route ::/0 fe80::a")
	s.advertise(router2, wire.RouterAdvertisement{RouterLifetime: 1800, Preference: 1, SourceMAC: peerMAC}, ReasonNone)
	s.want("probably reachable", "no route ::/0 fe80::a", "route ::/0 fe80::b")
}

// RFC 4861, 6.3.4: prefixes that are on the link.
func TestRouterPrefixes(t *testing.T) {
	s := newRouterScript(t).asked()
	s.prefix("2001:db8:1::/64", 100, ReasonNone)
	s.prefix("2001:db8:2::/48", forEver, ReasonNone)
	s.prefix("2001:db8:3::/64", 0, ReasonNone)
	s.prefix("fe80::/64", 100, ReasonNone)
	s.prefix("ff00::/8", 100, ReasonNone)
	s.want("two of them", "route 2001:db8:1::/64", "route 2001:db8:2::/48")
	s.pass(99 * time.Second)
	s.prefix("2001:db8:1::/64", 100, ReasonNone)
	s.pass(99 * time.Second)
	for e, ok := s.d.Next(); ok; e, ok = s.d.Next() {
		if e.kind != eventSolicitRouter {
			t.Errorf("event %d before the end of the lifetime", e.kind)
		}
	}
	s.d.solicit = time.Time{}
	s.pass(time.Second)
	s.want("its lifetime has ended", "no route 2001:db8:1::/64")
	s.prefix("2001:db8:2::/48", 0, ReasonNone)
	s.want("timed out immediately", "no route 2001:db8:2::/48")
}

// RFC 4861, 6.3.4: "the receipt of a Router Advertisement MUST NOT invalidate all
// information received in a previous advertisement", and an unspecified value
// changes nothing. What would harm is ignored.
func TestRouterParameters(t *testing.T) {
	s := newRouterScript(t).asked()
	s.advertise(router1, wire.RouterAdvertisement{HopLimit: 99, ReachableTime: 20000, RetransTimer: 500, MTU: 1400}, ReasonNone)
	s.want("all of them", "parameters 99 1400 20s 500ms")
	s.advertise(router2, wire.RouterAdvertisement{}, ReasonNone)
	s.want("unspecified")
	for _, bad := range []wire.RouterAdvertisement{
		{HopLimit: 1}, {MTU: 1279}, {MTU: 1501}, {RetransTimer: 1}, {RetransTimer: forEver}, {ReachableTime: 1}, {ReachableTime: 3600001},
	} {
		s.pass(time.Second)
		s.advertise(router2, bad, ReasonNone)
	}
	s.d.solicit = time.Time{}
	for e, ok := s.d.Next(); ok; e, ok = s.d.Next() {
		if e.kind != eventSolicitRouter {
			t.Errorf("event %d for a value out of bounds", e.kind)
		}
	}
	s.advertise(router2, wire.RouterAdvertisement{MTU: 1500}, ReasonNone)
	s.want("one of them", "parameters 99 1500 20s 500ms")
}

// What routers make us remember is bounded, and so is how often they change it.
func TestRouterBounds(t *testing.T) {
	s := newRouterScript(t).asked()
	s.router(router1, 9000, 0)
	s.want("ours", "route ::/0 fe80::a")
	for i := range maxRouters {
		want := ReasonNone
		if i == maxRouters-1 {
			want = ReasonRouterFull
		}
		s.advertise(netip.AddrFrom16([16]byte{0: 0xfe, 1: 0x80, 15: byte(0x20 + i)}), wire.RouterAdvertisement{RouterLifetime: 9000}, want)
		s.pass(time.Second)
	}
	for i := range maxLinkPrefixes + 1 {
		want := ReasonNone
		if i == maxLinkPrefixes {
			want = ReasonRouterFull
		}
		s.prefix(fmt.Sprintf("2001:db8:%x::/64", i), 9000, want)
		s.pass(time.Second)
	}
	for i := range maxAutoconf + 1 {
		want := ReasonNone
		if i == maxAutoconf {
			want = ReasonRouterFull
		}
		s.slaac(netip.MustParsePrefix(fmt.Sprintf("2001:db8:%x::/64", i)), 9000, 9000, want)
		s.pass(time.Second)
	}
	s.pass(time.Minute)
	limited := 0
	for range 1000 {
		if s.d.Receive(s.now, netip.MustParseAddr("fe80::bad"), &wire.RouterAdvertisement{RouterLifetime: 9}) == ReasonRouterLimit {
			limited++
		}
	}
	if limited != 1000-maxRouterBurst {
		t.Errorf("%d of 1000 advertisements at once were looked at, want %d", 1000-limited, maxRouterBurst)
	}
	s.router(router1, 9000, 0) // a flood of strangers is not on its account
	if len(s.d.routers) != maxRouters || len(s.d.prefixes) != maxLinkPrefixes || len(s.d.addresses) != maxAutoconf {
		t.Errorf("%d routers, %d prefixes, %d addresses", len(s.d.routers), len(s.d.prefixes), len(s.d.addresses))
	}
}

// RFC 4861, 8.1 and 8.3.
func TestRouterRedirects(t *testing.T) {
	s := newRouterScript(t).asked()
	redirect := func(from, hop, target, dst netip.Addr, want Reason) {
		t.Helper()
		if r := s.d.Redirect(s.now, from, hop, &wire.Redirect{Target: target, Destination: dst}); r != want {
			t.Errorf("redirect of %v to %v: %v, want %v", dst, target, r, want)
		}
	}
	redirect(router2, router1, router3, far6, ReasonNDUnsolicited)
	s.want("it is not the first hop's")
	redirect(router1, router1, router2, far6, ReasonNone)
	s.want("a better router", "route 2001:db8:9::9/128 fe80::b")
	redirect(router2, router2, far6, far6, ReasonNone)
	s.want("on the link", "no route 2001:db8:9::9/128 fe80::b", "route 2001:db8:9::9/128")
	redirect(router2, router2, far6, far6, ReasonNone)
	redirect(router1, router1, router1, peer6, ReasonNone)
	s.want("nothing new")
	s.d.Unreachable(far6)
	s.want("RFC 4861, 7.3.3: next-hop determination again", "no route 2001:db8:9::9/128")

	s.pass(time.Minute)
	for range s.d.out {
		s.d.Next()
	}
	for i := range 2 * maxRedirects {
		redirect(router1, router1, router2, netip.AddrFrom16([16]byte{0: 0x20, 15: byte(i)}), ReasonNone)
		s.pass(time.Second)
	}
	if len(s.d.redirects) != maxRedirects || s.d.redirects[0].dst.As16()[15] != maxRedirects {
		t.Errorf("%d redirects are kept, the oldest for %v", len(s.d.redirects), s.d.redirects[0].dst)
	}
	s.pass(time.Minute)
	limited := 0
	for i := range 1000 {
		m := wire.Redirect{Target: router3, Destination: netip.AddrFrom16([16]byte{0: 0x20, 14: byte(i >> 8), 15: byte(i)})}
		if s.d.Redirect(s.now, router1, router1, &m) == ReasonRouterLimit {
			limited++
		}
	}
	if limited != 1000-maxRedirects {
		t.Errorf("%d of 1000 redirects at once were limited", limited)
	}
	s.d.Unreachable(router3)
	if len(s.d.redirects) != 0 {
		t.Errorf("%d redirects by a router that is gone", len(s.d.redirects))
	}
}
