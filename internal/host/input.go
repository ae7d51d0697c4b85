package host

import (
	"net/netip"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// An inPacket is a packet that is for us, from its transport header on. All of it
// is lent, for the duration of the batch.
type inPacket struct {
	ifc       *iface
	src, dst  netip.Addr // without zones
	head      []byte     // the transport header, contiguous, and what follows it in the first piece
	rest      [][]byte   // the further pieces
	size      int        // bytes in head and rest
	offload   link.Offload
	ecn       wire.ECN
	ttl       uint8
	broadcast bool // dst, or the frame's destination, is a broadcast or multicast address
	fragments bool // it was made whole from fragments

	first  []byte // the packet's first piece, from the link header on
	length int    // bytes of the packet in all its pieces, likewise

	// For answers, the packet from its IP header on.
	ip []byte // what of it stands in the first piece
	// protocolAt is the offset in ip of the field that says the transport protocol.
	protocolAt int
}

// checksumOK says whether the transport checksum of p is right, or somebody has
// vouched for it.
func (p *inPacket) checksumOK(proto wire.Protocol) bool {
	return p.verify(proto) == wire.OK
}

// verify checks the transport checksum of p, unless somebody has vouched for it.
func (p *inPacket) verify(proto wire.Protocol) wire.Reason {
	if p.offload.Checksum != link.ChecksumNone {
		return wire.OK
	}
	return wire.VerifyChecksum(proto, p.src, p.dst, p.head, p.rest)
}

// replyTo returns p.src with the zone that says where a link-local one is: answers
// leave by the interface on which p came.
func (p *inPacket) replyTo() netip.Addr {
	if p.src.IsLinkLocalUnicast() && p.ifc.link != nil {
		return p.src.WithZone(p.ifc.name)
	}
	return p.src
}

// flow returns the key of p's flow, as seen from here.
func (p *inPacket) flow(localPort, remotePort uint16) flowKey {
	return flowKey{local: p.dst.As16(), remote: p.src.As16(), localPort: localPort, remotePort: remotePort}.on(p.ifc)
}

// An inputBatch is the room in which a batch of packets is looked at; a host
// keeps a pool of them, since a delivery may lead to another one.
type inputBatch struct {
	h    *Host
	ifc  *iface
	t    *topology
	now  time.Time
	tcp  tcpBatch
	p    inPacket
	rest [][]byte // room for p.rest where that is not the link's

	ip6 wire.IPv6 // room for ndHeader

	frameGroup  bool     // the frame was sent to a group
	frameSource wire.MAC // and by whom

	last verdict // packets of one flow come in runs

	linkLen   int        // bytes of the packet's link header
	forwarder *forwarder // made when the first packet is forwarded
}

// A verdict is what was found out about the addresses of a packet.
type verdict struct {
	src, dst   netip.Addr
	frameGroup bool
	broadcast  bool
	forward    bool // it is to be sent on
	reason     Reason
}

// stays says that the verdict holds until routes or addresses change: a packet for us
// alone, to which neither groups nor forwarding matter. For a lone packet the look-ups
// are 5% of all work (1 byte there and back, over a pipe).
func (v *verdict) stays() bool { return v.reason == ReasonNone && !v.broadcast && !v.forward }

// deliver takes a batch of packets from the link, or from the host itself.
func (ifc *iface) deliver(packets []link.Packet) {
	h := ifc.h
	b := h.inputs.Get().(*inputBatch)
	if t := h.net.Load(); ifc != b.ifc || t != b.t || !b.last.stays() {
		b.ifc, b.t, b.last = ifc, t, verdict{}
	}
	b.now = h.clock.Now()
	b.tcp.h, b.tcp.now = h, b.now
	bytes := 0
	for i := range packets {
		size := packets[i].Len()
		bytes += size
		b.tcp.more = i < len(packets)-1
		if b.tcp.held && b.tcp.follows(&packets[i], size) {
			continue
		}
		if r := b.packet(&packets[i], size); r != ReasonNone {
			h.stats.drop(r)
		}
	}
	b.tcp.flush()
	b.tcp.end()
	b.flushForwarded()
	if ifc.link != nil {
		h.stats.packetsIn.Add(uint64(len(packets)))
		h.stats.bytesIn.Add(uint64(bytes))
	}
	b.p = inPacket{}
	clear(b.rest[:cap(b.rest)])
	h.inputs.Put(b)
}

// packet takes one packet, and returns why it was dropped if it was.
func (b *inputBatch) packet(p *link.Packet, size int) Reason {
	if size == 0 || len(p.Data[0]) == 0 {
		return ReasonEmpty
	}
	b.p.ifc, b.p.offload = b.ifc, p.Offload
	b.p.first, b.p.length = p.Data[0], size
	b.frameGroup, b.p.fragments, b.linkLen = false, false, 0
	if b.ifc.linkInfo.Medium == link.Ethernet {
		return b.frame(p.Data[0], p.Data[1:], size)
	}
	switch p.Data[0][0] >> 4 {
	case 4:
		return b.ipv4(p.Data[0], p.Data[1:], size)
	case 6:
		return b.ipv6(p.Data[0], p.Data[1:], size)
	}
	return ReasonFrameIP
}

// frame takes an Ethernet frame.
func (b *inputBatch) frame(head []byte, rest [][]byte, size int) Reason {
	f, n, r := wire.ParseEthernet(head)
	switch {
	case r != wire.OK:
		return wireReason(r)
	case f.Src.IsMulticast():
		return ReasonFrameSource
	case f.Tagged && f.VLAN&0xfff != 0: // VLAN 0 tells a priority only
		return ReasonVLAN
	case f.Dst != b.ifc.mac && !b.listensTo(f.Dst):
		return ReasonFrameAddress
	}
	b.frameGroup, b.frameSource = f.Dst.IsMulticast(), f.Src
	head, size, b.linkLen = head[n:], size-n, n
	switch f.Type {
	case wire.EtherTypeIPv4:
		return b.ipv4(head, rest, size)
	case wire.EtherTypeIPv6:
		return b.ipv6(head, rest, size)
	case wire.EtherTypeARP:
		return b.arp(head)
	}
	return ReasonEtherType
}

// listensTo says whether frames to the group m may be for us. Which groups of IP
// we are in is looked at later.
func (b *inputBatch) listensTo(m wire.MAC) bool {
	return m.IsBroadcast() || m[0] == 0x33 && m[1] == 0x33 || m[0] == 0x01 && m[1] == 0x00 && m[2] == 0x5e
}

// addressClass says what a destination address is to us.
type addressClass uint8

const (
	addressOther addressClass = iota // not ours
	addressOwn
	addressBroadcast
	addressGroup    // a multicast group that we are in
	addressNowhere  // must not be on a wire
	addressLoopback // ours, on our own interface only
)

var (
	allHosts       = netip.AddrFrom4([4]byte{224, 0, 0, 1})
	allNodesLink   = netip.IPv6LinkLocalAllNodes()
	allNodesIface  = netip.AddrFrom16([16]byte{0: 0xff, 1: 0x01, 15: 0x01})
	anyIPv4Network = netip.PrefixFrom(netip.IPv4Unspecified(), 8) // RFC 1122, 3.2.1.3 (a), (b)
)

func (b *inputBatch) classify(dst netip.Addr) addressClass {
	switch {
	case b.t.own[dst] != nil:
		return addressOwn
	case dst.IsLoopback():
		return addressLoopback
	case dst.IsUnspecified(), dst.Is4In6():
		return addressNowhere
	case b.t.isBroadcast(dst):
		return addressBroadcast
	case dst == allHosts, dst == allNodesLink, dst == allNodesIface, dst.IsMulticast() && b.ifc.groups.has(dst):
		return addressGroup
	}
	return addressOther
}

// addresses checks the addresses of a packet and finds out whether it is for us.
func (b *inputBatch) addresses(src, dst netip.Addr) Reason {
	if v := &b.last; src != v.src || dst != v.dst || b.frameGroup != v.frameGroup {
		class := b.classify(dst)
		*v = verdict{src, dst, b.frameGroup, b.frameGroup || class == addressBroadcast || class == addressGroup, false, ReasonNone}
		if b.ifc.link != nil {
			v.reason = b.judge(src, dst, class)
			v.forward = class == addressOther
		}
	}
	b.p.src, b.p.dst, b.p.broadcast = src, dst, b.last.broadcast
	return b.last.reason
}

// judge says whether a packet that came by a link may have these addresses.
func (b *inputBatch) judge(src, dst netip.Addr, class addressClass) Reason {
	switch {
	case class == addressNowhere || class == addressLoopback, staysOnNode(dst):
		return ReasonDestination
	case class == addressOwn && src == dst:
		return ReasonLand
	case b.t.own[src] != nil && !b.t.isElsewhere(src, b.ifc.name):
		return ReasonSourceOwn
	case src.IsMulticast(), src.IsLoopback(), src.Is4() && (anyIPv4Network.Contains(src) || b.t.isBroadcast(src)) && !(src.IsUnspecified() && class == addressGroup):
		// RFC 1122, 3.2.1.3: "A host MUST silently discard an incoming datagram
		// containing an IP source address that is invalid by the rules of this section."
		return ReasonSource
	case src.Is4In6():
		// RFC 4291, 2.5.5.2: the type "is used to represent the addresses of IPv4 nodes as
		// IPv6 addresses", inside of hosts. Here the tables of flows do so, and programs
		// would take the sender for the IPv4 host.
		return ReasonSource
	case class == addressOther && dst.IsMulticast():
		return ReasonNotJoined
	case class == addressOther:
		return b.forwardable(src, dst)
	case dst.IsLinkLocalUnicast() && dst.Is6() && b.t.own[dst] != b.ifc:
		// A link-local address means another host on each link. Others of ours may be
		// reached by any interface: RFC 1122, 3.3.4.2, calls that the weak model.
		return ReasonNotForUs
	case class == addressOwn && b.frameGroup:
		// RFC 1122, 3.3.6: "A host SHOULD silently discard a datagram that is received
		// via a link-layer broadcast [...] but does not specify an IP multicast or
		// broadcast destination address."
		return ReasonFrameBroadcast
	}
	return ReasonNone
}

// staysOnNode says whether a is a group that is on no wire.
//
// RFC 4291, 2.7: "Interface-Local scope spans only a single interface on a node and is
// useful only for loopback transmission of multicast." And: "Nodes must not originate a
// packet to a multicast address whose scop field contains the reserved value 0; if such
// a packet is received, it must be silently dropped."
func staysOnNode(a netip.Addr) bool {
	return a.Is6() && a.IsMulticast() && a.As16()[1]&15 <= 1
}

// setPayload lets b.p start at offset n of head, and end where the packet does.
// length is the packet's in bytes from head's first byte on, size what the link has
// delivered, with its padding.
func (b *inputBatch) setPayload(head []byte, rest [][]byte, n, length, size int) {
	if size > length {
		head, rest = b.trim(head, rest, length)
	}
	b.p.ip, b.p.head, b.p.rest, b.p.size = head, head[n:], rest, length-n
}

// trim returns the first n bytes of head and rest.
func (b *inputBatch) trim(head []byte, rest [][]byte, n int) ([]byte, [][]byte) {
	b.rest = b.rest[:0] // rest may be in it already: what is read lies not before what is written
	left := n - len(head)
	for _, d := range rest {
		if left <= 0 {
			break
		}
		b.rest = append(b.rest, d[:min(len(d), left)])
		left -= len(d)
	}
	return head[:min(len(head), n)], b.rest
}

// transport hands b.p to the transport protocol.
func (b *inputBatch) transport(p wire.Protocol) Reason {
	if p == wire.ProtocolTCP && !b.p.src.IsUnspecified() {
		b.tcp.input(&b.p)
		return ReasonNone
	}
	// What follows may send, or take locks: the connection that TCP holds comes first.
	b.tcp.flush()
	switch {
	case p == wire.ProtocolICMPv6 && b.p.src.Is6():
		return b.icmpv6()
	case p == wire.ProtocolIGMP && b.p.src.Is4():
		return b.igmp()
	case b.p.src.IsUnspecified():
		return ReasonSource
	case p == wire.ProtocolUDP:
		return b.udp()
	case p == wire.ProtocolICMPv4 && b.p.src.Is4():
		return b.icmpv4()
	}
	b.protocolUnreachable()
	return ReasonProtocol
}
