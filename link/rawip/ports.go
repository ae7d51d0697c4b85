package rawip

import (
	"slices"
	"strconv"
	"sync/atomic"

	"github.com/usernet-go/usernet/wire"
)

// A portKey is a port of TCP or UDP: UDP's lie behind TCP's 65536.
type portKey uint32

const firstUDP portKey = 1 << 16

// keyOf returns the key of a port; false when p is neither TCP nor UDP.
func keyOf(p wire.Protocol, port uint16) (portKey, bool) {
	switch p {
	case wire.ProtocolTCP:
		return portKey(port), true
	case wire.ProtocolUDP:
		return firstUDP + portKey(port), true
	}
	return 0, false
}

func (k portKey) String() string {
	if k >= firstUDP {
		return "UDP port " + strconv.Itoa(int(k-firstUDP))
	}
	return "TCP port " + strconv.Itoa(int(k))
}

// A portSet holds the ports that are the stack's. It is asked for each packet, and
// changed while it is.
type portSet struct {
	bits [2 * 65536 / 64]atomic.Uint64
}

func (s *portSet) has(k portKey) bool { return s.bits[k/64].Load()>>(k%64)&1 != 0 }
func (s *portSet) add(k portKey)      { s.bits[k/64].Or(1 << (k % 64)) }
func (s *portSet) remove(k portKey)   { s.bits[k/64].And(^uint64(1 << (k % 64))) }

// A portRange is the ports from first to last.
type portRange struct{ first, last portKey }

// Ephemeral ports are passed in blocks, because a new filter takes longer than a
// port: up to 0.4 ms, against 0.1 ms. A stack that dials one peer again and again
// uses one port after the other.
const (
	firstEphemeral = 32768
	ephemeralBlock = 32
)

// rangeOf returns the range that is passed for k.
func rangeOf(k portKey) portRange {
	if k%firstUDP < firstEphemeral {
		return portRange{k, k}
	}
	return portRange{k &^ (ephemeralBlock - 1), k | (ephemeralBlock - 1)}
}

// rangesOf returns ranges that hold all of keys, which are sorted, at most max. If
// there would be more, neighbours are joined, those with the smallest gaps between
// them first, though never a port of TCP with one of UDP.
func rangesOf(keys []portKey, max int) []portRange {
	for gap := portKey(1); ; gap *= 2 {
		var ranges []portRange
		for _, k := range keys {
			r := rangeOf(k)
			n := len(ranges)
			if n > 0 && r.first <= ranges[n-1].last+gap && r.first/firstUDP == ranges[n-1].first/firstUDP {
				ranges[n-1].last = r.last
			} else {
				ranges = append(ranges, r)
			}
		}
		if len(ranges) <= max {
			return ranges
		}
	}
}

// covers says whether a range holds k.
func covers(ranges []portRange, k portKey) bool {
	i, found := slices.BinarySearchFunc(ranges, k, func(r portRange, k portKey) int { return int(r.first) - int(k) })
	return found || i > 0 && k <= ranges[i-1].last
}
