package host

import (
	"bytes"
	"encoding/binary"

	"github.com/usernet-go/usernet/wire"
)

// A hole is a range of bytes that is missing (RFC 815).
type hole struct{ from, to int } // to is exclusive, or maxPayload while the end is not known

const (
	maxPayload = 65536

	// chunkSize is what a fragment's bytes are rounded up to. A datagram is not kept in
	// one buffer, because a fragment of eight bytes at its far end would cost 64 KiB to
	// clear, many times what its packet costs else.
	chunkSize = 2048
	// sliceHeader is the bytes of a reference to a chunk.
	sliceHeader = 24
)

// fill copies the fragment's bytes [from, to) into a hole that holds them all.
func (p *partial) fill(f *fragment, from, to int) Reason {
	for i, h := range p.holes {
		if from < h.from || to > h.to || from == to && from == h.to {
			continue
		}
		left, right := hole{h.from, from}, hole{to, h.to}
		switch {
		case left.from < left.to && right.from < right.to:
			if len(p.holes) >= maxHoles {
				return ReasonFragmentHoles
			}
			p.holes = append(p.holes, right)
			p.holes[i] = left
		case left.from < left.to:
			p.holes[i] = left
		case right.from < right.to:
			p.holes[i] = right
		default:
			p.holes[i] = p.holes[len(p.holes)-1]
			p.holes = p.holes[:len(p.holes)-1]
		}
		p.reach = max(p.reach, to)
		p.write(from, f.head)
		from += len(f.head)
		for _, d := range f.rest {
			p.write(from, d)
			from += len(d)
		}
		return ReasonNone
	}
	if p.has(f, from, to) {
		return ReasonFragmentDuplicate
	}
	return ReasonFragmentOverlap
}

// has says whether the fragment's bytes are there already, each as it is. RFC
// 8200, 4.5: "[...] fragments may be duplicated in the network. Instead of treating
// these exact duplicate fragments as overlapping fragments, an implementation may
// choose to detect this case and drop exact duplicate fragments".
func (p *partial) has(f *fragment, from, to int) bool {
	if to > p.reach || !f.more && p.end != to {
		return false
	}
	for _, h := range p.holes {
		if from < h.to && h.from < to {
			return false
		}
	}
	if !p.equal(from, f.head) {
		return false
	}
	from += len(f.head)
	for _, d := range f.rest {
		if !p.equal(from, d) {
			return false
		}
		from += len(d)
	}
	return true
}

// write copies b to offset at of the payload.
func (p *partial) write(at int, b []byte) {
	for len(b) > 0 {
		i := at / chunkSize
		if i >= len(p.chunks) {
			p.chunks = append(p.chunks, make([][]byte, i+1-len(p.chunks))...)
		}
		if p.chunks[i] == nil {
			p.chunks[i] = make([]byte, chunkSize)
		}
		n := copy(p.chunks[i][at%chunkSize:], b)
		at, b = at+n, b[n:]
	}
}

// equal says whether the payload from offset at on, which is there, is b.
func (p *partial) equal(at int, b []byte) bool {
	for len(b) > 0 {
		have := p.chunks[at/chunkSize][at%chunkSize:]
		n := min(len(have), len(b))
		if !bytes.Equal(have[:n], b[:n]) {
			return false
		}
		at, b = at+n, b[n:]
	}
	return true
}

// appendTo appends the first n bytes of the payload, which are there, to b.
func (p *partial) appendTo(b []byte, n int) []byte {
	for _, c := range p.chunks {
		b = append(b, c[:min(len(c), n)]...)
		if n -= len(c); n <= 0 {
			break
		}
	}
	return b
}

// room returns the bytes that the payload takes, unused ones included.
func (p *partial) room() int {
	n := cap(p.chunks) * sliceHeader
	for _, c := range p.chunks {
		n += len(c)
	}
	return n
}

// cutHoles ends the last hole at end, where the datagram ends.
func (p *partial) cutHoles(end int) {
	kept := p.holes[:0]
	for _, h := range p.holes {
		if h.to = min(h.to, end); h.from < h.to {
			kept = append(kept, h)
		}
	}
	p.holes = kept
}

// firstFragment returns the first fragment as it arrived, which its source knows it
// by. It must be there.
func (p *partial) firstFragment() []byte {
	b := p.header
	if p.key.src.Is6() {
		f := wire.IPv6Fragment{NextHeader: p.next, MoreFragments: true, ID: p.key.id}
		b = f.Append(b)
	}
	return p.appendTo(b, p.first)
}

// complete hands out the whole datagram.
func (m *reassembler) complete(p *partial) {
	m.remove(p)
	total := len(p.header) + p.end
	packet := make([]byte, 0, total)
	packet = append(packet, p.header...)
	packet = p.appendTo(packet, p.end)
	if p.key.src.Is4() {
		if total > 65535 {
			m.out = append(m.out, reassemblyEvent{reason: Reason(wire.ReasonIPv4Fragment)})
			return
		}
		if p.ce {
			packet[1] |= byte(wire.CE)
		}
		binary.BigEndian.PutUint16(packet[2:], uint16(total))
		packet[6], packet[7], packet[10], packet[11] = packet[6]&0x40, 0, 0, 0
		binary.BigEndian.PutUint16(packet[10:], wire.Checksum(packet[:len(p.header)]))
	} else {
		if total-wire.IPv6Len > 65535 {
			m.out = append(m.out, reassemblyEvent{reason: Reason(wire.ReasonIPv6Fragment)})
			return
		}
		if p.ce {
			packet[1] |= byte(wire.CE) << 4
		}
		binary.BigEndian.PutUint16(packet[4:], uint16(total-wire.IPv6Len))
		// RFC 8200, 4.5: "The Next Header field of the last header of the Per-Fragment
		// headers is obtained from the Next Header field of the first fragment's Fragment
		// header."
		packet[lastNextHeader(p.header)] = byte(p.next)
	}
	m.out = append(m.out, reassemblyEvent{packet: packet})
}

// lastNextHeader returns the offset of the Next Header field in the last header
// of the chain b, which was walked before.
func lastNextHeader(b []byte) int {
	field := 6
	for at := wire.IPv6Len; at < len(b); {
		n := wire.IPv6FragmentLen
		if wire.Protocol(b[field]) != wire.ProtocolFragment {
			n = (int(b[at+1]) + 1) * 8
		}
		field, at = at, at+n
	}
	return field
}

// ecnOf returns the codepoint in an IP header. RFC 3168, 5.3: a datagram of which
// one fragment carries CE is marked.
func ecnOf(header []byte) wire.ECN {
	if header[0]>>4 == 4 {
		return wire.ECN(header[1] & 3)
	}
	return wire.ECN(header[1] >> 4 & 3)
}
