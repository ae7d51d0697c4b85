package host

import (
	"sync/atomic"

	"github.com/usernet-go/usernet/tcp"
)

// Stats is a snapshot of a host's counters. They only grow; each is right by
// itself, and they are not all of one instant.
type Stats struct {
	PacketsIn, BytesIn   uint64 // from links, frames with all their headers
	PacketsOut, BytesOut uint64 // that links took
	Forwarded            uint64 // packets of others that were sent on, among PacketsOut
	// Drops counts what was dropped, by Reason.
	Drops [NumReasons]uint64
	TCP   TCPStats
	// Memory is what is held of Config.MemoryLimit.
	Memory tcp.MemoryStats
}

// counters are a host's. Those of the way of every packet are added to once a
// batch, the others seldom, so plain atomics are cheap enough.
type counters struct {
	packetsIn, bytesIn   atomic.Uint64
	packetsOut, bytesOut atomic.Uint64
	forwarded            atomic.Uint64
	drops                [NumReasons]atomic.Uint64
	tcp                  tcpCounters
}

// drop counts one packet dropped for r.
func (c *counters) drop(r Reason) { c.drops[r].Add(1) }

// Stats returns the host's counters.
func (h *Host) Stats() Stats {
	c := &h.stats
	s := Stats{
		PacketsIn: c.packetsIn.Load(), BytesIn: c.bytesIn.Load(),
		PacketsOut: c.packetsOut.Load(), BytesOut: c.bytesOut.Load(),
		Forwarded: c.forwarded.Load(),
		TCP:       h.tcpStats(),
		Memory:    h.memory.Memory(),
	}
	for i := range s.Drops {
		s.Drops[i] = c.drops[i].Load()
	}
	return s
}
