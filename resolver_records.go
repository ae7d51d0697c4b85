package usernet

import (
	"cmp"
	"context"
	"encoding/binary"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/usernet-go/usernet/dns"
)

// recordsOf returns the bodies of the records of a type, and the name where they
// are; T is the body's type.
func recordsOf[T dnsmessage.ResourceBody](ctx context.Context, r *Resolver, name string, t dnsmessage.Type) (canonical string, list []T, err error) {
	err = r.lookup(ctx, name, []dnsmessage.Type{t}, func(_ int, a *dns.Answer) {
		if a == nil {
			return
		}
		canonical = a.Name
		for _, rec := range a.Records {
			if body, ok := rec.Body.(T); ok {
				list = append(list, body)
			}
		}
	})
	return canonical, list, err
}

// valid returns those of list whose names are valid. As in net, an error tells that
// there were others.
func valid[T any](list []T, name string, ok func(T) bool) ([]T, error) {
	n := len(list)
	list = slices.DeleteFunc(list, func(x T) bool { return !ok(x) })
	if len(list) < n {
		return list, &net.DNSError{Err: "DNS response contained records which contain invalid names", Name: name}
	}
	return list, nil
}

// LookupCNAME returns the name at which a host's addresses are, after all aliases.
// It is no error if there is no alias, as long as there are addresses, nor if
// there is an alias without addresses.
func (r *Resolver) LookupCNAME(ctx context.Context, host string) (string, error) {
	if _, ok := r.static(host); ok && dns.ValidName(host) {
		return absolute(hostKey(host)), nil
	}
	types := []dnsmessage.Type{dnsmessage.TypeAAAA, dnsmessage.TypeA, dnsmessage.TypeCNAME}
	var name, alias string
	err := r.lookup(ctx, host, types, func(i int, a *dns.Answer) {
		switch {
		case a == nil:
		case types[i] == dnsmessage.TypeCNAME:
			alias = a.Records[0].Body.(*dnsmessage.CNAMEResource).CNAME.String()
		default:
			name = a.Name
		}
	})
	switch name = cmp.Or(name, alias); {
	case name == "":
		return "", err
	case !dns.ValidName(name):
		return "", &net.DNSError{Err: "DNS response contained records which contain invalid names", Name: host}
	}
	return name, nil
}

// LookupAddr returns the names of an address: those of Hosts, or else those in the
// DNS. Names that are not valid are left out, and an error says so.
func (r *Resolver) LookupAddr(ctx context.Context, addr string) ([]string, error) {
	ip, err := netip.ParseAddr(addr)
	if err != nil {
		return nil, &net.DNSError{Err: "unrecognized address", Name: addr}
	}
	ip = ip.Unmap()
	if names := r.names(ip); len(names) > 0 {
		return names, nil
	}
	if ip.Zone() != "" { // which the DNS knows nothing of
		return nil, &net.DNSError{Err: "unrecognized address", Name: addr}
	}
	_, list, err := recordsOf[*dnsmessage.PTRResource](ctx, r, dns.ReverseName(ip), dnsmessage.TypePTR)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(list))
	for i, p := range list {
		names[i] = p.PTR.String()
	}
	return valid(names, addr, dns.ValidName)
}

// LookupTXT returns the texts of a name, each in one piece.
func (r *Resolver) LookupTXT(ctx context.Context, name string) ([]string, error) {
	_, list, err := recordsOf[*dnsmessage.TXTResource](ctx, r, name, dnsmessage.TypeTXT)
	if err != nil {
		return nil, err
	}
	texts := make([]string, len(list))
	for i, t := range list {
		texts[i] = strings.Join(t.TXT, "")
	}
	return texts, nil
}

// LookupNS returns the name servers of a domain. Records with names that are not
// valid are left out, and an error says so.
func (r *Resolver) LookupNS(ctx context.Context, name string) ([]*net.NS, error) {
	_, list, err := recordsOf[*dnsmessage.NSResource](ctx, r, name, dnsmessage.TypeNS)
	if err != nil {
		return nil, err
	}
	servers := make([]*net.NS, len(list))
	for i, ns := range list {
		servers[i] = &net.NS{Host: ns.NS.String()}
	}
	return valid(servers, name, func(ns *net.NS) bool { return dns.ValidName(ns.Host) })
}

// LookupMX returns the mail servers of a domain, the preferred first and equal ones
// in random order. Records with names that are not valid are left out, and an error
// says so.
func (r *Resolver) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	_, list, err := recordsOf[*dnsmessage.MXResource](ctx, r, name, dnsmessage.TypeMX)
	if err != nil {
		return nil, err
	}
	servers := make([]*net.MX, len(list))
	for i, mx := range list {
		servers[i] = &net.MX{Host: mx.MX.String(), Pref: mx.Pref}
	}
	random, err := r.random()
	if err != nil {
		return nil, &net.DNSError{Err: err.Error(), Name: name}
	}
	random.Shuffle(len(servers), func(i, j int) { servers[i], servers[j] = servers[j], servers[i] })
	slices.SortStableFunc(servers, func(a, b *net.MX) int { return cmp.Compare(a.Pref, b.Pref) })
	return valid(servers, name, func(mx *net.MX) bool {
		ip, err := netip.ParseAddr(strings.TrimSuffix(mx.Host, ".")) // some write an address where a name belongs
		return dns.ValidName(mx.Host) || err == nil && ip.Zone() == ""
	})
}

// LookupSRV returns the servers of a service, in the order in which they are to be
// tried (RFC 2782), and the name where they are. It looks for
// _service._proto.name, or for name if service and proto are empty. Records with
// names that are not valid are left out, and an error says so.
func (r *Resolver) LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error) {
	target := name
	if service != "" || proto != "" {
		target = "_" + service + "._" + proto + "." + name
	}
	canonical, list, err := recordsOf[*dnsmessage.SRVResource](ctx, r, target, dnsmessage.TypeSRV)
	if err != nil {
		return "", nil, err
	}
	if !dns.ValidName(canonical) {
		return "", nil, &net.DNSError{Err: "SRV header name is invalid", Name: name}
	}
	servers := make([]*net.SRV, len(list))
	for i, s := range list {
		servers[i] = &net.SRV{Target: s.Target.String(), Port: s.Port, Priority: s.Priority, Weight: s.Weight}
	}
	random, err := r.random()
	if err != nil {
		return "", nil, &net.DNSError{Err: err.Error(), Name: name}
	}
	sortSRV(servers, random)
	servers, err = valid(servers, name, func(s *net.SRV) bool { return dns.ValidName(s.Target) })
	return canonical, servers, err
}

// sortSRV sorts by priority, and those of one priority at random, so that each is
// first as often as its weight says.
func sortSRV(servers []*net.SRV, random *rand.Rand) {
	// RFC 2782: "[...] arrange all SRV RRs (that have not been ordered yet) in any
	// order, except that all those with weight 0 are placed at the beginning of the
	// list."
	random.Shuffle(len(servers), func(i, j int) { servers[i], servers[j] = servers[j], servers[i] })
	slices.SortStableFunc(servers, func(a, b *net.SRV) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(min(a.Weight, 1), min(b.Weight, 1)))
	})
	for len(servers) > 0 {
		n, sum := 0, 0
		for n < len(servers) && servers[n].Priority == servers[0].Priority {
			sum += int(servers[n].Weight)
			n++
		}
		// "[...] choose a uniform random number between 0 and the sum computed
		// (inclusive), and select the RR whose running sum value is the first in the
		// selected order which is greater than or equal to the random number selected."
		// The 0 is for those with weight 0; where there are none it would be a second
		// chance for whoever stands first.
		least := int(min(servers[0].Weight, 1))
		chosen, running := least+random.IntN(sum+1-least), 0
		for i, s := range servers[:n] {
			if running += int(s.Weight); running >= chosen {
				copy(servers[1:i+1], servers[:i])
				servers[0] = s
				break
			}
		}
		servers = servers[1:]
	}
}

// random returns a generator that the stack's source of random numbers has seeded.
func (r *Resolver) random() (*rand.Rand, error) {
	var seed [16]byte
	if _, err := r.Stack.host.Rand().Read(seed[:]); err != nil {
		return nil, err
	}
	return rand.New(rand.NewPCG(binary.BigEndian.Uint64(seed[:]), binary.BigEndian.Uint64(seed[8:]))), nil
}
