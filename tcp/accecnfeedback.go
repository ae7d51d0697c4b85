package tcp

import "github.com/usernet-go/usernet/wire"

// The sender of text in the mode of RFC 9768: what the peer's counters say of marks,
// and when they, or what the path does to our codepoints, cannot be believed.

// accurateSender is what the peer says has arrived of ours.
type accurateSender struct {
	peerPackets uint32       // s.cep: with CE
	peerBytes   byteCounters // s.ceb, s.e0b, s.e1b
	moved       bool         // one of peerBytes has moved
	average     uint16       // of the packets that an ACK acknowledges, in eighths

	// Since the last option.
	optionPackets uint32 // with CE, by the ACE field
	optionAcked   uint32 // packets acknowledged

	capable int32 // bytes acknowledged of text that was sent as ECN-capable, until a counter moves

	// Whether each round trip from the first on was all marked.
	roundEnd    Seq
	roundAcked  int32
	roundMarked int32
	rounds      uint8 // that were; roundsDone: one was not
}

const (
	// maxRounds is how many round trips all of whose packets were marked say that it is
	// not congestion which marks them.
	maxRounds  = 4
	roundsDone = 255

	// ackCompression is the average of packets that an ACK acknowledges from which on it
	// says nothing that an ACK for many may hide lost ACKs.
	ackCompression = 4

	// bleached is how many full segments tell, when none has arrived as ECN-capable, that
	// the path clears the field.
	bleached = 8
)

// readCounters takes the counters of an ACK, which is still to be processed, and
// returns whether they tell of marks.
func (c *Conn) readCounters(seg *Segment) (marked bool) {
	e := &c.ecn
	if c.synPending() {
		if seg.Flags.Has(syn) || !c.snd.una.Less(seg.Ack) {
			return false
		}
		c.firstOption(seg)
		// RFC 9768, 3.2.2.1: "When an AccECN Server in SYN-RCVD state receives a pure ACK
		// with SYN=0 and no SACK blocks, it MUST infer the meaning of each possible value of
		// the ACE field from Table 4 instead of treating the ACE field as a counter."
		if seg.Len == 0 && seg.Options.NumSACK == 0 {
			return c.takeFinalACK(seg)
		}
	} else if seg.Flags.Has(syn) || !c.newer(seg) {
		// 3.2.2: "MUST NOT interpret the three flags as a 3-bit ACE field on any segment
		// with SYN=1". 3.2.2.2: "it first checks whether it has already been superseded [...]
		// by another ACK in which case it ignores the ECN feedback."
		return false
	}
	acked := c.textBetween(c.snd.una, seg.Ack)
	if e.deaf || e.marks == nil && acked == 0 && aceOf(seg.Flags) == 5 {
		return false
	}
	m := e.met()
	ce, bytes, known := m.read(seg, acked, c.window.MSS, e.heard && !e.ignored, c.recovering())
	if !e.heard && seg.Options.AccECN.Present {
		// RFC 9768, 3.2.3.2.3: "AccECN Options are no longer blocked on the respective path,
		// and the AccECN endpoint MAY switch out of the mode".
		e.heard = true
		m.begin(&seg.Options.AccECN)
	}
	if !known {
		bytes = int(ce) * c.window.MSS
	}
	// More than was in the network cannot have met marks there.
	bytes = min(bytes, c.snd.nxt.Sub(c.snd.una))
	m.deliveredCE += uint64(ce)
	c.testPath(m, seg, acked, bytes)
	if e.deaf {
		return false
	}
	c.newlyMarked += int32(bytes)
	return bytes > 0
}

// newer says that an ACK in the window is not one that was overtaken: it
// acknowledges something new, or was sent later.
func (c *Conn) newer(seg *Segment) bool {
	return c.snd.una.Less(seg.Ack) || c.snd.tsOK && seg.Options.HasTimestamps && tsBefore(c.ts.recent, seg.Options.TSVal)
}

// read decodes the counters: ce is how many packets have newly arrived with a mark,
// bytes how much text, if that is known. options says that the peer's options can be
// used.
func (m *accurateSender) read(seg *Segment, acked, mss int, options, recovering bool) (ce uint32, bytes int, known bool) {
	// RFC 9768, A.2.1: "d.cep = (ACE + DIVACE - (s.cep % DIVACE)) % DIVACE"
	ce = (aceOf(seg.Flags) - m.peerPackets) & 7
	packets := uint32((acked + mss - 1) / mss)
	m.average += uint16(min(packets, 1000))
	m.average -= min(m.average, (m.average+7)/8)
	m.optionAcked += packets
	a := &seg.Options.AccECN
	known = options && a.Present
	if known {
		bytes = m.readOption(a)
	}
	// "dSafer.cep = newlyAckedPkt - ((newlyAckedPkt - d.cep) % DIVACE)"; and 3.2.2.5.2:
	// if there seem to be more marks than packets, "the Data Sender SHOULD consider the
	// ACE counter to be correct".
	if packets > ce {
		switch safer := packets - (packets-ce)%8; {
		case known:
			// A.2.2: "if (d.ceb <= MSS * d.cep) { sSafer = d.ceb/dSafer.cep; if (sSafer <
			// MSS/SAFETY_FACTOR) dSafer.cep = d.cep".
			before := m.optionPackets
			if bytes > mss*int(before+ce) || 2*bytes >= mss*int(before+safer) && bytes > 0 {
				ce = safer
			}
		// "it would be reasonable to only use dSafer.cep rather than d.cep if the moving
		// average of newlyAckedPkt was well below 8." While losses are repaired, an ACK may
		// be for much that earlier ones have told of selectively.
		case m.average/8 < ackCompression && !recovering:
			ce = safer
		}
	}
	m.peerPackets += ce
	m.optionPackets += ce
	return ce, bytes, known
}

// begin takes the counters of the peer's first option for where they start.
//
// RFC 9768, 3.2.3.2.4: "the Data Sender MUST NOT test whether the arriving byte
// counters in an initial AccECN Option have been initialized to specific valid values".
func (m *accurateSender) begin(a *wire.AccECN) {
	for codepoint, field := range fieldsOf(a) {
		if has(a, wire.ECN(codepoint)) && codepoint != int(wire.NotECT) {
			m.peerBytes[codepoint] = field
		}
	}
}

// readOption decodes an option, and returns how many bytes of text have newly arrived
// with a mark.
//
// RFC 9768, A.1: "d.ceb = (ECEB + DIVOPT - (s.ceb % DIVOPT)) % DIVOPT"
func (m *accurateSender) readOption(a *wire.AccECN) (marked int) {
	fields := fieldsOf(a)
	for codepoint, field := range fields {
		if codepoint := wire.ECN(codepoint); codepoint != wire.NotECT && has(a, codepoint) {
			d := (field - m.peerBytes[codepoint]) & (1<<24 - 1)
			m.peerBytes[codepoint] += d
			m.moved = m.moved || d > 0
			if codepoint == wire.CE {
				marked = int(d)
			}
		}
	}
	return marked
}

// testPath looks whether what the counters say fits what was sent. What does not fit
// makes us send nothing more that can be marked.
func (c *Conn) testPath(m *ecnMarks, seg *Segment, acked, marked int) {
	e := &c.ecn
	if seg.Options.AccECN.Present && e.heard && !e.ignored {
		// RFC 9768, 3.2.3.2.5: "If either endpoint detects that the s.ceb counter has
		// increased but the s.cep has not (and by testing ACK coverage it is certain how much
		// the ACE field has wrapped) [...] the Data Sender MUST disable sending ECN-capable
		// packets for the remainder of the half-connection".
		if marked > 0 && m.optionPackets == 0 && m.optionAcked < 8 {
			e.noECT = true
		}
		m.optionPackets, m.optionAcked = 0, 0
		// A.4: "To detect bleaching, it will be sufficient to detect whether nearly all
		// bytes arrive marked as Not-ECT." 3.2.2.3: "from a host's viewpoint, this
		// transition is unsafe", since CE may have been cleared too.
		if !m.moved && has(&seg.Options.AccECN, wire.ECT0) && m.capable >= int32(bleached*c.window.MSS) {
			e.noECT = true
		}
	}
	if !e.noECT && !m.moved {
		m.capable += int32(min(acked, 1<<20))
		m.capable = min(m.capable, 1<<20)
	}
	c.testRounds(m, seg, acked, marked)
}

// testRounds counts the round trips all of whose packets were marked.
//
// RFC 9768, 3.2.2.3: "the sender might check whether the feedback for every packet it
// sends for the first three or four rounds indicates CE marking. If continuous CE
// marking is detected, for the remainder of the half-connection, the Data Sender ought
// to send non-ECN-capable packets, and it is advised not to respond to any feedback of
// CE markings."
func (c *Conn) testRounds(m *ecnMarks, seg *Segment, acked, marked int) {
	if m.rounds == roundsDone || acked == 0 {
		return
	}
	m.roundAcked += int32(min(acked, 1<<20))
	m.roundMarked += int32(min(marked, 1<<20))
	switch {
	case m.rounds == 0 && m.roundEnd == 0:
		m.roundEnd = c.snd.nxt
	case !seg.Ack.Less(m.roundEnd):
		if int64(m.roundMarked)*8 < int64(m.roundAcked)*7 {
			m.rounds = roundsDone
			return
		}
		m.rounds++
		m.roundEnd, m.roundAcked, m.roundMarked = c.snd.nxt, 0, 0
		if m.rounds == maxRounds {
			c.ecn.noECT, c.ecn.deaf, m.rounds = true, true, roundsDone
		}
	}
}

// takeMarked returns how many bytes of text the peer has said were marked since the
// last call.
func (c *Conn) takeMarked() int {
	n := int(c.newlyMarked)
	c.newlyMarked = 0
	return n
}
