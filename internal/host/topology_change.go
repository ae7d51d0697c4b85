package host

import (
	"net/netip"
	"slices"

	"github.com/usernet-go/usernet/internal/text"
	"github.com/usernet-go/usernet/link"
)

// change publishes what edit makes of a copy of the topology, unless that fails
// or the host is closed, and tells those who depend on it. No lock may be held.
func (h *Host) change(edit func(t *topology) error) error {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return ErrClosed
	}
	old := h.net.Load()
	t := old.clone()
	if err := edit(t); err != nil {
		h.mu.Unlock()
		return err
	}
	t.derive()
	h.net.Store(t)
	h.mu.Unlock()
	h.changed(old, t)
	return nil
}

// changed tells those who depend on the topology what has become of it. Changes
// that are made at the same time may be told in any order: each is to be compared
// with what holds now.
func (h *Host) changed(old, t *topology) {
	now := h.clock.Now()
	h.addressesGone(now, old.lost(t))
	h.syncGroups(now, old, t)
	for _, p := range t.places {
		if p.ifc.autoconf != nil {
			p.ifc.autoconf.changed(now)
		}
	}
	h.watch.signal(h)
}

// attach adds an interface with its addresses and routes.
func (t *topology) attach(ifc *iface, addrs []address, routes []routeEntry) error {
	if ifc.name == "" {
		ifc.name = t.freeName()
	} else if t.ifaceNamed(ifc.name) != nil {
		return text.Errorf("%w: there is an interface %q already", ErrExists, ifc.name)
	}
	t.places = append(t.places, place{ifc: ifc})
	for _, a := range addrs {
		if err := t.addAddress(ifc, a); err != nil {
			return err
		}
	}
	for _, r := range routes {
		if err := t.addRoute(r); err != nil {
			return err
		}
	}
	return nil
}

func (t *topology) freeName() string {
	for i := len(t.places); ; i++ {
		if name := text.Sprintf("link%d", i); t.ifaceNamed(name) == nil {
			return name
		}
	}
}

// detach takes an interface away, with its addresses and routes.
func (t *topology) detach(ifc *iface) {
	t.places = slices.DeleteFunc(t.places, func(p place) bool { return p.ifc == ifc })
	t.routes = slices.DeleteFunc(t.routes, func(r routeEntry) bool { return r.ifc == ifc })
}

// addAddress gives ifc one more address. One that another interface has, or the
// same, is refused.
func (t *topology) addAddress(ifc *iface, a address) error {
	ip := a.prefix.Addr()
	for _, p := range t.places[1:] {
		if p.find(ip) == nil {
			continue
		}
		return text.Errorf("%w: %v is an address of interface %q already", ErrExists, ip, p.ifc.name)
	}
	p := t.place(ifc)
	if p == nil {
		return ErrNoInterface
	}
	p.addrs = append(p.addrs, a)
	return nil
}

// removeAddress takes the address a away from ifc; false if it has none such.
func (t *topology) removeAddress(ifc *iface, a netip.Addr) bool {
	p := t.place(ifc)
	if p == nil || p.find(a) == nil {
		return false
	}
	p.addrs = slices.DeleteFunc(p.addrs, func(own address) bool { return own.prefix.Addr() == a })
	return true
}

// addRoute adds a route behind those of the same prefix.
func (t *topology) addRoute(r routeEntry) error {
	p := t.place(r.ifc)
	switch {
	case p == nil:
		return ErrNoInterface
	case r.gateway.IsValid() && r.ifc.linkInfo.Medium == link.Ethernet && !p.reaches(r.gateway):
		return text.Errorf("%w: the gateway %v lies in no network of the interface's addresses", ErrBadRoute, r.gateway)
	case slices.Contains(t.routes, r):
		return text.Errorf("%w: route to %v", ErrExists, r.prefix)
	}
	t.routes = append(t.routes, r)
	return nil
}

// reaches says whether a can be a router on p's link.
func (p *place) reaches(a netip.Addr) bool {
	return a.Is6() && a.IsLinkLocalUnicast() || p.onLink(a)
}

// removeRoute takes a route away; false if there is none such.
func (t *topology) removeRoute(r routeEntry) bool {
	n := len(t.routes)
	t.routes = slices.DeleteFunc(t.routes, func(other routeEntry) bool { return other == r })
	return len(t.routes) < n
}
