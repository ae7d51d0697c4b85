package tcp

import (
	"fmt"
	"time"
)

// Info describes a connection at an instant: RFC 9293's STATUS, and what TCP_INFO of
// Linux tells. Where Linux counts segments in the network, of its MSS each, these are
// bytes of text; what has happened in the connection's whole life is counted from its
// SYN on. The fields of struct tcp_info are here:
//
//	tcpi_state, _retransmits, _backoff      State, Retransmits, Backoff
//	tcpi_ca_state                           Recovery; Disorder is Sacked > 0; TCP_CONGESTION: CongestionControl
//	tcpi_probes                             Probes
//	tcpi_options                            Timestamps, SACK; SndScale and RcvScale are not 0; ECN, ECNSeen
//	tcpi_snd_wscale, _rcv_wscale            SndScale, RcvScale
//	tcpi_rto, _ato                          RTO, DelayedACK
//	tcpi_snd_mss, _rcv_mss, _advmss, _pmtu  MSS, ReceivedMSS, AdvertisedMSS, PathMSS without headers
//	tcpi_unacked                            Queued less Unsent; Flight is what of it is in the network
//	tcpi_sacked, _lost, _retrans            Sacked, Lost, FlightAgain
//	tcpi_last_data_sent, _last_data_recv    LastTextSent, LastTextReceived, as instants
//	tcpi_last_ack_recv                      LastHeard, as an instant
//	tcpi_rtt, _rttvar, _min_rtt             SRTT, RTTVar, MinRTT
//	tcpi_snd_ssthresh, _snd_cwnd            Ssthresh, Cwnd
//	tcpi_pacing_rate                        PacingRate
//	tcpi_delivery_rate, and its app_limited DeliveryRate, AppLimited
//	tcpi_delivered                          Delivered
//	tcpi_reordering, _reord_seen            ReorderingWindow, a time; Reordered
//	tcpi_dsack_dups                         DSACKs
//	tcpi_total_retrans                      Resent
//	tcpi_delivered_ce, _received_ce         DeliveredCE, ReceivedCE
//	tcpi_bytes_sent, _bytes_retrans         BytesSent, BytesResent
//	tcpi_bytes_acked, _bytes_received       BytesAcked, BytesReceived, both without SYN and FIN
//	tcpi_segs_out, _segs_in                 SegmentsSent, SegmentsReceived
//	tcpi_data_segs_out, _data_segs_in       TextSegmentsSent, TextSegmentsReceived
//	tcpi_notsent_bytes                      Unsent
//	tcpi_busy_time                          Busy
//	tcpi_rwnd_limited, _sndbuf_limited      ReceiveWindowLimited, SendBufferLimited
//	tcpi_rcv_ooopack                        OutOfOrder
//	tcpi_snd_wnd, _rcv_wnd                  SndWnd, RcvWnd
//	tcpi_total_rto, _total_rto_recoveries   Timeouts, TimeoutRecoveries, those of SYN not among them
//	tcpi_total_rto_time                     TimeoutTime
//
// Not here, since there is no such thing: tcpi_fackets and tcpi_last_ack_sent, which
// Linux does not fill either, _fastopen_client_fail, _max_pacing_rate, _rehash.
type Info struct {
	State State

	SndUna, SndNxt, RcvNxt Seq
	SndWnd                 int // peer's window in bytes
	RcvWnd                 int // ours in bytes
	SndScale, RcvScale     int // window scale shifts
	Timestamps             bool
	SACK                   bool // both ends take selective acknowledgments

	MSS           int // bytes of text in a full segment that we send
	PeerMSS       int // what the peer's MSS option said, or its default
	AdvertisedMSS int // what ours said
	ReceivedMSS   int // largest segment seen from the peer
	PathMSS       int // largest text without options that the path is known to carry; 0: what both ends take
	BlackHoles    int // times that segments became smaller because large ones seemed to vanish

	// CongestionControl is the algorithm's name, and CongestionState what it tells of
	// itself, if it is a fmt.Stringer.
	CongestionControl, CongestionState string

	Cwnd       int // congestion window in bytes, in recovery that of RFC 9937
	Ssthresh   int // slow start threshold in bytes; UnboundedThreshold: none yet
	PacingRate int // bytes in a second; 0: none
	Flight     int // bytes in the network
	Recovering bool

	// What of the text sent the peer has beyond gaps; what is taken for lost, and was not
	// sent again since; and what was, and is in the network; in bytes.
	Sacked, Lost, FlightAgain int
	// Recovery is what the window is being led down for: "fast" and "timeout" are repairs
	// of losses, "marks" has to do with ECN; empty if nothing.
	Recovery         string
	ReorderingWindow time.Duration // how long a segment may be late until it counts as lost
	Reordered        int           // times that something arrived later than what was sent after them
	DSACKs           int           // segments of which the peer says that they came twice
	DeliveryRate     int           // bytes in a second that the network has delivered of late; 0: not measured yet
	AppLimited       bool          // when DeliveryRate was measured the user had no more to send

	ECN           ECNMode // how the two ends tell each other of congestion marks
	ECNSeen       bool    // something that may be marked has arrived
	ReceivedCE    uint64  // packets that arrived with a mark
	ReceivedECE   uint64  // ACKs that told of marks on what we sent (RFC 3168)
	DeliveredCE   uint64  // packets of ours that the peer says have arrived with a mark (RFC 9768)
	ECNReductions uint64  // times that marks made the congestion window smaller

	SRTT, RTTVar time.Duration // 0: not measured yet
	MinRTT       time.Duration // least of the last minutes
	RTO          time.Duration // with back-off
	Backoff      int           // doublings of the RTO
	DelayedACK   time.Duration // longest wait of our ACKs

	Retransmits    int // timeouts in a row without an answer
	Probes         int // probes of an idle peer, or of a closed window, in a row without an answer
	Resent         int // segments sent again in the connection's whole life
	NegativeAdvice bool
	SoftError      error

	// When text was last sent, again or not, when some last arrived, and when anything
	// did that could be from the peer; zero: never, and LastTextSent also after a pause.
	LastTextSent, LastTextReceived, LastHeard time.Time

	// In the connection's whole life, each counted as often as it was sent or has
	// arrived. What a super-segment stands for counts.
	SegmentsSent, SegmentsReceived         uint32 // they wrap
	TextSegmentsSent, TextSegmentsReceived uint64 // with text
	OutOfOrder                             uint64 // segments that arrived beyond a gap
	BytesSent, BytesResent                 uint64 // of text; the former with the latter
	BytesAcked                             uint64 // of text that the peer has acknowledged cumulatively
	BytesReceived                          uint64 // of text that has arrived in order
	Delivered                              uint64 // bytes of text that the peer is known to have, in any way

	// For how long what the user has written was not all acknowledged, and how much of
	// that was because of the peer's window, and because no more was in the send buffer
	// where both windows allow more.
	Busy, ReceiveWindowLimited, SendBufferLimited time.Duration

	TailProbes        int           // segments that were sent again as tail loss probes (RFC 8985); Resent has them too
	Timeouts          int           // of the retransmission timer, for text or FIN
	TimeoutRecoveries int           // runs of them without an answer
	TimeoutTime       time.Duration // that those took which are over

	Unread                    int // bytes that wait for Read
	Urgent                    int // bytes up to the urgent pointer that Read has not returned; 0: none is urgent
	Unsent                    int // bytes that wait to be sent
	Queued                    int // bytes that wait to be acknowledged or sent
	SendBuffer, ReceiveBuffer int // bytes that Queued, and Unread with the window, may be
	Runs                      int // pieces that have arrived beyond gaps

	// Timer names what the connection waits for, empty when for nothing, and Due is
	// when that is over: TimerRetransmit and so on.
	Timer string
	Due   time.Time
}

// Names of timers: those that ss has, and some that it does not show.
const (
	TimerRetransmit = "on"        // retransmission
	TimerPersist    = "persist"   // probe of a closed window
	TimerProbe      = "probe"     // tail loss probe (RFC 8985)
	TimerReorder    = "reorder"   // end of the reordering window (RFC 8985)
	TimerKeepAlive  = "keepalive" // probe of an idle peer
	TimerTimeWait   = "timewait"  // end of TIME-WAIT, or of FIN-WAIT-2 without a user
	TimerDelayedACK = "delack"    // delayed ACK
	TimerOverride   = "override"  // of silly-window avoidance and cork
	TimerPace       = "pace"      // next segment at the pacing rate
	TimerGiveUp     = "giveup"    // end of a connection without an answer; Info does not name it
)

var timerNames = [numTimers]string{
	timerProbe: TimerProbe, timerReorder: TimerReorder, timerRetransmit: TimerRetransmit, timerGiveUp: TimerGiveUp, timerOverride: TimerOverride, timerPace: TimerPace,
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

// InfoAt returns what there is to know at an instant.
func (c *Conn) InfoAt(t time.Time) Info {
	c.at(t)
	return c.Info()
}

// Info is InfoAt the last instant that the machine has heard of.
func (c *Conn) Info() Info {
	timer, due := c.nextTimer()
	i := Info{
		State:  c.state,
		SndUna: c.snd.una, SndNxt: c.snd.nxt, RcvNxt: c.rcv.nxt,
		SndWnd: int(c.snd.wnd), RcvWnd: c.rcvWindow(),
		SndScale: int(c.snd.shift), RcvScale: int(c.rcv.shift),
		Timestamps: c.snd.tsOK, SACK: c.sackOK,
		MSS: c.window.MSS, PeerMSS: int(c.peerMSS),
		AdvertisedMSS: int(c.advertisedMSS), ReceivedMSS: int(c.rcvMSS),
		PathMSS: int(c.path.limit), BlackHoles: int(c.path.holes),
		CongestionControl: c.algorithm.Name,
		Cwnd:              c.sendingWindow(), Ssthresh: c.window.SlowStartThreshold, PacingRate: c.window.PacingRate,
		Flight: c.flight(), Recovering: c.recovering(), Recovery: recoveryNames[c.recovery],
		SRTT: c.rtt.srtt, RTTVar: c.rtt.rttvar, MinRTT: c.rtt.least.get(), RTO: c.rto(), Backoff: int(c.backoff), DelayedACK: c.cfg.DelayedACK,
		Retransmits: int(c.retransmits), Probes: int(c.probes), Resent: int(c.resent),
		NegativeAdvice: c.NegativeAdvice(), SoftError: c.softErr,
		LastTextSent: c.time(c.textSent), LastTextReceived: c.time(c.textTaken), LastHeard: c.time(c.heard),
		SegmentsSent: c.segmentsOut, SegmentsReceived: c.segmentsIn,
		Unread: c.in.len(), Urgent: c.Urgent(), Unsent: max(0, c.unsent()), Queued: c.out.len(), Runs: len(c.in.runs),
		SendBuffer: c.sendSize(), ReceiveBuffer: int(c.receiveBuffer),
		Timer: timer, Due: due,
	}
	if timer == TimerPersist {
		i.Probes = i.Retransmits
	}
	if s, ok := c.cc.(fmt.Stringer); ok {
		i.CongestionState = s.String()
	}
	if c.counts != nil {
		c.counts.tell(&i, c)
	}
	if c.tx != nil {
		c.tx.tell(&i, c)
	}
	c.ecn.tell(&i)
	return i
}

// tell writes the counters to i.
func (k *counters) tell(i *Info, c *Conn) {
	i.TextSegmentsSent, i.TextSegmentsReceived, i.OutOfOrder = k.textOut, k.textIn, k.outOfOrder
	i.BytesSent, i.BytesResent = k.bytesNew+k.bytesAgain, k.bytesAgain
	i.BytesAcked = k.bytesNew - k.bytesLeft - uint64(c.textBetween(c.snd.una, c.snd.nxt))
	i.BytesReceived = k.bytesIn
	i.ReceiveWindowLimited = k.busyFor(busyReceiveWindow, c.latest)
	i.SendBufferLimited = k.busyFor(busySendBuffer, c.latest)
	i.Busy = k.busyFor(busySending, c.latest) + i.ReceiveWindowLimited + i.SendBufferLimited
	i.TailProbes = int(k.tailProbes)
	i.Timeouts, i.TimeoutRecoveries, i.TimeoutTime = int(k.timeouts), int(k.timeoutSpells), k.spellTime
}

// time returns an instant as callers know it; the zero Time for none.
func (c *Conn) time(i instant) time.Time {
	if i == 0 {
		return time.Time{}
	}
	return c.cfg.Epoch.Add(time.Duration(i))
}
