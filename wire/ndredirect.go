package wire

import "net/netip"

// Redirect names a better first hop, Target, for Destination (RFC 4861, 4.5).
type Redirect struct {
	Target, Destination netip.Addr
	TargetMAC           MAC
	// Quote is the start of the packet that was redirected, for ParseQuote; Append
	// pads it with zeros to a multiple of 8 bytes, and cuts it at 2032.
	Quote []byte
}

const (
	ndRedirectLen = 40        // bytes up to the options
	maxNDQuote    = 255*8 - 8 // bytes that fit in the option
	ndQuoteHeader = 8         // bytes of the option before the quoted packet
)

// ParseRedirect parses the message b.
func ParseRedirect(b []byte) (m Redirect, r Reason) {
	if r = checkND(b, ndRedirectLen); r != OK {
		return m, r
	}
	m.Target, m.Destination = netip.AddrFrom16([16]byte(b[8:24])), netip.AddrFrom16([16]byte(b[24:40]))
	switch {
	case m.Destination.IsMulticast():
		return Redirect{}, ReasonNDDestination
	// RFC 4861, 8.1: "The ICMP Target Address is either a link-local address (when
	// redirected to a router) or the same as the ICMP Destination Address (when
	// redirected to the on-link destination)."
	case !m.Target.IsLinkLocalUnicast() && m.Target != m.Destination:
		return Redirect{}, ReasonNDTarget
	}
	for b = b[ndRedirectLen:]; len(b) > 0; {
		var option []byte
		if option, b, r = nextNDOption(b); r != OK {
			return Redirect{}, r
		}
		switch {
		case isNDOption(option, ndTargetMAC, ndMACUnits):
			m.TargetMAC = MAC(option[2:8])
		case option[0] == ndQuote:
			m.Quote = option[ndQuoteHeader:]
		}
	}
	return m, OK
}

// Check checks m against the header that it came with (RFC 4861, 8.1), but for
// the sender: that it is the present first hop for Destination, only a routing
// table can tell.
func (m *Redirect) Check(h *IPv6) Reason { return checkFromRouter(h) }

// Append appends the message to b, from its ICMPv6 header on, with checksum 0.
func (m *Redirect) Append(b []byte) []byte {
	target, destination := m.Target.As16(), m.Destination.As16()
	b = append(b, byte(ICMPv6Redirect), 0, 0, 0, 0, 0, 0, 0)
	b = append(b, target[:]...)
	b = append(b, destination[:]...)
	b = appendNDMAC(b, ndTargetMAC, m.TargetMAC)
	quote := m.Quote[:min(len(m.Quote), maxNDQuote)]
	if len(quote) == 0 {
		return b
	}
	padding := -len(quote) & 7
	b = append(b, ndQuote, byte((ndQuoteHeader+len(quote)+padding)/8), 0, 0, 0, 0, 0, 0)
	b = append(b, quote...)
	return append(b, zeros[:padding]...)
}
