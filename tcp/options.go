package tcp

import "github.com/usernet-go/usernet/wire"

// RFC 9293, 3.7.1: "If an MSS Option is not received at connection setup, TCP
// implementations MUST assume a default send MSS of 536 (576 - 40) for IPv4 or
// 1220 (1280 - 60) for IPv6 (MUST-15)."
const defaultMSS = 536

// minMSS is the least MSS that is taken seriously, as in Linux: with less, a
// peer could make us send hundreds of packets for a page of text.
const minMSS = 88

// timestampsLen is what a timestamps option takes of a segment, padded.
const timestampsLen = 12

// maxShift is the largest window scale.
//
// RFC 7323, 2.3: "If a Window Scale option is received with a shift.cnt value
// larger than 14, the TCP SHOULD log the error but MUST use 14 instead".
const maxShift = 14

func clampMSS(mss int) uint16 { return uint16(min(max(mss, minMSS), 65535)) }

// synOptions are those of our SYN, or of our SYN,ACK, which offers only what
// the peer's SYN did.
func (c *Conn) synOptions(o *wire.TCPOptions) {
	answer := c.state != StateSynSent
	// RFC 9293, 3.7.1: "TCP implementations SHOULD send an MSS Option in every SYN
	// segment when its receive MSS differs from the default [...] (SHLD-5), and MAY
	// send it always (MAY-3)."
	o.HasMSS, o.MSS = true, c.advertisedMSS
	// RFC 7323, 2.2: "If a Window Scale option was received in the initial <SYN>
	// segment, then this option MAY be sent in the <SYN,ACK> segment."
	if !c.cfg.NoWindowScale && (!answer || c.scaled) {
		o.HasWindowScale, o.WindowScale = true, c.ourShift()
	}
	// RFC 2018, 2: "This two-byte option may be sent in a SYN by a TCP that has been
	// extended to receive (and presumably process) the SACK option once the connection
	// has opened."
	o.SACKPermitted = !c.cfg.NoSACK && (!answer || c.sackOK)
}

// ourShift is the smallest window scale that can show the largest receive buffer.
func (c *Conn) ourShift() uint8 {
	shift := uint8(0)
	for shift < maxShift && c.cfg.ReceiveBuffer>>shift > 65535 {
		shift++
	}
	return shift
}

// peerOptions takes the options of the peer's SYN.
func (c *Conn) peerOptions(now instant, seg *Segment) {
	o := &seg.Options
	if o.HasMSS {
		c.peerMSS = clampMSS(int(o.MSS))
	}
	// RFC 7323, 2.2: "both sides MUST send Window Scale options in their <SYN>
	// segments to enable window scaling in either direction."
	c.scaled = o.HasWindowScale && !c.cfg.NoWindowScale
	c.snd.shift, c.rcv.shift = 0, 0
	if c.scaled {
		c.snd.shift, c.rcv.shift = min(o.WindowScale, maxShift), c.ourShift()
	}
	c.snd.tsOK = o.HasTimestamps && !c.cfg.NoTimestamps
	if c.snd.tsOK {
		c.setRecent(now, o.TSVal)
	}
	// RFC 2018, 4: "If the data receiver has not received a SACK-Permitted option for
	// a given connection, it MUST NOT send SACK options on that connection."
	c.sackOK = o.SACKPermitted && !c.cfg.NoSACK
	c.updateMSS()
}

// updateMSS computes the effective send MSS.
//
// RFC 9293, 3.7.1: "Eff.snd.MSS = min(SendMSS+20, MMS_S) - TCPhdrsize -
// IPoptionsize" (MUST-16)
func (c *Conn) updateMSS() {
	mss := c.topMSS()
	if c.path.limit != 0 {
		mss = min(mss, c.path.limit)
	}
	c.window.MSS = int(mss - c.optionsLen())
}
