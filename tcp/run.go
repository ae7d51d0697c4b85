package tcp

import "github.com/usernet-go/usernet/wire"

// Segments that arrive together and follow one another are received as one
// super-segment. All that Receive would do for each of them alone then comes to the
// same: they must be in order and within the window, differ in nothing but their
// numbers, and acknowledge nothing new. Bulk over a pipe with segments of 1500 bytes
// takes a sixth less time.

// maxRun bounds a run's text in bytes: what IPv6's length field has room for.
const maxRun = 65535 - wire.TCPMaxLen

// BeginsRun says that seg, instead of being received at once, may wait for the
// segments that follow it: see Joins. Until it is received nothing else may be done
// with the connection, and what the Text of it and of those that were joined refers to
// must stay as it is.
func (c *Conn) BeginsRun(seg *Segment) bool {
	flags := seg.Flags
	if c.ecn.mode == ECNAccurate {
		flags &^= ecnFlags
	}
	return flags == ack && seg.Len > 0 && seg.SegmentSize == 0 && seg.Len <= int(c.advertisedMSS) &&
		c.state == StateEstablished && !c.readClosed && !c.outstanding() && seg.Ack == c.snd.una &&
		seg.Seq == c.rcv.nxt && len(c.in.runs) == 0 && !c.rcv.finSeen && seg.end().LessEq(c.rcv.edge) &&
		seg.Options.NumSACK == 0 && seg.Options.HasTimestamps == c.snd.tsOK && !tsBefore(seg.Options.TSVal, c.ts.recent) &&
		seg.ECN != wire.CE && c.trace == nil
}

// Joins appends seg to run, which has begun with BeginsRun, if it continues it.
func (c *Conn) Joins(run, seg *Segment) bool {
	size := run.SegmentSize
	if size == 0 {
		size = run.Len
	}
	if seg.Seq != run.Seq.Add(run.Len) || seg.Len == 0 || seg.Len > size || seg.SegmentSize != 0 ||
		run.Len%size != 0 || run.Len+seg.Len > maxRun || !seg.end().LessEq(c.rcv.edge) ||
		run.Flags&psh != 0 || seg.Flags&^psh != run.Flags || seg.Ack != run.Ack || seg.Window != run.Window ||
		seg.Urgent != run.Urgent || seg.ECN != run.ECN || seg.Options != run.Options {
		return false
	}
	run.Flags |= seg.Flags
	run.Text = append(run.Text, seg.Text...)
	run.Len += seg.Len
	run.SegmentSize = size
	return true
}

// JoinsAlike is Joins for a segment of n bytes of text, in head and rest, whose header
// is but for the number seq that of the segment which was joined last, or has begun the
// run.
func (c *Conn) JoinsAlike(run *Segment, seq Seq, n int, head []byte, rest [][]byte) bool {
	size := run.SegmentSize
	if size == 0 {
		size = run.Len
	}
	if seq != run.Seq.Add(run.Len) || n != size || run.Len%size != 0 || run.Flags&psh != 0 ||
		run.Len+n > maxRun || !seq.Add(n).LessEq(c.rcv.edge) {
		return false
	}
	if len(head) > 0 {
		run.Text = append(run.Text, head)
	}
	run.Text = append(run.Text, rest...)
	run.Len += n
	run.SegmentSize = size
	return true
}
