package wire

import (
	"encoding/binary"
	"strconv"
)

// IPv6Answer says whether a packet that is dropped wants an ICMPv6 parameter
// problem sent to its source.
type IPv6Answer uint8

// The answers.
const (
	IPv6AnswerNone    IPv6Answer = iota // drop it silently
	IPv6AnswerUnicast                   // only if the packet's destination was not multicast
	IPv6AnswerAlways                    // even if it was: RFC 4443, 2.4 e.3
)

// String returns the answer's name.
func (a IPv6Answer) String() string {
	switch a {
	case IPv6AnswerNone:
		return "no answer"
	case IPv6AnswerUnicast:
		return "answer unless multicast"
	case IPv6AnswerAlways:
		return "answer"
	}
	return "IPv6 answer " + strconv.Itoa(int(a))
}

// Bounds on what a packet may ask us to walk through; packets beyond them are
// dropped silently.
const (
	// MaxIPv6Extensions is the number of extension headers in a packet. RFC 8200,
	// 4.1 has use for six.
	MaxIPv6Extensions = 8
	// MaxIPv6Options is the number of options in a header, padding not counted
	// (RFC 8504, 5.3: "the default value SHOULD be set to 8").
	MaxIPv6Options = 8
	// MaxIPv6Padding is the number of bytes of padding in a row: more than 7 are
	// never needed for alignment (RFC 8504, 5.3).
	MaxIPv6Padding = 7
)

// IPv6Extensions is what the extension headers of a packet come to. Offsets
// count from the first byte of the fixed header, whose extension headers follow
// it directly, as an ICMPv6 parameter problem reports them.
type IPv6Extensions struct {
	Protocol       Protocol // of what follows the headers that were walked
	ProtocolOffset int      // of the Next Header field that says Protocol, for ICMPv6CodeNextHeader
	HasFragment    bool     // the walk ended behind a fragment header: what follows is a piece of a packet
	Fragment       IPv6Fragment

	// With a Reason: the answer that RFC 8200 asks for.
	Answer  IPv6Answer
	Code    uint8 // of the ICMPv6ParameterProblem
	Pointer int   // likewise: offset of the octet at fault
}

// ipv6NextHeaderOffset is where the fixed header says what follows it.
const ipv6NextHeaderOffset = 6

// ParseIPv6Extensions walks the extension headers that b starts with, the first
// being of type first; n is their length in bytes. It stops at the first header
// that is none of hop-by-hop options, routing, fragment and destination options,
// and behind a fragment header, unless that header makes one fragment of the
// whole packet (RFC 8200, 4.5). For the headers of a reassembled packet call it
// again.
func ParseIPv6Extensions(first Protocol, b []byte) (x IPv6Extensions, n int, r Reason) {
	x.Protocol, x.ProtocolOffset = first, ipv6NextHeaderOffset
	for headers := 0; x.Protocol.isExtension(); headers++ {
		if headers == MaxIPv6Extensions {
			return x, n, ReasonIPv6ExtensionLimit
		}
		length, r := extensionLen(x.Protocol, b[n:])
		if r != OK {
			return x, n, r
		}
		if r := x.parseExtension(b[n:n+length], n); r != OK {
			return x, n, r
		}
		x.Protocol, x.ProtocolOffset = Protocol(b[n]), IPv6Len+n
		n += length
		if x.HasFragment {
			break
		}
	}
	return x, n, OK
}

func (p Protocol) isExtension() bool {
	switch p {
	case ProtocolHopByHop, ProtocolRouting, ProtocolFragment, ProtocolDestination:
		return true
	}
	return false
}

// extensionLen returns the length in bytes of the header of type p that b
// starts with, which lies within b. RFC 8200, 4.3: "Length of the Hop-by-Hop
// Options header in 8-octet units, not including the first 8 octets."
func extensionLen(p Protocol, b []byte) (int, Reason) {
	if len(b) < 8 {
		return 0, ReasonIPv6ExtensionTruncated
	}
	if p == ProtocolFragment {
		return IPv6FragmentLen, OK
	}
	n := 8 + 8*int(b[1])
	if n > len(b) {
		return 0, ReasonIPv6ExtensionTruncated
	}
	return n, OK
}

// parseExtension parses the header b of type x.Protocol, which lies at bytes
// behind the fixed header.
func (x *IPv6Extensions) parseExtension(b []byte, at int) Reason {
	switch x.Protocol {
	case ProtocolHopByHop:
		// RFC 8200, 4: "The same action should be taken if a node encounters a Next
		// Header value of zero in any header other than an IPv6 header."
		if at != 0 {
			x.answer(IPv6AnswerUnicast, ICMPv6CodeNextHeader, x.ProtocolOffset)
			return ReasonIPv6ExtensionOrder
		}
		return x.parseOptions(b, at)
	case ProtocolDestination:
		return x.parseOptions(b, at)
	case ProtocolRouting:
		// RFC 8200, 4.4: "If Segments Left is non-zero, the node must discard the
		// packet and send an ICMP Parameter Problem, Code 0 [...] pointing to the
		// unrecognized Routing Type." We recognize none; type 0 is not to be
		// recognized (RFC 5095, 3).
		if b[3] != 0 {
			x.answer(IPv6AnswerUnicast, ICMPv6CodeHeaderField, IPv6Len+at+2)
			return ReasonIPv6RoutingType
		}
	case ProtocolFragment:
		f := parseIPv6Fragment(b)
		// RFC 8200, 4.5: "If the fragment is a whole datagram (that is, both the
		// Fragment Offset field and the M flag are zero), then it [...] should be
		// processed as a fully reassembled packet".
		x.HasFragment = f.Offset != 0 || f.MoreFragments
		if x.HasFragment {
			x.Fragment = f
		}
	}
	return OK
}

// answer notes the parameter problem to be sent.
func (x *IPv6Extensions) answer(a IPv6Answer, code uint8, pointer int) {
	x.Answer, x.Code, x.Pointer = a, code, pointer
}

// IPv6FragmentLen is the length of a fragment header in bytes.
const IPv6FragmentLen = 8

// IPv6Fragment is a fragment header (RFC 8200, 4.5).
type IPv6Fragment struct {
	NextHeader    Protocol
	Offset        int // bytes, a multiple of 8
	MoreFragments bool
	ID            uint32
}

func parseIPv6Fragment(b []byte) IPv6Fragment {
	offset := binary.BigEndian.Uint16(b[2:])
	return IPv6Fragment{
		NextHeader:    Protocol(b[0]),
		Offset:        int(offset &^ 7),
		MoreFragments: offset&1 != 0,
		ID:            binary.BigEndian.Uint32(b[4:]),
	}
}

// Append appends the header to b.
func (f *IPv6Fragment) Append(b []byte) []byte {
	offset := uint16(f.Offset) &^ 7
	if f.MoreFragments {
		offset |= 1
	}
	b = append(b, byte(f.NextHeader), 0)
	b = binary.BigEndian.AppendUint16(b, offset)
	return binary.BigEndian.AppendUint32(b, f.ID)
}

// CheckFragment checks the fragment header at which the walk ended against the
// length in bytes of what follows it in the packet. With a Reason x has the
// answer (RFC 8200, 4.5).
func (x *IPv6Extensions) CheckFragment(length int) Reason {
	switch {
	case x.Fragment.MoreFragments && length%8 != 0:
		// "an ICMP Parameter Problem, Code 0, message should be sent to the source of
		// the fragment, pointing to the Payload Length field of the fragment packet."
		x.answer(IPv6AnswerUnicast, ICMPv6CodeHeaderField, 4)
		return ReasonIPv6Fragment
	case x.Fragment.Offset+length > maxPacket:
		// "[...] pointing to the Fragment Offset field of the fragment packet."
		x.answer(IPv6AnswerUnicast, ICMPv6CodeHeaderField, x.ProtocolOffset+2)
		return ReasonIPv6Fragment
	}
	return OK
}
