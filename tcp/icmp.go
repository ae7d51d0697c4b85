package tcp

import "time"

// Unreachable tells the connection that the network could not deliver one of its
// segments: an ICMP error that quotes something Outstanding, or a neighbour that
// does not answer. Err is one of the package's sentinels; hard says that it will
// not get better (RFC 9293, 3.9.2.2: destination unreachable, codes 2 to 4).
func (c *Conn) Unreachable(t time.Time, err error, hard bool) {
	switch c.state {
	case StateClosed, StateListen, StateTimeWait:
		return
	case StateSynSent, StateSynReceived:
		// RFC 5461, 4.1: "A number of TCP implementations have modified their reaction to
		// all ICMP soft errors and treat them as hard errors when they are received for
		// connections in the SYN-SENT or SYN-RECEIVED states." So do we: nobody wants to
		// wait minutes for what is known.
		if err == ErrPortUnreachable || err == ErrProtocol {
			err = ErrRefused
		}
		c.terminate(err)
		return
	}
	if hard {
		// RFC 9293, 3.9.2.2: "These are hard error conditions, so TCP implementations
		// SHOULD abort the connection (SHLD-26)."
		c.terminate(err)
		return
	}
	// "Since these Unreachable messages indicate soft error conditions, a TCP
	// implementation MUST NOT abort the connection (MUST-56), and it SHOULD make the
	// information available to the application (SHLD-25)."
	c.softErr = err
}

// Progress says, once, that the peer has acknowledged something new, or has sent
// new text in order: so what we send arrives (RFC 4861, 7.3.1).
func (c *Conn) Progress() bool {
	p := c.progress
	c.progress = false
	return p
}

// SoftError returns the last report of Unreachable that did not end the
// connection, until the peer is heard again (SHLD-25, MUST-47).
func (c *Conn) SoftError() error { return c.softErr }
