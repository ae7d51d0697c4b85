package wire

import (
	"encoding/binary"
	"strconv"
)

// ICMPv6Type is the type of an ICMPv6 message.
type ICMPv6Type uint8

// The types known here: RFC 4443, 2.1, RFC 4861, 4, RFC 2710, 3, and
// RFC 9777, 5.
const (
	ICMPv6Unreachable           ICMPv6Type = 1
	ICMPv6PacketTooBig          ICMPv6Type = 2
	ICMPv6TimeExceeded          ICMPv6Type = 3
	ICMPv6ParameterProblem      ICMPv6Type = 4
	ICMPv6EchoRequest           ICMPv6Type = 128
	ICMPv6EchoReply             ICMPv6Type = 129
	ICMPv6MLDQuery              ICMPv6Type = 130
	ICMPv6MLDv1Report           ICMPv6Type = 131
	ICMPv6MLDv1Done             ICMPv6Type = 132
	ICMPv6RouterSolicitation    ICMPv6Type = 133
	ICMPv6RouterAdvertisement   ICMPv6Type = 134
	ICMPv6NeighborSolicitation  ICMPv6Type = 135
	ICMPv6NeighborAdvertisement ICMPv6Type = 136
	ICMPv6Redirect              ICMPv6Type = 137
	ICMPv6MLDv2Report           ICMPv6Type = 143
)

// String returns the type's name.
func (t ICMPv6Type) String() string {
	switch t {
	case ICMPv6Unreachable:
		return "destination unreachable"
	case ICMPv6PacketTooBig:
		return "packet too big"
	case ICMPv6TimeExceeded:
		return "time exceeded"
	case ICMPv6ParameterProblem:
		return "parameter problem"
	case ICMPv6EchoRequest:
		return "echo request"
	case ICMPv6EchoReply:
		return "echo reply"
	case ICMPv6MLDQuery:
		return "multicast listener query"
	case ICMPv6MLDv1Report:
		return "multicast listener report"
	case ICMPv6MLDv1Done:
		return "multicast listener done"
	case ICMPv6MLDv2Report:
		return "version 2 multicast listener report"
	case ICMPv6RouterSolicitation:
		return "router solicitation"
	case ICMPv6RouterAdvertisement:
		return "router advertisement"
	case ICMPv6NeighborSolicitation:
		return "neighbor solicitation"
	case ICMPv6NeighborAdvertisement:
		return "neighbor advertisement"
	case ICMPv6Redirect:
		return "redirect"
	}
	return "ICMPv6 type " + strconv.Itoa(int(t))
}

// Codes of ICMPv6Unreachable (RFC 4443, 3.1).
const (
	ICMPv6CodeNoRoute      = 0
	ICMPv6CodeProhibited   = 1
	ICMPv6CodeBeyondScope  = 2
	ICMPv6CodeAddress      = 3
	ICMPv6CodePort         = 4
	ICMPv6CodeSourcePolicy = 5
	ICMPv6CodeRejectRoute  = 6
)

// Codes of the other errors (RFC 4443, 3.3 and 3.4).
const (
	ICMPv6CodeTransit       = 0 // time exceeded: hop limit reached 0
	ICMPv6CodeReassembly    = 1 // time exceeded: fragments were missing
	ICMPv6CodeHeaderField   = 0 // parameter problem: erroneous header field
	ICMPv6CodeNextHeader    = 1 // parameter problem: unrecognized next header
	ICMPv6CodeOption        = 2 // parameter problem: unrecognized option
	ICMPv6CodeFirstFragment = 3 // parameter problem: first fragment without all headers, RFC 7112, 5
)

// IsError says that messages of this type report an error about the packet
// that they quote (RFC 4443, 2.1: "error messages [...] have message types from
// 0 to 127"). None is ever sent about an error, nor about a redirect (2.4 e).
func (t ICMPv6Type) IsError() bool { return t < 128 }

// ICMPv6 is an ICMPv6 message (RFC 4443). Of a message of neighbour discovery
// it holds type, code and checksum: the rest is for ParseNeighborSolicitation
// and its kin, which start at the same byte as ParseICMPv6.
type ICMPv6 struct {
	Type         ICMPv6Type
	Code         uint8
	Checksum     uint16
	ID, Sequence uint16 // echo request and reply
	MTU          uint32 // packet too big: bytes of the largest packet that the next hop takes
	Pointer      uint32 // parameter problem: offset of the octet at fault in the quoted packet
	Body         []byte // echo: data; errors: the quoted packet, for ParseQuote
}

// ParseICMPv6 parses the message b. When its body lies in further pieces, Body
// is what stands in b. The checksum is not checked: see VerifyChecksum.
func ParseICMPv6(b []byte) (m ICMPv6, r Reason) {
	if len(b) < ICMPLen {
		return m, ReasonICMPv6Truncated
	}
	m.Type, m.Code, m.Checksum = ICMPv6Type(b[0]), b[1], binary.BigEndian.Uint16(b[2:])
	m.Body = b[ICMPLen:]
	switch m.Type {
	case ICMPv6EchoRequest, ICMPv6EchoReply:
		m.ID, m.Sequence = binary.BigEndian.Uint16(b[4:]), binary.BigEndian.Uint16(b[6:])
	case ICMPv6PacketTooBig:
		m.MTU = binary.BigEndian.Uint32(b[4:])
	case ICMPv6ParameterProblem:
		m.Pointer = binary.BigEndian.Uint32(b[4:])
	}
	return m, OK
}

// Append appends the message with its body to b, with the checksum as it stands
// in m: SetChecksum fills it in. Messages of neighbour discovery have their own
// Append.
func (m *ICMPv6) Append(b []byte) []byte {
	b = append(b, byte(m.Type), m.Code)
	b = binary.BigEndian.AppendUint16(b, m.Checksum)
	switch m.Type {
	case ICMPv6EchoRequest, ICMPv6EchoReply:
		b = binary.BigEndian.AppendUint16(b, m.ID)
		b = binary.BigEndian.AppendUint16(b, m.Sequence)
	case ICMPv6PacketTooBig:
		b = binary.BigEndian.AppendUint32(b, m.MTU)
	case ICMPv6ParameterProblem:
		b = binary.BigEndian.AppendUint32(b, m.Pointer)
	default:
		b = append(b, 0, 0, 0, 0)
	}
	return append(b, m.Body...)
}

// String returns what the message says, such as "destination unreachable: port".
func (m *ICMPv6) String() string {
	return describe(m.Type.String(), m.Code, icmpv6Codes[m.Type])
}

// icmpv6Codes has the names of the codes of the types that have some.
var icmpv6Codes = map[ICMPv6Type][]string{
	ICMPv6Unreachable: {
		ICMPv6CodeNoRoute:      "no route",
		ICMPv6CodeProhibited:   "prohibited",
		ICMPv6CodeBeyondScope:  "beyond scope of source address",
		ICMPv6CodeAddress:      "address",
		ICMPv6CodePort:         "port",
		ICMPv6CodeSourcePolicy: "source address failed policy",
		ICMPv6CodeRejectRoute:  "reject route",
	},
	ICMPv6TimeExceeded: {ICMPv6CodeTransit: "in transit", ICMPv6CodeReassembly: "reassembly"},
	ICMPv6ParameterProblem: {
		ICMPv6CodeHeaderField:   "header field",
		ICMPv6CodeNextHeader:    "next header",
		ICMPv6CodeOption:        "option",
		ICMPv6CodeFirstFragment: "first fragment without all headers",
	},
}
