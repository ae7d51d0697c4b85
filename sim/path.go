package sim

import (
	"slices"
	"time"

	"github.com/usernet-go/usernet/link"
)

// Rates, in bits per second.
const (
	Kbps = 1000
	Mbps = 1000 * Kbps
	Gbps = 1000 * Mbps
)

// A Path describes what happens to packets between two nodes. The zero value
// does nothing to them. In the order in which a packet meets them: Drop, a queue
// before a bottleneck, loss, delay, reordering. Shares are from 0 to 1. Each direction
// holds 64 MiB of packets at most, each with 128 bytes for itself: beyond that, hosts
// find the link full, and switches drop.
type Path struct {
	Rate  int64 // of the bottleneck, in bits per second; 0: unlimited
	Queue int   // bytes that wait for the bottleneck, the rest is dropped; 0: one bandwidth-delay product (Rate times twice Delay), at least 32 KiB
	CoDel bool  // the queue is managed (RFC 8289): it drops, or marks, before it is full
	ECN   bool  // packets that say that they are ECN-capable (RFC 3168) are marked where CoDel would drop them; without CoDel, when the queue is more than half full

	Loss  float64 // share of packets lost behind the bottleneck
	Burst float64 // mean number of packets lost in a row (Gilbert-Elliott); 0: each is lost or not by itself

	Delay  time.Duration
	Jitter time.Duration // up to that much more delay, evenly spread; does not reorder

	Reorder      float64 // share of packets that those behind them may overtake
	ReorderDelay time.Duration

	Duplicate float64 // share of packets that arrive twice
	Corrupt   float64 // share of packets that arrive with one bit flipped

	// MTU is the largest IP packet that the interfaces at the ends send, in bytes:
	// 1500 if it is 0. Hosts know it, and routers tell others (RFC 1191, RFC 8201).
	// Set cannot change it. At a switch, only hosts have one.
	MTU int
	// BlackHole, if it is not 0, is the size in bytes beyond which IP packets vanish
	// without a word.
	BlackHole int

	// Drop, when not nil, picks packets that vanish, for a test that needs one certain
	// loss: see Nth and Text. It is called for each packet, which is lent for the call,
	// on the goroutine on which the whole network runs, so that it must not block, nor
	// call anything of the network. Without Back it picks in both directions.
	Drop func(*Packet) bool

	// Back is the other direction, from the second node to the first; nil means the
	// same as this one, with chances of its own. MTU and Back of Back mean nothing.
	Back *Path
}

const (
	defaultMTU = 1500
	// RFC 791, 3.2: "Every internet module must be able to forward a datagram of 68
	// octets without further fragmentation." Hosts have IPv6 too, whose minimum is
	// 1280 (RFC 8200, 5).
	minMTU = 1280
	maxMTU = 65535
)

// model returns the path as package link knows it.
func (p *Path) model() link.Path {
	return link.Path{
		Rate: p.Rate, Queue: p.Queue, CoDel: p.CoDel, ECN: p.ECN,
		Loss: p.Loss, Burst: p.Burst,
		Delay: p.Delay, Jitter: p.Jitter,
		Reorder: p.Reorder, ReorderDelay: p.ReorderDelay,
		Duplicate: p.Duplicate, Corrupt: p.Corrupt,
		MTU: p.BlackHole,
	}
}

// back returns the other direction.
func (p *Path) back() *Path {
	if p.Back != nil {
		return p.Back
	}
	return p
}

// Nth is a Path.Drop that picks packets by their numbers in one direction of the
// path, from 1.
func Nth(numbers ...uint64) func(*Packet) bool {
	return func(p *Packet) bool { return slices.Contains(numbers, p.Number) }
}

// Text is a Path.Drop that picks TCP segments with text by their numbers among
// such segments in one direction, from 1; retransmissions count. It counts those that
// it sees, so that each path and each world wants one of its own.
func Text(numbers ...uint64) func(*Packet) bool {
	type direction struct{ from, to string }
	seen := make(map[direction]uint64)
	return func(p *Packet) bool {
		if _, n, ok := p.TCP(); !ok || n == 0 {
			return false
		}
		d := direction{p.From, p.To}
		seen[d]++
		return slices.Contains(numbers, seen[d])
	}
}
