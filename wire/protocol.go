package wire

import "strconv"

// Protocol says what follows an IP header: IPv4's protocol, IPv6's next header.
type Protocol uint8

// The numbers known here (IANA, "Assigned Internet Protocol Numbers").
const (
	ProtocolHopByHop    Protocol = 0 // IPv6 hop-by-hop options
	ProtocolICMPv4      Protocol = 1
	ProtocolIGMP        Protocol = 2
	ProtocolTCP         Protocol = 6
	ProtocolUDP         Protocol = 17
	ProtocolRouting     Protocol = 43 // IPv6 routing header
	ProtocolFragment    Protocol = 44 // IPv6 fragment header
	ProtocolICMPv6      Protocol = 58
	ProtocolNone        Protocol = 59 // IPv6: nothing follows
	ProtocolDestination Protocol = 60 // IPv6 destination options
)

// String returns the protocol's name.
func (p Protocol) String() string {
	switch p {
	case ProtocolHopByHop:
		return "hop-by-hop options"
	case ProtocolICMPv4:
		return "ICMPv4"
	case ProtocolIGMP:
		return "IGMP"
	case ProtocolTCP:
		return "TCP"
	case ProtocolUDP:
		return "UDP"
	case ProtocolRouting:
		return "routing header"
	case ProtocolFragment:
		return "fragment header"
	case ProtocolICMPv6:
		return "ICMPv6"
	case ProtocolNone:
		return "no next header"
	case ProtocolDestination:
		return "destination options"
	}
	return "protocol " + strconv.Itoa(int(p))
}

// ChecksumOffset returns where in the header of p its checksum stands, in
// bytes, or -1 for a protocol that has none or is not known here.
func (p Protocol) ChecksumOffset() int {
	switch p {
	case ProtocolTCP:
		return 16
	case ProtocolUDP:
		return 6
	case ProtocolICMPv4, ProtocolICMPv6, ProtocolIGMP:
		return 2
	}
	return -1
}
