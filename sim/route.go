package sim

import (
	"net/netip"
	"slices"

	"github.com/usernet-go/usernet"
)

// routeLocked gives each host and router the routes that it needs, and takes away
// those that are wrong by now.
func (w *World) routeLocked() {
	for _, h := range w.hosts {
		want := h.routesLocked()
		for _, r := range h.routes {
			if !slices.Contains(want, r) {
				// A host that is closed needs no routes.
				_ = h.RemoveRoute(r)
			}
		}
		for _, r := range want {
			if !slices.Contains(h.routes, r) {
				_ = h.AddRoute(r)
			}
		}
		h.routes = want
	}
}

// A hop is the way out towards a network: a router in a network of the host's own.
type hop struct {
	out *place // the host's
	via *place // the router's
}

// routesLocked returns the routes of h to networks that are not its own. A host that
// has but one router sends everything there.
func (h *Host) routesLocked() []usernet.Route {
	if len(h.places) == 0 {
		return nil
	}
	if first, ok := h.onlyRouterLocked(); ok {
		return []usernet.Route{
			first.route(netip.PrefixFrom(netip.IPv4Unspecified(), 0)),
			first.route(netip.PrefixFrom(netip.IPv6Unspecified(), 0)),
		}
	}
	var routes []usernet.Route
	type reached struct {
		net *network
		hop hop // the zero hop at networks of h's own
	}
	var queue []reached
	known := make(map[*network]bool)
	for _, p := range h.places {
		known[p.net] = true
		queue = append(queue, reached{net: p.net})
	}
	for ; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		for _, via := range at.net.routers {
			if via.host == h {
				continue
			}
			way := at.hop
			if way.out == nil {
				way = hop{h.placeLocked(at.net), via}
			}
			for _, next := range via.host.places {
				if known[next.net] {
					continue
				}
				known[next.net] = true
				routes = append(routes, way.route(next.net.v4), way.route(next.net.v6))
				queue = append(queue, reached{next.net, way})
			}
		}
	}
	return routes
}

// onlyRouterLocked returns the one router that h has; false when it has none or a
// choice, or is a router itself.
func (h *Host) onlyRouterLocked() (only hop, ok bool) {
	if h.router {
		return hop{}, false
	}
	for _, p := range h.places {
		for _, via := range p.net.routers {
			if ok {
				return hop{}, false
			}
			only, ok = hop{p, via}, true
		}
	}
	return only, ok
}

// placeLocked returns where h is attached to n.
func (h *Host) placeLocked(n *network) *place {
	for _, p := range h.places {
		if p.net == n {
			return p
		}
	}
	return nil
}

// route returns the route by x to a prefix.
func (x hop) route(to netip.Prefix) usernet.Route {
	gateway := x.via.addr4.Addr()
	if to.Addr().Is6() {
		gateway = x.via.addr6.Addr()
	}
	return usernet.Route{Prefix: to, Gateway: gateway, Interface: x.out.ifname}
}
