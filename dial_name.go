package usernet

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// A dialling is one call of DialContext that knows what it was asked for.
type dialling struct {
	*Dialer
	network  network
	local    netip.AddrPort
	resolver NameResolver
	name     string
	port     uint16
}

// dialName finds the addresses that address means and connects to one. Its error
// is a *net.OpError only if it is about one of them.
func (d *Dialer) dialName(ctx context.Context, networkName, address string) (net.Conn, error) {
	n, err := d.parseNetwork(networkName, transportTCP, transportUDP)
	if err != nil {
		return nil, err
	}
	if address == "" {
		return nil, errMissingAddress
	}
	g := dialling{Dialer: d, network: n, resolver: d.Stack.names.resolver}
	if d.Resolver != nil {
		g.resolver = d.Resolver.orElse(g.resolver)
	}
	if g.name, g.port, err = splitAddress(ctx, n, address); err != nil {
		return nil, err
	}
	if g.local, err = localHint(d.LocalAddr, n.transport); err != nil {
		return nil, err
	}
	ips, known := g.resolver.static(g.name)
	if !known {
		if d.FallbackDelay >= 0 {
			return g.race(ctx, nil)
		}
		if ips, err = addresses(ctx, g.resolver, n.family, g.name); err != nil {
			return nil, err
		}
	}
	if ips, err = g.usable(ips); err != nil {
		return nil, err
	}
	if _, own := ownHost(g.name); own || len(ips) == 1 {
		return g.serial(ctx, ips)
	}
	if d.FallbackDelay < 0 {
		d.Stack.host.SortDestinations(ips) // the resolver's stack may be another
		return g.serial(ctx, ips)
	}
	return g.race(ctx, ips)
}

// usable returns what of ips can be dialled on the network and from the local
// address. That nothing can is an error.
func (g *dialling) usable(ips []netip.Addr) ([]netip.Addr, error) {
	ips, err := suitable(ips, g.name, func(ip netip.Addr) bool { return inFamily(ip, g.network.family) })
	if err != nil || g.LocalAddr == nil {
		return ips, err
	}
	return suitable(ips, g.LocalAddr.String(), func(ip netip.Addr) bool { return reachableFrom(g.local.Addr(), ip) })
}

// opError says that ip is what could not be connected to.
func (g *dialling) opError(ip netip.Addr, err error) error {
	remote := g.network.transport.addr(netip.AddrPortFrom(ip, g.port))
	return &net.OpError{Op: "dial", Net: g.network.String(), Source: g.LocalAddr, Addr: remote, Err: err}
}

// serial tries the addresses in order until one succeeds; the first failure is the
// one to tell of.
func (g *dialling) serial(ctx context.Context, ips []netip.Addr) (net.Conn, error) {
	var first error
	for i, ip := range ips {
		c, err := g.single(ctx, ip, len(ips)-i)
		if err == nil {
			return c, nil
		}
		if first == nil {
			first = g.opError(ip, err)
		}
	}
	return nil, first
}

// single connects to one of the addresses that are left, which must all have their
// share of the time.
func (g *dialling) single(ctx context.Context, ip netip.Addr, left int) (net.Conn, error) {
	if deadline, ok := ctx.Deadline(); ok && left > 1 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, share(deadline.Sub(g.Stack.host.Clock().Now()), left))
		defer cancel()
	}
	remote := netip.AddrPortFrom(ip, g.port)
	if g.network.transport == transportUDP {
		c, err := g.dialUDP(ctx, g.network, g.local, remote)
		if err != nil {
			return nil, err // not a nil *UDPConn in an interface
		}
		return c, nil
	}
	c, err := g.dialTCP(ctx, g.network, g.local, remote)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// share returns how much of the time the next of some addresses gets: an equal
// part, but as in net no less than 2 s as long as there is as much.
func share(left time.Duration, addresses int) time.Duration {
	return max(left/time.Duration(addresses), min(left, 2*time.Second))
}
