package wire

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
	"strconv"
	"time"
)

// A MembershipQuery is a query of IGMP (RFC 9776, 4.1) or MLD (RFC 9777, 5.1).
// What a version does not have is zero; maximum response times are those that the
// versions mean.
type MembershipQuery struct {
	Version     uint8         // the querier's: IGMP 1 to 3, MLD 1 or 2
	Group       netip.Addr    // unspecified: a general query
	MaxResponse time.Duration // by when to answer

	SuppressRouter bool          // routers are not to update their timers
	Robustness     uint8         // the querier's robustness variable, 0 to 7; 0: above 7
	Interval       time.Duration // the querier's query interval
	Sources        []netip.Addr  // of a group-and-source-specific query
}

// membershipSuppress is the S flag; the robustness variable is beside it.
const membershipSuppress = 0x08

// parseSources parses what queries of the present versions have behind the
// group, with addresses of size bytes.
func (q MembershipQuery) parseSources(b []byte, size int) (MembershipQuery, Reason) {
	n := int(binary.BigEndian.Uint16(b[2:]))
	if 4+n*size > len(b) {
		return q, ReasonMembershipLength
	}
	q.SuppressRouter, q.Robustness = b[0]&membershipSuppress != 0, b[0]&7
	q.Interval = time.Duration(floatCode(int(b[1]), 4)) * time.Second
	q.Sources = parseAddrs(b[4:], n, size)
	return q, OK
}

func (q *MembershipQuery) appendSources(b []byte) []byte {
	flags := q.Robustness & 7
	if q.SuppressRouter {
		flags |= membershipSuppress
	}
	b = append(b, flags, byte(codeFloat(int(q.Interval/time.Second), 4)))
	b = binary.BigEndian.AppendUint16(b, uint16(len(q.Sources)))
	return appendAddrs(b, q.Sources)
}

// floatCode returns what a code of 1+3+mantissa bits means.
//
// RFC 9776, 4.1.1: "If Max Resp Code >= 128, [...] Max Response Time = (mant | 0x10) <<
// (exp + 3)", with a mantissa of 4 bits. RFC 9777, 5.1.3, has the same with one of 12.
func floatCode(code, mantissa int) int {
	if code>>(mantissa+3) == 0 {
		return code
	}
	exp := code >> mantissa & 7
	return (code&(1<<mantissa-1) | 1<<mantissa) << (exp + 3)
}

// codeFloat returns the code of the largest number that has one and is not above
// v.
func codeFloat(v, mantissa int) int {
	v = min(max(v, 0), floatCode(1<<(mantissa+4)-1, mantissa))
	exp := bits.Len(uint(v)) - mantissa - 4
	if exp < 0 {
		return v
	}
	return 1<<(mantissa+3) | exp<<mantissa | v>>(exp+3)&(1<<mantissa-1)
}

// MembershipRecordType says what a record tells of a group (RFC 9776, 4.2.13,
// RFC 9777, 5.2.13).
type MembershipRecordType uint8

// The types.
const (
	ModeIsInclude       MembershipRecordType = 1
	ModeIsExclude       MembershipRecordType = 2
	ChangeToIncludeMode MembershipRecordType = 3
	ChangeToExcludeMode MembershipRecordType = 4
	AllowNewSources     MembershipRecordType = 5
	BlockOldSources     MembershipRecordType = 6
)

// String returns the type as RFC 9776, 4.2.16, abbreviates it.
func (t MembershipRecordType) String() string {
	switch t {
	case ModeIsInclude:
		return "IS_IN"
	case ModeIsExclude:
		return "IS_EX"
	case ChangeToIncludeMode:
		return "TO_IN"
	case ChangeToExcludeMode:
		return "TO_EX"
	case AllowNewSources:
		return "ALLOW"
	case BlockOldSources:
		return "BLOCK"
	}
	return "membership record " + strconv.Itoa(int(t))
}

// A MembershipRecord is one record of a report: a group and its sources.
type MembershipRecord struct {
	Type    MembershipRecordType
	Group   netip.Addr
	Sources []netip.Addr
}

// Len returns the bytes that the record has in a report.
func (r *MembershipRecord) Len() int { return 4 + (1+len(r.Sources))*r.Group.BitLen()/8 }

// parseRecords parses a report's records, with addresses of size bytes, from the
// message's first byte on.
func parseRecords(b []byte, size int, truncated Reason) (records []MembershipRecord, r Reason) {
	n, b := int(binary.BigEndian.Uint16(b[6:])), b[8:]
	for range n {
		if len(b) < 4+size {
			return nil, truncated
		}
		sources, aux := int(binary.BigEndian.Uint16(b[2:])), int(b[1])*4
		length := 4 + size + sources*size + aux
		if len(b) < length {
			return nil, truncated
		}
		m := MembershipRecord{Type: MembershipRecordType(b[0])}
		m.Group, _ = netip.AddrFromSlice(b[4 : 4+size])
		if !m.Group.IsMulticast() {
			return nil, ReasonMembershipGroup
		}
		m.Sources = parseAddrs(b[4+size:], sources, size)
		records, b = append(records, m), b[length:]
	}
	return records, OK
}

// appendRecords appends the number of the records and the records.
func appendRecords(b []byte, records []MembershipRecord) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(records)))
	for i := range records {
		m := &records[i]
		b = append(b, byte(m.Type), 0)
		b = binary.BigEndian.AppendUint16(b, uint16(len(m.Sources)))
		b = append(b, m.Group.AsSlice()...)
		b = appendAddrs(b, m.Sources)
	}
	return b
}

// parseAddrs returns n addresses of size bytes; there are as many in b.
func parseAddrs(b []byte, n, size int) []netip.Addr {
	if n == 0 {
		return nil
	}
	addrs := make([]netip.Addr, n)
	for i := range addrs {
		addrs[i], _ = netip.AddrFromSlice(b[i*size : (i+1)*size])
	}
	return addrs
}

func appendAddrs(b []byte, addrs []netip.Addr) []byte {
	for _, a := range addrs {
		b = append(b, a.AsSlice()...)
	}
	return b
}
