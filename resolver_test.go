package usernet_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/pipe"
)

// wantHost looks a name up, and wants its addresses after some time.
func wantHost(t *testing.T, s *usernet.Stack, name, want string, after time.Duration) {
	t.Helper()
	start := time.Now()
	got, err := s.Resolver().LookupHost(t.Context(), name)
	if err != nil || strings.Join(got, " ") != want {
		t.Errorf("%s: %v, %v; want %s", name, got, err, want)
	}
	if d := time.Since(start); d != after {
		t.Errorf("%s took %v, want %v", name, d, after)
	}
}

// wantDNSError wants a look-up to fail.
func wantDNSError(t *testing.T, err error, want net.DNSError) {
	t.Helper()
	got, ok := err.(*net.DNSError)
	if !ok || got.Err != want.Err || got.Name != want.Name || got.Server != want.Server || got.IsNotFound != want.IsNotFound ||
		got.IsTimeout != want.IsTimeout || got.IsTemporary != want.IsTemporary || !errors.Is(err, want.UnwrapErr) && want.UnwrapErr != nil {
		t.Errorf("got %#v\nwant %#v", err, want)
	}
}

func TestBubbleResolver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &usernet.Resolver{Search: []string{"lan"}, Hosts: map[string][]netip.Addr{
			"Gate.Example": {addr("192.0.2.7"), addr("fd00::7"), addr("::ffff:192.0.2.8")}, "nick": {addr("192.0.2.7")},
		}}
		a, _, ns := newNames(t, r, func(q query) []byte {
			switch q.Name.String() {
			case "host.lan.", "example.org.":
				return q.addresses("10.0.0.2 fd00::2")
			}
			return q.rcode(dnsmessage.RCodeNameError)
		})
		wantHost(t, a, "example.org", "10.0.0.2 fd00::2", 0) // RFC 6724: unique local addresses come after IPv4
		heard := ns.queries()
		if len(heard) != 2 || heard[0].Type == heard[1].Type || !heard[0].edns || heard[0].id == heard[1].id || port(heard[0].from) == port(heard[1].from) {
			t.Errorf("heard %+v", heard)
		}
		wantHost(t, a, "HOST", "10.0.0.2 fd00::2", 0)
		wantHost(t, a, "GATE.example.", "fd00::7 192.0.2.7 192.0.2.8", 0)
		wantHost(t, a, "a.localhost", "::1 127.0.0.1", 0)
		wantHost(t, a, "fd00::0001", "fd00::0001", 0)
		res := a.Resolver()
		if ips, err := res.LookupNetIP(t.Context(), "ip4", "gate.example"); err != nil || !slices.Equal(ips, []netip.Addr{addr("192.0.2.7"), addr("192.0.2.8")}) {
			t.Errorf("LookupNetIP: %v, %v", ips, err)
		}
		if names, err := res.LookupAddr(t.Context(), "192.0.2.7"); err != nil || strings.Join(names, " ") != "Gate.Example. nick" {
			t.Errorf("LookupAddr: %v, %v", names, err)
		}
		if n := len(ns.queries()); n != 2 {
			t.Errorf("%d queries, want those for HOST alone", n)
		}
		_, err := res.LookupHost(t.Context(), "nobody.example")
		wantDNSError(t, err, net.DNSError{Err: "no such host", Name: "nobody.example", Server: "10.0.0.2:53", IsNotFound: true})
		_, err = res.LookupHost(t.Context(), "x.onion.")
		wantDNSError(t, err, net.DNSError{Err: "no such host", Name: "x.onion.", IsNotFound: true})
		_, err = (&usernet.Resolver{}).LookupHost(t.Context(), "example.org")
		wantDNSError(t, err, net.DNSError{Err: "usernet: field Stack is nil", Name: "example.org"})
		if _, err := res.LookupNetIP(t.Context(), "tcp", "example.org"); err != net.UnknownNetworkError("tcp") {
			t.Error(err)
		}
	})
}

// Servers that are silent, closed, lame, slow or liars.
func TestBubbleBadServers(t *testing.T) {
	server := func(s string) []netip.AddrPort {
		return []netip.AddrPort{netip.MustParseAddrPort(s), netip.MustParseAddrPort("10.0.0.2:53")}
	}
	good := func(q query) []byte { return q.addresses("10.0.0.9") }
	for _, c := range []struct {
		name    string
		servers []netip.AddrPort
		answer  func(n int, q query) []byte // n-th query of its type, from 0
		after   time.Duration
		ignored uint64
	}{
		{"nobody there", server("10.0.0.99:53"), nil, 3 * time.Second, 0},
		{"no route", server("203.0.113.1:53"), nil, 0, 0},
		{"port closed", server("10.0.0.2:54"), nil, 0, 0},
		{"silent at first", nil, func(n int, q query) []byte {
			if n == 0 {
				return nil
			}
			return good(q)
		}, 5 * time.Second, 0},
		{"wrong id", nil, func(n int, q query) []byte {
			if n == 0 {
				q.id++
			}
			return good(q)
		}, 5 * time.Second, 2},
		{"lame", nil, func(n int, q query) []byte {
			if n == 0 {
				return q.respond(func(m *dnsmessage.Message) { m.RecursionAvailable = false })
			}
			return good(q)
		}, 0, 0},
		{"no EDNS", nil, func(n int, q query) []byte {
			if q.edns {
				return q.rcode(dnsmessage.RCodeFormatError)
			}
			return good(q)
		}, 0, 0},
		{"truncated", nil, func(n int, q query) []byte {
			if !q.tcp {
				return q.respond(func(m *dnsmessage.Message) { m.Truncated = true })
			}
			return good(q)
		}, 0, 0},
		{"slow", nil, func(n int, q query) []byte { time.Sleep(time.Second); return good(q) }, time.Second, 0},
		{"late", nil, func(n int, q query) []byte {
			if n == 0 {
				time.Sleep(6 * time.Second)
			}
			return good(q)
		}, 5 * time.Second, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				asked := make(map[dnsmessage.Type]int)
				r := &usernet.Resolver{Servers: c.servers}
				a, _, _ := newNames(t, r, func(q query) []byte {
					if c.answer == nil {
						return good(q)
					}
					mu.Lock()
					n := asked[q.Type]
					asked[q.Type]++
					mu.Unlock()
					return c.answer(n, q)
				})
				wantHost(t, a, "example.org", "10.0.0.9", c.after)
				if got := a.Stats().DNSIgnored; got != c.ignored {
					t.Errorf("%d messages ignored, want %d", got, c.ignored)
				}
			})
		})
	}
}

func TestBubbleResolverLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := pipe.New(pipe.Config{})
		path := link.ShapeConfig{Path: link.Path{Loss: 0.2, Delay: 10 * time.Millisecond, Jitter: 5 * time.Millisecond, Duplicate: 0.1}, Seed: 1}
		a, b := newStack(t, usernet.Config{Resolver: &usernet.Resolver{
			Servers: []netip.AddrPort{netip.MustParseAddrPort("10.0.0.2:53")}, Attempts: 20, Timeout: time.Second}}), newStack(t, usernet.Config{})
		attach(t, a, link.Shape(near, path), 1)
		path.Seed = 2
		attach(t, b, link.Shape(far, path), 2)
		startNameServer(t, b, func(q query) []byte { return q.addresses("10.0.0.9") })
		for range 100 {
			if _, err := a.Resolver().LookupHost(t.Context(), "example.org"); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// Look-ups that fail say why, and end with their context.
func TestBubbleResolverErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, ns := newNames(t, &usernet.Resolver{Attempts: 1, Rotate: true}, func(q query) []byte { return nil })
		r, server := a.Resolver(), "10.0.0.2:53"
		lookup := func(ctx context.Context) error { _, err := r.LookupHost(ctx, "example.org"); return err }

		err := lookup(t.Context())
		if e, ok := err.(*net.DNSError); ok && strings.HasPrefix(e.Err, "read udp 10.0.0.1:") && strings.HasSuffix(e.Err, "->10.0.0.2:53: i/o timeout") {
			e.Err = "i/o timeout"
		}
		wantDNSError(t, err, net.DNSError{Err: "i/o timeout", Name: "example.org", Server: server, IsTimeout: true, IsTemporary: true})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		wantDNSError(t, lookup(ctx), net.DNSError{Err: "i/o timeout", Name: "example.org", IsTimeout: true, IsTemporary: true, UnwrapErr: context.DeadlineExceeded})
		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		wantDNSError(t, lookup(ctx), net.DNSError{Err: "operation was canceled", Name: "example.org", UnwrapErr: context.Canceled})

		ns.answers(func(q query) []byte { return q.rcode(dnsmessage.RCodeServerFailure) })
		wantDNSError(t, lookup(t.Context()), net.DNSError{Err: "server misbehaving", Name: "example.org", Server: server, IsTemporary: true})
		ns.answers(func(q query) []byte { // one family is known not to exist, of the other nothing is known
			if q.Type == dnsmessage.TypeAAAA {
				return q.with()
			}
			return q.rcode(dnsmessage.RCodeServerFailure)
		})
		wantDNSError(t, lookup(t.Context()), net.DNSError{Err: "server misbehaving", Name: "example.org", Server: server, IsTemporary: true})

		// TCP that is silent, before and after the connection.
		ns.answers(func(q query) []byte {
			if q.tcp {
				return nil
			}
			return q.respond(func(m *dnsmessage.Message) { m.Truncated = true })
		})
		wantDNSError(t, lookup(t.Context()), net.DNSError{Err: "EOF", Name: "example.org", Server: server})
		ns.answers(func(q query) []byte {
			if q.tcp {
				time.Sleep(time.Minute)
			}
			return q.respond(func(m *dnsmessage.Message) { m.Truncated = true })
		})
		if err := lookup(t.Context()); err == nil || !strings.Contains(err.Error(), ": read tcp 10.0.0.1:") || !err.(*net.DNSError).IsTimeout {
			t.Error(err)
		}
		done := make(chan error)
		go func() { done <- lookup(context.Background()) }()
		synctest.Wait()
		a.Close()
		if err := <-done; err == nil || !strings.Contains(err.Error(), "use of closed network connection") {
			t.Errorf("a look-up of a closed stack: %v", err)
		}
		b.Close()
	})
}
