package host

import (
	"net/netip"
	"slices"
)

// A topology is the host's interfaces, addresses and routes. Once published it is
// immutable: Host.change publishes an edited copy, so that the way of a packet
// needs no lock.
type topology struct {
	generation uint32
	places     []place      // the interfaces; the first is lo
	routes     []routeEntry // longest prefix first, then the order in which they were added

	// What follows from the above, for the way of a packet: see derive.
	own        map[netip.Addr]*iface // our usable addresses, without those of lo
	tentative  map[netip.Addr]*iface // those that are being checked first
	broadcasts map[netip.Addr]*iface // of our IPv4 networks
}

// A place is an interface and the addresses that it has.
type place struct {
	ifc   *iface
	addrs []address // in the order in which they were added
}

// An addressOrigin says who gave the host an address.
type addressOrigin uint8

const (
	originConfigured addressOrigin = iota // the application
	originLinkLocal                       // the host, for an interface with IPv6
	originAutoconf                        // a router's prefix: RFC 4862, 5.5
)

// An address is one of an interface's addresses, and what it may be used for.
type address struct {
	prefix netip.Prefix // the address, not masked, with the length of its network's prefix
	origin addressOrigin
	// tentative: RFC 4862, 2: "an address whose uniqueness on a link is being
	// verified, prior to its assignment to an interface." It is no source, and nothing
	// is taken for it.
	tentative bool
	// optimistic: it is used, with restrictions, while its uniqueness is verified
	// (RFC 4429, 2.1).
	optimistic bool
	// deprecated: RFC 4862, 2: "An address assigned to an interface whose use is
	// discouraged, but not forbidden."
	deprecated bool
}

// A routeOrigin says who gave the host a route.
type routeOrigin uint8

const (
	routeConfigured routeOrigin = iota // the application
	routeConnected                     // it follows from an address
	routeAdvertised                    // a router's advertisement: RFC 4861, 6.3.4
	routeRedirected                    // a router's redirect: RFC 4861, 8.3
)

// A routeEntry says by which interface and router a prefix is reached.
type routeEntry struct {
	prefix  netip.Prefix // masked
	ifc     *iface
	gateway netip.Addr // the zero Addr: destinations are on the link
	origin  routeOrigin
}

func newTopology(lo *iface) *topology {
	t := &topology{places: []place{{ifc: lo, addrs: []address{
		{prefix: netip.MustParsePrefix("127.0.0.1/8")},
		{prefix: netip.MustParsePrefix("::1/128")},
	}}}}
	t.derive()
	return t
}

// clone returns a copy that may be edited; what is derived stays as it was until
// derive.
func (t *topology) clone() *topology {
	n := *t
	n.generation++
	n.places, n.routes = slices.Clone(t.places), slices.Clone(t.routes)
	for i := range n.places {
		n.places[i].addrs = slices.Clone(n.places[i].addrs)
	}
	return &n
}

// derive fills in what follows from places, and the order of routes.
func (t *topology) derive() {
	t.own, t.tentative = make(map[netip.Addr]*iface), make(map[netip.Addr]*iface)
	t.broadcasts = make(map[netip.Addr]*iface)
	t.routes = slices.DeleteFunc(t.routes, func(r routeEntry) bool { return r.origin == routeConnected })
	for _, p := range t.places[1:] {
		for _, a := range p.addrs {
			t.deriveFrom(p.ifc, a)
		}
	}
	t.sortRoutes()
}

// sortRoutes brings the routes into order and leaves those of one rank as they are, by
// counting how many there are of each: its time is linear, and to sort values of this size
// package slices has 8 KB of code.
func (t *topology) sortRoutes() {
	var next [2*128 + 3]int // where the next one of a rank goes
	for i := range t.routes {
		next[t.routes[i].rank()+1]++
	}
	for i := range next[1:] {
		next[i+1] += next[i]
	}
	sorted := make([]routeEntry, len(t.routes))
	for _, r := range t.routes {
		at := &next[r.rank()]
		sorted[*at] = r
		*at++
	}
	t.routes = sorted
}

// rank is the lower the earlier r is to be asked: the longest prefix first, of those the
// connected. It is at most 2*128 + 1.
func (r *routeEntry) rank() int {
	rank := 2 * (128 - r.prefix.Bits())
	if r.origin != routeConnected {
		rank++
	}
	return rank
}

func (t *topology) deriveFrom(ifc *iface, a address) {
	ip := a.prefix.Addr()
	if a.tentative {
		t.tentative[ip] = ifc
		return
	}
	t.own[ip] = ifc
	if b := broadcastOf(a.prefix); b.IsValid() {
		t.broadcasts[b] = ifc
	}
	// Who configures an address with the length of its prefix says what is on the link.
	// Of an autoconfigured one the router says that: RFC 4861, 6.3.4, and RFC 5942, 4.
	r := routeEntry{prefix: a.prefix.Masked(), ifc: ifc, origin: routeConnected}
	if a.origin != originAutoconf && !slices.Contains(t.routes, r) {
		t.routes = append(t.routes, r)
	}
}

// boolCompare orders true before false.
func boolCompare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// place returns where ifc stands, or nil when it is gone.
func (t *topology) place(ifc *iface) *place {
	for i := range t.places {
		if t.places[i].ifc == ifc {
			return &t.places[i]
		}
	}
	return nil
}

// ifaceNamed returns the interface that a zone names, or nil.
func (t *topology) ifaceNamed(name string) *iface {
	for i := range t.places {
		if t.places[i].ifc.name == name {
			return t.places[i].ifc
		}
	}
	return nil
}

// isOwn says whether packets to a are for the host itself.
func (t *topology) isOwn(a netip.Addr) bool { return t.own[a] != nil || a.IsLoopback() }

// isElsewhere says whether zone names another link than that on which we have the
// link-local address a. RFC 4007, 6: "[...] the same non-global address may be in use in
// more than one zone of the same scope": there it is another host.
func (t *topology) isElsewhere(a netip.Addr, zone string) bool {
	ifc := t.own[a]
	return ifc != nil && zone != "" && ifc.name != zone && a.Is6() && a.IsLinkLocalUnicast()
}

// isBroadcast says whether a is an IPv4 broadcast address, of the link or of one
// of our networks.
func (t *topology) isBroadcast(a netip.Addr) bool {
	return a == limitedBroadcast || a.Is4() && t.broadcasts[a] != nil
}

// find returns the address a of p, or nil.
func (p *place) find(a netip.Addr) *address {
	for i := range p.addrs {
		if p.addrs[i].prefix.Addr() == a {
			return &p.addrs[i]
		}
	}
	return nil
}

// onLink says whether a lies in a network of p's addresses.
func (p *place) onLink(a netip.Addr) bool {
	return slices.ContainsFunc(p.addrs, func(own address) bool { return own.prefix.Contains(a) })
}
