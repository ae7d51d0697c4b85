package hop

import (
	"encoding/binary"
	"slices"
)

// A Segment is what a packet of TCP over IPv4 says.
type Segment struct {
	Ports    uint32 // source and destination
	SYN, FIN bool
	RST      bool
	Text     int   // bytes
	From, To int64 // of the text in its stream: From is 0 for the first byte
	Again    bool  // none of its text is sent for the first time
	seq      uint32
}

const (
	ipv4Header = 20
	tcpHeader  = 20
	tcp        = 6
)

// parse reads a packet; false when it is anything else than TCP over IPv4.
func parse(b []byte) (s Segment, ok bool) {
	if len(b) < ipv4Header || b[0]>>4 != 4 || b[9] != tcp {
		return s, false
	}
	header := int(b[0]&15) * 4
	size := int(binary.BigEndian.Uint16(b[2:]))
	if header < ipv4Header || size > len(b) || size < header+tcpHeader {
		return s, false
	}
	t := b[header:size]
	offset := int(t[12]>>4) * 4
	if offset < tcpHeader || offset > len(t) {
		return s, false
	}
	s.Ports = binary.BigEndian.Uint32(t)
	s.seq = binary.BigEndian.Uint32(t[4:])
	s.FIN, s.SYN, s.RST = t[13]&1 != 0, t[13]&2 != 0, t[13]&4 != 0
	s.Text = len(t) - offset
	return s, true
}

// A flow is what was seen of one direction of a connection.
type flow struct {
	start   uint32 // sequence number of the first byte of text
	top     int64  // text that was sent, seen from there
	missing []span // of it, what did not arrive and was not sent again, in order
}

// A span is text of a stream, from from to before to.
type span struct{ from, to int64 }

// A note is what is known of a packet on its way.
type note struct {
	flow *flow
	span
	again    bool // none of its text is sent for the first time
	spurious bool // and all of it arrives otherwise
	syn      bool
}

type flowKey struct {
	pair  int
	ports uint32
}

// flow returns the one that a segment belongs to. There is none, nil, when its SYN was
// not seen: what is left of connections before a Restart has no place on the path.
func (w *way) flow(key flowKey, s Segment) *flow {
	f := w.flows[key]
	switch {
	case s.SYN && (f == nil || f.start != s.seq+1):
		f = &flow{start: s.seq + 1}
		w.flows[key] = f
	case f == nil:
		return nil
	}
	return f
}

// place says where the text of a segment lies in its stream, which is shorter than
// what sequence numbers can tell apart.
func (f *flow) place(s *Segment) {
	s.From = int64(s.seq - f.start)
	if s.From > 1<<31 { // a keep-alive's byte before the first
		s.From -= 1 << 32
	}
	s.To = s.From + int64(s.Text)
	s.Again = s.Text > 0 && s.To <= f.top
}

// sent takes a segment into the books.
func (f *flow) sent(s *Segment) note {
	f.place(s)
	n := note{flow: f, span: span{s.From, s.To}, syn: s.SYN, again: s.Again}
	if s.Text > 0 {
		n.spurious = !f.fill(n.span) && n.again
		f.top = max(f.top, s.To)
	}
	return n
}

// dropped notes what does not arrive.
func (f *flow) dropped(n note) {
	if n.to == n.from || n.spurious {
		return
	}
	i, _ := slices.BinarySearchFunc(f.missing, n.from, func(s span, from int64) int { return int(s.from - from) })
	f.missing = slices.Insert(f.missing, i, n.span)
}

// fill takes text off what is missing, and says whether any of it was.
func (f *flow) fill(s span) (any bool) {
	for i := 0; i < len(f.missing) && f.missing[i].from < s.to; {
		m := f.missing[i]
		if m.to <= s.from {
			i++
			continue
		}
		any = true
		rest := make([]span, 0, 2)
		if m.from < s.from {
			rest = append(rest, span{m.from, s.from})
		}
		if s.to < m.to {
			rest = append(rest, span{s.to, m.to})
		}
		f.missing = slices.Replace(f.missing, i, i+1, rest...)
		i += len(rest)
	}
	return any
}
