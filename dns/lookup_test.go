package dns

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

var bothServers = []netip.AddrPort{server1, server2}

func TestAnswer(t *testing.T) {
	d := newDialogue(t, Config{}, "Example.org")
	s := d.want(server1, false, "example.org.", "the first query")
	if !s.edns {
		t.Error("no EDNS")
	}
	d.idle("one query for one type")
	d.reply(reply{answers: []dnsmessage.Resource{a("example.org.", 1), a("EXAMPLE.org.", 2), a("other.org.", 3)}})
	d.wantAnswer(0, "EXAMPLE.org.", 1, 2)
	d.wantClose(s.Socket, "answered")
	d.wantDone(0)
}

func TestBothFamiliesAtOnce(t *testing.T) {
	d := newDialogue(t, Config{}, "example.org", dnsmessage.TypeAAAA, dnsmessage.TypeA)
	s6 := d.want(server1, false, "example.org.", "RFC 8305, 3: AAAA first")
	s4 := d.want(server1, false, "example.org.", "A right behind it")
	if s6.q.Type != dnsmessage.TypeAAAA || s4.q.Type != dnsmessage.TypeA || s6.Socket == s4.Socket || s6.h.ID == s4.h.ID {
		t.Errorf("asked %+v and %+v", s6, s4)
	}
	d.reply(reply{to: s4, answers: []dnsmessage.Resource{a("example.org.", 4)}})
	d.wantAnswer(1, "example.org.", 4) // without waiting for the other
	if d.Done() {
		t.Error("done with one of two answers")
	}
	d.reply(reply{to: s6, soa: true})
	d.wantError(0, ErrNotFound, server1)
	d.wantDone(0)
}

// Servers in order, each as often as the configuration says.
func TestTimeouts(t *testing.T) {
	d := newDialogue(t, Config{Servers: bothServers, Timeout: time.Second, Attempts: 3}, "example.org")
	seen := map[uint16]bool{}
	for i := range 6 {
		s := d.want(bothServers[i%2], false, "example.org.", fmt.Sprint("query ", i))
		if seen[s.h.ID] {
			t.Error("an identifier was used twice")
		}
		seen[s.h.ID] = true
		d.wait(time.Second)
		d.wantClose(s.Socket, "too late")
	}
	d.wantError(0, ErrTimeout, server2)
	d.wantDone(0)
}

func TestDefaultsAndRotation(t *testing.T) {
	d := newDialogue(t, Config{Servers: bothServers, First: 3}, "example.org")
	for i := range 4 {
		d.want(bothServers[(i+1)%2], false, "example.org.", "two attempts, the second server first")
		d.wait(5 * time.Second)
		d.wantClose(d.last.Socket, "too late")
	}
	d.wantDone(0)
	d = newDialogue(t, Config{Servers: []netip.AddrPort{}}, "example.org")
	d.wantError(0, ErrNoServers, netip.AddrPort{})
	d.wantDone(0)
}

// What is not the answer to the query is as if it had not come.
func TestWrongAnswersAreIgnored(t *testing.T) {
	d := newDialogue(t, Config{}, "example.org")
	good := []dnsmessage.Resource{a("example.org.", 1)}
	s := d.want(server1, false, "example.org.", "first")
	for _, r := range []reply{
		{id: 1, answers: good},
		{name: "example.com.", answers: good},
		{name: "EXAMPLE.org.", answers: good}, // the question must come back as it was
		{from: server2, answers: good},
		{from: netip.AddrPortFrom(server1.Addr(), 54), answers: good},
		{bare: true, rcode: dnsmessage.RCodeNameError},
	} {
		d.reply(r)
		d.idle("a wrong answer")
	}
	d.Receive(d.now, In{Socket: s.Socket, From: server1, Data: s.Data}) // our own query
	d.Receive(d.now, In{Socket: 99, From: server1, Data: []byte("late")})
	d.idle("a wrong answer")
	d.reply(reply{answers: good})
	d.wantAnswer(0, "example.org.", 1)
	d.wantDone(8)
}

// Somebody who guesses is not let guess for ever.
func TestManyWrongAnswersLeadToTCP(t *testing.T) {
	d := newDialogue(t, Config{}, "example.org")
	s := d.want(server1, false, "example.org.", "first")
	for i := range maxWrong {
		d.idle("tolerated so far")
		d.reply(reply{to: s, id: uint16(i + 1), answers: []dnsmessage.Resource{a("example.org.", 66)}})
	}
	d.wantClose(s.Socket, "under attack")
	d.want(server1, true, "example.org.", "TCP cannot be guessed")
	d.reply(reply{to: s, answers: []dnsmessage.Resource{a("example.org.", 66)}}) // right at last, and late
	d.reply(reply{answers: []dnsmessage.Resource{a("example.org.", 1)}})
	d.wantAnswer(0, "example.org.", 1)
	d.wantDone(maxWrong + 1)
}

func TestTruncationLeadsToTCP(t *testing.T) {
	d := newDialogue(t, Config{Timeout: time.Second}, "example.org")
	s := d.want(server1, false, "example.org.", "first")
	d.now = d.now.Add(900 * time.Millisecond)
	d.reply(reply{truncated: true, answers: []dnsmessage.Resource{a("example.org.", 1)}, cut: 3})
	d.wantClose(s.Socket, "truncated")
	s = d.want(server1, true, "example.org.", "the same server by TCP")
	if !s.edns {
		t.Error("no EDNS")
	}
	if got := d.Deadline().Sub(d.now); got != time.Second {
		t.Errorf("TCP has %v, want as long as UDP", got)
	}
	msg := reply{to: s, truncated: true, answers: []dnsmessage.Resource{a("example.org.", 1), a("example.org.", 2)}}.message(t)
	stream := append(binary.BigEndian.AppendUint16(nil, uint16(len(msg))), msg...)
	for i := range stream { // byte by byte, and something behind it
		if d.Done() {
			t.Fatalf("done after %d of %d bytes", i, len(stream))
		}
		d.Receive(d.now, In{Socket: s.Socket, Data: append(stream[i:i+1:i+1], make([]byte, i/(len(stream)-1)*100)...)})
	}
	d.wantAnswer(0, "example.org.", 1, 2)
	d.wantDone(0)
}

func TestTCPFailures(t *testing.T) {
	refused := errors.New("refused")
	for _, c := range []struct {
		name string
		in   func(d *dialogue)
		want error
	}{
		{"end of stream", func(d *dialogue) { d.Receive(d.now, In{Socket: d.last.Socket, Err: io.EOF}) }, io.EOF},
		{"end within the message", func(d *dialogue) {
			d.Receive(d.now, In{Socket: d.last.Socket, Data: []byte{0}})
			d.Receive(d.now, In{Socket: d.last.Socket, Err: io.EOF})
		}, io.ErrUnexpectedEOF},
		{"refused", func(d *dialogue) { d.Receive(d.now, In{Socket: d.last.Socket, Err: refused}) }, refused},
		{"another answer", func(d *dialogue) { d.reply(reply{id: 1}) }, ErrInvalid},
		{"empty message", func(d *dialogue) { d.Receive(d.now, In{Socket: d.last.Socket, Data: []byte{0, 0}}) }, ErrInvalid},
		{"silence", func(d *dialogue) { d.now = d.Deadline(); d.Advance(d.now) }, ErrTimeout},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDialogue(t, Config{Attempts: 1}, "example.org")
			s := d.want(server1, false, "example.org.", "first")
			d.reply(reply{truncated: true})
			d.wantClose(s.Socket, "truncated")
			d.want(server1, true, "example.org.", "TCP")
			c.in(d)
			d.wantError(0, c.want, server1)
			if !d.Done() {
				t.Error("not done")
			}
		})
	}
}

// RFC 6891, 7: servers that do not know EDNS.
func TestWithoutEDNS(t *testing.T) {
	for _, r := range []reply{
		{rcode: dnsmessage.RCodeFormatError}, {rcode: dnsmessage.RCodeFormatError, bare: true}, {rcode: dnsmessage.RCodeNotImplemented},
	} {
		d := newDialogue(t, Config{Servers: bothServers, Attempts: 1}, "example.org")
		s := d.want(server1, false, "example.org.", "first")
		d.reply(r)
		d.wantClose(s.Socket, "not understood")
		if d.want(server1, false, "example.org.", "the same server again").edns {
			t.Error("EDNS again")
		}
		d.reply(r) // it understands nothing
		d.wantClose(d.last.Socket, "not understood")
		if !d.want(server2, false, "example.org.", "the next server").edns {
			t.Error("the next server was not asked with EDNS")
		}
		d.reply(reply{answers: []dnsmessage.Resource{a("example.org.", 1)}})
		d.wantAnswer(0, "example.org.", 1)
		d.wantDone(0)
	}
}

// What sends the query to the next server, and what ends it.
func TestMeaningOfResponses(t *testing.T) {
	loop := []dnsmessage.Resource{alias("example.org.", "a.org."), alias("a.org.", "example.org.")}
	for _, c := range []struct {
		name string
		reply
		want  error
		final bool
	}{
		{"NXDOMAIN", reply{rcode: dnsmessage.RCodeNameError}, ErrNotFound, true},
		{"no data", reply{soa: true}, ErrNotFound, true},
		{"no data, no SOA", reply{}, ErrNotFound, true},
		{"no data from one that does not say whether it knows", reply{soa: true, lame: true}, ErrNotFound, true},
		{"other names", reply{answers: []dnsmessage.Resource{a("x.org.", 1)}}, ErrNotFound, true},
		{"alias to nothing", reply{answers: loop[:1]}, ErrNotFound, true},
		{"lame referral", reply{lame: true}, ErrLameReferral, false},
		{"SERVFAIL", reply{rcode: dnsmessage.RCodeServerFailure}, ErrServerFailure, false},
		{"REFUSED", reply{rcode: dnsmessage.RCodeRefused}, ErrMisbehaving, false},
		{"endless chain", reply{answers: loop}, ErrMisbehaving, false},
		{"cut short", reply{answers: []dnsmessage.Resource{a("example.org.", 1)}, cut: 2}, ErrUnmarshal, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDialogue(t, Config{Servers: bothServers, Attempts: 1}, "example.org")
			d.want(server1, false, "example.org.", "first")
			d.reply(c.reply)
			if c.final {
				d.wantError(0, c.want, server1)
				d.wantDone(0)
				return
			}
			d.wantClose(d.last.Socket, "of no use")
			d.want(server2, false, "example.org.", "the next server")
			d.reply(c.reply)
			d.wantError(0, c.want, server2)
			d.wantDone(0)
		})
	}
}

func TestChainOfAliases(t *testing.T) {
	chain := func(n int) []dnsmessage.Resource {
		var all []dnsmessage.Resource
		name := "example.org."
		for i := range n {
			target := fmt.Sprintf("n%d.org.", i)
			all = append(all, alias(name, strings.ToUpper(target)))
			name = target
		}
		return append(all, a(name, 1), a("elsewhere.org.", 2))
	}
	for _, c := range []struct {
		n  int
		ok bool
	}{{0, true}, {1, true}, {maxChain, true}, {maxChain + 1, false}} {
		for _, reversed := range []bool{false, true} {
			d := newDialogue(t, Config{Attempts: 1}, "example.org")
			d.want(server1, false, "example.org.", "first")
			answers := chain(c.n)
			name := answers[c.n].Header.Name.String()
			if reversed {
				slices.Reverse(answers)
			}
			d.reply(reply{answers: answers})
			if c.ok {
				d.wantAnswer(0, name, 1)
			} else {
				d.wantError(0, ErrMisbehaving, server1)
			}
			d.wantDone(0)
		}
	}
	d := newDialogue(t, Config{}, "example.org", dnsmessage.TypeCNAME)
	d.want(server1, false, "example.org.", "an alias itself is not followed")
	d.reply(reply{answers: chain(2)})
	if ans, _, _ := d.Result(0); ans == nil || ans.Name != "example.org." || len(ans.Records) != 1 {
		t.Errorf("got %+v", ans)
	}
}

func TestSearchList(t *testing.T) {
	c := Config{Search: []string{"one.test", "Two.test.", "", ".", ".x", "a..b", "a b", "onion", strings.Repeat("a", 64)}}
	for _, tt := range []struct {
		name  string
		ndots int
		want  string
	}{
		{"host", 0, "host.one.test. host.two.test. host."},
		{"host", -1, "host. host.one.test. host.two.test."},
		{"host.", 0, "host."},
		{"a.host", 0, "a.host. a.host.one.test. a.host.two.test."},
		{"a.host", 2, "a.host.one.test. a.host.two.test. a.host."},
		// RFC 7686, 2; RFC 6761, 6.3: not even with a domain of the search list behind it
		{"x.ONION", 0, ""},
		{"x.onion", 5, ""},
		{"onion.", 0, ""},
		{"x.onion.", 0, ""},
		{"a.LocalHost", 0, ""},
		{"xonion", 0, "xonion.one.test. xonion.two.test. xonion."},
		{"not valid", 0, ""},
		{strings.Repeat("a.", 122) + "a", 0, strings.Repeat("a.", 123)},
	} {
		c.Ndots = tt.ndots
		d := newDialogue(t, c, tt.name)
		names := strings.Fields(tt.want)
		for _, name := range names {
			d.want(server1, false, name, tt.name)
			d.reply(reply{rcode: dnsmessage.RCodeNameError})
			d.wantClose(d.last.Socket, tt.name)
		}
		server := server1
		if len(names) == 0 {
			server = netip.AddrPort{}
		}
		d.wantError(0, ErrNotFound, server)
		d.wantDone(0)
	}
}

// The first name with records of either type is the one; the error to tell of is
// that of the name as it was given.
func TestSearchListOfTwoTypes(t *testing.T) {
	c := Config{Search: []string{"one.test"}, Attempts: 1}
	d := newDialogue(t, c, "host", dnsmessage.TypeAAAA, dnsmessage.TypeA)
	s6 := d.want(server1, false, "host.one.test.", "the first name")
	s4 := d.want(server1, false, "host.one.test.", "the first name")
	d.reply(reply{to: s6, rcode: dnsmessage.RCodeServerFailure})
	d.wantClose(s6.Socket, "failed")
	if _, _, known := d.Result(0); known {
		t.Error("known while another name may have it")
	}
	d.reply(reply{to: s4, answers: []dnsmessage.Resource{a("host.one.test.", 1)}})
	d.wantAnswer(1, "host.one.test.", 1)
	d.wantError(0, ErrServerFailure, server1)
	d.wantDone(0)

	d = newDialogue(t, c, "host", dnsmessage.TypeAAAA, dnsmessage.TypeA)
	for range 2 {
		s6, s4 := d.want(server1, false, d.names[0], ""), d.want(server1, false, d.names[0], "")
		rcode := dnsmessage.RCodeNameError
		if d.names[0] == "host." {
			rcode = dnsmessage.RCodeRefused
		}
		d.reply(reply{to: s6, rcode: rcode})
		d.reply(reply{to: s4, rcode: rcode})
		d.wantClose(s6.Socket, "")
		d.wantClose(s4.Socket, "")
	}
	d.wantError(0, ErrMisbehaving, server1)
	d.wantError(1, ErrMisbehaving, server1)
	d.wantDone(0)
}

func TestNoRandomness(t *testing.T) {
	d := newDialogue(t, Config{Rand: strings.NewReader("x")}, "example.org")
	d.wantError(0, io.ErrUnexpectedEOF, netip.AddrPort{})
	d.wantDone(0)
}
