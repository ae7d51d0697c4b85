package host

import (
	"github.com/usernet-go/usernet/tcp"
	"github.com/usernet-go/usernet/wire"
)

// A Reason says why a packet was dropped, or what a bound cost. It is an enum for
// counters and traces, never an error. It covers wire.Reason, tcp.Reason, and
// the reasons of this package; the zero value means that nothing was dropped.
type Reason uint16

// ReasonNone is the reason of a packet that was not dropped.
const ReasonNone Reason = 0

// Where the ranges of the three packages begin: the zero values of wire.Reason
// and tcp.Reason have no number of their own.
const (
	firstTCPReason = wire.NumReasons
	firstOwnReason = firstTCPReason + int(tcp.NumReasons) - 1
)

// What can be wrong with a packet that parses, in the order in which it is looked
// at, and what happens to packets of our own.
const (
	ReasonEmpty          = Reason(firstOwnReason) + iota // packet without a byte
	ReasonFrameAddress                                   // Ethernet frame for another station
	ReasonFrameSource                                    // Ethernet frame from a group address
	ReasonVLAN                                           // frame tagged for a VLAN
	ReasonEtherType                                      // neither IPv4, IPv6 nor ARP
	ReasonFrameIP                                        // IP version differs from the frame's type, or is neither 4 nor 6
	ReasonSource                                         // source address that no host has: unspecified, broadcast, multicast, loopback
	ReasonSourceOwn                                      // source address is one of our own
	ReasonLand                                           // source and destination are the same address of our own
	ReasonDestination                                    // destination that must not be on a wire: loopback, unspecified
	ReasonNotForUs                                       // destination is another host: we do not forward
	ReasonNotJoined                                      // destination is a group that nobody here has joined
	ReasonFrameBroadcast                                 // packet for us alone in a frame for all
	ReasonSourceRoute                                    // IPv4 source route that is not completed
	ReasonProtocol                                       // no such transport protocol here

	ReasonForwardTTL     // packet for another host whose time to live is over
	ReasonForwardTooBig  // packet for another host that is too big for the next link
	ReasonForwardScope   // packet for another host with an address that is valid on its link only
	ReasonForwardBack    // packet for another host that would go back where it came from
	ReasonForwardOffload // super-segment for another host that cannot be cut
	ReasonForwardOption  // packet for another host with an option that has no room for what it asks for

	ReasonFragmentOverlap   // fragment overlaps another one: its datagram is dropped
	ReasonFragmentOfDropped // fragment of a datagram that was dropped
	ReasonFragmentEnd       // fragment lies beyond the end that another one told
	ReasonFragmentHoles     // datagram in too many pieces
	ReasonFragmentHeader    // first fragment without the whole chain of headers
	ReasonFragmentDuplicate // the very fragment that is there already
	ReasonReassemblyTime    // datagram did not become whole in time
	ReasonReassemblyMemory  // datagram, of who has most, for which there is no memory any more
	ReasonReassemblyFull    // datagram made room for another: the oldest of who has most

	ReasonARPTarget       // ARP about an address that is not ours
	ReasonARPSender       // sender of an ARP packet is no host
	ReasonConflict        // ARP or ND: somebody claims an address of ours
	ReasonNDTarget        // neighbour solicitation for an address that is not ours
	ReasonNDFragment      // ND message in fragments
	ReasonNDUnsolicited   // neighbour advertisement or redirect that nobody waits for
	ReasonRouterLimit     // router advertisement or redirect: too many
	ReasonRouterFull      // more routers, prefixes or addresses advertised than are kept
	ReasonNeighbourQueue  // packet made room for a newer one while its neighbour is looked for
	ReasonNeighbourFailed // neighbour did not answer
	ReasonNeighbourFull   // packet waited for a neighbour that made room for another one
	ReasonNeighbourLimit  // too many solicitations at once

	ReasonICMPType         // ICMP message that a host does not act on
	ReasonICMPEchoGroup    // echo request to a group
	ReasonICMPEchoUnknown  // echo reply that nobody waits for
	ReasonICMPErrorUnknown // ICMP error about no flow of ours
	ReasonICMPErrorMTU     // packet too big that tells no smaller MTU
	ReasonPathMTUFull      // path MTU that was forgotten: there are too many
	ReasonICMPErrorLimited // ICMP error that was not sent: too many
	ReasonICMPErrorBarred  // ICMP error that was not sent: not about such a packet

	ReasonIGMPType   // IGMP message that a host does not act on
	ReasonGroupLimit // group that was not joined: too many

	ReasonUDPPort      // datagram for a port that nobody has bound
	ReasonUDPPortZero  // datagram to port 0
	ReasonUDPQueueFull // socket's receive queue is full
	ReasonUDPMemory    // no memory for more in the socket's receive queue

	ReasonTCPBroadcast    // segment to or from a group
	ReasonTCPNoConnection // segment of no connection
	ReasonTCPBacklog      // SYN beyond a listener's backlog
	ReasonTCPConnections  // SYN beyond the host's limit of connections
	ReasonTCPMemory       // SYN for whose connection there is no memory

	ReasonNoRoute  // no route for a packet of ours
	ReasonLinkFull // link's queue had no room
	ReasonLinkDown // link has ended, or said that it cannot send

	numReasons
)

// NumReasons is the number of reasons, ReasonNone among them: all are below it.
const NumReasons = int(numReasons)

// ReasonTCPChecksum is wire's, for the TCP checksum.
const ReasonTCPChecksum = Reason(wire.ReasonTCPChecksum)

// wireReason returns wire's reason as one of this package.
func wireReason(r wire.Reason) Reason { return Reason(r) }

// tcpReason returns the TCP machine's reason as one of this package.
func tcpReason(r tcp.Reason) Reason {
	if r == 0 {
		return ReasonNone
	}
	return Reason(firstTCPReason-1) + Reason(r)
}

var ownReasons = [numReasons - Reason(firstOwnReason)]string{
	"empty packet",
	"frame for another station",
	"frame from a group address",
	"frame of a VLAN",
	"frame of unknown type",
	"IP version does not fit the frame",
	"source is no host's address",
	"source is an own address",
	"source is the destination",
	"destination must not be on a wire",
	"destination is another host",
	"group not joined",
	"unicast packet in a broadcast frame",
	"source route",
	"unknown transport protocol",

	"time to live over on the way",
	"too big for the next link",
	"link-local packet for another host",
	"packet would go back",
	"super-segment that cannot be cut",
	"option of a packet for another host",

	"fragment overlaps another",
	"fragment of a dropped datagram",
	"fragment beyond the datagram's end",
	"datagram in too many pieces",
	"first fragment without all headers",
	"fragment that is there already",
	"reassembly timed out",
	"reassembly without memory",
	"reassembly full",

	"ARP target is another host",
	"ARP sender is no host",
	"own address claimed by another host",
	"ND target is another host",
	"ND message in fragments",
	"ND message that nobody waits for",
	"router advertisements limited",
	"too many routers or prefixes",
	"neighbour's queue full",
	"neighbour does not answer",
	"neighbour table full",
	"too many solicitations",

	"ICMP type not acted on",
	"ICMP echo to a group",
	"ICMP echo reply that nobody waits for",
	"ICMP error about no flow",
	"ICMP packet too big without a smaller MTU",
	"path MTU forgotten",
	"ICMP error limited",
	"ICMP error barred",

	"IGMP type not acted on",
	"groups at their limit",

	"UDP port closed",
	"UDP port zero",
	"UDP receive queue full",
	"UDP no memory",

	"TCP segment to a group",
	"TCP segment of no connection",
	"TCP backlog full",
	"TCP connections at their limit",
	"TCP no memory for a connection",

	"no route",
	"link full",
	"link down",
}

// String returns the reason in a few words.
func (r Reason) String() string {
	switch n := int(r); {
	case r == ReasonNone:
		return "none"
	case n < firstTCPReason:
		return wire.Reason(n).String()
	case n < firstOwnReason:
		return tcp.Reason(n - firstTCPReason + 1).String()
	case r < numReasons:
		return ownReasons[n-firstOwnReason]
	}
	return "unknown"
}
