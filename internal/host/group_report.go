package host

import (
	"slices"
	"time"

	"github.com/usernet-go/usernet/wire"
)

// tellChanges reports the changes of the groups that which takes.
func (m *membership) tellChanges(now time.Time, which func(*group) bool) {
	var records []wire.MembershipRecord
	for _, g := range m.groups {
		if g.changes == 0 || !which(g) {
			continue
		}
		g.fresh = false
		g.changes--
		if m.version() < m.latest() {
			m.tellOlder(g)
			continue
		}
		// RFC 9776, 5.1: "If [...] the current filter-mode of the interface is INCLUDE, a
		// TO_IN record is included in the report; otherwise, a TO_EX record is included."
		r := wire.MembershipRecord{Type: wire.ChangeToExcludeMode, Group: g.addr}
		if g.members == 0 {
			r.Type = wire.ChangeToIncludeMode
		}
		records = append(records, r)
	}
	m.report(records)
	m.fresh = slices.ContainsFunc(m.groups, func(g *group) bool { return g.fresh })
	m.sweep()
	m.planRepetition(now)
}

// planRepetition sees to it that changes are told as often as they should be.
//
// RFC 9776, 5.1: "To cover the possibility of the State-Change Report being missed
// by one or more multicast routers, it is retransmitted [Robustness Variable] - 1
// more times, at intervals chosen at random from the range (0, [Unsolicited Report
// Interval])." RFC 2236, 3, recommends the same, over a longer time.
func (m *membership) planRepetition(now time.Time) {
	interval := unsolicitedInterval
	if m.version() < m.latest() {
		interval = oldUnsolicitedInterval
	}
	switch {
	case !slices.ContainsFunc(m.groups, func(g *group) bool { return g.changes > 0 }):
		m.repeatAt = time.Time{}
	case !m.repeatAt.After(now):
		m.repeatAt = now.Add(m.delay(interval))
	}
}

// delay returns a random time in (0, limit].
func (m *membership) delay(limit time.Duration) time.Duration {
	return 1 + time.Duration(m.rand.Int64N(int64(max(limit, 1))))
}

// tellOlder tells routers of an older version of g.
func (m *membership) tellOlder(g *group) {
	e := membershipMessage{version: m.version(), dst: g.addr, group: g.addr}
	if g.members == 0 {
		// RFC 2236, 3: a leave goes "to the all-routers multicast group (224.0.0.2)", once;
		// version 1 of IGMP has none. RFC 2710, 4, has it as version 2 of IGMP.
		g.changes = 0
		if !m.v6 && e.version == 1 {
			return
		}
		e.leave, e.dst = true, allRouters4
		if m.v6 {
			e.dst = allRouters6
		}
	}
	m.out = append(m.out, e)
}

// report queues reports of records, as many as it takes.
//
// RFC 9776, 4.2.17: "If the set of Group Records required in a report does not fit
// within the size limit of a single Report message [...], the Group Records are sent
// in as many Report messages as needed to report the entire set."
func (m *membership) report(records []wire.MembershipRecord) {
	e := membershipMessage{version: m.latest(), dst: igmpRouters}
	if m.v6 {
		e.dst = mldRouters
	}
	for len(records) > 0 {
		n, size := 0, 0
		for n < len(records) {
			if size += records[n].Len(); n > 0 && size > m.room {
				break
			}
			n++
		}
		e.records, records = records[:n:n], records[n:]
		m.out = append(m.out, e)
	}
}
