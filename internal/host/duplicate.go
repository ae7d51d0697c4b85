package host

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/usernet-go/usernet/wire"
)

// The constants of RFC 4862, 5.1, RFC 4861, 10, and RFC 5227, 1.1.
const (
	dupAddrDetectTransmits  = 1
	maxRtrSolicitationDelay = time.Second

	probeWait        = time.Second
	probeNum         = 3
	probeMin         = time.Second
	probeMax         = 2 * time.Second
	announceWait     = 2 * time.Second
	announceNum      = 2
	announceInterval = 2 * time.Second
	defendInterval   = 10 * time.Second
)

// A duplicateDetector finds out whether the addresses of an interface have other
// owners on its link: the machine of RFC 4862, 5.4, with RFC 4429 (optimistic
// addresses) and RFC 7527 (nonces), and of RFC 5227, without I/O, clock or lock.
//
// Its bound is that of the interface's addresses: what arrives makes nothing.
type duplicateDetector struct {
	mac     wire.MAC      // ours
	retrans time.Duration // RetransTimer
	rand    *rand.Rand
	checks  []*addressCheck
	next    time.Time // no check's deadline is earlier; zero: none has one
	out     []duplicateEvent
}

// An addressCheck is what a duplicateDetector knows of one address.
type addressCheck struct {
	addr     netip.Addr
	state    checkState
	left     int       // probes or announcements that are still to be sent
	nonce    [6]byte   // in our probes
	looped   bool      // a probe of ours came back
	again    bool      // we have probed again for that
	deadline time.Time // zero: none
	conflict time.Time // when another host last claimed the address
}

type checkState uint8

const (
	checkProbing    checkState = iota // others are asked
	checkAnnouncing                   // they are told
	checkDone                         // the address is ours
	checkFailed                       // it is another host's
)

// duplicateMessage is what ARP and ND tell about an address that we check.
type duplicateMessage struct {
	kind  duplicateMessageKind
	addr  netip.Addr
	mac   wire.MAC // of whoever sent it
	nonce [6]byte  // duplicateProbed by IPv6; zero: none
}

type duplicateMessageKind uint8

const (
	// duplicateProbed: a neighbour solicitation from ::, or an ARP probe.
	duplicateProbed duplicateMessageKind = iota
	// duplicateClaimed: a neighbour advertisement for addr, or an ARP packet from it.
	duplicateClaimed
)

// duplicateEvent is what a duplicateDetector wants done.
type duplicateEvent struct {
	kind  duplicateEventKind
	addr  netip.Addr
	mac   wire.MAC // eventDuplicate, eventConflict: of the other owner
	nonce [6]byte  // eventProbe by IPv6
}

type duplicateEventKind uint8

const (
	eventProbe     duplicateEventKind = iota // ask whether anybody has addr
	eventAnnounce                            // tell all that we have addr
	eventUnique                              // addr is ours
	eventDuplicate                           // addr is another host's: it is not to be used
	eventConflict                            // addr is ours, and another host claims it
)

// init makes the machine; seed is random.
func (d *duplicateDetector) init(mac wire.MAC, seed [32]byte) {
	d.mac, d.retrans, d.rand = mac, retransTimer, rand.New(rand.NewChaCha8(seed))
}

// between returns a random time of low to high.
func between(r *rand.Rand, low, high time.Duration) time.Duration {
	return low + time.Duration(r.Int64N(int64(high-low)+1))
}

// Check begins the check of addr. inUse says that it is used meanwhile: an IPv6
// one is optimistic, an IPv4 one is announced without a question. An IPv6 one that
// is not in use waits a moment first.
func (d *duplicateDetector) Check(now time.Time, addr netip.Addr, inUse bool) {
	if d.find(addr) != nil {
		return
	}
	c := &addressCheck{addr: addr, left: probeNum, deadline: now}
	switch {
	case addr.Is4() && inUse:
		// RFC 5227, 2.3: "Having probed [...], a host implementing this specification MUST
		// then announce that it is commencing to use this address". That it has not probed
		// is the wish of who configured it.
		c.state, c.left = checkAnnouncing, announceNum
	case addr.Is4():
		// RFC 5227, 2.1.1: "wait for a random time interval selected uniformly in the
		// range zero to PROBE_WAIT seconds".
		c.deadline = now.Add(between(d.rand, 0, probeWait))
	default:
		for i := range c.nonce {
			c.nonce[i] = byte(d.rand.Uint32())
		}
		c.nonce[0] |= 1 // zero stands for none
		c.left = dupAddrDetectTransmits
		if !inUse {
			// RFC 4862, 5.4.2: "the node SHOULD delay joining the solicited-node multicast
			// address by a random delay between 0 and MAX_RTR_SOLICITATION_DELAY".
			c.deadline = now.Add(between(d.rand, 0, maxRtrSolicitationDelay))
		}
		// RFC 4429, 3.3, of optimistic ones: "The host SHOULD NOT delay before sending
		// Neighbor Solicitation messages."
	}
	d.checks = append(d.checks, c)
	d.expect(c)
	d.Advance(now)
}

// Forget ends what concerns addr.
func (d *duplicateDetector) Forget(addr netip.Addr) {
	d.checks = slices.DeleteFunc(d.checks, func(c *addressCheck) bool { return c.addr == addr })
}

// SetRetransTimer sets the time between probes by IPv6.
func (d *duplicateDetector) SetRetransTimer(t time.Duration) { d.retrans = t }

// Addresses returns those that are checked, or were.
func (d *duplicateDetector) Addresses() []netip.Addr {
	list := make([]netip.Addr, len(d.checks))
	for i, c := range d.checks {
		list[i] = c.addr
	}
	return list
}

func (d *duplicateDetector) find(addr netip.Addr) *addressCheck {
	for _, c := range d.checks {
		if c.addr == addr {
			return c
		}
	}
	return nil
}

// Receive takes what another host, or an echo of ourselves, says of an address. It
// returns ReasonNone if the message is about none of ours, or was an echo of no
// meaning.
func (d *duplicateDetector) Receive(now time.Time, m *duplicateMessage) Reason {
	c := d.find(m.addr)
	switch {
	case c == nil || c.state == checkFailed:
		return ReasonNone
	case m.kind == duplicateProbed && m.addr.Is6() && m.nonce == c.nonce:
		// RFC 7527, 4.2: our own probe has come back; another host that has our MAC would
		// have another nonce.
		c.looped = true
		return ReasonNone
	case m.mac == d.mac && (m.addr.Is4() || m.kind == duplicateClaimed):
		// RFC 5227, 2.1.1: "Some kinds of Ethernet hub [...] may "rebroadcast" any
		// received broadcast packets to all recipients, including the original sender
		// itself." So do the advertisements of an optimistic address come back.
		return ReasonNone
	case c.state == checkProbing:
		// RFC 4862, 5.4.3: "If the solicitation is from another node, the tentative
		// address is a duplicate and should not be used (by either node)", and 5.4.4: "If
		// the target address is tentative, the tentative address is not unique." RFC 5227,
		// 2.1.1, says the same of an ARP packet from the address, and of a probe for it.
		c.state, c.deadline = checkFailed, time.Time{}
		d.out = append(d.out, duplicateEvent{kind: eventDuplicate, addr: c.addr, mac: m.mac})
		return ReasonConflict
	case m.kind == duplicateProbed:
		return ReasonNone // whoever answers for the address defends it
	}
	d.defend(now, c, m.mac)
	return ReasonConflict
}

// defend is RFC 5227, 2.4 (c), for addresses are configured here and not to be
// given up: "[...] a host receives a conflicting ARP packet, then it should take
// appropriate steps to log useful information [...]. If the host has not seen any
// other conflicting ARP packets recently, within the last DEFEND_INTERVAL seconds,
// then it MUST record the time that the conflicting ARP packet was received, and
// then broadcast one single ARP Announcement". For an IPv6 address RFC 4862, 5.4.4,
// leaves it open what to do: it is said, as seldom, and anybody could claim it to
// take it away.
func (d *duplicateDetector) defend(now time.Time, c *addressCheck, mac wire.MAC) {
	recent := !c.conflict.IsZero() && now.Sub(c.conflict) < defendInterval
	c.conflict = now
	if recent {
		return
	}
	d.out = append(d.out, duplicateEvent{kind: eventConflict, addr: c.addr, mac: mac})
	if c.addr.Is4() {
		d.out = append(d.out, duplicateEvent{kind: eventAnnounce, addr: c.addr})
	}
}

// Next returns what is to be done next, in order.
func (d *duplicateDetector) Next() (e duplicateEvent, ok bool) {
	if len(d.out) == 0 {
		return e, false
	}
	e = d.out[0]
	if d.out = d.out[1:]; len(d.out) == 0 {
		d.out = nil
	}
	return e, true
}

// Deadline returns when Advance is to be called: never, if it is zero.
func (d *duplicateDetector) Deadline() time.Time { return d.next }

// expect keeps d.next in front of c's deadline.
func (d *duplicateDetector) expect(c *addressCheck) {
	if !c.deadline.IsZero() && (d.next.IsZero() || c.deadline.Before(d.next)) {
		d.next = c.deadline
	}
}

// Advance does what is due at now.
func (d *duplicateDetector) Advance(now time.Time) {
	if d.next.IsZero() || now.Before(d.next) {
		return
	}
	d.next = time.Time{}
	for _, c := range d.checks {
		if !c.deadline.IsZero() && !now.Before(c.deadline) {
			d.expire(now, c)
		}
		d.expect(c)
	}
}

// expire is what becomes of c when its deadline has passed.
func (d *duplicateDetector) expire(now time.Time, c *addressCheck) {
	if c.state == checkProbing && c.left > 0 {
		c.left--
		c.deadline = now.Add(d.probeInterval(c))
		d.out = append(d.out, duplicateEvent{kind: eventProbe, addr: c.addr, nonce: c.nonce})
		return
	}
	if c.state == checkProbing {
		if c.looped && !c.again {
			// RFC 7527, 4.1: a link that returns our own probes may have kept others from us:
			// MAX_MULTICAST_SOLICIT more are sent. A link that still returns them is what it is.
			c.again, c.left = true, maxMulticastSolicit
			d.expire(now, c)
			return
		}
		d.out = append(d.out, duplicateEvent{kind: eventUnique, addr: c.addr})
		c.state, c.left = checkAnnouncing, announceNum
		if c.addr.Is6() {
			// RFC 4861, 7.2.6, lets a node that has a new link-layer address tell all so:
			// neighbours may remember another one from before our start.
			c.left = 1
		}
	}
	c.left--
	d.out = append(d.out, duplicateEvent{kind: eventAnnounce, addr: c.addr})
	if c.deadline = now.Add(announceInterval); c.left == 0 {
		c.state, c.deadline = checkDone, time.Time{}
	}
}

// probeInterval returns the time after a probe, of which c.left are to follow.
func (d *duplicateDetector) probeInterval(c *addressCheck) time.Duration {
	switch {
	case c.addr.Is6():
		return d.retrans
	case c.left == 0:
		return announceWait
	}
	return between(d.rand, probeMin, probeMax)
}
