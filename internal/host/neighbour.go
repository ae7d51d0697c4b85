package host

import (
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// neighbourState is the reachability of a neighbour (RFC 4861, 7.3.2). ARP's
// entries have the same states.
type neighbourState uint8

const (
	neighbourNone       neighbourState = iota // known by its address only; nothing was ever sent there
	neighbourIncomplete                       // being looked for
	neighbourReachable                        // has answered not long ago
	neighbourStale                            // has not; will be asked when something was sent
	neighbourDelay                            // something was sent; will be asked soon
	neighbourProbe                            // being asked whether it is still there
	neighbourGone                             // not in the cache any more
)

func (s neighbourState) String() string {
	return [...]string{"NONE", "INCOMPLETE", "REACHABLE", "STALE", "DELAY", "PROBE", "GONE"}[s]
}

// The constants of RFC 4861, 10.
const (
	maxMulticastSolicit = 3
	maxUnicastSolicit   = 3
	reachableTime       = 30 * time.Second // times a random factor of 0.5 to 1.5
	retransTimer        = time.Second
	delayFirstProbe     = 5 * time.Second
)

// Bounds of the packets that wait for a neighbour. RFC 4861, 7.2.2: "The
// queue MUST hold at least one packet, and MAY contain more. However, the number
// of queued packets per neighbor SHOULD be limited to some small value."
const (
	maxQueuedPackets   = 128       // of one neighbour: a SYN that finds no room costs its dial a second
	maxQueuedBytes     = 256 << 10 // of one neighbour: four super-segments
	maxQueuedBytesAll  = 4 << 20   // of a cache
	maxFirstPacket     = 2 << 10   // a neighbour's first packet waits even beyond that, if it is no longer
	maxJoiningPackets  = 128       // that come while those that waited for a neighbour leave
	maxSolicitRate     = 1000      // multicast solicitations a second
	maxSolicitBurst    = 256
	neighbourMACUsable = 1 << 48
)

// A neighbour is an entry of a neighbourCache. But for word, used and confirmed,
// which the way of a packet reads and writes without a lock, it is guarded as its
// cache is.
type neighbour struct {
	addr netip.Addr
	// word is 0, or neighbourMACUsable and the MAC: then packets may go there
	// without a word to the cache.
	word atomic.Uint64
	used atomic.Bool // since the cache last looked for an entry to drop
	// confirmed is when a connection last made progress by way of it, in nanoseconds
	// since the cache's epoch; 0: never.
	confirmed atomic.Int64

	state    neighbourState
	mac      wire.MAC // valid from STALE on
	asked    int      // solicitations sent in this state
	deadline time.Time
	asker    netip.Addr // source of the packet that we solicit for
	queue    []queuedPacket
	queued   int // bytes in queue
	flushing bool
	joined   int        // packets that came while it was flushing
	known    bool       // has answered us
	prev     *neighbour // ring, the most recent behind the head
	next     *neighbour
}

// A queuedPacket is a copy of a packet that waits for its destination's MAC, with
// room for the link header.
type queuedPacket struct {
	frame   []byte
	offload link.Offload
	moved   bool // it has waited for another router before
}

// packMAC returns what neighbour.word is for m.
func packMAC(m wire.MAC) uint64 {
	v := uint64(neighbourMACUsable)
	for i, x := range m {
		v |= uint64(x) << (8 * i)
	}
	return v
}

func unpackMAC(v uint64) (m wire.MAC) {
	for i := range m {
		m[i] = byte(v >> (8 * i))
	}
	return m
}

// neighbourMessage is what ARP and ND have in common.
type neighbourMessage struct {
	kind                neighbourMessageKind
	addr                netip.Addr // whom it is about
	mac                 wire.MAC   // zero: it does not tell
	solicited, override bool       // of an advertisement
}

type neighbourMessageKind uint8

const (
	// neighbourAsks: a solicitation for an address of ours, which tells its sender's.
	neighbourAsks neighbourMessageKind = iota
	// neighbourAnswers: an advertisement.
	neighbourAnswers
	// neighbourTells: something else that carries the sender's address. It updates
	// entries and makes none.
	neighbourTells
)

// neighbourEvent is what a neighbourCache wants done.
type neighbourEvent struct {
	kind   neighbourEventKind
	addr   netip.Addr // of the neighbour
	mac    wire.MAC   // eventSend, eventSolicit: whom to send to; zero: all
	asker  netip.Addr // eventSolicit: source that suits
	packet queuedPacket
	to     *neighbour // eventSend: whose queue packet was in
	reason Reason     // eventDrop
}

type neighbourEventKind uint8

const (
	eventSolicit     neighbourEventKind = iota // ask for addr
	eventSend                                  // packet can go to mac
	eventDrop                                  // packet is dropped for reason
	eventUnreachable                           // addr did not answer
)

// A neighbourCache resolves the addresses of an interface's neighbours: the
// machine under ARP and ND, without I/O, clock or lock.
//
// It has at most max entries; the one that was not used for the longest time goes
// first (by second chance: the send path only leaves a mark). What waits for an
// entry that goes is dropped. Of a full cache those that have answered us keep
// half against those that have not: anybody can send us to addresses that nobody
// has, or ask in the name of many.
type neighbourCache struct {
	max       int
	epoch     time.Time         // of the host
	random    float64           // of 0 to 1, by which hosts differ
	times     [2]neighbourTimes // of IPv4 and of IPv6
	solicits  tokenBucket
	entries   map[netip.Addr]*neighbour
	rings     [2]neighbour // heads of the rings of entries: strangers, known
	strangers int          // entries that are not known
	next      time.Time    // no entry's deadline is earlier; zero: none has one
	queued    int          // bytes in all queues
	out       []neighbourEvent
	ready     []*neighbour // flushing, and none of their packets is being sent
}

// init makes the cache; random is a number of 0 to 1, by which hosts differ.
func (c *neighbourCache) init(max int, random float64) {
	c.max, c.random = max, random
	for i := range c.times {
		c.setTimes(&c.times[i], reachableTime, retransTimer)
	}
	c.solicits.init(maxSolicitRate, maxSolicitBurst)
	c.entries = make(map[netip.Addr]*neighbour)
	for i := range c.rings {
		head := &c.rings[i]
		head.prev, head.next = head, head
	}
}

// A neighbourTimes holds what RFC 4861, 6.3.2, has for each interface.
type neighbourTimes struct {
	reachable time.Duration // ReachableTime
	retrans   time.Duration // RetransTimer
}

// SetTimes sets BaseReachableTime and RetransTimer of IPv6: a router has no say in
// those of ARP.
func (c *neighbourCache) SetTimes(reachable, retrans time.Duration) {
	c.setTimes(&c.times[1], reachable, retrans)
}

func (c *neighbourCache) setTimes(t *neighbourTimes, reachable, retrans time.Duration) {
	// RFC 4861, 6.3.2: ReachableTime "should be a uniformly distributed random value
	// between MIN_RANDOM_FACTOR and MAX_RANDOM_FACTOR times BaseReachableTime".
	t.reachable = time.Duration((0.5 + c.random) * float64(reachable))
	t.retrans = retrans
}

// timesOf returns the times that hold for n.
func (c *neighbourCache) timesOf(n *neighbour) *neighbourTimes {
	if n.addr.Is4() {
		return &c.times[0]
	}
	return &c.times[1]
}

// Get returns the entry for addr, a new one if there is none.
func (c *neighbourCache) Get(addr netip.Addr) *neighbour {
	if n := c.entries[addr]; n != nil {
		return n
	}
	if len(c.entries) >= c.max {
		c.evict()
	}
	n := &neighbour{addr: addr}
	c.entries[addr] = n
	c.link(n)
	return n
}

func (c *neighbourCache) link(n *neighbour) {
	head := &c.rings[1]
	if !n.known {
		head = &c.rings[0]
		c.strangers++
	}
	n.prev, n.next = head, head.next
	n.prev.next, n.next.prev = n, n
}

func (c *neighbourCache) unlink(n *neighbour) {
	if !n.known {
		c.strangers--
	}
	n.prev.next, n.next.prev = n.next, n.prev
	n.prev, n.next = nil, nil
}

// evict drops the oldest entry that has no mark, giving those that have one
// another round: a stranger while at least half of the entries are.
func (c *neighbourCache) evict() {
	head := &c.rings[1]
	if c.strangers >= len(c.entries)-c.strangers {
		head = &c.rings[0]
	}
	n := head.prev
	for n.used.Swap(false) {
		c.unlink(n)
		c.link(n)
		n = head.prev
	}
	c.remove(n, ReasonNeighbourFull)
}

// remove takes n out of the cache and drops what waits for it.
func (c *neighbourCache) remove(n *neighbour, why Reason) {
	for _, p := range n.queue {
		c.out = append(c.out, neighbourEvent{kind: eventDrop, addr: n.addr, packet: p, reason: why})
	}
	c.queued -= n.queued
	n.queue, n.queued = nil, 0
	n.state, n.deadline, n.flushing = neighbourGone, time.Time{}, false
	n.word.Store(0)
	delete(c.entries, n.addr)
	c.unlink(n)
}

// Use says that a packet from src wants to go to n, which is in the cache. It
// returns true if it can go now, to n.mac; otherwise it can wait: see Enqueue.
func (c *neighbourCache) Use(now time.Time, n *neighbour, src netip.Addr) bool {
	n.used.Store(true)
	switch n.state {
	case neighbourNone:
		n.asker = src
		c.enter(now, n, neighbourIncomplete)
		c.solicit(now, n)
		return false
	case neighbourIncomplete:
		return false
	case neighbourStale:
		// RFC 4861, 7.3.3: "The first time a node sends a packet to a neighbor whose
		// entry is STALE, the sender changes the state to DELAY and sets a timer to
		// expire in DELAY_FIRST_PROBE_TIME seconds."
		n.asker = src
		c.enter(now, n, neighbourDelay)
	}
	return !n.flushing // behind those that wait
}

// Enqueue keeps packets until n's MAC is known. RFC 4861, 7.2.2: "When a queue
// overflows, the new arrival SHOULD replace the oldest entry."
//
// While those that waited leave, no more than maxJoiningPackets join them, and others
// are dropped: many senders could else keep the queue full for ever, and whoever empties
// it at work.
func (c *neighbourCache) Enqueue(n *neighbour, p queuedPacket) {
	if n.flushing {
		if n.joined == maxJoiningPackets {
			c.out = append(c.out, neighbourEvent{kind: eventDrop, addr: n.addr, packet: p, reason: ReasonNeighbourQueue})
			return
		}
		n.joined++
	}
	for len(n.queue) > 0 && (len(n.queue) >= maxQueuedPackets || n.queued+len(p.frame) > maxQueuedBytes) {
		c.dropQueued(n.addr, n.take())
	}
	// "The queue MUST hold at least one packet": many neighbours that do not answer
	// must not keep us from finding one that does.
	first := len(n.queue) == 0 && len(p.frame) <= maxFirstPacket
	if c.queued+len(p.frame) > maxQueuedBytesAll && !first {
		c.out = append(c.out, neighbourEvent{kind: eventDrop, addr: n.addr, packet: p, reason: ReasonNeighbourQueue})
		return
	}
	n.queue = append(n.queue, p)
	n.queued += len(p.frame)
	c.queued += len(p.frame)
}

func (c *neighbourCache) dropQueued(addr netip.Addr, p queuedPacket) {
	c.queued -= len(p.frame)
	c.out = append(c.out, neighbourEvent{kind: eventDrop, addr: addr, packet: p, reason: ReasonNeighbourQueue})
}

// take removes the oldest packet from n's queue.
func (n *neighbour) take() queuedPacket {
	p := n.queue[0]
	n.queue[0] = queuedPacket{}
	if n.queue = n.queue[1:]; len(n.queue) == 0 {
		n.queue = nil
	}
	n.queued -= len(p.frame)
	return p
}

// Next returns what is to be done next, in order. Done is to be called once it is:
// a neighbour's next packet comes only then, so that its packets leave in their order
// also where several goroutines do what is to be done.
func (c *neighbourCache) Next() (e neighbourEvent, ok bool) {
	if len(c.out) > 0 {
		e = c.out[0]
		c.out[0] = neighbourEvent{}
		if c.out = c.out[1:]; len(c.out) == 0 {
			c.out = nil
		}
		return e, true
	}
	for len(c.ready) > 0 {
		n := c.ready[0]
		c.ready[0] = nil
		if c.ready = c.ready[1:]; len(c.ready) == 0 {
			c.ready = nil
		}
		if !n.flushing {
			continue // it has gone
		}
		if len(n.queue) > 0 {
			p := n.take()
			c.queued -= len(p.frame)
			return neighbourEvent{kind: eventSend, addr: n.addr, mac: n.mac, packet: p, to: n}, true
		}
		n.flushing = false
		n.publish()
	}
	return e, false
}

// Done says that what e wanted has been done.
func (c *neighbourCache) Done(e *neighbourEvent) {
	if e.to != nil && e.to.flushing {
		c.ready = append(c.ready, e.to)
	}
}

// Deadline returns when Advance is to be called: never, if it is zero.
func (c *neighbourCache) Deadline() time.Time { return c.next }
