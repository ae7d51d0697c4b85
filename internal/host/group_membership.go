package host

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/usernet-go/usernet/wire"
)

// A membership is the listener's side of IGMP (RFC 9776) or MLD (RFC 9777) on one
// interface: it counts who has joined which group, from any source, and says what
// routers are to be told of it. It has no lock and no clock: Join, Leave, Query,
// Report and Advance are told the time, Next says what to send, Deadline when to
// come back.
//
// Bounds: sockets join at most limit groups; of groups that were left, about which
// routers are still being told, at most as many again are remembered, the others'
// last repetitions are not sent; a group remembers maxAskedSources sources of
// queries, beyond them it answers for all; answers go at most every
// minAnswerSpacing, each with all that is due, however many queries there are.
type membership struct {
	v6         bool
	room       int // bytes of records in one report
	limit      int // groups that sockets join
	rand       *rand.Rand
	robustness int // RFC 9776, 8.1: how often a change is told

	groups []*group // by address
	socket int      // groups that count for limit
	fresh  bool     // some group is
	out    []membershipMessage

	older     [3]time.Time // by version: until when its querier counts as present
	generalAt time.Time    // when the answer to a general query is due
	repeatAt  time.Time    // when changes are told again
	answered  time.Time
}

// A group is one that the interface has joined, or has just left.
type group struct {
	addr    netip.Addr
	members int  // sockets, and the host itself
	own     bool // the host itself is one: it does not count for the limit
	fresh   bool // what members says has changed, and nobody was told
	changes int  // how often that is to be told yet

	answerAt time.Time
	sources  []netip.Addr // asked for; none: the group as a whole
}

// A membershipMessage is what is to be sent: records by the present version, or a
// report or leave for dst's or group's sake by an older one.
type membershipMessage struct {
	version uint8
	dst     netip.Addr
	records []wire.MembershipRecord
	group   netip.Addr // of an older version's message
	leave   bool       // it is a leave, or done
}

// The timers and counters of RFC 9776, 8, and RFC 9777, 9: the defaults.
const (
	defaultRobustness      = 2
	defaultQueryInterval   = 125 * time.Second
	unsolicitedInterval    = time.Second
	oldUnsolicitedInterval = 10 * time.Second // RFC 2236, 8.10, RFC 2710, 7.10

	maxAskedSources  = 64
	minAnswerSpacing = 100 * time.Millisecond
)

// Where reports go.
var (
	igmpRouters = netip.AddrFrom4([4]byte{224, 0, 0, 22})
	mldRouters  = netip.AddrFrom16([16]byte{0: 0xff, 1: 2, 15: 0x16})
)

// init prepares m; seed is where its random delays come from.
func (m *membership) init(v6 bool, room, limit int, seed uint64) {
	*m = membership{v6: v6, room: room, limit: limit, robustness: defaultRobustness, rand: rand.New(rand.NewPCG(seed, 0))}
}

// latest returns the version that is spoken where no querier has an older one.
func (m *membership) latest() uint8 {
	if m.v6 {
		return 2
	}
	return 3
}

// version returns the one that is spoken now: RFC 9776, 7.2.1, RFC 9777, 8.2.1.
func (m *membership) version() uint8 {
	for v := uint8(1); v < m.latest(); v++ {
		if !m.older[v].IsZero() {
			return v
		}
	}
	return m.latest()
}

// isReported says whether routers are told of a group.
//
// RFC 9777, 6: "No MLD messages are ever sent regarding neither the link-scope
// all-nodes multicast address, nor any multicast address of scope 0 (reserved) or 1
// (node-local)." RFC 9776, 5, says so of 224.0.0.1.
func isReported(a netip.Addr) bool {
	if a.Is4() {
		return a != allHosts
	}
	return a != allNodesLink && a.As16()[1]&15 >= 2
}

func (m *membership) search(a netip.Addr) (int, bool) {
	return slices.BinarySearchFunc(m.groups, a, func(g *group, a netip.Addr) int { return g.addr.Compare(a) })
}

// joined returns the group a if it has members, else nil.
func (m *membership) joined(a netip.Addr) *group {
	if i, ok := m.search(a); ok && m.groups[i].members > 0 {
		return m.groups[i]
	}
	return nil
}

// Join counts one more member of a; own says that it is the host itself. It
// returns false at the limit. first says that there was no member before.
func (m *membership) Join(a netip.Addr, own bool) (first, ok bool) {
	i, found := m.search(a)
	if !own && m.socket >= m.limit && !(found && m.groups[i].bySockets() > 0) {
		return false, false
	}
	if !found {
		if len(m.groups) >= 2*(m.limit+1) {
			m.forget()
			i, _ = m.search(a)
		}
		m.groups = slices.Insert(m.groups, i, &group{addr: a})
	}
	g := m.groups[i]
	if own {
		g.own = true
	} else if g.bySockets() == 0 {
		m.socket++
	}
	if g.members++; g.members == 1 {
		m.changed(g)
		return true, true
	}
	return false, true
}

// bySockets returns how many of the members are sockets.
func (g *group) bySockets() int {
	if g.own {
		return g.members - 1
	}
	return g.members
}

// Leave takes one member away, and says whether it was the last. There must be
// such a member.
func (m *membership) Leave(a netip.Addr, own bool) (last bool) {
	g := m.joined(a)
	if g == nil || own && !g.own || !own && g.bySockets() == 0 {
		panic("BUG: a group is left that nobody has joined")
	}
	g.members--
	if own {
		g.own = false
	} else if g.bySockets() == 0 {
		m.socket--
	}
	if g.members > 0 {
		return false
	}
	m.left(g)
	m.sweep()
	return true
}

// LeaveAll takes all members away.
func (m *membership) LeaveAll() {
	for _, g := range m.groups {
		if g.members > 0 {
			g.members, g.own = 0, false
			m.left(g)
		}
	}
	m.socket = 0
	m.sweep()
}

// left notes that g has lost its last member; sweep is to be called.
func (m *membership) left(g *group) {
	g.answerAt, g.sources = time.Time{}, nil
	m.changed(g)
}

// Renew tells of all groups again.
//
// RFC 9777, 5.2.14: "Once a valid link-local address is available, a node SHOULD
// generate new MLDv2 Report messages for all multicast addresses joined on the
// interface."
func (m *membership) Renew() {
	for _, g := range m.groups {
		if g.members > 0 {
			m.changed(g)
		}
	}
}

// changed notes that routers are to be told of g.
func (m *membership) changed(g *group) {
	if isReported(g.addr) {
		g.fresh, g.changes = true, m.robustness
		m.fresh = true
	}
}

// sweep removes the groups of which there is nothing more to tell.
func (m *membership) sweep() {
	m.groups = slices.DeleteFunc(m.groups, func(g *group) bool { return g.members == 0 && g.changes == 0 })
}

// forget removes a group that was left, if there is one, to make room for another.
func (m *membership) forget() {
	if i := slices.IndexFunc(m.groups, func(g *group) bool { return g.members == 0 }); i >= 0 {
		m.groups = slices.Delete(m.groups, i, i+1)
	}
}

// Next returns the next message to send.
func (m *membership) Next(now time.Time) (membershipMessage, bool) {
	if len(m.out) == 0 && m.fresh {
		// RFC 9776, 5.1: "A change of interface state causes the system to immediately
		// transmit a State-Change Report from that interface."
		m.tellChanges(now, func(g *group) bool { return g.fresh })
	}
	if len(m.out) == 0 {
		m.out = nil
		return membershipMessage{}, false
	}
	e := m.out[0]
	m.out = m.out[1:]
	return e, true
}

// Deadline returns when Advance wants to be called; the zero time means never.
func (m *membership) Deadline() time.Time {
	d := m.answersDue()
	for _, t := range append(m.older[1:], m.repeatAt) {
		d = earlier(d, t)
	}
	return d
}

// earlier returns the earlier of two instants, where zero means never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// Advance does what is due at now.
func (m *membership) Advance(now time.Time) {
	before := m.version()
	for v := range m.older {
		if !m.older[v].After(now) {
			m.older[v] = time.Time{}
		}
	}
	m.switched(before)
	if due := m.answersDue(); !due.IsZero() && !due.After(now) {
		m.answer(now)
	}
	if !m.repeatAt.IsZero() && !m.repeatAt.After(now) {
		m.tellChanges(now, func(*group) bool { return true })
	}
}
