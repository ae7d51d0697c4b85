package host

import (
	"net/netip"
	"time"
)

// Receive takes what the link tells about a neighbour. It returns why it was of
// no use, or ReasonNone.
func (c *neighbourCache) Receive(now time.Time, m neighbourMessage) Reason {
	n := c.entries[m.addr]
	switch {
	case n == nil || n.state == neighbourNone:
		// RFC 4861, 7.2.5: "If no entry exists, the advertisement SHOULD be silently
		// discarded." An entry that nothing was sent to is none.
		if m.kind != neighbourAsks {
			return ReasonNDUnsolicited
		}
		if m.mac.IsZero() {
			return ReasonNone
		}
		// RFC 4861, 7.2.3: "If an entry does not already exist, the node SHOULD create
		// a new one and set its reachability state to STALE".
		n = c.Get(m.addr)
		n.mac = m.mac
		c.enter(now, n, neighbourStale)
		return ReasonNone
	case m.kind == neighbourAnswers:
		return c.advertised(now, n, &m)
	}
	// RFC 4861, 7.2.3: "If an entry already exists, and the cached link-layer address
	// differs from the one in the received Source Link-Layer option, the cached
	// address should be replaced by the received address, and the entry's
	// reachability state MUST be set to STALE." RFC 826 says the same of the sender
	// of any ARP packet.
	if !m.mac.IsZero() && (n.state == neighbourIncomplete || n.mac != m.mac) {
		c.learn(now, n, &m, neighbourStale)
	}
	return ReasonNone
}

// advertised is RFC 4861, 7.2.5, for an entry that exists.
func (c *neighbourCache) advertised(now time.Time, n *neighbour, m *neighbourMessage) Reason {
	if n.state == neighbourIncomplete {
		// "If the link layer has addresses and no Target Link-Layer Address option is
		// included, the receiving node SHOULD silently discard the received
		// advertisement."
		if m.mac.IsZero() {
			return ReasonNDUnsolicited
		}
		// "It records the link-layer address [...]; If the advertisement's Solicited
		// flag is set, the state of the entry is set to REACHABLE; otherwise, it is set
		// to STALE. [...] It sends any packets queued".
		state := neighbourStale
		if m.solicited {
			state = neighbourReachable
		}
		c.learn(now, n, m, state)
		return ReasonNone
	}
	differs := !m.mac.IsZero() && m.mac != n.mac
	if !m.override && differs {
		// "I. If the Override flag is clear and the supplied link-layer address differs
		// [...]: a. If the state of the entry is REACHABLE, set it to STALE, but do not
		// update the entry in any other way. b. Otherwise, the received advertisement
		// should be ignored".
		if n.state == neighbourReachable {
			c.enter(now, n, neighbourStale)
		}
		return ReasonNDUnsolicited // what else it says counts for nothing
	}
	// "II. [...] the received advertisement MUST update the Neighbor Cache entry as
	// follows: [...] If the Solicited flag is set, the state of the entry MUST be set
	// to REACHABLE. If the Solicited flag is zero and the link-layer address was
	// updated with a different address, the state MUST be set to STALE. Otherwise, the
	// entry's state remains unchanged."
	switch {
	case m.solicited:
		c.learn(now, n, m, neighbourReachable)
	case differs:
		c.learn(now, n, m, neighbourStale)
	}
	return ReasonNone
}

// Doubt says that packets from src to n seem to be lost: n is asked at once, and
// removed if it does not answer, so that it is looked for anew.
//
// RFC 4861, 7.3.1, has hints of the layer above that n is reachable, and need not
// be asked. This is the opposite.
func (c *neighbourCache) Doubt(now time.Time, n *neighbour, src netip.Addr) {
	switch n.state {
	case neighbourReachable, neighbourStale, neighbourDelay:
		n.asker = src
		c.enter(now, n, neighbourProbe)
		c.solicit(now, n)
	}
}

// AskAgain asks once more, from the start, for those who are looked for from src and
// have not answered: they may answer now that src is unique.
func (c *neighbourCache) AskAgain(now time.Time, src netip.Addr) {
	for i := range c.rings {
		for n := c.rings[i].next; n != &c.rings[i]; n = n.next {
			if n.state == neighbourIncomplete && n.asker == src {
				n.asked = 0
				c.solicit(now, n)
			}
		}
	}
}

// learn records m's MAC, if it has one, and lets go what waits.
func (c *neighbourCache) learn(now time.Time, n *neighbour, m *neighbourMessage, state neighbourState) {
	if !m.mac.IsZero() {
		n.mac = m.mac
	}
	if len(n.queue) > 0 && !n.flushing {
		n.flushing, n.joined = true, 0
		c.ready = append(c.ready, n)
		if state == neighbourStale {
			state = neighbourDelay // the packets that go now use the entry
		}
	}
	c.enter(now, n, state)
}

// enter moves n to a state and sets its deadline.
func (c *neighbourCache) enter(now time.Time, n *neighbour, state neighbourState) {
	n.state, n.asked, n.deadline = state, 0, time.Time{}
	switch state {
	case neighbourIncomplete, neighbourProbe:
		n.deadline = now.Add(c.timesOf(n).retrans)
	case neighbourReachable:
		n.deadline = now.Add(c.timesOf(n).reachable)
		if !n.known {
			c.unlink(n)
			n.known = true
			c.link(n)
		}
	case neighbourDelay:
		n.deadline = now.Add(delayFirstProbe)
	}
	if !n.deadline.IsZero() && (c.next.IsZero() || n.deadline.Before(c.next)) {
		c.next = n.deadline
	}
	n.publish()
}

// publish lets the send path see n's MAC where it may use it unasked. A STALE
// entry hides it, because its use starts the way to a probe; one that flushes
// does, so that nothing overtakes what waits.
func (n *neighbour) publish() {
	switch n.state {
	case neighbourReachable, neighbourDelay, neighbourProbe:
		if !n.flushing {
			n.word.Store(packMAC(n.mac))
			return
		}
	}
	n.word.Store(0)
}

// Advance does what is due at now.
func (c *neighbourCache) Advance(now time.Time) {
	if c.next.IsZero() || now.Before(c.next) {
		return
	}
	c.next = time.Time{}
	// A scan of all entries costs microseconds, and deadlines are seconds apart.
	for i := range c.rings {
		head := &c.rings[i]
		for n := head.next; n != head; {
			following := n.next // n may go
			if !n.deadline.IsZero() && !now.Before(n.deadline) {
				c.expire(now, n)
			}
			if !n.deadline.IsZero() && (c.next.IsZero() || n.deadline.Before(c.next)) {
				c.next = n.deadline
			}
			n = following
		}
	}
}

// expire is what becomes of n when its deadline has passed (RFC 4861, 7.3.3).
func (c *neighbourCache) expire(now time.Time, n *neighbour) {
	switch n.state {
	case neighbourReachable:
		if !c.confirmed(now, n, c.timesOf(n).reachable) {
			c.enter(now, n, neighbourStale)
		}
	case neighbourDelay:
		if c.confirmed(now, n, delayFirstProbe) {
			return
		}
		// "If the entry is still in the DELAY state when the timer expires, the entry's
		// state changes to PROBE."
		c.enter(now, n, neighbourProbe)
		c.solicit(now, n)
	case neighbourIncomplete:
		// RFC 4861, 7.2.2: "If no Neighbor Advertisement is received after
		// MAX_MULTICAST_SOLICIT solicitations, address resolution has failed."
		if n.asked >= maxMulticastSolicit {
			c.fail(n)
			return
		}
		c.solicit(now, n)
	case neighbourProbe:
		if c.confirmed(now, n, c.timesOf(n).retrans) {
			return
		}
		// "If no response is received after waiting RetransTimer milliseconds after
		// sending the MAX_UNICAST_SOLICIT solicitations, retransmissions cease and the
		// entry SHOULD be deleted."
		if n.asked >= maxUnicastSolicit {
			c.fail(n)
			return
		}
		c.solicit(now, n)
	}
}

// fail removes n, which does not answer. That is told first: what waits for a router
// may go by another one.
func (c *neighbourCache) fail(n *neighbour) {
	c.out = append(c.out, neighbourEvent{kind: eventUnreachable, addr: n.addr})
	c.remove(n, ReasonNeighbourFailed)
}

// solicit asks for n once more, and sets the time for the next try.
func (c *neighbourCache) solicit(now time.Time, n *neighbour) {
	n.asked++
	n.deadline = now.Add(c.timesOf(n).retrans)
	e := neighbourEvent{kind: eventSolicit, addr: n.addr, asker: n.asker}
	if n.state == neighbourProbe {
		e.mac = n.mac
	} else if !c.solicits.allow(now) {
		e.kind, e.reason = eventDrop, ReasonNeighbourLimit
	}
	c.out = append(c.out, e)
}
