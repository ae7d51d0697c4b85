package tcp

import "github.com/usernet-go/usernet/wire"

// Selective acknowledgments as the receiver sends them (RFC 2018), and those of
// what has arrived twice (RFC 2883).
//
// A segment with text carries blocks where they fit beside the text into the
// effective send MSS (MUST-16), which does not become smaller for them: a full
// segment carries none. Nothing is kept back for that, since each arrival that
// has something new for the sender is answered by an ACK without text.

// maxReports is how many arrivals a connection remembers: those that it has told
// of in the last ACKs, and those of the batch that is being received.
const maxReports = 16

// report is an arrival that is told of in the first block of an ACK.
type report struct {
	// Text, or FIN, beyond a gap is told of with the whole run that it lies in, which
	// start is enough for; what has arrived before, just as it came.
	start, end Seq
	acks       uint8 // ACKs owed with it in the first block
	duplicate  bool
}

// sackReports is made when text arrives out of order or again, and let go when
// nothing is missing and all is told.
type sackReports struct {
	list [maxReports]report // in the order of arrival
	n    uint8
}

// add appends r. If there is no room the oldest makes way: the sender hears of
// its run when all later ones have been told of, or when it grows.
func (s *sackReports) add(r report) {
	if s.n == maxReports {
		s.remove(0)
	}
	s.list[s.n] = r
	s.n++
}

func (s *sackReports) remove(i int) {
	copy(s.list[i:], s.list[i+1:s.n])
	s.n--
}

// owed is how many ACKs are owed.
func (s *sackReports) owed() (n uint8) {
	for _, r := range s.list[:s.n] {
		n += r.acks // dupThreshold * maxReports at most
	}
	return n
}

// next returns the index of the report for the next ACK, or -1: the first that is
// owed, or else the latest.
func (s *sackReports) next() int {
	for i, r := range s.list[:s.n] {
		if r.acks > 0 {
			return i
		}
	}
	return int(s.n) - 1
}

// reports returns c.sack, which it makes if need be.
func (c *Conn) reports() *sackReports {
	if c.sack == nil {
		c.sack = new(sackReports)
	}
	return c.sack
}

// reportBeyondGap notes that what begins at seq has arrived beyond a gap, in so
// many segments.
//
// RFC 2018, 4: "The receiver SHOULD send an ACK for every valid segment that
// arrives containing new data, and each of these "duplicate" ACKs SHOULD bear a
// SACK option." Of a batch each run gets one, and as many as make a sender act
// that counts them.
func (c *Conn) reportBeyondGap(seq Seq, segments int) {
	block, ok := c.blockAt(seq)
	if !ok {
		return
	}
	s, acks := c.reports(), segments
	for i := int(s.n) - 1; i >= 0; i-- {
		if r := &s.list[i]; !r.duplicate && block.Left.LessEq(r.start) && r.start.Less(block.Right) {
			acks += int(r.acks)
			s.remove(i)
		}
	}
	s.add(report{start: seq, acks: uint8(min(acks, dupThreshold))})
	c.oweDupACKs = s.owed()
}

// reportDuplicate notes that what lies between two numbers has arrived again.
//
// RFC 2883, 4: "the first block of the SACK option should be a D-SACK block
// specifying the sequence numbers for the duplicate segment that triggers the
// acknowledgement." What follows one another in a batch is one, as if it had been
// put together on the way.
func (c *Conn) reportDuplicate(start, end Seq) {
	s := c.reports()
	if last := int(s.n) - 1; last >= 0 && s.list[last].duplicate && s.list[last].end == start {
		s.list[last].end = end
		return
	}
	s.add(report{start: start, end: end, acks: 1, duplicate: true})
	c.oweDupACKs = s.owed()
}

// reportFilled forgets what lies before RCV.NXT, which has moved over all or part
// of a gap: duplicate ACKs that were owed for that would now look like ones of the
// ACK for it. That one tells what else has arrived, as long as something is missing.
func (c *Conn) reportFilled() {
	c.ackNow, c.oweDupACKs = true, 0
	s := c.sack
	if s == nil {
		return
	}
	for i := int(s.n) - 1; i >= 0; i-- {
		if r := &s.list[i]; !r.duplicate && r.start.Less(c.rcv.nxt) {
			s.remove(i)
		}
	}
	c.oweDupACKs = s.owed()
	if s.n > 0 || len(c.in.runs) > 0 {
		c.oweDupACKs = max(c.oweDupACKs, 1)
	}
	c.dropReports()
}

// reportFIN notes that the peer's FIN has arrived, when something before it is
// missing.
func (c *Conn) reportFIN() {
	if c.rcv.fin == c.rcv.nxt {
		return
	}
	c.ackNow = true
	if c.sackOK {
		c.reportBeyondGap(c.rcv.fin, 0)
	}
}

// reportOld notes what a segment has from before RCV.NXT, and says whether there
// was something. Its FIN counts: it has a number.
func (c *Conn) reportOld(seg *Segment) bool {
	if !c.sackOK || seg.Flags.Has(syn) || seg.seqLen() == 0 || !seg.Seq.Less(c.rcv.nxt) {
		return false
	}
	c.reportDuplicate(seg.Seq, seg.end().Min(c.rcv.nxt))
	return true
}

// dropReports lets go of what is not needed any more.
func (c *Conn) dropReports() {
	if c.sack.n == 0 && len(c.in.runs) == 0 {
		c.sack = nil
	}
}

// selectiveACK adds SACK blocks to a segment that is complete but for them.
//
// RFC 2018, 4: "SACK options SHOULD be included in all ACKs which do not ACK the
// highest sequence number in the data receiver's queue."
func (c *Conn) selectiveACK(out *Segment) {
	if c.sack == nil {
		return
	}
	room := wire.TCPMaxLen - out.HeaderLen()
	if out.Len > 0 {
		room = min(room, c.window.MSS-out.Len)
	}
	// Kind, length and two bytes of padding, and 8 for each block.
	if b := (blockList{o: &out.Options, limit: (room - 4) / 8}); b.limit > 0 {
		c.fillBlocks(&b)
	}
}

// blockList is the SACK option of a segment in the making.
type blockList struct {
	o     *wire.TCPOptions
	limit int
}

// full says that no more blocks fit.
func (b *blockList) full() bool { return int(b.o.NumSACK) >= b.limit }

// add appends a block, unless it is there already.
func (b *blockList) add(block wire.SACKBlock) {
	if b.full() {
		return
	}
	for _, other := range b.o.SACK[:b.o.NumSACK] {
		if other == block {
			return
		}
	}
	b.o.SACK[b.o.NumSACK] = block
	b.o.NumSACK++
}

func (c *Conn) fillBlocks(b *blockList) {
	s := c.sack
	if i := s.next(); i >= 0 {
		r := &s.list[i]
		if r.duplicate {
			b.add(wire.SACKBlock{Left: r.start, Right: r.end})
		}
		// RFC 2883, 4: "(4) If the D-SACK block reports a duplicate contiguous sequence
		// from a (possibly larger) block of data in the receiver's data queue above the
		// cumulative acknowledgement, then the second SACK block in that SACK option
		// should specify that (possibly larger) block of data."
		// RFC 2018, 4: "The first SACK block [...] MUST specify the contiguous block of
		// data containing the segment which triggered this ACK, unless that segment
		// advanced the Acknowledgment Number field in the header."
		if block, ok := c.blockAt(r.start); ok {
			b.add(block)
		}
		r.acks = max(r.acks, 1) - 1
		if r.duplicate {
			// RFC 2883, 4: "(2) Each duplicate contiguous sequence of data received is
			// reported in at most one D-SACK block."
			s.remove(i)
		}
	}
	// RFC 2018, 4: "The SACK option SHOULD be filled out by repeating the most recently
	// reported SACK blocks". What is owed will be reported. Where there is still room,
	// the runs that come first are those after which a sender looks first.
	for _, owed := range [...]bool{false, true} {
		for i := int(s.n) - 1; i >= 0 && !b.full(); i-- {
			if r := &s.list[i]; !r.duplicate && (r.acks > 0) == owed {
				if block, ok := c.blockAt(r.start); ok {
					b.add(block)
				}
			}
		}
	}
	for i := 0; i < len(c.in.runs) && !b.full(); i++ {
		if block, ok := c.blockAt(c.in.runs[i].start); ok {
			b.add(block)
		}
	}
	c.dropReports()
}

// blockAt returns the block of what has arrived beyond a gap that seq lies in.
// FIN, which has a number, is the end of one, or one of its own.
func (c *Conn) blockAt(seq Seq) (b wire.SACKBlock, ok bool) {
	if !c.rcv.nxt.Less(seq) {
		return b, false
	}
	finBeyond := c.rcv.finSeen && c.rcv.nxt.Less(c.rcv.fin)
	if finBeyond && seq == c.rcv.fin {
		b, ok = wire.SACKBlock{Left: seq, Right: seq.Add(1)}, true
		if n := len(c.in.runs); n > 0 && c.in.runs[n-1].end == seq {
			b.Left = c.in.runs[n-1].start
		}
		return b, ok
	}
	r, ok := c.in.runAt(seq)
	b = wire.SACKBlock{Left: r.start, Right: r.end}
	if ok && finBeyond && r.end == c.rcv.fin {
		b.Right = b.Right.Add(1)
	}
	return b, ok
}
