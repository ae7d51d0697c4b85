package usernet

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/usernet-go/usernet/tcp"
)

// ssStates are the states as ss abbreviates them.
var ssStates = map[tcp.State]string{
	tcp.StateClosed: "UNCONN", tcp.StateEstablished: "ESTAB", tcp.StateSynReceived: "SYN-RECV",
}

// String returns c in a line of the form of "ss -tunaoi": network, state, receive
// queue, send queue, local and remote address, and what else there is to tell, by
// the names and in the order that ss has for it: times in milliseconds, windows in
// segments. New are pathmss, which is Info's PathMSS, where a path takes less than
// both ends, and the state of the congestion control in brackets behind its name.
func (c Connection) String() string {
	state, ok := ssStates[c.State]
	if !ok {
		state = c.State.String()
	}
	var l ssLine
	fmt.Fprintf(&l, "%-5s %-10s %6d %6d %23s %23s", c.Network, state, c.RecvQ, c.SendQ, ssAddr(c.Local), ssAddr(c.Remote))
	if c.Timer != "" {
		retransmits := 0
		if c.Info != nil {
			retransmits = c.Info.Retransmits
		}
		fmt.Fprintf(&l, " timer:(%s,%v,%d)", c.Timer, c.TimerLeft.Round(time.Millisecond), retransmits)
	}
	if c.Info != nil {
		l.options(c.Info)
		l.path(c.Info)
		l.totals(c.Info)
		l.sender(c.Info)
	}
	return l.String()
}

// ssAddr writes an end; one that is not there is *:*.
func ssAddr(ap netip.AddrPort) string {
	if ap.Port() == 0 {
		return "*:*"
	}
	if !ap.Addr().IsValid() || ap.Addr() == netip.IPv6Unspecified() {
		return "*:" + strconv.Itoa(int(ap.Port()))
	}
	return ap.String()
}

// An ssLine is a line of ss in the making.
type ssLine struct{ strings.Builder }

// word appends a word, where it is true.
func (l *ssLine) word(is bool, word string) {
	if is {
		l.WriteString(" " + word)
	}
}

// count appends a number under its name, unless it is 0.
func count[T int | uint32 | uint64](l *ssLine, name string, n T) {
	if n != 0 {
		fmt.Fprintf(l, " %s:%d", name, n)
	}
}

// milliseconds writes a time as ss does, with four digits where it is short.
func milliseconds(d time.Duration) string {
	if d >= time.Second {
		return strconv.FormatInt(d.Round(time.Millisecond).Milliseconds(), 10)
	}
	return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'g', 4, 64)
}

// limited appends for how long the sender waited, and which share of all that it was
// busy.
func (l *ssLine) limited(name string, d, busy time.Duration) {
	if d > 0 {
		fmt.Fprintf(l, " %s:%sms(%.1f%%)", name, milliseconds(d), 100*d.Seconds()/busy.Seconds())
	}
}

// options appends what was agreed on, and the congestion control.
func (l *ssLine) options(i *tcp.Info) {
	l.word(i.Timestamps, "ts")
	l.word(i.SACK, "sack")
	l.word(i.ECN != tcp.ECNNone, i.ECN.String())
	l.word(i.ECNSeen, "ecnseen")
	l.word(i.CongestionControl != "", i.CongestionControl)
	if i.CongestionState != "" {
		fmt.Fprintf(l, ":(%s)", i.CongestionState)
	}
	if i.SndScale > 0 || i.RcvScale > 0 {
		fmt.Fprintf(l, " wscale:%d,%d", i.SndScale, i.RcvScale)
	}
}

// path appends round trips, sizes and windows.
func (l *ssLine) path(i *tcp.Info) {
	l.WriteString(" rto:" + milliseconds(i.RTO))
	count(l, "backoff", i.Backoff)
	if i.SRTT > 0 {
		fmt.Fprintf(l, " rtt:%s/%s", milliseconds(i.SRTT), milliseconds(i.RTTVar))
	}
	if i.MSS == 0 {
		return
	}
	fmt.Fprintf(l, " mss:%d", i.MSS)
	count(l, "pathmss", i.PathMSS)
	fmt.Fprintf(l, " rcvmss:%d advmss:%d cwnd:%d", i.ReceivedMSS, i.AdvertisedMSS, i.Cwnd/i.MSS)
	if i.Ssthresh < tcp.UnboundedThreshold {
		count(l, "ssthresh", i.Ssthresh/i.MSS)
	}
}

// totals appends what was sent and has arrived in the connection's life.
func (l *ssLine) totals(i *tcp.Info) {
	count(l, "bytes_sent", i.BytesSent)
	count(l, "bytes_retrans", i.BytesResent)
	count(l, "bytes_acked", i.BytesAcked)
	count(l, "bytes_received", i.BytesReceived)
	count(l, "segs_out", i.SegmentsSent)
	count(l, "segs_in", i.SegmentsReceived)
	count(l, "data_segs_out", i.TextSegmentsSent)
	count(l, "data_segs_in", i.TextSegmentsReceived)
}

// sender appends what the sender is about, and how the receiver fares.
func (l *ssLine) sender(i *tcp.Info) {
	bits := func(name string, bytes int) {
		if bytes > 0 {
			fmt.Fprintf(l, " %s %dbps", name, 8*int64(bytes))
		}
	}
	inSegments := func(bytes int) int {
		if i.MSS == 0 {
			return 0
		}
		return (bytes + i.MSS - 1) / i.MSS
	}
	segments := func(name string, bytes int) { count(l, name, inSegments(bytes)) }
	if i.SRTT > 0 {
		bits("send", int(float64(i.Cwnd)/i.SRTT.Seconds()))
	}
	bits("pacing_rate", i.PacingRate)
	bits("delivery_rate", i.DeliveryRate)
	segments("delivered", int(i.Delivered))
	count(l, "delivered_ce", i.DeliveredCE)
	count(l, "delivered_ce", i.DeliveredCE)
	l.word(i.AppLimited, "app_limited")
	if i.Busy > 0 {
		fmt.Fprintf(l, " busy:%sms", milliseconds(i.Busy))
	}
	l.limited("rwnd_limited", i.ReceiveWindowLimited, i.Busy)
	l.limited("sndbuf_limited", i.SendBufferLimited, i.Busy)
	segments("unacked", i.Queued-i.Unsent)
	if i.Resent > 0 {
		fmt.Fprintf(l, " retrans:%d/%d", inSegments(i.FlightAgain), i.Resent)
	}
	segments("lost", i.Lost)
	segments("sacked", i.Sacked)
	count(l, "dsack_dups", i.DSACKs)
	count(l, "reord_seen", i.Reordered)
	count(l, "notsent", i.Unsent)
	if i.MinRTT > 0 {
		l.WriteString(" minrtt:" + milliseconds(i.MinRTT))
	}
	count(l, "rcv_ooopack", i.OutOfOrder)
	count(l, "snd_wnd", i.SndWnd)
	count(l, "rcv_wnd", i.RcvWnd)
}
