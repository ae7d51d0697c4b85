package wire

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"time"
)

// IGMPType is the type of an IGMP message (RFC 9776, 4).
type IGMPType uint8

// The types known here.
const (
	IGMPQuery    IGMPType = 0x11
	IGMPv1Report IGMPType = 0x12
	IGMPv2Report IGMPType = 0x16
	IGMPv2Leave  IGMPType = 0x17
	IGMPv3Report IGMPType = 0x22
)

// String returns the type's name.
func (t IGMPType) String() string {
	switch t {
	case IGMPQuery:
		return "membership query"
	case IGMPv1Report:
		return "version 1 membership report"
	case IGMPv2Report:
		return "version 2 membership report"
	case IGMPv2Leave:
		return "leave group"
	case IGMPv3Report:
		return "version 3 membership report"
	}
	return "IGMP type " + strconv.Itoa(int(t))
}

// IGMPLen is the least length in bytes of an IGMP message, and that of all but
// queries and reports of version 3.
const IGMPLen = 8

// igmpv3QueryLen is the length in bytes of a version 3 query without sources.
const igmpv3QueryLen = 12

// IGMP is a report of version 1 or 2, or a leave group message (RFC 1112,
// appendix I, RFC 2236, 2). Of a message of another type ParseIGMP tells the type
// alone: it has a format of its own.
type IGMP struct {
	Type  IGMPType
	Group netip.Addr
}

// ParseIGMP parses the message b, which ends where its packet does.
func ParseIGMP(b []byte) (m IGMP, r Reason) {
	if len(b) < IGMPLen {
		return m, ReasonIGMPTruncated
	}
	m.Type = IGMPType(b[0])
	switch m.Type {
	case IGMPv1Report, IGMPv2Report, IGMPv2Leave:
		if m.Group = netip.AddrFrom4([4]byte(b[4:8])); !m.Group.IsMulticast() {
			return m, ReasonMembershipGroup
		}
	}
	return m, OK
}

// Append appends the message to b, with its checksum. Group must be IPv4's.
func (m *IGMP) Append(b []byte) []byte {
	start, group := len(b), m.Group.As4()
	b = append(b, byte(m.Type), 0, 0, 0)
	b = append(b, group[:]...)
	return setIGMPChecksum(b, start)
}

// setIGMPChecksum writes the checksum of the message that starts at start.
func setIGMPChecksum(b []byte, start int) []byte {
	// RFC 9776, 4.1.2: "the 16-bit one's complement of the one's complement sum of
	// the whole IGMP message (the entire IP payload)."
	binary.BigEndian.PutUint16(b[start+2:], Checksum(b[start:]))
	return b
}

// ParseIGMPQuery parses a query of any version; b ends where its packet does.
func ParseIGMPQuery(b []byte) (q MembershipQuery, r Reason) {
	// RFC 9776, 7.1: "IGMPv1 Query: length = 8 octets AND Max Resp Code field is zero
	// [...] IGMPv2 Query: length = 8 octets AND Max Resp Code field is non-zero [...]
	// IGMPv3 Query: length >= 12 octets".
	switch {
	case len(b) < IGMPLen:
		return q, ReasonIGMPTruncated
	case len(b) == IGMPLen && b[1] == 0:
		// RFC 2236, 4: "This MUST be interpreted as a value of 100 (10 seconds)."
		q.Version, q.MaxResponse = 1, 10*time.Second
	case len(b) == IGMPLen:
		q.Version, q.MaxResponse = 2, time.Duration(b[1])*igmpUnit
	case len(b) < igmpv3QueryLen:
		return q, ReasonMembershipLength
	default:
		q.Version, q.MaxResponse = 3, time.Duration(floatCode(int(b[1]), 4))*igmpUnit
		if q, r = q.parseSources(b[8:], 4); r != OK {
			return MembershipQuery{}, r
		}
	}
	if q.Group = netip.AddrFrom4([4]byte(b[4:8])); !q.Group.IsUnspecified() && !q.Group.IsMulticast() {
		return MembershipQuery{}, ReasonMembershipGroup
	}
	return q, OK
}

// igmpUnit is the unit of the maximum response time (RFC 9776, 4.1.1).
const igmpUnit = 100 * time.Millisecond

// AppendIGMP appends q as IGMP, with its checksum. Times that have no code are
// rounded down.
func (q *MembershipQuery) AppendIGMP(b []byte) []byte {
	start, group, code := len(b), q.Group.As4(), byte(0)
	switch units := int(q.MaxResponse / igmpUnit); q.Version {
	case 2:
		code = byte(min(max(units, 1), 255))
	case 3:
		code = byte(codeFloat(units, 4))
	}
	b = append(b, byte(IGMPQuery), code, 0, 0)
	b = append(b, group[:]...)
	if q.Version == 3 {
		b = q.appendSources(b)
	}
	return setIGMPChecksum(b, start)
}

// CheckIGMP checks q against the header that it came with.
func (q *MembershipQuery) CheckIGMP(h *IPv4) Reason {
	switch {
	// RFC 9776, 9.1: "Hosts SHOULD ignore v2 or v3 Queries without the Router Alert
	// option."
	case q.Version > 1 && !h.RouterAlert():
		return ReasonMembershipRouterAlert
	// "Hosts SHOULD ignore v1, v2, or v3 General Queries sent to a multicast address
	// other than 224.0.0.1, the all-systems address."
	case q.Group.IsUnspecified() && h.Dst.IsMulticast() && h.Dst != allSystems:
		return ReasonMembershipDestination
	}
	return OK
}

var allSystems = netip.AddrFrom4([4]byte{224, 0, 0, 1})

// ParseIGMPReport parses the records of a version 3 report (RFC 9776, 4.2).
func ParseIGMPReport(b []byte) ([]MembershipRecord, Reason) {
	if len(b) < IGMPLen {
		return nil, ReasonIGMPTruncated
	}
	return parseRecords(b, 4, ReasonIGMPTruncated)
}

// AppendIGMPReport appends a version 3 report of the records, with its checksum.
func AppendIGMPReport(b []byte, records []MembershipRecord) []byte {
	start := len(b)
	b = append(b, byte(IGMPv3Report), 0, 0, 0, 0, 0)
	return setIGMPChecksum(appendRecords(b, records), start)
}

// IPv4RouterAlert is the option that asks routers to look at a packet that is not
// for them (RFC 2113, 2.1: "10010100 00000100 2 octet value", 0: "Router shall
// examine packet").
const IPv4RouterAlert = "\x94\x04\x00\x00"

// RouterAlert says that h carries the option router alert.
func (h *IPv4) RouterAlert() bool {
	for kind := range h.AllOptions() {
		if kind == IPv4OptionRouterAlert {
			return true
		}
	}
	return false
}
