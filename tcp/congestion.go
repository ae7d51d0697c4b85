package tcp

import "time"

// CongestionControl decides how much may be in the network. The machine calls
// it under the connection's lock, one call at a time: it computes, it does not
// block, and it has nothing to call back. What it decides it writes to the
// Window that each call hands it; it keeps in itself what else it must know.
//
// Which segments are lost, when they are sent again, and that the window is
// inflated while they are (RFC 5681, 3.2) is the machine's part.
type CongestionControl interface {
	// Start is called once, when the connection is established. The window holds
	// the initial window and an unbounded slow start threshold.
	Start(w *Window, now time.Duration)
	// Acknowledged is called when an ACK arrives that acknowledges new text,
	// except while lost segments are being repaired after a fast retransmit.
	Acknowledged(w *Window, a Acknowledgment)
	// Lost is called when segments are found to be lost: once for a flight that
	// a fast retransmit repairs, and at each retransmission timeout.
	Lost(w *Window, l Loss)
	// CongestionExperienced is called when the network marked a segment instead
	// of dropping it, at most once in a round trip.
	CongestionExperienced(w *Window, c Congestion)
	// Sent is called when text leaves, new or again.
	Sent(w *Window, s Sending)
	// Idle is called before text is sent after a pause of more than a
	// retransmission timeout.
	Idle(w *Window, i Idleness)
}

// Window is what a congestion control decides, and what it reckons with.
type Window struct {
	MSS                int // bytes of text in a full-sized segment (RFC 5681: SMSS); set by the machine
	Bytes              int // congestion window (cwnd); the machine uses at least one MSS
	SlowStartThreshold int // ssthresh, in bytes; UnboundedThreshold when there is none
	PacingRate         int // bytes in a second at which text leaves; 0: as fast as the window allows
}

// UnboundedThreshold is a slow start threshold that no window exceeds, since no
// peer can offer more (RFC 7323, 2.3).
//
// RFC 5681, 3.1: "The initial value of ssthresh SHOULD be set arbitrarily high".
const UnboundedThreshold = 1 << 30

// Acknowledgment is the arrival of an ACK for new text. Instants are counted
// from Config.Epoch.
type Acknowledgment struct {
	Now     time.Duration
	Bytes   int           // of text newly acknowledged
	Flight  int           // bytes in the network before this ACK
	RTT     time.Duration // of this ACK, 0 when it gives none
	Limited bool          // the window was what kept the sender from sending more
}

// Loss is the discovery that segments were lost.
type Loss struct {
	Now     time.Duration
	Flight  int  // bytes in the network until now (RFC 5681: FlightSize)
	Timeout bool // by the retransmission timer, not by duplicate ACKs
	Again   bool // the timer ran out for a segment that it had sent again before
}

// Congestion is the arrival of a congestion mark.
type Congestion struct {
	Now    time.Duration
	Flight int // bytes in the network
}

// Sending is a segment, or a super-segment, with text that leaves.
type Sending struct {
	Now    time.Duration
	Bytes  int  // of text
	Flight int  // bytes in the network with it
	Again  bool // it has been sent before
}

// Idleness is a pause before sending.
type Idleness struct {
	Now     time.Duration
	For     time.Duration // since text was last sent
	Restart int           // bytes: the initial window (RFC 5681, 4.1: "RW = min(IW,cwnd)")
}
