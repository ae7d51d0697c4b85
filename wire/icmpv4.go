package wire

import (
	"encoding/binary"
	"net/netip"
	"strconv"
)

// ICMPv4Type is the type of an ICMP message.
type ICMPv4Type uint8

// The types of RFC 792 known here. Source quench is only known as an error: RFC
// 6633 has ended it.
const (
	ICMPv4EchoReply        ICMPv4Type = 0
	ICMPv4Unreachable      ICMPv4Type = 3
	ICMPv4SourceQuench     ICMPv4Type = 4
	ICMPv4Redirect         ICMPv4Type = 5
	ICMPv4EchoRequest      ICMPv4Type = 8
	ICMPv4TimeExceeded     ICMPv4Type = 11
	ICMPv4ParameterProblem ICMPv4Type = 12
)

// Codes of ICMPv4Unreachable (RFC 792, RFC 1122, 3.2.2.1, RFC 1812, 5.2.7.1).
const (
	ICMPv4CodeNet              = 0
	ICMPv4CodeHost             = 1
	ICMPv4CodeProtocol         = 2
	ICMPv4CodePort             = 3
	ICMPv4CodeFragmentation    = 4 // needed, but the packet must not be fragmented
	ICMPv4CodeSourceRoute      = 5
	ICMPv4CodeNetUnknown       = 6
	ICMPv4CodeHostUnknown      = 7
	ICMPv4CodeIsolated         = 8
	ICMPv4CodeNetProhibited    = 9
	ICMPv4CodeHostProhibited   = 10
	ICMPv4CodeNetTOS           = 11
	ICMPv4CodeHostTOS          = 12
	ICMPv4CodeProhibited       = 13
	ICMPv4CodeHostPrecedence   = 14
	ICMPv4CodePrecedenceCutoff = 15
)

// Codes of the other errors (RFC 792).
const (
	ICMPv4CodeTransit       = 0 // time exceeded: TTL reached 0
	ICMPv4CodeReassembly    = 1 // time exceeded: fragments were missing
	ICMPv4CodePointer       = 0 // parameter problem at Pointer
	ICMPv4CodeMissingOption = 1 // parameter problem: RFC 1122, 3.2.2.5
	ICMPv4CodeRedirectNet   = 0
	ICMPv4CodeRedirectHost  = 1
)

// String returns the type's name.
func (t ICMPv4Type) String() string {
	switch t {
	case ICMPv4EchoReply:
		return "echo reply"
	case ICMPv4Unreachable:
		return "destination unreachable"
	case ICMPv4SourceQuench:
		return "source quench"
	case ICMPv4Redirect:
		return "redirect"
	case ICMPv4EchoRequest:
		return "echo request"
	case ICMPv4TimeExceeded:
		return "time exceeded"
	case ICMPv4ParameterProblem:
		return "parameter problem"
	}
	return "ICMPv4 type " + strconv.Itoa(int(t))
}

// IsError says that messages of this type report an error about the packet
// that they quote. None is ever sent about an error (RFC 1122, 3.2.2).
func (t ICMPv4Type) IsError() bool {
	switch t {
	case ICMPv4Unreachable, ICMPv4SourceQuench, ICMPv4Redirect, ICMPv4TimeExceeded, ICMPv4ParameterProblem:
		return true
	}
	return false
}

// ICMPLen is the length in bytes of what stands before an ICMP message's body,
// for ICMPv4 and ICMPv6 alike.
const ICMPLen = 8

// ICMPv4 is an ICMP message (RFC 792).
type ICMPv4 struct {
	Type         ICMPv4Type
	Code         uint8
	Checksum     uint16
	ID, Sequence uint16     // echo request and reply
	MTU          uint16     // unreachable, ICMPv4CodeFragmentation: RFC 1191, 4; 0 from routers that do not tell
	Pointer      uint8      // parameter problem: offset of the octet at fault in the quoted packet
	Gateway      netip.Addr // redirect
	Body         []byte     // echo: data; errors: the quoted packet, for ParseQuote
}

// ParseICMPv4 parses the message b. When its body lies in further pieces, Body
// is what stands in b. The checksum is not checked: see VerifyChecksum.
func ParseICMPv4(b []byte) (m ICMPv4, r Reason) {
	if len(b) < ICMPLen {
		return m, ReasonICMPv4Truncated
	}
	m.Type, m.Code, m.Checksum = ICMPv4Type(b[0]), b[1], binary.BigEndian.Uint16(b[2:])
	m.Body = b[ICMPLen:]
	switch m.Type {
	case ICMPv4EchoRequest, ICMPv4EchoReply:
		m.ID, m.Sequence = binary.BigEndian.Uint16(b[4:]), binary.BigEndian.Uint16(b[6:])
	case ICMPv4Unreachable:
		if m.Code == ICMPv4CodeFragmentation {
			m.MTU = binary.BigEndian.Uint16(b[6:])
		}
	case ICMPv4ParameterProblem:
		m.Pointer = b[4]
	case ICMPv4Redirect:
		m.Gateway = netip.AddrFrom4([4]byte(b[4:8]))
	}
	return m, OK
}

// Append appends the message with its body to b, with the checksum as it stands
// in m: SetChecksum fills it in.
func (m *ICMPv4) Append(b []byte) []byte {
	b = append(b, byte(m.Type), m.Code)
	b = binary.BigEndian.AppendUint16(b, m.Checksum)
	switch m.Type {
	case ICMPv4EchoRequest, ICMPv4EchoReply:
		b = binary.BigEndian.AppendUint16(b, m.ID)
		b = binary.BigEndian.AppendUint16(b, m.Sequence)
	case ICMPv4Unreachable:
		var mtu uint16 // unused by the other codes
		if m.Code == ICMPv4CodeFragmentation {
			mtu = m.MTU
		}
		b = append(b, 0, 0)
		b = binary.BigEndian.AppendUint16(b, mtu)
	case ICMPv4ParameterProblem:
		b = append(b, m.Pointer, 0, 0, 0)
	case ICMPv4Redirect:
		gateway := m.Gateway.As4()
		b = append(b, gateway[:]...)
	default:
		b = append(b, 0, 0, 0, 0)
	}
	return append(b, m.Body...)
}

// String returns what the message says, such as "destination unreachable: port".
func (m *ICMPv4) String() string {
	return describe(m.Type.String(), m.Code, icmpv4Codes[m.Type])
}

// icmpv4Codes has the names of the codes of the types that have some.
var icmpv4Codes = map[ICMPv4Type][]string{
	ICMPv4Unreachable: {
		ICMPv4CodeNet:              "network",
		ICMPv4CodeHost:             "host",
		ICMPv4CodeProtocol:         "protocol",
		ICMPv4CodePort:             "port",
		ICMPv4CodeFragmentation:    "fragmentation needed",
		ICMPv4CodeSourceRoute:      "source route failed",
		ICMPv4CodeNetUnknown:       "network unknown",
		ICMPv4CodeHostUnknown:      "host unknown",
		ICMPv4CodeIsolated:         "source host isolated",
		ICMPv4CodeNetProhibited:    "network prohibited",
		ICMPv4CodeHostProhibited:   "host prohibited",
		ICMPv4CodeNetTOS:           "network for type of service",
		ICMPv4CodeHostTOS:          "host for type of service",
		ICMPv4CodeProhibited:       "communication prohibited",
		ICMPv4CodeHostPrecedence:   "host precedence violation",
		ICMPv4CodePrecedenceCutoff: "precedence cutoff",
	},
	ICMPv4Redirect:         {ICMPv4CodeRedirectNet: "network", ICMPv4CodeRedirectHost: "host"},
	ICMPv4TimeExceeded:     {ICMPv4CodeTransit: "in transit", ICMPv4CodeReassembly: "reassembly"},
	ICMPv4ParameterProblem: {ICMPv4CodePointer: "pointer", ICMPv4CodeMissingOption: "missing option"},
}

// describe puts the name of a code behind that of its type; types without
// named codes show a code only when it is not 0.
func describe(kind string, code uint8, codes []string) string {
	switch {
	case int(code) < len(codes):
		return kind + ": " + codes[code]
	case code == 0:
		return kind
	}
	return kind + ": code " + strconv.Itoa(int(code))
}
