package host

// A backlog is the connections that a listener has made and that Accept has not
// yet returned, half-open ones included. Its listener's lock guards it.
//
// At its bound a new SYN takes the place of the connection that has been half-open
// for longest (RFC 4987, 3.4), so that a flood of SYNs that are never followed up
// does not keep out those who answer within a round trip; when all are open and
// wait for Accept, the SYN is dropped, and the peer sends it again.
type backlog struct {
	max      int
	members  map[*TCPConn]bool // true: open
	halfOpen []*TCPConn        // oldest first; those that are not half-open members any more are passed over
	ready    []*TCPConn        // open, oldest first
}

func (b *backlog) init(max int) {
	b.max = max
	b.members = make(map[*TCPConn]bool)
}

// admit adds c, half-open. victim, if there is one, has lost its place to c. full says
// that there is no memory for more than there are.
func (b *backlog) admit(c *TCPConn, full bool) (victim *TCPConn, ok bool) {
	if full || len(b.members) >= b.max {
		if victim = b.oldestHalfOpen(); victim == nil {
			return nil, false
		}
		delete(b.members, victim)
	}
	// A listener that is never idle must not hold on to what was accepted long ago.
	if len(b.halfOpen) > 2*(len(b.members)-len(b.ready))+16 {
		b.compact()
	}
	b.members[c] = false
	b.halfOpen = append(b.halfOpen, c)
	return victim, true
}

func (b *backlog) oldestHalfOpen() *TCPConn {
	for len(b.halfOpen) > 0 {
		c := b.halfOpen[0]
		b.halfOpen[0] = nil
		b.halfOpen = b.halfOpen[1:]
		if open, ok := b.members[c]; ok && !open {
			return c
		}
	}
	return nil
}

// compact takes out of halfOpen what would be passed over.
func (b *backlog) compact() {
	var left []*TCPConn
	for _, c := range b.halfOpen {
		if open, ok := b.members[c]; ok && !open {
			left = append(left, c)
		}
	}
	b.halfOpen = left
}

// opened makes c ready for Accept, if it is still a member.
func (b *backlog) opened(c *TCPConn) bool {
	if _, ok := b.members[c]; !ok {
		return false
	}
	b.members[c] = true
	b.ready = append(b.ready, c)
	return true
}

// take returns the connection that has been ready for longest, or nil.
func (b *backlog) take() *TCPConn {
	if len(b.ready) == 0 {
		return nil
	}
	c := b.ready[0]
	if b.ready[0] = nil; len(b.ready) > 1 {
		b.ready = b.ready[1:]
	} else {
		b.ready = emptied(b.ready)
	}
	b.remove(c)
	return c
}

// remove forgets a connection that was accepted, or did not come to be.
func (b *backlog) remove(c *TCPConn) {
	delete(b.members, c)
	if len(b.members) == 0 {
		b.halfOpen = emptied(b.halfOpen)
	}
}

// emptied returns list without its elements. An idle listener holds next to nothing,
// and one that has a connection now and then does not make a list for each.
func emptied(list []*TCPConn) []*TCPConn {
	if cap(list) > 16 {
		return nil
	}
	clear(list)
	return list[:0]
}

// drain empties b and returns what was in it, in the order of the keys.
func (b *backlog) drain() (all []*TCPConn) {
	for c := range b.members {
		all = append(all, c)
	}
	b.members, b.halfOpen, b.ready = nil, nil, nil
	return sortConns(all)
}
