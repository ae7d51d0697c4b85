package tcp

import (
	"time"

	"github.com/usernet-go/usernet/wire"
)

// ackEvent is what one ACK says of the text in the network.
type ackEvent struct {
	seg    *Segment
	ack    Seq // SEG.ACK
	before int // bytes in the network before it

	bytes     int // of text, acknowledged cumulatively
	delivered int // of text, newly known to have arrived
	blocks    int // of the SACK option that were taken, but for D-SACK

	// The segment that was sent last among those newly arrived, if any; at is 0 if none.
	newest sentRecord
	// Round trips, 0 when there is none: that of the first segment that was
	// acknowledged cumulatively, and that of newest.
	first, last time.Duration

	dsackEnd  Seq
	dsack     bool // something arrived twice (RFC 2883)
	advanced  bool // SND.UNA has moved
	duplicate bool // RFC 5681's duplicate ACK
	again     bool // something was acknowledged cumulatively that was sent again
	original  bool // something arrived that was sent before the recovery, and not again
	lost      bool // it has shown that something is lost
}

// takeAcknowledged removes what lies before SEG.ACK from the scoreboard.
func (c *Conn) takeAcknowledged(now instant, ev *ackEvent) {
	b := &c.tx.board
	for b.len() > 0 && b.base.Less(ev.ack) {
		r := b.at(0)
		end := ev.ack.Min(r.end)
		if !r.flags.has(sentSacked) {
			rtt := c.arrived(now, ev, r, b.base, end)
			ev.again = ev.again || r.flags.has(sentAgain)
			if ev.first == 0 {
				ev.first = rtt
			}
		}
		b.popTo(end)
	}
	if ev.again {
		// What fills a gap brings with it what has waited behind it.
		ev.first = 0
	}
	if b.sacked == 0 {
		c.tx.counted = 0
	}
}

// arrived takes the news that what lies between two numbers of a record has arrived,
// and returns its round trip, 0 if it is not certain.
func (c *Conn) arrived(now instant, ev *ackEvent, r *sentRecord, from, to Seq) time.Duration {
	n := c.textBetween(from, to)
	rtt := max(now.since(r.at), 1)
	later := rtt
	if r.flags.has(sentAgain) {
		if c.maybeEarlier(ev, r, rtt) {
			later = 0
		}
		if later == 0 || rtt < c.rtt.least.get() {
			rtt = 0 // no sample of the round trip, whatever RACK takes it for
		}
	}
	if rtt > 0 && (ev.newest.at == 0 || r.sent(to).after(ev.newest.sent(ev.newest.end))) {
		ev.last = rtt
	}
	ev.delivered += n
	ev.original = ev.original || !r.flags.has(sentAgain) && to.LessEq(c.snd.recover)
	c.tx.rack.arrived(r, to, later)
	c.tx.rate.delivered(now, r, n, &ev.newest)
	return rtt
}

// maybeEarlier says that an ACK for a segment that was sent again may be for an
// earlier copy of it.
//
// RFC 8985, 6.2: "ignore a segment as invalid if any of its sequence range has been
// retransmitted before and if either of two conditions is true: 1. The Timestamp
// Echo Reply field (TSecr) of the ACK's timestamp option [RFC7323], if available,
// indicates the ACK was not acknowledging the last retransmission of the segment.
// 2. The segment was last retransmitted less than RACK.min_rtt ago."
func (c *Conn) maybeEarlier(ev *ackEvent, r *sentRecord, rtt time.Duration) bool {
	// TSecr is about what an ACK acknowledges cumulatively: of a segment beyond a gap
	// the peer never echoes the timestamp (RFC 7323, 5.3, R3).
	o := &ev.seg.Options
	// The least round trip of few is one that the next may well undercut.
	least := c.rtt.least.get()
	return c.snd.tsOK && o.HasTimestamps && r.end.LessEq(ev.ack) && tsBefore(o.TSEcr, tsClock(r.at, c.ts.offset)) ||
		rtt < least-least/8
}

// takeSelective enters the SACK option into the scoreboard (RFC 2018, 4 and 5; RFC
// 2883).
func (c *Conn) takeSelective(now instant, ev *ackEvent) {
	o := &ev.seg.Options
	if !c.sackOK || o.NumSACK == 0 {
		return
	}
	blocks := o.SACK[:min(int(o.NumSACK), len(o.SACK))]
	if c.isDuplicateReport(ev, blocks) {
		c.arrivedTwice(ev, blocks[0].Left, blocks[0].Right)
		blocks = blocks[1:]
	}
	// In order: of what one ACK shows nothing was late for another.
	var ascending [len(o.SACK)]wire.SACKBlock
	for n, block := range blocks {
		for ; n > 0 && block.Left.Less(ascending[n-1].Left); n-- {
			ascending[n] = ascending[n-1]
		}
		ascending[n] = block
	}
	for _, block := range ascending[:len(blocks)] {
		// What is no range, or not one of what is in the network, is not looked at.
		if !block.Left.Less(block.Right) || !c.snd.una.Less(block.Left) || c.snd.nxt.Less(block.Right) {
			continue
		}
		ev.blocks++
		c.takeBlock(now, ev, block.Left, block.Right)
	}
}

// takeBlock marks the records that lie between two numbers. Where a super-segment would
// have to be split, and there is no memory for that, it is as if that block were lost.
func (c *Conn) takeBlock(now instant, ev *ackEvent, left, right Seq) {
	b := &c.tx.board
	for i := b.find(left); i < b.len() && b.start(i).Less(right); i++ {
		if b.at(i).flags.has(sentSacked) {
			continue
		}
		// Of a super-segment whole segments count, and of a segment only the whole.
		if start := b.start(i); start.Less(left) {
			if start = c.segmentBorder(start, left, true); !start.Less(b.at(i).end) || !b.room(false) {
				continue
			}
			b.split(i, start)
			i++
		}
		if end := b.at(i).end; right.Less(end) {
			if end = c.segmentBorder(b.start(i), right, false); !b.start(i).Less(end) || !b.room(false) {
				return
			}
			b.split(i, end)
		}
		r := b.at(i)
		if ev.newest.at == 0 || r.sent(r.end).after(ev.newest.sent(ev.newest.end)) {
			ev.last = 0
		}
		c.arrived(now, ev, r, b.start(i), r.end)
		c.tx.counted = uint8(min(int(c.tx.counted)+int(c.segments(b.size(i))), 255))
		i = b.markSacked(i)
	}
}

// segmentBorder is where a segment of a super-segment ends that begins at start: the
// first such border from seq on, or with up unset the last one up to it.
func (c *Conn) segmentBorder(start, seq Seq, up bool) Seq {
	mss := c.window.MSS
	n := seq.Sub(start)
	if up {
		n += mss - 1
	}
	return start.Add(n / mss * mss)
}

// isDuplicateReport says that the first block tells of something that has arrived
// twice.
//
// RFC 2883, 5: "the sender should compare the sequence space in the first SACK block
// to the cumulative ACK which is carried IN THE SAME PACKET. [...] If the sequence
// space in the first SACK block is greater than the cumulative ACK, then the sender
// next compares the sequence space in the first SACK block with the sequence space in
// the second SACK block, if there is one."
func (c *Conn) isDuplicateReport(ev *ackEvent, blocks []wire.SACKBlock) bool {
	first := blocks[0]
	if !first.Left.Less(first.Right) || c.snd.nxt.Less(first.Right) {
		return false
	}
	if first.Right.LessEq(ev.ack) {
		return true
	}
	return len(blocks) > 1 && blocks[1].Left.LessEq(first.Left) && first.Right.LessEq(blocks[1].Right)
}

// arrivedTwice takes a D-SACK block. More of them than what was sent again are
// lies, or copies that the network made.
func (c *Conn) arrivedTwice(ev *ackEvent, left, right Seq) {
	n := c.segments(min(right.Sub(left), int(c.snd.maxWnd)))
	if c.tx.dsacks >= c.resent {
		return
	}
	c.tx.dsacks = min(c.tx.dsacks+n, c.resent)
	ev.dsack, ev.dsackEnd = true, right
	if c.tx.undo.from.Less(right) {
		c.tx.undo.copies -= min(c.tx.undo.copies, int32(n))
	}
}
