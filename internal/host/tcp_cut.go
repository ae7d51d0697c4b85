package host

import (
	"encoding/binary"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/tcp"
	"github.com/usernet-go/usernet/wire"
)

// Where the link does not cut super-segments, they are cut here, last of all: the
// machine is asked once for up to 64 KiB, and all packets but the first and the last
// have the headers of the one before, with another sequence number. Over a pipe with
// segments of 1500 bytes bulk takes a fifth less time than with a segment from the machine
// for each packet.

// maxCut bounds a super-segment that is cut here, as an IP packet in bytes.
const maxCut = 65535

// cuts says that super-segments are cut before they come to r's link.
func (r *route) cuts() bool {
	info := r.ifc.info()
	return info.MaxSegment == 0 || !info.ChecksumOffload
}

// cut makes the packets of a super-segment.
func (o *tcpOutput) cut(seg *tcp.Segment, key *flowKey, r *route, h *Host, tos uint8) {
	size, text, left := seg.SegmentSize, seg.Text, 0
	part := tcp.Segment{TCP: seg.TCP, Len: size, ECN: seg.ECN, Text: o.part[:0]}
	part.Flags &^= wire.FIN | wire.PSH
	part.Text, text, left = take(part.Text, text, 0, size)
	o.build(&part, key, r, h, tos)
	headers := len(o.packets[o.made-1].Data[0])
	info, at := r.ifc.info(), size
	for ; at+size < seg.Len; at += size {
		i := o.packet()
		b, p := o.headers[i][:headers], &o.packets[i]
		copy(b, o.headers[i-1][:headers])
		binary.BigEndian.PutUint32(b[o.tcpAt+4:], uint32(seg.Seq.Add(at)))
		p.Data, text, left = take(append(p.Data[:0], b), text, left, size)
		p.Offload = link.Offload{}
		o.finish(p, info)
	}
	part.TCP, part.Len = seg.TCP, seg.Len-at
	part.Seq = seg.Seq.Add(at)
	part.Text, _, _ = take(part.Text[:0], text, left, part.Len)
	o.build(&part, key, r, h, tos)
	o.part = part.Text
	clear(o.part[:cap(o.part)])
}

// take appends to pieces the next n bytes of text, of whose first piece so many bytes
// are taken already, and returns what is left.
func take(pieces, text [][]byte, taken, n int) (all, rest [][]byte, gone int) {
	for {
		piece := text[0][taken:]
		if n < len(piece) {
			return append(pieces, piece[:n]), text, taken + n
		}
		pieces, text, taken = append(pieces, piece), text[1:], 0
		if n -= len(piece); n == 0 {
			return pieces, text, 0
		}
	}
}

// unsentLocked gives back to the machine what the link did not take of the segments
// of a batch, the last one first: all behind the first sent packets. c.mu is held.
func (o *tcpOutput) unsentLocked(c *TCPConn, now time.Time, segments, sent int) {
	end := o.made // behind the packets of segment i
	for i := segments - 1; end > sent; i-- {
		seg, first := &o.segments[i], end-1
		if o.packets[end-1].Offload.Segmentation == link.SegmentNone {
			first = end - seg.Segments()
		}
		if gone := max(0, sent-first) * seg.SegmentSize; gone > 0 {
			seg.Seq, seg.Len = seg.Seq.Add(gone), seg.Len-gone
		}
		c.m.Unsent(now, seg)
		end = first
	}
}
