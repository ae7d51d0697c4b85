package wire

// The options that every node recognizes (RFC 8200, 4.2). All others are
// handled by the action bits of their type; those in use that we might meet,
// such as router alert, ask to be skipped.
const (
	ipv6OptionPad1 = 0
	ipv6OptionPadN = 1
)

// parseOptions walks the options of the header b, which lies at bytes behind
// the fixed header.
func (x *IPv6Extensions) parseOptions(b []byte, at int) Reason {
	options, padding := 0, 0
	for i := 2; i < len(b); {
		if b[i] == ipv6OptionPad1 {
			if padding++; padding > MaxIPv6Padding {
				return ReasonIPv6ExtensionLimit
			}
			i++
			continue
		}
		if i+2 > len(b) || i+2+int(b[i+1]) > len(b) {
			// RFC 4443, 3.4: a problem "such that it cannot complete processing the
			// packet".
			x.answer(IPv6AnswerUnicast, ICMPv6CodeHeaderField, IPv6Len+at+min(i+1, len(b)-1))
			return ReasonIPv6OptionLength
		}
		n := 2 + int(b[i+1])
		if b[i] == ipv6OptionPadN {
			if padding += n; padding > MaxIPv6Padding {
				return ReasonIPv6ExtensionLimit
			}
		} else {
			padding = 0
			if options++; options > MaxIPv6Options {
				return ReasonIPv6ExtensionLimit
			}
			if r := x.unrecognized(b[i], IPv6Len+at+i); r != OK {
				return r
			}
		}
		i += n
	}
	return OK
}

// unrecognized does what the type of an unrecognized option asks for; offset is
// where the type stands.
func (x *IPv6Extensions) unrecognized(kind byte, offset int) Reason {
	// RFC 8200, 4.2: "their highest-order 2 bits specify the action that must be
	// taken if the processing IPv6 node does not recognize the Option Type".
	switch kind >> 6 {
	case 0b00: // "skip over this option and continue processing the header."
		return OK
	case 0b01: // "discard the packet."
	case 0b10: // "[...] regardless of whether or not the packet's Destination Address was a multicast address"
		x.answer(IPv6AnswerAlways, ICMPv6CodeOption, offset)
	case 0b11: // "[...] only if the packet's Destination Address was not a multicast address"
		x.answer(IPv6AnswerUnicast, ICMPv6CodeOption, offset)
	}
	return ReasonIPv6OptionUnknown
}

// AppendIPv6Options appends a header of hop-by-hop or destination options, in
// front of a header of type next, to b. The options are given as on the wire,
// at most 2046 bytes, and are padded to a multiple of 8 bytes.
func AppendIPv6Options(b []byte, next Protocol, options []byte) []byte {
	padding := -(2 + len(options)) & 7
	b = append(b, byte(next), byte((2+len(options)+padding)/8-1))
	b = append(b, options...)
	switch padding {
	case 0:
		return b
	case 1:
		return append(b, ipv6OptionPad1)
	}
	b = append(b, ipv6OptionPadN, byte(padding-2))
	return append(b, zeros[:padding-2]...)
}
