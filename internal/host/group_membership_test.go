package host

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usernet-go/usernet/wire"
)

var (
	someGroup4  = netip.MustParseAddr("239.1.2.3")
	otherGroup4 = netip.MustParseAddr("239.1.2.4")
	someGroup6  = netip.MustParseAddr("ff15::123")
	solicited6  = wire.SolicitedNode(host6)
)

// A listener is a membership in a dialogue with routers.
type listener struct {
	*testing.T
	m   membership
	now time.Time
}

func newListener(t *testing.T, v6 bool) *listener {
	l := &listener{T: t, now: time.Unix(0, 0)}
	l.m.init(v6, 1460, 4, 1)
	return l
}

func (l *listener) join(groups ...netip.Addr) {
	l.Helper()
	for _, g := range groups {
		if _, ok := l.m.Join(g, false); !ok {
			l.Fatalf("%v cannot be joined", g)
		}
	}
}

// String shows a message as "v3 to 224.0.0.22: TO_EX(239.1.2.3)".
func (e *membershipMessage) String() string {
	var what []string
	for _, r := range e.records {
		what = append(what, fmt.Sprintf("%v(%v)%v", r.Type, r.Group, r.Sources))
	}
	switch {
	case e.leave:
		what = append(what, "leave "+e.group.String())
	case e.group.IsValid():
		what = append(what, "report "+e.group.String())
	}
	return strings.ReplaceAll(fmt.Sprintf("v%d to %v: %s", e.version, e.dst, strings.Join(what, " ")), "[]", "")
}

// sends checks what is sent now, and that it is all.
func (l *listener) sends(why string, want ...string) {
	l.Helper()
	var got []string
	for {
		e, ok := l.m.Next(l.now)
		if !ok {
			break
		}
		got = append(got, e.String())
	}
	if !slices.Equal(got, want) {
		l.Errorf("%s: sent %q, want %q", why, got, want)
	}
}

// comes advances to what is due next, which is not later than limit from now.
func (l *listener) comes(limit time.Duration) {
	l.Helper()
	d := l.m.Deadline()
	if d.IsZero() || d.After(l.now.Add(limit)) {
		l.Fatalf("due at %v, want within %v of %v", d, limit, l.now)
	}
	l.now = d
	l.m.Advance(l.now)
}

func (l *listener) quiet(why string) {
	l.Helper()
	if d := l.m.Deadline(); !d.IsZero() {
		l.Errorf("%s: something is due in %v", why, d.Sub(l.now))
	}
	l.sends(why)
}

func (l *listener) settle() {
	for !l.m.Deadline().IsZero() {
		l.now = l.m.Deadline()
		l.m.Advance(l.now)
		for ok := true; ok; {
			_, ok = l.m.Next(l.now)
		}
	}
}

func (l *listener) query(q wire.MembershipQuery) {
	if !q.Group.IsValid() {
		q.Group = netip.IPv4Unspecified()
		if l.m.v6 {
			q.Group = netip.IPv6Unspecified()
		}
	}
	l.m.Query(l.now, &q)
}

// RFC 9776, 5.1: a change is told at once, and [Robustness Variable] - 1 times more
// within [Unsolicited Report Interval] each.
func TestMembershipChanges(t *testing.T) {
	l := newListener(t, false)
	l.join(someGroup4)
	l.sends("joined", "v3 to 224.0.0.22: TO_EX(239.1.2.3)")
	l.comes(time.Second)
	l.sends("repeated", "v3 to 224.0.0.22: TO_EX(239.1.2.3)")
	l.quiet("told twice")
	l.join(someGroup4)
	l.quiet("a second member")
	if l.m.Leave(someGroup4, false) {
		t.Error("the first of two to leave is the last")
	}
	l.quiet("one of two members left")
	if !l.m.Leave(someGroup4, false) {
		t.Error("the second of two to leave is not the last")
	}
	l.sends("left", "v3 to 224.0.0.22: TO_IN(239.1.2.3)")
	l.comes(time.Second)
	l.sends("repeated", "v3 to 224.0.0.22: TO_IN(239.1.2.3)")
	l.quiet("told twice")
	if len(l.m.groups) != 0 {
		t.Errorf("%d groups are left", len(l.m.groups))
	}
}

// RFC 9776, 5.1: "each such additional change triggers the immediate transmission of a
// State-Change Report", which "becomes the first of [Robustness Variable]
// transmissions".
func TestMembershipChangesMerge(t *testing.T) {
	l := newListener(t, true)
	l.join(someGroup6)
	l.sends("joined", "v2 to ff02::16: TO_EX(ff15::123)")
	l.m.Leave(someGroup6, false)
	l.m.Join(solicited6, true)
	l.sends("left, and another joined", "v2 to ff02::16: TO_EX(ff02::1:ff00:1) TO_IN(ff15::123)")
	l.comes(time.Second)
	l.sends("repeated", "v2 to ff02::16: TO_EX(ff02::1:ff00:1) TO_IN(ff15::123)")
	l.quiet("told twice")
	l.m.LeaveAll()
	l.sends("all left", "v2 to ff02::16: TO_IN(ff02::1:ff00:1)")
}

// RFC 9777, 6, and RFC 9776, 5: of these groups nobody is told.
func TestMembershipUnreported(t *testing.T) {
	l := newListener(t, false)
	l.join(allHosts)
	l.query(wire.MembershipQuery{Version: 3, MaxResponse: time.Second})
	l.quiet("all systems")
	l.m.Leave(allHosts, false)
	l.quiet("left")
	l = newListener(t, true)
	l.join(allNodesLink, allNodesIface, netip.MustParseAddr("ff10::9"))
	l.query(wire.MembershipQuery{Version: 2, MaxResponse: time.Second})
	l.query(wire.MembershipQuery{Version: 2, Group: allNodesLink, MaxResponse: time.Second})
	l.query(wire.MembershipQuery{Version: 1, Group: allNodesLink, MaxResponse: time.Second})
	l.quiet("all nodes")
}

// RFC 9776, 5.2: a general query is answered for all groups within its maximum
// response time, and others until then by the same answer.
func TestMembershipGeneralQuery(t *testing.T) {
	l := newListener(t, false)
	l.query(wire.MembershipQuery{Version: 3, MaxResponse: 10 * time.Second})
	l.quiet("no groups")
	l.join(otherGroup4, someGroup4, allHosts)
	l.sends("joined", "v3 to 224.0.0.22: TO_EX(239.1.2.3) TO_EX(239.1.2.4)")
	l.settle()
	l.query(wire.MembershipQuery{Version: 3, MaxResponse: 10 * time.Second})
	l.sends("not at once")
	l.query(wire.MembershipQuery{Version: 3, MaxResponse: time.Hour})
	l.query(wire.MembershipQuery{Version: 3, MaxResponse: time.Hour, Group: someGroup4})
	l.comes(10 * time.Second)
	l.sends("answer", "v3 to 224.0.0.22: IS_EX(239.1.2.3) IS_EX(239.1.2.4)")
	l.quiet("answered")
}

// RFC 9776, 5.2, rules 3 to 5 and table 5: answers to specific queries.
func TestMembershipSpecificQuery(t *testing.T) {
	a, b := netip.MustParseAddr("10.9.0.1"), netip.MustParseAddr("10.9.0.2")
	ask := func(l *listener, sources ...netip.Addr) {
		l.query(wire.MembershipQuery{Version: 3, Group: someGroup4, MaxResponse: time.Second, Sources: sources})
	}
	l := newListener(t, false)
	ask(l)
	l.quiet("not joined")
	l.join(someGroup4, otherGroup4)
	l.sends("joined", "v3 to 224.0.0.22: TO_EX(239.1.2.3) TO_EX(239.1.2.4)")
	l.settle()

	ask(l)
	l.comes(time.Second)
	l.sends("group", "v3 to 224.0.0.22: IS_EX(239.1.2.3)")
	l.now = l.now.Add(time.Second)
	ask(l, a)
	l.comes(time.Second)
	l.sends("source", "v3 to 224.0.0.22: IS_IN(239.1.2.3)[10.9.0.1]")
	l.now = l.now.Add(time.Second)
	ask(l, a)
	ask(l, b, a)
	l.comes(time.Second)
	l.sends("two queries for sources", "v3 to 224.0.0.22: IS_IN(239.1.2.3)[10.9.0.1 10.9.0.2]")
	l.now = l.now.Add(time.Second)
	ask(l, a)
	ask(l)
	l.comes(time.Second)
	l.sends("source, then group", "v3 to 224.0.0.22: IS_EX(239.1.2.3)")
	l.now = l.now.Add(time.Second)
	ask(l)
	ask(l, a)
	l.comes(time.Second)
	l.sends("group, then source", "v3 to 224.0.0.22: IS_EX(239.1.2.3)")
	l.quiet("answered")

	ask(l, a)
	l.m.Leave(someGroup4, false)
	l.sends("left meanwhile", "v3 to 224.0.0.22: TO_IN(239.1.2.3)")
	l.comes(time.Second)
	l.sends("repeated", "v3 to 224.0.0.22: TO_IN(239.1.2.3)")
	l.quiet("no answer")
}

// RFC 9776, 9.1: forged queries cost little: few sources are remembered, and however
// many queries there are, the answers keep their distance.
func TestMembershipQueryFlood(t *testing.T) {
	l := newListener(t, false)
	l.join(someGroup4)
	l.settle()
	for i := range 200 {
		l.query(wire.MembershipQuery{Version: 3, Group: someGroup4, MaxResponse: time.Hour, Sources: []netip.Addr{netip.AddrFrom4([4]byte{10, 9, 0, byte(i)})}})
		if n := len(l.m.groups[0].sources); n > maxAskedSources {
			t.Fatalf("%d sources are remembered", n)
		}
	}
	l.settle()
	answers, start := 0, l.now
	for l.now.Before(start.Add(10 * time.Second)) {
		l.query(wire.MembershipQuery{Version: 3, MaxResponse: 0})
		l.now = l.now.Add(time.Millisecond)
		l.m.Advance(l.now)
		for _, ok := l.m.Next(l.now); ok; _, ok = l.m.Next(l.now) {
			answers++
		}
	}
	if answers < 90 || answers > 101 {
		t.Errorf("%d answers to 10 s of queries, want one in 100 ms", answers)
	}
}

// RFC 9776, 7.2.1: with an older querier the older version is spoken, until
// [Older Version Querier Present Interval] after its last general query.
func TestMembershipOlderQuerier(t *testing.T) {
	l := newListener(t, false)
	l.join(someGroup4, otherGroup4)
	l.sends("joined", "v3 to 224.0.0.22: TO_EX(239.1.2.3) TO_EX(239.1.2.4)")
	l.query(wire.MembershipQuery{Version: 2, Group: someGroup4, MaxResponse: time.Second})
	if v := l.m.version(); v != 3 {
		t.Errorf("version %d after a specific query of version 2", v)
	}
	l.settle()

	l.query(wire.MembershipQuery{Version: 2, MaxResponse: time.Second})
	l.m.Report(otherGroup4) // another member was faster
	l.comes(time.Second)
	l.sends("answer", "v2 to 239.1.2.3: report 239.1.2.3")
	l.m.Leave(someGroup4, false)
	l.sends("left", "v2 to 224.0.0.2: leave 239.1.2.3")
	l.join(someGroup4)
	l.sends("joined", "v2 to 239.1.2.3: report 239.1.2.3")
	l.comes(10 * time.Second)
	l.sends("repeated", "v2 to 239.1.2.3: report 239.1.2.3")

	l.query(wire.MembershipQuery{Version: 1, MaxResponse: 10 * time.Second})
	l.m.Leave(someGroup4, false)
	l.sends("version 1 has no leave")
	l.comes(10 * time.Second)
	l.sends("answer", "v1 to 239.1.2.4: report 239.1.2.4")
	l.comes(350 * time.Second)
	l.comes(100 * time.Second)
	l.join(someGroup4)
	l.sends("both older queriers are gone", "v3 to 224.0.0.22: TO_EX(239.1.2.3)")

	l.query(wire.MembershipQuery{Version: 2, MaxResponse: time.Second})
	l.m.Report(otherGroup4)
	l.m.Report(netip.MustParseAddr("239.9.9.9"))
	l.comes(time.Second)
	l.sends("one group's answer", "v2 to 239.1.2.3: report 239.1.2.3")
	l.comes(261 * time.Second)
	l.quiet("back to version 3")
}

// RFC 9777, 8.2.1: the same for MLD.
func TestMembershipOlderMLD(t *testing.T) {
	l := newListener(t, true)
	l.join(someGroup6)
	l.query(wire.MembershipQuery{Version: 1, MaxResponse: 2 * time.Second})
	l.sends("a change that nobody was told", "v1 to ff15::123: report ff15::123")
	l.comes(10 * time.Second)
	l.sends("answer, or repetition", "v1 to ff15::123: report ff15::123")
	l.m.Leave(someGroup6, false)
	l.sends("left", "v1 to ff02::2: leave ff15::123")
}

// RFC 9777, 5.2.14: after a report from the unspecified address another one follows.
func TestMembershipRenew(t *testing.T) {
	l := newListener(t, true)
	l.m.Join(solicited6, true)
	l.sends("joined", "v2 to ff02::16: TO_EX(ff02::1:ff00:1)")
	l.settle()
	l.m.Renew()
	l.sends("told again", "v2 to ff02::16: TO_EX(ff02::1:ff00:1)")
}

// RFC 9776, 4.2.17: what does not fit into one report goes in several. 4.1.6: the
// querier's robustness variable is adopted.
func TestMembershipReportSize(t *testing.T) {
	l := newListener(t, false)
	l.m.room = 16
	l.query(wire.MembershipQuery{Version: 3, Robustness: 3})
	l.join(netip.MustParseAddr("239.0.0.1"), netip.MustParseAddr("239.0.0.2"), netip.MustParseAddr("239.0.0.3"))
	for range 3 {
		l.sends("in two", "v3 to 224.0.0.22: TO_EX(239.0.0.1) TO_EX(239.0.0.2)", "v3 to 224.0.0.22: TO_EX(239.0.0.3)")
		if !l.m.Deadline().IsZero() {
			l.comes(time.Second)
		}
	}
	l.quiet("three times")
	l.query(wire.MembershipQuery{Version: 3, Group: l.m.groups[0].addr, Sources: []netip.Addr{host4, peer4, far4}})
	l.comes(time.Second)
	l.sends("more sources than fit", "v3 to 224.0.0.22: IS_EX(239.0.0.1)")
}

// Sockets join no more groups than the limit, the host itself does; what was left is
// remembered as far as the limit goes.
func TestMembershipLimit(t *testing.T) {
	l := newListener(t, false)
	group := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{239, 0, 0, byte(i)}) }
	l.m.Join(group(100), true)
	l.join(group(1), group(2), group(3), group(4), group(4))
	if _, ok := l.m.Join(group(5), false); ok {
		t.Error("joined beyond the limit")
	}
	if _, ok := l.m.Join(group(100), false); ok {
		t.Error("joined the host's own group beyond the limit")
	}
	if _, ok := l.m.Join(group(101), true); !ok {
		t.Error("the host's own group counts for the limit")
	}
	for i := range 50 {
		l.m.Leave(group(4+i), false)
		if i == 0 {
			l.m.Leave(group(4), false)
		}
		l.join(group(5 + i))
		if n := len(l.m.groups); n > 10 {
			t.Fatalf("%d groups are remembered", n)
		}
	}
}
