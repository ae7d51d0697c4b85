package tcp

import "github.com/usernet-go/usernet/wire"

// More accurate ECN feedback (RFC 9768): the handshake, in which each end tells the
// other with which codepoint its SYN or SYN,ACK has arrived.

// byteCounters count bytes of text by the codepoint with which they arrived.
type byteCounters [4]uint32

// ACE is the three flags as a number (RFC 9768, 3.2.2).
const aceShift = 6 // ECE is its lowest bit

func aceOf(f wire.TCPFlags) uint32 { return uint32(f&ecnFlags) >> aceShift }

func aceFlags(ace uint32) wire.TCPFlags { return wire.TCPFlags(ace&7) << aceShift }

// handshakeACE is what a SYN,ACK, and the ACK of it, say of the codepoint with which
// the segment before arrived: RFC 9768, Tables 2 and 3.
var handshakeACE = [...]uint32{wire.NotECT: 0b010, wire.ECT1: 0b011, wire.ECT0: 0b100, wire.CE: 0b110}

// agreeAccurate sets the flags of our SYN,ACK.
func (c *Conn) agreeAccurate(out *Segment) {
	e := &c.ecn
	// RFC 9768, 3.2.3.2.2: "the TCP Server SHOULD retransmit the SYN/ACK, but with no
	// AccECN Option. If this retransmission times out, to expedite connection setup, the
	// TCP Server SHOULD retransmit the SYN/ACK with (AE,CWR,ECE) = (0,0,0) and no AccECN
	// Option, but it remains in AccECN feedback mode".
	if c.retransmits >= ecnTries {
		// 3.1.5: "A TCP Server in AccECN mode: MUST NOT set ECT on any packet for the rest
		// of the connection, if it has received or sent at least one valid SYN or Acceptable
		// SYN/ACK with (AE,CWR,ECE) = (0,0,0) during the handshake."
		e.noECT = true
		return
	}
	// 3.1.5: "MUST feed back the IP-ECN field on the latest valid SYN or acceptable
	// SYN/ACK to arrive."
	out.Flags |= aceFlags(handshakeACE[e.arrived])
	e.mute = e.mute || c.retransmits > 0
	if !c.synResent {
		// 3.2.3.2.1: "A TCP Server that confirms its support for AccECN [...] SHOULD include
		// an AccECN TCP Option on the SYN/ACK."
		c.attachAll(out)
	}
}

// beginAccurate enters the mode for the SYN,ACK that has agreed to it.
func (c *Conn) beginAccurate(seg *Segment) {
	e := &c.ecn
	e.finalACK, e.testText = true, true
	// RFC 9768, 3.2.2.2: "If a TCP Client in AccECN mode receives a CE mark in the IP-ECN
	// field of a SYN/ACK, it MUST increment r.cep, but no more than once".
	if seg.ECN == wire.CE {
		e.met().packets = 6
		e.met().receivedCE++
	}
	// 3.2.2.3: "The TCP Client can compare this with how it originally set the IP-ECN
	// field on the SYN. If this comparison implies an invalid transition [...] for the
	// remainder of the half-connection the Client is advised to send non-ECN-capable
	// packets". Our SYN is not ECN-capable. The flags 101 are reserved: 3.1.3.
	switch aceOf(seg.Flags) {
	case handshakeACE[wire.CE]:
		// 3.2.2.2: "Nonetheless, the TCP Client still triggers the congestion control
		// actions necessary to respond to the CE feedback."
		e.told, e.noECT = true, true
	case handshakeACE[wire.ECT0], handshakeACE[wire.ECT1]:
		e.noECT = true
	}
	c.firstOption(seg)
}

// firstOption looks at the option of the first segment of the peer that can have
// one: it shows whether options pass.
func (c *Conn) firstOption(seg *Segment) {
	e, a := &c.ecn, &seg.Options.AccECN
	// RFC 9768, 3.2.3.2.3: "switches into a mode that assumes that the AccECN Option is
	// not available for this half-connection."
	if !a.Present {
		return
	}
	// 3.2.3.2.4: "If it runs a test and either initial value is zero, the [host] will
	// switch into a mode that ignores AccECN Options for this half-connection."
	counters := fieldsOf(a)
	e.heard = true
	for _, codepoint := range []wire.ECN{wire.ECT0, wire.ECT1} {
		e.ignored = e.ignored || has(a, codepoint) && counters[codepoint] == 0
	}
	if e.marks != nil || a.Fields > 0 && counters != (byteCounters{wire.ECT0: 1, wire.ECT1: 1}) {
		e.met().begin(a)
	}
}

// takeFinalACK takes the ACE field of the ACK that answers our SYN,ACK: RFC 9768,
// Table 4. It says whether the SYN,ACK was marked.
func (c *Conn) takeFinalACK(seg *Segment) (marked bool) {
	e := &c.ecn
	switch aceOf(seg.Flags) {
	case 0:
		// RFC 9768, 3.2.2.1, Note 1: "for the rest of the connection the Server MUST NOT
		// set ECT on outgoing packets and MUST NOT respond to AccECN feedback. Nonetheless,
		// as a Data Receiver, it MUST NOT disable AccECN feedback."
		e.noECT, e.deaf = true, true
	case handshakeACE[wire.CE]:
		e.met().peerPackets = 6
		e.noECT, marked = true, true
	case handshakeACE[wire.ECT0], handshakeACE[wire.ECT1]:
		// 3.2.2.3: as in beginAccurate. Our SYN,ACK is not ECN-capable.
		e.noECT = true
	}
	return marked
}

// answerAgain notes that the ACK which is due answers a SYN,ACK that has come again.
//
// RFC 9768, 3.2.2.1: "The TCP Client MUST also use the handshake encoding for the
// pure ACK of any retransmitted SYN/ACK that confirms that the TCP Server supports
// AccECN."
func (c *Conn) answerAgain(seg *Segment) {
	e := &c.ecn
	if e.mode != ECNAccurate || c.passive || !c.ackNow || seg.Flags&(syn|ack) != syn|ack ||
		seg.Seq != c.rcv.irs || seg.Ack != c.snd.iss.Add(1) || answered(seg) != ECNAccurate {
		return
	}
	e.finalACK, e.arrived = true, seg.ECN
	if seg.ECN == wire.CE && (e.marks == nil || e.marks.packets == 5) {
		e.met().packets = 6
		e.met().receivedCE++
	}
}
