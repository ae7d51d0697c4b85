package tcp

// What the peer may send: the receive window and when it moves. The right edge
// never moves left (RFC 9293, 3.8.6: SHLD-14), unless there is no memory for what the
// window has: see squeeze.

// rcvWindow is RCV.WND, counted from RCV.NXT to the farthest edge ever
// advertised.
//
// RFC 7323, 2.4: "the receiver SHOULD track the actual maximum window sequence
// number"
func (c *Conn) rcvWindow() int { return max(0, c.rcv.edge.Sub(c.rcv.nxt)) }

// receiveSize is RCV.BUFF: as much of the receive buffer as the stack has memory for at
// this moment, and at least what the window's scale can show.
func (c *Conn) receiveSize() int {
	return min(int(c.receiveBuffer), max(promisedReceive, 2<<c.rcv.shift, c.cfg.Chunks.Share()))
}

// free is the room in a receive buffer of size bytes: RCV.BUFF - RCV.USER.
func (c *Conn) free(size int) int { return max(0, size-c.in.len()) }

// synWindow is the window on our SYN, which is not scaled.
func (c *Conn) synWindow() int {
	return min(c.cfg.ReceiveBuffer, 65535, max(promisedReceive, c.cfg.Chunks.Share()))
}

// offer is how far from RCV.NXT the edge may be moved. With a window scale, a
// part of the buffer is held back for windowField, which rounds up. size is receiveSize.
func (c *Conn) offer(size int) int {
	n := c.free(size)
	if c.rcv.shift > 0 {
		n = max(0, n-size>>6)
	}
	return min(n, 65535<<c.rcv.shift) >> c.rcv.shift << c.rcv.shift
}

// advance is how far the edge would move in a buffer of that size, or 0 when
// silly-window avoidance keeps it where it is.
func (c *Conn) advance(size int) int {
	// RFC 9293, 3.8.6.2.2: "keep RCV.NXT+RCV.WND fixed until the reduction
	// satisfies: RCV.BUFF - RCV.USER - RCV.WND >= min( Fr * RCV.BUFF, Eff.snd.MSS )
	// where Fr is a fraction whose recommended value is 1/2" (MUST-39)
	half := size / 2
	if c.rcv.shift > 0 {
		// A little less: where the buffer takes two segments, what is held back of it would
		// keep the edge where it is, and the sender waiting for half of the window.
		half -= size >> 5
	}
	n := c.offer(size) - c.rcvWindow()
	if n < min(half, c.window.MSS) {
		return 0
	}
	return n
}

// windowField moves the edge where it may move, and returns the window for the
// header of the next segment.
func (c *Conn) windowField() uint16 {
	size := c.receiveSize()
	if c.squeezed(size) {
		return uint16(c.squeezedWindow(size) >> c.rcv.shift)
	}
	if n := c.advance(size); n > 0 {
		c.rcv.edge = c.rcv.nxt.Add(c.rcvWindow() + n)
	}
	// RFC 7323, 2.4: "The end of the window will be on a boundary based on the
	// granularity of the scale factor being used. If the sequence number is then
	// updated by a number of bytes smaller than that granularity, the TCP will have
	// to either advertise a new window that is beyond what it previously advertised
	// (and perhaps beyond the buffer) or will have to advertise a smaller window".
	// The former, as long as the buffer has room for it.
	wnd, unit := c.rcvWindow(), 1<<c.rcv.shift
	field := (wnd + unit - 1) >> c.rcv.shift
	if field<<c.rcv.shift > max(wnd, c.free(size)) {
		field = wnd >> c.rcv.shift
	}
	field = min(field, 65535)
	c.rcv.edge = c.rcv.edge.Max(c.rcv.nxt.Add(field << c.rcv.shift))
	return uint16(field)
}

// updateWindow sends a window update, after the user has read, when the peer
// may be waiting for it: when the window at least doubles. A smaller step
// travels with the next ACK.
func (c *Conn) updateWindow() {
	if c.rcv.squeeze != windowFree {
		c.ackNow = c.ackNow || c.state.receivesText() && c.rcv.squeeze == windowShut && c.squeezedWindow(c.receiveSize()) > 0
	} else if c.state.receivesText() && c.advance(c.receiveSize()) >= max(1, c.rcvWindow()) {
		c.ackNow = true
	}
}
