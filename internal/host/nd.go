package host

import (
	"net/netip"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// ndHeader returns what the checks of RFC 4861 want to know of the IPv6 header.
func (b *inputBatch) ndHeader() *wire.IPv6 {
	b.ip6 = wire.IPv6{HopLimit: b.p.ttl, Src: b.p.src, Dst: b.p.dst, PayloadLen: b.p.size}
	return &b.ip6
}

// message returns b.p from its transport header on, in one piece.
func (b *inputBatch) message() []byte {
	if len(b.p.rest) == 0 {
		return b.p.head
	}
	m := append(make([]byte, 0, b.p.size), b.p.head...)
	for _, d := range b.p.rest {
		m = append(m, d...)
	}
	return m
}

// inFragments says whether b.p came in fragments, or in one that claims to be all.
//
// RFC 6980, 5: "Nodes MUST silently ignore the following Neighbor Discovery [...]
// messages if the packets carrying them include an IPv6 Fragmentation Header".
func (b *inputBatch) inFragments() bool {
	if b.p.fragments {
		return true
	}
	head := b.p.ip[:len(b.p.ip)-len(b.p.head)]
	for p, at := wire.Protocol(head[6]), wire.IPv6Len; at < len(head); {
		if p == wire.ProtocolFragment {
			return true
		}
		p, at = wire.Protocol(head[at]), at+8*(int(head[at+1])+1)
	}
	return false
}

// neighborSolicitation is RFC 4861, 7.2.3 and 7.2.4.
func (b *inputBatch) neighborSolicitation() Reason {
	m, bad := wire.ParseNeighborSolicitation(b.message())
	if bad == wire.OK {
		bad = m.Check(b.ndHeader())
	}
	switch {
	case bad != wire.OK:
		return wireReason(bad)
	case b.ifc.linkInfo.Medium != link.Ethernet:
		return ReasonICMPType
	case b.inFragments():
		return ReasonNDFragment
	case b.t.own[m.Target] != b.ifc && b.t.tentative[m.Target] != b.ifc:
		return ReasonNDTarget
	case b.p.src.IsUnspecified():
		probed := duplicateMessage{kind: duplicateProbed, addr: m.Target, mac: b.frameSource, nonce: m.Nonce}
		if r := b.ifc.autoconf.duplicate(b.now, &probed); r != ReasonNone {
			return r
		}
	}
	own := b.t.place(b.ifc).find(m.Target)
	switch {
	case own.tentative:
		// RFC 4862, 5.4.3: "In all cases, a node MUST NOT respond to a Neighbor
		// Solicitation for a tentative address."
		return ReasonNDTarget
	case b.p.src.IsUnspecified() && (own.optimistic || b.frameSource == b.ifc.mac):
		return ReasonNDTarget // our own check has come back
	}
	// RFC 4861, 4.4: "When set, the R-bit indicates that the sender is a router."
	// RFC 4429, 3.3: for an optimistic address "the reply MUST have the Override flag
	// cleared (O=0)."
	a := wire.NeighborAdvertisement{Router: b.h.config.Forwarding, Override: !own.optimistic, Target: m.Target, TargetMAC: b.ifc.mac}
	if b.p.src.IsUnspecified() {
		// "If the source of the solicitation is the unspecified address, the node MUST set
		// the Solicited flag to zero and multicast the advertisement to the all-nodes
		// address." It is another node's check for duplicates: ours the address stays.
		b.ifc.sendNDGroup(b.now, m.Target, allNodesLink, a.Append)
		return ReasonNone
	}
	a.Solicited = true
	if !m.SourceMAC.IsZero() && !m.SourceMAC.IsMulticast() {
		b.ifc.neighbours.receive(b.now, neighbourMessage{kind: neighbourAsks, addr: b.p.src, mac: m.SourceMAC})
	}
	// The asker is on the link, whatever our routes say of its address.
	r := route{ifc: b.ifc, src: m.Target, nextHop: b.p.src, mtu: b.ifc.linkInfo.MTU}
	if m.SourceMAC.IsZero() {
		// Who does not tell its MAC is not remembered, but answered where it is: it may be
		// waiting for the end of its check for duplicates, and so may we.
		r.mac = b.frameSource
	} else {
		r.nbr = b.ifc.neighbours.get(b.p.src)
	}
	b.ifc.sendND(b.now, &r, b.p.src, a.Append)
	return ReasonNone
}

// neighborAdvertisement is RFC 4861, 7.2.5.
func (b *inputBatch) neighborAdvertisement() Reason {
	m, r := wire.ParseNeighborAdvertisement(b.message())
	if r == wire.OK {
		r = m.Check(b.ndHeader())
	}
	switch {
	case r != wire.OK:
		return wireReason(r)
	case b.ifc.linkInfo.Medium != link.Ethernet:
		return ReasonICMPType
	case b.inFragments():
		return ReasonNDFragment
	case b.t.own[m.Target] != nil || b.t.tentative[m.Target] != nil:
		return b.claimed(&m)
	case m.TargetMAC.IsMulticast():
		return ReasonNDUnsolicited
	}
	reason := b.ifc.neighbours.receive(b.now, neighbourMessage{
		kind: neighbourAnswers, addr: m.Target, mac: m.TargetMAC, solicited: m.Solicited, override: m.Override,
	})
	if reason == ReasonNone && m.Target.IsLinkLocalUnicast() { // routers have such addresses
		switch {
		case !m.Router:
			b.ifc.autoconf.neighbour(b.now, (*routerDiscovery).NotRouter, m.Target)
		case m.Solicited:
			b.ifc.autoconf.neighbour(b.now, (*routerDiscovery).Reachable, m.Target)
		}
	}
	return reason
}

// isClaim says whether a packet that is dropped for its source, an address of ours,
// is an advertisement by which another host claims that address: it comes from there.
func (b *inputBatch) isClaim(why Reason, h *wire.IPv6, message []byte) bool {
	if why != ReasonSourceOwn || h.NextHeader != wire.ProtocolICMPv6 || len(message) == 0 ||
		wire.ICMPv6Type(message[0]) != wire.ICMPv6NeighborAdvertisement {
		return false
	}
	class := b.classify(h.Dst)
	return class == addressOwn || class == addressGroup
}

// claimed takes an advertisement for an address of ours: RFC 4862, 5.4.4.
func (b *inputBatch) claimed(m *wire.NeighborAdvertisement) Reason {
	mac := m.TargetMAC
	if mac.IsZero() {
		mac = b.frameSource
	}
	b.ifc.autoconf.duplicate(b.now, &duplicateMessage{kind: duplicateClaimed, addr: m.Target, mac: mac})
	return ReasonConflict
}

// sendNeighborSolicitation asks for e.addr: all, or its owner alone when e.mac is
// known.
func (t *neighbourTable) sendNeighborSolicitation(now time.Time, e *neighbourEvent) {
	m := wire.NeighborSolicitation{Target: e.addr}
	src, optimistic := t.solicitFrom(e)
	if !src.IsValid() {
		return
	}
	// RFC 4429, 3.2: "A node MUST NOT use an Optimistic Address as the source address of
	// a Neighbor Solicitation", and "SHOULD buffer the packet until DAD is complete", lest
	// our MAC replaces that of another owner in its neighbours' caches. This goes beyond
	// the letter: without our MAC it replaces nothing, and hosts that answer it, as this
	// one does, need not wait a second for their first packet. Others, the kernels among
	// them, do not answer; they are asked again the moment the check is over.
	if !optimistic {
		m.SourceMAC = t.ifc.mac
	}
	dst, r := e.addr, route{ifc: t.ifc, src: src, nextHop: e.addr, mac: e.mac, mtu: t.ifc.linkInfo.MTU}
	if e.mac.IsZero() {
		dst = wire.SolicitedNode(e.addr)
		r.nextHop, r.mac = dst, wire.MulticastMAC(dst)
	}
	t.ifc.sendND(now, &r, dst, m.Append)
}

// sendND sends a message of neighbour discovery.
func (ifc *iface) sendND(now time.Time, r *route, dst netip.Addr, message func([]byte) []byte) {
	d := ifc.h.newDatagram()
	// RFC 4861, 4.3, 4.4: "Hop Limit 255", by which the receiver knows that no router
	// has passed the message on.
	d.ttl = 255
	d.head = message(d.head)
	ifc.h.sendDatagram(now, r, dst, wire.ProtocolICMPv6, d) // what is lost is counted, and asked for again
}
