package tcp

import "time"

// Unsent says that a segment that Next returned was not sent, because the link
// had no room: it is returned again. Of several, the last one comes first, and all
// come before Next is called again. Header and Len of the segment are enough. Of a
// super-segment the link may have taken some segments: then seg is what is left.
func (c *Conn) Unsent(t time.Time, seg *Segment) {
	now := c.at(t)
	defer c.countUnsent(seg, c.snd.nxt)
	c.traceUnsent(now, seg)
	switch {
	case seg.Flags.Has(rst):
		c.reply = reply{flags: seg.Flags, seq: seg.Seq, ack: seg.Ack,
			abort:      seg.Flags == rst && c.state == StateClosed && seg.Seq == c.ackSeq(),
			timestamps: seg.Options.HasTimestamps, tsVal: seg.Options.TSVal, tsEcr: seg.Options.TSEcr}
	case seg.Flags.Has(syn):
		c.unsentSYN()
	case seg.seqLen() > 0:
		c.unsentText(now, seg)
	case c.state == StateClosed || c.state == StateListen:
	case seg.Seq == c.snd.nxt.Add(-1) && c.timers[timerKeepAlive] != 0 && c.probes > 0:
		c.aliveNow = true // a mere ACK would not be answered
	default:
		c.ackNow = true
		// If nobody asks before.
		c.timers[timerDelayedACK] = now.add(c.cfg.DelayedACK)
	}
}

// unsentSYN takes back our SYN.
func (c *Conn) unsentSYN() {
	if c.state != StateSynSent && c.state != StateSynReceived || !c.synPending() {
		return // ended, or an earlier copy has arrived meanwhile
	}
	c.synNow = true
	if c.synResent {
		c.resent = max(c.resent, 1) - 1
	} else {
		c.rtt.abandon()
	}
}

// unsentText takes back text or FIN. What was in no segment before is new again:
// SND.NXT does not stay beyond it, so that a RST, which has that number, is not
// answered with a challenge ACK (RFC 5961, 3.2).
func (c *Conn) unsentText(now instant, seg *Segment) {
	c.unsentMark(seg)
	if seg.end() == c.snd.nxt {
		c.takeBack(seg)
	}
	if seg.Seq != c.snd.nxt { // it was sent before, as sent has counted
		c.resent -= min(c.resent, c.segments(min(seg.Len, c.snd.nxt.Sub(seg.Seq))))
	}
	if c.state == StateClosed || c.state == StateListen {
		return
	}
	if !c.outstanding() && c.snd.wnd > 0 {
		// Nothing that could be sent again; if nobody asks before:
		c.timers[timerRetransmit], c.timers[timerOverride] = 0, now.add(c.cfg.Override)
	}
	if c.timers[timerDelayedACK] == 0 {
		// The ACK on it has not left: it goes alone if the text may not follow.
		c.timers[timerDelayedACK] = now.add(c.cfg.DelayedACK)
	}
	if c.probed && c.snd.wnd == 0 {
		c.probeNow, c.probed = true, c.outstanding()
		return
	}
	if c.tx != nil {
		c.markUnsent(seg.Seq, seg.end())
	}
}

// markUnsent marks again as lost what was to be sent again and has not left.
func (c *Conn) markUnsent(from, to Seq) {
	b := &c.tx.board
	from, to = from.Max(c.snd.una), to.Min(c.snd.nxt)
	i := b.find(from)
	if i < b.len() && b.start(i).Less(from) { // a part of a super-segment has left
		b.split(i, from)
		i++
	}
	for ; i < b.len() && b.start(i).Less(to); i++ {
		if b.at(i).flags.has(sentSacked | sentLost) {
			continue // the peer has it from an earlier copy, or it waits already
		}
		b.markLost(i)
		c.resendNow = c.resendNow || c.recovering() && b.start(i) == c.snd.una
	}
}

// takeBack moves SND.NXT back from the end of a segment to where its new text
// began, and all that lies beyond with it.
func (c *Conn) takeBack(seg *Segment) {
	to := seg.Seq.Max(c.snd.gone).Max(c.snd.una)
	back := c.snd.nxt.Sub(to)
	if back <= 0 {
		return
	}
	c.snd.nxt = to
	c.snd.recover, c.snd.limited = c.snd.recover.Min(to), c.snd.limited.Min(to)
	if to.Less(c.snd.small) {
		// It was let go once, and goes without another reason.
		c.snd.small, c.override = to, true
	}
	if to.Less(c.path.probeEnd) {
		c.path.probe = 0
	}
	if to.Less(c.path.fullEnd) {
		c.path.full = 0
	}
	if c.tx != nil {
		c.tx.board.truncate(to)
		c.tx.tail.out = c.tx.tail.out && !to.Less(c.tx.tail.end)
	}
}
