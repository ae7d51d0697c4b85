package usernet_test

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet"
)

// What a program does to its map after New is none of the stack's business, a name
// that is there in several cases has the addresses of all, and an address that is
// none does not stand for the stack itself.
func TestBubbleHosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		given := &usernet.Resolver{Hosts: map[string][]netip.Addr{
			"printer": {addr("192.0.2.1")}, "Printer.": {addr("::ffff:192.0.2.2")}, "PRINTER": nil, "empty": nil,
		}}
		a, b, _ := newNames(t, given, func(q query) []byte { return q.addresses("10.0.0.9") })
		given.Hosts["printer"][0] = addr("192.0.2.66")
		delete(given.Hosts, "Printer.")
		given.Servers[0] = netip.MustParseAddrPort("192.0.2.66:53")
		wantHost(t, a, "pRINTER", "192.0.2.2 192.0.2.1", 0)
		wantHost(t, a, "empty", "10.0.0.9", 0) // as if it were not there

		bare := &usernet.Resolver{Stack: b, Servers: make([]netip.AddrPort, 1), Hosts: map[string][]netip.Addr{
			"none": {{}}, "far": {addr("10.0.0.1")}}}
		if ips, err := bare.LookupNetIP(t.Context(), "ip", "none"); err == nil {
			t.Errorf("no address, and no server: %v", ips)
		}
		// A stack may have names looked up by another, and connects by itself.
		l, err := a.Listen("tcp", ":80")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		for _, delay := range []time.Duration{0, -1} {
			d := usernet.Dialer{Stack: b, Resolver: a.Resolver(), FallbackDelay: delay}
			if c, err := d.Dial("tcp", "localhost:80"); err == nil {
				t.Errorf("a's localhost is not b's: %v", c.RemoteAddr())
			}
			d.Resolver = bare
			c, err := d.Dial("tcp", "far:80")
			if err != nil {
				t.Fatal(err)
			}
			if got := c.LocalAddr().String(); !strings.HasPrefix(got, "10.0.0.2:") {
				t.Errorf("from %s", got)
			}
			c.Close()
		}
	})
}

func TestResolverConfigIsChecked(t *testing.T) {
	for want, r := range map[string]*usernet.Resolver{
		"usernet: Config.Resolver.Servers[0] is 10.0.0.1:0; want an address and a port": {Servers: []netip.AddrPort{netip.AddrPortFrom(addr("10.0.0.1"), 0)}},
		`usernet: Config.Resolver.Search[1] is "a..b"; want a domain`:                   {Search: []string{"lan", "a..b"}},
		`usernet: Config.Resolver.Hosts["x"][1] is invalid IP; want an address`:         {Hosts: map[string][]netip.Addr{"x": {addr("::1"), {}}}},
	} {
		if s, err := usernet.New(usernet.Config{Resolver: r}); err == nil || err.Error() != want {
			t.Errorf("%v, %v; want %s", s, err, want)
		}
	}
}

// HostsFunc is asked for what Hosts does not know, each time, and what it says counts as
// what Hosts says: it is sorted, complete, and no server is asked.
func TestBubbleHostsFunc(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked []string
		now := []netip.Addr{addr("::ffff:192.0.2.3"), {}, addr("10.0.0.7")}
		a, _, _ := newNames(t, &usernet.Resolver{
			Search: []string{"lan"},
			Hosts:  map[string][]netip.Addr{"printer": {addr("192.0.2.1")}},
			HostsFunc: func(name string) []netip.Addr {
				asked = append(asked, name)
				if name == "server" || name == "printer" {
					return now
				}
				return nil
			},
		}, func(q query) []byte { return q.addresses("10.0.0.9") })
		wantHost(t, a, "Server.", "10.0.0.7 192.0.2.3", 0) // what can be reached goes first
		if !slices.Equal(now, []netip.Addr{addr("::ffff:192.0.2.3"), {}, addr("10.0.0.7")}) {
			t.Errorf("the function's list has been changed: %v", now)
		}
		now = []netip.Addr{addr("10.0.0.8")}
		wantHost(t, a, "sERVER", "10.0.0.8", 0)
		wantHost(t, a, "printer", "192.0.2.1", 0)
		if want := []string{"server", "server"}; !slices.Equal(asked, want) {
			t.Errorf("asked for %q, want %q", asked, want)
		}
		ips, err := a.Resolver().LookupIPAddr(t.Context(), "server")
		if err != nil || len(ips) != 1 || ips[0].String() != "10.0.0.8" {
			t.Errorf("LookupIPAddr: %v, %v", ips, err)
		}
		if ips, err := a.Resolver().LookupNetIP(t.Context(), "ip6", "server"); err == nil {
			t.Errorf("IPv6 addresses of a host that has IPv4's: %v", ips)
		}
		wantHost(t, a, "other", "10.0.0.9", 0) // the DNS knows
		for _, name := range []string{"localhost", "192.0.2.9", "::1"} {
			asked = nil
			if _, err := a.Resolver().LookupHost(t.Context(), name); err != nil || asked != nil {
				t.Errorf("LookupHost(%q): %v, asked for %q", name, err, asked)
			}
		}
	})
}

// A nil pointer is no resolver, wherever it stands.
func TestNilResolver(t *testing.T) {
	var none *usernet.Resolver
	s := newStack(t, usernet.Config{Resolver: none})
	l, err := s.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	d := usernet.Dialer{Stack: s, Resolver: none}
	c, err := d.Dial("tcp", net.JoinHostPort("localhost", port(l.Addr())))
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	var e *net.DNSError
	if _, err := d.Dial("tcp", "server:7"); !errors.As(err, &e) || !e.IsNotFound || e.Name != "server" {
		t.Errorf("dialling a name without a resolver: %v", err)
	}
	if list, err := s.Resolver().LookupHost(t.Context(), "localhost"); err != nil || len(list) != 2 {
		t.Errorf("localhost is %v, %v", list, err)
	}
	for _, config := range []usernet.Config{{}, {Resolver: none}, {Resolver: new(usernet.Resolver)}} {
		s := newStack(t, config)
		if first, second := s.Resolver(), s.Resolver(); first != second {
			t.Error("a stack has two resolvers")
		}
	}
}
