package wire

import "net/netip"

// The messages of neighbour discovery (RFC 4861, 4). Each is parsed from the
// first byte of its ICMPv6 header to the packet's end, all in one piece; options
// that do not belong to a message, or are not known here, are skipped. Parse
// checks what the message alone can tell; Check checks it against the IPv6
// header that it came with. A link-layer address of zero stands for the absence
// of its option.

// NeighborSolicitation asks for the link-layer address of Target (RFC 4861, 4.3).
type NeighborSolicitation struct {
	Target    netip.Addr
	SourceMAC MAC // option 1
}

// NeighborAdvertisement answers for Target (RFC 4861, 4.4).
type NeighborAdvertisement struct {
	Router, Solicited, Override bool
	Target                      netip.Addr
	TargetMAC                   MAC // option 2
}

// RouterSolicitation asks routers to advertise themselves (RFC 4861, 4.1).
type RouterSolicitation struct {
	SourceMAC MAC // option 1
}

// MaxPrefixes is how many prefixes of a RouterAdvertisement are kept; those
// beyond it are skipped.
const MaxPrefixes = 8

// RouterAdvertisement is a router's word about itself and the link (RFC 4861, 4.2).
type RouterAdvertisement struct {
	HopLimit       uint8  // for outgoing packets; 0: unspecified
	Managed, Other bool   // addresses, other configuration available by DHCPv6
	RouterLifetime uint16 // seconds; 0: not a default router
	ReachableTime  uint32 // milliseconds; 0: unspecified
	RetransTimer   uint32 // milliseconds; 0: unspecified
	SourceMAC      MAC    // option 1
	MTU            uint32 // option 5; 0: none
	NumPrefixes    int
	Prefixes       [MaxPrefixes]PrefixInformation // the first NumPrefixes
}

// PrefixInformation is a prefix of the link (RFC 4861, 4.6.2).
type PrefixInformation struct {
	Prefix            netip.Prefix
	OnLink            bool
	Autonomous        bool   // may be used for stateless autoconfiguration
	ValidLifetime     uint32 // seconds; 0xffffffff: for ever
	PreferredLifetime uint32 // seconds; 0xffffffff: for ever
}

// Redirect names a better first hop, Target, for Destination (RFC 4861, 4.5).
type Redirect struct {
	Target, Destination netip.Addr
	TargetMAC           MAC    // option 2
	Quote               []byte // option 4: start of the packet that was redirected, for ParseQuote
}

// ParseNeighborSolicitation parses the message b.
func ParseNeighborSolicitation(b []byte) (m NeighborSolicitation, r Reason) { return m, OK }

// Check checks m against the header that it came with (RFC 4861, 7.1.1).
func (m *NeighborSolicitation) Check(h *IPv6) Reason { return OK }

// Append appends the message to b, from its ICMPv6 header on, with checksum 0.
func (m *NeighborSolicitation) Append(b []byte) []byte { return b }

// ParseNeighborAdvertisement parses the message b.
func ParseNeighborAdvertisement(b []byte) (m NeighborAdvertisement, r Reason) { return m, OK }

// Check checks m against the header that it came with (RFC 4861, 7.1.2).
func (m *NeighborAdvertisement) Check(h *IPv6) Reason { return OK }

// Append appends the message to b, from its ICMPv6 header on, with checksum 0.
func (m *NeighborAdvertisement) Append(b []byte) []byte { return b }

// ParseRouterSolicitation parses the message b.
func ParseRouterSolicitation(b []byte) (m RouterSolicitation, r Reason) { return m, OK }

// Check checks m against the header that it came with (RFC 4861, 6.1.1).
func (m *RouterSolicitation) Check(h *IPv6) Reason { return OK }

// Append appends the message to b, from its ICMPv6 header on, with checksum 0.
func (m *RouterSolicitation) Append(b []byte) []byte { return b }

// ParseRouterAdvertisement parses the message b.
func ParseRouterAdvertisement(b []byte) (m RouterAdvertisement, r Reason) { return m, OK }

// Check checks m against the header that it came with (RFC 4861, 6.1.2).
func (m *RouterAdvertisement) Check(h *IPv6) Reason { return OK }

// Append appends the message to b, from its ICMPv6 header on, with checksum 0.
func (m *RouterAdvertisement) Append(b []byte) []byte { return b }

// ParseRedirect parses the message b.
func ParseRedirect(b []byte) (m Redirect, r Reason) { return m, OK }

// Check checks m against the header that it came with (RFC 4861, 8.1), but for
// the sender: that it is the present first hop for Destination, only a routing
// table can tell.
func (m *Redirect) Check(h *IPv6) Reason { return OK }

// Append appends the message to b, from its ICMPv6 header on, with checksum 0.
func (m *Redirect) Append(b []byte) []byte { return b }

// SolicitedNode returns the multicast address at which the owner of a listens
// for solicitations: ff02::1:ff00:0/104 and the last 24 bits of a (RFC 4291, 2.7.1).
func SolicitedNode(a netip.Addr) netip.Addr {
	b := a.As16()
	return netip.AddrFrom16([16]byte{0: 0xff, 1: 2, 11: 1, 12: 0xff, 13: b[13], 14: b[14], 15: b[15]})
}
