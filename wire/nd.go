package wire

import (
	"encoding/binary"
	"net/netip"
)

// The messages of neighbour discovery (RFC 4861, 4). Each is parsed from the
// first byte of its ICMPv6 header to the packet's end, all in one piece; options
// that do not belong to a message, or are not known here, are skipped. Parse
// checks what the message alone can tell; Check checks it against the IPv6
// header that it came with, without the checksum. A link-layer address of zero
// stands for the absence of its option.

// NeighborSolicitation asks for the link-layer address of Target (RFC 4861, 4.3).
type NeighborSolicitation struct {
	Target    netip.Addr
	SourceMAC MAC
	// Nonce tells a solicitation that checks for duplicates from all others (RFC
	// 7527): zero stands for the absence of its option, or one of another length.
	Nonce [6]byte
}

// NeighborAdvertisement answers for Target (RFC 4861, 4.4).
type NeighborAdvertisement struct {
	Router, Solicited, Override bool
	Target                      netip.Addr
	TargetMAC                   MAC
}

// The flags of a neighbour advertisement (RFC 4861, 4.4).
const (
	ndRouter    = 0x80
	ndSolicited = 0x40
	ndOverride  = 0x20
)

// ndTargetLen is the length in bytes of a message up to its target's end.
const ndTargetLen = 24

// ParseNeighborSolicitation parses the message b.
func ParseNeighborSolicitation(b []byte) (m NeighborSolicitation, r Reason) {
	if m.Target, r = parseNDTarget(b); r != OK {
		return m, r
	}
	if m.SourceMAC, r = parseNDMAC(b[ndTargetLen:], ndSourceMAC); r == OK {
		// Nonce and address have the same place and length in their options.
		nonce, _ := parseNDMAC(b[ndTargetLen:], ndNonce)
		m.Nonce = nonce
	}
	return m, r
}

// Check checks m against the header that it came with (RFC 4861, 7.1.1).
func (m *NeighborSolicitation) Check(h *IPv6) Reason {
	switch {
	case h.HopLimit != ndHopLimit:
		return ReasonNDHopLimit
	case !h.Src.IsUnspecified():
		return OK
	// "If the IP source address is the unspecified address, the IP destination
	// address is a solicited-node multicast address."
	case !isSolicitedNode(h.Dst):
		return ReasonNDDestination
	// "If the IP source address is the unspecified address, there is no source
	// link-layer address option in the message."
	case !m.SourceMAC.IsZero():
		return ReasonNDOption
	}
	return OK
}

// Append appends the message to b, from its ICMPv6 header on, with checksum 0.
func (m *NeighborSolicitation) Append(b []byte) []byte {
	target := m.Target.As16()
	b = append(b, byte(ICMPv6NeighborSolicitation), 0, 0, 0, 0, 0, 0, 0)
	b = append(b, target[:]...)
	b = appendNDMAC(b, ndSourceMAC, m.SourceMAC)
	return appendNDMAC(b, ndNonce, m.Nonce)
}

// ParseNeighborAdvertisement parses the message b.
func ParseNeighborAdvertisement(b []byte) (m NeighborAdvertisement, r Reason) {
	if m.Target, r = parseNDTarget(b); r != OK {
		return m, r
	}
	m.Router, m.Solicited, m.Override = b[4]&ndRouter != 0, b[4]&ndSolicited != 0, b[4]&ndOverride != 0
	m.TargetMAC, r = parseNDMAC(b[ndTargetLen:], ndTargetMAC)
	return m, r
}

// Check checks m against the header that it came with (RFC 4861, 7.1.2).
func (m *NeighborAdvertisement) Check(h *IPv6) Reason {
	switch {
	case h.HopLimit != ndHopLimit:
		return ReasonNDHopLimit
	// "If the IP Destination Address is a multicast address the Solicited flag is
	// zero."
	case h.Dst.IsMulticast() && m.Solicited:
		return ReasonNDDestination
	}
	return OK
}

// Append appends the message to b, from its ICMPv6 header on, with checksum 0.
func (m *NeighborAdvertisement) Append(b []byte) []byte {
	var flags byte
	if m.Router {
		flags |= ndRouter
	}
	if m.Solicited {
		flags |= ndSolicited
	}
	if m.Override {
		flags |= ndOverride
	}
	target := m.Target.As16()
	b = append(b, byte(ICMPv6NeighborAdvertisement), 0, 0, 0, flags, 0, 0, 0)
	b = append(b, target[:]...)
	return appendNDMAC(b, ndTargetMAC, m.TargetMAC)
}

// parseNDTarget checks a solicitation or advertisement up to its options and
// returns its target.
func parseNDTarget(b []byte) (netip.Addr, Reason) {
	if r := checkND(b, ndTargetLen); r != OK {
		return netip.Addr{}, r
	}
	target := netip.AddrFrom16([16]byte(b[8:24]))
	if target.IsMulticast() {
		return netip.Addr{}, ReasonNDTarget
	}
	return target, OK
}

// SolicitedNode returns the multicast address at which the owner of a listens
// for solicitations: ff02::1:ff00:0/104 and the last 24 bits of a (RFC 4291, 2.7.1).
func SolicitedNode(a netip.Addr) netip.Addr {
	b := a.As16()
	return netip.AddrFrom16([16]byte{0: 0xff, 1: 2, 11: 1, 12: 0xff, 13: b[13], 14: b[14], 15: b[15]})
}

func isSolicitedNode(a netip.Addr) bool { return a == SolicitedNode(a) }

// ndHopLimit is the hop limit of all messages (RFC 4861, 7.1: "the packet could
// not possibly have been forwarded by a router").
const ndHopLimit = 255

// checkND checks what all messages have in common: at least n bytes, and code 0.
func checkND(b []byte, n int) Reason {
	switch {
	case len(b) < n:
		return ReasonICMPv6Truncated
	case b[1] != 0:
		return ReasonNDCode
	}
	return OK
}

// The options of RFC 4861, 4.6, and RFC 3971, 5.3.2 (the nonce), and their lengths
// in units of 8 bytes.
const (
	ndSourceMAC = 1
	ndTargetMAC = 2
	ndPrefix    = 3
	ndQuote     = 4
	ndMTU       = 5
	ndNonce     = 14

	ndMACUnits    = 1 // RFC 2464, 6
	ndPrefixUnits = 4
	ndMTUUnits    = 1
)

// nextNDOption splits the first option off b, which is not empty.
func nextNDOption(b []byte) (option, rest []byte, r Reason) {
	// RFC 4861, 4.6: "Nodes MUST silently discard an ND packet that contains an
	// option with length zero."
	if len(b) < 8 || b[1] == 0 || int(b[1])*8 > len(b) {
		return nil, nil, ReasonNDOptionLength
	}
	n := int(b[1]) * 8
	return b[:n], b[n:], OK
}

// isNDOption says that the option is of this kind and has its length; one of
// another length is skipped like one that is not known.
func isNDOption(option []byte, kind, units byte) bool {
	return option[0] == kind && option[1] == units
}

// parseNDMAC walks the options b and returns the link-layer address of the
// option of this kind, the last if there are more.
func parseNDMAC(b []byte, kind byte) (mac MAC, r Reason) {
	for len(b) > 0 {
		var option []byte
		if option, b, r = nextNDOption(b); r != OK {
			return MAC{}, r
		}
		if isNDOption(option, kind, ndMACUnits) {
			mac = MAC(option[2:8])
		}
	}
	return mac, OK
}

func appendNDMAC(b []byte, kind byte, mac MAC) []byte {
	if mac.IsZero() {
		return b
	}
	b = append(b, kind, ndMACUnits)
	return append(b, mac[:]...)
}

func appendNDMTU(b []byte, mtu uint32) []byte {
	if mtu == 0 {
		return b
	}
	b = append(b, ndMTU, ndMTUUnits, 0, 0)
	return binary.BigEndian.AppendUint32(b, mtu)
}
