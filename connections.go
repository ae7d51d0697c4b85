package usernet

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/usernet-go/usernet/tcp"
)

// A Connection describes a TCP connection, a listener or a UDP socket at an
// instant, as a line of the program ss does.
type Connection struct {
	Network string // "tcp" or "udp"
	// Local is this end. The address is unspecified where all are meant: [::] may
	// stand for those of IPv4 as well.
	Local netip.AddrPort
	// Remote is the peer, or the zero AddrPort of a listener and of a UDP socket
	// that is not connected.
	Remote netip.AddrPort
	// State is that of a TCP connection. As in Linux, a UDP socket that is connected
	// is tcp.StateEstablished, and another tcp.StateClosed.
	State tcp.State
	// RecvQ is how many bytes wait for Read, or how many connections for Accept.
	RecvQ int
	// SendQ is how many bytes were written and not yet acknowledged by the peer, or
	// how many connections may wait for Accept.
	SendQ int
	// Timer names what the connection waits for and TimerLeft is for how long: see
	// tcp.Info. It is empty where no timer runs.
	Timer     string
	TimerLeft time.Duration
	// Info tells more of a TCP connection. It is nil for listeners, for connections
	// in TIME-WAIT, and for UDP.
	Info *tcp.Info
}

// Connections returns the stack's TCP connections, half-open ones and those in
// TIME-WAIT included, its listeners and its UDP sockets. TCP comes before UDP,
// listeners come before connections, and all are in the order of their
// addresses. Each is right by itself; they are not all of one instant.
func (s *Stack) Connections() []Connection {
	found := s.host.Connections()
	all := make([]Connection, len(found))
	for i := range found {
		all[i] = Connection(found[i])
	}
	return all
}

// ssStates are the states as ss abbreviates them.
var ssStates = map[tcp.State]string{
	tcp.StateClosed: "UNCONN", tcp.StateEstablished: "ESTAB", tcp.StateSynReceived: "SYN-RECV",
}

// String returns c in a line of the form of "ss -tunaoi": network, state, receive
// queue, send queue, local and remote address, and what else there is to tell, by
// the names that ss has for it; pathmss is Info's PathMSS, where a path takes less
// than both ends.
func (c Connection) String() string {
	state, ok := ssStates[c.State]
	if !ok {
		state = c.State.String()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%-5s %-10s %6d %6d %23s %23s", c.Network, state, c.RecvQ, c.SendQ, ssAddr(c.Local), ssAddr(c.Remote))
	if c.Timer != "" {
		retransmits := 0
		if c.Info != nil {
			retransmits = c.Info.Retransmits
		}
		fmt.Fprintf(&b, " timer:(%s,%v,%d)", c.Timer, c.TimerLeft.Round(time.Millisecond), retransmits)
	}
	if c.Info != nil {
		writeInfo(&b, c.Info)
	}
	return b.String()
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

// writeInfo appends what ss -i tells of a connection: times in milliseconds, the
// congestion window in segments.
func writeInfo(b *strings.Builder, i *tcp.Info) {
	ms := func(d time.Duration) string {
		return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'g', 4, 64)
	}
	if i.Timestamps {
		b.WriteString(" ts")
	}
	if i.SndScale > 0 || i.RcvScale > 0 {
		fmt.Fprintf(b, " wscale:%d,%d", i.SndScale, i.RcvScale)
	}
	fmt.Fprintf(b, " rto:%s", ms(i.RTO))
	if i.SRTT > 0 {
		fmt.Fprintf(b, " rtt:%s/%s", ms(i.SRTT), ms(i.RTTVar))
	}
	if i.MSS > 0 {
		fmt.Fprintf(b, " mss:%d rcvmss:%d advmss:%d cwnd:%d", i.MSS, i.ReceivedMSS, i.AdvertisedMSS, i.Cwnd/i.MSS)
		if i.Ssthresh > 0 && i.Ssthresh < tcp.UnboundedThreshold {
			fmt.Fprintf(b, " ssthresh:%d", i.Ssthresh/i.MSS)
		}
		if i.Flight > 0 {
			fmt.Fprintf(b, " unacked:%d", (i.Flight+i.MSS-1)/i.MSS)
		}
	}
	if i.PathMSS > 0 {
		fmt.Fprintf(b, " pathmss:%d", i.PathMSS)
	}
	if i.Unsent > 0 {
		fmt.Fprintf(b, " notsent:%d", i.Unsent)
	}
	if i.Resent > 0 {
		fmt.Fprintf(b, " retrans:%d/%d", i.Retransmits, i.Resent)
	}
}
