package host

import (
	"encoding/binary"
	"maps"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/usernet-go/usernet/wire"
)

// maxGroups is how many groups of one family sockets may join on one interface.
// Beyond it a join fails with ErrNoBuffers.
const maxGroups = 256

// A groupTable is an interface's memberships of both families, with their lock and
// their timer, and speaks IGMP and MLD for them. What is no Ethernet has no routers
// that want to know: there it says nothing.
type groupTable struct {
	ifc   *iface
	timer timer

	// listens has the groups with members. It is replaced as a whole: the way of a
	// packet takes no lock.
	listens atomic.Pointer[map[netip.Addr]bool]

	mu      sync.Mutex // nothing but the timers' lock is taken under it
	members [2]membership
	own     map[netip.Addr]bool // the host's own: solicited-node groups, and a router's
	sources [2]netip.Addr       // of reports; unspecified: the interface has no fitting address
	closed  bool                // the interface is gone
}

// familyIndex returns where in arrays of two the family of a is.
func familyIndex(a netip.Addr) int {
	if a.Is4() {
		return 0
	}
	return 1
}

// unspecified are the addresses of who has none.
var unspecified = [2]netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()}

func (t *groupTable) init(ifc *iface) error {
	var seed [8]byte
	if err := ifc.h.random(seed[:]); err != nil {
		return err
	}
	t.ifc, t.sources = ifc, unspecified
	for i, headers := range [...]int{igmpHeaders, mldHeaders} {
		// RFC 9776, 4.2.17: as much as "the MTU of the network" allows.
		room := ifc.linkInfo.MTU - headers - wire.IGMPLen
		t.members[i].init(i == 1, room, maxGroups, binary.BigEndian.Uint64(seed[:])+uint64(i))
	}
	t.timer.owner = timerFunc(func(now time.Time) {
		t.mu.Lock()
		for i := range t.members {
			t.members[i].Advance(now)
		}
		t.settle(now)
	})
	return nil
}

// has says whether somebody has joined the group a.
func (t *groupTable) has(a netip.Addr) bool {
	listens := t.listens.Load()
	return listens != nil && (*listens)[a]
}

// join counts a socket as a member of the group a. Routers hear of it with the next
// flush: the caller may hold locks.
func (t *groupTable) join(a netip.Addr) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return ErrNoInterface
	}
	first, ok := t.members[familyIndex(a)].Join(a, false)
	if !ok {
		t.ifc.h.stats.drop(ReasonGroupLimit)
		return ErrNoBuffers
	}
	if first {
		t.publish(func(listens map[netip.Addr]bool) { listens[a] = true })
	}
	return nil
}

// leave takes a socket away from the group a, likewise.
func (t *groupTable) leave(a netip.Addr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.closed && t.members[familyIndex(a)].Leave(a, false) {
		t.publish(func(listens map[netip.Addr]bool) { delete(listens, a) })
	}
}

// flush tells routers of joins and leaves.
func (t *groupTable) flush(now time.Time) {
	t.mu.Lock()
	t.settle(now)
}

// publish replaces listens by an edited copy. It is called with mu held.
func (t *groupTable) publish(edit func(listens map[netip.Addr]bool)) {
	listens := make(map[netip.Addr]bool)
	if old := t.listens.Load(); old != nil {
		maps.Copy(listens, *old)
	}
	edit(listens)
	t.listens.Store(&listens)
}

// syncGroups lets the interfaces' memberships follow a change of the topology.
func (h *Host) syncGroups(now time.Time, old, t *topology) {
	for i := range t.places {
		if ifc := t.places[i].ifc; ifc != h.lo {
			ifc.groups.sync(now)
		}
	}
	for i := range old.places {
		if ifc := old.places[i].ifc; t.place(ifc) == nil && ifc != h.lo {
			ifc.groups.close(now)
		}
	}
}

// sync does what the interface's addresses ask for: the groups by which neighbours
// look for them, and the source of reports.
func (t *groupTable) sync(now time.Time) {
	t.mu.Lock()
	p := t.ifc.h.net.Load().place(t.ifc) // under the lock: who comes later sees no less
	if p == nil || t.closed {
		t.mu.Unlock()
		return
	}
	own, sources := make(map[netip.Addr]bool), unspecified
	for _, a := range p.addrs {
		ip := a.prefix.Addr()
		if t.ifc.h.config.Forwarding {
			// RFC 4291, 2.8: a router recognizes "The All-Routers multicast addresses defined in
			// Section 2.7.1". The one of scope 1 is on no wire.
			own[[...]netip.Addr{allRouters4, allRouters6}[familyIndex(ip)]] = true
			if ip.Is6() {
				own[allRoutersSite] = true
			}
		}
		if ip.Is6() {
			// RFC 4862, 5.4.2: "Before sending a Neighbor Solicitation, an interface MUST join
			// the all-nodes multicast address and the solicited-node multicast address of the
			// tentative address."
			own[wire.SolicitedNode(ip)] = true
		}
		// RFC 9777, 5.2.14: "An MLDv2 Report MUST be sent with a valid IPv6 link-local
		// source address, or the unspecified address (::), if the sending interface has not
		// acquired a valid link-local address yet." RFC 9776, 4.2.14, has it alike.
		if i := familyIndex(ip); !a.tentative && sources[i].IsUnspecified() && (i == 0 || ip.IsLinkLocalUnicast()) {
			sources[i] = ip
		}
	}
	for i := range t.members {
		if t.sources[i].IsUnspecified() && !sources[i].IsUnspecified() {
			t.members[i].Renew()
		}
	}
	t.sources = sources
	t.publish(func(listens map[netip.Addr]bool) {
		for a := range own {
			if !t.own[a] {
				t.members[familyIndex(a)].Join(a, true)
				listens[a] = true
			}
		}
		for a := range t.own {
			if !own[a] && t.members[familyIndex(a)].Leave(a, true) {
				delete(listens, a)
			}
		}
	})
	t.own = own
	t.settle(now)
}

// close leaves all groups for good, and says so.
func (t *groupTable) close(now time.Time) {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return
	}
	t.closed = true
	for i := range t.members {
		t.members[i].LeaveAll()
	}
	t.listens.Store(nil)
	t.settle(now)
}

// query takes a query.
func (t *groupTable) query(now time.Time, q *wire.MembershipQuery) {
	t.mu.Lock()
	t.members[familyIndex(q.Group)].Query(now, q)
	t.settle(now)
}

// report takes another member's report of an older version.
func (t *groupTable) report(a netip.Addr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.members[familyIndex(a)].Report(a)
}

// settle sends what the memberships want sent, and sets the timer. It is called with
// mu held and returns without.
func (t *groupTable) settle(now time.Time) {
	for i := range t.members {
		for {
			e, ok := t.members[i].Next(now)
			if !ok {
				break
			}
			src := t.sources[i]
			t.mu.Unlock()
			t.ifc.sendMembership(src, &e)
			t.mu.Lock()
		}
	}
	if t.closed {
		t.ifc.h.timers.remove(&t.timer)
	} else {
		t.ifc.h.timers.set(&t.timer, earlier(t.members[0].Deadline(), t.members[1].Deadline()))
	}
	t.mu.Unlock()
}
