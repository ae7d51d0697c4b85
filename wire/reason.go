package wire

// A Reason says why a packet cannot be parsed. It is an enum for counters and
// traces, never an error; the zero value means that nothing is wrong.
type Reason uint8

// What can be wrong with a packet, from the outer header inwards.
const (
	OK Reason = iota

	ReasonEthernetTruncated // shorter than an Ethernet header, with its tag if it has one
	ReasonEthernetLength    // an IEEE 802.3 length where Ethernet II has its type

	ReasonARPTruncated // shorter than an ARP packet for IPv4 over Ethernet
	ReasonARPHardware  // hardware is not Ethernet with addresses of 6 bytes
	ReasonARPProtocol  // protocol is not IPv4 with addresses of 4 bytes

	ReasonIPv4Truncated    // shorter than its header
	ReasonIPv4Version      // version is not 4
	ReasonIPv4HeaderLength // IHL below 5
	ReasonIPv4TotalLength  // total length below the header's or beyond the packet
	ReasonIPv4Checksum     // header checksum
	ReasonIPv4Fragment     // fragment reaches beyond 65535 bytes, or should be a multiple of 8 and is not
	ReasonIPv4Option       // option of length 0 or 1, or beyond the header

	ReasonIPv6Truncated          // shorter than the fixed header
	ReasonIPv6Version            // version is not 6
	ReasonIPv6PayloadLength      // payload length beyond the packet
	ReasonIPv6ExtensionTruncated // extension header beyond the packet
	ReasonIPv6ExtensionLimit     // too many extension headers or options, or too much padding
	ReasonIPv6ExtensionOrder     // hop-by-hop options not right behind the fixed header
	ReasonIPv6OptionLength       // option beyond its header
	ReasonIPv6OptionUnknown      // unrecognized option that must not be skipped
	ReasonIPv6RoutingType        // routing header of unrecognized type with segments left
	ReasonIPv6Fragment           // fragment reaches beyond 65535 bytes, or should be a multiple of 8 and is not

	ReasonICMPv4Truncated // shorter than the message's fixed part
	ReasonICMPv4Checksum  // checksum
	ReasonICMPv6Truncated // shorter than the message's fixed part
	ReasonICMPv6Checksum  // checksum
	ReasonQuoteTruncated  // packet quoted in an ICMP error does not tell its flow
	ReasonQuoteInvalid    // packet quoted in an ICMP error has no IP header

	ReasonNDHopLimit     // hop limit is not 255: the message may come from off the link
	ReasonNDCode         // code is not 0
	ReasonNDTarget       // target address does not suit the message
	ReasonNDSource       // source address does not suit the message
	ReasonNDDestination  // destination address does not suit the message
	ReasonNDOption       // option that must not be in this message
	ReasonNDOptionLength // option of length 0, or beyond the message

	ReasonIGMPTruncated         // shorter than the message
	ReasonIGMPChecksum          // checksum
	ReasonMembershipLength      // IGMP or MLD query of a length that no version has
	ReasonMembershipGroup       // IGMP or MLD: group that is no multicast address
	ReasonMembershipSource      // MLD message not from a link-local address
	ReasonMembershipDestination // IGMP general query that was not sent to all systems
	ReasonMembershipHopLimit    // MLD message whose hop limit is not 1
	ReasonMembershipRouterAlert // IGMP or MLD message without router alert

	ReasonUDPTruncated  // shorter than a UDP header
	ReasonUDPLength     // length below 8 or beyond the packet
	ReasonUDPChecksum   // checksum
	ReasonUDPNoChecksum // no checksum over IPv6

	ReasonTCPTruncated    // shorter than its header
	ReasonTCPHeaderLength // data offset below 5
	ReasonTCPOption       // option of length 0 or 1, of a length not its own, or beyond the header
	ReasonTCPChecksum     // checksum

	numReasons
)

// NumReasons is the number of reasons, OK among them: all are below it.
const NumReasons = int(numReasons)

var reasonNames = [NumReasons]string{
	OK: "OK",

	ReasonEthernetTruncated: "Ethernet truncated",
	ReasonEthernetLength:    "Ethernet length instead of type",

	ReasonARPTruncated: "ARP truncated",
	ReasonARPHardware:  "ARP hardware",
	ReasonARPProtocol:  "ARP protocol",

	ReasonIPv4Truncated:    "IPv4 truncated",
	ReasonIPv4Version:      "IPv4 version",
	ReasonIPv4HeaderLength: "IPv4 header length",
	ReasonIPv4TotalLength:  "IPv4 total length",
	ReasonIPv4Checksum:     "IPv4 header checksum",
	ReasonIPv4Fragment:     "IPv4 fragment length",
	ReasonIPv4Option:       "IPv4 option length",

	ReasonIPv6Truncated:          "IPv6 truncated",
	ReasonIPv6Version:            "IPv6 version",
	ReasonIPv6PayloadLength:      "IPv6 payload length",
	ReasonIPv6ExtensionTruncated: "IPv6 extension header truncated",
	ReasonIPv6ExtensionLimit:     "IPv6 extension headers beyond limit",
	ReasonIPv6ExtensionOrder:     "IPv6 hop-by-hop options out of place",
	ReasonIPv6OptionLength:       "IPv6 option length",
	ReasonIPv6OptionUnknown:      "IPv6 option unrecognized",
	ReasonIPv6RoutingType:        "IPv6 routing type unrecognized",
	ReasonIPv6Fragment:           "IPv6 fragment length",

	ReasonICMPv4Truncated: "ICMPv4 truncated",
	ReasonICMPv4Checksum:  "ICMPv4 checksum",
	ReasonICMPv6Truncated: "ICMPv6 truncated",
	ReasonICMPv6Checksum:  "ICMPv6 checksum",
	ReasonQuoteTruncated:  "ICMP quote truncated",
	ReasonQuoteInvalid:    "ICMP quote invalid",

	ReasonNDHopLimit:     "ND hop limit",
	ReasonNDCode:         "ND code",
	ReasonNDTarget:       "ND target address",
	ReasonNDSource:       "ND source address",
	ReasonNDDestination:  "ND destination address",
	ReasonNDOption:       "ND option out of place",
	ReasonNDOptionLength: "ND option length",

	ReasonIGMPTruncated:         "IGMP truncated",
	ReasonIGMPChecksum:          "IGMP checksum",
	ReasonMembershipLength:      "membership query length",
	ReasonMembershipGroup:       "membership group address",
	ReasonMembershipSource:      "membership source address",
	ReasonMembershipDestination: "membership destination address",
	ReasonMembershipHopLimit:    "membership hop limit",
	ReasonMembershipRouterAlert: "membership without router alert",

	ReasonUDPTruncated:  "UDP truncated",
	ReasonUDPLength:     "UDP length",
	ReasonUDPChecksum:   "UDP checksum",
	ReasonUDPNoChecksum: "UDP checksum missing",

	ReasonTCPTruncated:    "TCP truncated",
	ReasonTCPHeaderLength: "TCP header length",
	ReasonTCPOption:       "TCP option length",
	ReasonTCPChecksum:     "TCP checksum",
}

// String returns what is wrong, such as "IPv4 header checksum".
func (r Reason) String() string {
	if r < numReasons {
		return reasonNames[r]
	}
	return "unknown reason"
}
