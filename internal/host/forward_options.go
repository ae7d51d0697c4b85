package host

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/usernet-go/usernet/wire"
)

// recordHop writes into the options of t, an IPv4 packet, that it has passed here, if
// they ask for that. RFC 1812, 5.3.13.5: "Routers MUST support the Record Route option
// in forwarded packets"; 5.3.13.6: "Routers MUST support the timestamp option in
// forwarded packets."
func (b *inputBatch) recordHop(t *transit) {
	r := &b.forwarder.route
	// RFC 791, 3.1: "its own internet address as known in the environment into which this
	// datagram is being forwarded".
	own := b.t.sourceFor(r.ifc, t.dst, r.nextHop)
	if !own.IsValid() {
		return
	}
	t.head = bytes.Clone(t.head) // it is lent
	for options := t.head[wire.IPv4Len:t.header]; len(options) > 0; {
		kind, n := wire.IPv4OptionType(options[0]), 1
		switch kind {
		case wire.IPv4OptionEnd:
			options = nil
			continue
		case wire.IPv4OptionNoOperation:
		default:
			n = int(options[1]) // ParseIPv4 has checked it
		}
		switch kind {
		case wire.IPv4OptionRecordRoute:
			recordRoute(options[:n], own)
		case wire.IPv4OptionTimestamp:
			recordTime(options[:n], own, b.now, b.t.isOwn)
		}
		options = options[n:]
	}
	header := t.head[:t.header]
	putUint16(header[10:], 0)
	putUint16(header[10:], wire.Checksum(header))
}

// recordRoute is RFC 791, 3.1: "If there is some room [...] The recorded address is
// [...] inserted into the recorded route data"; a full option stays as it is.
func recordRoute(option []byte, own netip.Addr) {
	if len(option) < 3 || option[2] < 4 || int(option[2])+3 > len(option) {
		return
	}
	a := own.As4()
	copy(option[option[2]-1:], a[:])
	option[2] += 4
}

// recordTime is RFC 791, 3.1, "Internet Timestamp": "The Timestamp is a right-justified,
// 32-bit timestamp in milliseconds since midnight UT."
func recordTime(option []byte, own netip.Addr, now time.Time, isOwn func(netip.Addr) bool) {
	if len(option) < 4 || option[2] < 5 {
		return
	}
	// "0 -- time stamps only, [...] 1 -- each timestamp is preceded with internet address
	// of the registering entity, 3 -- the internet address fields are prespecified."
	at, size, flag := int(option[2])-1, 8, option[3]&15
	if flag == 0 {
		size = 4
	}
	switch {
	case flag != 0 && flag != 1 && flag != 3:
		return
	case at+size > len(option):
		// "[...] the number of IP modules that cannot register timestamps due to lack of
		// space."
		if flag != 3 && option[3] < 15<<4 {
			option[3] += 1 << 4
		}
		return
	case flag == 3 && !isOwn(netip.AddrFrom4([4]byte(option[at:]))):
		return
	case flag == 1:
		a := own.As4()
		copy(option[at:], a[:])
	}
	midnight := now.UTC().Truncate(24 * time.Hour)
	binary.BigEndian.PutUint32(option[at+size-4:], uint32(now.Sub(midnight)/time.Millisecond))
	option[2] += byte(size)
}
