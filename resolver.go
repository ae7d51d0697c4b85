package usernet

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/usernet-go/usernet/dns"
	"github.com/usernet-go/usernet/internal/host"
)

// A Resolver looks up names: in a map, and with the DNS over its stack. It is
// net.Resolver with a stack, and the words of resolv.conf(5). Its methods may be
// called concurrently; its fields are not to be changed once one was.
//
// Queries go by UDP, each from an unpredictable port of its own, and by TCP where
// an answer is too large. What does not answer a query is ignored and counted in
// Stats.DNSIgnored; after eight of it the query turns to TCP, where nobody can
// guess. Nothing is cached. Errors are *net.DNSError, as those of package net.
type Resolver struct {
	// Stack is where queries start; required. It is ignored in Config.Resolver.
	Stack *Stack

	// Servers are recursive name servers, asked in this order.
	Servers []netip.AddrPort
	// Search are domains in which names are looked for that have fewer than Ndots
	// dots in them, before they are tried as they are; others are looked for there
	// when that has failed. Names with a dot at the end are complete.
	Search []string
	// Ndots is 1 if it is zero, and 0 if it is negative.
	Ndots int
	// Timeout is how long one server may take to answer: 5 s.
	Timeout time.Duration
	// Attempts is how often each server is asked: 2.
	Attempts int
	// Rotate has each look-up begin with the next server.
	Rotate bool

	// Hosts are names that need no server, in upper or lower case, and their
	// addresses, as in hosts(5). They are complete: Search is not for them. A name
	// without addresses is as if it were not there.
	Hosts map[string][]netip.Addr
	// HostsFunc is asked for the addresses of names that are not in Hosts: without the
	// dot at the end, in lower case. They are as those of Hosts; none means that it does
	// not know the name. It is asked at each look-up, may be called concurrently, and
	// its list is not changed. LookupAddr does not know them.
	HostsFunc func(name string) []netip.Addr

	turn      atomic.Uint32 // look-ups so far, for Rotate
	indexOnce sync.Once
	index     map[string][]netip.Addr // Hosts by hostKey; see known
}

func (r *Resolver) on(s *Stack) NameResolver {
	if r == nil {
		return literals{}
	}
	c := &Resolver{Stack: s, Servers: slices.Clone(r.Servers), Search: slices.Clone(r.Search), Ndots: r.Ndots,
		Timeout: r.Timeout, Attempts: r.Attempts, Rotate: r.Rotate, Hosts: make(map[string][]netip.Addr, len(r.Hosts)), HostsFunc: r.HostsFunc}
	for name, addrs := range r.Hosts {
		c.Hosts[name] = slices.Clone(addrs)
	}
	return c
}

func (r *Resolver) orElse(other NameResolver) NameResolver {
	if r == nil {
		return other
	}
	return r
}

func (r *Resolver) sort(list []netip.Addr) { r.Stack.host.SortDestinations(list) }

func (r *Resolver) check() error {
	if r == nil {
		return nil
	}
	for i, server := range r.Servers {
		if !server.IsValid() || server.Port() == 0 {
			return fmt.Errorf("usernet: Config.Resolver.Servers[%d] is %v; want an address and a port", i, server)
		}
	}
	for i, domain := range r.Search {
		if !dns.ValidName(domain) {
			return fmt.Errorf("usernet: Config.Resolver.Search[%d] is %q; want a domain", i, domain)
		}
	}
	for name, addrs := range r.Hosts {
		for i, addr := range addrs {
			if !addr.IsValid() {
				return fmt.Errorf("usernet: Config.Resolver.Hosts[%q][%d] is %v; want an address", name, i, addr)
			}
		}
	}
	return nil
}

// Resolver returns the resolver of Config.Resolver, which Dial and its likes use.
// Without one it knows literal addresses and localhost. It is the same at each call.
func (s *Stack) Resolver() *Resolver {
	if r, ok := s.names.resolver.(*Resolver); ok {
		return r
	}
	s.names.once.Do(func() { s.names.bare = &Resolver{Stack: s} })
	return s.names.bare.(*Resolver)
}

// config returns how to ask.
func (r *Resolver) config() dns.Config {
	c := dns.Config{Servers: r.Servers, Search: r.Search, Ndots: r.Ndots, Timeout: r.Timeout, Attempts: r.Attempts,
		Rand: r.Stack.host.Rand()}
	if r.Rotate && len(r.Servers) > 0 {
		c.First = int((r.turn.Add(1) - 1) % uint32(len(r.Servers)))
	}
	return c
}

// families returns what to ask for to learn addresses of a family.
//
// RFC 8305, 3: "[...] with the AAAA query made first and immediately followed by
// the A query."
func families(f host.Family) []dnsmessage.Type {
	switch f {
	case host.FamilyIPv4:
		return []dnsmessage.Type{dnsmessage.TypeA}
	case host.FamilyIPv6:
		return []dnsmessage.Type{dnsmessage.TypeAAAA}
	}
	return []dnsmessage.Type{dnsmessage.TypeAAAA, dnsmessage.TypeA}
}

// familyOf is what the addresses are of in an answer to a type.
func familyOf(t dnsmessage.Type) host.Family {
	if t == dnsmessage.TypeA {
		return host.FamilyIPv4
	}
	return host.FamilyIPv6
}

func (r *Resolver) ask(ctx context.Context, family host.Family, name string, told func(host.Family, []netip.Addr)) error {
	types := families(family)
	any := false
	err := r.lookup(ctx, name, types, func(i int, a *dns.Answer) {
		list := addressesOf(a)
		any = any || len(list) > 0
		told(familyOf(types[i]), list)
	})
	if any {
		return nil
	}
	return err
}

// addressesOf returns the addresses in an answer, which may be nil.
func addressesOf(a *dns.Answer) (list []netip.Addr) {
	if a == nil {
		return nil
	}
	for _, rec := range a.Records {
		switch body := rec.Body.(type) {
		case *dnsmessage.AResource:
			list = append(list, netip.AddrFrom4(body.A))
		case *dnsmessage.AAAAResource:
			list = append(list, netip.AddrFrom16(body.AAAA).Unmap())
		}
	}
	return list
}

// ipFamilies are the networks of LookupIP and LookupNetIP.
var ipFamilies = map[string]host.Family{"ip": host.FamilyAny, "ip4": host.FamilyIPv4, "ip6": host.FamilyIPv6}

// LookupNetIP returns the addresses of a host, best first (RFC 6724). The network
// is "ip", "ip4" or "ip6". An IPv4 address is never an IPv4-mapped one.
func (r *Resolver) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	family, ok := ipFamilies[network]
	if !ok {
		return nil, net.UnknownNetworkError(network)
	}
	if host == "" {
		return nil, notFound(host)
	}
	list, err := addresses(ctx, r, family, host)
	if err != nil {
		return nil, err
	}
	return suitable(list, host, func(ip netip.Addr) bool { return inFamily(ip, family) })
}

// LookupHost is LookupNetIP for both families, with addresses as text.
func (r *Resolver) LookupHost(ctx context.Context, host string) ([]string, error) {
	if _, err := netip.ParseAddr(host); err == nil {
		return []string{host}, nil
	}
	list, err := r.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	text := make([]string, len(list))
	for i, ip := range list {
		text[i] = ip.String()
	}
	return text, nil
}

// LookupIPAddr is LookupNetIP for both families, in package net's form.
func (r *Resolver) LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error) {
	if ip, err := netip.ParseAddr(host); err == nil { // "::" too, which LookupNetIP has in either family
		return []net.IPAddr{{IP: ip.AsSlice(), Zone: ip.Zone()}}, nil
	}
	list, err := r.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	ips := make([]net.IPAddr, len(list))
	for i, ip := range list {
		ips[i] = net.IPAddr{IP: ip.AsSlice(), Zone: ip.Zone()}
	}
	return ips, nil
}

// LookupIP is LookupNetIP in package net's form, without zones.
func (r *Resolver) LookupIP(ctx context.Context, network, host string) ([]net.IP, error) {
	list, err := r.LookupNetIP(ctx, network, host)
	if err != nil {
		return nil, err
	}
	ips := make([]net.IP, len(list))
	for i, ip := range list {
		ips[i] = ip.AsSlice()
	}
	return ips, nil
}

// LookupPort returns the number of a service's port, as net.Resolver does: from
// the system's list of services.
func (r *Resolver) LookupPort(ctx context.Context, network, service string) (int, error) {
	return lookupPort(ctx, network, service)
}
