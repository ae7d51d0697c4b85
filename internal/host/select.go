package host

import (
	"math/bits"
	"net/netip"
)

// This file is RFC 6724, 5: which of an interface's addresses a packet comes from.
// IPv4, for which the RFC says nothing, follows the same rules. There are no home
// and no temporary addresses here (rules 4 and 7), and one policy table, that of
// RFC 6724, 2.1.

// A policy is a row of the policy table.
type policy struct {
	prefix            netip.Prefix
	precedence, label int
}

// policies is the default table, the longest prefix first.
var policies = [...]policy{
	{netip.MustParsePrefix("::1/128"), 50, 0},
	{netip.PrefixFrom(netip.AddrFrom16([16]byte{10: 0xff, 11: 0xff}), 96), 35, 4},
	{netip.MustParsePrefix("::/96"), 1, 3},
	{netip.MustParsePrefix("2001::/32"), 5, 5},
	{netip.MustParsePrefix("2002::/16"), 30, 2},
	{netip.MustParsePrefix("3ffe::/16"), 1, 12},
	{netip.MustParsePrefix("fec0::/10"), 1, 11},
	{netip.MustParsePrefix("fc00::/7"), 3, 13},
	{netip.MustParsePrefix("::/0"), 40, 1},
}

// policyOf returns the row of the table for a. RFC 6724, 2.1: it "is a
// longest-matching-prefix lookup table"; 3.2: "IPv4 addresses MUST be represented as
// IPv4-mapped addresses".
func policyOf(a netip.Addr) *policy {
	a = netip.AddrFrom16(a.As16())
	for i := range policies {
		if policies[i].prefix.Contains(a) {
			return &policies[i]
		}
	}
	return &policies[len(policies)-1]
}

// The scopes of RFC 4291, 2.7, that unicast addresses have as well.
const (
	scopeLink   = 0x2
	scopeSite   = 0x5
	scopeGlobal = 0xe
)

var siteLocal = netip.MustParsePrefix("fec0::/10")

// scopeOf is RFC 6724, 3.1, 3.2 and 3.4: "IPv4 auto-configuration addresses [...]
// are assigned link-local scope. IPv4 loopback addresses [...] are assigned
// link-local scope", and so is ::1; "Other IPv4 addresses [...] are assigned global
// scope."
func scopeOf(a netip.Addr) int {
	switch {
	case a.IsMulticast() && a.Is6():
		return int(a.As16()[1] & 15)
	case a.IsLoopback(), a.IsLinkLocalUnicast(), a.IsLinkLocalMulticast():
		return scopeLink
	case siteLocal.Contains(a):
		return scopeSite
	}
	return scopeGlobal
}

// commonPrefixLen is RFC 6724, 2.2: "the length of the longest prefix [...] that the
// two addresses have in common, up to the length of S's prefix".
func commonPrefixLen(s netip.Prefix, d netip.Addr) int {
	if s.Addr().Is4() != d.Is4() {
		return 0
	}
	a, b, n := s.Addr().As16(), d.As16(), 0
	for i := range a {
		if x := a[i] ^ b[i]; x != 0 {
			n += bits.LeadingZeros8(x)
			break
		}
		n += 8
	}
	if d.Is4() {
		n -= 96
	}
	return min(n, s.Bits())
}

// avoided says whether a is to be taken only where no other address fits. RFC 4429,
// 2.1: "Implementations should treat an address in state Optimistic as if it were in
// state Deprecated."
func (a *address) avoided() bool { return a.deprecated || a.optimistic }

// selectSource returns the best of addrs, which are those of the outgoing interface,
// for packets to dst by way of nextHop; nil if none is usable.
func selectSource(addrs []address, dst, nextHop netip.Addr) *address {
	var best *address
	for i := range addrs {
		a := &addrs[i]
		if a.tentative || a.prefix.Addr().Is4() != dst.Is4() {
			continue
		}
		if best == nil || preferSource(a, best, dst, nextHop) {
			best = a
		}
	}
	return best
}

// preferSource says whether a is a better source than b: RFC 6724, 5. Both are
// addresses of the outgoing interface, so that rule 5 says nothing.
func preferSource(a, b *address, dst, nextHop netip.Addr) bool {
	sa, sb := a.prefix.Addr(), b.prefix.Addr()
	// "Rule 1: Prefer same address."
	if sa == dst || sb == dst {
		return sa == dst && sb != dst
	}
	// "Rule 2: Prefer appropriate scope. If Scope(SA) < Scope(SB): If Scope(SA) <
	// Scope(D), then prefer SB and otherwise prefer SA."
	if x, y := scopeOf(sa), scopeOf(sb); x < y {
		return x >= scopeOf(dst)
	} else if y < x {
		return y < scopeOf(dst)
	}
	// "Rule 3: Avoid deprecated addresses."
	if a.avoided() != b.avoided() {
		return b.avoided()
	}
	// "Rule 5.5: Prefer addresses in a prefix advertised by the next-hop." A router
	// that is in an address's network stands for one that has advertised it; for IPv4
	// it is the only rule by which addresses of several networks differ.
	if x, y := a.prefix.Contains(nextHop), b.prefix.Contains(nextHop); x != y {
		return x
	}
	// "Rule 6: Prefer matching label."
	label := policyOf(dst).label
	if x, y := policyOf(sa).label == label, policyOf(sb).label == label; x != y {
		return x
	}
	// "Rule 8: Use longest matching prefix."
	return commonPrefixLen(a.prefix, dst) > commonPrefixLen(b.prefix, dst)
}

// sourceFor returns the address of ifc for packets to dst by way of nextHop, or the
// zero Addr.
func (t *topology) sourceFor(ifc *iface, dst, nextHop netip.Addr) netip.Addr {
	if p := t.place(ifc); p != nil {
		if a := selectSource(p.addrs, dst, nextHop); a != nil {
			return a.prefix.Addr()
		}
	}
	return netip.Addr{}
}
