package tcp

import "time"

// Urgent data: RFC 9293, 3.8.5, and RFC 6093. It is received in line, where it
// was sent; what is urgent is to read on up to the urgent pointer.

// Sixth, check the URG bit.
//
// RFC 9293, 3.10.7.4: "If the URG bit is set, RCV.UP <- max(RCV.UP,SEG.UP), and
// signal the user that the remote side has urgent data if the urgent pointer
// (RCV.UP) is in advance of the data consumed." Also when the window is closed
// (MUST-66).
func (c *Conn) processUrgent(seg *Segment) {
	if !seg.Flags.Has(urg) || !c.state.receivesText() {
		return
	}
	// 3.8.5: "The urgent pointer MUST point to the sequence number of the octet
	// following the urgent data (MUST-62)." 3.1: "a positive offset from the sequence
	// number in this segment", which on a SYN is the SYN's own.
	up := seg.Seq.Add(int(seg.Urgent))
	if up.LessEq(c.in.first) || c.urgentIn && up.LessEq(c.rcv.up) {
		return
	}
	// "A TCP implementation MUST (MUST-32) inform the application layer asynchronously
	// whenever it receives an urgent pointer and there was previously no pending urgent
	// data, or whenever the urgent pointer advances in the data stream."
	c.rcv.up, c.urgentIn, c.urgentNews = up, true, true
}

// Urgent returns how many bytes the user has to read until all the urgent data
// that is known of is read, arrived or not (MUST-33); 0 when there is none.
func (c *Conn) Urgent() int {
	if !c.urgentIn {
		return 0
	}
	return c.rcv.up.Sub(c.in.first)
}

// UrgentSignal says, once each time, that an urgent pointer has arrived or
// advanced (MUST-32).
func (c *Conn) UrgentSignal() bool {
	news := c.urgentNews
	c.urgentNews = false
	return news
}

// untilUrgent cuts a read of n bytes at the urgent pointer.
//
// RFC 9293, 3.9.1.3: "data following the urgent pointer (non-urgent data) cannot be
// delivered to the user in the same buffer with preceding urgent data unless the
// boundary is clearly marked for the user."
func (c *Conn) untilUrgent(n int) int {
	if c.urgentIn {
		return min(n, c.Urgent())
	}
	return n
}

// readUpTo notes that the user has read all up to seq.
func (c *Conn) readUpTo(seq Seq) {
	if c.urgentIn && c.rcv.up.LessEq(seq) {
		c.urgentIn = false
	}
}

// WriteUrgent is Write of urgent data of any length (MUST-31): segments point to
// its end until the peer has acknowledged all of it. New applications should not
// use it (SHLD-13).
func (c *Conn) WriteUrgent(t time.Time, b []byte) (int, error) {
	n, err := c.Write(t, b)
	if n > 0 {
		// The pointer goes ahead of data that cannot be sent yet, once: a peer that reads
		// urgent data anyway learns of more of it by what follows. Without text the
		// segment is a duplicate ACK (RFC 5681, 2), of which three start a fast retransmit.
		c.ackNow = c.ackNow || !c.urgentOut && c.state.synchronized()
		c.snd.up, c.urgentOut = c.out.end, true
	}
	return n, err
}
