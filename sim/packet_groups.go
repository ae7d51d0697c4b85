package sim

import (
	"fmt"
	"net/netip"

	"github.com/usernet-go/usernet/wire"
)

// shownRecords is how many records of a membership report, or prefixes of a
// router, are named.
const shownRecords = 3

// appendDiscovery appends what a message of neighbour or listener discovery is
// about. Of one that is malformed, or not whole, nothing is said.
func (d *datagram) appendDiscovery(b []byte, t wire.ICMPv6Type) []byte {
	if len(d.payload) < d.length {
		return b
	}
	switch t {
	case wire.ICMPv6NeighborSolicitation:
		if m, r := wire.ParseNeighborSolicitation(d.payload); r == wire.OK {
			return fmt.Appendf(b, ", target %v", m.Target)
		}
	case wire.ICMPv6NeighborAdvertisement:
		if m, r := wire.ParseNeighborAdvertisement(d.payload); r == wire.OK {
			return fmt.Appendf(b, ", target %v", m.Target)
		}
	case wire.ICMPv6Redirect:
		if m, r := wire.ParseRedirect(d.payload); r == wire.OK {
			return fmt.Appendf(b, ", %v by way of %v", m.Destination, m.Target)
		}
	case wire.ICMPv6RouterAdvertisement:
		if m, r := wire.ParseRouterAdvertisement(d.payload); r == wire.OK {
			return appendPrefixes(b, m.Prefixes[:m.NumPrefixes])
		}
	case wire.ICMPv6MLDv1Report, wire.ICMPv6MLDv1Done:
		if m, r := wire.ParseMLD(d.payload); r == wire.OK {
			return fmt.Appendf(b, ", %v", m.Group)
		}
	case wire.ICMPv6MLDQuery:
		if q, r := wire.ParseMLDQuery(d.payload); r == wire.OK {
			return appendQuery(b, q.Group)
		}
	case wire.ICMPv6MLDv2Report:
		records, _ := wire.ParseMLDReport(d.payload)
		return appendRecords(b, records)
	}
	return b
}

func (d *datagram) appendIGMP(b []byte) []byte {
	m, r := wire.ParseIGMP(d.payload)
	if r != wire.OK {
		return appendMalformed(b, r, d.length)
	}
	b = fmt.Appendf(b, "%v %v", d.protocol, m.Type)
	if len(d.payload) < d.length {
		return b
	}
	switch m.Type {
	case wire.IGMPQuery:
		if q, r := wire.ParseIGMPQuery(d.payload); r == wire.OK {
			return appendQuery(b, q.Group)
		}
	case wire.IGMPv3Report:
		records, _ := wire.ParseIGMPReport(d.payload)
		return appendRecords(b, records)
	}
	if m.Group.IsValid() {
		b = fmt.Appendf(b, ", %v", m.Group)
	}
	return b
}

func appendQuery(b []byte, group netip.Addr) []byte {
	if group.IsUnspecified() {
		return append(b, ", general"...)
	}
	return fmt.Appendf(b, ", %v", group)
}

func appendRecords(b []byte, records []wire.MembershipRecord) []byte {
	for i := range records[:min(len(records), shownRecords)] {
		b = fmt.Appendf(b, ", %v %v", records[i].Type, records[i].Group)
	}
	return appendMore(b, len(records))
}

func appendPrefixes(b []byte, prefixes []wire.PrefixInformation) []byte {
	for i := range prefixes[:min(len(prefixes), shownRecords)] {
		b = fmt.Appendf(b, ", %v", prefixes[i].Prefix)
	}
	return appendMore(b, len(prefixes))
}

// appendMore says how many of n there are beside those that are shown.
func appendMore(b []byte, n int) []byte {
	if n > shownRecords {
		b = fmt.Appendf(b, ", %d more", n-shownRecords)
	}
	return b
}
