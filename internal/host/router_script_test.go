package host

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/usernet-go/usernet/wire"
)

// The routers and the prefix of the tests.
var (
	router1   = netip.MustParseAddr("fe80::a")
	router2   = netip.MustParseAddr("fe80::b")
	router3   = netip.MustParseAddr("fe80::c")
	noRouter  = netip.MustParseAddr("fe80::d") // advertises prefixes, and is no default router
	slaacNet  = netip.MustParsePrefix("2001:db8:1::/64")
	forEver   = uint32(0xffffffff)
	slaacHost = (&stableIdentifiers{iface: "eth0"}).address(slaacNet, 0)
)

// A routerScript drives a routerDiscovery in steps, each with its reason.
type routerScript struct {
	*testing.T
	d   routerDiscovery
	now time.Time
}

func newRouterScript(t *testing.T) *routerScript {
	s := &routerScript{T: t, now: time.Unix(1000, 0)}
	s.d.init(1500, [32]byte{1}, stableIdentifiers{iface: "eth0"})
	s.d.Start(s.now)
	return s
}

// asked lets the first solicitation go.
func (s *routerScript) asked() *routerScript {
	s.Helper()
	s.idle("initial delay", 0, time.Second)
	s.want("first solicitation", "solicit")
	return s
}

// want checks what is done, and that nothing else is.
func (s *routerScript) want(why string, want ...string) {
	s.Helper()
	var got []string
	for e, ok := s.d.Next(); ok; e, ok = s.d.Next() {
		word := [...]string{"solicit", "route", "no route", "address", "prefer", "deprecate", "no address", "parameters"}[e.kind]
		switch e.kind {
		case eventSolicitRouter:
		case eventLinkParameters:
			word += fmt.Sprintf(" %d %d %v %v", e.params.hopLimit, e.params.mtu, e.params.reachable, e.params.retrans)
		case eventAddRoute, eventRemoveRoute:
			word += " " + e.prefix.String()
			if e.gateway.IsValid() {
				word += " " + e.gateway.String()
			}
		case eventAddAddress:
			if e.optimistic {
				word = "optimistic " + word
			}
			fallthrough
		default:
			word += " " + e.prefix.String()
		}
		got = append(got, word)
	}
	if !slices.Equal(got, want) {
		s.Errorf("%s: %q, want %q", why, got, want)
	}
}

// idle lets time pass until something is to be done, which must be low to high away.
func (s *routerScript) idle(why string, low, high time.Duration) {
	s.Helper()
	start := s.now
	for len(s.d.out) == 0 && !s.d.Deadline().IsZero() { // what was cleared meanwhile has one, too
		s.pass(s.d.Deadline().Sub(s.now))
	}
	if d := s.now.Sub(start); len(s.d.out) == 0 || d < low || d > high {
		s.Fatalf("%s: %d events after %v, want them after %v to %v", why, len(s.d.out), d, low, high)
	}
}

// pass lets time pass, as the machine's deadlines come.
func (s *routerScript) pass(d time.Duration) {
	end := s.now.Add(d)
	for next := s.d.Deadline(); !next.IsZero() && !next.After(end); next = s.d.Deadline() {
		s.now = next
		s.d.Advance(next)
	}
	s.now = end
}

func (s *routerScript) advertise(from netip.Addr, m wire.RouterAdvertisement, want Reason) {
	s.Helper()
	if r := s.d.Receive(s.now, from, &m); r != want {
		s.Errorf("advertisement of %v: %v, want %v", from, r, want)
	}
}

// router advertises a default router.
func (s *routerScript) router(from netip.Addr, seconds uint16, p wire.RouterPreference) {
	s.Helper()
	s.advertise(from, wire.RouterAdvertisement{RouterLifetime: seconds, Preference: p}, ReasonNone)
}

// prefix advertises a prefix that is on the link.
func (s *routerScript) prefix(p string, valid uint32, want Reason) {
	s.Helper()
	m := wire.RouterAdvertisement{NumPrefixes: 1}
	m.Prefixes[0] = wire.PrefixInformation{Prefix: netip.MustParsePrefix(p), OnLink: true, ValidLifetime: valid}
	s.advertise(noRouter, m, want)
}

// slaac advertises a prefix for addresses.
func (s *routerScript) slaac(p netip.Prefix, preferred, valid uint32, want Reason) {
	s.Helper()
	m := wire.RouterAdvertisement{NumPrefixes: 1}
	m.Prefixes[0] = wire.PrefixInformation{Prefix: p, Autonomous: true, PreferredLifetime: preferred, ValidLifetime: valid}
	s.advertise(noRouter, m, want)
}
