package host

import (
	"net/netip"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// A route says where packets to one destination leave.
type route struct {
	ifc     *iface
	src     netip.Addr
	nextHop netip.Addr
	nbr     *neighbour // of nextHop; nil where there is none to find: no Ethernet, or a group
	mac     wire.MAC   // of a group on Ethernet
	mtu     int        // bytes, IP header included
}

var limitedBroadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// broadcastOf returns the broadcast address of an IPv4 network; the zero Addr for
// the networks of RFC 3021 and single addresses, which have none.
func broadcastOf(p netip.Prefix) netip.Addr {
	if !p.Addr().Is4() || p.Bits() > 30 {
		return netip.Addr{}
	}
	a := p.Addr().As4()
	for i := p.Bits(); i < 32; i++ {
		a[i/8] |= 0x80 >> (i % 8)
	}
	return netip.AddrFrom4(a)
}

// withZone returns ap with the name of the interface that has the address local,
// if ap is of a scope that needs it.
func (h *Host) withZone(ap netip.AddrPort, local netip.Addr) netip.AddrPort {
	a := ap.Addr()
	if !a.Is6() || !a.IsLinkLocalUnicast() || a.Zone() != "" {
		return ap
	}
	if ifc := h.net.Load().own[local]; ifc != nil {
		a = a.WithZone(ifc.name)
	}
	return netip.AddrPortFrom(a, ap.Port())
}

// isGroup says whether packets to a go to more than one host.
func (h *Host) isGroup(a netip.Addr) bool { return a.IsMulticast() || h.net.Load().isBroadcast(a) }

// mayBind says whether a socket of p may have the address a, which is no
// wildcard.
func (h *Host) mayBind(p wire.Protocol, a netip.Addr) bool {
	return h.net.Load().isOwn(a) || p == wire.ProtocolUDP && h.isGroup(a)
}

// routeGeneration changes whenever routes or addresses do: a route looked up
// before that is to be looked up again.
func (h *Host) routeGeneration() uint32 { return h.net.Load().generation }

// lookupRoute returns the way to dst. If src is no address, or an unspecified
// one, it is chosen, otherwise it must be our own. A link-local dst needs a zone
// or a src to tell the interface; without, the first that has IPv6 is taken.
func (h *Host) lookupRoute(src, dst netip.Addr) (route, error) {
	t := h.net.Load()
	zone := dst.Zone()
	if zone == "" {
		zone = src.Zone()
	}
	src, dst = src.Unmap().WithZone(""), dst.Unmap().WithZone("")
	if !src.IsValid() || src.IsUnspecified() {
		src = netip.Addr{}
	} else if !t.isOwn(src) || src.Is4() != dst.Is4() {
		return route{}, ErrAddrNotAvail
	}
	if !dst.IsValid() || dst.IsUnspecified() {
		return route{}, ErrNoRoute
	}
	if t.isOwn(dst) && !t.isElsewhere(dst, zone) {
		return h.routeToSelf(src, dst), nil
	}
	if src.IsLoopback() {
		return route{}, ErrAddrNotAvail
	}
	entry, ok := t.find(src, dst, zone)
	if !ok {
		return route{}, ErrNoRoute
	}
	r := route{ifc: entry.ifc, src: src, nextHop: dst, mtu: entry.ifc.mtu(dst)}
	if entry.gateway.IsValid() {
		r.nextHop = entry.gateway
	}
	if !src.IsValid() {
		if r.src = t.sourceFor(entry.ifc, dst, r.nextHop); !r.src.IsValid() {
			return route{}, ErrNoRoute
		}
	}
	if entry.ifc.linkInfo.Medium == link.Ethernet {
		switch {
		case t.isBroadcast(dst):
			r.mac = wire.Broadcast
		case dst.IsMulticast():
			r.mac = wire.MulticastMAC(dst)
		default:
			r.nbr = entry.ifc.neighbours.get(r.nextHop)
		}
	}
	return r, nil
}

func (h *Host) routeToSelf(src, dst netip.Addr) route {
	if !src.IsValid() {
		src = dst
		if dst.Is4() && dst.IsLoopback() {
			src = netip.AddrFrom4([4]byte{127, 0, 0, 1})
		}
	}
	return route{ifc: h.lo, src: src, nextHop: dst, mtu: loopbackMTU}
}

// find returns the entry for dst, which is not our own. Among entries of one
// prefix the one on src's interface comes first.
func (t *topology) find(src, dst netip.Addr, zone string) (e routeEntry, ok bool) {
	var only *iface
	switch scoped := dst.Is6() && dst.IsLinkLocalUnicast() || dst.IsMulticast() || dst == limitedBroadcast; {
	case zone != "":
		if only = t.ifaceNamed(zone); only == nil {
			return e, false
		}
	case scoped && src.IsValid():
		only = t.own[src]
	case dst.Is4() && t.broadcasts[dst] != nil:
		only = t.broadcasts[dst]
	}
	for _, c := range t.routes {
		switch {
		case ok && c.prefix.Bits() < e.prefix.Bits():
			return e, true
		case !c.prefix.Contains(dst) || only != nil && c.ifc != only || c.ifc.down.Load():
		case !ok, c.ifc == t.own[src] && e.ifc != t.own[src]:
			e, ok = c, true
		}
	}
	if ok && !(dst.IsMulticast() || dst == limitedBroadcast) {
		return e, true
	}
	return t.findGroup(e, ok, only, dst)
}

// findGroup returns the entry for a group: it is always on the link, of the
// interface given, or of the route that covers it, or of the first that has an
// address of its family.
func (t *topology) findGroup(e routeEntry, ok bool, only *iface, dst netip.Addr) (routeEntry, bool) {
	if !dst.IsMulticast() && dst != limitedBroadcast {
		return e, false
	}
	if only == nil && ok {
		only = e.ifc
	}
	for _, p := range t.places[1:] {
		if only != nil && p.ifc != only || p.ifc.down.Load() {
			continue
		}
		for _, a := range p.addrs {
			if !a.tentative && a.prefix.Addr().Is4() == dst.Is4() {
				return routeEntry{ifc: p.ifc}, true
			}
		}
	}
	return e, false
}
