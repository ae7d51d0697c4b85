package host

import (
	"net/netip"
	"testing"
	"time"

	"github.com/usernet-go/usernet/internal/siphash"
	"github.com/usernet-go/usernet/wire"
)

func (s *routerScript) addressed() (*routerScript, string) {
	s.asked()
	s.d.solicit = time.Time{} // out of the way of the lifetimes
	return s, slaacHost.String() + "/64"
}

// RFC 4862, 5.5.3, a to d.
func TestAutoconfPrefixes(t *testing.T) {
	s, addr := newRouterScript(t).addressed()
	s.slaac(slaacNet, 100, 99, ReasonNone)
	s.want("c) preferred for longer than valid")
	s.slaac(slaacNet, 0, 0, ReasonNone)
	s.want("d) valid lifetime 0")
	s.slaac(netip.MustParsePrefix("fe80::/64"), 100, 100, ReasonNone)
	s.want("b) link-local")
	s.slaac(netip.MustParsePrefix("2001:db8:1::/63"), 100, 100, ReasonNone)
	s.want("d) prefix and identifier are not 128 bits long")
	s.slaac(slaacNet, 100, 100, ReasonNone)
	s.want("new", "address "+addr)
	s.slaac(slaacNet, 100, 100, ReasonNone)
	s.want("known")

	m := wire.RouterAdvertisement{NumPrefixes: 1, SourceMAC: peerMAC}
	m.Prefixes[0] = wire.PrefixInformation{Prefix: netip.MustParsePrefix("2001:db8:2::/64"), Autonomous: true, PreferredLifetime: forEver, ValidLifetime: forEver}
	s.advertise(router1, m, ReasonNone)
	other := (&stableIdentifiers{iface: "eth0"}).address(m.Prefixes[0].Prefix, 0)
	// RFC 4429, 3.3: "A host that does not know the SLLAO of its router SHOULD NOT
	// configure a new address as Optimistic."
	s.want("the router's MAC is known", "optimistic address "+other.String()+"/64")
}

// RFC 4862, 5.5.4: preferred, deprecated, invalid.
func TestAutoconfLifetimes(t *testing.T) {
	s, addr := newRouterScript(t).addressed()
	s.slaac(slaacNet, 100, 200, ReasonNone)
	s.want("new", "address "+addr)
	s.idle("preferred", 100*time.Second, 100*time.Second)
	s.want("preferred lifetime is over", "deprecate "+addr)
	s.slaac(slaacNet, 50, 200, ReasonNone)
	s.want("preferred again", "prefer "+addr)
	s.slaac(slaacNet, 0, 200, ReasonNone)
	s.want("a router has it deprecated", "deprecate "+addr)
	s.idle("valid", 200*time.Second, 200*time.Second)
	s.want("valid lifetime is over", "no address "+addr)
	s.slaac(slaacNet, forEver, forEver, ReasonNone)
	s.want("new again", "address "+addr)
	s.pass(time.Hour)
	if s.want("for ever"); !s.d.Deadline().IsZero() {
		t.Errorf("deadline in %v of an address that lasts for ever", s.d.Deadline().Sub(s.now))
	}
}

// RFC 4862, 5.5.3, e: a bogus advertisement cannot end an address before two hours
// are over.
func TestAutoconfTwoHours(t *testing.T) {
	for _, tt := range []struct {
		why                   string
		remaining, advertised uint32 // seconds
		want                  time.Duration
	}{
		{"1. more than two hours", 100, 7201, 7201 * time.Second},
		{"1. more than what remains", 100, 101, 101 * time.Second},
		{"1. for ever", 100, forEver, 0},
		{"1. less, but more than two hours", 90000, 8000, 8000 * time.Second},
		{"2. two hours or less remain", 7200, 10, 7200 * time.Second},
		{"2. lifetime 0", 100, 0, 100 * time.Second},
		{"3. more remains", 7201, 10, 7200 * time.Second},
		{"3. for ever", forEver, 0, 7200 * time.Second},
	} {
		s, addr := newRouterScript(t).addressed()
		s.slaac(slaacNet, 0, tt.remaining, ReasonNone)
		s.want(tt.why, "address "+addr, "deprecate "+addr)
		s.slaac(slaacNet, 0, tt.advertised, ReasonNone)
		s.want(tt.why)
		if got := s.d.addresses[0].valid; tt.want == 0 && !got.IsZero() || tt.want != 0 && got.Sub(s.now) != tt.want {
			t.Errorf("%s: valid for %v, want %v", tt.why, got.Sub(s.now), tt.want)
		}
	}
}

// RFC 7217, 6: another identifier after a random delay of up to IDGEN_DELAY, at
// most IDGEN_RETRIES times.
func TestAutoconfDuplicates(t *testing.T) {
	s, addr := newRouterScript(t).addressed()
	s.slaac(slaacNet, forEver, forEver, ReasonNone)
	s.want("first", "address "+addr)
	seen := map[netip.Addr]bool{slaacHost: true}
	current := slaacHost
	for counter := uint8(1); counter <= idgenRetries; counter++ {
		s.d.Duplicate(s.now, current)
		s.d.Duplicate(s.now, current) // told twice
		s.want("not at once")
		s.idle("IDGEN_DELAY", 0, time.Second)
		current = (&stableIdentifiers{iface: "eth0"}).address(slaacNet, counter)
		s.want("another one", "address "+current.String()+"/64")
		if seen[current] {
			t.Errorf("%v is tried twice", current)
		}
		seen[current] = true
	}
	s.d.Duplicate(s.now, current)
	s.slaac(slaacNet, forEver, forEver, ReasonNone)
	s.pass(time.Hour)
	s.want("that is enough")
}

// The link-local address is made anew likewise, and what the application has taken
// away does not come back.
func TestAutoconfLinkLocal(t *testing.T) {
	s, addr := newRouterScript(t).addressed()
	ids := &stableIdentifiers{iface: "eth0"}
	if a := s.d.LinkLocal(); a != ids.address(linkLocalPrefix, 0) {
		t.Errorf("link-local address %v", a)
	}
	s.d.Duplicate(s.now, ids.address(linkLocalPrefix, 0))
	s.idle("IDGEN_DELAY", 0, time.Second)
	s.want("another one", "address "+ids.address(linkLocalPrefix, 1).String()+"/64")
	s.slaac(slaacNet, 100, 100, ReasonNone)
	s.want("new", "address "+addr)
	s.d.Removed(slaacHost)
	s.slaac(slaacNet, 100, 100, ReasonNone)
	s.want("taken away")
	s.pass(100 * time.Second)
	s.want("it was not there any more")
}

// RFC 7217, 5: identifiers differ by prefix, interface, counter and secret, and by
// nothing else. RFC 5453: some are reserved.
func TestStableIdentifiers(t *testing.T) {
	base := stableIdentifiers{secret: siphash.Key{1}, iface: "eth0"}
	addr := base.address(slaacNet, 0)
	if again := base.address(netip.PrefixFrom(addr, 64), 0); again != addr || !slaacNet.Contains(addr) {
		t.Errorf("%v, then %v", addr, again)
	}
	id := func(a netip.Addr) [8]byte { b := a.As16(); return [8]byte(b[8:]) }
	for name, other := range map[string]netip.Addr{
		"prefix":    base.address(netip.MustParsePrefix("2001:db8:2::/64"), 0),
		"interface": (&stableIdentifiers{secret: base.secret, iface: "eth1"}).address(slaacNet, 0),
		"counter":   base.address(slaacNet, 1),
		"secret":    (&stableIdentifiers{secret: siphash.Key{2}, iface: "eth0"}).address(slaacNet, 0),
	} {
		if id(other) == id(addr) {
			t.Errorf("another %s has the same identifier, %v", name, other)
		}
	}
	for a, want := range map[string]bool{
		"2001:db8::": true, "2001:db8::1": false, "2001:db8::fdff:ffff:ffff:ff7f": false, "2001:db8::fdff:ffff:ffff:ff80": true,
		"2001:db8::fdff:ffff:ffff:ffff": true, "2001:db8::fe00:0:0:0": false, "2001:db8::200:5eff:fe00:5213": true, "2001:db8::200:5eff:ff00:0": false,
	} {
		if isReservedIdentifier(netip.MustParseAddr(a)) != want {
			t.Errorf("%s is reserved: %v, want %v", a, !want, want)
		}
	}
}
