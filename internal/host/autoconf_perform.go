package host

import (
	"net/netip"
	"time"

	"github.com/usernet-go/usernet/internal/text"
	"github.com/usernet-go/usernet/wire"
)

// This file does what the machines of an autoconf want done.

// settle does what the machines want, and sets the timer. It is called with mu held
// and returns without. One goroutine at a time does it, in order: what comes up
// meanwhile is left to it.
func (a *autoconf) settle(now time.Time) {
	if a.performing {
		a.mu.Unlock()
		return
	}
	a.performing = true
	for !a.closed {
		edits, sends := a.take(now)
		if len(edits)+len(sends) == 0 {
			break
		}
		a.mu.Unlock()
		if len(edits) > 0 {
			// A host or interface that is being closed has no use for them.
			_ = a.ifc.h.change(func(t *topology) error {
				if t.place(a.ifc) == nil {
					return ErrNoInterface
				}
				for _, edit := range edits {
					edit(t)
				}
				return nil
			})
		}
		for _, send := range sends {
			send()
		}
		a.mu.Lock()
	}
	a.performing = false
	if !a.closed {
		a.ifc.h.timers.set(&a.timer, firstOf(a.duplicates.Deadline(), a.routers.Deadline()))
	}
	a.mu.Unlock()
}

// firstOf returns the earlier of two deadlines; zero stands for none.
func firstOf(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// take returns what the machines want done: changes of the topology, which belong
// together, and then what is to be sent or said. It is called with mu held.
func (a *autoconf) take(now time.Time) (edits []func(*topology), sends []func()) {
	for e, ok := a.duplicates.Next(); ok; e, ok = a.duplicates.Next() {
		edits, sends = a.takeDuplicate(now, e, edits, sends)
	}
	for e, ok := a.routers.Next(); ok; e, ok = a.routers.Next() {
		switch e.kind {
		case eventSolicitRouter:
			sends = append(sends, func() { a.solicitRouters(now) })
		case eventLinkParameters:
			a.duplicates.SetRetransTimer(durationOr(e.params.retrans, retransTimer))
			edits = append(edits, func(*topology) { a.ifc.setParameters(e.params) })
		default:
			edits = append(edits, func(t *topology) { a.edit(t, &e) })
		}
	}
	return edits, sends
}

func durationOr(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

func (a *autoconf) takeDuplicate(now time.Time, e duplicateEvent, edits []func(*topology), sends []func()) ([]func(*topology), []func()) {
	h, ifc := a.ifc.h, a.ifc
	switch e.kind {
	case eventProbe:
		sends = append(sends, func() { ifc.sendProbe(now, e.addr, e.nonce) })
	case eventAnnounce:
		sends = append(sends, func() { ifc.announce(now, e.addr) })
	case eventUnique:
		edits = append(edits, func(t *topology) {
			if own := t.place(ifc).find(e.addr); own != nil {
				own.tentative, own.optimistic = false, false
			}
		})
		sends = append(sends, func() {
			a.unique(e.addr)
			if e.addr.Is6() {
				ifc.neighbours.askAgain(now, e.addr)
			}
		})
	case eventDuplicate:
		a.routers.Duplicate(now, e.addr)
		waiters := a.known(e.addr, true) // they are told when the address is gone
		edits = append(edits, func(t *topology) { t.removeAddress(ifc, e.addr) })
		sends = append(sends, func() {
			h.log.Error("address is a duplicate, and not used", "interface", ifc.name, "address", e.addr, "mac", e.mac)
			for _, w := range waiters {
				wakeWith(h, w.done, text.Errorf("%w: %v belongs to %v", ErrAddrInUse, e.addr, e.mac))
			}
		})
	case eventConflict:
		sends = append(sends, func() {
			h.log.Warn("address is used by another host", "interface", ifc.name, "address", e.addr, "mac", e.mac)
		})
	}
	return edits, sends
}

// unique tells those who wait for addr that it may be used.
func (a *autoconf) unique(addr netip.Addr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, w := range a.known(addr, false) {
		wakeWith(a.ifc.h, w.done, nil)
	}
}

// edit makes the change e of addresses and routes. What the application has done
// already stays as it is.
func (a *autoconf) edit(t *topology, e *routerEvent) {
	r := routeEntry{prefix: e.prefix, ifc: a.ifc, gateway: e.gateway, origin: routeAdvertised}
	if e.redirected {
		r.origin = routeRedirected
	}
	own := t.place(a.ifc).find(e.prefix.Addr())
	if own != nil && own.origin == originConfigured {
		own = nil
	}
	switch e.kind {
	case eventAddRoute:
		if err := t.addRoute(r); err != nil {
			a.ifc.h.log.Debug("route is not added", "interface", a.ifc.name, "error", err)
		}
	case eventRemoveRoute:
		t.removeRoute(r)
	case eventAddAddress:
		n := address{prefix: e.prefix, origin: originAutoconf, optimistic: e.optimistic && !a.detect}
		if linkLocalPrefix.Contains(e.prefix.Addr()) {
			n.origin = originLinkLocal
		}
		n.tentative = !n.optimistic
		if err := t.addAddress(a.ifc, n); err != nil {
			a.ifc.h.log.Debug("address is not added", "interface", a.ifc.name, "error", err)
		}
	case eventRemoveAddress:
		if own != nil {
			t.removeAddress(a.ifc, e.prefix.Addr())
		}
	default:
		if own != nil {
			own.deprecated = e.kind == eventDeprecate
		}
	}
}

// setParameters is what a router's advertisement says of the link. It is called
// while the topology changes, so that routes are looked up anew.
func (ifc *iface) setParameters(p linkParameters) {
	ifc.hopLimit.Store(uint32(p.hopLimit))
	ifc.mtu6.Store(uint32(p.mtu))
	ifc.neighbours.setTimes(p.reachable, p.retrans)
}

// mtu returns the size in bytes of the largest packet to dst that the link takes.
func (ifc *iface) mtu(dst netip.Addr) int {
	if m := ifc.mtu6.Load(); m != 0 && dst.Is6() {
		return int(m)
	}
	return ifc.linkInfo.MTU
}

// ttl returns the hop limit of packets to dst that say nothing else: RFC 4861,
// 6.3.2, CurHopLimit, where a router has told it.
func (ifc *iface) ttl(dst netip.Addr) uint8 {
	if l := ifc.hopLimit.Load(); l != 0 && dst.Is6() {
		return uint8(l)
	}
	return ifc.h.ttl
}

// sendProbe asks whether another host has addr.
func (ifc *iface) sendProbe(now time.Time, addr netip.Addr, nonce [6]byte) {
	if addr.Is4() {
		// RFC 5227, 2.1.1: "The 'sender IP address' field MUST be set to all zeroes".
		probe := wire.ARP{Operation: wire.ARPRequest, SenderMAC: ifc.mac, Sender: netip.IPv4Unspecified(), Target: addr}
		ifc.sendARP(wire.Broadcast, &probe)
		return
	}
	// RFC 4862, 5.4.2: "the IP source is set to the unspecified address, and the IP
	// destination is set to the solicited-node multicast address of the target address."
	m := wire.NeighborSolicitation{Target: addr, Nonce: nonce}
	ifc.sendNDGroup(now, netip.IPv6Unspecified(), wire.SolicitedNode(addr), m.Append)
}

// announce tells all that addr is here: RFC 5227, 2.3, and RFC 4861, 7.2.6.
func (ifc *iface) announce(now time.Time, addr netip.Addr) {
	if addr.Is4() {
		announcement := wire.ARP{Operation: wire.ARPRequest, SenderMAC: ifc.mac, Sender: addr, Target: addr}
		ifc.sendARP(wire.Broadcast, &announcement)
		return
	}
	m := wire.NeighborAdvertisement{Router: ifc.h.config.Forwarding, Override: true, Target: addr, TargetMAC: ifc.mac}
	ifc.sendNDGroup(now, addr, allNodesLink, m.Append)
}

// solicitRouters sends a router solicitation.
func (a *autoconf) solicitRouters(now time.Time) {
	p := a.ifc.h.net.Load().place(a.ifc)
	if p == nil {
		return // the interface is being taken away
	}
	src, m := netip.IPv6Unspecified(), wire.RouterSolicitation{}
	if own := selectSource(p.addrs, allRoutersLink, allRoutersLink); own != nil {
		// RFC 4429, 3.2: "A node MUST NOT send a Router Solicitation with a SLLAO from an
		// Optimistic Address."
		if src = own.prefix.Addr(); !own.optimistic {
			m.SourceMAC = a.ifc.mac
		}
	}
	a.ifc.sendNDGroup(now, src, allRoutersLink, m.Append)
}

var allRoutersLink = netip.IPv6LinkLocalAllRouters()

// sendNDGroup sends a message of neighbour discovery to a group.
func (ifc *iface) sendNDGroup(now time.Time, src, group netip.Addr, message func([]byte) []byte) {
	r := route{ifc: ifc, src: src, nextHop: group, mac: wire.MulticastMAC(group), mtu: ifc.linkInfo.MTU}
	ifc.sendND(now, &r, group, message)
}
