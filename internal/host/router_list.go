package host

import (
	"net/netip"
	"slices"
	"time"

	"github.com/usernet-go/usernet/wire"
)

// A defaultRouter is an entry of the Default Router List (RFC 4861, 5.1).
type defaultRouter struct {
	addr       netip.Addr
	preference wire.RouterPreference
	until      time.Time
	suspect    bool // it did not answer when it was asked
	advertised tokenBucket
}

func (d *routerDiscovery) router(addr netip.Addr) *defaultRouter {
	for _, r := range d.routers {
		if r.addr == addr {
			return r
		}
	}
	return nil
}

// advertisedRouter takes what m says of the router from as a default router: RFC
// 4861, 6.3.4.
func (d *routerDiscovery) advertisedRouter(now time.Time, from netip.Addr, m *wire.RouterAdvertisement) Reason {
	r := d.router(from)
	switch {
	case m.RouterLifetime == 0 && r == nil:
		return ReasonNone
	case m.RouterLifetime == 0:
		// "If the address is already present in the host's Default Router List and the
		// received Router Lifetime value is zero, immediately time-out the entry".
		d.removeRouter(from)
		return ReasonNone
	case r == nil && len(d.routers) >= maxRouters:
		// "To limit the storage needed for the Default Router List, a host MAY choose not
		// to store all of the router addresses".
		return ReasonRouterFull
	case r == nil:
		r = &defaultRouter{addr: from}
		r.advertised.init(maxRouterRate, maxRouterBurst)
		d.routers = append(d.routers, r)
	}
	r.preference = m.Preference
	r.until = now.Add(time.Duration(m.RouterLifetime) * time.Second)
	if !m.SourceMAC.IsZero() {
		// A neighbour whose MAC is known is "probably reachable" (6.3.6): it is asked when
		// it is used.
		r.suspect = false
	}
	d.expect(r.until)
	d.chooseRouter()
	return ReasonNone
}

// removeRouter takes a router out of the list; what was redirected by it stays,
// unless it leads to the router itself.
func (d *routerDiscovery) removeRouter(addr netip.Addr) {
	d.routers = slices.DeleteFunc(d.routers, func(r *defaultRouter) bool { return r.addr == addr })
	d.removeRedirects(addr)
	d.chooseRouter()
}

// NotRouter says that the neighbour addr is no router any more. RFC 4861, 7.2.5:
// "In those cases where the IsRouter flag changes from TRUE to FALSE as a result of
// this update, the node MUST remove that router from the Default Router List".
func (d *routerDiscovery) NotRouter(addr netip.Addr) {
	if d.router(addr) != nil {
		d.removeRouter(addr)
	}
}

// Unreachable says that the neighbour addr does not answer.
func (d *routerDiscovery) Unreachable(addr netip.Addr) {
	d.removeRedirects(addr)
	r := d.router(addr)
	if r == nil {
		return
	}
	r.suspect = true
	if d.current == r && !slices.ContainsFunc(d.routers, func(r *defaultRouter) bool { return !r.suspect }) {
		// RFC 4861, 6.3.6: "When no routers on the list are known to be reachable or
		// probably reachable, routers SHOULD be selected in a round-robin fashion".
		i := slices.Index(d.routers, r)
		d.useRouter(d.routers[(i+1)%len(d.routers)])
		return
	}
	d.chooseRouter()
}

// Reachable says that the neighbour addr has answered.
func (d *routerDiscovery) Reachable(addr netip.Addr) {
	if r := d.router(addr); r != nil && r.suspect {
		r.suspect = false
		d.chooseRouter()
	}
}

// chooseRouter uses the best router. RFC 4191, 3.2: a host "primarily prefers
// reachable routers over non-reachable routers and secondarily uses the router
// preference values. If the host has no information about the router's
// reachability, then the host assumes the router is reachable."
func (d *routerDiscovery) chooseRouter() {
	var best *defaultRouter
	if d.current != nil {
		best = d.router(d.current.addr) // it stays, but for a better one
	}
	for _, r := range d.routers {
		switch {
		case best == nil, best.suspect && !r.suspect:
			best = r
		case best.suspect == r.suspect && !r.suspect && r.preference > best.preference:
			best = r
		}
	}
	d.useRouter(best)
}

// useRouter lets the default route lead to r, or to nobody.
func (d *routerDiscovery) useRouter(r *defaultRouter) {
	if r == d.current {
		return
	}
	if d.current != nil {
		d.out = append(d.out, routerEvent{kind: eventRemoveRoute, prefix: anywhere6, gateway: d.current.addr})
	}
	if d.current = r; r != nil {
		d.out = append(d.out, routerEvent{kind: eventAddRoute, prefix: anywhere6, gateway: r.addr})
	}
}

// expireRouters is RFC 4861, 6.3.5: "Whenever the Lifetime of an entry in the
// Default Router List expires, that entry is discarded."
func (d *routerDiscovery) expireRouters(now time.Time) {
	for _, r := range slices.Clone(d.routers) {
		if over(now, r.until) {
			d.removeRouter(r.addr)
			continue
		}
		d.expect(r.until)
	}
}
