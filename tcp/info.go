package tcp

import "time"

// Info describes a connection at an instant: RFC 9293's STATUS, and what TCP_INFO
// of Linux tells as far as it exists here.
type Info struct {
	State State

	SndUna, SndNxt, RcvNxt Seq
	SndWnd                 int // peer's window in bytes
	RcvWnd                 int // ours in bytes
	SndScale, RcvScale     int // window scale shifts
	Timestamps             bool

	MSS           int // bytes of text in a full segment that we send
	PeerMSS       int // what the peer's MSS option said, or its default
	AdvertisedMSS int // what ours said
	ReceivedMSS   int // largest segment seen from the peer
	PathMSS       int // largest text without options that the path is known to carry; 0: what both ends take
	BlackHoles    int // times that segments became smaller because large ones seemed to vanish

	CongestionControl string // the algorithm's name

	Cwnd       int // congestion window in bytes, with its inflation in recovery
	Ssthresh   int // slow start threshold in bytes; UnboundedThreshold: none yet
	PacingRate int // bytes in a second; 0: none
	Flight     int // bytes in the network
	Recovering bool

	SRTT, RTTVar time.Duration // 0: not measured yet
	RTO          time.Duration // with back-off
	Backoff      int           // doublings of the RTO

	Retransmits    int // timeouts in a row without an answer
	Resent         int // segments sent again in the connection's whole life
	NegativeAdvice bool
	SoftError      error

	Unread int // bytes that wait for Read
	Urgent int // bytes up to the urgent pointer that Read has not returned; 0: none is urgent
	Unsent int // bytes that wait to be sent
	Queued int // bytes that wait to be acknowledged or sent
	Runs   int // pieces that have arrived beyond gaps

	// Timer names what the connection waits for, empty when for nothing, and Due is
	// when that is over: TimerRetransmit and so on.
	Timer string
	Due   time.Time
}

// Names of timers: those that ss has, and some that it does not show.
const (
	TimerRetransmit = "on"        // retransmission
	TimerPersist    = "persist"   // probe of a closed window
	TimerKeepAlive  = "keepalive" // probe of an idle peer
	TimerTimeWait   = "timewait"  // end of TIME-WAIT, or of FIN-WAIT-2 without a user
	TimerDelayedACK = "delack"    // delayed ACK
	TimerOverride   = "override"  // of silly-window avoidance and cork
	TimerPace       = "pace"      // next segment at the pacing rate
	TimerGiveUp     = "giveup"    // end of a connection without an answer; Info does not name it
)

var timerNames = [numTimers]string{
	timerRetransmit: TimerRetransmit, timerGiveUp: TimerGiveUp, timerOverride: TimerOverride, timerPace: TimerPace,
	timerDelayedACK: TimerDelayedACK, timerKeepAlive: TimerKeepAlive, timerClose: TimerTimeWait,
}

// nextTimer returns the timer that is due first and its name. That for giving up is
// none to look at: it always runs beside others.
func (c *Conn) nextTimer() (name string, due time.Time) {
	first := timerGiveUp
	for i, at := range c.timers {
		if at != 0 && timer(i) != timerGiveUp && (first == timerGiveUp || at < c.timers[first]) {
			first = timer(i)
		}
	}
	if first == timerGiveUp {
		return "", time.Time{}
	}
	return c.timerName(first), c.cfg.Epoch.Add(time.Duration(c.timers[first]))
}

// timerName returns the name of a timer.
func (c *Conn) timerName(t timer) string {
	if t == timerRetransmit && c.snd.wnd == 0 && !c.synPending() {
		return TimerPersist
	}
	return timerNames[t]
}

// Info returns what there is to know.
func (c *Conn) Info() Info {
	timer, due := c.nextTimer()
	return Info{
		State:  c.state,
		SndUna: c.snd.una, SndNxt: c.snd.nxt, RcvNxt: c.rcv.nxt,
		SndWnd: int(c.snd.wnd), RcvWnd: c.rcvWindow(),
		SndScale: int(c.snd.shift), RcvScale: int(c.rcv.shift),
		Timestamps: c.snd.tsOK,
		MSS:        c.window.MSS, PeerMSS: int(c.peerMSS),
		AdvertisedMSS: int(c.advertisedMSS), ReceivedMSS: int(c.rcvMSS),
		PathMSS: int(c.path.limit), BlackHoles: int(c.path.holes),
		CongestionControl: c.algorithm.Name,
		Cwnd:              c.sendingWindow(), Ssthresh: c.window.SlowStartThreshold, PacingRate: c.window.PacingRate,
		Flight: c.flight(), Recovering: c.recovering,
		SRTT: c.rtt.srtt, RTTVar: c.rtt.rttvar, RTO: c.rto(), Backoff: int(c.backoff),
		Retransmits: int(c.retransmits), Resent: int(c.resent), NegativeAdvice: c.NegativeAdvice(), SoftError: c.softErr,
		Unread: c.in.len(), Urgent: c.Urgent(), Unsent: max(0, c.unsent()), Queued: c.out.len(), Runs: len(c.in.runs),
		Timer: timer, Due: due,
	}
}
