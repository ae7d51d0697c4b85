package usernet

import (
	"net/netip"
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
