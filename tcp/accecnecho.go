package tcp

import "github.com/usernet-go/usernet/wire"

// The receiver of text in the mode of RFC 9768: it counts what arrives by codepoint,
// and every segment says how far it has counted.

// accurateReceiver is what has arrived.
type accurateReceiver struct {
	packets   uint32       // r.cep: with CE
	bytes     byteCounters // r.ceb, r.e0b, r.e1b
	changed   uint8        // bit set of codepoints whose counter has ever moved
	news      uint8        // likewise, since the last option
	unsaid    uint8        // packets with CE since the last ACK
	lastWasCE bool
}

// countArrival counts an acceptable segment.
func (c *Conn) countArrival(seg *Segment) {
	e := &c.ecn
	if e.marks == nil && seg.Len == 0 && seg.ECN != wire.CE {
		return
	}
	m, n := e.met(), seg.Segments()
	marked := seg.ECN == wire.CE
	if marked {
		// RFC 9768, 3.2: "MUST increment the CE packet counter (r.cep), for every Acceptable
		// packet that it receives with the CE code point in the IP-ECN field, including
		// CE-marked control packets and retransmissions".
		m.packets += uint32(n)
		m.receivedCE += uint64(n)
		m.unsaid = uint8(min(int(m.unsaid)+n, 255))
	}
	if seg.Len > 0 && seg.ECN != wire.NotECT {
		m.bytes[seg.ECN] += uint32(seg.Len)
		m.changed |= 1 << seg.ECN
		m.news |= 1 << seg.ECN
	}
	// 3.2.2.5.1: "An AccECN Data Receiver SHOULD emit an ACK whenever a data packet
	// marked CE arrives after the previous packet was not CE." And: "MUST emit an ACK if
	// 'n' CE marks have arrived since the previous ACK. If there is unacknowledged data at
	// the receiver, 'n' SHOULD be 2. If there is no unacknowledged data at the receiver,
	// 'n' SHOULD be 3".
	enough := uint8(3)
	if seg.Len > 0 || c.rcv.nxt != c.rcv.lastACK {
		enough = 2
	}
	if marked && (seg.Len > 0 && !m.lastWasCE || m.unsaid >= enough) {
		c.ackNow = true
	}
	m.lastWasCE = marked
}

// ace is the ACE field of what we send: the counter r.cep.
func (e *ecnState) ace() uint32 {
	if e.marks == nil {
		return 5
	}
	return e.marks.packets
}

// attachCounters gives an ACK without text its option, and to the ACK of a SYN,ACK
// the ACE field that says how that has arrived.
func (c *Conn) attachCounters(out *Segment) {
	e := &c.ecn
	if e.mode != ECNAccurate {
		return
	}
	if e.finalACK {
		e.finalACK = false
		if out.Options.NumSACK == 0 {
			out.Flags = out.Flags&^ecnFlags | aceFlags(handshakeACE[e.arrived])
			// RFC 9768, 3.2.3.2.1: "A TCP Client that has successfully negotiated AccECN SHOULD
			// include an AccECN Option in the first ACK at the end of the three-way handshake."
			c.attachAll(out)
			return
		}
	}
	// 3.2.3.3: "The Data Receiver SHOULD include an AccECN TCP Option on every scheduled
	// ACK if any byte counter has incremented since the last ACK." "If SACK has been
	// negotiated [...] and the smallest recommended AccECN Option would leave insufficient
	// space for two SACK blocks on a particular ACK, the Data Receiver MUST give
	// precedence to the SACK option".
	if m := e.marks; m != nil && m.news != 0 {
		o := &out.Options
		rest := *o
		rest.NumSACK = min(o.NumSACK, 2)
		c.attach(out, maxOptions-rest.Len())
		rest.AccECN, rest.NumSACK = o.AccECN, 0
		o.NumSACK = uint8(min(int(o.NumSACK), (maxOptions-rest.Len()-4)/8))
		clear(o.SACK[o.NumSACK:])
	}
}

// attachToText gives a segment with n bytes of text its option, when there is room
// behind the text. What tells of marks and has no room goes with an ACK of its own.
func (c *Conn) attachToText(out *Segment, n int) {
	e := &c.ecn
	if e.mode != ECNAccurate || n == 0 {
		return
	}
	room := c.window.MSS - n
	switch {
	case e.testText:
		// RFC 9768, 3.2.3.2.1: "the TCP Client SHOULD also include an AccECN Option on the
		// first data segment it sends". 3.2.3.2.2: "it SHOULD fall back to no AccECN Option
		// on the retransmission."
		e.testText = false
		if !e.mute && room >= accECNLen {
			c.attachAll(out)
		}
	case e.marks != nil && e.marks.news != 0:
		c.attach(out, room)
		if !out.Options.AccECN.Present && e.marks.news&(1<<wire.CE) != 0 && !e.mute {
			c.ackNow = true
		}
	}
}

// maxOptions is the room for all options.
const maxOptions = wire.TCPMaxLen - wire.TCPLen

// accECNLen is the room that an option with all of its fields takes.
const accECNLen = 12

// attachAll gives a segment an option with all fields.
func (c *Conn) attachAll(out *Segment) {
	if c.ecn.mute {
		return
	}
	bytes := byteCounters{wire.ECT0: 1, wire.ECT1: 1}
	if m := c.ecn.marks; m != nil {
		bytes, m.news = m.bytes, 0
	}
	out.Options.AccECN = optionOf(bytes, 0, 3)
}

// attach gives a segment an option that takes no more than room, if there is one with
// all counters that have moved since the last.
//
// RFC 9768, 3.2.3.3: "it SHOULD include a field for every byte counter that has
// changed at some time during the connection"; "an AccECN TCP Option MAY be truncated
// to omit one or two fields from the end of the option [...] provided that the
// counter(s) that have changed since the previous AccECN TCP Option are not omitted.
// If there is insufficient space [...] the entire AccECN TCP Option MUST be omitted."
func (c *Conn) attach(out *Segment, room int) {
	m := c.ecn.marks
	if c.ecn.mute {
		return
	}
	for _, wanted := range []uint8{m.changed, m.news} {
		order := uint8(0)
		if wanted&(1<<wire.ECT0) == 0 && wanted&(1<<wire.ECT1) != 0 {
			order = 1
		}
		option := optionOf(m.bytes, order, fieldsFor(order, wanted))
		if option.Len() <= room {
			out.Options.AccECN, m.news = option, 0
			return
		}
	}
}

// fieldsFor is how many fields an option of that order needs to have those of a set
// of codepoints.
func fieldsFor(order, set uint8) uint8 {
	last := wire.ECT1
	if order == 1 {
		last = wire.ECT0
	}
	switch {
	case set&(1<<last) != 0:
		return 3
	case set&(1<<wire.CE) != 0:
		return 2
	}
	return 1
}

// optionOf returns an option with the first fields of an order.
func optionOf(bytes byteCounters, order, fields uint8) wire.AccECN {
	const mask = 1<<24 - 1
	a := wire.AccECN{Present: true, Order: order, Fields: fields}
	for _, f := range []struct {
		field     *uint32
		codepoint wire.ECN
	}{{&a.EE0B, wire.ECT0}, {&a.ECEB, wire.CE}, {&a.EE1B, wire.ECT1}} {
		if has(&a, f.codepoint) {
			*f.field = bytes[f.codepoint] & mask
		}
	}
	return a
}

// has says that an option has the field of a codepoint.
func has(a *wire.AccECN, codepoint wire.ECN) bool {
	return a.Present && a.Fields >= fieldsFor(a.Order, 1<<codepoint)
}

// fieldsOf returns the fields of an option by their codepoints.
func fieldsOf(a *wire.AccECN) byteCounters {
	return byteCounters{wire.ECT0: a.EE0B, wire.CE: a.ECEB, wire.ECT1: a.EE1B}
}

// timeWaitACE is the ACE field of each ACK in TIME-WAIT.
func (c *Conn) timeWaitACE() uint8 {
	if c.ecn.mode == ECNAccurate {
		return uint8(c.ecn.ace() & 7)
	}
	return 0
}
