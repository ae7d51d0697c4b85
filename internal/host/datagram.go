package host

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

const (
	// fragmentsAtOnce is how many fragments go to the link in one batch.
	fragmentsAtOnce = 16
	// maxDatagramHead is the longest transport header: that of a neighbour
	// advertisement with its option.
	maxDatagramHead = 32
)

// A datagram is the room in which a packet of UDP or ICMP is made; a host keeps a
// pool of them. It refers to nothing between two packets.
type datagram struct {
	ttl, tos uint8    // a ttl of 0 stands for the interface's
	head     []byte   // the transport header, with a checksum of 0; in headRoom
	body     [][]byte // what follows it, lent

	headRoom [maxDatagramHead]byte
	bodyRoom [4][]byte
	frames   [fragmentsAtOnce][headroom + wire.IPv6Len + wire.IPv6FragmentLen + maxDatagramHead]byte
	packets  [fragmentsAtOnce]link.Packet
}

// newDatagram takes a datagram from the pool; sendDatagram puts it back.
func (h *Host) newDatagram() *datagram {
	d := h.outputs.Get().(*datagram)
	d.ttl, d.tos = 0, 0
	d.head, d.body = d.headRoom[:0], d.bodyRoom[:0]
	return d
}

// sendDatagram sends d to dst by r, in fragments where it is longer than the path
// takes. What the link has no room for is dropped and counted. No lock may be held.
func (h *Host) sendDatagram(now time.Time, r *route, dst netip.Addr, p wire.Protocol, d *datagram) error {
	size := len(d.head)
	for _, b := range d.body {
		size += len(b)
	}
	header := wire.IPv4Len
	if dst.Is6() {
		header = wire.IPv6Len
	}
	if d.ttl == 0 {
		d.ttl = r.ifc.ttl(dst)
	}
	var err error
	mtu := h.pathMTUs.limit(now, dst, r.mtu)
	if p == wire.ProtocolUDP && r.ifc.link != nil {
		h.recent.note(now.Sub(h.epoch), dst, binary.BigEndian.Uint32(d.head), min(header+size, mtu))
	}
	if header+size <= mtu {
		err = h.sendWhole(now, r, dst, p, d, size)
	} else {
		err = h.sendFragments(now, r, dst, p, d, size, mtu)
	}
	clear(d.bodyRoom[:])
	d.body = nil
	for i := range d.packets {
		clear(d.packets[i].Data)
	}
	h.outputs.Put(d)
	return err
}

func (h *Host) sendWhole(now time.Time, r *route, dst netip.Addr, p wire.Protocol, d *datagram, size int) error {
	b := r.appendLinkHeader(d.frames[0][:0], etherTypeOf(dst))
	b = h.appendIP(b, r, dst, p, size, d.ttl, d.tos)
	start := len(b)
	b = append(b, d.head...)
	packet := &d.packets[0]
	packet.Data = append(append(packet.Data[:0], b), d.body...)
	if len(packet.Data) > r.ifc.linkInfo.MaxPieces {
		packet.Data = flatten(packet.Data)
	}
	packet.Offload = link.Offload{}
	if p == wire.ProtocolUDP && r.ifc.linkInfo.ChecksumOffload {
		wire.SetPartialChecksum(p, r.src, dst, b[start:], size)
		packet.Offload = link.Offload{
			Checksum: link.ChecksumPartial, ChecksumStart: uint16(start), ChecksumOffset: uint16(p.ChecksumOffset()),
		}
	} else {
		wire.SetChecksum(p, r.src, dst, b[start:], d.body)
	}
	return h.sendAll(now, r, d.packets[:1])
}

// sendFragments sends d in fragments: RFC 791, 2.3, and RFC 8200, 4.5. They refer
// to d's body; only headers are made.
func (h *Host) sendFragments(now time.Time, r *route, dst netip.Addr, p wire.Protocol, d *datagram, size, mtu int) error {
	wire.SetChecksum(p, r.src, dst, d.head, d.body)
	id := h.nextID(r.src, dst)
	header := wire.IPv4Len
	if dst.Is6() {
		header = wire.IPv6Len + wire.IPv6FragmentLen
	}
	step := (mtu - header) &^ 7
	body, n := d.body, 0
	for offset := 0; offset < size; {
		length := min(step, size-offset)
		more := offset+length < size
		packet := &d.packets[n]
		b := r.appendLinkHeader(d.frames[n][:0], etherTypeOf(dst))
		b = h.appendFragmentHeader(b, r, dst, p, d, offset, length, more, id)
		left := length
		if offset == 0 {
			b = append(b, d.head...)
			left -= len(d.head)
		}
		packet.Data, packet.Offload = append(packet.Data[:0], b), link.Offload{}
		packet.Data, body = cutPieces(packet.Data, body, left)
		if len(packet.Data) > r.ifc.linkInfo.MaxPieces {
			packet.Data = flatten(packet.Data)
		}
		offset += length
		if n++; n == fragmentsAtOnce || !more {
			if err := h.sendAll(now, r, d.packets[:n]); err != nil {
				return err
			}
			n = 0
		}
	}
	return nil
}

func (h *Host) appendFragmentHeader(b []byte, r *route, dst netip.Addr, p wire.Protocol, d *datagram, offset, length int, more bool, id uint32) []byte {
	if dst.Is4() {
		ip := wire.IPv4{
			TOS: d.tos, TotalLen: wire.IPv4Len + length, ID: uint16(id),
			FragmentOffset: offset, MoreFragments: more, TTL: d.ttl, Protocol: p, Src: r.src, Dst: dst,
		}
		return ip.Append(b)
	}
	ip := wire.IPv6{
		TrafficClass: d.tos, PayloadLen: wire.IPv6FragmentLen + length,
		NextHeader: wire.ProtocolFragment, HopLimit: d.ttl, Src: r.src, Dst: dst,
	}
	f := wire.IPv6Fragment{NextHeader: p, Offset: offset, MoreFragments: more, ID: id}
	return f.Append(ip.Append(b))
}

// cutPieces appends the first n bytes of body's pieces to data, and returns what
// is left of body.
func cutPieces(data, body [][]byte, n int) (cut, left [][]byte) {
	for n > 0 {
		piece := body[0]
		if len(piece) <= n {
			body = body[1:]
		} else {
			piece = piece[:n]
			body[0] = body[0][n:]
		}
		n -= len(piece)
		if len(piece) > 0 {
			data = append(data, piece)
		}
	}
	return data, body
}

// sendAll sends packets that nobody sends again.
func (h *Host) sendAll(now time.Time, r *route, packets []link.Packet) error {
	n, err := r.ifc.send(now, r, packets)
	r.ifc.countLost(len(packets)-n, err)
	return err
}

// nextID returns an identification for a datagram in fragments: RFC 7739, 5.3,
// "Identification = F(Src IP, Dst IP, secret1) + counter[G(Src IP, Dst Pref,
// secret2)]". What one destination sees tells little about what others get. "Dst
// Pref" is the first half of an IPv6 address, so that who has many cannot look at
// many counters.
func (h *Host) nextID(src, dst netip.Addr) uint32 {
	network := dst
	if dst.Is6() {
		network = netip.PrefixFrom(dst.WithZone(""), 64).Masked().Addr()
	}
	f := h.ports.offset(wire.ProtocolFragment, src, netip.AddrPortFrom(dst, 0))
	g := h.ports.offset(wire.ProtocolNone, src, netip.AddrPortFrom(network, 0))
	return f + h.ids[g%uint32(len(h.ids))].Add(1)
}

// initIDs lets the counters of nextID begin anywhere: RFC 7739, 5.3, "Each counter
// should be initialized to a pseudo-random value".
func (h *Host) initIDs(seed [32]byte) {
	random := rand.NewChaCha8(seed)
	for i := range h.ids {
		h.ids[i].Store(uint32(random.Uint64()))
	}
}
