package usernet

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/usernet-go/usernet/dns"
	"github.com/usernet-go/usernet/internal/host"
)

// A NameResolver looks up the names that Dial, Listen and their likes are given:
// *Resolver is the one there is, and a nil pointer stands for none.
//
// It is an interface so that a program which has no Resolver does not link the DNS: of
// 5.7 MB that is 0.3.
type NameResolver interface {
	// check returns what is wrong with it as Config.Resolver.
	check() error
	// on returns a copy for the stack.
	on(*Stack) NameResolver
	// orElse returns the resolver, or the other if it is a nil pointer.
	orElse(NameResolver) NameResolver
	// static returns the addresses of a name that no server is asked for. The list is
	// the caller's.
	static(name string) (list []netip.Addr, ok bool)
	// ask asks servers for the addresses of a name, and calls told with those of each
	// family as they come, none if there are none. The error says that none came.
	ask(ctx context.Context, family host.Family, name string, told func(host.Family, []netip.Addr)) error
	// sort puts addresses in order, best first, for the stack where queries start.
	sort([]netip.Addr)
}

// naming is what a stack has for names. A Stack only points to it: what prints a Stack
// by reflection, as fmt does, then reads nothing of what changes.
type naming struct {
	resolver NameResolver  // of Dial, Listen and their likes
	ignored  atomic.Uint64 // see Stats.DNSIgnored

	once sync.Once
	bare NameResolver // see Stack.Resolver; as an interface it does not link the DNS
}

// literals is the resolver of a stack whose Config has none: it knows literal addresses
// and what stands for the stack itself.
type literals struct{}

func (literals) check() error                            { return nil }
func (literals) on(*Stack) NameResolver                  { return literals{} }
func (literals) orElse(NameResolver) NameResolver        { return literals{} }
func (literals) static(name string) ([]netip.Addr, bool) { return literal(name) }
func (literals) sort([]netip.Addr)                       {}

func (literals) ask(ctx context.Context, _ host.Family, name string, _ func(host.Family, []netip.Addr)) error {
	if err := ctx.Err(); err != nil {
		return contextError(err, name)
	}
	e := notFound(name)
	e.Err += noResolver
	return e
}

// noResolver is added to the error where nobody could be asked.
const noResolver = " (the stack has no resolver: give an IP address)"

// literal returns the addresses that a name says itself.
func literal(name string) (list []netip.Addr, ok bool) {
	if list, ok = ownHost(name); ok {
		return list, true
	}
	if ip, err := netip.ParseAddr(name); err == nil {
		return []netip.Addr{ip.Unmap()}, true
	}
	return nil, false
}

// addresses returns the addresses of a name, best first: of both families where a
// map or a literal says so, of the given one where the DNS is asked.
func addresses(ctx context.Context, r NameResolver, family host.Family, name string) ([]netip.Addr, error) {
	if list, ok := r.static(name); ok {
		return list, nil
	}
	var list []netip.Addr
	err := r.ask(ctx, family, name, func(_ host.Family, some []netip.Addr) { list = append(list, some...) })
	if err != nil {
		return nil, err
	}
	r.sort(list)
	return list, nil
}

// lookupPort returns the number of a service's port from the system's list of services.
func lookupPort(ctx context.Context, network, service string) (int, error) {
	// PreferGo: the list is read from a file, or is the one built into package net,
	// and never asked of the C library.
	system := net.Resolver{PreferGo: true}
	return system.LookupPort(ctx, network, service)
}

// notFound is what package net says of a name that is none.
func notFound(name string) *net.DNSError {
	return &net.DNSError{Err: dns.ErrNotFound.Error(), Name: name, IsNotFound: true}
}

// contextError returns the error of a look-up whose context is over. These, and only
// these, can be had by Unwrap.
func contextError(err error, name string) *net.DNSError {
	err = cause("lookup", err)
	_, timeout := err.(net.Error)
	return &net.DNSError{UnwrapErr: err, Err: err.Error(), Name: name, IsTimeout: timeout, IsTemporary: timeout}
}
