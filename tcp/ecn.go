package tcp

import "github.com/usernet-go/usernet/wire"

// Explicit congestion notification: what both ends agree on. A router that is
// congested marks packets instead of dropping them; the receiver tells the sender,
// who reacts as if they had been lost. How it tells depends on the mode.

// ECNMode is how the two ends of a connection tell each other of congestion marks.
type ECNMode uint8

const (
	ECNNone     ECNMode = iota // not at all
	ECNClassic                 // RFC 3168: one bit, until the sender says that it has heard it
	ECNAccurate                // RFC 9768 (AccECN): counters of packets and bytes
)

var ecnModeNames = [...]string{ECNNone: "none", ECNClassic: "ecn", ECNAccurate: "accecn"}

// String returns "none", "ecn" or "accecn".
func (m ECNMode) String() string { return ecnModeNames[m] }

const (
	ece = wire.ECE
	cwr = wire.CWR
	ae  = wire.AE
)

// ecnFlags are the control bits by which the ends of a connection agree on a mode.
const ecnFlags = ae | cwr | ece

// ecnTries is how many SYNs ask for ECN, and how many SYN,ACKs agree to AccECN.
//
// RFC 9768, 3.1.4.1: "it SHOULD attempt to negotiate the use of AccECN at least one
// more time [...] If this first retransmission also fails to be acknowledged, in
// deployment scenarios where AccECN path traversal might be problematic, the TCP
// Client SHOULD send subsequent retransmissions of the SYN with the three TCP-ECN
// flags cleared".
const ecnTries = 2

// ecnState is what a connection knows of ECN.
type ecnState struct {
	until   Seq // marks on what was sent before it have been reacted to
	mode    ECNMode
	arrived wire.ECN // with which the peer's last SYN or SYN,ACK came
	seen    bool     // something that may be marked has arrived
	noECT   bool     // what is sent must not be marked
	plain   bool     // a SYN without an offer was sent, or an answer that declines
	told    bool     // the ACK that is being processed tells of marks
	byMarks bool     // the reduction at until was for marks
	echo    bool     // marks have arrived: each ACK says so until the peer has reacted (RFC 3168)
	cwr     bool     // the next new text says that the window was reduced (RFC 3168)

	// RFC 9768.
	finalACK bool // the next ACK without text answers a SYN,ACK
	testText bool // the first text is to have an option
	mute     bool // none of what we send has an option
	heard    bool // the peer's segments have options
	ignored  bool // what is in them is not to be trusted
	deaf     bool // what the peer says of marks is not to be trusted
	marks    *ecnMarks
}

// ecnMarks is what a connection needs to know only when it has met marks, or when
// text has moved in the mode of RFC 9768.
type ecnMarks struct {
	holdUntil instant // no new text leaves before

	receivedCE  uint64
	receivedECE uint64
	deliveredCE uint64
	reductions  uint64

	accurateReceiver
	accurateSender
}

// met returns the marks for noting some.
func (e *ecnState) met() *ecnMarks {
	if e.marks == nil {
		// RFC 9768, 3.2.1: "r.cep = 5, r.e0b = r.e1b = 1, and r.ceb = 0. [...] s.cep = 5,
		// s.e0b = s.e1b = 1, and s.ceb = 0."
		e.marks = new(ecnMarks)
		e.marks.packets = 5
		e.marks.bytes = byteCounters{wire.ECT0: 1, wire.ECT1: 1}
		e.marks.peerPackets = 5
		e.marks.peerBytes = byteCounters{wire.ECT0: 1, wire.ECT1: 1}
	}
	return e.marks
}

// offerECN sets the flags of our SYN, or of our SYN,ACK, which answers the peer's
// offer. Neither is ever sent with an ECT codepoint.
func (c *Conn) offerECN(out *Segment) {
	e := &c.ecn
	switch {
	case c.cfg.NoECN:
	case c.state == StateSynSent:
		// RFC 9768, 3.1.1: "to request more Accurate ECN feedback the TCP Client (host A)
		// MUST set the TCP flags (AE,CWR,ECE) = (1,1,1) in the initial SYN segment." A peer
		// that does not know it sees an offer of RFC 3168.
		if c.retransmits < ecnTries {
			out.Flags |= ae | cwr | ece
		} else {
			e.plain = true
		}
	case e.mode == ECNAccurate:
		c.agreeAccurate(out)
	case e.mode == ECNClassic && !e.plain:
		// RFC 3168, 6.1.1: "When Host B sends an ECN-setup SYN-ACK packet, it sets the ECE
		// flag but not the CWR flag."
		out.Flags |= ece
	}
}

// offered is the mode that a SYN asks for.
//
// RFC 9768, 3.1.3: "any combination other than (0,0,0), (0,1,1), or (1,1,1) [...] MUST
// negotiate the use of AccECN as if the three flags had been set to (1,1,1)."
func offered(seg *Segment) ECNMode {
	switch seg.Flags & ecnFlags {
	case 0:
		return ECNNone
	case cwr | ece:
		return ECNClassic
	}
	return ECNAccurate
}

// answered is the mode that a SYN,ACK agrees to, when the SYN asked for
// ECNAccurate: RFC 9768, Table 2.
func answered(seg *Segment) ECNMode {
	switch seg.Flags & ecnFlags {
	case 0, ae | cwr | ece: // not at all; "Broken": it repeats what the SYN had
		return ECNNone
	case ece:
		return ECNClassic
	}
	return ECNAccurate
}

// takeOfferOfECN takes the flags of the peer's SYN.
func (c *Conn) takeOfferOfECN(seg *Segment) {
	c.ecn = ecnState{until: c.snd.iss, arrived: seg.ECN}
	if !c.cfg.NoECN {
		c.ecn.mode = offered(seg)
	}
}

// takeOfferAgain takes the flags of a SYN that repeats the peer's, or of the SYN,ACK
// that crosses ours. False means that it agrees to another mode than the first.
//
// RFC 9768, 3.1.5: "MUST reset the connection with a RST packet, if it receives a
// 'Classic' ECN-setup SYN with (AE,CWR,ECE) = (0,1,1) and a SYN requesting AccECN
// feedback during the same handshake"; and "MUST NOT switch into a different feedback
// mode".
func (c *Conn) takeOfferAgain(seg *Segment) bool {
	e, mode := &c.ecn, offered(seg)
	if seg.Flags.Has(ack) {
		mode = answered(seg)
	}
	if e.mode == ECNNone || c.cfg.NoECN {
		return true
	}
	e.arrived = seg.ECN
	if mode == ECNNone {
		// RFC 3168, 6.1.1: "If a host has received at least one non-ECN-setup SYN [...]
		// then it SHOULD NOT set ECT on data packets." RFC 9768, 3.1.5, of a server: "MUST
		// NOT set ECT on any packet for the rest of the connection". Only the mode of RFC
		// 9768 is agreed to all the same.
		e.noECT, e.plain = true, true
		return true
	}
	return mode == e.mode
}

// disagree ends a handshake that agrees to two modes.
func (c *Conn) disagree(now instant, seg *Segment) Reason {
	if c.passive {
		c.returnToListen(now)
	} else {
		c.terminate(ErrReset)
	}
	c.reset(seg)
	return ReasonReset
}

// takeAnswerOfECN takes the flags of the SYN,ACK that answers our SYN.
func (c *Conn) takeAnswerOfECN(seg *Segment) {
	e := &c.ecn
	*e = ecnState{until: c.snd.iss, plain: e.plain, arrived: seg.ECN}
	if c.cfg.NoECN {
		return
	}
	switch e.mode = answered(seg); e.mode {
	case ECNClassic:
		// RFC 3168, 6.1.1: "A host MUST NOT set ECT on data packets unless it has [...]
		// sent no non-ECN-setup SYN".
		e.noECT = e.plain
	case ECNAccurate:
		c.beginAccurate(seg)
	}
}

// tell fills what Info has of ECN.
func (e *ecnState) tell(i *Info) {
	i.ECN, i.ECNSeen = e.mode, e.seen
	if m := e.marks; m != nil {
		i.ReceivedCE, i.ReceivedECE, i.DeliveredCE, i.ECNReductions = m.receivedCE, m.receivedECE, m.deliveredCE, m.reductions
	}
}
