package tcp

import "github.com/usernet-go/usernet/wire"

// The receiver of text: which marks have arrived, and how the peer hears of them.

// noteMark looks at the codepoint with which an acceptable segment has arrived.
//
// RFC 3168, 6.1.5: "the TCP data receiver SHOULD ignore the ECN field on arriving
// data packets that are outside of the receiver's current window."
func (c *Conn) noteMark(seg *Segment) {
	e := &c.ecn
	e.seen = e.seen || e.mode != ECNNone && seg.ECN != wire.NotECT
	switch {
	case e.mode == ECNAccurate:
		c.countArrival(seg)
		return
	case e.mode == ECNNone || seg.Len == 0:
		return
	}
	// RFC 3168, 6.1.3: "that TCP receiver continues to set the ECN-Echo flag in all
	// the ACK packets it sends [...] until it receives a CWR packet". Who has reduced
	// its window may have no more than one segment in it, and waits for the ACK.
	if seg.Flags.Has(cwr) {
		e.echo, c.ackNow = false, true
	}
	// "When TCP receives a CE data packet at the destination end-system, the TCP data
	// receiver sets the ECN-Echo flag in the TCP header of the subsequent ACK packet."
	if seg.ECN == wire.CE {
		c.ackNow = c.ackNow || !e.echo
		e.echo = true
		e.met().receivedCE += uint64(seg.Segments())
	}
}

// echoMarks sets the flags by which a segment with ACK tells the peer of marks.
func (c *Conn) echoMarks(out *Segment) {
	switch e := &c.ecn; {
	case e.mode == ECNAccurate:
		// RFC 9768, 3.2.2: "a Data Receiver MUST encode the 3 least significant bits of its
		// r.cep counter into the ACE field that it feeds back to the Data Sender."
		out.Flags |= aceFlags(e.ace())
		if e.marks != nil {
			e.marks.unsaid = 0
		}
	case e.echo:
		out.Flags |= ece
	}
}
