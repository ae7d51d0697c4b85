package usernet_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link/pipe"
)

// A nameServer answers queries, on a stack or on the kernel's loopback.
type nameServer struct {
	t      *testing.T
	answer func(q query) []byte // nil: none
	busy   sync.WaitGroup       // answers that are being thought about
	mu     sync.Mutex
	heard  []query
}

// A query is what a server was asked, and how.
type query struct {
	dnsmessage.Question
	id   uint16
	edns bool
	tcp  bool
	from net.Addr
}

// serve answers on both transports until the test's end, which waits for answers
// that are under way.
func (s *nameServer) serve(p net.PacketConn, l net.Listener) {
	s.t.Cleanup(func() { p.Close(); l.Close(); s.busy.Wait() })
	s.busy.Go(func() {
		b := make([]byte, 4096)
		for {
			n, from, err := p.ReadFrom(b)
			if err != nil {
				return
			}
			msg := bytes.Clone(b[:n])
			s.busy.Go(func() {
				if a := s.reply(msg, false, from); a != nil {
					p.WriteTo(a, from)
				}
			})
		}
	})
	s.busy.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.busy.Go(func() {
				defer c.Close()
				var n [2]byte
				if _, err := io.ReadFull(c, n[:]); err != nil {
					return
				}
				b := make([]byte, binary.BigEndian.Uint16(n[:]))
				if _, err := io.ReadFull(c, b); err != nil {
					return
				}
				if a := s.reply(b, true, c.RemoteAddr()); a != nil {
					c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(a))), a...))
				}
			})
		}
	})
}

func (s *nameServer) reply(b []byte, tcp bool, from net.Addr) []byte {
	var m dnsmessage.Message
	if err := m.Unpack(b); err != nil || len(m.Questions) != 1 {
		s.t.Errorf("a bad query: %v", err)
		return nil
	}
	q := query{m.Questions[0], m.ID, len(m.Additionals) == 1, tcp, from}
	s.mu.Lock()
	s.heard = append(s.heard, q)
	answer := s.answer
	s.mu.Unlock()
	return answer(q)
}

// answers changes how queries are answered from now on.
func (s *nameServer) answers(answer func(q query) []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

// queries returns what was heard since the last call.
func (s *nameServer) queries() []query {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.heard
	s.heard = nil
	return h
}

// startNameServer serves at port 53 of a stack, and returns the address that
// pairs of stacks have there.
func startNameServer(t *testing.T, s *usernet.Stack, answer func(q query) []byte) (*nameServer, netip.AddrPort) {
	t.Helper()
	p, err := s.ListenPacket("udp", ":53")
	if err != nil {
		t.Fatal(err)
	}
	l, err := s.Listen("tcp", ":53")
	if err != nil {
		t.Fatal(err)
	}
	ns := &nameServer{t: t, answer: answer}
	ns.serve(p, l)
	return ns, netip.MustParseAddrPort("10.0.0.2:53")
}

// respond packs a response to q; change may change it first.
func (q query) respond(change func(m *dnsmessage.Message)) []byte {
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: q.id, Response: true, RecursionAvailable: true, RecursionDesired: true},
		Questions: []dnsmessage.Question{q.Question},
	}
	if change != nil {
		change(&m)
	}
	b, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return b
}

// rcode responds with nothing else.
func (q query) rcode(c dnsmessage.RCode) []byte {
	return q.respond(func(m *dnsmessage.Message) { m.RCode = c })
}

// with responds with records of the name asked.
func (q query) with(bodies ...dnsmessage.ResourceBody) []byte {
	return q.respond(func(m *dnsmessage.Message) {
		for _, b := range bodies {
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET}, Body: b})
		}
	})
}

// addresses responds with those of the family asked for, separated by spaces.
func (q query) addresses(list string) []byte {
	var bodies []dnsmessage.ResourceBody
	for f := range strings.FieldsSeq(list) {
		switch ip := netip.MustParseAddr(f); {
		case ip.Is4() && q.Type == dnsmessage.TypeA:
			bodies = append(bodies, &dnsmessage.AResource{A: ip.As4()})
		case ip.Is6() && q.Type == dnsmessage.TypeAAAA:
			bodies = append(bodies, &dnsmessage.AAAAResource{AAAA: ip.As16()})
		}
	}
	return q.with(bodies...)
}

// newNames returns a pair of stacks of which the second serves names to the first.
func newNames(t *testing.T, r *usernet.Resolver, answer func(q query) []byte) (a, b *usernet.Stack, ns *nameServer) {
	t.Helper()
	near, far := pipe.New(pipe.Config{MTU: 1500})
	b = newStack(t, usernet.Config{})
	attach(t, b, far, 2)
	ns, addr := startNameServer(t, b, answer)
	if r.Servers == nil {
		r.Servers = []netip.AddrPort{addr}
	}
	a = newStack(t, usernet.Config{Resolver: r})
	attach(t, a, near, 1)
	return a, b, ns
}
