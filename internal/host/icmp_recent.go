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
	// recentSlots is how many flows are remembered.
	recentSlots = 1024
)

// recentDatagrams remembers the UDP flows that have sent something not long ago, so
// that ICMP errors about others change nothing. Such an error proves nothing but that
// its sender knows addresses and ports, of which a server's are known to all: RFC 5927
// has what can be done with that, and for TCP the check of the sequence number.
//
// It has a fixed size and no lock. A flow that meets another one in its slot takes its
// place: an error about the older one is then ignored, as if it had been lost, and the
// next datagram of that flow may bring it again.
type recentDatagrams struct {
	key [2]uint64
	// A slot is, from the top: 32 bits that name the flow, the second of its last
	// datagram modulo 2^16, the length of the longest in bytes. 0: none.
	slots [recentSlots]atomic.Uint64
}

func (m *recentDatagrams) init(seed [32]byte) {
	random := rand.NewChaCha8(seed)
	m.key = [2]uint64{random.Uint64(), random.Uint64() | 1}
}

// slot returns where the flow is remembered, and the bits that name it.
func (m *recentDatagrams) slot(dst netip.Addr, ports uint32) (*atomic.Uint64, uint64) {
	a := dst.As16()
	hi, lo := bits.Mul64(binary.BigEndian.Uint64(a[:])^m.key[0], m.key[1])
	hi, lo = bits.Mul64(binary.BigEndian.Uint64(a[8:])^hi^lo, m.key[1])
	hi, lo = bits.Mul64(uint64(ports)^hi^lo, m.key[1])
	hash := hi ^ lo
	return &m.slots[hash%recentSlots], hash >> 32 << 32
}

// note remembers a packet of length bytes to dst; ports are those of its UDP header.
func (m *recentDatagrams) note(since time.Duration, dst netip.Addr, ports uint32, length int) {
	slot, name := m.slot(dst, ports)
	longest := uint64(min(length, 1<<16-1))
	if old := slot.Load(); old>>32<<32 == name && recent(since, old) {
		longest = max(longest, old&0xffff)
	}
	word := name | uint64(since/time.Second)&0xffff<<16 | longest
	if slot.Load() != word { // within a second nothing need be written
		slot.Store(word)
	}
}

func recent(since time.Duration, word uint64) bool {
	age := uint16(since/time.Second) - uint16(word>>16)
	return age <= uint16(recentTime/time.Second)
}

// sent says whether the flow has lately sent a packet of length bytes or more.
func (m *recentDatagrams) sent(since time.Duration, dst netip.Addr, ports uint32, length int) bool {
	slot, name := m.slot(dst, ports)
	word := slot.Load()
	return word != 0 && word>>32<<32 == name && recent(since, word) && length <= int(word&0xffff)
}
