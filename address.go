package usernet

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/usernet-go/usernet/internal/host"
)

// transport is what a network's name says before its digit.
type transport uint8

const (
	transportTCP transport = iota
	transportUDP
)

// addr returns ap as package net's address of the transport; an invalid IP
// becomes a nil one, which net prints as ":7".
func (t transport) addr(ap netip.AddrPort) net.Addr {
	if t == transportUDP {
		return net.UDPAddrFromAddrPort(ap)
	}
	return net.TCPAddrFromAddrPort(ap)
}

// network is the parsed name of a network; the zero value is "tcp".
type network struct {
	transport transport
	family    host.Family
}

var networkNames = [...][3]string{
	transportTCP: {host.FamilyAny: "tcp", host.FamilyIPv4: "tcp4", host.FamilyIPv6: "tcp6"},
	transportUDP: {host.FamilyAny: "udp", host.FamilyIPv4: "udp4", host.FamilyIPv6: "udp6"},
}

func (n network) String() string { return networkNames[n.transport][n.family] }

// parseNetwork reads the name of a network of one of the transports.
func parseNetwork(name string, transports ...transport) (network, error) {
	for _, t := range transports {
		for family, known := range networkNames[t] {
			if name == known {
				return network{t, host.Family(family)}, nil
			}
		}
	}
	return network{}, net.UnknownNetworkError(name)
}

// resolve reads address in package net's grammar and returns the endpoints that
// it may mean in the order in which they are to be tried; an empty host is an
// endpoint with an invalid IP. The errors are those of net: *net.AddrError,
// *net.DNSError.
func resolve(ctx context.Context, n network, address string) ([]netip.AddrPort, error) {
	if address == "" {
		return []netip.AddrPort{{}}, nil
	}
	name, service, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	// PreferGo: the list of services is read from a file, or from the one built
	// into package net, and never by way of the C library.
	r := net.Resolver{PreferGo: true}
	port, err := r.LookupPort(ctx, n.String(), service)
	if err != nil {
		return nil, err
	}
	ips, err := lookupHost(name)
	if err != nil {
		return nil, err
	}
	var found []netip.AddrPort
	for _, ip := range ips {
		if inFamily(ip, n.family) {
			found = append(found, netip.AddrPortFrom(ip, uint16(port)))
		}
	}
	if len(found) == 0 {
		return nil, &net.AddrError{Err: "no suitable address found", Addr: name}
	}
	return found, nil
}

// lookupHost returns the addresses of a literal or of "localhost".
func lookupHost(name string) ([]netip.Addr, error) {
	if name == "" {
		return []netip.Addr{{}}, nil
	}
	if ip, err := netip.ParseAddr(name); err == nil {
		if ip == netip.IPv6Unspecified() {
			// As in net: whoever says "[::]" means this host, in either family.
			return []netip.Addr{ip, netip.IPv4Unspecified()}, nil
		}
		return []netip.Addr{ip.Unmap()}, nil
	}
	// RFC 6761, 6.3: "Name resolution APIs and libraries SHOULD recognize
	// localhost names as special and SHOULD always return the IP loopback address"
	lower := strings.ToLower(strings.TrimSuffix(name, "."))
	if lower == "localhost" || strings.HasSuffix(lower, ".localhost") {
		return []netip.Addr{netip.IPv6Loopback(), netip.AddrFrom4([4]byte{127, 0, 0, 1})}, nil
	}
	return nil, &net.DNSError{
		Err:        "no such host (the stack has no resolver: give an IP address)",
		Name:       name,
		IsNotFound: true,
	}
}

// inFamily reports whether ip can be used on a network of the family; an empty
// host belongs to both.
func inFamily(ip netip.Addr, family host.Family) bool {
	switch {
	case !ip.IsValid() || family == host.FamilyAny:
		return true
	case family == host.FamilyIPv4:
		return ip.Is4()
	default:
		return ip.Is6()
	}
}

// first returns the endpoint that a listener takes: the first of IPv4, as in net.
func first(list []netip.AddrPort) netip.AddrPort {
	for _, ap := range list {
		if ap.Addr().Is4() {
			return ap
		}
	}
	return list[0]
}

// bindAddr returns what to bind for a listener's endpoint in the engine's terms.
// As in net, the wildcard of either family on "tcp" or "udp" means both
// families; the digit in the network's name restricts it.
func bindAddr(ap netip.AddrPort, family host.Family) (netip.AddrPort, host.Family, error) {
	ip := ap.Addr()
	wildcard := !ip.IsValid() || ip.IsUnspecified()
	switch {
	case wildcard && family == host.FamilyIPv4:
		ip = netip.IPv4Unspecified()
	case wildcard:
		ip = netip.IPv6Unspecified()
	case family == host.FamilyIPv4 && !ip.Is4():
		return ap, family, &net.AddrError{Err: "non-IPv4 address", Addr: ip.String()}
	case family == host.FamilyIPv6 && !ip.Is6():
		return ap, family, &net.AddrError{Err: "non-IPv6 address", Addr: ip.String()}
	case ip.Is4():
		family = host.FamilyIPv4
	default:
		family = host.FamilyIPv6
	}
	return netip.AddrPortFrom(ip, ap.Port()), family, nil
}

// connectAddr returns where to connect to for a dialler's endpoint: as in net, no
// host or the unspecified address means this host itself.
func connectAddr(ap netip.AddrPort, family host.Family) (netip.AddrPort, error) {
	ip := ap.Addr()
	switch {
	case family == host.FamilyIPv6 && (!ip.IsValid() || ip == netip.IPv6Unspecified()):
		ip = netip.IPv6Loopback()
	case !ip.IsValid() || ip == netip.IPv4Unspecified():
		ip = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	case ip == netip.IPv6Unspecified():
		ip = netip.IPv6Loopback()
	}
	switch {
	case family == host.FamilyIPv4 && !ip.Is4():
		return ap, &net.AddrError{Err: "non-IPv4 address", Addr: ip.String()}
	case family == host.FamilyIPv6 && !ip.Is6():
		return ap, &net.AddrError{Err: "non-IPv6 address", Addr: ip.String()}
	}
	return netip.AddrPortFrom(ip, ap.Port()), nil
}

// endpoint converts an address of package net; nil is the zero value. A
// *net.UDPAddr converts to the argument's type.
func endpoint(a *net.TCPAddr) (netip.AddrPort, error) {
	switch {
	case a == nil:
		return netip.AddrPort{}, nil
	case a.Port < 0 || a.Port > 65535:
		return netip.AddrPort{}, &net.AddrError{Err: "invalid port", Addr: strconv.Itoa(a.Port)}
	case len(a.IP) == 0:
		return netip.AddrPortFrom(netip.Addr{}, uint16(a.Port)), nil
	}
	ip, ok := netip.AddrFromSlice(a.IP)
	if !ok {
		return netip.AddrPort{}, &net.AddrError{Err: "invalid IP address", Addr: a.IP.String()}
	}
	return netip.AddrPortFrom(ip.Unmap().WithZone(a.Zone), uint16(a.Port)), nil
}

// orNil keeps a nil pointer out of an interface.
func orNil[T any, P interface {
	*T
	net.Addr
}](p P) net.Addr {
	if p == nil {
		return nil
	}
	return p
}

// localHint converts Dialer.LocalAddr and keeps of list what it can reach. An
// address of another transport, or one for which nothing is left, is refused
// with the words of net.
func localHint(local net.Addr, t transport, list []netip.AddrPort) (netip.AddrPort, []netip.AddrPort, error) {
	var hint netip.AddrPort
	var err error
	tcp, isTCP := local.(*net.TCPAddr)
	udp, isUDP := local.(*net.UDPAddr)
	switch {
	case local == nil:
	case isTCP && t == transportTCP:
		hint, err = endpoint(tcp)
	case isUDP && t == transportUDP:
		hint, err = endpoint((*net.TCPAddr)(udp))
	default:
		err = &net.AddrError{Err: "mismatched local address type", Addr: local.String()}
	}
	if err != nil || !hint.Addr().IsValid() || hint.Addr().IsUnspecified() {
		return hint, list, err
	}
	var fits []netip.AddrPort
	for _, ap := range list {
		a := ap.Addr()
		if !a.IsValid() || a.IsUnspecified() || a.Is4() == hint.Addr().Is4() {
			fits = append(fits, ap)
		}
	}
	if len(fits) == 0 {
		return hint, nil, &net.AddrError{Err: "no suitable address found", Addr: local.String()}
	}
	return hint, fits, nil
}
