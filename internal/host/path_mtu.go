package host

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// RFC 8201, 4: "An attempt to detect an increase [...] must not be done less than
	// 5 minutes after a Packet Too Big message has been received for the given path.
	// The recommended setting for this timer is twice its minimum value (10 minutes)."
	pathMTULife = 10 * time.Minute
	maxPathMTUs = 1024
)

// pathMTUs keeps what ICMP has told, or a TCP connection has found out, about paths
// that take less than the link, for datagrams and new connections; a connection
// goes on with what it has found out by itself. At most maxPathMTUs destinations: the
// one that was told longest ago makes room.
type pathMTUs struct {
	n      atomic.Int32 // entries: lets limit pass without the lock when there are none
	mu     sync.Mutex   // a leaf
	byAddr map[netip.Addr]*pathMTU
	ring   pathMTU // newer: the oldest; older: the newest
}

type pathMTU struct {
	addr         netip.Addr
	mtu          int
	until        time.Time
	newer, older *pathMTU
}

// limit returns the largest packet for dst, given what the link takes.
func (p *pathMTUs) limit(now time.Time, dst netip.Addr, mtu int) int {
	if p.n.Load() == 0 {
		return mtu
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.byAddr[dst]
	if e == nil {
		return mtu
	}
	if !now.Before(e.until) {
		p.removeLocked(e)
		return mtu
	}
	return min(mtu, e.mtu)
}

// learnPathMTU records that the path to dst takes mtu bytes. It returns false if that
// is more than what is known.
func (h *Host) learnPathMTU(now time.Time, dst netip.Addr, mtu int) bool {
	news, full := h.pathMTUs.learn(now, dst, mtu)
	if full {
		h.stats.drop(ReasonPathMTUFull)
	}
	return news
}

// learn is learnPathMTU; full says that another destination was forgotten for it.
//
// RFC 8201, 4: "A node must not increase its estimate of the Path MTU in response to
// the contents of a Packet Too Big message." Nor does such a message make the
// estimate live longer.
func (p *pathMTUs) learn(now time.Time, dst netip.Addr, mtu int) (news, full bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.byAddr == nil {
		p.byAddr = make(map[netip.Addr]*pathMTU)
		p.ring.newer, p.ring.older = &p.ring, &p.ring
	}
	if e := p.byAddr[dst]; e != nil {
		if now.Before(e.until) && e.mtu < mtu {
			return false, false
		}
		p.removeLocked(e)
	} else if full = len(p.byAddr) >= maxPathMTUs; full {
		p.removeLocked(p.ring.newer)
	}
	e := &pathMTU{addr: dst, mtu: mtu, until: now.Add(pathMTULife), newer: &p.ring, older: p.ring.older}
	e.older.newer, e.newer.older = e, e
	p.byAddr[dst] = e
	p.n.Store(int32(len(p.byAddr)))
	return true, full
}

// forget says that the path to dst takes what the link does.
func (p *pathMTUs) forget(dst netip.Addr) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e := p.byAddr[dst]; e != nil {
		p.removeLocked(e)
	}
}

func (p *pathMTUs) removeLocked(e *pathMTU) {
	delete(p.byAddr, e.addr)
	e.newer.older, e.older.newer = e.older, e.newer
	p.n.Store(int32(len(p.byAddr)))
}
