package usernet

import (
	"io"
	"math"
	"net"
	"time"

	"github.com/usernet-go/usernet/internal/host"
	"github.com/usernet-go/usernet/internal/text"
	"github.com/usernet-go/usernet/tcp"
)

// Config configures a Stack. The zero value is ready for use: a field that is
// zero means the value that is written beside it.
type Config struct {
	// SendBuffer and ReceiveBuffer bound the bytes that wait in a TCP connection
	// to be sent or acknowledged, and to be read: 16 MiB each, at least 2 KiB. Up to
	// there a connection finds out what its path and its reader need, beginning with
	// 128 KiB, unless TCPConn.SetWriteBuffer or SetReadBuffer says a size. An idle
	// connection holds none of it.
	SendBuffer, ReceiveBuffer int
	// UDPReceiveBuffer bounds the bytes that wait in a UDP socket to be read:
	// 256 KiB. What comes beyond it is dropped.
	UDPReceiveBuffer int

	// MemoryLimit bounds the bytes that the stack holds, for everything that grows with
	// traffic: what waits in TCP connections to be sent, acknowledged and read, connections
	// themselves, some 5 KiB each, with the segment that each may hold whatever the others
	// do, records of TIME-WAIT, UDP sockets and what waits in them, fragments. No queue has
	// more than an eighth of what is left: when memory becomes short windows shrink and
	// writers wait, those first who have most, text beyond a gap is refused before text in
	// order, and in the end a dial fails with ENOBUFS, as the opening of a UDP socket does,
	// and a SYN is dropped. A quarter is for connections and sockets, whatever queues want,
	// and of the rest another for queues that hold little, since who stalls keeps what he
	// has. Stats tells.
	// 1 GiB, or some 9 KiB for each of MaxConnections if that is more; at least 1 MiB.
	MemoryLimit int

	// MaxConnections bounds the TCP connections, half-open ones included: 65536.
	// Beyond it a dial fails with ENOBUFS, and a SYN is dropped.
	MaxConnections int
	// MaxTimeWait bounds the records of connections in TIME-WAIT: 65536. Beyond
	// it the oldest goes.
	MaxTimeWait int
	// Backlog is that of a listener which says nothing else: 4096.
	Backlog int

	// TimeWait is how long a closed connection keeps its address and port from
	// being used again: 60 s.
	TimeWait time.Duration
	// MinRTO is the least time after which data is sent again: 200 ms, as in
	// Linux.
	MinRTO time.Duration
	// DelayedACK is how long an acknowledgment may wait for company: 40 ms, less
	// than 500 ms.
	DelayedACK time.Duration

	// TTL is the time to live of IPv4 packets, and the hop limit of IPv6's, unless a
	// router tells another: 64.
	TTL uint8

	// AddressSecret makes the IPv6 addresses that an interface gives itself differ
	// from those of other hosts, and stay the same from run to run (RFC 7217, 5:
	// secret_key). It should be random, at least 16 bytes long, and be kept. By
	// default the addresses differ from run to run.
	AddressSecret []byte

	// Forwarding makes the stack a router: packets that arrive for other hosts go on by
	// the routes of its interfaces. Off, as RFC 1122 asks of a host: they are dropped.
	// Routers configure a router only at interfaces with Interface.Autoconfigure.
	Forwarding bool

	// KeepAlive and KeepAliveConfig are for connections whose Dialer or
	// ListenConfig says nothing: probing after 15 s of silence, every 15 s, 9
	// times. A negative KeepAlive turns it off. It is ignored if
	// KeepAliveConfig.Enable is set.
	KeepAlive       time.Duration
	KeepAliveConfig net.KeepAliveConfig

	// CongestionControl names the algorithm that decides how much a TCP connection may
	// have in the network, and how fast it leaves: one of CongestionControls. "cubic" (RFC
	// 9438, with HyStart++ of RFC 9406) is the default, "bbr" the third version of BBR
	// (draft-ietf-ccwg-bbr), "reno" that of RFC 5681 and 6582. RegisterCongestionControl
	// makes others known.
	CongestionControl string

	// NoECN keeps TCP connections from explicit congestion notification, by
	// which routers mark packets instead of dropping them. Without it each peer is asked
	// for AccECN (RFC 9768), or else for ECN as RFC 3168 has it; a peer or a path that
	// lets neither pass gets connections without.
	NoECN bool

	// Tracer hears what TCP connections do, segment by segment: nobody does.
	Tracer Tracer

	// Resolver, a *Resolver, looks up the names that Dial, Listen and their likes are
	// given: by default only localhost is one. Its options are copied.
	Resolver NameResolver

	// Rand feeds sequence numbers, ports and all else that is random: by default the
	// operating system, as crypto/rand. With a seeded source a simulation repeats.
	Rand io.Reader

	// Clock tells the time and keeps the timers: the system's, which in a
	// testing/synctest bubble is the bubble's. Deadlines are by its time; the ends of
	// contexts, Dialer.Timeout among them, are by the system's.
	Clock Clock

	// Logger hears of what nobody else can be told, such as a link that failed, as a
	// *slog.Logger does: nobody does.
	Logger Logger
}

// Bounds of a TCP connection's buffers in bytes; the upper one is what a window
// can express (RFC 7323, 2.3).
const (
	minBuffer = 2 << 10
	maxBuffer = 1 << 30
)

const defaultBacklog = 4096

// check returns what is wrong with c.
func (c *Config) check() error {
	for _, f := range []struct {
		name     string
		n        int
		min, max int
	}{
		{"SendBuffer", c.SendBuffer, minBuffer, maxBuffer},
		{"ReceiveBuffer", c.ReceiveBuffer, minBuffer, maxBuffer},
		{"UDPReceiveBuffer", c.UDPReceiveBuffer, minBuffer, maxBuffer},
		{"MemoryLimit", c.MemoryLimit, 1 << 20, math.MaxInt},
		{"MaxConnections", c.MaxConnections, 1, 1 << 30},
		{"MaxTimeWait", c.MaxTimeWait, 1, 1 << 30},
		{"Backlog", c.Backlog, 1, 1 << 30},
	} {
		if f.n != 0 && (f.n < f.min || f.n > f.max) {
			return text.Errorf("usernet: Config.%s is %d; want %d to %d, or 0 for the default", f.name, f.n, f.min, f.max)
		}
	}
	for _, f := range []struct {
		name     string
		d        time.Duration
		min, max time.Duration
	}{
		// RFC 9293, 3.6.1: TIME-WAIT lasts 2 MSL; nobody has use for an hour of it.
		{"TimeWait", c.TimeWait, time.Millisecond, time.Hour},
		{"MinRTO", c.MinRTO, time.Millisecond, time.Minute},
		// RFC 9293, 3.8.6.3: "[...] the delay MUST be less than 0.5 seconds" (MUST-40).
		{"DelayedACK", c.DelayedACK, time.Microsecond, 500*time.Millisecond - 1},
	} {
		if f.d != 0 && (f.d < f.min || f.d > f.max) {
			return text.Errorf("usernet: Config.%s is %v; want %v to %v, or 0 for the default", f.name, f.d, f.min, f.max)
		}
	}
	if c.Resolver == nil {
		return nil
	}
	return c.Resolver.check()
}

// engine returns c in the engine's terms, or what is wrong with it.
func (c *Config) engine() (host.Config, error) {
	if err := c.check(); err != nil {
		return host.Config{}, err
	}
	congestion, err := lookupAlgorithm(c.CongestionControl)
	if err != nil {
		return host.Config{}, text.Errorf("usernet: Config.CongestionControl: %w", err)
	}
	return host.Config{
		Clock:            c.Clock,
		Rand:             c.Rand,
		Logger:           c.Logger,
		Tracer:           c.Tracer,
		MemoryLimit:      int64(c.MemoryLimit),
		MaxConnections:   c.MaxConnections,
		MaxTimeWait:      c.MaxTimeWait,
		UDPReceiveBuffer: c.UDPReceiveBuffer,
		TTL:              c.TTL,
		AddressSecret:    c.AddressSecret,
		Forwarding:       c.Forwarding,
		TCP: tcp.Config{
			SendBuffer:    c.SendBuffer,
			ReceiveBuffer: c.ReceiveBuffer,
			TimeWait:      c.TimeWait,
			MinRTO:        c.MinRTO,
			DelayedACK:    c.DelayedACK,
			Congestion:    congestion,
			NoECN:         c.NoECN,
		},
	}, nil
}
