package rawip

import (
	"encoding/binary"
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// What of ICMP is for the stack: errors, and replies to its echo requests. The rest
// is the kernel's to answer.
var (
	icmpTypes  = []wire.ICMPv4Type{wire.ICMPv4EchoReply, wire.ICMPv4Unreachable, wire.ICMPv4TimeExceeded, wire.ICMPv4ParameterProblem}
	icmp6Types = []wire.ICMPv6Type{
		wire.ICMPv6Unreachable, wire.ICMPv6PacketTooBig, wire.ICMPv6TimeExceeded, wire.ICMPv6ParameterProblem, wire.ICMPv6EchoReply,
	}
	extensionHeaders = []wire.Protocol{wire.ProtocolHopByHop, wire.ProtocolRouting, wire.ProtocolFragment, wire.ProtocolDestination}
)

// fragmentOffset is the part of IPv4's flags and offset that says the offset.
const fragmentOffset = 0x1fff

// A classifier tells the stack's packets from the kernel's, as exactly as the
// kernel's filter cannot.
type classifier struct {
	ports  portSet
	passed atomic.Uint64 // packets that were not for the stack

	// Later fragments do not tell a port. They are the stack's when the first one,
	// which came before them, was: that is remembered of the last datagrams, one for
	// each value of a hash.
	mu     sync.Mutex
	seed   maphash.Seed
	firsts [256]fragmentKey
}

// A fragmentKey names a datagram.
type fragmentKey struct {
	src, dst [16]byte
	id       uint32
	protocol wire.Protocol
	known    bool
}

// deliver hands on what of the batch is the stack's.
func (c *classifier) deliver(batch []link.Packet, deliver func([]link.Packet)) {
	first := 0
	for i := range batch {
		if len(batch[i].Data) > 0 && c.wants(batch[i].Data[0]) {
			continue
		}
		c.passed.Add(1)
		if i > first {
			deliver(batch[first:i])
		}
		first = i + 1
	}
	if first < len(batch) {
		deliver(batch[first:])
	}
}

// wants says whether the packet with the headers in b is the stack's.
func (c *classifier) wants(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	switch b[0] >> 4 {
	case 4:
		return c.wants4(b)
	case 6:
		return c.wants6(b)
	}
	return false
}

func (c *classifier) wants4(b []byte) bool {
	header := int(b[0]&15) * 4
	if header < wire.IPv4Len || len(b) < header {
		return false
	}
	p := wire.Protocol(b[9])
	const moreFragments = 0x2000
	word := binary.BigEndian.Uint16(b[6:])
	if word&(moreFragments|fragmentOffset) == 0 {
		return c.wantsTransport(p, b[header:])
	}
	k := fragmentKey{id: uint32(binary.BigEndian.Uint16(b[4:])), protocol: p, known: true}
	copy(k.src[:], b[12:16])
	copy(k.dst[:], b[16:20])
	return c.wantsFragment(k, word&fragmentOffset == 0, p, b[header:])
}

func (c *classifier) wants6(b []byte) bool {
	if len(b) < wire.IPv6Len {
		return false
	}
	first := wire.Protocol(b[6])
	if first == wire.ProtocolTCP || first == wire.ProtocolUDP {
		return c.wantsTransport(first, b[wire.IPv6Len:])
	}
	x, n, r := wire.ParseIPv6Extensions(first, b[wire.IPv6Len:])
	rest := b[wire.IPv6Len+n:]
	switch {
	case r != wire.OK:
		return false // the kernel answers what is to be answered
	case !x.HasFragment:
		return c.wantsTransport(x.Protocol, rest)
	}
	k := fragmentKey{id: x.Fragment.ID, protocol: x.Fragment.NextHeader, known: true}
	copy(k.src[:], b[8:24])
	copy(k.dst[:], b[24:40])
	return c.wantsFragment(k, x.Fragment.Offset == 0, x.Protocol, rest)
}

// wantsFragment remembers a first fragment that is the stack's, and finds the
// others.
func (c *classifier) wantsFragment(k fragmentKey, first bool, p wire.Protocol, b []byte) bool {
	if first && !c.wantsTransport(p, b) {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	slot := &c.firsts[maphash.Comparable(c.seed, k)%uint64(len(c.firsts))]
	if first {
		*slot = k
	}
	return *slot == k
}

func (c *classifier) wantsTransport(p wire.Protocol, b []byte) bool {
	if len(b) < 4 {
		return false
	}
	switch p {
	case wire.ProtocolICMPv4:
		return slices.Contains(icmpTypes, wire.ICMPv4Type(b[0]))
	case wire.ProtocolICMPv6:
		return slices.Contains(icmp6Types, wire.ICMPv6Type(b[0]))
	}
	k, ok := keyOf(p, binary.BigEndian.Uint16(b[2:]))
	return ok && c.ports.has(k)
}
