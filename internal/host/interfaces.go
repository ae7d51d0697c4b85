package host

import (
	"net/netip"

	"github.com/usernet-go/usernet/internal/text"
	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// This file is what the application does to interfaces, addresses and routes while
// the host lives.

// Attach hands the link l over to the host, which closes it when it is closed
// itself, and adds the interface that config describes. When it returns, packets
// are received. With an error, which is ErrClosed or wraps ErrBadInterface, the
// link stays the caller's. With one that wraps ErrAddrInUse, which tells that
// another host has one of the addresses, or when the interface or an address is taken
// away while they are checked, the link has been closed.
func (h *Host) Attach(l link.Link, config InterfaceConfig) error {
	ifc, addrs, err := newInterface(h, l, config)
	if err != nil {
		return err
	}
	gateways, err := ifc.defaultRoutes(config.Gateways)
	if err != nil {
		return err
	}
	if err := checkAutoconfigure(&config, ifc.info()); err != nil {
		return err
	}
	if err := h.sharePorts(l); err != nil {
		return err
	}
	queues := ifc.info().Queues
	err = h.change(func(t *topology) error {
		if err := t.attach(ifc, addrs, gateways); err != nil {
			return text.Errorf("%w: %w", ErrBadInterface, err)
		}
		if ifc.autoconf != nil && needsLinkLocal(addrs, config.Autoconfigure) {
			if err := t.addAddress(ifc, ifc.autoconf.linkLocal()); err != nil {
				return text.Errorf("%w: %w", ErrBadInterface, err)
			}
		}
		h.receivers.Add(queues)
		ifc.receivers.Add(queues)
		return nil
	})
	if err != nil {
		h.unsharePorts(l)
		return err
	}
	running := make(chan struct{})
	for q := range queues {
		go ifc.receive(q, running)
	}
	for range queues {
		<-running
	}
	if ifc.autoconf == nil {
		return nil
	}
	checks := ifc.autoconf.expect(addrs)
	ifc.autoconf.start(h.clock.Now(), config.Autoconfigure)
	if err := ifc.autoconf.wait(checks); err != nil {
		// What it can say against that: somebody was faster, which is as well. Another
		// interface may have the name by then.
		_ = h.detach(func(*topology) *iface { return ifc })
		return err
	}
	return nil
}

// Detach takes the interface of that name away and closes its link. Connections
// whose local address goes with it end with ErrAddrNotAvail. It returns when
// nothing is delivered from the link any more, so it must not be called from
// within a delivery.
func (h *Host) Detach(name string) error {
	err := h.detach(func(t *topology) *iface { return t.ifaceNamed(name) })
	if err == ErrNoInterface {
		return text.Errorf("%w: %q", err, name)
	}
	return err
}

// detach takes away the interface that which returns.
func (h *Host) detach(which func(*topology) *iface) error {
	var ifc *iface
	err := h.change(func(t *topology) error {
		if ifc = which(t); ifc == nil || ifc == h.lo || t.place(ifc) == nil {
			return ErrNoInterface
		}
		t.detach(ifc)
		return nil
	})
	if err != nil {
		return err
	}
	ifc.down.Store(true)
	h.unsharePorts(ifc.link)
	ifc.close()
	ifc.receivers.Wait()
	ifc.neighbours.close()
	return nil
}

// AddAddress gives the interface of that name one more address, with the length of
// its network's prefix, to which there is a route from then on. Where duplicates
// are detected it waits for that, as Attach does.
func (h *Host) AddAddress(name string, p netip.Prefix) error {
	var ifc *iface
	var checks *checkWaiter
	err := h.change(func(t *topology) (err error) {
		if ifc, err = h.namedIn(t, name); err != nil {
			return err
		}
		a, err := ifc.newAddress(p)
		if err != nil {
			return err
		}
		if err := t.addAddress(ifc, a); err != nil {
			return err
		}
		if ifc.autoconf != nil && needsLinkLocal(t.place(ifc).addrs, false) {
			if err := t.addAddress(ifc, ifc.autoconf.linkLocal()); err != nil {
				return err
			}
		}
		checks = ifc.autoconf.expect([]address{a})
		return nil
	})
	if err != nil {
		return err
	}
	return ifc.autoconf.wait(checks)
}

// RemoveAddress takes an address away from the interface of that name.
// Connections that have it end with ErrAddrNotAvail.
func (h *Host) RemoveAddress(name string, a netip.Addr) error {
	return h.change(func(t *topology) error {
		ifc, err := h.namedIn(t, name)
		if err != nil {
			return err
		}
		if !t.removeAddress(ifc, a.Unmap().WithZone("")) {
			return text.Errorf("%w: interface %q has no address %v", ErrAddrNotAvail, name, a)
		}
		return nil
	})
}

func (h *Host) namedIn(t *topology, name string) (*iface, error) {
	ifc := t.ifaceNamed(name)
	if ifc == nil || ifc == h.lo {
		return nil, text.Errorf("%w: %q", ErrNoInterface, name)
	}
	return ifc, nil
}

// A Route says by which interface and router a prefix is reached.
type Route struct {
	Prefix    netip.Prefix
	Gateway   netip.Addr // the router; the zero Addr for what is on the link
	Interface string
	// Origin is who made the route; AddRoute and RemoveRoute ignore it.
	Origin string
}

var routeOrigins = [...]string{routeConfigured: "configured", routeConnected: "connected", routeAdvertised: "advertised", routeRedirected: "redirected"}

// AddRoute adds a route. Of several to one prefix the first that was added is
// taken, unless its interface is down.
func (h *Host) AddRoute(r Route) error {
	return h.change(func(t *topology) error {
		e, err := h.entry(t, r)
		if err != nil {
			return err
		}
		return t.addRoute(e)
	})
}

// RemoveRoute takes a route away that AddRoute or Attach has added.
func (h *Host) RemoveRoute(r Route) error {
	return h.change(func(t *topology) error {
		e, err := h.entry(t, r)
		if err != nil {
			return err
		}
		if !t.removeRoute(e) {
			return text.Errorf("%w: no route to %v of this kind", ErrNoRouteEntry, r.Prefix)
		}
		return nil
	})
}

// entry checks a route that the application gives.
func (h *Host) entry(t *topology, r Route) (routeEntry, error) {
	ifc, err := h.namedIn(t, r.Interface)
	if err != nil {
		return routeEntry{}, err
	}
	p, g := r.Prefix, r.Gateway.WithZone("")
	switch {
	case !p.IsValid() || p.Addr().Is4In6() || p != p.Masked():
		return routeEntry{}, text.Errorf("%w: %v is no prefix, as in 10.0.0.0/8", ErrBadRoute, p)
	case g.IsValid() && (g.Is4() != p.Addr().Is4() || g.Is4In6() || g.IsUnspecified() || g.IsMulticast() || t.isOwn(g)):
		return routeEntry{}, text.Errorf("%w: %v cannot be the gateway to %v", ErrBadRoute, r.Gateway, p)
	}
	return routeEntry{prefix: p, ifc: ifc, gateway: g}, nil
}

// Routes returns the routes, in the order in which they are looked at.
func (h *Host) Routes() []Route {
	t := h.net.Load()
	list := make([]Route, 0, len(t.routes))
	for _, r := range t.routes {
		list = append(list, Route{Prefix: r.prefix, Gateway: r.gateway, Interface: r.ifc.name, Origin: routeOrigins[r.origin]})
	}
	return list
}

// An InterfaceState is what an interface has become.
type InterfaceState struct {
	Name   string
	Medium link.Medium
	MTU    int // bytes
	MAC    wire.MAC
	Down   bool // the link has ended
	Addrs  []AddressState
}

// An AddressState is an address of an interface, and what it is good for.
type AddressState struct {
	Prefix     netip.Prefix
	Tentative  bool // it is being checked that no other host has it, and not used yet
	Optimistic bool // likewise, but it is in use
	Deprecated bool // its preferred lifetime is over
}

// Interfaces returns the interfaces in the order in which they were attached,
// without the loopback.
func (h *Host) Interfaces() []InterfaceState {
	t := h.net.Load()
	var list []InterfaceState
	for _, p := range t.places[1:] {
		s := InterfaceState{
			Name: p.ifc.name, Medium: p.ifc.linkInfo.Medium, MTU: p.ifc.linkInfo.MTU, MAC: p.ifc.mac, Down: p.ifc.down.Load(),
		}
		for _, a := range p.addrs {
			s.Addrs = append(s.Addrs, AddressState{a.prefix, a.tentative, a.optimistic, a.deprecated})
		}
		list = append(list, s)
	}
	return list
}
