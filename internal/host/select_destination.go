package host

import (
	"cmp"
	"net/netip"
	"slices"
)

// This file is RFC 6724, 6: in which order a host's addresses are tried.

// A destination is an address to be tried, with what its order depends on.
type destination struct {
	addr   netip.Addr // as it was given
	dst    netip.Addr // without zone
	source *address   // nil: there is none
}

// SortDestinations sorts the addresses of a host, best first: those that can be
// reached, by IPv6 rather than by IPv4 where both fit. Addresses that are equally
// good keep their order. An address may have a zone.
func (h *Host) SortDestinations(addrs []netip.Addr) {
	t := h.net.Load()
	list := make([]*destination, len(addrs))
	for i, a := range addrs {
		dst := a.Unmap().WithZone("")
		list[i] = &destination{a, dst, t.sourceTo(dst, a.Zone())}
	}
	slices.SortStableFunc(list, compareDestinations)
	for i := range list {
		addrs[i] = list[i].addr
	}
}

// sourceTo returns the address that packets to dst come from, or nil where they
// cannot go at all.
func (t *topology) sourceTo(dst netip.Addr, zone string) *address {
	if !dst.IsValid() || dst.IsUnspecified() {
		return nil
	}
	if t.isOwn(dst) && !t.isElsewhere(dst, zone) {
		return &address{prefix: netip.PrefixFrom(dst, dst.BitLen())}
	}
	e, ok := t.find(netip.Addr{}, dst, zone)
	if !ok {
		return nil
	}
	p := t.place(e.ifc)
	if p == nil {
		return nil
	}
	nextHop := dst
	if e.gateway.IsValid() {
		nextHop = e.gateway
	}
	return selectSource(p.addrs, dst, nextHop)
}

// compareDestinations is negative if a is to be tried before b, positive if after:
// RFC 6724, 6. Rules 4 and 7 say nothing here.
func compareDestinations(a, b *destination) int {
	// "Rule 1: Avoid unusable destinations."
	if a.source == nil || b.source == nil {
		return boolCompare(a.source != nil, b.source != nil)
	}
	sa, sb := a.source.prefix.Addr(), b.source.prefix.Addr()
	pa, pb := policyOf(a.dst), policyOf(b.dst)
	return cmp.Or(
		// "Rule 2: Prefer matching scope."
		boolCompare(scopeOf(a.dst) == scopeOf(sa), scopeOf(b.dst) == scopeOf(sb)),
		// "Rule 3: Avoid deprecated addresses."
		boolCompare(!a.source.avoided(), !b.source.avoided()),
		// "Rule 5: Prefer matching label."
		boolCompare(policyOf(sa).label == pa.label, policyOf(sb).label == pb.label),
		// "Rule 6: Prefer higher precedence."
		cmp.Compare(pb.precedence, pa.precedence),
		// "Rule 8: Prefer smaller scope."
		cmp.Compare(scopeOf(a.dst), scopeOf(b.dst)),
		// "Rule 9: Use longest matching prefix. When DA and DB belong to the same address
		// family": rule 6 has told the families apart.
		cmp.Compare(matching(b), matching(a)),
	)
}

// matching is CommonPrefixLen(Source(D), D) where it tells something. IPv4 addresses
// say nothing of who is near, and servers spread load by their order, which rule 9
// would undo: package net leaves them alone, too. "Rules 9 and 10 MAY be superseded
// [...]".
func matching(d *destination) int {
	if d.dst.Is4() {
		return 0
	}
	return commonPrefixLen(d.source.prefix, d.dst)
}
