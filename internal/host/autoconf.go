package host

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/usernet-go/usernet/internal/text"
	"github.com/usernet-go/usernet/wire"
)

// An autoconf is what an Ethernet interface does about its addresses and routers by
// itself: a duplicateDetector and a routerDiscovery with their lock and their
// timer. It speaks ARP and ND for them, and changes the host's topology as they say.
type autoconf struct {
	ifc    *iface
	detect bool // an address is used only when it has been checked
	timer  timer

	mu         sync.Mutex // nothing but the timers' lock is taken under it
	duplicates duplicateDetector
	routers    routerDiscovery
	running    bool // packets are received: checks may begin
	closed     bool
	performing bool           // a goroutine does what the machines want; others leave it to it
	waiters    []*checkWaiter // for checks to end
}

// A checkWaiter waits until addrs are unique, or one of them is not.
type checkWaiter struct {
	addrs []netip.Addr // those that are not known to be unique
	given bool         // the interface has been given them: one that is not there is gone
	done  chan error
}

// newAutoconf makes the machines of ifc, which run from start on.
func newAutoconf(ifc *iface, config *InterfaceConfig) (*autoconf, error) {
	a := &autoconf{ifc: ifc, detect: config.DetectDuplicates}
	var seeds [2][32]byte
	for i := range seeds {
		if err := ifc.h.random(seeds[i][:]); err != nil {
			return nil, err
		}
	}
	a.duplicates.init(ifc.mac, seeds[0])
	a.routers.init(ifc.linkInfo.MTU, seeds[1], stableIdentifiers{secret: ifc.h.addressSecret})
	a.timer.owner = timerFunc(func(now time.Time) {
		a.mu.Lock()
		a.duplicates.Advance(now)
		a.routers.Advance(now)
		a.settle(now)
	})
	return a, nil
}

// newAddress returns an address in the state in which it is given to the interface:
// to be checked first, or while it is in use.
func (a *autoconf) newAddress(p netip.Prefix, origin addressOrigin) address {
	n := address{prefix: p, origin: origin}
	switch {
	case a == nil: // a link that has no neighbours
	case a.detect:
		n.tentative = true
	case p.Addr().Is6():
		n.optimistic = true
	}
	return n
}

// linkLocal makes the interface's link-local address: the one of RFC 7217.
// It is called once the interface has its name, under Host.mu.
func (a *autoconf) linkLocal() address {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.routers.identifiers.iface = a.ifc.name
	return a.newAddress(netip.PrefixFrom(a.routers.LinkLocal(), linkLocalPrefix.Bits()), originLinkLocal)
}

// start begins the checks, and looks for routers if it is to.
func (a *autoconf) start(now time.Time, autoconfigure bool) {
	a.mu.Lock()
	a.running = true
	if autoconfigure {
		a.routers.identifiers.iface = a.ifc.name
		a.routers.Start(now)
	}
	a.mu.Unlock()
	a.changed(now)
}

// close ends what goes on. Host.timers may fire once more: nothing comes of it.
func (a *autoconf) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	for _, w := range a.waiters {
		wakeWith(a.ifc.h, w.done, ErrClosed)
	}
	a.waiters = nil
	a.ifc.h.timers.remove(&a.timer)
}

// changed begins and ends checks, after the interface's addresses have changed.
func (a *autoconf) changed(now time.Time) {
	a.mu.Lock()
	p := a.place()
	a.releaseGone(p)
	if !a.running {
		a.mu.Unlock()
		return
	}
	for _, addr := range a.duplicates.Addresses() {
		if p.find(addr) == nil {
			a.duplicates.Forget(addr)
			a.routers.Removed(addr)
		}
	}
	for _, own := range p.addrs {
		a.duplicates.Check(now, own.prefix.Addr(), !own.tentative)
	}
	a.settle(now)
}

// expect returns a waiter for the checks of those of addrs that the application
// has given, to be called before they begin; nil where nobody waits.
func (a *autoconf) expect(addrs []address) *checkWaiter {
	if a == nil || !a.detect {
		return nil
	}
	w := &checkWaiter{done: make(chan error, 1)}
	for _, own := range addrs {
		if own.origin == originConfigured {
			w.addrs = append(w.addrs, own.prefix.Addr())
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.closed:
		w.done <- ErrClosed
	case len(w.addrs) == 0:
		w.done <- nil
	default:
		a.waiters = append(a.waiters, w)
	}
	return w
}

// wait returns when the checks are over of addresses which the interface has been
// given. Its error wraps ErrAddrInUse for a duplicate.
func (a *autoconf) wait(w *checkWaiter) error {
	if w == nil {
		return nil
	}
	a.mu.Lock()
	w.given = true
	a.releaseGone(a.place())
	a.mu.Unlock()
	return <-w.done
}

// place returns where the interface stands; an empty place when it is gone.
func (a *autoconf) place() *place {
	if p := a.ifc.h.net.Load().place(a.ifc); p != nil {
		return p
	}
	return new(place)
}

// releaseGone releases those who wait for addresses that are gone from p, maybe
// before their check had begun. It is called with mu held.
func (a *autoconf) releaseGone(p *place) {
	a.waiters = slices.DeleteFunc(a.waiters, func(w *checkWaiter) bool {
		i := slices.IndexFunc(w.addrs, func(addr netip.Addr) bool { return p.find(addr) == nil })
		if !w.given || i < 0 {
			return false
		}
		wakeWith(a.ifc.h, w.done, text.Errorf("%w: %v was taken away", ErrAddrNotAvail, w.addrs[i]))
		return true
	})
}

// known takes those who wait for addr, of which is known now what has come of it,
// off the list, and returns them: those who wait for others besides only if it has
// failed. It is called with mu held.
func (a *autoconf) known(addr netip.Addr, failed bool) (known []*checkWaiter) {
	a.waiters = slices.DeleteFunc(a.waiters, func(w *checkWaiter) bool {
		over := w.forget(addr) && (failed || len(w.addrs) == 0)
		if over {
			known = append(known, w)
		}
		return over
	})
	return known
}

// forget takes addr off w's list; false if it is not on it.
func (w *checkWaiter) forget(addr netip.Addr) bool {
	for i, other := range w.addrs {
		if other == addr {
			w.addrs = append(w.addrs[:i], w.addrs[i+1:]...)
			return true
		}
	}
	return false
}

// duplicate hands a message about one of our addresses to the detector.
func (a *autoconf) duplicate(now time.Time, m *duplicateMessage) Reason {
	a.mu.Lock()
	r := a.duplicates.Receive(now, m)
	a.settle(now)
	return r
}

// advertised hands a router advertisement over.
func (a *autoconf) advertised(now time.Time, from netip.Addr, m *wire.RouterAdvertisement) Reason {
	a.mu.Lock()
	r := a.routers.Receive(now, from, m)
	a.settle(now)
	return r
}

// redirected hands a redirect over.
func (a *autoconf) redirected(now time.Time, from, firstHop netip.Addr, m *wire.Redirect) Reason {
	a.mu.Lock()
	r := a.routers.Redirect(now, from, firstHop, m)
	a.settle(now)
	return r
}

// neighbour says what was found out about a neighbour, which may be a router.
func (a *autoconf) neighbour(now time.Time, say func(*routerDiscovery, netip.Addr), addr netip.Addr) {
	if a == nil || !addr.Is6() {
		return
	}
	a.mu.Lock()
	say(&a.routers, addr)
	a.settle(now)
}
