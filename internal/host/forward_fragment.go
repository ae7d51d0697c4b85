package host

import (
	"encoding/binary"

	"github.com/usernet-go/usernet/wire"
)

// fragment sends t on in fragments: RFC 791, 3.2, "An Example Fragmentation
// Procedure". t may be a fragment itself, or a super-segment, which is cut first.
func (f *forwarder) fragment(b *inputBatch, t *transit) Reason {
	b.flushForwarded()
	packets, err := f.plain(t)
	if err != nil {
		return ReasonForwardOffload
	}
	at := len(f.route.appendLinkHeader(nil, wire.EtherTypeIPv4))
	for i := range packets {
		head := packets[i].Data[0]
		f.body = append(append(f.body[:0], head[at+t.header:]), packets[i].Data[1:]...)
		f.cut(b, t, head[at:at+t.header], packets[i].Len()-at-t.header)
	}
	b.flushForwarded()
	clear(f.body[:cap(f.body)])
	return ReasonNone
}

// cut makes fragments of the packet with this header and the size bytes of payload in
// f.body.
func (f *forwarder) cut(b *inputBatch, t *transit, header []byte, size int) {
	const moreFragments = 0x2000
	field := binary.BigEndian.Uint16(header[6:])
	start, last := int(field&0x1fff), field&moreFragments == 0
	body := f.body
	for offset := 0; offset < size; {
		p := f.next(b)
		h := f.route.appendLinkHeader(f.heads[f.n][:0], wire.EtherTypeIPv4)
		at := len(h)
		h = append(h, header...)
		if offset > 0 && len(header) > wire.IPv4Len {
			h = appendCopiedOptions(h[:at+wire.IPv4Len], header[wire.IPv4Len:])
		}
		ip := h[at:]
		length := min((f.route.mtu-len(ip))&^7, size-offset)
		more := uint16(moreFragments)
		if last && offset+length == size {
			more = 0
		}
		ip[0] = 0x40 | byte(len(ip)/4)
		putUint16(ip[2:], uint16(len(ip)+length))
		putUint16(ip[6:], more|uint16(start+offset/8))
		putUint16(ip[10:], 0)
		putUint16(ip[10:], wire.Checksum(ip))
		offset += length
		if offset == length { // the first one has the transport header beside its own
			n := min(length, len(body[0]), maxTransport)
			h = append(h, body[0][:n]...)
			body[0], length = body[0][n:], length-n
		}
		p.Data = append(p.Data, h)
		p.Data, body = cutPieces(p.Data, body, length)
		p.Data = f.fit(p.Data)
		f.n++
	}
}

// appendCopiedOptions appends those of a header's options to h that every fragment
// has. RFC 791, 3.1: "The copied flag indicates that this option is copied into all
// fragments on fragmentation."
func appendCopiedOptions(h, options []byte) []byte {
	const copied = 0x80
	start, parsed := len(h), wire.IPv4{Options: options}
	for kind, data := range parsed.AllOptions() {
		if kind&copied != 0 {
			h = append(append(h, byte(kind), byte(2+len(data))), data...)
		}
	}
	for (len(h)-start)%4 != 0 {
		h = append(h, byte(wire.IPv4OptionEnd))
	}
	return h
}
