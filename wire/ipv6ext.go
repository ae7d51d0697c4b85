package wire

// IPv6Answer says whether a packet that is dropped wants an ICMPv6 parameter
// problem sent to its source.
type IPv6Answer uint8

const (
	IPv6AnswerNone    IPv6Answer = iota
	IPv6AnswerUnicast            // only if the packet's destination was not multicast
	IPv6AnswerAlways             // even if it was: RFC 4443, 2.4 e.3
)

// IPv6FragmentLen is the length of a fragment header in bytes.
const IPv6FragmentLen = 8

// IPv6Fragment is a fragment header (RFC 8200, 4.5).
type IPv6Fragment struct {
	NextHeader    Protocol
	Offset        int // bytes, a multiple of 8
	MoreFragments bool
	ID            uint32
}

// Append appends the header to b.
func (f *IPv6Fragment) Append(b []byte) []byte { return b }

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

// ParseIPv6Extensions walks the extension headers that b starts with, the first
// being of type first; n is their length in bytes. It stops at the first header
// that is none of hop-by-hop options, routing, fragment and destination options,
// and behind a fragment header, unless that header makes one fragment of the
// whole packet (RFC 8200, 4.5). For the headers of a reassembled packet call it
// again.
func ParseIPv6Extensions(first Protocol, b []byte) (x IPv6Extensions, n int, r Reason) {
	return x, 0, OK
}

// CheckFragment checks the fragment's header against the length in bytes of
// what follows it in the packet (RFC 8200, 4.5), and sets x's answer.
func (x *IPv6Extensions) CheckFragment(length int) Reason { return OK }

// AppendIPv6Options appends a header of hop-by-hop or destination options, in
// front of a header of type next, to b. The options are given as on the wire
// and are padded to a multiple of 8 bytes.
func AppendIPv6Options(b []byte, next Protocol, options []byte) []byte { return b }
