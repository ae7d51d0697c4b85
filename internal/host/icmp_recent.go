package host

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"net/netip"
	"sync/atomic"
	"time"
)

const (
	// recentTime is how long an ICMP error may take to come back.
	recentTime = 30 * time.Second
	// recentSets times recentWays is how many flows are remembered.
	recentSets, recentWays = 256, 4
)

// recentDatagrams remembers the UDP flows that have sent something not long ago, so
// that ICMP errors about others change nothing. Such an error proves nothing but that
// its sender knows addresses and ports, of which a server's are known to all: RFC 5927
// has what can be done with that, and for TCP the check of the sequence number.
//
// It has a fixed size and no lock. A flow belongs to one set; in a full one it takes the
// place of the flow that has been silent longest: an error about that is then ignored,
// as if it had been lost, and its next datagram may bring it again.
type recentDatagrams struct {
	key [2]uint64
	// A slot is, from the top: 32 bits that name the flow, the second of its last
	// datagram modulo 2^16, the length of the longest in bytes. 0: none.
	sets [recentSets][recentWays]atomic.Uint64
}

func (m *recentDatagrams) init(seed [32]byte) {
	random := rand.NewChaCha8(seed)
	m.key = [2]uint64{random.Uint64(), random.Uint64() | 1}
}

// set returns where the flow is remembered, and the bits that name it.
func (m *recentDatagrams) set(dst netip.Addr, ports uint32) (*[recentWays]atomic.Uint64, uint64) {
	a := dst.As16()
	hi, lo := bits.Mul64(binary.BigEndian.Uint64(a[:])^m.key[0], m.key[1])
	hi, lo = bits.Mul64(binary.BigEndian.Uint64(a[8:])^hi^lo, m.key[1])
	hi, lo = bits.Mul64(uint64(ports)^hi^lo, m.key[1])
	hash := hi ^ lo
	return &m.sets[hash%recentSets], hash >> 32 << 32
}

// note remembers a packet of length bytes to dst; ports are those of its UDP header.
func (m *recentDatagrams) note(since time.Duration, dst netip.Addr, ports uint32, length int) {
	set, name := m.set(dst, ports)
	slot, old := &set[0], set[0].Load()
	for i := range set {
		word := set[i].Load()
		if word>>32<<32 == name {
			slot, old = &set[i], word
			break
		}
		if old != 0 && (word == 0 || silence(since, word) > silence(since, old)) {
			slot, old = &set[i], word
		}
	}
	longest := uint64(min(length, 1<<16-1))
	if old>>32<<32 == name && recent(since, old) {
		longest = max(longest, old&0xffff)
	}
	word := name | uint64(since/time.Second)&0xffff<<16 | longest
	if old != word { // within a second nothing need be written
		slot.Store(word)
	}
}

// silence returns how many seconds ago the flow of a slot last sent something.
func silence(since time.Duration, word uint64) uint16 {
	return uint16(since/time.Second) - uint16(word>>16)
}

func recent(since time.Duration, word uint64) bool {
	return silence(since, word) <= uint16(recentTime/time.Second)
}

// sent says whether the flow has lately sent a packet of length bytes or more.
func (m *recentDatagrams) sent(since time.Duration, dst netip.Addr, ports uint32, length int) bool {
	set, name := m.set(dst, ports)
	for i := range set {
		if word := set[i].Load(); word != 0 && word>>32<<32 == name {
			return recent(since, word) && length <= int(word&0xffff)
		}
	}
	return false
}
