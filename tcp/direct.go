package tcp

// A Direct is the buffer of somebody who waits for text: what arrives in order is
// copied there at once, not to the receive queue first and from there when he has woken.
// Its zero value is ready.
type Direct struct {
	room []byte // of the buffer, what is free
	n    int    // bytes that are in it
	next Seq    // of the first byte that may be put there
}

// Lend has text put into b from now on, until TakeBack; nothing else may use b until
// then. It returns false if that cannot be: somebody else has lent his.
func (c *Conn) Lend(d *Direct, b []byte) bool {
	if c.direct != nil {
		return false
	}
	*d = Direct{room: b, next: c.in.next}
	c.direct = d
	return true
}

// TakeBack returns how many bytes of text have been put into the buffer that was lent.
// They are read.
func (c *Conn) TakeBack() int {
	n := c.direct.n
	*c.direct = Direct{}
	c.direct = nil
	return n
}

// Awaited says that who waits for text is to look: there is some in the buffer that
// he has lent, or Readable.
func (c *Conn) Awaited() bool { return c.direct != nil && c.direct.n > 0 || c.Readable() }

// hand puts what it can of text that has arrived into the buffer that was lent, and
// returns what is left for the queue, and how many bytes that took. Text that is urgent,
// or behind such, is for Read, which ends at the mark.
func (c *Conn) hand(now instant, a arrival) (rest arrival, n int) {
	d := c.direct
	if d == nil || a.seq != c.in.next || d.next != a.seq || c.in.first != a.seq || len(c.in.runs) > 0 || c.urgentIn || c.readClosed {
		return a, 0
	}
	skip, limit := a.skip, min(a.n, len(d.room))
	for _, piece := range a.pieces {
		if skip >= len(piece) {
			skip -= len(piece)
			continue
		}
		k := copy(d.room[:limit-n], piece[skip:])
		d.room = d.room[k:]
		if n, skip = n+k, 0; n == limit {
			break
		}
	}
	d.n += n
	d.next = a.seq.Add(n)
	c.in.pass(n)
	c.rcv.nxt = c.in.next
	c.tuneReceiveBuffer(now) // as Read does
	c.updateWindow()
	return a.part(d.next, a.seq.Add(a.n)), n
}
