package host

import (
	"bytes"
	"encoding/binary"

	"github.com/usernet-go/usernet/wire"
)

// A hole is a range of bytes that is missing (RFC 815).
type hole struct{ from, to int } // to is exclusive, or maxPayload while the end is not known

const maxPayload = 65536

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
		p.grow(to)
		n := copy(p.buf[from:], f.head)
		for _, d := range f.rest {
			n += copy(p.buf[from+n:], d)
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
	if to > len(p.buf) || !f.more && p.end != to {
		return false
	}
	for _, h := range p.holes {
		if from < h.to && h.from < to {
			return false
		}
	}
	have := p.buf[from:to]
	if !bytes.HasPrefix(have, f.head) {
		return false
	}
	have = have[len(f.head):]
	for _, d := range f.rest {
		if !bytes.HasPrefix(have, d) {
			return false
		}
		have = have[len(d):]
	}
	return true
}

// grow makes buf at least n bytes long.
func (p *partial) grow(n int) {
	if n <= len(p.buf) {
		return
	}
	if n > cap(p.buf) {
		buf := make([]byte, len(p.buf), max(n, min(2*cap(p.buf), maxPayload)))
		copy(buf, p.buf)
		p.buf = buf
	}
	p.buf = p.buf[:n]
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
	return append(b, p.buf[:p.first]...)
}

// complete hands out the whole datagram.
func (m *reassembler) complete(p *partial) {
	m.remove(p)
	total := len(p.header) + p.end
	packet := make([]byte, 0, total)
	packet = append(packet, p.header...)
	packet = append(packet, p.buf[:p.end]...)
	if p.key.src.Is4() {
		if total > 65535 {
			m.out = append(m.out, reassemblyEvent{reason: Reason(wire.ReasonIPv4Fragment)})
			return
		}
		if p.ce {
			packet[1] |= ecnCE
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
			packet[1] |= ecnCE << 4
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

// RFC 3168, 5.3: a datagram of which one fragment carries CE is marked.
const ecnCE = 3

func ecnOf(header []byte) byte {
	if header[0]>>4 == 4 {
		return header[1] & 3
	}
	return header[1] >> 4 & 3
}
