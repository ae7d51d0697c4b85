package host

import (
	"net/netip"
	"slices"
	"time"

	"github.com/usernet-go/usernet/tcp"
)

// addressesGone ends what has one of the addresses, unless that is there again:
// connections, for which ErrAddrNotAvail is the reason, and records in TIME-WAIT.
// The peers learn nothing of it: nothing can be sent from an address that is not
// ours.
//
// RFC 4862, 5.5.4: "An address [...] becomes invalid when its valid lifetime expires. An
// invalid address MUST NOT be used as a source address in outgoing communications".
func (h *Host) addressesGone(now time.Time, gone []netip.Addr) {
	without := make(map[[16]byte]bool)
	t := h.net.Load()
	for _, a := range gone {
		if !t.isOwn(a) {
			without[a.As16()] = true
		}
	}
	if len(without) == 0 {
		return
	}
	conns := slices.DeleteFunc(h.flows.all(), func(c *TCPConn) bool { return !without[c.key.local] })
	for _, c := range sortConns(conns) {
		c.addressGone(now)
	}
	h.timeWait.removeLocal(without)
}

// addressGone ends a connection. What has arrived can still be read.
func (c *TCPConn) addressGone(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.detached {
		return
	}
	if c.m.State() == tcp.StateTimeWait {
		c.detachLocked() // it was about to become a record
		return
	}
	c.m.Unreachable(now, ErrAddrNotAvail, true)
	c.settleLocked(now)
}

// removeLocal forgets the records with one of the local addresses.
func (t *timeWaitTable) removeLocal(gone map[[16]byte]bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := t.slab[0].next; i != 0; {
		next := t.slab[i].next
		if gone[t.slab[i].key.local] {
			t.removeLocked(i)
		}
		i = next
	}
}

// lost returns the addresses that t had and n has not.
func (t *topology) lost(n *topology) (gone []netip.Addr) {
	for a := range t.own {
		if n.own[a] == nil {
			gone = append(gone, a)
		}
	}
	return gone
}
