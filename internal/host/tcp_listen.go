package host

import (
	"cmp"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/usernet-go/usernet/tcp"
	"github.com/usernet-go/usernet/wire"
)

// A TCPListener takes connections for one port, on one address or on all. How
// many wait for Accept is bounded: see backlog.
type TCPListener struct {
	h       *Host
	local   netip.AddrPort
	family  Family
	options TCPOptions
	port    *portBinding

	mu       sync.Mutex // below a connection's lock
	waiting  sync.Cond  // on mu: Accept must look again
	backlog  backlog
	counted  atomic.Int64 // half-open members of backlog, in Host.halfOpen too; set under mu
	deadline deadline
	closed   bool
}

// ListenTCP takes connections for local; an unspecified address means all of the
// family's. Port 0 chooses one. backlog is at least 1.
func (h *Host) ListenTCP(local netip.AddrPort, family Family, backlog int, opt TCPOptions) (*TCPListener, error) {
	binding, err := h.bind(wire.ProtocolTCP, local, family)
	if err != nil {
		return nil, err
	}
	l := &TCPListener{
		h: h, local: netip.AddrPortFrom(binding.addr, binding.port), family: binding.family,
		options: opt, port: binding,
	}
	l.backlog.init(max(backlog, 1))
	l.waiting.L = &l.mu
	key := makeFlowKey(l.local, netip.AddrPort{})
	l.deadline.init(h, &l.waiting, &key, timerOfAccept)
	if !h.listeners.add(l) {
		h.unbind(binding)
		return nil, ErrClosed
	}
	return l, nil
}

// Addr returns the address and port that l listens on.
func (l *TCPListener) Addr() netip.AddrPort { return l.local }

// Accept waits for a connection. After Close it returns ErrClosed, after the
// deadline ErrDeadline.
func (l *TCPListener) Accept() (*TCPConn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		switch {
		case l.closed:
			return nil, ErrClosed
		case l.deadline.passed:
			return nil, ErrDeadline
		}
		if c := l.backlog.take(); c != nil {
			l.countLocked()
			return c, nil
		}
		l.waiting.Wait()
	}
}

// SetDeadline sets when Accept gives up; zero means never.
func (l *TCPListener) SetDeadline(t time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return ErrClosed
	}
	l.deadline.setLocked(l.h.clock.Now(), t)
	return nil
}

// Close frees the port and resets the connections that were not accepted. A
// second Close returns ErrClosed.
func (l *TCPListener) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return ErrClosed
	}
	l.closed = true
	pending := l.backlog.drain()
	l.countLocked()
	l.deadline.stop()
	l.h.wakeAll(&l.waiting)
	l.mu.Unlock()

	l.h.listeners.remove(l)
	l.h.unbind(l.port)
	now := l.h.clock.Now()
	for _, c := range pending {
		c.abort(now, true)
	}
	return nil
}

// newConn makes the connection of key in state LISTEN, locked and in the flow
// table, so that it can take its SYN. It returns nil without a reason if the
// four-tuple has just been taken.
func (l *TCPListener) newConn(now time.Time, key flowKey, iss tcp.Seq, reopens bool) (*TCPConn, Reason) {
	h := l.h
	generation := h.routeGeneration()
	r, err := h.lookupRoute(key.localAddrPort().Addr(), h.net.Load().remoteOf(&key))
	if err != nil {
		return nil, ReasonNoRoute
	}
	if why := h.reserveTCPConn(); why != ReasonNone {
		return nil, why
	}
	c := newTCPConn(h, key, r, generation, iss, &l.options, now)
	c.listener, c.reopens = l, reopens
	if !l.admit(c) {
		h.releaseTCPConn()
		return nil, ReasonTCPBacklog
	}
	c.mu.Lock()
	if c.detached {
		// Once it had a place, somebody could take it away again: the listener's Close,
		// or another SYN.
		c.mu.Unlock()
		return nil, ReasonTCPBacklog
	}
	if !h.flows.insert(c) {
		c.detached = true
		c.mu.Unlock()
		l.failed(c)
		h.releaseTCPConn()
		return nil, ReasonNone
	}
	c.countPortLocked()
	c.m.OpenPassive()
	return c, ReasonNone
}

// admit gives c a place in the backlog. If the host has as many half-open connections as
// it may, one of the listener that has most of them makes room: a flood of SYNs for one
// port does not close the others.
func (l *TCPListener) admit(c *TCPConn) bool {
	full, most := l.h.halfOpenFull(), l
	if full {
		most = l.h.listeners.mostHalfOpen(l)
	}
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return false
	}
	victim, ok := l.backlog.admit(c, full && most == l)
	l.countLocked()
	l.mu.Unlock()
	if full && ok && victim == nil {
		victim = most.giveWay()
	}
	if victim != nil {
		l.h.stats.drop(ReasonTCPBacklog)
		victim.recycle()
	}
	return ok
}

// giveWay takes its place from the connection that has been half-open for longest, and
// returns it; nil if none is half-open any more.
func (l *TCPListener) giveWay() *TCPConn {
	l.mu.Lock()
	defer l.mu.Unlock()
	victim := l.backlog.oldestHalfOpen()
	if victim != nil {
		l.backlog.remove(victim)
		l.countLocked()
	}
	return victim
}

// established makes c ready for Accept; false if it has no place in the backlog
// any more. c.mu is held.
func (l *TCPListener) established(c *TCPConn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.backlog.opened(c) {
		return false
	}
	l.countLocked()
	l.h.wakeOne(&l.waiting)
	return true
}

// failed forgets a connection that did not come to be. c.mu is held.
func (l *TCPListener) failed(c *TCPConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.backlog.remove(c)
	l.countLocked()
}

// countLocked brings the host's count of half-open connections up to date.
func (l *TCPListener) countLocked() {
	n := int64(len(l.backlog.members) - len(l.backlog.ready))
	l.h.halfOpen.Add(n - l.counted.Swap(n))
}

// tcpListeners finds the listener for an address and port.
type tcpListeners struct {
	mu     sync.RWMutex // a leaf
	byPort map[uint16][]*TCPListener
	closed bool
}

func (ls *tcpListeners) add(l *TCPListener) bool {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if ls.closed {
		return false
	}
	if ls.byPort == nil {
		ls.byPort = make(map[uint16][]*TCPListener)
	}
	ls.byPort[l.local.Port()] = append(ls.byPort[l.local.Port()], l)
	return true
}

func (ls *tcpListeners) remove(l *TCPListener) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	port := l.local.Port()
	var rest []*TCPListener // a new slice: find may be walking the old one's copy
	for _, other := range ls.byPort[port] {
		if other != l {
			rest = append(rest, other)
		}
	}
	if ls.byPort[port] = rest; rest == nil {
		delete(ls.byPort, port)
	}
}

// find returns the listener that is bound to addr, else one that takes all
// addresses of its family; nil if there is none.
func (ls *tcpListeners) find(addr netip.Addr, port uint16) (any *TCPListener) {
	ls.mu.RLock()
	defer ls.mu.RUnlock()
	for _, l := range ls.byPort[port] {
		switch bound := l.local.Addr(); {
		case bound == addr:
			return l
		case !bound.IsUnspecified():
		case l.family == FamilyAny, l.family == FamilyIPv4 && addr.Is4(), l.family == FamilyIPv6 && addr.Is6():
			// Of two wildcards the one of a single family is the closer match.
			if any == nil || any.family == FamilyAny {
				any = l
			}
		}
	}
	return any
}

// mostHalfOpen returns the listener that has most half-open connections: l, unless another
// has more.
func (ls *tcpListeners) mostHalfOpen(l *TCPListener) *TCPListener {
	most, n := l, l.counted.Load()
	if 2*n >= l.h.halfOpen.Load() {
		return l // as in a flood for one port, which need not cost a look at all
	}
	ls.mu.RLock()
	defer ls.mu.RUnlock()
	for _, all := range ls.byPort {
		for _, other := range all {
			// Of equals the one with the lowest port, whatever the map's order.
			if k := other.counted.Load(); k > n || k == n && most != l && other.local.Port() < most.local.Port() {
				most, n = other, k
			}
		}
	}
	return most
}

// closeAll closes all listeners; no new one can be added.
func (ls *tcpListeners) closeAll() {
	ls.mu.Lock()
	ls.closed = true
	var all []*TCPListener
	for _, some := range ls.byPort {
		all = append(all, some...)
	}
	slices.SortStableFunc(all, func(a, b *TCPListener) int { return cmp.Compare(a.local.Port(), b.local.Port()) })
	ls.mu.Unlock()
	for _, l := range all {
		l.Close() // ErrClosed means that the application was faster
	}
}
