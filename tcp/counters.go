package tcp

import "time"

// counters are what a connection has done in its whole life, for Info. They are made
// when text first flows, one way or the other: a connection that has never had any
// does without.
type counters struct {
	bytesNew   uint64 // of text sent for the first time
	bytesAgain uint64 // of text sent again
	bytesIn    uint64 // of text received in order
	bytesLeft  uint64 // of text sent and not acknowledged when the connection ended
	textOut    uint64 // segments with text that were sent, again ones included
	textIn     uint64 // segments with text that have arrived, of any kind
	outOfOrder uint64 // those that arrived beyond a gap

	tailProbes    uint32 // that sent something again
	timeouts      uint32 // of the retransmission timer
	timeoutSpells uint32 // runs of them without an answer
	spellSince    instant
	spellTime     time.Duration // in all that are over

	// What kept the sender busy, since when, and for how long before.
	busy  busyness
	since instant
	spent [numBusyness]time.Duration
}

// busyness is why what the user has written was not all acknowledged yet.
type busyness uint8

const (
	notBusy           busyness = iota // all is
	busySending                       // it is on its way, or will be as soon as it may
	busyReceiveWindow                 // the peer's window allows no more
	busySendBuffer                    // the windows allow more than the send buffer holds
	numBusyness
)

// counted returns the counters.
func (c *Conn) counted() *counters {
	if c.counts == nil {
		c.counts = new(counters)
	}
	return c.counts
}

// countSent counts a segment that Next has handed out; before is what SND.NXT was
// then.
func (c *Conn) countSent(out *Segment, before Seq) {
	n := out.Segments()
	c.segmentsOut += uint32(n)
	if out.Len > 0 {
		k, text := c.counted(), c.textBetween(before, c.snd.nxt)
		k.textOut += uint64(n)
		k.bytesNew += uint64(text)
		k.bytesAgain += uint64(out.Len - text)
	}
}

// countUnsent takes back what countSent has counted of a segment; before is what
// SND.NXT was before Unsent.
func (c *Conn) countUnsent(seg *Segment, before Seq) {
	n := seg.Segments()
	c.segmentsOut -= uint32(n)
	if seg.Len > 0 && c.counts != nil && c.state != StateClosed {
		k, text := c.counts, c.textBetween(c.snd.nxt, before)
		k.textOut -= uint64(n)
		k.bytesNew -= uint64(text)
		k.bytesAgain -= min(k.bytesAgain, uint64(max(0, seg.Len-text)))
	}
}

// countReceived counts a segment that has arrived.
func (c *Conn) countReceived(seg *Segment) {
	n := c.segmentsOf(seg)
	c.segmentsIn += uint32(n)
	listens := c.state == StateListen && seg.Flags&(syn|ack|rst) != syn // there is no connection yet
	if seg.Len > 0 && c.state != StateClosed && !listens {
		c.counted().textIn += uint64(n)
	}
}

// countTimeout counts a retransmission timeout of text or FIN.
func (c *Conn) countTimeout(now instant) {
	if c.snd.wnd == 0 || c.flight() == 0 || c.synPending() {
		return // a probe, or nothing that was lost
	}
	k := c.counted()
	k.timeouts++
	if k.spellSince == 0 {
		k.timeoutSpells++
		k.spellSince = now
	}
}

// countRest looks at what the sender waits for, when there is nothing more to send
// for now.
func (c *Conn) countRest(now instant) {
	k := c.counts
	if k == nil {
		return
	}
	if k.spellSince != 0 && c.retransmits == 0 {
		k.spellTime += now.since(k.spellSince)
		k.spellSince = 0
	}
	if b := c.busyness(); b != k.busy {
		k.spent[k.busy] += now.since(k.since)
		k.busy, k.since = b, now
	}
}

// countEnd is countRest at the connection's end, before the send queue is emptied.
func (c *Conn) countEnd() {
	if c.counts != nil {
		c.counts.bytesLeft += uint64(c.textBetween(c.snd.una, c.snd.nxt))
		c.countRest(c.latest)
	}
}

// busyness is judged as Linux does: a congestion window that is full comes before the
// peer's.
func (c *Conn) busyness() busyness {
	unsent := c.unsent()
	switch {
	case c.state == StateClosed || c.out.len() == 0:
		return notBusy
	case c.sendingWindow()-c.flight() < c.window.MSS:
		return busySending
	case unsent > 0 && c.usable() < min(unsent, c.window.MSS):
		return busyReceiveWindow
	case unsent <= 0 && c.out.len() >= promisedSend && c.Room() == 0:
		return busySendBuffer
	}
	return busySending
}

// busyFor returns for how long the sender has been busy so.
func (k *counters) busyFor(b busyness, now instant) time.Duration {
	d := k.spent[b]
	if k.busy == b {
		d += now.since(k.since)
	}
	return d
}
