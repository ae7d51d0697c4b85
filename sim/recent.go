package sim

import (
	"slices"
	"sync"
	"time"
)

const (
	keptPackets = 16  // of each way
	keptBytes   = 128 // of each packet: its headers
)

// A recent keeps the last packets of a way, for the report of a test that fails.
// The zero value is ready for use.
type recent struct {
	mu   sync.Mutex // the engine adds, a test reports
	kept []kept     // a ring: once it is full, next is the oldest
	next int
}

// A kept packet is one with the beginning of its data.
type kept struct {
	packet Packet // but for Data
	length int    // of data
	data   [keptBytes]byte
	fate   fate
}

// add keeps what there is to say of a packet.
func (r *recent) add(p *Packet, f fate) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.kept) < keptPackets {
		r.kept = append(r.kept, kept{})
		r.next = len(r.kept) - 1
	}
	k := &r.kept[r.next]
	r.next = (r.next + 1) % keptPackets
	k.packet, k.fate = *p, f
	k.packet.Data, k.packet.size = nil, len(p.Data)
	k.length = copy(k.data[:], p.Data)
}

// packets returns the packets that are kept, the oldest first.
func (r *recent) packets() []kept {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.kept) < keptPackets {
		return slices.Clone(r.kept)
	}
	return slices.Concat(r.kept[r.next:], r.kept[:r.next])
}

// appendTrace appends the packet's line.
func (k *kept) appendTrace(b []byte, since time.Time) []byte {
	p := k.packet
	p.Data = k.data[:k.length]
	return appendTrace(b, since, &p, k.fate)
}
