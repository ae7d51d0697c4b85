package host

import (
	"net/netip"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

const (
	// forwardAtOnce is how many packets go to the next link in one batch.
	forwardAtOnce = 64
	// forwardHead holds the headers of nearly all packets; longer ones cost an
	// allocation.
	forwardHead = 192
	// maxTransport is the longest transport header, TCP's.
	maxTransport = 60
)

// A forwarder is the room in which the packets of a batch are made ready for the next
// link; what of it goes at once stays a batch. Headers are copied, payload is
// referred to: what arrives is lent.
type forwarder struct {
	// The route to dst, at generation.
	dst        netip.Addr
	generation uint32
	routed     bool // there is one
	onLink     bool // dst is a neighbour
	route      route

	n       int // packets that wait
	packets [forwardAtOnce]link.Packet
	heads   [forwardAtOnce][forwardHead]byte
	cutters [forwardAtOnce]link.Cutter // which complete checksums, each in memory of its own
	whole   link.Cutter                // for packets that become several
	body    [][]byte                   // room for the payload of one that is cut into fragments
}

// flushForwarded sends what waits.
func (b *inputBatch) flushForwarded() {
	f := b.forwarder
	if f == nil || f.n == 0 {
		return
	}
	n := f.n
	f.n = 0
	b.sendForwarded(f.packets[:n])
	for i := range f.packets[:n] {
		clear(f.packets[i].Data)
	}
}

func (b *inputBatch) sendForwarded(packets []link.Packet) {
	r := &b.forwarder.route
	n, err := r.ifc.send(b.now, r, packets)
	r.ifc.countLost(len(packets)-n, err)
	b.h.stats.forwarded.Add(uint64(n))
}

// pass sends t on in one piece, or lets it wait for others.
func (f *forwarder) pass(b *inputBatch, t *transit) Reason {
	info := &f.route.ifc.linkInfo
	if t.offload.Segmentation != link.SegmentNone && info.MaxSegment < t.size {
		b.flushForwarded()
		packets, err := f.plain(t)
		if err != nil {
			return ReasonForwardOffload
		}
		for i := range packets {
			packets[i].Data = f.fit(packets[i].Data)
		}
		b.sendForwarded(packets)
		return ReasonNone
	}
	p := f.next(b)
	f.make(p, f.heads[f.n][:0], t)
	if p.Offload.Checksum == link.ChecksumPartial && !info.ChecksumOffload {
		done, err := f.cutters[f.n].Cut(info.Medium, p)
		if err != nil {
			return ReasonForwardOffload
		}
		p.Data, p.Offload = append(p.Data[:0], done[0].Data...), link.Offload{}
	}
	p.Data = f.fit(p.Data)
	f.n++
	return ReasonNone
}

// next returns the packet to be filled in, without offload.
func (f *forwarder) next(b *inputBatch) *link.Packet {
	if f.n == forwardAtOnce {
		b.flushForwarded()
	}
	p := &f.packets[f.n]
	p.Data, p.Offload = p.Data[:0], link.Offload{}
	return p
}

// fit returns data in no more pieces than the link takes.
func (f *forwarder) fit(data [][]byte) [][]byte {
	if len(data) > f.route.ifc.linkInfo.MaxPieces {
		return flatten(data)
	}
	return data
}

// make makes p of t for the route's link: a link header, and what of t stays within
// reach of all headers, copied to head, with one hop less to live.
func (f *forwarder) make(p *link.Packet, head []byte, t *transit) {
	head = f.route.appendLinkHeader(head, etherTypeOf(t.dst))
	t.copyTo(p, head)
	decrementTTL(p.Data[0][len(head):])
}

// copyTo makes p of t: head, with a copy of t's headers behind it, and t's payload.
func (t *transit) copyTo(p *link.Packet, head []byte) {
	o, at, n := t.offload, len(head), t.transport+maxTransport
	if o.Segmentation != link.SegmentNone {
		n = int(o.HeaderLen) - t.linkLen
	}
	n = max(t.header, min(n, len(t.head)))
	head = append(head, t.head[:n]...)
	if p.Data = append(p.Data, head); n < len(t.head) {
		p.Data = append(p.Data, t.head[n:])
	}
	p.Data = append(p.Data, t.rest...)

	switch delta := at - t.linkLen; {
	case o.Segmentation != link.SegmentNone:
		o.HeaderLen = uint16(int(o.HeaderLen) + delta)
		if o.Checksum == link.ChecksumPartial {
			o.ChecksumStart = uint16(int(o.ChecksumStart) + delta)
			break
		}
		// A super-segment that is sent has a partial checksum; of one that arrived whole
		// the field says nothing.
		o.Checksum, o.ChecksumStart, o.ChecksumOffset = link.ChecksumPartial, uint16(at+t.transport), tcpChecksumAt
		if t.transport+tcpChecksumAt+2 <= n {
			wire.SetPartialChecksum(wire.ProtocolTCP, t.src, t.dst, head[at+t.transport:], t.size-t.transport)
		}
	case o.Checksum == link.ChecksumPartial:
		o.ChecksumStart = uint16(int(o.ChecksumStart) + delta)
	default:
		o = link.Offload{}
	}
	p.Offload = o
}

// tcpChecksumAt is where in a TCP header its checksum stands.
const tcpChecksumAt = 16

// decrementTTL takes one hop from the packet that ip starts with.
func decrementTTL(ip []byte) {
	if ip[0]>>4 == 6 {
		ip[7]--
		return
	}
	from := uint16(ip[8])<<8 | uint16(ip[9])
	ip[8]--
	sum := uint16(ip[10])<<8 | uint16(ip[11])
	putUint16(ip[10:], wire.UpdateChecksum(sum, from, from-1<<8))
}

// plain returns the packets that t is on the next wire. They are valid until the
// next call.
func (f *forwarder) plain(t *transit) ([]link.Packet, error) {
	var p link.Packet
	f.make(&p, nil, t)
	return f.whole.Cut(f.route.ifc.linkInfo.Medium, &p)
}
