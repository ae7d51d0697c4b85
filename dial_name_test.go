package usernet_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/pipe"
)

// newHappy returns stacks 10.0.0.1 and 10.0.0.2, 2001:db8::1 and 2001:db8::2, with
// 10 ms each way between them. The second knows names and listens on TCP port 80.
func newHappy(t *testing.T, answer func(q query) []byte) (a, b *usernet.Stack, ns *nameServer) {
	t.Helper()
	near, far := pipe.New(pipe.Config{MTU: 1500})
	path := link.ShapeConfig{Path: link.Path{Delay: 10 * time.Millisecond}}
	server := netip.MustParseAddrPort("10.0.0.2:53")
	a = newStack(t, usernet.Config{Resolver: &usernet.Resolver{Servers: []netip.AddrPort{server}}})
	b = newStack(t, usernet.Config{})
	for i, s := range []*usernet.Stack{a, b} {
		ifc := usernet.Interface{Name: "eth0", Addrs: []netip.Prefix{
			netip.PrefixFrom(addr([]string{"10.0.0.1", "10.0.0.2"}[i]), 24), netip.PrefixFrom(addr([]string{"2001:db8::1", "2001:db8::2"}[i]), 64)},
			Gateways: []netip.Addr{addr([]string{"10.0.0.2", "10.0.0.1"}[i]), addr([]string{"2001:db8::2", "2001:db8::1"}[i])}}
		if err := s.Attach(link.Shape([]link.Link{near, far}[i], path), ifc); err != nil {
			t.Fatal(err)
		}
	}
	ns, _ = startNameServer(t, b, answer)
	l, err := b.Listen("tcp", ":80")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { io.Copy(c, c); c.Close() }()
		}
	}()
	time.Sleep(5 * time.Second) // addresses that are being checked for duplicates come last
	// Neighbours are known, so that times are those of dialling alone.
	for _, dst := range []string{"10.0.0.2:80", "[2001:db8::2]:80"} {
		c, err := a.Dial("tcp", dst)
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	return a, b, ns
}

const (
	silent6 = "2001:db8:dead::1" // routed, and answered by nobody
	silent4 = "192.0.2.1"
	good6   = "2001:db8::2"
	good4   = "10.0.0.2"
)

// Whoever answers first wins, and how long that takes: 20 ms for the look-up, 20 ms
// for the handshake, and what RFC 8305 says between.
func TestBubbleHappyEyeballs(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		name   string
		addrs  string
		delay6 time.Duration // of the AAAA answer
		delay4 time.Duration // of the A answer
		dialer usernet.Dialer
		want   string
		after  time.Duration
	}{
		{"both good", good6 + " " + good4, 0, 0, usernet.Dialer{}, good6, 40 * ms},
		{"IPv6 silent", silent6 + " " + good4, 0, 0, usernet.Dialer{}, good4, 290 * ms},
		{"IPv6 silent, other delay", silent6 + " " + good4, 0, 0, usernet.Dialer{FallbackDelay: 100 * ms}, good4, 140 * ms},
		{"IPv6 silent, delay too short", silent6 + " " + good4, 0, 0, usernet.Dialer{FallbackDelay: 1}, good4, 50 * ms},
		{"IPv4 and the first of IPv6 silent", "2001:db8::99 " + good6 + " " + silent4, 0, 0, usernet.Dialer{}, good6, 540 * ms},
		{"AAAA a little late", good6 + " " + good4, 40 * ms, 0, usernet.Dialer{}, good6, 80 * ms},
		{"AAAA too late", good6 + " " + good4, 60 * ms, 0, usernet.Dialer{}, good4, 90 * ms},
		{"AAAA never", good4, time.Hour, 0, usernet.Dialer{}, good4, 90 * ms},
		{"A never", good6, 0, time.Hour, usernet.Dialer{}, good6, 40 * ms},
		{"A silent, AAAA late", silent4 + " " + good6, 200 * ms, 0, usernet.Dialer{}, good6, 70*ms + 250*ms + 20*ms},
		{"one after the other", silent6 + " " + good4, 0, 0, usernet.Dialer{FallbackDelay: -1, Timeout: 10 * time.Second}, good4, 20*ms + 4990*ms + 20*ms},
		{"from IPv4", good6 + " " + good4, 0, 0, usernet.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1)}}, good4, 40 * ms},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, _, _ := newHappy(t, func(q query) []byte {
					d := c.delay4
					if q.Type == dnsmessage.TypeAAAA {
						d = c.delay6
					}
					time.Sleep(d)
					return q.addresses(c.addrs)
				})
				c.dialer.Stack = a
				start := time.Now()
				conn, err := c.dialer.Dial("tcp", "example.org:80")
				if err != nil {
					t.Fatal(err)
				}
				if got := conn.RemoteAddr().(*net.TCPAddr).IP.String(); got != c.want || time.Since(start) != c.after {
					t.Errorf("connected to %s after %v, want %s after %v", got, time.Since(start), c.want, c.after)
				}
				conn.Close()
				time.Sleep(time.Minute)
				if n := a.Stats().Connections; n != 0 {
					t.Errorf("%d connections are left", n)
				}
			})
		})
	}
}

// Why a dial of a name fails, and when.
func TestBubbleDialNameErrors(t *testing.T) {
	const gone6, gone4 = "2001:db8::99", "10.0.0.99"
	synctest.Test(t, func(t *testing.T) {
		a, _, ns := newHappy(t, nil)
		for _, c := range []struct {
			name, addrs string
			dialer      usernet.Dialer
			network     string
			address     string
			want        string
			is          error
			after       time.Duration
		}{
			{"nothing", "", usernet.Dialer{}, "tcp", "example.org:80", "dial tcp: lookup example.org on 10.0.0.2:53: no such host", nil, 20 * time.Millisecond},
			{"refused by both", good6 + " " + good4, usernet.Dialer{}, "tcp", "example.org:81", "dial tcp [2001:db8::2]:81: connect: connection refused", syscall.ECONNREFUSED, 60 * time.Millisecond},
			{"gone", gone6 + " " + gone4, usernet.Dialer{}, "tcp", "example.org:80", "dial tcp [2001:db8::99]:80: connect: no route to host", syscall.EHOSTUNREACH, 20*time.Millisecond + 3250*time.Millisecond},
			{"too late", silent6 + " " + silent4, usernet.Dialer{Timeout: time.Second}, "tcp", "example.org:80", "dial tcp [2001:db8:dead::1]:80: i/o timeout", context.DeadlineExceeded, time.Second},
			{"too late, in turn", silent6 + " " + silent4, usernet.Dialer{Timeout: 10 * time.Second, FallbackDelay: -1}, "tcp", "example.org:80", "dial tcp [2001:db8:dead::1]:80: i/o timeout", context.DeadlineExceeded, 10 * time.Second},
			{"too late to look it up", "", usernet.Dialer{Timeout: 10 * time.Millisecond}, "tcp", "example.org:80", "dial tcp: lookup example.org: i/o timeout", context.DeadlineExceeded, 10 * time.Millisecond},
			{"the other family", good6, usernet.Dialer{}, "tcp4", "example.org:80", "dial tcp4: lookup example.org on 10.0.0.2:53: no such host", nil, 20 * time.Millisecond},
			{"from the other family", good6, usernet.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1)}}, "tcp", "example.org:80", "dial tcp: address 10.0.0.1:0: no suitable address found", nil, 20 * time.Millisecond},
			{"no name", good6, usernet.Dialer{}, "tcp", "no name:80", "dial tcp: lookup no name: no such host", nil, 0},
			{"no resolver", good6, usernet.Dialer{Resolver: &usernet.Resolver{Stack: a}}, "tcp", "example.org:80", "dial tcp: lookup example.org: no such host (the stack has no resolver: give an IP address)", nil, 0},
		} {
			ns.answers(func(q query) []byte { return q.addresses(c.addrs) })
			c.dialer.Stack = a
			start := time.Now()
			conn, err := c.dialer.Dial(c.network, c.address)
			if err == nil {
				t.Errorf("%s: connected to %v", c.name, conn.RemoteAddr())
				conn.Close()
				continue
			}
			if err.Error() != c.want || c.is != nil && !errors.Is(err, c.is) || time.Since(start) != c.after {
				t.Errorf("%s: after %v: %v\nwant after %v: %s", c.name, time.Since(start), err, c.after, c.want)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		ns.answers(func(q query) []byte { return q.addresses(silent6 + " " + silent4) })
		if _, err := a.DialContext(ctx, "tcp", "example.org:80"); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
		time.Sleep(time.Minute)
		if n := a.Stats().Connections; n != 0 {
			t.Errorf("%d connections are left", n)
		}
	})
}

// Names wherever there are addresses.
func TestBubbleNamesEverywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, _ := newHappy(t, func(q query) []byte {
			if q.Name.String() == "self.example." {
				return q.addresses("10.0.0.1 2001:db8::1")
			}
			return q.addresses(good6 + " " + good4)
		})
		l, err := a.Listen("tcp", "self.example:8080")
		if err != nil || l.Addr().String() != "10.0.0.1:8080" { // as in net, the first of IPv4
			t.Fatal(l, err)
		}
		p, err := a.ListenPacket("udp6", "self.example:8080")
		if err != nil || p.LocalAddr().String() != "[2001:db8::1]:8080" {
			t.Fatal(p, err)
		}
		if u, err := a.Dial("udp", "example.org:80"); err != nil || u.RemoteAddr().String() != "[2001:db8::2]:80" {
			t.Error(u, err)
		}
		if u, err := a.Dial("udp4", "example.org:80"); err != nil || u.RemoteAddr().String() != "10.0.0.2:80" {
			t.Error(u, err)
		}

		hl, err := b.Listen("tcp", ":8000")
		if err != nil {
			t.Fatal(err)
		}
		srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Host) })}
		go srv.Serve(hl)
		defer srv.Close()
		transport := &http.Transport{DialContext: a.DialContext}
		defer transport.CloseIdleConnections()
		resp, err := (&http.Client{Transport: transport}).Get("http://www.example.org:8000/")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "www.example.org:8000" {
			t.Errorf("%q, %v", body, err)
		}
	})
}
