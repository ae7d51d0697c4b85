package usernet

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strconv"

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

// splitAddress reads address in package net's grammar: a host, of which nothing is
// known yet, and a port. The errors are those of net: *net.AddrError, *net.DNSError.
func splitAddress(ctx context.Context, n network, address string) (name string, port uint16, err error) {
	name, service, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, err
	}
	p, err := lookupPort(ctx, n.String(), service)
	return name, uint16(p), err
}

// resolve returns the endpoints that address may mean, best first; an empty host is
// an endpoint with an invalid IP.
func resolve(ctx context.Context, r NameResolver, n network, address string) ([]netip.AddrPort, error) {
	if address == "" {
		return []netip.AddrPort{{}}, nil
	}
	name, port, err := splitAddress(ctx, n, address)
	if err != nil {
		return nil, err
	}
	ips, err := addresses(ctx, r, n.family, name)
	if err != nil {
		return nil, err
	}
	if ips, err = suitable(ips, name, func(ip netip.Addr) bool { return inFamily(ip, n.family) }); err != nil {
		return nil, err
	}
	list := make([]netip.AddrPort, len(ips))
	for i, ip := range ips {
		list[i] = netip.AddrPortFrom(ip, port)
	}
	return list, nil
}

// suitable returns those of ips that fit. That none does is an error about what was
// asked for.
func suitable(ips []netip.Addr, asked string, fits func(netip.Addr) bool) ([]netip.Addr, error) {
	unfit := func(ip netip.Addr) bool { return !fits(ip) }
	list := ips
	if slices.ContainsFunc(ips, unfit) { // the list is the caller's
		list = slices.DeleteFunc(slices.Clone(ips), unfit)
	}
	if len(list) == 0 {
		return nil, &net.AddrError{Err: "no suitable address found", Addr: asked}
	}
	return list, nil
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

// localHint converts Dialer.LocalAddr. An address of another transport is refused
// with the words of net.
func localHint(local net.Addr, t transport) (netip.AddrPort, error) {
	tcp, isTCP := local.(*net.TCPAddr)
	udp, isUDP := local.(*net.UDPAddr)
	switch {
	case local == nil:
		return netip.AddrPort{}, nil
	case isTCP && t == transportTCP:
		return endpoint(tcp)
	case isUDP && t == transportUDP:
		return endpoint((*net.TCPAddr)(udp))
	}
	return netip.AddrPort{}, &net.AddrError{Err: "mismatched local address type", Addr: local.String()}
}

// reachableFrom reports whether a socket with a local address can dial ip.
func reachableFrom(local, ip netip.Addr) bool {
	return !local.IsValid() || local.IsUnspecified() || !ip.IsValid() || ip.IsUnspecified() || local.Is4() == ip.Is4()
}
