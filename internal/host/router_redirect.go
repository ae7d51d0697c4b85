package host

import (
	"net/netip"
	"slices"
	"time"

	"github.com/usernet-go/usernet/wire"
)

// A redirectedRoute is a better first hop that a router has told.
type redirectedRoute struct {
	dst     netip.Addr
	gateway netip.Addr // the zero Addr: dst is on the link
}

func (r *redirectedRoute) event(kind routerEventKind) routerEvent {
	return routerEvent{kind: kind, prefix: netip.PrefixFrom(r.dst, r.dst.BitLen()), gateway: r.gateway, redirected: true}
}

// Redirect takes a redirect, which has passed the checks of wire.Redirect, from a
// router's address. firstHop is the present first hop to its destination.
//
// RFC 4861, 8.3: "A host receiving a valid redirect SHOULD update its Destination
// Cache accordingly so that subsequent traffic goes to the specified target."
func (d *routerDiscovery) Redirect(now time.Time, from, firstHop netip.Addr, m *wire.Redirect) Reason {
	// RFC 4861, 8.1: "The IP source address of the Redirect is the same as the current
	// first-hop router for the specified ICMP Destination Address."
	if !d.started || from != firstHop {
		return ReasonNDUnsolicited
	}
	r := redirectedRoute{dst: m.Destination}
	if m.Target != m.Destination {
		r.gateway = m.Target
	}
	if slices.Contains(d.redirects, r) || m.Target == from {
		return ReasonNone
	}
	if !d.redirected.allow(now) {
		return ReasonRouterLimit
	}
	d.dropRedirects(func(known *redirectedRoute) bool { return known.dst == r.dst })
	if len(d.redirects) >= maxRedirects {
		oldest := d.redirects[0]
		d.dropRedirects(func(known *redirectedRoute) bool { return *known == oldest })
	}
	d.redirects = append(d.redirects, r)
	d.out = append(d.out, r.event(eventAddRoute))
	return ReasonNone
}

// removeRedirects forgets what leads to the neighbour addr, which is gone. RFC
// 4861, 7.3.3: what used it is to "perform next-hop determination again".
func (d *routerDiscovery) removeRedirects(addr netip.Addr) {
	d.dropRedirects(func(r *redirectedRoute) bool {
		return r.gateway == addr || !r.gateway.IsValid() && r.dst == addr
	})
}

func (d *routerDiscovery) dropRedirects(which func(*redirectedRoute) bool) {
	d.redirects = slices.DeleteFunc(d.redirects, func(r redirectedRoute) bool {
		drop := which(&r)
		if drop {
			d.out = append(d.out, r.event(eventRemoveRoute))
		}
		return drop
	})
}
