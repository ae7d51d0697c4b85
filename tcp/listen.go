package tcp

import "github.com/usernet-go/usernet/wire"

const (
	syn = wire.SYN
	ack = wire.ACK
	fin = wire.FIN
	rst = wire.RST
	psh = wire.PSH
	urg = wire.URG
)

// receiveClosed is RFC 9293, 3.10.7.1. The reset of an abort that was not sent yet
// stays: it has the number that the peer expects next, while that in seg may be from
// before what is in the network.
func (c *Conn) receiveClosed(seg *Segment) Reason {
	if c.reply.flags == 0 {
		c.reset(seg)
	}
	return ReasonNoConnection
}

// receiveListen is RFC 9293, 3.10.7.2, in its order.
func (c *Conn) receiveListen(now instant, seg *Segment) Reason {
	// "First, check for a RST: [...] An incoming RST should be ignored. Return."
	if seg.Flags.Has(rst) {
		return ReasonListenRST
	}
	// "Second, check for an ACK: Any acknowledgment is bad if it arrives on a
	// connection still in the LISTEN state. [...] <SEQ=SEG.ACK><CTL=RST>"
	if seg.Flags.Has(ack) {
		c.reset(seg)
		return ReasonListenACK
	}
	// "Third, check for a SYN" and "Fourth, other data or control: This should not be
	// reached. Drop the segment and return."
	if !seg.Flags.Has(syn) {
		return ReasonListenNoSYN
	}
	// "any other control or text should be queued for processing later. [...]
	// <SEQ=ISS><ACK=RCV.NXT><CTL=SYN,ACK> SND.NXT is set to ISS+1 and SND.UNA to ISS.
	// The connection state should be changed to SYN-RECEIVED."
	c.startReceiving(now, seg)
	c.peerOptions(now, seg)
	c.takeOfferOfECN(seg)
	c.startSending()
	c.setSendWindow(seg)
	c.enter(StateSynReceived)
	c.synNow = true
	c.keepTextOfSYN(seg)
	c.armRetransmit(now)
	c.armGiveUp(now)
	return ReasonTaken
}

// keepTextOfSYN queues the text of a SYN, as text that came too early: it is
// acknowledged once the connection is established.
//
// RFC 9293, 3.10.7.3: "If there are other controls or text in the segment, queue
// them for processing after the ESTABLISHED state has been reached". A FIN is
// not kept, nor text for which the connection has no memory of its own: whoever sent
// the SYN may not be who it says. The peer sends them again.
func (c *Conn) keepTextOfSYN(seg *Segment) {
	n := min(seg.Len, c.rcvWindow(), promisedReceive)
	if n == 0 {
		return
	}
	a := arrival{seq: c.rcv.nxt, n: n, pieces: seg.Text}
	c.in.usePromised(c.cfg.Chunks)
	c.in.write(c.cfg.Chunks, a)
	c.in.runs = append(c.in.runs, run{a.seq, a.seq.Add(n)})
}

// takeTextOfSYN makes what keepTextOfSYN has kept readable.
func (c *Conn) takeTextOfSYN() {
	if len(c.in.runs) > 0 {
		c.in.join()
		c.counted().bytesIn += uint64(c.in.next.Sub(c.rcv.nxt))
		c.rcv.nxt = c.in.next
		c.ackNow = true
	}
}

// receiveSynSent is RFC 9293, 3.10.7.3, in its order; there is no security to
// check.
func (c *Conn) receiveSynSent(now instant, seg *Segment) Reason {
	// "First, check the ACK bit: [...] If SEG.ACK =< ISS or SEG.ACK > SND.NXT, send a
	// reset (unless the RST bit is set, if so drop the segment and return)"
	acceptable := false
	if seg.Flags.Has(ack) {
		acceptable = c.snd.una.Less(seg.Ack) && seg.Ack.LessEq(c.snd.nxt)
		if !acceptable {
			c.reset(seg)
			return ReasonSynSentACK
		}
	}
	// "Second, check the RST bit: [...] If the ACK was acceptable, then signal to the
	// user "error: connection reset", drop the segment, enter CLOSED state, delete
	// TCB, and return. Otherwise (no ACK), drop the segment and return." The user's
	// word for a reset here is "refused" (3.10.7.4, Second).
	if seg.Flags.Has(rst) {
		if !acceptable {
			return ReasonSynSentRST
		}
		c.terminate(ErrRefused)
		return ReasonReset
	}
	// "Fourth, check the SYN bit"; "Fifth, if neither of the SYN or RST bits is set,
	// then drop the segment and return."
	if !seg.Flags.Has(syn) {
		return ReasonSynSentNoSYN
	}
	// "RCV.NXT is set to SEG.SEQ+1, IRS is set to SEG.SEQ. SND.UNA should be advanced
	// to equal SEG.ACK (if there is an ACK)"
	c.startReceiving(now, seg)
	c.peerOptions(now, seg)
	c.setSendWindow(seg)
	c.keepTextOfSYN(seg)
	if !acceptable {
		c.takeOfferOfECN(seg)
		// "Otherwise, enter SYN-RECEIVED, form a SYN,ACK segment
		// <SEQ=ISS><ACK=RCV.NXT><CTL=SYN,ACK> and send it." (MUST-10)
		c.enter(StateSynReceived)
		c.synNow = true
		c.armRetransmit(now)
		return ReasonTaken
	}
	// "If SND.UNA > ISS (our SYN has been ACKed), change the connection state to
	// ESTABLISHED, form an ACK segment <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>"
	c.takeAnswerOfECN(seg)
	c.acknowledge(now, seg)
	if c.ecn.told {
		c.congestionExperienced(now, 0)
	}
	c.establish()
	c.ackNow = true
	// "continue processing at the sixth step under Section 3.10.7.4 where the URG bit
	// is checked"; the text was taken above.
	c.processUrgent(seg)
	c.noteFIN(seg.Flags.Has(fin), seg.end().Add(-1))
	c.processFIN(now)
	return ReasonTaken
}

// establish enters ESTABLISHED, or FIN-WAIT-1 when the user has closed
// meanwhile.
func (c *Conn) establish() {
	c.enter(StateEstablished)
	if c.finQueued {
		c.enter(StateFinWait1)
	}
}

// startTransfer is called when our SYN is acknowledged: the connection begins to
// send text.
func (c *Conn) startTransfer(now instant) {
	c.window.Bytes = c.initialWindow()
	c.window.SlowStartThreshold = UnboundedThreshold
	c.startCongestionControl(now)
	c.startQuickACKs()
	c.armKeepAlive(now)
	c.takeTextOfSYN()
}

// initialWindow is the congestion window with which a connection begins.
func (c *Conn) initialWindow() int {
	// RFC 5681, 3.1: "if the SYN or SYN/ACK is lost, the initial window used by a
	// sender after a correctly transmitted SYN MUST be one segment".
	if c.synResent {
		return c.window.MSS
	}
	// RFC 6928, 2: "min (10*MSS, max (2*MSS, 14600))"
	n, mss := c.cfg.InitialWindow, c.window.MSS
	return min(n*mss, max(2*mss, n*1460))
}
