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

	ReasonIPv4Truncated    // shorter than the header says
	ReasonIPv4Version      // version is not 4
	ReasonIPv4HeaderLength // IHL below 5
	ReasonIPv4TotalLength  // total length below the header's or beyond the packet
	ReasonIPv4Checksum     // header checksum
	ReasonIPv4Fragment     // fragment reaches beyond 65535 bytes, or is none's multiple of 8
	ReasonIPv4Option       // option of length 0 or 1, or beyond the header

	ReasonIPv6Truncated          // shorter than the fixed header
	ReasonIPv6Version            // version is not 6
	ReasonIPv6PayloadLength      // payload length beyond the packet
	ReasonIPv6ExtensionTruncated // extension header beyond the packet
	ReasonIPv6ExtensionLimit     // too many extension headers, options or padding
	ReasonIPv6ExtensionOrder     // hop-by-hop options not right behind the fixed header
	ReasonIPv6OptionLength       // option beyond its header
	ReasonIPv6OptionUnknown      // unrecognized option that must not be skipped
	ReasonIPv6RoutingType        // routing header of unrecognized type with segments left
	ReasonIPv6Fragment           // fragment reaches beyond 65535 bytes, or is none's multiple of 8

	ReasonICMPv4Truncated // shorter than its type asks for
	ReasonICMPv4Checksum  // checksum
	ReasonICMPv6Truncated // shorter than its type asks for
	ReasonICMPv6Checksum  // checksum
	ReasonQuoteTruncated  // packet quoted in an ICMP error too short to tell its flow
	ReasonQuoteInvalid    // packet quoted in an ICMP error is neither IPv4 nor IPv6

	ReasonNDHopLimit     // hop limit is not 255: the message came from off the link
	ReasonNDCode         // code is not 0
	ReasonNDTarget       // target is multicast where it must not be
	ReasonNDSource       // source address does not suit the message
	ReasonNDDestination  // destination address does not suit the message
	ReasonNDOption       // option that must not be in this message
	ReasonNDOptionLength // option of length 0, of wrong length, or beyond the message

	ReasonUDPTruncated  // shorter than a UDP header
	ReasonUDPLength     // length below 8 or beyond the packet
	ReasonUDPChecksum   // checksum
	ReasonUDPNoChecksum // checksum 0 over IPv6

	ReasonTCPTruncated    // shorter than the header says
	ReasonTCPHeaderLength // data offset below 5
	ReasonTCPOption       // option of length 0 or 1, of wrong length, or beyond the header
	ReasonTCPChecksum     // checksum

	numReasons
)

// NumReasons is the number of reasons, OK among them: all are below it.
const NumReasons = int(numReasons)

func (r Reason) String() string { return "" }
