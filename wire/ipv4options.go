package wire

import (
	"iter"
	"strconv"
)

// IPv4OptionType is the type of an option in an IPv4 header, its flag and class
// included (RFC 791, 3.1).
type IPv4OptionType uint8

// The options of RFC 791, 3.1, and RFC 2113.
const (
	IPv4OptionEnd         IPv4OptionType = 0
	IPv4OptionNoOperation IPv4OptionType = 1
	IPv4OptionRecordRoute IPv4OptionType = 7
	IPv4OptionTimestamp   IPv4OptionType = 68
	IPv4OptionLooseRoute  IPv4OptionType = 131
	IPv4OptionStrictRoute IPv4OptionType = 137
	IPv4OptionRouterAlert IPv4OptionType = 148
)

// String returns the option's name.
func (t IPv4OptionType) String() string {
	switch t {
	case IPv4OptionEnd:
		return "end of options"
	case IPv4OptionNoOperation:
		return "no operation"
	case IPv4OptionRecordRoute:
		return "record route"
	case IPv4OptionTimestamp:
		return "timestamp"
	case IPv4OptionLooseRoute:
		return "loose source route"
	case IPv4OptionStrictRoute:
		return "strict source route"
	case IPv4OptionRouterAlert:
		return "router alert"
	}
	return "IPv4 option " + strconv.Itoa(int(t))
}

// checkIPv4Options checks the lengths of all options and returns the offset of
// the octet at fault, or -1.
func checkIPv4Options(b []byte) int {
	for at := 0; at < len(b); {
		switch IPv4OptionType(b[at]) {
		case IPv4OptionEnd:
			return -1
		case IPv4OptionNoOperation:
			at++
			continue
		}
		// RFC 1122, 3.2.1.8: "The IP layer must not crash as the result of an option
		// length that is outside the possible range."
		if at+1 >= len(b) {
			return at
		}
		if b[at+1] < 2 || at+int(b[at+1]) > len(b) {
			return at + 1
		}
		at += int(b[at+1])
	}
	return -1
}

// AllOptions yields the options of a parsed header with their data, without
// type and length, in order; end and no-operation are left out. Of a header
// with ReasonIPv4Option it yields those before the fault.
func (h *IPv4) AllOptions() iter.Seq2[IPv4OptionType, []byte] {
	return func(yield func(IPv4OptionType, []byte) bool) {
		b := h.Options
		for len(b) > 0 {
			kind := IPv4OptionType(b[0])
			switch kind {
			case IPv4OptionEnd:
				return
			case IPv4OptionNoOperation:
				b = b[1:]
				continue
			}
			if len(b) < 2 || b[1] < 2 || int(b[1]) > len(b) {
				return
			}
			n := int(b[1])
			if !yield(kind, b[2:n]) {
				return
			}
			b = b[n:]
		}
	}
}

// SourceRouted says that the sender has chosen the way of the packet: it
// carries a loose or strict source route. Addresses of such a packet prove
// nothing.
func (h *IPv4) SourceRouted() bool {
	for kind := range h.AllOptions() {
		if kind == IPv4OptionLooseRoute || kind == IPv4OptionStrictRoute {
			return true
		}
	}
	return false
}
