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
}

// Info returns what there is to know.
func (c *Conn) Info() Info {
	return Info{
		State:  c.state,
		SndUna: c.snd.una, SndNxt: c.snd.nxt, RcvNxt: c.rcv.nxt,
		SndWnd: int(c.snd.wnd), RcvWnd: c.rcvWindow(),
		SndScale: int(c.snd.shift), RcvScale: int(c.rcv.shift),
		Timestamps: c.snd.tsOK,
		MSS:        c.window.MSS, PeerMSS: int(c.peerMSS),
		AdvertisedMSS: int(c.advertisedMSS), ReceivedMSS: int(c.rcvMSS),
		Cwnd: c.sendingWindow(), Ssthresh: c.window.SlowStartThreshold, PacingRate: c.window.PacingRate,
		Flight: c.flight(), Recovering: c.recovering,
		SRTT: c.rtt.srtt, RTTVar: c.rtt.rttvar, RTO: c.rto(), Backoff: int(c.backoff),
		Retransmits: int(c.retransmits), Resent: int(c.resent), NegativeAdvice: c.NegativeAdvice(), SoftError: c.softErr,
		Unread: c.in.len(), Urgent: c.Urgent(), Unsent: max(0, c.unsent()), Queued: c.out.len(), Runs: len(c.in.runs),
	}
}
