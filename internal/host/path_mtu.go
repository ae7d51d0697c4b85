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

// pathMTUs keeps what ICMP has told about paths that take less than the link, for
// datagrams; a TCP connection keeps its own. At most maxPathMTUs destinations: the
// one that was told longest ago makes room.
type pathMTUs struct {
	n      atomic.Int32 // entries: lets limit pass without the lock when there are none
	mu     sync.Mutex   // a leaf
	byAddr map[netip.Addr]pathMTU
}

type pathMTU struct {
	mtu   int
	until time.Time
}

// limit returns the largest packet for dst, given what the link takes.
func (p *pathMTUs) limit(now time.Time, dst netip.Addr, mtu int) int {
	if p.n.Load() == 0 {
		return mtu
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	e, ok := p.byAddr[dst]
	if !ok {
		return mtu
	}
	if !now.Before(e.until) {
		delete(p.byAddr, dst)
		p.n.Store(int32(len(p.byAddr)))
		return mtu
	}
	return min(mtu, e.mtu)
}

// learn records that the path to dst takes mtu bytes.
func (p *pathMTUs) learn(now time.Time, dst netip.Addr, mtu int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.byAddr == nil {
		p.byAddr = make(map[netip.Addr]pathMTU)
	}
	if _, ok := p.byAddr[dst]; !ok && len(p.byAddr) >= maxPathMTUs {
		var oldest netip.Addr
		for a, e := range p.byAddr {
			if o, ok := p.byAddr[oldest]; !ok || e.until.Before(o.until) {
				oldest = a
			}
		}
		delete(p.byAddr, oldest)
	}
	p.byAddr[dst] = pathMTU{mtu, now.Add(pathMTULife)}
	p.n.Store(int32(len(p.byAddr)))
}
