package tcp

// sender is what a connection must know of the text that it sends, and of the
// path; it is made when the first text, or FIN, leaves.
type sender struct {
	board scoreboard
	rack  rack
	tail  tailProbe
	prr   prr
	undo  undo
	rate  rateSampler
	pace  pacer

	// Without selective acknowledgments: bytes beyond the first gap that duplicate
	// ACKs tell of.
	dupBytes int32
	// newlyLost is what was marked lost since congestion control was last told.
	newlyLost int32
	// reducedAt is when congestion control was last told of a loss. Something that was
	// sent again later, and is lost again, is another one: againLost.
	reducedAt instant
	againLost bool
	// dsacks is how many segments the peer says have arrived twice.
	dsacks uint32
	// counted is how many segments were selectively acknowledged since the peer last
	// had no gap: RFC 8985's RACK.segs_sacked, but for those that were acknowledged
	// cumulatively meanwhile.
	counted uint8
	// order is sentRecord's, of the segment that was sent last.
	order Seq
}

// noteAppLimited is called before text is queued, an ACK is looked at, or a timer
// has run out.
//
// draft-ietf-ccwg-bbr, "Detecting application-limited phases": "if (NoUnsentData() &&
// C.pending_transmissions == 0 && C.inflight < C.cwnd && C.lost_out <=
// C.retrans_out) MarkConnectionAppLimited()"
func (c *Conn) noteAppLimited() {
	if c.tx != nil && c.unsent() <= 0 && c.lostBytes() == 0 && c.flight() < c.sendingWindow() {
		c.tx.rate.limit(c.flight())
	}
}

// recovery says what the sender is about, beside sending.
type recovery uint8

const (
	recoveryNone    recovery = iota
	recoveryReduce           // congestion marks: the window shrinks over a round trip
	recoveryFast             // fast recovery
	recoveryTimeout          // the retransmission timer has run out
)

// recovering says that lost segments are being repaired.
func (c *Conn) recovering() bool { return c.recovery >= recoveryFast }

// flight is how many bytes are in the network: neither acknowledged in any way nor
// lost.
//
// RFC 9937, 6.2: "MUST calculate inflight by starting with SND.NXT - SND.UNA,
// subtracting out bytes SACKed in the scoreboard, subtracting out bytes marked lost
// in the scoreboard, and adding bytes in the scoreboard that have been
// retransmitted since they were last marked lost."
func (c *Conn) flight() int {
	n := c.snd.nxt.Sub(c.snd.una)
	if tx := c.tx; tx != nil {
		n -= int(tx.board.sacked) + int(tx.board.lost)
		n -= min(int(tx.dupBytes), n)
	}
	return n
}

// lostBytes is how much waits to be sent again.
func (c *Conn) lostBytes() int {
	if c.tx == nil {
		return 0
	}
	return int(c.tx.board.lost)
}

// gaps says that the peer has something beyond a gap, or seems to.
func (c *Conn) gaps() bool {
	return c.tx != nil && (c.tx.board.sacked > 0 || c.tx.dupBytes > 0)
}

// record is that of a segment which leaves now and ends before end; flight is what
// is in the network with it.
func (c *Conn) record(now instant, end Seq, flight int) sentRecord {
	c.tx.order = c.tx.order.Add(1)
	r := sentRecord{end: end, at: now, order: c.tx.order}
	c.tx.rate.stamp(&r, flight)
	return r
}

// sent notes that what lies between SND.NXT and end leaves, n bytes of it text.
func (c *Conn) sent(now instant, end Seq, n int) {
	if c.tx == nil {
		c.tx = &sender{board: scoreboard{pool: c.cfg.Chunks}, rack: rack{fack: c.snd.nxt}}
	}
	c.noteGone()
	if !c.outstanding() || c.flight() == 0 {
		c.tx.rate.restart(now)
	}
	seq := c.snd.nxt
	c.snd.nxt = end
	c.tx.board.add(seq, c.record(now, end, c.flight()), c.window.MSS)
	c.noteSent(now, n, false)
	c.armTailProbe(now)
}

// sentAgain notes that record i, which was marked lost, is sent again, n bytes of
// it text.
func (c *Conn) sentAgain(now instant, i, n int) {
	c.noteGone()
	size := c.tx.board.size(i)
	first := i == 0 && (c.recovery == recoveryTimeout || !c.tx.board.at(i).flags.has(sentAgain))
	c.tx.board.again(i, c.record(now, 0, c.flight()+size))
	c.tx.undo.sentAgain(c, now, c.segments(n), first)
	c.resent += c.segments(n)
	c.noteSent(now, n, true)
	if i == 0 && c.recovery == recoveryFast && c.sackOK {
		// From the first copy on, the timer would expire before the answer to this one,
		// wherever a round trip is longer than what the timeout adds to it. RFC 6298, 1: "it
		// may be beneficial for a TCP sender to be more conservative". (Without selective
		// acknowledgments RFC 6582 has a rule of its own: restartsTimer.)
		c.armRetransmit(now)
	}
}

// noteGone remembers what was new in the batch that Next hands out.
func (c *Conn) noteGone() {
	if !c.lent {
		c.lent, c.snd.gone = true, c.snd.nxt
	}
}

// noteSent tells all who want to know of text that leaves.
func (c *Conn) noteSent(now instant, n int, again bool) {
	c.tx.prr.out += int32(n)
	if n > 0 && c.cc != nil {
		c.textSent = now
		c.cc.Sent(&c.window, Sending{
			Now: now.since(0), Bytes: n, InFlight: c.flight(), Again: again,
			AppLimited: c.tx.rate.appLimited != 0,
		})
	}
	c.startRetransmit(now)
}

// segments is how many segments n bytes of text, or FIN, are sent in.
func (c *Conn) segments(n int) uint32 {
	return uint32(max(1, (n+c.window.MSS-1)/c.window.MSS))
}
