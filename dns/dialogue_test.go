package dns

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

var (
	server1 = netip.MustParseAddrPort("192.0.2.1:53")
	server2 = netip.MustParseAddrPort("[2001:db8::2]:53")
)

// counter is a source of random bytes that repeats itself.
type counter byte

func (c *counter) Read(b []byte) (int, error) {
	for i := range b {
		*c++
		b[i] = byte(*c)
	}
	return len(b), nil
}

// A dialogue is a look-up and the test that plays its servers.
type dialogue struct {
	*testing.T
	*Lookup
	now  time.Time
	last sent // what the latest want found
}

// sent is a query as a server sees it.
type sent struct {
	Out
	h    dnsmessage.Header
	q    dnsmessage.Question
	edns bool
}

func newDialogue(t *testing.T, c Config, name string, types ...dnsmessage.Type) *dialogue {
	t.Helper()
	if c.Servers == nil {
		c.Servers = []netip.AddrPort{server1}
	}
	if c.Rand == nil {
		c.Rand = new(counter)
	}
	if types == nil {
		types = []dnsmessage.Type{dnsmessage.TypeA}
	}
	d := &dialogue{T: t, Lookup: New(c, name, types...), now: time.Unix(1000, 0)}
	d.Advance(d.now)
	return d
}

// Deadline is the look-up's, not the test's.
func (d *dialogue) Deadline() time.Time { return d.Lookup.Deadline() }

// want takes the next thing to do, which must be to ask server for name.
func (d *dialogue) want(server netip.AddrPort, tcp bool, name, why string) sent {
	d.Helper()
	out, ok := d.Next(d.now)
	if !ok || out.Op != OpSend || out.Server != server || out.TCP != tcp {
		d.Fatalf("%s: got %+v, %v; want a query to %v, TCP %v", why, out, ok, server, tcp)
	}
	s := sent{Out: out}
	msg := out.Data
	if tcp {
		if int(binary.BigEndian.Uint16(msg)) != len(msg)-2 {
			d.Fatalf("%s: a message of %d bytes says that it has %d", why, len(msg)-2, binary.BigEndian.Uint16(msg))
		}
		msg = msg[2:]
	}
	var m dnsmessage.Message
	if err := m.Unpack(msg); err != nil {
		d.Fatalf("%s: %v", why, err)
	}
	s.h, s.q = m.Header, m.Questions[0]
	for _, r := range m.Additionals {
		if r.Header.Type == dnsmessage.TypeOPT {
			s.edns = r.Header.Class == MaxUDP
		}
	}
	if s.q.Name.String() != name || s.q.Class != dnsmessage.ClassINET || len(m.Questions) != 1 || s.h.Response || !s.h.RecursionDesired {
		d.Fatalf("%s: asked %v, %v; want %s", why, s.h, s.q, name)
	}
	d.last = s
	return s
}

func (d *dialogue) wantClose(socket int, why string) {
	d.Helper()
	if out, ok := d.Next(d.now); !ok || out.Op != OpClose || out.Socket != socket {
		d.Fatalf("%s: got %+v, %v; want socket %d closed", why, out, ok, socket)
	}
}

// idle wants that there is nothing to do.
func (d *dialogue) idle(why string) {
	d.Helper()
	if out, ok := d.Next(d.now); ok {
		d.Fatalf("%s: %+v", why, out)
	}
}

// wait advances the clock to the deadline.
func (d *dialogue) wait(want time.Duration) {
	d.Helper()
	if got := d.Deadline().Sub(d.now); got != want {
		d.Fatalf("the deadline is in %v, want %v", got, want)
	}
	d.now = d.Deadline()
	d.Advance(d.now)
}

// A reply is a server's message; what is zero in it is as it should be.
type reply struct {
	to        sent
	id        uint16 // added to the right one
	rcode     dnsmessage.RCode
	name      string // of the question
	from      netip.AddrPort
	truncated bool
	lame      bool // neither authoritative nor recursive
	bare      bool // no question
	answers   []dnsmessage.Resource
	soa       bool
	cut       int // bytes missing at the end
}

func (d *dialogue) reply(r reply) {
	d.Helper()
	if r.to.Socket == 0 {
		r.to = d.last
	}
	in := In{Socket: r.to.Socket, From: r.to.Server, Data: r.message(d.T)}
	if r.from.IsValid() {
		in.From = r.from
	}
	if r.to.TCP {
		in.Data = append(binary.BigEndian.AppendUint16(nil, uint16(len(in.Data))), in.Data...)
	}
	d.Receive(d.now, in)
}

func (r reply) message(t testing.TB) []byte {
	t.Helper()
	q := r.to.q
	if r.name != "" {
		q.Name = dnsmessage.MustNewName(r.name)
	}
	m := dnsmessage.Message{
		Header: dnsmessage.Header{ID: r.to.h.ID + r.id, Response: true, RecursionAvailable: !r.lame,
			RecursionDesired: true, RCode: r.rcode, Truncated: r.truncated},
		Questions: []dnsmessage.Question{q},
		Answers:   r.answers,
	}
	if r.bare {
		m.Questions = nil
	}
	if r.soa {
		m.Authorities = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName("org."), Class: dnsmessage.ClassINET},
			Body:   &dnsmessage.SOAResource{NS: dnsmessage.MustNewName("a.org."), MBox: dnsmessage.MustNewName("b.org.")},
		}}
	}
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b[:len(b)-r.cut]
}

func record(name string, body dnsmessage.ResourceBody) dnsmessage.Resource {
	return dnsmessage.Resource{
		Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(name), Class: dnsmessage.ClassINET, TTL: 60},
		Body:   body,
	}
}

func a(name string, last byte) dnsmessage.Resource {
	return record(name, &dnsmessage.AResource{A: [4]byte{10, 0, 0, last}})
}

func alias(name, target string) dnsmessage.Resource {
	return record(name, &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName(target)})
}

// wantAnswer wants the i-th result to be the records 10.0.0.N at name.
func (d *dialogue) wantAnswer(i int, name string, last ...byte) {
	d.Helper()
	ans, err, known := d.Result(i)
	if !known || err != nil || ans.Name != name || len(ans.Records) != len(last) {
		d.Fatalf("result %d: %+v, %v, known %v; want %v at %s", i, ans, err, known, last, name)
	}
	for j, r := range ans.Records {
		if body := r.Body.(*dnsmessage.AResource); body.A != [4]byte{10, 0, 0, last[j]} {
			d.Errorf("record %d: %v, want %d", j, body, last[j])
		}
	}
}

func (d *dialogue) wantError(i int, want error, server netip.AddrPort) {
	d.Helper()
	_, err, known := d.Result(i)
	var e *Error
	if !known || !errors.Is(err, want) || !errors.As(err, &e) || e.Server != server {
		d.Fatalf("result %d: %v, known %v; want %v of %v", i, err, known, want, server)
	}
}

func (d *dialogue) wantDone(wrong int) {
	d.Helper()
	for {
		out, ok := d.Next(d.now)
		if !ok {
			break
		}
		if out.Op != OpClose {
			d.Fatalf("at the end: %+v", out)
		}
	}
	if !d.Done() || !d.Deadline().IsZero() || d.Wrong() != wrong {
		d.Fatalf("done %v, deadline %v, %d wrong; want all done, %d wrong", d.Done(), d.Deadline(), d.Wrong(), wrong)
	}
}

func TestValidName(t *testing.T) {
	long := strings.Repeat("a", 63)
	for name, want := range map[string]bool{
		"example.org": true, "example.org.": true, ".": true, "": false, "..": false, "a..b": false, ".a": false,
		"_http._tcp.x": true, "1.2.3.4": false, "1.2.3.a": true, "-a": false, "a-": false, "a-.b": false, "a.-b": false, "a-b": true,
		"ä.org": false, "a b": false, long: true, long + "a": false, "1-2": true, "a\x00": false,
		strings.Repeat("a.", 126) + "a": true, strings.Repeat("a.", 127): true, strings.Repeat("a.", 126) + "aa": false,
		strings.Repeat("a.", 126) + "aa.": false,
	} {
		if got := ValidName(name); got != want {
			t.Errorf("ValidName(%q) = %v", name, got)
		}
	}
}

func TestReverseName(t *testing.T) {
	for addr, want := range map[string]string{
		"192.0.2.10":       "10.2.0.192.in-addr.arpa.",
		"::ffff:192.0.2.1": "1.2.0.192.in-addr.arpa.",
		"2001:db8::a":      "a." + strings.Repeat("0.", 23) + "8.b.d.0.1.0.0.2.ip6.arpa.",
	} {
		if got := ReverseName(netip.MustParseAddr(addr)); got != want {
			t.Errorf("ReverseName(%s) = %s, want %s", addr, got, want)
		}
	}
}
