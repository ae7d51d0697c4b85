package tcp

import (
	"time"

	"github.com/usernet-go/usernet/wire"
)

// Next writes the next segment that is to be sent to out, and says whether there
// is one. It is called until there is none, after each batch of segments, each
// verb and each Advance. Text refers to the send queue: it is read-only, and must
// not be used any more when [Conn.Returned] is called. Storage of out.Text is
// used again.
func (c *Conn) Next(t time.Time, out *Segment) bool {
	now, nxt := c.at(t), c.snd.nxt
	out.clear()
	switch {
	case c.reply.flags != 0:
		c.sendReply(now, out)
	case c.state == StateClosed || c.state == StateListen:
		return false
	case c.synNow:
		c.sendSYN(now, out)
	case c.ecn.finalACK:
		c.sendACK(now, out)
	case c.oweDupACKs > 0:
		c.oweDupACKs--
		c.sendACK(now, out)
	case c.resendNow && c.sendFirstLost(now, out):
	case c.tailNow && c.sendTailProbe(now, out):
	case c.probeNow && c.sendProbe(now, out):
	case c.sendText(now, out):
	case c.ackNow:
		c.sendACK(now, out)
	case c.aliveNow:
		c.sendKeepAlive(now, out)
	default:
		c.rest(now)
		return false
	}
	c.countSent(out, nxt)
	c.traceSent(now, out)
	return true
}

// Rest says that there is nothing to send, as Next would, where that is plain to see:
// most times that a segment has arrived or the user has read. Then Next need not be
// called.
func (c *Conn) Rest(t time.Time) bool {
	if c.reply.flags != 0 || c.state == StateClosed || c.state == StateListen || c.synNow || c.ecn.finalACK ||
		c.oweDupACKs > 0 || c.resendNow || c.tailNow || c.probeNow || c.ackNow || c.aliveNow ||
		c.unsent() > 0 || c.finUnsent() || c.lostBytes() > 0 || c.path.limit != 0 {
		return false
	}
	c.rest(c.at(t))
	return true
}

// rest is called when there is nothing more to send for now.
func (c *Conn) rest(now instant) {
	c.waitToSend(now)
	c.countRest(now)
	c.traceRest(now)
}

// Returned says that nothing handed out by Next is referred to any more: memory
// acknowledged meanwhile goes back to the pool.
func (c *Conn) Returned() {
	c.lent = false
	c.out.returned(c.cfg.Chunks)
}

// header fills the fields that all segments with ACK have in common.
func (c *Conn) header(now instant, out *Segment, seq Seq) {
	// RFC 9293, 3.8: "once in the ESTABLISHED state, all segments must carry current
	// acknowledgment information."
	out.Seq, out.Ack, out.Flags = seq, c.rcv.nxt, ack
	out.Window = c.windowField()
	c.stamp(now, out)
	// 3.8.5: "The URG control flag indicates that the urgent field is meaningful and
	// must be added to the segment sequence number to yield the urgent pointer." What
	// is too far away for the field is as far as it can show.
	if c.urgentOut && seq.Less(c.snd.up) {
		out.Flags |= urg
		out.Urgent = uint16(min(c.snd.up.Sub(seq), 65535))
	}
	c.echoMarks(out)
	c.acknowledged()
}

// stamp adds timestamps, where they are agreed on.
//
// RFC 7323, 3.2: "the TSopt MUST be sent in every non-<RST> segment for the
// duration of the connection".
func (c *Conn) stamp(now instant, out *Segment) {
	if c.snd.tsOK {
		out.Options.HasTimestamps = true
		out.Options.TSVal, out.Options.TSEcr = tsClock(now, c.ts.offset), c.ts.recent
	}
}

// sendSYN sends our SYN, with ACK when the peer's has arrived.
func (c *Conn) sendSYN(now instant, out *Segment) {
	c.synNow = false
	out.Seq, out.Flags = c.snd.iss, syn
	if c.state != StateSynSent {
		out.Ack, out.Flags = c.rcv.nxt, syn|ack
		c.stamp(now, out)
		c.acknowledged()
	} else if !c.cfg.NoTimestamps {
		// RFC 7323, 3.2: "If the ACK bit is not set in the outgoing TCP header, the sender
		// of that segment SHOULD set the TSecr field to zero."
		out.Options.HasTimestamps, out.Options.TSVal = true, tsClock(now, c.ts.offset)
	}
	out.Window = uint16(c.synWindow())
	c.synOptions(&out.Options)
	c.offerECN(out)
	if c.synResent {
		c.resent++
	} else {
		c.rtt.synSent = now
	}
	c.startRetransmit(now)
}

// sendACK sends an ACK without text.
//
// RFC 9293, 3.10.7.4: "<SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>"
func (c *Conn) sendACK(now instant, out *Segment) {
	c.header(now, out, c.ackSeq())
	c.selectiveACK(out)
	c.attachCounters(out)
}

// ackSeq is the number of a segment without text: SND.NXT, or the right edge of
// the peer's window when a probe, or a peer that shrank it, has left SND.NXT
// beyond: the peer would not accept the segment (RFC 9293, A.2).
func (c *Conn) ackSeq() Seq {
	if c.synPending() || !c.outstanding() {
		return c.snd.nxt
	}
	return c.snd.nxt.Min(c.snd.una.Add(int(c.snd.wnd)))
}

// reply is a RST that is to be sent.
type reply struct {
	seq, ack     Seq
	tsVal, tsEcr uint32
	flags        wire.TCPFlags // 0: none
	timestamps   bool
	abort        bool // ends the connection: seq is ackSeq
}

// reset answers a segment with a RST.
func (c *Conn) reset(seg *Segment) {
	var out Segment
	if ResetFor(seg, &out) {
		c.reply = reply{flags: out.Flags, seq: out.Seq, ack: out.Ack,
			timestamps: out.Options.HasTimestamps, tsEcr: out.Options.TSEcr}
	}
}

// resetPeer makes the RST by which the connection is aborted.
//
// RFC 9293, 3.10.5: "Send a reset segment: <SEQ=SND.NXT><CTL=RST>"
func (c *Conn) resetPeer(now instant) {
	c.reply = reply{flags: rst, abort: true}
	if c.snd.tsOK {
		// RFC 7323, 5.2: "If an <RST> is being generated because of a user abort, and
		// Snd.TS.OK is set, then a Timestamps option SHOULD be included in the <RST>."
		c.reply.timestamps = true
		c.reply.tsVal, c.reply.tsEcr = tsClock(now, c.ts.offset), c.ts.recent
	}
}

// Resetting says that a RST waits to be returned by Next.
func (c *Conn) Resetting() bool { return c.reply.flags != 0 }

func (c *Conn) sendReply(now instant, out *Segment) {
	r := &c.reply
	if r.abort {
		r.seq = c.ackSeq() // not before: text that the link gives back moves it
	}
	out.Seq, out.Ack, out.Flags = r.seq, r.ack, r.flags
	out.Options.HasTimestamps, out.Options.TSVal, out.Options.TSEcr = r.timestamps, r.tsVal, r.tsEcr
	*r = reply{}
}
