package wire

import (
	"encoding/binary"
	"net/netip"
)

// RouterSolicitation asks routers to advertise themselves (RFC 4861, 4.1).
type RouterSolicitation struct {
	SourceMAC MAC
}

// MaxPrefixes is how many prefixes of a RouterAdvertisement are kept; those
// beyond it are skipped.
const MaxPrefixes = 8

// RouterAdvertisement is a router's word about itself and the link (RFC 4861, 4.2).
type RouterAdvertisement struct {
	HopLimit       uint8 // for outgoing packets; 0: unspecified
	Managed, Other bool  // addresses, other configuration are available by DHCPv6
	Preference     RouterPreference
	RouterLifetime uint16 // seconds; 0: not a default router
	ReachableTime  uint32 // milliseconds; 0: unspecified
	RetransTimer   uint32 // milliseconds; 0: unspecified
	SourceMAC      MAC
	MTU            uint32 // bytes; 0: none
	NumPrefixes    int
	Prefixes       [MaxPrefixes]PrefixInformation // the first NumPrefixes
}

// RouterPreference says whether a router is to be preferred over others (RFC 4191,
// 2.1): more than 0 is high, less is low.
type RouterPreference int8

// The values of RFC 4191, 2.1.
const (
	PreferenceLow    RouterPreference = -1
	PreferenceMedium RouterPreference = 0
	PreferenceHigh   RouterPreference = 1
)

// PrefixInformation is a prefix of the link (RFC 4861, 4.6.2).
type PrefixInformation struct {
	Prefix            netip.Prefix // masked
	OnLink            bool
	Autonomous        bool   // may be used for stateless autoconfiguration
	ValidLifetime     uint32 // seconds; 0xffffffff: for ever
	PreferredLifetime uint32 // seconds; 0xffffffff: for ever
}

// The flags of a router advertisement (RFC 4861, 4.2) and of a prefix (4.6.2).
const (
	ndManaged    = 0x80
	ndOther      = 0x40
	ndOnLink     = 0x80
	ndAutonomous = 0x40

	ndPreferenceShift = 3 // of the two bits of RFC 4191, 2.2
)

// ndAdvertisementLen is the length in bytes of a router advertisement up to its
// options.
const ndAdvertisementLen = 16

// ParseRouterSolicitation parses the message b.
func ParseRouterSolicitation(b []byte) (m RouterSolicitation, r Reason) {
	if r = checkND(b, ICMPLen); r != OK {
		return m, r
	}
	m.SourceMAC, r = parseNDMAC(b[ICMPLen:], ndSourceMAC)
	return m, r
}

// Check checks m against the header that it came with (RFC 4861, 6.1.1).
func (m *RouterSolicitation) Check(h *IPv6) Reason {
	switch {
	case h.HopLimit != ndHopLimit:
		return ReasonNDHopLimit
	// "If the IP source address is the unspecified address, there is no source
	// link-layer address option in the message."
	case h.Src.IsUnspecified() && !m.SourceMAC.IsZero():
		return ReasonNDOption
	}
	return OK
}

// Append appends the message to b, from its ICMPv6 header on, with checksum 0.
func (m *RouterSolicitation) Append(b []byte) []byte {
	b = append(b, byte(ICMPv6RouterSolicitation), 0, 0, 0, 0, 0, 0, 0)
	return appendNDMAC(b, ndSourceMAC, m.SourceMAC)
}

// ParseRouterAdvertisement parses the message b.
func ParseRouterAdvertisement(b []byte) (m RouterAdvertisement, r Reason) {
	if r = checkND(b, ndAdvertisementLen); r != OK {
		return m, r
	}
	m.HopLimit, m.Managed, m.Other = b[4], b[5]&ndManaged != 0, b[5]&ndOther != 0
	m.RouterLifetime = binary.BigEndian.Uint16(b[6:])
	m.Preference = preferenceOf(b[5] >> ndPreferenceShift & 3)
	m.ReachableTime, m.RetransTimer = binary.BigEndian.Uint32(b[8:]), binary.BigEndian.Uint32(b[12:])
	for b = b[ndAdvertisementLen:]; len(b) > 0; {
		var option []byte
		if option, b, r = nextNDOption(b); r != OK {
			return RouterAdvertisement{}, r
		}
		switch {
		case isNDOption(option, ndSourceMAC, ndMACUnits):
			m.SourceMAC = MAC(option[2:8])
		case isNDOption(option, ndMTU, ndMTUUnits):
			m.MTU = binary.BigEndian.Uint32(option[4:])
		case isNDOption(option, ndPrefix, ndPrefixUnits):
			m.addPrefix(option)
		}
	}
	return m, OK
}

// preferenceOf returns what two bits mean. RFC 4191, 2.2: "If the Reserved (10)
// value is received, the receiver MUST treat the value as if it were (00)."
func preferenceOf(bits byte) RouterPreference {
	switch bits {
	case 1:
		return PreferenceHigh
	case 3:
		return PreferenceLow
	}
	return PreferenceMedium
}

// addPrefix adds the prefix of the option, unless there is no room or no prefix
// is that long.
func (m *RouterAdvertisement) addPrefix(option []byte) {
	if m.NumPrefixes == MaxPrefixes || option[2] > 128 {
		return
	}
	// RFC 4861, 4.6.2: "The bits in the prefix after the prefix length are reserved
	// and MUST be [...] ignored by the receiver."
	prefix, _ := netip.AddrFrom16([16]byte(option[16:32])).Prefix(int(option[2]))
	m.Prefixes[m.NumPrefixes] = PrefixInformation{
		Prefix:            prefix,
		OnLink:            option[3]&ndOnLink != 0,
		Autonomous:        option[3]&ndAutonomous != 0,
		ValidLifetime:     binary.BigEndian.Uint32(option[4:]),
		PreferredLifetime: binary.BigEndian.Uint32(option[8:]),
	}
	m.NumPrefixes++
}

// Check checks m against the header that it came with (RFC 4861, 6.1.2).
func (m *RouterAdvertisement) Check(h *IPv6) Reason { return checkFromRouter(h) }

// checkFromRouter checks the header of a message that only routers send.
func checkFromRouter(h *IPv6) Reason {
	switch {
	case h.HopLimit != ndHopLimit:
		return ReasonNDHopLimit
	// RFC 4861, 6.1.2 and 8.1: "Routers must use their link-local address as the
	// source for Router Advertisement and Redirect messages".
	case !h.Src.IsLinkLocalUnicast():
		return ReasonNDSource
	}
	return OK
}

// Append appends the message to b, from its ICMPv6 header on, with checksum 0.
func (m *RouterAdvertisement) Append(b []byte) []byte {
	var flags byte
	if m.Managed {
		flags |= ndManaged
	}
	if m.Other {
		flags |= ndOther
	}
	flags |= byte(m.Preference) & 3 << ndPreferenceShift
	b = append(b, byte(ICMPv6RouterAdvertisement), 0, 0, 0, m.HopLimit, flags)
	b = binary.BigEndian.AppendUint16(b, m.RouterLifetime)
	b = binary.BigEndian.AppendUint32(b, m.ReachableTime)
	b = binary.BigEndian.AppendUint32(b, m.RetransTimer)
	b = appendNDMAC(b, ndSourceMAC, m.SourceMAC)
	b = appendNDMTU(b, m.MTU)
	for i := range m.Prefixes[:m.NumPrefixes] {
		b = m.Prefixes[i].append(b)
	}
	return b
}

func (p *PrefixInformation) append(b []byte) []byte {
	var flags byte
	if p.OnLink {
		flags |= ndOnLink
	}
	if p.Autonomous {
		flags |= ndAutonomous
	}
	prefix := p.Prefix.Masked().Addr().As16()
	b = append(b, ndPrefix, ndPrefixUnits, byte(p.Prefix.Bits()), flags)
	b = binary.BigEndian.AppendUint32(b, p.ValidLifetime)
	b = binary.BigEndian.AppendUint32(b, p.PreferredLifetime)
	b = append(b, 0, 0, 0, 0)
	return append(b, prefix[:]...)
}
