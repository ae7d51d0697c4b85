package usernet_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
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

// onlyTCP serves at port 5353 of a stack until the test's end: by UDP all is
// truncated, by TCP converse has the connection.
func onlyTCP(t *testing.T, s *usernet.Stack, converse func(c *usernet.TCPConn, q query)) {
	t.Helper()
	p, err := s.ListenPacket("udp", ":5353")
	if err != nil {
		t.Fatal(err)
	}
	l, err := s.Listen("tcp", ":5353")
	if err != nil {
		t.Fatal(err)
	}
	var busy sync.WaitGroup
	t.Cleanup(func() { p.Close(); l.Close(); busy.Wait() })
	parse := func(b []byte) query {
		var m dnsmessage.Message
		if err := m.Unpack(b); err != nil {
			t.Errorf("a bad query: %v", err)
			return query{}
		}
		return query{Question: m.Questions[0], id: m.ID}
	}
	busy.Go(func() {
		b := make([]byte, 512)
		for {
			n, from, err := p.ReadFrom(b)
			if err != nil {
				return
			}
			p.WriteTo(parse(b[:n]).respond(func(m *dnsmessage.Message) { m.Truncated = true }), from)
		}
	})
	busy.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			busy.Go(func() {
				defer c.Close()
				var n [2]byte
				io.ReadFull(c, n[:])
				b := make([]byte, binary.BigEndian.Uint16(n[:]))
				if _, err := io.ReadFull(c, b); err == nil {
					converse(c.(*usernet.TCPConn), parse(b))
				}
			})
		}
	})
}

// slowly writes in pieces of some size, a pause before each.
func slowly(c net.Conn, b []byte, size int, pause time.Duration) {
	b = append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)
	for len(b) > 0 {
		time.Sleep(pause)
		n := min(size, len(b))
		if _, err := c.Write(b[:n]); err != nil {
			return
		}
		b = b[n:]
	}
}

const manyAddresses = 4000

func (q query) many() []byte {
	bodies := make([]dnsmessage.ResourceBody, manyAddresses)
	for i := range bodies {
		bodies[i] = &dnsmessage.AResource{A: [4]byte{10, 1, byte(i >> 8), byte(i)}}
	}
	return q.with(bodies...)
}

// Servers that misbehave by TCP have their time and no more; then the next is asked.
func TestBubbleBadServersByTCP(t *testing.T) {
	for _, c := range []struct {
		name     string
		converse func(c *usernet.TCPConn, q query)
		large    bool // its answer counts
		after    time.Duration
	}{
		{"64 KiB in pieces", func(c *usernet.TCPConn, q query) { slowly(c, q.many(), 1000, 10*time.Millisecond) }, true, 650 * time.Millisecond},
		{"64 KiB too slowly", func(c *usernet.TCPConn, q query) { slowly(c, q.many(), 1000, time.Second) }, false, 5 * time.Second},
		{"a byte a second", func(c *usernet.TCPConn, q query) { slowly(c, q.addresses("10.0.0.66"), 1, time.Second) }, false, 5 * time.Second},
		{"silence", func(c *usernet.TCPConn, q query) { time.Sleep(time.Hour) }, false, 5 * time.Second},
		{"a wrong id", func(c *usernet.TCPConn, q query) { q.id++; slowly(c, q.addresses("10.0.0.66"), 512, 0) }, false, 0},
		{"another question", func(c *usernet.TCPConn, q query) {
			q.Name = dnsmessage.MustNewName("example.com.")
			slowly(c, q.addresses("10.0.0.66"), 512, 0)
		}, false, 0},
		{"a query", func(c *usernet.TCPConn, q query) {
			slowly(c, q.respond(func(m *dnsmessage.Message) { m.Response = false }), 512, 0)
		}, false, 0},
		{"nothing", func(c *usernet.TCPConn, q query) { slowly(c, nil, 512, 0) }, false, 0},
		{"the end", func(c *usernet.TCPConn, q query) {}, false, 0},
		{"the end within", func(c *usernet.TCPConn, q query) { c.Write(append([]byte{2, 0}, q.addresses("10.0.0.66")...)) }, false, 0},
		{"a reset", func(c *usernet.TCPConn, q query) { c.SetLinger(0) }, false, 0},
		{"a pointer to itself", func(c *usernet.TCPConn, q query) {
			b := q.addresses("10.0.0.66")
			at := len(q.with()) // where the record's name is
			b[at], b[at+1] = 0xc0, byte(at)
			slowly(c, b, 512, 0)
		}, false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b, _ := newNames(t, &usernet.Resolver{Servers: []netip.AddrPort{
					netip.MustParseAddrPort("10.0.0.2:5353"), netip.MustParseAddrPort("10.0.0.2:53")}},
					func(q query) []byte { return q.addresses("10.0.0.9") })
				onlyTCP(t, b, c.converse)
				start := time.Now()
				ips, err := a.Resolver().LookupNetIP(t.Context(), "ip4", "example.org")
				if err != nil || time.Since(start) != c.after {
					t.Fatalf("%v after %v, want %v", err, time.Since(start), c.after)
				}
				if large := len(ips) == manyAddresses; large != c.large || !large && (len(ips) != 1 || ips[0] != addr("10.0.0.9")) {
					t.Errorf("%d addresses, the first %v", len(ips), ips[0])
				}
			})
		})
	}
}

// A look-up ends at once with its context, and with its stack, wherever it stands,
// and leaves nothing behind: the bubble would not end.
func TestBubbleLookupEndsAtOnce(t *testing.T) {
	for _, c := range []struct {
		name, server string
		converse     func(c *usernet.TCPConn, q query)
	}{
		{"by UDP", "10.0.0.2:53", nil},
		{"with nobody there", "10.0.0.99:53", nil},
		{"connecting", "10.0.0.2:5353", nil},
		{"by TCP", "10.0.0.2:5353", func(c *usernet.TCPConn, q query) { time.Sleep(time.Hour) }},
		{"within an answer", "10.0.0.2:5353", func(c *usernet.TCPConn, q query) { slowly(c, q.many(), 100, 100*time.Millisecond) }},
	} {
		for _, end := range []string{"cancel", "deadline", "close"} {
			t.Run(c.name+", "+end, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					near, far := pipe.New(pipe.Config{MTU: 1500})
					path := link.ShapeConfig{Path: link.Path{Delay: 10 * time.Millisecond}}
					b := newStack(t, usernet.Config{})
					attach(t, b, link.Shape(far, path), 2)
					startNameServer(t, b, func(query) []byte { return nil })
					onlyTCP(t, b, c.converse)
					a := newStack(t, usernet.Config{Resolver: &usernet.Resolver{Servers: []netip.AddrPort{netip.MustParseAddrPort(c.server)}}})
					attach(t, a, link.Shape(near, path), 1)
					if c.name == "connecting" {
						// ARP there and back, the query there and back, and the SYN under way.
						time.AfterFunc(45*time.Millisecond, func() {
							if err := b.RemoveAddr(b.Interfaces()[0].Name, addr("10.0.0.2")); err != nil {
								t.Error(err)
							}
						})
					}
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					want := error(net.ErrClosed)
					switch end {
					case "cancel":
						want = context.Canceled
						time.AfterFunc(time.Second, cancel)
					case "deadline":
						want = context.DeadlineExceeded
						ctx, cancel = context.WithTimeout(ctx, time.Second)
						defer cancel()
					default:
						time.AfterFunc(time.Second, func() { a.Close() })
					}
					start := time.Now()
					_, err := a.Resolver().LookupNetIP(ctx, "ip4", "example.org")
					if d := time.Since(start); d != time.Second {
						t.Errorf("%v after %v, want a second", err, d)
					}
					// As in net, of all errors only a context's can be unwrapped.
					if !errors.Is(err, want) && (end != "close" || !strings.HasSuffix(err.Error(), want.Error())) {
						t.Errorf("%v, want %v", err, want)
					}
				})
			})
		}
	}
}

// Who comes with a context that is over asks nobody.
func TestBubbleLookupOverBeforeItBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _, ns := newNames(t, &usernet.Resolver{}, func(q query) []byte { return q.addresses("10.0.0.9") })
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := a.Resolver().LookupTXT(ctx, "example.org")
		wantDNSError(t, err, net.DNSError{Err: "operation was canceled", Name: "example.org", UnwrapErr: context.Canceled})
		if _, err := a.DialContext(ctx, "tcp", "example.org:80"); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if heard := ns.queries(); len(heard) != 0 {
			t.Errorf("asked %+v", heard)
		}
	})
}

// Somebody who guesses, on a port that is the right one, is heard eight times.
func TestBubbleForgedAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, _ := newNames(t, &usernet.Resolver{Servers: []netip.AddrPort{netip.MustParseAddrPort("10.0.0.2:54")}}, nil)
		p, err := b.ListenPacket("udp", ":54")
		if err != nil {
			t.Fatal(err)
		}
		l, err := b.Listen("tcp", ":54")
		if err != nil {
			t.Fatal(err)
		}
		ns := &nameServer{t: t, answer: func(q query) []byte {
			if !q.tcp {
				for i := range 1000 {
					forged := q
					forged.id += uint16(i + 1)
					p.WriteTo(forged.addresses("10.0.0.66"), q.from)
				}
			}
			return q.addresses("10.0.0.9")
		}}
		ns.serve(p, l)
		ips, err := a.Resolver().LookupNetIP(t.Context(), "ip4", "example.org")
		if err != nil || len(ips) != 1 || ips[0] != addr("10.0.0.9") {
			t.Errorf("%v, %v", ips, err)
		}
		if heard := ns.queries(); len(heard) != 2 || heard[0].tcp || !heard[1].tcp {
			t.Errorf("heard %+v", heard)
		}
		if n := a.Stats().DNSIgnored; n < 8 {
			t.Errorf("%d messages ignored", n)
		}
	})
}
