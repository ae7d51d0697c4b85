package tcp

import "github.com/usernet-go/usernet/wire"

// Seq is a sequence number.
type Seq = wire.Seq

// Segment is a TCP segment: header and text. Ports and checksum belong to
// whoever writes it to the wire; the machine neither sets nor reads them.
//
// A super-segment stands for several segments that differ in their sequence
// numbers only: SegmentSize is the text of each but the last in bytes, and FIN
// and PSH belong to the last. In all other segments SegmentSize is 0.
type Segment struct {
	wire.TCP
	Text        [][]byte // pieces of the text, lent: read-only, and only until [Conn.Returned] or the call's end
	Len         int      // bytes of Text
	SegmentSize int
	ECN         wire.ECN // codepoint of the IP packet, or of all packets that a super-segment stands for
}

// seqLen is SEG.LEN: "the number of octets occupied by the data in the segment
// (counting SYN and FIN)" (RFC 9293, 3.3.1).
func (s *Segment) seqLen() int {
	n := s.Len
	if s.Flags.Has(wire.SYN) {
		n++
	}
	if s.Flags.Has(wire.FIN) {
		n++
	}
	return n
}

// end is the sequence number behind the segment.
func (s *Segment) end() Seq { return s.Seq.Add(s.seqLen()) }

// Segments is how many segments of the wire s stands for.
func (s *Segment) Segments() int {
	if s.SegmentSize > 0 && s.Len > s.SegmentSize {
		return (s.Len + s.SegmentSize - 1) / s.SegmentSize
	}
	return 1
}

// clear empties s for reuse and keeps the storage of its Text.
func (s *Segment) clear() { *s = Segment{Text: s.Text[:0]} }

// ResetFor writes to out the answer to a segment that no connection is for,
// and says whether there is one: a RST is not answered. The ports are left to
// the caller.
func ResetFor(seg *Segment, out *Segment) bool {
	// RFC 9293, 3.10.7.1: "An incoming segment containing a RST is discarded. An
	// incoming segment not containing a RST causes a RST to be sent in response."
	if seg.Flags.Has(wire.RST) {
		return false
	}
	out.clear()
	if seg.Flags.Has(wire.ACK) {
		// "If the ACK bit is on, <SEQ=SEG.ACK><CTL=RST>"
		out.Seq, out.Flags = seg.Ack, wire.RST
	} else {
		// "If the ACK bit is off, sequence number zero is used,
		// <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>"
		out.Ack, out.Flags = seg.end(), wire.RST|wire.ACK
	}
	// RFC 7323, 5.2: "if the segment causing the <RST> to be generated contains a
	// Timestamps option, the <RST> should also contain a Timestamps option. In
	// the <RST> segment, SEG.TSecr SHOULD be set to SEG.TSval from the incoming
	// segment and SEG.TSval SHOULD be set to zero."
	if seg.Options.HasTimestamps {
		out.Options.HasTimestamps, out.Options.TSEcr = true, seg.Options.TSVal
	}
	return true
}
