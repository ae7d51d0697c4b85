package tcp

import "github.com/usernet-go/usernet/wire"

// Explicit congestion notification: what both ends agree on. A router that is
// congested marks packets instead of dropping them; the receiver tells the sender,
// who reacts as if they had been lost. How it tells depends on the mode.

// ECNMode is how the two ends of a connection tell each other of congestion marks.
type ECNMode uint8

const (
	ECNNone    ECNMode = iota // not at all
	ECNClassic                // RFC 3168: one bit, until the sender says that it has heard it
)

var ecnModeNames = [...]string{ECNNone: "none", ECNClassic: "ecn"}

func (m ECNMode) String() string { return ecnModeNames[m] }

const (
	ece = wire.ECE
	cwr = wire.CWR
)

// ecnFlags are the control bits by which the ends of a connection agree on a mode.
const ecnFlags = ece | cwr

// ecnState is what a connection knows of ECN.
type ecnState struct {
	until   Seq // marks on what was sent before it have been reacted to
	mode    ECNMode
	noECT   bool // what is sent must not be marked
	plain   bool // a SYN without an offer was sent, or an answer that declines
	told    bool // the ACK that is being processed tells of marks
	byMarks bool // the reduction at until was for marks
	echo    bool // marks have arrived: each ACK says so until the peer has reacted (RFC 3168)
	cwr     bool // the next new text says that the window was reduced (RFC 3168)
	marks   *ecnMarks
}

// ecnMarks is what only a connection has that has met marks.
type ecnMarks struct {
	holdUntil instant // no new text leaves before

	receivedCE  uint64
	receivedECE uint64
	reductions  uint64
}

// met returns the marks for noting some.
func (e *ecnState) met() *ecnMarks {
	if e.marks == nil {
		e.marks = new(ecnMarks)
	}
	return e.marks
}

// offerECN sets the flags of our SYN, or of our SYN,ACK, which answers the peer's
// offer. Neither is ever sent with an ECT codepoint.
func (c *Conn) offerECN(out *Segment) {
	e := &c.ecn
	switch {
	case c.cfg.NoECN:
	case e.mode == ECNClassic && !e.plain:
		// "When Host B sends an ECN-setup SYN-ACK packet, it sets the ECE flag but not
		// the CWR flag."
		out.Flags |= ece
	}
}

// takeOfferOfECN takes the flags of the peer's SYN.
func (c *Conn) takeOfferOfECN(seg *Segment) {
	c.ecn = ecnState{until: c.snd.iss}
	// RFC 3168, 6.1.1: "we call a SYN packet with at least one of the ECE and CWR
	// flags not set a "non-ECN-setup SYN packet"."
	if !c.cfg.NoECN && seg.Flags.Has(ece|cwr) {
		c.ecn.mode = ECNClassic
	}
}

// takeOfferAgain takes the flags of a SYN that repeats the peer's.
func (c *Conn) takeOfferAgain(seg *Segment) {
	// RFC 3168, 6.1.1: "If a host has received at least one non-ECN-setup SYN [...]
	// then it SHOULD NOT set ECT on data packets." 6.1.1.1, on a peer that asks no
	// longer: "(4) Host B: Sends a non-ECN-setup SYN/ACK."
	if c.ecn.mode == ECNClassic && !seg.Flags.Has(ece|cwr) {
		c.ecn.noECT, c.ecn.plain = true, true
	}
}

// takeAnswerOfECN takes the flags of the SYN,ACK that answers our SYN.
func (c *Conn) takeAnswerOfECN(seg *Segment) {
	e := &c.ecn
	*e = ecnState{until: c.snd.iss, plain: e.plain}
	// RFC 3168, 6.1.1: "we call a SYN-ACK packet with only the ECE flag set but the
	// CWR flag not set an "ECN-setup SYN-ACK packet"". One that has both only repeats
	// what we have sent (6.1.1.2).
	if c.cfg.NoECN || seg.Flags&ecnFlags != ece {
		return
	}
	e.mode = ECNClassic
	// "A host MUST NOT set ECT on data packets unless it has [...] sent no
	// non-ECN-setup SYN".
	e.noECT = e.plain
}

// tell fills what Info has of ECN.
func (e *ecnState) tell(i *Info) {
	i.ECN = e.mode
	if m := e.marks; m != nil {
		i.ReceivedCE, i.ReceivedECE, i.ECNReductions = m.receivedCE, m.receivedECE, m.reductions
	}
}
