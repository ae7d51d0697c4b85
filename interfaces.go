package usernet

import (
	"context"
	"errors"
	"net"
	"net/netip"

	"github.com/usernet-go/usernet/internal/host"
	"github.com/usernet-go/usernet/internal/text"
	"github.com/usernet-go/usernet/link"
)

// AddAddr gives the interface of that name one more address, with the length of
// the prefix that it shares with its neighbours there: 10.0.0.1/24.
//
// The errors of this and of the methods below say what is wrong, and wrap the
// errno that the kernel has for it: ENODEV where there is no interface of that
// name, EEXIST for what is there already, EADDRNOTAVAIL and ESRCH for an address
// and a route that are not there, EINVAL for what cannot be.
func (s *Stack) AddAddr(ifname string, addr netip.Prefix) error {
	return configError(s.host.AddAddress(ifname, addr), "add address %v to %s", addr, ifname)
}

// RemoveAddr takes an address away from the interface of that name. Connections
// that have it end: what has arrived can be read, after that reads and writes
// return EADDRNOTAVAIL. Listeners and sockets that are bound to it stay, and work
// again when it returns.
func (s *Stack) RemoveAddr(ifname string, addr netip.Addr) error {
	return configError(s.host.RemoveAddress(ifname, addr), "remove address %v from %s", addr, ifname)
}

// WaitAddr waits until the interface of that name has an IPv6 address that may be
// used beyond its link, and returns it with the length of its prefix: by
// Interface.Autoconfigure, for one. Its error is the context's, or as those of
// AddAddr.
func (s *Stack) WaitAddr(ctx context.Context, ifname string) (netip.Prefix, error) {
	p, err := s.host.WaitAddress(ctx, ifname)
	return p, configError(err, "wait for an address of %s", ifname)
}

// A Route says by which interface and router a prefix is reached.
type Route struct {
	Prefix    netip.Prefix // of the destinations: 10.1.0.0/16, or 0.0.0.0/0 for all
	Gateway   netip.Addr   // the router; the zero Addr for what is on the link
	Interface string       // its name

	// Origin is "configured", "connected" where the route follows from an address, or
	// "advertised" or "redirected" by a router. AddRoute and RemoveRoute ignore it.
	Origin string
}

func (r Route) String() string {
	via := ""
	if r.Gateway.IsValid() {
		via = " via " + r.Gateway.String()
	}
	return text.Sprintf("%v%s dev %s", r.Prefix, via, r.Interface)
}

// AddRoute adds a route. Of several to one prefix the one that was added first is
// taken, unless its interface is down. On Ethernet the gateway is an IPv6
// link-local address, or lies in a network of the interface's addresses.
func (s *Stack) AddRoute(r Route) error {
	return configError(s.host.AddRoute(host.Route(r)), "add route %v", r)
}

// RemoveRoute takes away a route that AddRoute has added, or one by a gateway of
// Attach.
func (s *Stack) RemoveRoute(r Route) error {
	return configError(s.host.RemoveRoute(host.Route(r)), "remove route %v", r)
}

// Routes returns the routes in the order in which they are looked at: the longest
// prefix first.
func (s *Stack) Routes() []Route {
	var list []Route
	for _, r := range s.host.Routes() {
		list = append(list, Route(r))
	}
	return list
}

// Detach takes away the interface of that name with its addresses and routes, and
// closes its link. Connections whose address goes with it end as by RemoveAddr. It
// must not be called from within a delivery of the link.
func (s *Stack) Detach(ifname string) error {
	return configError(s.host.Detach(ifname), "detach %s", ifname)
}

// An InterfaceState is what an interface of a stack has become.
type InterfaceState struct {
	Name   string
	Medium link.Medium
	MTU    int              // largest IP packet in bytes
	MAC    net.HardwareAddr // nil unless Medium is Ethernet
	Down   bool             // the link has ended with an error: Detach it, and attach another
	Addrs  []AddrState
}

// An AddrState is an address of an interface, and what it is good for.
type AddrState struct {
	Prefix     netip.Prefix
	Tentative  bool // not used yet: it is being checked that no other host has it (RFC 4862, 5.4)
	Optimistic bool // likewise, but it is used meanwhile (RFC 4429)
	Deprecated bool // its preferred lifetime is over: new connections take another if there is one
}

// Interfaces returns the interfaces in the order in which they were attached.
func (s *Stack) Interfaces() []InterfaceState {
	var list []InterfaceState
	for _, h := range s.host.Interfaces() {
		i := InterfaceState{Name: h.Name, Medium: h.Medium, MTU: h.MTU, Down: h.Down}
		if h.Medium == link.Ethernet {
			i.MAC = h.MAC[:]
		}
		for _, a := range h.Addrs {
			i.Addrs = append(i.Addrs, AddrState(a))
		}
		list = append(list, i)
	}
	return list
}

// configError adds to an error of the engine what was to be done, and the errno.
func configError(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	what := text.Sprintf(format, args...)
	for _, e := range errnos {
		if errors.Is(err, e.sentinel) {
			return &explainedError{"usernet: " + what + ": " + err.Error(), e.errno}
		}
	}
	return text.Errorf("usernet: %s: %w", what, cause("", err))
}

// An explainedError says in words what its cause, an errno, leaves open.
type explainedError struct {
	text  string
	cause error
}

func (e *explainedError) Error() string { return e.text }
func (e *explainedError) Unwrap() error { return e.cause }
