package host

import "github.com/usernet-go/usernet/wire"

// routerAdvertisement is RFC 4861, 6.3.4.
func (b *inputBatch) routerAdvertisement() Reason {
	m, r := wire.ParseRouterAdvertisement(b.message())
	if r == wire.OK {
		r = m.Check(b.ndHeader())
	}
	switch {
	case r != wire.OK:
		return wireReason(r)
	case b.ifc.autoconf == nil:
		return ReasonICMPType
	case b.inFragments():
		return ReasonNDFragment
	case m.SourceMAC.IsMulticast():
		return ReasonNDUnsolicited
	}
	reason := b.ifc.autoconf.advertised(b.now, b.p.src, &m)
	if reason == ReasonNone && !m.SourceMAC.IsZero() {
		// "If the advertisement contains a Source Link-Layer Address option, the link-layer
		// address SHOULD be recorded in the Neighbor Cache entry for the router (creating an
		// entry if necessary)".
		b.ifc.neighbours.receive(b.now, neighbourMessage{kind: neighbourAsks, addr: b.p.src, mac: m.SourceMAC})
	}
	return reason
}

// redirect is RFC 4861, 8.3.
func (b *inputBatch) redirect() Reason {
	m, r := wire.ParseRedirect(b.message())
	if r == wire.OK {
		r = m.Check(b.ndHeader())
	}
	switch {
	case r != wire.OK:
		return wireReason(r)
	case b.ifc.autoconf == nil, b.h.config.Forwarding:
		// RFC 4861, 8.2: "A router MUST NOT update its routing tables upon receipt of a
		// Redirect."
		return ReasonICMPType
	case b.inFragments():
		return ReasonNDFragment
	case m.TargetMAC.IsMulticast(), b.t.isOwn(m.Target), b.t.isOwn(m.Destination), m.Destination.IsUnspecified():
		return ReasonNDUnsolicited
	}
	first, ok := b.t.find(b.p.dst, m.Destination, b.ifc.name)
	if !ok || first.ifc != b.ifc {
		return ReasonNDUnsolicited
	}
	reason := b.ifc.autoconf.redirected(b.now, b.p.src, first.gateway, &m)
	if reason == ReasonNone && !m.TargetMAC.IsZero() {
		// "If the redirect contains a Target Link-Layer Address option, the host either
		// creates or updates the Neighbor Cache entry for the target."
		b.ifc.neighbours.receive(b.now, neighbourMessage{kind: neighbourAsks, addr: m.Target, mac: m.TargetMAC})
	}
	return reason
}
