package tcp

import "time"

// queueFIN lets FIN follow the text that is queued, and enters the state of one
// who has closed.
func (c *Conn) queueFIN() {
	switch c.state {
	case StateSynSent:
		// Sent when the connection is established.
	case StateSynReceived:
		// RFC 9293, 3.10.4: "If no SENDs have been issued and there is no pending data to
		// send, then form a FIN segment and send it, and enter FIN-WAIT-1 state;
		// otherwise, queue for processing after entering ESTABLISHED state."
		if c.out.len() == 0 {
			c.enter(StateFinWait1)
		}
	case StateEstablished:
		// "Queue this until all preceding SENDs have been segmentized, then form a FIN
		// segment and send it. In any case, enter FIN-WAIT-1 state."
		c.enter(StateFinWait1)
	case StateCloseWait:
		// "Queue this request until all preceding SENDs have been segmentized; then send
		// a FIN segment, enter LAST-ACK state."
		c.enter(StateLastAck)
	default:
		return
	}
	c.finQueued = true
}

// CloseWrite says that the user has no more to send. What was written is sent,
// then FIN; the user goes on to read.
func (c *Conn) CloseWrite(t time.Time) error {
	switch {
	case c.closed:
		return ErrClosed
	case c.finQueued:
		return nil
	case c.err != nil:
		return c.tell(ErrPipe)
	case c.state == StateClosed || c.state == StateListen:
		return ErrNotConnected
	}
	c.queueFIN()
	return nil
}

// CloseRead says that the user will read no more. What has arrived is dropped,
// what arrives is acknowledged and dropped.
func (c *Conn) CloseRead(t time.Time) error {
	switch {
	case c.closed:
		return ErrClosed
	case c.err == nil && (c.state == StateClosed || c.state == StateListen):
		return ErrNotConnected
	}
	c.readClosed = true
	if c.in.len() > 0 {
		c.in.discard(c.cfg.Chunks, c.in.next)
		c.readUpTo(c.in.first)
		c.updateWindow()
	}
	return nil
}

// Close ends the use of the connection; it goes on by itself until the peer has
// all that was written, and has closed too. If there is text that the user has
// not read, or if more arrives, the peer gets a RST instead (MAY-1).
func (c *Conn) Close(t time.Time) error {
	if c.closed {
		return ErrClosed
	}
	now := c.at(t)
	unread := c.in.len() > 0 || len(c.in.runs) > 0
	c.closed, c.readClosed = true, true
	switch {
	case c.state == StateClosed || c.state == StateTimeWait:
		// The peer is done with the connection: there is nobody to tell.
		c.in.discard(c.cfg.Chunks, c.in.next)
	case c.state == StateListen || c.state == StateSynSent:
		// RFC 9293, 3.10.4: "Delete TCB, enter CLOSED state, and return."
		c.terminate(nil)
	case unread:
		// 3.6.1: "If such a host issues a CLOSE call while received data is still pending
		// in the TCP connection, or if new data is received after CLOSE is called, its TCP
		// implementation SHOULD send a RST to show that data was lost (SHLD-3)."
		c.resetPeer(now)
		c.terminate(nil)
	default:
		c.queueFIN()
		c.armFinWait2(now)
	}
	return nil
}

// Abort ends the connection at once, with a RST to the peer.
func (c *Conn) Abort(t time.Time) {
	c.closed, c.readClosed = true, true
	c.in.discard(c.cfg.Chunks, c.in.next)
	if c.state != StateClosed {
		c.abort(c.at(t), ErrAborted)
	}
}

// Forget ends the connection at once, and tells the peer nothing.
func (c *Conn) Forget() {
	c.closed, c.readClosed = true, true
	c.terminate(ErrAborted)
}

// abort is RFC 9293, 3.10.5: in the states that are not listed in its second
// group "delete the TCB, enter CLOSED state, and return" is all.
func (c *Conn) abort(now instant, err error) {
	switch c.state {
	case StateSynReceived, StateEstablished, StateFinWait1, StateFinWait2, StateCloseWait:
		c.resetPeer(now)
	case StateClosing, StateLastAck:
		// Where FIN still waits behind text, the RFC's states would be CLOSE-WAIT, or one
		// from which FIN was sent: the peer would wait for it for ever.
		if !c.finSent() {
			c.resetPeer(now)
		}
	}
	c.terminate(err)
}

// giveUpOn ends a connection whose peer does not answer, for the reason that ICMP
// has given, if it has.
func (c *Conn) giveUpOn(err error) {
	if c.softErr != nil {
		err = c.softErr
	}
	c.terminate(err)
}

// enterTimeWait starts the wait that ends a connection.
//
// RFC 9293, 3.6.1: "When a connection is closed actively, it MUST linger in the
// TIME-WAIT state for a time 2xMSL (Maximum Segment Lifetime) (MUST-13)."
func (c *Conn) enterTimeWait(now instant) {
	c.enter(StateTimeWait)
	c.timers.clearAll()
	c.timers[timerClose] = now.add(c.cfg.TimeWait)
	c.softErr = nil
	if c.tx != nil {
		c.tx.board.release() // all is acknowledged
	}
	c.oweDupACKs, c.aliveNow, c.probeNow, c.resendNow, c.tailNow = 0, false, false, false, false
}

// armFinWait2 bounds FIN-WAIT-2 when there is no user any more who waits for the
// peer's FIN: a peer that never sends it would hold the connection for ever.
func (c *Conn) armFinWait2(now instant) {
	if c.state == StateFinWait2 && c.closed && c.timers[timerClose] == 0 {
		c.timers[timerClose] = now.add(c.cfg.FinWait2)
	}
}

// closeTimeout is RFC 9293, 3.10.8: "If the time-wait timeout expires on a
// connection, delete the TCB, enter the CLOSED state, and return."
func (c *Conn) closeTimeout() { c.terminate(nil) }
