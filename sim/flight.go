package sim

import (
	"bytes"
	"cmp"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// A flight is one packet on one way, from the moment it is sent.
type flight struct {
	event    // its arrival
	way      *way
	sent     time.Duration
	data     []byte
	cuts     uint32 // of the way, when it set out
	shared   bool   // others have data too
	verified bool   // its checksums are right
}

const (
	maxFree     = 1024    // flights whose memory is kept for reuse
	maxFreeSize = 4 << 10 // bytes of the largest of them
)

// newFlightLocked returns room for a packet on a way.
func (e *engine) newFlightLocked(y *way) *flight {
	f := new(flight)
	if n := len(e.free); n > 0 {
		f, e.free = e.free[n-1], e.free[:n-1]
	}
	*f = flight{event: event{kind: arrival, who: y.id, index: -1}, way: y, data: f.data[:0], cuts: y.cuts}
	f.actor = f
	return f
}

// size returns what f counts for on its way.
func (f *flight) size() int { return len(f.data) + flightCost }

// reuseLocked takes back the memory of a flight that is over.
func (e *engine) reuseLocked(f *flight) {
	f.way.held -= f.size()
	if f.shared {
		f.data = nil
	}
	if len(e.free) < maxFree && cap(f.data) <= maxFreeSize {
		f.way = nil
		e.free = append(e.free, f)
	}
}

// forget lets go of all that was to happen, once the engine has stopped: a test keeps
// its worlds to its end.
func (e *engine) forget() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stopped = true
	now := e.now()
	for _, ev := range e.queue {
		ev.index = -1
		if t, ok := ev.actor.(*timer); ok {
			t.afterLocked(ev.at - now)
		}
	}
	e.queue, e.entering, e.free = nil, nil, nil
}

// flip changes one bit of an IP packet. Other frames, which no checksum of their
// own protects, are spared.
func (f *flight) flip(bit uint64) bool {
	f.own()
	ip, ok := f.network()
	if !ok || len(ip) == 0 {
		return false
	}
	bit %= uint64(len(ip)) * 8
	ip[bit/8] ^= 1 << (bit % 8)
	f.verified = false
	return true
}

// own makes the data the flight's own, so that they can be changed.
func (f *flight) own() {
	if f.shared {
		f.data, f.shared = bytes.Clone(f.data), false
	}
}

// network returns the IP packet in f; false if there is none.
func (f *flight) network() ([]byte, bool) {
	if f.way.medium == link.IP {
		return f.data, true
	}
	h, n, r := wire.ParseEthernet(f.data)
	return f.data[n:], r == wire.OK && (h.Type == wire.EtherTypeIPv4 || h.Type == wire.EtherTypeIPv6)
}

// compare orders what is put on its way at once: by the instant at which it was sent,
// way and flow. What of one flow was sent at one instant stays in order.
func (f *flight) compare(g *flight) int {
	if c := cmp.Or(cmp.Compare(f.sent, g.sent), cmp.Compare(f.way.id, g.way.id)); c != 0 {
		return c
	}
	x, isIP := f.network()
	y, isIPToo := g.network()
	switch {
	case isIP && isIPToo:
		a, b := flowOf(x), flowOf(y)
		return bytes.Compare(a[:], b[:])
	case isIP:
		return 1
	case isIPToo:
		return -1
	}
	return bytes.Compare(f.data, g.data)
}

// A flow is what the packets of one flow have in common: version, addresses,
// protocol and ports.
type flow [1 + 16 + 16 + 1 + 4]byte

func flowOf(ip []byte) (k flow) {
	h, n, r := wire.ParseIPv4(ip, len(ip))
	if r == wire.OK {
		k[0], k[33] = 4, byte(h.Protocol)
		src, dst := h.Src.As16(), h.Dst.As16()
		copy(k[1:], src[:])
		copy(k[17:], dst[:])
		if h.FragmentOffset == 0 && !h.MoreFragments {
			k.setPorts(h.Protocol, ip[n:])
		}
		return k
	}
	if h, n, r := wire.ParseIPv6(ip, len(ip)); r == wire.OK {
		k[0], k[33] = 6, byte(h.NextHeader)
		src, dst := h.Src.As16(), h.Dst.As16()
		copy(k[1:], src[:])
		copy(k[17:], dst[:])
		k.setPorts(h.NextHeader, ip[n:])
	}
	return k
}

// setPorts sets the ports, or what a ping has in their place: identifier and sequence
// number.
func (k *flow) setPorts(p wire.Protocol, b []byte) {
	switch p {
	case wire.ProtocolTCP, wire.ProtocolUDP:
		copy(k[34:], b)
	case wire.ProtocolICMPv4, wire.ProtocolICMPv6:
		copy(k[34:], b[min(4, len(b)):])
	}
}
