package host

import (
	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// igmp takes an IGMP message.
func (b *inputBatch) igmp() Reason {
	if r := b.p.verify(wire.ProtocolIGMP); r != wire.OK {
		return wireReason(r)
	}
	message := b.message()
	m, r := wire.ParseIGMP(message)
	switch {
	case r != wire.OK:
		return wireReason(r)
	case b.ifc.linkInfo.Medium != link.Ethernet || b.p.fragments: // routers make none of them
		return ReasonIGMPType
	}
	switch m.Type {
	case wire.IGMPQuery:
		q, r := wire.ParseIGMPQuery(message)
		if r == wire.OK {
			h := wire.IPv4{Dst: b.p.dst, Options: b.p.ip[wire.IPv4Len : len(b.p.ip)-len(b.p.head)]}
			r = q.CheckIGMP(&h)
		}
		if r != wire.OK {
			return wireReason(r)
		}
		b.ifc.groups.query(b.now, &q)
		return ReasonNone
	case wire.IGMPv1Report, wire.IGMPv2Report:
		b.ifc.groups.report(m.Group)
		return ReasonNone
	}
	return ReasonIGMPType
}

// mld takes a message of MLD for listeners: a query, or a report of version 1.
func (b *inputBatch) mld() Reason {
	switch {
	case b.ifc.linkInfo.Medium != link.Ethernet:
		return ReasonICMPType
	case b.inFragments():
		return ReasonNDFragment
	}
	if r := wire.CheckMLD(b.ndHeader(), b.hasRouterAlert()); r != wire.OK {
		return wireReason(r)
	}
	message := b.message()
	if wire.ICMPv6Type(message[0]) == wire.ICMPv6MLDQuery {
		q, r := wire.ParseMLDQuery(message)
		if r != wire.OK {
			return wireReason(r)
		}
		b.ifc.groups.query(b.now, &q)
		return ReasonNone
	}
	m, r := wire.ParseMLD(message)
	if r != wire.OK {
		return wireReason(r)
	}
	b.ifc.groups.report(m.Group)
	return ReasonNone
}

// hasRouterAlert says whether b.p, an IPv6 packet, asked routers to look at it.
func (b *inputBatch) hasRouterAlert() bool {
	header := b.p.ip[:len(b.p.ip)-len(b.p.head)]
	if wire.Protocol(header[6]) != wire.ProtocolHopByHop {
		return false
	}
	options := header[wire.IPv6Len:]
	return wire.HasRouterAlert(options[:min(len(options), 8*(int(options[1])+1))])
}
