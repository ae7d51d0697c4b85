package tcp_test

import (
	"bytes"
	"strings"

	"github.com/usernet-go/usernet/tcp"
	"github.com/usernet-go/usernet/wire"
)

// drain takes what the machine has to send, as the engine does after each event.
func (s *dialogue) drain() {
	s.Helper()
	var seg tcp.Segment
	for range 10000 {
		if !s.conn.Next(s.now, &seg) {
			s.conn.Returned()
			return
		}
		s.hear(&seg)
	}
	s.Fatal("Next does not end")
}

// hear checks what holds for every segment of a machine, whatever the script, and keeps it until it is wanted.
func (s *dialogue) hear(seg *tcp.Segment) {
	s.Helper()
	got := heard{Segment: *seg, at: s.now}
	var b []byte
	for _, piece := range seg.Text {
		b = append(b, piece...)
	}
	got.Text = nil
	s.unseen = append(s.unseen, got)
	s.logf("<-- %s", s.show(seg.TCP, seg.Len, false))
	if len(b) != seg.Len {
		s.Errorf("segment says %d bytes of text and has %d", seg.Len, len(b))
	}
	if first := seg.Seq.Sub(s.machineBase.Add(machineText)); !bytes.Equal(b, text(first, len(b))) {
		s.Errorf("text at %d is not what the user wrote", first)
	}
	s.hearText(seg)
	s.hearOptions(seg)
	switch {
	case seg.Flags.Has(wire.RST):
	case seg.Flags.Has(wire.ACK):
		s.hearWindow(seg)
	case !seg.Flags.Has(wire.SYN):
		// RFC 9293, 3.1: "Once a connection is established, this is always sent."
		s.Errorf("segment without ACK")
	}
	if s.cfg.NoECN && (seg.Flags&(wire.ECE|wire.CWR|wire.AE) != 0 || seg.ECN != wire.NotECT) {
		s.Errorf("ECN in a segment")
	}
}

// hearWindow checks that the right edge of the window never moves to the left.
func (s *dialogue) hearWindow(seg *tcp.Segment) {
	s.Helper()
	edge := seg.Ack.Add(s.ourWindow(&seg.TCP))
	if s.haveOurs && edge.Less(s.ours) {
		s.Errorf("right edge of the window moves to the left by %d", s.ours.Sub(edge))
	}
	s.ours, s.haveOurs = edge, true
}

// ourWindow returns the window that a segment of the machine offers, in bytes.
func (s *dialogue) ourWindow(h *wire.TCP) int {
	if h.Flags.Has(wire.SYN) {
		return int(h.Window) // RFC 7323, 2.2: "The window field in a segment where the SYN bit is set [...] MUST NOT be scaled."
	}
	return int(h.Window) << s.ourScale
}

// hearText checks that text fits the peer's MSS, ours, and the window that the peer has offered.
func (s *dialogue) hearText(seg *tcp.Segment) {
	s.Helper()
	if seg.Len == 0 {
		return
	}
	mss := s.peerMSS
	if mss < 0 {
		mss = s.defaultMSS
	}
	mss = min(mss, s.mss) - seg.Options.Len()
	size := seg.Len
	if seg.SegmentSize > 0 {
		size = seg.SegmentSize
		if seg.Len > s.maxSegment || seg.Len <= size {
			s.Errorf("super-segment of %d bytes in segments of %d", seg.Len, size)
		}
	}
	if size > mss {
		s.Errorf("segment of %d bytes, want at most %d", size, mss)
	}
	// RFC 9293, 3.8.6.1: a probe is "at least one octet of new data".
	if end := seg.Seq.Add(seg.Len); s.edge.Less(end) && seg.Len > 1 {
		s.Errorf("text goes %d bytes beyond the peer's window", end.Sub(s.edge))
	}
}

// hearOptions checks which options a segment has.
func (s *dialogue) hearOptions(seg *tcp.Segment) {
	s.Helper()
	o := &seg.Options
	if o.Len() > wire.TCPMaxLen-wire.TCPLen {
		s.Errorf("options of %d bytes", o.Len())
	}
	syn := seg.Flags.Has(wire.SYN)
	if (o.HasMSS || o.HasWindowScale || o.SACKPermitted) && !syn {
		s.Errorf("options of a SYN in a segment without SYN")
	}
	if syn && !o.HasMSS {
		s.Errorf("SYN without MSS")
	}
	if o.HasWindowScale && s.scale && s.peerScale >= 0 {
		s.ourScale, s.theirScale = o.WindowScale, uint8(s.peerScale)
	}
	if o.SACKPermitted && !s.sack {
		s.Errorf("SACK is offered although it is off")
	}
	s.hearBlocks(seg)
	if o.HasTimestamps != s.timestamps && !seg.Flags.Has(wire.RST) && !s.mixed {
		// RFC 7323, 3.2: "Once TSopt has been successfully negotiated [...] the TSopt MUST be sent in every non-<RST> segment"
		s.Errorf("timestamps in a segment: %v, want %v", o.HasTimestamps, s.timestamps)
	}
	if o.HasTimestamps && !seg.Flags.Has(wire.RST) {
		if s.now.Sub(s.tsAt) < 1<<31*ms && int32(o.TSVal-s.tsRecent) < 0 {
			s.Errorf("timestamps go back")
		}
		s.tsRecent, s.tsAt = o.TSVal, s.now
	}
}

// hearBlocks checks the SACK blocks of a segment: but for the first, which may tell of what has arrived twice (RFC 2883),
// they lie beyond the acknowledgment, and there are gaps between them.
func (s *dialogue) hearBlocks(seg *tcp.Segment) {
	s.Helper()
	blocks := seg.Options.SACK[:seg.Options.NumSACK]
	if len(blocks) > 0 && !s.sack {
		// RFC 2018, 4: "If the data receiver has not received a SACK-Permitted option for a given connection, it MUST NOT send
		// SACK options on that connection."
		s.Errorf("SACK blocks although SACK was not agreed on")
	}
	for i, b := range blocks {
		if !b.Left.Less(b.Right) {
			s.Errorf("an empty SACK block")
		}
		for _, other := range blocks[max(i, 1):] {
			if i > 0 && other != b && other.Left.LessEq(b.Right) && b.Left.LessEq(other.Right) {
				s.Errorf("SACK blocks overlap or touch")
			}
		}
		if i > 0 && b.Left.LessEq(seg.Ack) {
			s.Errorf("a SACK block is not beyond the acknowledgment")
		}
	}
}

// want takes the next segment that the machine has sent and compares it with the notation.
func (s *dialogue) want(notation, why string) {
	s.Helper()
	if len(s.unseen) == 0 {
		s.Fatalf("%s: want %s, nothing was sent", why, notation)
	}
	got := s.unseen[0]
	s.unseen = s.unseen[1:]
	h, n := s.parse(notation, false)
	have := got.TCP
	if !h.Flags.Has(wire.PSH) {
		have.Flags &^= wire.PSH
	}
	same := have.Seq == h.Seq && have.Flags == h.Flags && (!h.Flags.Has(wire.ACK) || have.Ack == h.Ack) &&
		(n == got.Len || n == wire.TextUnknown && got.Len > 0)
	o, wo := &have.Options, &h.Options
	for field, differs := range map[string]bool{
		"<WND=":    have.Window != h.Window,
		"<UP=":     have.Urgent != h.Urgent,
		"<MSS=":    !o.HasMSS || o.MSS != wo.MSS,
		"<SACKOK>": !o.SACKPermitted,
		"<WS=":     !o.HasWindowScale || o.WindowScale != wo.WindowScale,
		"<ACCECN":  o.AccECN != wo.AccECN,
		"<TSVAL=":  !o.HasTimestamps || o.TSVal != wo.TSVal || o.TSEcr != wo.TSEcr,
	} {
		same = same && !(differs && strings.Contains(notation, field))
	}
	if s.sack && (o.NumSACK != wo.NumSACK || o.SACK != wo.SACK) {
		same = false
	}
	if !same {
		s.Fatalf("%s:\nwant %s\nhave %s", why, notation, s.show(got.TCP, got.Len, false))
	}
	s.last = got
}

// skip lets the machine have said what it likes.
func (s *dialogue) skip(why string) {
	s.Helper()
	s.logf("    (%d segments) %s", len(s.unseen), why)
	s.unseen = nil
}

// idle says that the machine has nothing to say.
func (s *dialogue) idle(why string) {
	s.Helper()
	s.logf("    (idle) %s", why)
	s.nothingElse(why)
}

func (s *dialogue) nothingElse(why string) {
	s.Helper()
	if len(s.unseen) > 0 {
		got := s.unseen[0]
		s.Fatalf("%s:\nwant nothing\nhave %s at %v", why, s.show(got.TCP, got.Len, false), got.at.Sub(start))
	}
}
