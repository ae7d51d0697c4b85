package host

import (
	"net/netip"
	"slices"
	"time"

	"github.com/usernet-go/usernet/wire"
)

// Query takes a query that routers, or who stands in for them, have sent.
func (m *membership) Query(now time.Time, q *wire.MembershipQuery) {
	general := q.Group.IsUnspecified()
	switch {
	case q.Version == m.latest():
		// RFC 9776, 4.1.6: of a QRV of zero "the receivers use the default [Robustness
		// Variable] value".
		m.robustness = defaultRobustness
		if q.Robustness > 0 {
			m.robustness = int(q.Robustness)
		}
	case general:
		// RFC 9776, 7.2.1: "The Host Compatibility Mode variable value MUST NOT be changed
		// by an older version Group Specific Query." 8.12: "This value SHOULD be
		// [Robustness Variable] times [Query Interval] plus (10 times the Max Response Time
		// in the last received Query Message)", with the defaults.
		before := m.version()
		m.older[q.Version] = now.Add(defaultRobustness*defaultQueryInterval + 10*q.MaxResponse)
		m.switched(before)
	}
	if m.version() < m.latest() {
		m.queryOlder(now, q)
		return
	}
	// RFC 9776, 5.2: "When a system receives a Query, it does not respond immediately.
	// Instead, it delays its response by a random amount of time, bounded by the Max
	// Response Time value". Its rules follow in their order.
	at := now.Add(m.delay(q.MaxResponse))
	switch {
	case !m.generalAt.IsZero() && !m.generalAt.After(at):
		// "1. If there is a pending response to a previous General Query scheduled sooner
		// than the selected delay, no additional response needs to be scheduled."
	case general:
		if slices.ContainsFunc(m.groups, func(g *group) bool { return g.members > 0 && isReported(g.addr) }) {
			m.generalAt = at
		}
	default:
		if g := m.joined(q.Group); g != nil && isReported(g.addr) {
			g.ask(at, q.Sources, m.sourceLimit())
		}
	}
}

// ask plans the answer to a specific query: rules 3 to 5.
func (g *group) ask(at time.Time, sources []netip.Addr, limit int) {
	switch {
	case g.answerAt.IsZero(), len(sources) > 0 && len(g.sources) > 0:
		for _, s := range sources {
			if len(g.sources) <= limit && !slices.Contains(g.sources, s) {
				g.sources = append(g.sources, s)
			}
		}
	default:
		g.sources = nil
	}
	// RFC 9776, 9.1: against forged queries a host may "record only a limited number of
	// sources": who asked for more learns that all are wanted.
	if len(g.sources) > limit {
		g.sources = nil
	}
	g.answerAt = earlier(g.answerAt, at)
}

// sourceLimit returns how many sources an answer has room for.
func (m *membership) sourceLimit() int {
	size := 4
	if m.v6 {
		size = 16
	}
	return min(maxAskedSources, (m.room-4-size)/size)
}

// queryOlder takes a query as a host of an older version.
//
// RFC 2236, 3: "When a host receives a General Query, it sets delay timers for each
// group (excluding the all-systems group) of which it is a member [...]. If a timer
// for the group is already running, it is reset to the random value only if the
// requested Max Response Time is less than the remaining value of the running timer."
// RFC 2710, 4, has it so, too.
func (m *membership) queryOlder(now time.Time, q *wire.MembershipQuery) {
	for _, g := range m.groups {
		if g.members == 0 || !isReported(g.addr) || !q.Group.IsUnspecified() && q.Group != g.addr {
			continue
		}
		if g.answerAt.IsZero() || g.answerAt.Sub(now) > q.MaxResponse {
			g.answerAt = now.Add(m.delay(q.MaxResponse))
		}
	}
}

// Report takes another member's report of an older version.
//
// RFC 2236, 3: "If a host receives another host's Report (version 1 or 2) while it
// has a timer running, it stops its timer for the specified group and does not send
// a Report, in order to suppress duplicate Reports."
func (m *membership) Report(a netip.Addr) {
	if g := m.joined(a); g != nil && m.version() < m.latest() && !g.fresh {
		g.answerAt, g.changes = time.Time{}, 0
	}
}

// switched does what a change of the version asks for; before is what it was.
//
// RFC 9777, 8.2.1: "Whenever a host changes its compatibility mode, it cancels all
// its pending responses and retransmission timers."
func (m *membership) switched(before uint8) {
	if m.version() == before {
		return
	}
	m.generalAt, m.repeatAt = time.Time{}, time.Time{}
	for _, g := range m.groups {
		g.answerAt, g.sources = time.Time{}, nil
		if !g.fresh {
			g.changes = 0
		}
	}
	m.sweep()
}

// answersDue returns when the next answer is to be sent.
func (m *membership) answersDue() time.Time {
	due := m.generalAt
	for _, g := range m.groups {
		due = earlier(due, g.answerAt)
	}
	if next := m.answered.Add(minAnswerSpacing); !due.IsZero() && !m.answered.IsZero() && due.Before(next) {
		return next
	}
	return due
}

// answer queues the answers that are due.
func (m *membership) answer(now time.Time) {
	m.answered = now
	all := !m.generalAt.IsZero() && !m.generalAt.After(now)
	if all {
		m.generalAt = time.Time{}
	}
	var records []wire.MembershipRecord
	for _, g := range m.groups {
		if g.members == 0 || !isReported(g.addr) || !all && (g.answerAt.IsZero() || g.answerAt.After(now)) {
			continue
		}
		// RFC 9776, 5.2, table 5: of EXCLUDE () and the queried sources B the record is
		// IS_IN (B); of the group as a whole IS_EX ().
		r := wire.MembershipRecord{Type: wire.ModeIsExclude, Group: g.addr}
		if !all && len(g.sources) > 0 {
			r.Type, r.Sources = wire.ModeIsInclude, g.sources
		}
		g.answerAt, g.sources = time.Time{}, nil
		if m.version() < m.latest() {
			m.tellOlder(g)
		} else {
			records = append(records, r)
		}
	}
	m.report(records)
}
