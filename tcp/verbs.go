package tcp

import (
	"io"
	"time"
)

// Read copies text that has arrived in order to b. It returns ErrWouldBlock when
// there is none yet, and io.EOF after the peer's FIN. When the connection has
// ended otherwise, what has arrived is read first; then the first of Read, Write
// and CloseWrite returns the reason, and Read io.EOF from then on.
func (c *Conn) Read(t time.Time, b []byte) (int, error) {
	switch {
	case c.closed:
		return 0, ErrClosed
	case c.in.len() > 0:
		n := c.in.read(c.cfg.Chunks, b[:c.untilUrgent(len(b))])
		c.readUpTo(c.in.first)
		c.tuneReceiveBuffer(c.at(t))
		c.updateWindow()
		return n, nil
	case c.rcv.finTaken || c.readClosed:
		return 0, io.EOF
	case c.err != nil:
		return 0, c.tell(io.EOF)
	case c.state == StateClosed || c.state == StateListen:
		return 0, ErrNotConnected
	}
	return 0, ErrWouldBlock
}

// Write queues as much of b as there is room for, and returns ErrWouldBlock when
// there is none.
func (c *Conn) Write(t time.Time, b []byte) (int, error) {
	return c.write(b, (*sendQueue).append)
}

// WriteLent is Write without a copy, where nothing else is queued: b must stay as it is
// until Keep. Over a link in memory the peer acknowledges most of it before that, of
// which no copy is made then.
func (c *Conn) WriteLent(t time.Time, b []byte) (int, error) {
	if c.out.tail != nil {
		return c.Write(t, b)
	}
	return c.write(b, (*sendQueue).lend)
}

// Keep copies what the peer has not acknowledged of what was lent by WriteLent. What Next
// has returned before refers to it until Returned.
func (c *Conn) Keep() { c.out.keep() }

// write queues as much of b as there is room for.
func (c *Conn) write(b []byte, queue func(q *sendQueue, pool *Chunks, b []byte) int) (int, error) {
	switch {
	case c.closed:
		return 0, ErrClosed
	case c.err != nil:
		return 0, c.tell(ErrPipe)
	case c.finQueued:
		return 0, ErrPipe
	case c.state == StateClosed || c.state == StateListen:
		return 0, ErrNotConnected
	case len(b) == 0:
		return 0, nil
	}
	n := min(len(b), c.sendSize()-c.out.len())
	if n <= 0 {
		return 0, ErrWouldBlock
	}
	c.noteAppLimited()
	if n = queue(&c.out, c.cfg.Chunks, b[:n]); n == 0 {
		return 0, ErrWouldBlock
	}
	return n, nil
}

// tell returns why the connection ended, the first time, and later from then on.
func (c *Conn) tell(later error) error {
	// A user who has read the peer's FIN expects no more than that writing is over.
	if c.told || c.rcv.finTaken && c.err == ErrReset {
		return later
	}
	c.told = true
	return c.err
}

// Readable says that Read would not return ErrWouldBlock.
func (c *Conn) Readable() bool {
	return c.in.len() > 0 || c.rcv.finTaken || c.readClosed || c.err != nil ||
		c.state == StateClosed || c.state == StateListen
}

// Writable says that Write would not return ErrWouldBlock.
func (c *Conn) Writable() bool {
	return c.out.tail == nil || c.Room() > 0 || c.finQueued || c.err != nil ||
		c.state == StateClosed || c.state == StateListen
}

// AllAcknowledged says that the peer has acknowledged all that was written.
func (c *Conn) AllAcknowledged() bool { return c.out.len() == 0 }

// Room is how many bytes of text Write would queue now, while it may write at all.
func (c *Conn) Room() int {
	share := c.cfg.Chunks.Share()
	return max(0, min(c.neededSize()-c.out.len(), max(promisedSend, share)-c.out.len(), c.out.room(share)))
}

// Starved says that Write would queue more if the stack had more memory.
func (c *Conn) Starved() bool { return c.Room() == 0 && c.out.len() < c.neededSize() }

// SetSendBuffer sets how many bytes Write queues at most, Config.SendBuffer or
// less, whatever the congestion window needs. What is queued stays.
func (c *Conn) SetSendBuffer(_ time.Time, n int) {
	c.sendBuffer = int32(min(max(n, minBuffer), c.cfg.SendBuffer))
}

// SendBuffer returns how many bytes Write queues at most, as things are.
func (c *Conn) SendBuffer() int { return c.sendSize() }

// SetReceiveBuffer sets how many bytes wait for Read at most, Config.ReceiveBuffer
// or less, and so the largest window. What the peer was offered before stays offered
// (SHLD-14).
func (c *Conn) SetReceiveBuffer(_ time.Time, n int) {
	c.receiveFixed, c.sizing = true, nil
	c.receiveBuffer = int32(min(max(n, minBuffer), c.cfg.ReceiveBuffer))
	c.updateWindow()
}

// SetMaxSegment changes Params.MaxSegment, for a link that takes others.
func (c *Conn) SetMaxSegment(n int) { c.maxSegment = uint16(min(max(n, 0), 65535)) }
