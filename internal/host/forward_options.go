package host

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/usernet-go/usernet/wire"
)

// recordHop writes into the options of t, an IPv4 packet, that it has passed here, if
// they ask for that. It returns the offset in the header of the octet that is wrong, or
// -1. RFC 1812, 5.3.13.5: "Routers MUST support the Record Route option in forwarded
// packets"; 5.3.13.6: "Routers MUST support the timestamp option in forwarded packets."
func (b *inputBatch) recordHop(t *transit) int {
	r := &b.forwarder.route
	// RFC 791, 3.1: "its own internet address as known in the environment into which this
	// datagram is being forwarded".
	own := b.t.sourceFor(r.ifc, t.dst, r.nextHop)
	if !own.IsValid() {
		return -1
	}
	header := bytes.Clone(t.head[:t.header]) // it is lent
	for at := wire.IPv4Len; at < t.header; {
		kind, n := wire.IPv4OptionType(header[at]), 1
		switch kind {
		case wire.IPv4OptionEnd:
			n = t.header - at
		case wire.IPv4OptionNoOperation:
		default:
			n = int(header[at+1]) // ParseIPv4 has checked it
		}
		fault := -1
		switch option := header[at : at+n]; kind {
		case wire.IPv4OptionRecordRoute:
			fault = recordRoute(option, own)
		case wire.IPv4OptionTimestamp:
			fault = recordTime(option, own, b.now, b.t.isOwn)
		}
		if fault >= 0 {
			return at + fault
		}
		at += n
	}
	putUint16(header[10:], 0)
	putUint16(header[10:], wire.Checksum(header))
	t.head = append(header, t.head[t.header:]...)
	return -1
}

// Offsets in an option of what may be wrong with it.
const (
	optionLength   = 1
	optionPointer  = 2
	optionOverflow = 3 // and flags
)

// recordRoute writes own into a record route option, unless that is full. It returns
// the offset in it of the octet that is wrong, or -1. RFC 791, 3.1: "If there is some
// room but not enough room for a full address to be inserted, the original datagram is
// considered to be in error and is discarded."
func recordRoute(option []byte, own netip.Addr) int {
	switch {
	case len(option) < 3:
		return optionLength
	case int(option[2]) > len(option):
		return -1
	case option[2] < 4 || int(option[2])+3 > len(option):
		return optionPointer
	}
	a := own.As4()
	copy(option[option[2]-1:], a[:])
	option[2] += 4
	return -1
}

// recordTime is recordRoute for the option internet timestamp. RFC 791, 3.1: "The
// Timestamp is a right-justified, 32-bit timestamp in milliseconds since midnight UT."
func recordTime(option []byte, own netip.Addr, now time.Time, isOwn func(netip.Addr) bool) int {
	if len(option) < 4 {
		return optionLength
	}
	// "0 -- time stamps only, [...] 1 -- each timestamp is preceded with internet address
	// of the registering entity, 3 -- the internet address fields are prespecified."
	at, size, flag := int(option[2])-1, 8, option[3]&15
	if flag == 0 {
		size = 4
	}
	switch {
	case flag != 0 && flag != 1 && flag != 3:
		return optionOverflow
	case at >= len(option) && flag == 3:
		return -1
	case at >= len(option):
		// "If the timestamp data area is already full (the pointer exceeds the length) the
		// datagram is forwarded without inserting the timestamp, but the overflow count is
		// incremented by one. If there is some room but not enough room for a full timestamp
		// to be inserted, or the overflow count itself overflows, the original datagram is
		// considered to be in error and is discarded."
		if option[3] >= 15<<4 {
			return optionOverflow
		}
		option[3] += 1 << 4
		return -1
	case at < 4 || at+size > len(option):
		return optionPointer
	case flag == 3 && !isOwn(netip.AddrFrom4([4]byte(option[at:]))):
		return -1
	case flag == 1:
		a := own.As4()
		copy(option[at:], a[:])
	}
	midnight := now.UTC().Truncate(24 * time.Hour)
	binary.BigEndian.PutUint32(option[at+size-4:], uint32(now.Sub(midnight)/time.Millisecond))
	option[2] += byte(size)
	return -1
}
