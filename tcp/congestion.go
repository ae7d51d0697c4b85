package tcp

import "time"

// CongestionControl decides how much may be in the network, and how fast it
// leaves. The machine calls it under the connection's lock, one call at a time: it
// computes, it does not block, and it has nothing to call back. What it decides
// it writes to the Window that each call hands it; it keeps in itself what else
// it must know. Instants are counted from Config.Epoch.
//
// Which segments are lost and when they are sent again is the machine's part. So
// is what happens to the window while they are, unless Window.Own is set:
// Proportional Rate Reduction (RFC 9937) leads it to SlowStartThreshold, which
// Lost has set.
//
// An implementation that wants to hear of each segment that is lost implements
// LossWatcher too; one that has something to tell of itself, fmt.Stringer: it
// stands in Info.
type CongestionControl interface {
	// Start is called once, when the connection is established, or when it takes
	// over from another one in the middle of it. The window holds the initial window
	// and an unbounded slow start threshold, or what the other one has left.
	Start(w *Window, s Beginning)
	// Acknowledged is called for each ACK that says of something that it has
	// arrived, also while lost segments are being repaired.
	Acknowledged(w *Window, a Acknowledgment)
	// Lost is called when segments are found to be lost: once for a flight that is
	// repaired by fast recovery, again when what was sent again is lost too (RFC 5681,
	// 4.3: "two successive windows of data, or the loss of a retransmission, should be
	// taken as two indications of congestion"), and at each retransmission timeout.
	Lost(w *Window, l Loss)
	// CongestionExperienced is called when the network marked segments instead of
	// dropping them, at most once in a round trip.
	CongestionExperienced(w *Window, c Congestion)
	// Recovered is called when all that was lost is repaired, after the machine has
	// led the window to SlowStartThreshold; and, with Undone, when it turned out that
	// nothing was lost, after the machine has put Bytes and SlowStartThreshold back to
	// what they were before Lost, or to what they are now if that is more.
	Recovered(w *Window, r Recovery)
	// Sent is called when text leaves, new or again.
	Sent(w *Window, s Sending)
	// Idle is called before text is sent after a pause of more than a
	// retransmission timeout.
	Idle(w *Window, i Idleness)
}

// LossWatcher is a CongestionControl that wants to hear of each segment, or
// super-segment, that is marked lost, before Lost and before the Acknowledged of
// the ACK that showed it.
type LossWatcher interface {
	SegmentLost(w *Window, l SegmentLoss)
}

// Window is what a congestion control decides, and what it reckons with.
type Window struct {
	MSS                int // bytes of text in a full-sized segment (RFC 5681: SMSS); set by the machine
	Bytes              int // congestion window (cwnd); the machine uses at least one MSS
	SlowStartThreshold int // ssthresh, in bytes; UnboundedThreshold when there is none
	PacingRate         int // bytes in a second at which text leaves; 0: as fast as the window allows

	// Own says that Bytes is the congestion control's alone: the machine does not
	// change it, not even while lost segments are repaired. Set by Start.
	Own bool
}

// UnboundedThreshold is a slow start threshold that no window exceeds, since no
// peer can offer more (RFC 7323, 2.3).
//
// RFC 5681, 3.1: "The initial value of ssthresh SHOULD be set arbitrarily high".
const UnboundedThreshold = 1 << 30

// Beginning is the start of a connection's transfer.
type Beginning struct {
	Now     time.Duration
	Initial int           // bytes: the initial window
	RTT     time.Duration // of the handshake, 0 when it gave none; smoothed, when another one was in charge before
	SACK    bool          // both ends take selective acknowledgments (RFC 2018): more than one loss is found in a round trip
	Seed    uint64        // differs from connection to connection, for what is to be random
}

// Acknowledgment is the arrival of an ACK that says of something that it has
// arrived: cumulatively, or selectively (RFC 2018).
type Acknowledgment struct {
	Now       time.Duration
	Bytes     int // of text newly acknowledged cumulatively
	Delivered int // of text newly known to have arrived, in either way
	Lost      int // of text newly marked lost since the last Acknowledgment
	Marked    int // of text that the peer says has arrived with a congestion mark since the last Acknowledgment (RFC 9768; with RFC 3168 0)

	Before   int // bytes in the network before this ACK
	InFlight int // bytes in the network now

	RTT         time.Duration // of the segment that was sent last among those newly arrived; 0 when the ACK gives none
	SmoothedRTT time.Duration // RFC 6298's SRTT

	Limited    bool // the window was what kept the sender from sending more, when this text was sent
	Congested  bool // the ACK tells of congestion marks: the window does not grow for it (RFC 3168, 6.1.2)
	Recovering bool // lost segments are being repaired, after a fast retransmit or a timeout
	InTimeout  bool // Recovering, after a timeout

	Total int64 // bytes of text delivered in the connection's whole life, with this
	Rate  RateSample
}

// RateSample is what one ACK tells of the rate at which the network delivers
// (draft-ietf-ccwg-bbr, "Delivery Rate Samples"). It is about the segment that
// was sent last among those that the ACK says have arrived.
type RateSample struct {
	PriorTotal int64         // Acknowledgment.Total when it was sent
	Delivered  int           // bytes delivered from then until now
	Interval   time.Duration // in which they were: the longer of that of sending and that of acknowledging; 0: no sample of the rate
	InFlight   int           // bytes in the network just after it was sent, with it
	Lost       int           // bytes marked lost from then until now
	AppLimited bool          // it was sent while the user, not the window, was what kept the sender from sending more
}

// BytesPerSecond is the delivery rate; 0 when there is no sample.
func (r *RateSample) BytesPerSecond() float64 {
	if r.Interval <= 0 {
		return 0
	}
	return float64(r.Delivered) / r.Interval.Seconds()
}

// SegmentLoss is a segment, or a super-segment, that was marked lost.
type SegmentLoss struct {
	Now        time.Duration
	Bytes      int   // of text
	PriorTotal int64 // as in RateSample, of the lost segment
	InFlight   int   // as in RateSample
	Lost       int   // as in RateSample, with this one
	AppLimited bool  // as in RateSample
}

// Loss is the discovery that segments were lost.
type Loss struct {
	Now      time.Duration
	Flight   int  // bytes in the network until now (RFC 5681: FlightSize)
	InFlight int  // bytes in the network now, without what was marked lost
	Timeout  bool // by the retransmission timer
	Again    bool // the timer ran out for a segment that it had sent again before
}

// Congestion is the arrival of congestion marks.
type Congestion struct {
	Now    time.Duration
	Flight int // bytes in the network
}

// Recovery is the end of a repair of losses.
type Recovery struct {
	Now      time.Duration
	InFlight int  // bytes in the network
	Timeout  bool // it began with a timeout
	Undone   bool // nothing was lost (RFC 3522, RFC 5682, RFC 2883)
}

// Sending is a segment, or a super-segment, with text that leaves.
type Sending struct {
	Now        time.Duration
	Bytes      int  // of text
	InFlight   int  // bytes in the network with it
	Again      bool // it has been sent before
	AppLimited bool // the user had no more to send, the last time that something was acknowledged or sent
}

// Idleness is a pause before sending.
type Idleness struct {
	Now time.Duration
	For time.Duration // since text was last sent
	RTO time.Duration

	SmoothedRTT time.Duration // RFC 6298's SRTT

	Restart int // bytes: the initial window (RFC 5681, 4.1: "RW = min(IW,cwnd)")
}
