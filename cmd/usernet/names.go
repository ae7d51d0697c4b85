package main

import (
	"context"
	"net/netip"

	"github.com/usernet-go/usernet"
)

// config is the stack's.
func (n *network) config() usernet.Config {
	return usernet.Config{Resolver: &usernet.Resolver{Servers: n.dns}, CongestionControl: string(n.congestion)}
}

// checkName says what is missing to reach a host by its name.
func (n *network) checkName(host string) error {
	if _, err := netip.ParseAddr(host); err == nil || len(n.dns) > 0 {
		return nil
	}
	return usagef("%q is a name: expected --dns with the address of a name server, for example --dns 10.9.0.1, or an address in place of the name", host)
}

// lookup returns the address of a host, the best if it has several.
func lookup(ctx context.Context, s *usernet.Stack, host string) (netip.Addr, error) {
	list, err := s.Resolver().LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.Addr{}, err
	}
	return list[0], nil
}
