package wire

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// The messages of multicast listener discovery, versions 1 and 2. Each is parsed
// from the first byte of its ICMPv6 header to the packet's end, all in one piece,
// and appended with a checksum of 0.

// Lengths in bytes of messages of version 1, and of a query of version 2 without
// sources.
const (
	mldLen        = 24
	mldv2QueryLen = 28
)

// MLD is a report or a done message of version 1, by Type (RFC 2710, 3).
type MLD struct {
	Type  ICMPv6Type // ICMPv6MLDv1Report or ICMPv6MLDv1Done
	Group netip.Addr
}

// ParseMLD parses a message of version 1.
func ParseMLD(b []byte) (m MLD, r Reason) {
	if len(b) < mldLen {
		return m, ReasonICMPv6Truncated
	}
	m.Type, m.Group = ICMPv6Type(b[0]), netip.AddrFrom16([16]byte(b[8:24]))
	if !m.Group.IsMulticast() {
		return MLD{}, ReasonMembershipGroup
	}
	return m, OK
}

// Append appends the message to b.
func (m *MLD) Append(b []byte) []byte {
	group := m.Group.As16()
	b = append(b, byte(m.Type), 0, 0, 0, 0, 0, 0, 0)
	return append(b, group[:]...)
}

// ParseMLDQuery parses a query of any version.
func ParseMLDQuery(b []byte) (q MembershipQuery, r Reason) {
	if len(b) < mldLen {
		return q, ReasonICMPv6Truncated
	}
	// RFC 9777, 8.1: "MLDv1 Query: length = 24 octets [...] MLDv2 Query: length >= 28
	// octets".
	switch code := int(binary.BigEndian.Uint16(b[4:])); {
	case len(b) == mldLen:
		// RFC 9777, 8.2.1: of version 1 "the full range of this field is linear".
		q.Version, q.MaxResponse = 1, time.Duration(code)*time.Millisecond
	case len(b) < mldv2QueryLen:
		return q, ReasonMembershipLength
	default:
		q.Version, q.MaxResponse = 2, time.Duration(floatCode(code, 12))*time.Millisecond
		if q, r = q.parseSources(b[mldLen:], 16); r != OK {
			return MembershipQuery{}, r
		}
	}
	if q.Group = netip.AddrFrom16([16]byte(b[8:24])); !q.Group.IsUnspecified() && !q.Group.IsMulticast() {
		return MembershipQuery{}, ReasonMembershipGroup
	}
	return q, OK
}

// AppendMLD appends q as MLD. Times that have no code are rounded down.
func (q *MembershipQuery) AppendMLD(b []byte) []byte {
	group, code := q.Group.As16(), int(q.MaxResponse/time.Millisecond)
	if q.Version == 2 {
		code = codeFloat(code, 12)
	}
	b = append(b, byte(ICMPv6MLDQuery), 0, 0, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(min(max(code, 0), 65535)))
	b = append(b, 0, 0)
	b = append(b, group[:]...)
	if q.Version == 2 {
		b = q.appendSources(b)
	}
	return b
}

// CheckMLD checks what a query or report came with; alert says whether there was a
// router alert option.
//
// RFC 9777, 6.2: "the node checks if the source address of the message is a valid
// link-local address, if the Hop Limit is set to 1, and if the Router Alert option
// is present in the Hop-by-Hop Options header of the IPv6 packet. If any of these
// checks fail, the packet is dropped."
func CheckMLD(h *IPv6, alert bool) Reason {
	switch {
	case !h.Src.IsLinkLocalUnicast():
		return ReasonMembershipSource
	case h.HopLimit != 1:
		return ReasonMembershipHopLimit
	case !alert:
		return ReasonMembershipRouterAlert
	}
	return OK
}

// ParseMLDReport parses the records of a version 2 report (RFC 9777, 5.2).
func ParseMLDReport(b []byte) ([]MembershipRecord, Reason) {
	if len(b) < ICMPLen {
		return nil, ReasonICMPv6Truncated
	}
	return parseRecords(b, 16, ReasonICMPv6Truncated)
}

// AppendMLDReport appends a version 2 report of the records.
func AppendMLDReport(b []byte, records []MembershipRecord) []byte {
	b = append(b, byte(ICMPv6MLDv2Report), 0, 0, 0, 0, 0)
	return appendRecords(b, records)
}

// ipv6OptionRouterAlert is the option of RFC 2711, 2.1.
const ipv6OptionRouterAlert = 5

// IPv6RouterAlertMLD is the hop-by-hop option with which MLD's messages ask
// routers to look at them (RFC 2711, 2.1: value 0, "Datagram contains a Multicast
// Listener Discovery message").
const IPv6RouterAlertMLD = "\x05\x02\x00\x00"

// HasRouterAlert says whether b, a hop-by-hop options header that parsed, holds
// IPv6RouterAlertMLD.
func HasRouterAlert(b []byte) bool {
	for i := 2; i+1 < len(b); {
		if b[i] == ipv6OptionPad1 {
			i++
			continue
		}
		if b[i] == ipv6OptionRouterAlert {
			return i+4 <= len(b) && string(b[i:i+4]) == IPv6RouterAlertMLD
		}
		i += 2 + int(b[i+1])
	}
	return false
}
