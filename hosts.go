package usernet

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// static knows literals and localhost, and those of Hosts and HostsFunc.
func (r *Resolver) static(name string) (list []netip.Addr, ok bool) {
	if list, ok = literal(name); ok {
		return list, true
	}
	if r.Stack == nil {
		return nil, false // the error is the look-up's
	}
	if list = slices.Clone(r.known(name)); len(list) == 0 {
		if list = r.knownElsewhere(name); len(list) == 0 {
			return nil, false
		}
	}
	r.sort(list)
	return list, true
}

// known returns the addresses that Hosts has for a name, in whatever case it is
// there, and be it in several.
func (r *Resolver) known(name string) []netip.Addr {
	r.indexOnce.Do(func() {
		r.index = make(map[string][]netip.Addr, len(r.Hosts))
		for _, name := range slices.Sorted(maps.Keys(r.Hosts)) {
			for _, addr := range r.Hosts[name] {
				if addr.IsValid() { // another would stand for the stack itself
					r.index[hostKey(name)] = append(r.index[hostKey(name)], addr.Unmap())
				}
			}
		}
	})
	return r.index[hostKey(name)]
}

// knownElsewhere returns the addresses that HostsFunc has for a name.
func (r *Resolver) knownElsewhere(name string) (list []netip.Addr) {
	if r.HostsFunc == nil {
		return nil
	}
	for _, addr := range r.HostsFunc(hostKey(name)) {
		if addr.IsValid() { // as in known
			list = append(list, addr.Unmap())
		}
	}
	return list
}

// ownHost returns what stands for the stack itself, which answers at once: no
// name, "[::]", "localhost".
func ownHost(name string) ([]netip.Addr, bool) {
	switch name {
	case "":
		return []netip.Addr{{}}, true
	case "::":
		// As in net: whoever says "[::]" means this host, in either family.
		return []netip.Addr{netip.IPv6Unspecified(), netip.IPv4Unspecified()}, true
	}
	// RFC 6761, 6.3: "Name resolution APIs and libraries SHOULD recognize
	// localhost names as special and SHOULD always return the IP loopback address"
	if key := hostKey(name); key == "localhost" || strings.HasSuffix(key, ".localhost") {
		return []netip.Addr{netip.IPv6Loopback(), netip.AddrFrom4([4]byte{127, 0, 0, 1})}, true
	}
	return nil, false
}

// hostKey returns the form in which names of Hosts are compared.
func hostKey(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// names returns the names of Hosts that have an address, in order.
func (r *Resolver) names(addr netip.Addr) (names []string) {
	for name, addrs := range r.Hosts {
		if slices.ContainsFunc(addrs, func(a netip.Addr) bool { return a.Unmap() == addr }) {
			names = append(names, absolute(name))
		}
	}
	slices.Sort(names)
	return names
}

// absolute returns a name of Hosts as package net shows it: with a dot at the end
// where there is one within, since a name without is a nickname.
func absolute(name string) string {
	if strings.Contains(name, ".") && !strings.HasSuffix(name, ".") {
		name += "."
	}
	return name
}
