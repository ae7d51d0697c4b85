package usernet_test

import (
	"context"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/usernet-go/usernet"
)

// lookups are the verbs that net.Resolver and usernet.Resolver have in common.
type lookups interface {
	LookupHost(ctx context.Context, host string) ([]string, error)
	LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error)
	LookupIP(ctx context.Context, network, host string) ([]net.IP, error)
	LookupCNAME(ctx context.Context, host string) (string, error)
	LookupAddr(ctx context.Context, addr string) ([]string, error)
	LookupTXT(ctx context.Context, name string) ([]string, error)
	LookupNS(ctx context.Context, name string) ([]*net.NS, error)
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error)
	LookupPort(ctx context.Context, network, service string) (int, error)
}

var (
	_ lookups = (*net.Resolver)(nil)
	_ lookups = (*usernet.Resolver)(nil)
)

// zone answers for the names that the table below asks for: the first label says
// what happens.
func zone(q query) []byte {
	name := func(s string) dnsmessage.Name { return dnsmessage.MustNewName(s) }
	label, _, _ := strings.Cut(q.Name.String(), ".")
	switch label {
	case "a":
		return q.addresses("192.0.2.1")
	case "aaaa":
		return q.addresses("2001:db8::1")
	case "alias":
		return q.respond(func(m *dnsmessage.Message) {
			h := dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET}
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.CNAMEResource{CNAME: name("real.test.")}})
			if h.Name = name("real.test."); q.Type == dnsmessage.TypeA {
				m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AResource{A: [4]byte{192, 0, 2, 2}}})
			}
		})
	case "large":
		if !q.tcp {
			return q.respond(func(m *dnsmessage.Message) { m.Truncated = true })
		}
		text := strings.Repeat("x", 255)
		return q.with(&dnsmessage.TXTResource{TXT: slices.Repeat([]string{text}, 20)})
	case "text":
		return q.with(&dnsmessage.TXTResource{TXT: []string{"one ", "piece"}}, &dnsmessage.TXTResource{TXT: []string{"another"}})
	case "mail":
		return q.with(&dnsmessage.MXResource{Pref: 20, MX: name("b.test.")}, &dnsmessage.MXResource{Pref: 10, MX: name("a.test.")},
			&dnsmessage.MXResource{Pref: 30, MX: name("192.0.2.1.")})
	case "badmail":
		return q.with(&dnsmessage.MXResource{Pref: 20, MX: name("b test.")}, &dnsmessage.MXResource{Pref: 10, MX: name("a.test.")})
	case "ns":
		return q.with(&dnsmessage.NSResource{NS: name("a.test.")}, &dnsmessage.NSResource{NS: name("-.test.")})
	case "_http", "srv":
		return q.with(&dnsmessage.SRVResource{Priority: 2, Port: 80, Target: name("b.test.")},
			&dnsmessage.SRVResource{Priority: 1, Weight: 5, Port: 81, Target: name("a.test.")})
	case "badsrv":
		return q.with(&dnsmessage.SRVResource{Target: name("b test.")})
	case "1", "a.0":
		return q.with(&dnsmessage.PTRResource{PTR: name("one.test.")}, &dnsmessage.PTRResource{PTR: name("o n e.test.")})
	case "2":
		return q.with(&dnsmessage.PTRResource{PTR: name("two.test.")})
	case "servfail":
		return q.rcode(dnsmessage.RCodeServerFailure)
	case "refused":
		return q.rcode(dnsmessage.RCodeRefused)
	case "empty":
		return q.with()
	case "lame":
		return q.respond(func(m *dnsmessage.Message) { m.RecursionAvailable = false })
	case "garbled":
		b := q.with(&dnsmessage.AResource{}, &dnsmessage.AResource{})
		return b[:len(b)-20]
	}
	return q.rcode(dnsmessage.RCodeNameError)
}

// Look-ups have the results, and the errors, of package net's own resolver with a
// server on the kernel's loopback.
func TestResolverIsThatOfNet(t *testing.T) {
	var want []string
	func() {
		var p net.PacketConn
		var l net.Listener
		var err error
		for range 10 { // until the TCP port is free as well
			if p, err = net.ListenPacket("udp", "127.0.0.1:0"); err != nil {
				t.Fatal(err)
			}
			if l, err = net.Listen("tcp", p.LocalAddr().String()); err == nil {
				break
			}
			p.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		(&nameServer{t: t, answer: zone}).serve(p, l)
		want = askAll(&net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, network, p.LocalAddr().String())
		}})
	}()
	synctest.Test(t, func(t *testing.T) {
		a, _, _ := newNames(t, &usernet.Resolver{}, zone)
		got := askAll(a.Resolver())
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("\ngot:  %s\nwant: %s", got[i], want[i])
			}
		}
	})
}

// askAll calls all verbs, and returns what came of it as text. Names are complete,
// so that the machine's search list has no part in it.
func askAll(r lookups) (all []string) {
	ctx := context.Background()
	say := func(what string, got any, err error) {
		all = append(all, fmt.Sprintf("%s: %v, %s", what, got, describeDNS(err)))
	}
	names := []string{"a", "aaaa", "alias", "large", "text", "mail", "badmail", "ns", "srv", "badsrv", "nothing", "servfail", "refused", "empty", "lame", "garbled"}
	for _, name := range append(names, "bad name", "") {
		if name += ".test."; name == ".test." {
			name = ""
		}
		hosts, err := r.LookupHost(ctx, name)
		say("LookupHost "+name, hosts, err)
		ips, err := r.LookupIPAddr(ctx, name)
		say("LookupIPAddr "+name, ips, err)
		for _, network := range []string{"ip", "ip4", "ip6", "tcp"} {
			ips, err := r.LookupIP(ctx, network, name)
			say("LookupIP "+network+" "+name, ips, err)
		}
		cname, err := r.LookupCNAME(ctx, name)
		say("LookupCNAME "+name, cname, err)
		txt, err := r.LookupTXT(ctx, name)
		say("LookupTXT "+name, txt, err)
		ns, err := r.LookupNS(ctx, name)
		say("LookupNS "+name, values(ns), err)
		mx, err := r.LookupMX(ctx, name)
		say("LookupMX "+name, values(mx), err)
		cname, srv, err := r.LookupSRV(ctx, "", "", name)
		say("LookupSRV "+name, cname+fmt.Sprint(values(srv)), err)
	}
	for _, addr := range []string{"192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::1", "2001:db8::2", "fe80::1%eth0", "x", ""} {
		names, err := r.LookupAddr(ctx, addr)
		say("LookupAddr "+addr, names, err)
	}
	for _, literal := range []string{"192.0.2.1", "2001:db8::0001", "fe80::1%eth0", "::", "0.0.0.0", "::ffff:192.0.2.1"} {
		hosts, err := r.LookupHost(ctx, literal)
		say("LookupHost "+literal, hosts, err)
		ips, err := r.LookupIPAddr(ctx, literal)
		say("LookupIPAddr "+literal, ips, err)
		ip4, err := r.LookupIP(ctx, "ip4", literal)
		say("LookupIP ip4 "+literal, ip4, err)
	}
	cname, srv, err := r.LookupSRV(ctx, "http", "tcp", "test.")
	say("LookupSRV http", cname+fmt.Sprint(values(srv)), err)
	port, err := r.LookupPort(ctx, "tcp", "http")
	say("LookupPort", port, err)
	return all
}

func values[T any](list []*T) (v []T) {
	for _, p := range list {
		v = append(v, *p)
	}
	return v
}

var serverName = regexp.MustCompile(`on \S+:53: `)

// describeDNS writes down an error with all that can be seen of it, but the
// server's address.
func describeDNS(err error) string {
	if err == nil {
		return "nil"
	}
	s := fmt.Sprintf("%T: %s", err, serverName.ReplaceAllString(err.Error(), "on SERVER: "))
	if e, ok := err.(*net.DNSError); ok {
		s += fmt.Sprintf(", name %q, server %v, timeout %v, temporary %v, not found %v, unwraps to %v",
			e.Name, e.Server != "", e.IsTimeout, e.IsTemporary, e.IsNotFound, e.UnwrapErr)
	}
	return s
}
