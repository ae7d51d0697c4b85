package tcp

import "time"

// Conn is one connection: the transmission control block of RFC 9293, 3.3.1,
// its queues and its timers. It is not safe for use by many goroutines at once:
// whoever drives it has a lock. Its zero value needs Init.
type Conn struct {
	cfg       *Config
	algorithm *Algorithm        // which cc is, or will be
	cc        CongestionControl // nil until the connection is established
	err       error             // why the connection ended
	trace     *Trace            // Params.Trace; nil: nobody wants to know
	counts    *counters         // nil until text flows

	softErr error // what ICMP last reported; see Unreachable

	window Window  // congestion window
	tx     *sender // nil until text, or FIN, has been sent
	out    sendQueue
	in     receiveQueue
	direct *Direct      // nil: nobody has lent a buffer
	sack   *sackReports // nil while there is nothing to tell
	sizing *rightSizing // of the receive buffer, nil at first
	rtt    rttEstimator
	timers timers

	// Send sequence variables.
	snd struct {
		una      Seq // send unacknowledged
		nxt      Seq // send next
		gone     Seq // SND.NXT before what was handed out since Returned
		wl1, wl2 Seq // segment sequence and acknowledgment number used for last window update
		up       Seq // urgent pointer, when urgent
		iss      Seq // initial send sequence number
		small    Seq // behind the last segment of less than the MSS (Nagle)
		recover  Seq // RFC 6582; RFC 6675: RecoveryPoint
		prevUna  Seq // una before the last ACK that moved it: RFC 6582's prev_highest_ack
		limited  Seq // what was sent before it filled the congestion window
		wnd      uint32
		maxWnd   uint32 // Max(SND.WND), RFC 9293, 3.8.6.2.1; MAX.SND.WND of RFC 5961
		shift    uint8  // Snd.Wind.Shift
		tsOK     bool   // Snd.TS.OK: timestamps are agreed on
		reopened bool   // since Close the window has opened for what is at SND.UNA
		shrunk   bool   // the window was closed over text that had been sent into it
	}
	// Receive sequence variables.
	rcv struct {
		nxt     Seq // receive next
		edge    Seq // right edge of the window: RCV.NXT+RCV.WND, the farthest ever advertised
		lastACK Seq // Last.ACK.sent of RFC 7323
		up      Seq // urgent pointer, when urgent
		irs     Seq // initial receive sequence number
		fin     Seq // number of the peer's FIN, when finSeen
		shift   uint8

		finSeen  bool // the peer's FIN has arrived, perhaps beyond a gap
		finTaken bool // the peer's FIN is in order

		squeeze squeeze // of the window, for want of memory
	}
	ts struct {
		recent   uint32  // TS.Recent
		offset   uint32  // of our clock
		recentAt instant // when recent was set
	}

	path pathMTU
	ecn  ecnState

	latest    instant // see at
	reply     reply   // RST to be sent
	oddReply  uint32  // see mayAnswerOdd
	textSent  instant // when text last left
	textTaken instant // when text last arrived
	heard     instant // when anything acceptable last arrived

	keep        *KeepAlive    // never nil, and shared
	userTimeout time.Duration // 0: none

	newlyMarked   int32  // bytes of text: see takeMarked
	sendBuffer    int32  // SetSendBuffer; 0: see sendSize
	receiveBuffer int32  // size of the receive buffer
	resent        uint32 // segments sent again, for Info
	segmentsOut   uint32 // segments sent, for Info, and so likewise:
	segmentsIn    uint32
	mss           uint16 // Params.MSS, or SetMSS: largest text that our link carries, without options
	advertisedMSS uint16
	defaultMSS    uint16 // Params.DefaultMSS
	maxSegment    uint16 // Params.MaxSegment
	peerMSS       uint16 // what the peer can receive, without options
	rcvMSS        uint16 // largest segment seen from the peer

	state       State
	retransmits uint8 // timeouts in a row without an answer
	backoff     uint8 // doublings of the RTO
	recovery    recovery
	dupACKs     uint8 // received in a row, where they are not selective
	oweDupACKs  uint8 // to be sent
	quick       uint8 // ACKs that will not wait
	probes      uint8 // keepalives without an answer

	// What Next has to send, beside text.
	synNow    bool // SYN
	ackNow    bool // ACK
	resendNow bool // the first lost segment, whatever the window says (fast retransmit)
	tailNow   bool // tail loss probe
	probeNow  bool // one byte or FIN into a zero window
	aliveNow  bool // keepalive probe

	passive      bool // came from LISTEN (MUST-11)
	scaled       bool // both ends scale their windows (RFC 7323)
	sackOK       bool // both ends take selective acknowledgments (RFC 2018)
	synResent    bool // SYN was lost, or seemed to be
	urgentOut    bool // SND.UP is valid
	urgentIn     bool // RCV.UP is valid
	urgentNews   bool // RCV.UP has moved, and the user has not asked
	finQueued    bool // FIN follows the send queue
	partial      bool // a partial ACK has arrived in this recovery
	override     bool // the override timeout occurred: send what the window allows
	probed       bool // a probe is beyond the peer's window
	pingpong     bool // the user answers: ACKs wait for the answer
	progress     bool // for Progress
	lent         bool // Next has handed out text or FIN, and Returned was not called
	noDelay      bool
	corked       bool
	readClosed   bool // CloseRead
	receiveFixed bool // SetReceiveBuffer
	closed       bool // Close or Abort: no user any more
	told         bool // the user has been told err
}

// Init makes c a connection in CLOSED. Config must have passed through
// [Config.WithDefaults]; it is kept.
func (c *Conn) Init(cfg *Config, p Params) {
	*c = Conn{cfg: cfg, algorithm: cfg.Congestion}
	if p.Congestion != nil {
		c.algorithm = p.Congestion
	}
	c.snd.iss, c.ts.offset = p.ISS, p.TSOffset
	c.startReceiveBuffer()
	c.maxSegment = uint16(min(max(p.MaxSegment, 0), 65535))
	c.defaultMSS = defaultMSS
	if p.DefaultMSS != 0 {
		c.defaultMSS = clampMSS(p.DefaultMSS)
	}
	c.peerMSS = c.defaultMSS
	c.mss = clampMSS(p.MSS)
	c.advertisedMSS = c.mss
	c.rcvMSS = min(defaultMSS, c.mss)
	c.keep = &cfg.KeepAlive
	c.userTimeout = cfg.UserTimeout
	if c.trace = p.Trace; c.trace != nil {
		c.trace.epoch = cfg.Epoch
	}
}

// OpenActive sends a SYN: CLOSED or LISTEN becomes SYN-SENT.
func (c *Conn) OpenActive(t time.Time) {
	now := c.at(t)
	// RFC 9293, 3.10.1: "A SYN segment of the form <SEQ=ISS><CTL=SYN> is sent. Set
	// SND.UNA to ISS, SND.NXT to ISS+1, enter SYN-SENT state"
	c.startSending()
	c.enter(StateSynSent)
	c.synNow, c.passive = true, false
	c.armRetransmit(now)
	c.armGiveUp(now)
}

// OpenPassive waits for a SYN: CLOSED becomes LISTEN.
func (c *Conn) OpenPassive() {
	c.enter(StateListen)
	c.passive = true
}

// startSending sets the send variables for a SYN with ISS.
func (c *Conn) startSending() {
	c.snd.una, c.snd.nxt = c.snd.iss, c.snd.iss.Add(1)
	c.snd.small, c.snd.limited, c.snd.prevUna = c.snd.iss, c.snd.iss, c.snd.iss
	// RFC 6582, 3.2: "When the TCP protocol control block is initialized, recover is
	// set to the initial send sequence number."
	c.snd.recover = c.snd.iss
	c.out.start(c.snd.nxt)
}

// startReceiving sets the receive variables from the peer's SYN.
func (c *Conn) startReceiving(now instant, seg *Segment) {
	// RFC 9293, 3.10.7.2: "Set RCV.NXT to SEG.SEQ+1, IRS is set to SEG.SEQ"
	c.rcv.irs, c.rcv.nxt = seg.Seq, seg.Seq.Add(1)
	c.rcv.lastACK = c.rcv.nxt
	c.in.start(c.rcv.nxt)
	// The window on a SYN is not scaled (RFC 7323, 2.2), so this is what ours had,
	// or will have.
	c.rcv.edge = c.rcv.nxt.Add(c.synWindow())
	c.heard = now
}

// outstanding says that something was sent which needs an answer.
func (c *Conn) outstanding() bool { return c.snd.una != c.snd.nxt }

// Outstanding says that seq is the number of something sent and not
// acknowledged: an ICMP error that quotes another did not come from the path
// (RFC 5927, 4.1).
func (c *Conn) Outstanding(seq Seq) bool {
	return c.snd.una.LessEq(seq) && seq.Less(c.snd.nxt)
}

// synPending says that our SYN was not acknowledged yet.
func (c *Conn) synPending() bool { return c.snd.una == c.snd.iss && c.snd.nxt != c.snd.iss }

// finSent says that our FIN has been sent.
func (c *Conn) finSent() bool { return c.finQueued && c.out.end.Less(c.snd.nxt) }

// finAcknowledged says that the peer has acknowledged our FIN.
func (c *Conn) finAcknowledged() bool { return c.finQueued && c.out.end.Less(c.snd.una) }

// unsent is how many bytes of text were never sent; negative behind FIN.
func (c *Conn) unsent() int { return c.out.end.Sub(c.snd.nxt) }

// finUnsent says that FIN was never sent.
func (c *Conn) finUnsent() bool { return c.finQueued && c.snd.nxt.LessEq(c.out.end) }

// usable is the usable window in bytes, negative when the peer shrank it.
//
// RFC 9293, 3.8.6.2.1: "U = SND.UNA + SND.WND - SND.NXT"
func (c *Conn) usable() int { return c.usableFrom(c.snd.nxt) }

// usableFrom is how much of the peer's window lies behind seq.
func (c *Conn) usableFrom(seq Seq) int { return c.snd.una.Add(int(c.snd.wnd)).Sub(seq) }

// terminate enters CLOSED: text to be sent is dropped, text to be read in order
// stays for the user. A nil err is a connection that ended as it should.
func (c *Conn) terminate(err error) {
	c.enter(StateClosed)
	c.err = err
	c.timers.clearAll()
	c.synNow, c.ackNow, c.resendNow, c.probeNow, c.aliveNow, c.oweDupACKs = false, false, false, false, false, 0
	c.urgentOut, c.tailNow = false, false
	c.countEnd()
	if c.tx != nil {
		c.tx.board.release()
		c.tx, c.recovery = nil, recoveryNone
	}
	c.out.release(c.cfg.Chunks, c.out.end, c.lent)
	c.in.forget(c.cfg.Chunks)
	c.sack = nil
	if c.closed {
		c.in.discard(c.cfg.Chunks, c.in.next)
	}
}

// State returns the connection's state.
func (c *Conn) State() State { return c.state }

// Err returns why the connection ended; nil while it lives, and when it ended
// as it should.
//
// RFC 9293, 3.6: "the local application MUST be informed whether it closed
// normally or was aborted (MUST-12)."
func (c *Conn) Err() error { return c.err }
