package host

import (
	"bytes"
	"net/netip"
	"time"

	"github.com/usernet-go/usernet/wire"
)

const (
	// RFC 1122, 3.3.2: "There MUST be a reassembly timeout. [...] It is recommended
	// that the value lie between 60 seconds and 120 seconds." The kernel's 30 seconds
	// are taken instead: fragments of one datagram leave their source together, and
	// what waits for a lost one ties memory down.
	reassemblyTimeIPv4 = 30 * time.Second
	// RFC 8200, 4.5: "[...] within 60 seconds of the reception of the first-arriving
	// fragment of that packet".
	reassemblyTimeIPv6 = 60 * time.Second

	// maxHoles is in how many places a datagram may be incomplete: fragments that
	// arrive in any order short of malice leave fewer.
	maxHoles = 64
	// datagramCost is what a datagram counts for beside its bytes.
	datagramCost = 512
)

// A fragmentKey says which datagram a fragment belongs to: RFC 791, 3.2, and
// RFC 8200, 4.5. protocol is 0 for IPv6, where it does not count.
type fragmentKey struct {
	src, dst netip.Addr
	zone     uint32 // iface.index of the link that a link-local src is on, else 0
	protocol wire.Protocol
	id       uint32
}

// A fragment is a piece of a datagram's payload. All of it is lent.
type fragment struct {
	key    fragmentKey
	header []byte // what goes before the payload of the whole datagram; for IPv6 without the fragment header
	next   wire.Protocol
	offset int // bytes
	more   bool
	head   []byte // the payload, with rest
	rest   [][]byte
	size   int // bytes of payload

	neighbour uint64 // who delivered it
}

// A partial is a datagram that is not whole.
type partial struct {
	key       fragmentKey
	neighbour uint64 // who delivered its first-arriving fragment
	deadline  time.Time
	header    []byte // of the first fragment, nil until it is there
	next      wire.Protocol
	first     int      // bytes of payload in the first fragment
	chunks    [][]byte // the payload so far, in pieces of chunkSize; nil where nothing has arrived
	reach     int      // end of the part that has arrived which lies farthest
	end       int      // length of the payload; -1 until the last fragment is there
	holes     []hole
	cost      int  // bytes counted for it
	ce        bool // a fragment was marked as having met congestion
	dropped   bool // RFC 5722: what belongs to it is dropped until its time is over
	newer     *partial
	older     *partial
}

// A reassembler makes datagrams whole: the algorithm of RFC 815, for both
// families, without I/O, clock or lock.
//
// A fragment that overlaps another one with other bounds or other bytes ends its
// datagram, for IPv6 as RFC 5722 demands, for IPv4 because no honest sender makes
// such. It holds at most maxBytes and maxDatagrams; at either bound the oldest
// datagram of whoever has most makes room: see fragmentHolder.
type reassembler struct {
	maxBytes, maxDatagrams int
	partials               map[fragmentKey]*partial
	ring                   partial // newer: the oldest; older: the newest
	holders                holders
	bytes                  int
	out                    []reassemblyEvent
}

// A reassemblyEvent is a datagram that is whole, or one that will never be.
type reassemblyEvent struct {
	// packet is the whole datagram, from its IP header on, or, when reason is
	// ReasonReassemblyTime, the first fragment: nil without it.
	packet []byte
	reason Reason
}

func (m *reassembler) init(maxBytes, maxDatagrams int) {
	m.maxBytes, m.maxDatagrams = maxBytes, maxDatagrams
	m.partials, m.holders = make(map[fragmentKey]*partial), make(holders)
	m.ring.newer, m.ring.older = &m.ring, &m.ring
}

// Receive takes a fragment. It returns why it was of no use, or ReasonNone.
func (m *reassembler) Receive(now time.Time, f *fragment) Reason {
	p := m.partials[f.key]
	switch {
	case p == nil:
		p = m.open(now, f)
	case p.dropped:
		return ReasonFragmentOfDropped
	}
	from, to := f.offset, f.offset+f.size
	switch {
	case p.end >= 0 && (to > p.end || !f.more && to != p.end), !f.more && to < p.reach:
		m.drop(p)
		return ReasonFragmentEnd
	case f.size == 0 && f.more:
		return ReasonFragmentDuplicate // says nothing
	}
	if r := p.fill(f, from, to); r != ReasonNone {
		if r != ReasonFragmentDuplicate {
			m.drop(p)
		}
		return r
	}
	if !f.more {
		p.end = to
		p.cutHoles(to)
	}
	if f.offset == 0 && p.header == nil {
		p.header, p.next, p.first = bytes.Clone(f.header), f.next, f.size
	}
	p.ce = p.ce || ecnOf(f.header) == wire.CE
	m.count(p)
	if p.end >= 0 && len(p.holes) == 0 {
		m.complete(p)
		return ReasonNone
	}
	for m.bytes > m.maxBytes {
		m.giveUp(m.victim(), ReasonReassemblyFull)
	}
	return ReasonNone
}

// open makes the record of a new datagram, the newest.
func (m *reassembler) open(now time.Time, f *fragment) *partial {
	for len(m.partials) >= m.maxDatagrams || len(m.partials) > 0 && m.bytes+datagramCost > m.maxBytes {
		m.giveUp(m.victim(), ReasonReassemblyFull)
	}
	timeout := reassemblyTimeIPv4
	if f.key.src.Is6() {
		timeout = reassemblyTimeIPv6
	}
	p := &partial{key: f.key, neighbour: f.neighbour, deadline: now.Add(timeout), end: -1, holes: []hole{{0, maxPayload}}}
	m.partials[f.key] = p
	m.holders.add(p, 1)
	p.older, p.newer = m.ring.older, &m.ring
	p.older.newer, p.newer.older = p, p
	m.count(p)
	return p
}

// count brings the bytes counted for p up to date.
func (m *reassembler) count(p *partial) {
	cost := datagramCost + p.room() + cap(p.header)
	m.bytes += cost - p.cost
	p.cost = cost
}

// drop ends a datagram that cannot be right; its record stays, so that fragments
// yet to come are dropped too (RFC 5722, 4).
func (m *reassembler) drop(p *partial) {
	p.dropped, p.chunks, p.header, p.holes = true, nil, nil, nil
	m.count(p)
}

func (m *reassembler) remove(p *partial) {
	delete(m.partials, p.key)
	m.holders.add(p, -1)
	p.older.newer, p.newer.older = p.newer, p.older
	m.bytes -= p.cost
}

// giveUp removes a datagram that is not whole, and tells of it.
func (m *reassembler) giveUp(p *partial, why Reason) {
	m.remove(p)
	if p.dropped {
		return
	}
	e := reassemblyEvent{reason: why}
	if p.header != nil && why == ReasonReassemblyTime {
		e.packet = p.firstFragment()
	}
	m.out = append(m.out, e)
}

// Next returns what has become of a datagram.
func (m *reassembler) Next() (e reassemblyEvent, ok bool) {
	if len(m.out) == 0 {
		return e, false
	}
	e = m.out[0]
	m.out[0] = reassemblyEvent{}
	if m.out = m.out[1:]; len(m.out) == 0 {
		m.out = nil
	}
	return e, true
}

// Deadline returns when Advance is to be called: never, if it is zero. Times
// differ by family, so that the oldest is not always the first to go; it may be
// too early.
func (m *reassembler) Deadline() time.Time {
	var d time.Time
	for p := m.ring.newer; p != &m.ring; p = p.newer {
		if d.IsZero() || p.deadline.Before(d) {
			d = p.deadline
		}
	}
	return d
}

// Advance gives up what has not become whole in time.
func (m *reassembler) Advance(now time.Time) {
	for p := m.ring.newer; p != &m.ring; {
		newer := p.newer
		if !now.Before(p.deadline) {
			m.giveUp(p, ReasonReassemblyTime)
		}
		p = newer
	}
}
