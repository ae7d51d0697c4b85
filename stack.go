package usernet

import (
	"net"
	"net/netip"

	"github.com/usernet-go/usernet/internal/host"
	"github.com/usernet-go/usernet/internal/text"
	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/tcp"
	"github.com/usernet-go/usernet/wire"
)

// A Stack is a host of its own: interfaces, addresses, ports and connections. It
// reaches itself at 127.0.0.1 and ::1, and others by the links that are attached
// to it. Its methods may be called concurrently.
//
// A Stack that is made in a testing/synctest bubble belongs to it, and its time
// is the bubble's.
type Stack struct {
	host      *host.Host
	backlog   int
	keepAlive *tcp.KeepAlive
	names     *naming
}

// New makes a stack without links. The error says what is wrong with config.
func New(config Config) (*Stack, error) {
	engine, err := config.engine()
	if err != nil {
		return nil, err
	}
	h, err := host.New(engine)
	if err != nil {
		return nil, text.Errorf("usernet: %w", err)
	}
	s := &Stack{host: h, backlog: config.Backlog, keepAlive: newKeepAlive(config.KeepAlive, config.KeepAliveConfig)}
	s.names = &naming{resolver: literals{}}
	if config.Resolver != nil {
		s.names.resolver = config.Resolver.on(s)
	}
	if s.backlog == 0 {
		s.backlog = defaultBacklog
	}
	return s, nil
}

// Interface describes how a stack appears on a link.
type Interface struct {
	// Name is the zone of link-local addresses, as eth0 in fe80::1%eth0, and
	// stands in log messages. No two interfaces of a stack share one; an empty
	// one is chosen by the stack.
	Name string
	// Addrs are the stack's addresses on the link, each with the length of the
	// prefix that it shares with its neighbours there: 10.0.0.1/24. On Ethernet a
	// link-local IPv6 address is added where there is another IPv6 one, or
	// Autoconfigure is set: with the identifier of RFC 7217 (see
	// Config.AddressSecret), not one made of the MAC.
	Addrs []netip.Prefix
	// Gateways are the routers to everywhere else, at most one of each family.
	Gateways []netip.Addr
	// MAC is the address on an Ethernet link. By default it is the link's, or a
	// random one if the link has none.
	MAC net.HardwareAddr

	// DetectDuplicates has Attach wait until it is known that no other host on an
	// Ethernet link has one of Addrs: up to 2 s for IPv6 (RFC 4862, 5.4), up to 7 s
	// for IPv4 (RFC 5227). So does AddAddr. Without it addresses are used at once. An
	// IPv6 one whose check, which goes on meanwhile (RFC 4429), fails is taken away;
	// an IPv4 one is announced and defended. Until that check is over, for 1 s, most
	// hosts do not tell their MAC to an IPv6 address: the first packets to them wait.
	//
	// Nobody vouches for what a check is told: a host that claims every address keeps
	// others from theirs. A check finds nobody where the link loses its packets, as a
	// device does that is down.
	DetectDuplicates bool
	// Autoconfigure has an interface on an Ethernet link look for IPv6 routers, and
	// heed them: it makes itself addresses of their prefixes (RFC 4862, with the
	// stable opaque identifiers of RFC 7217), and takes default routes, prefixes that
	// are on the link, hop limit, MTU, timers and redirects from them. Any host on the
	// link can say that it is a router; what it can have the stack remember is bounded,
	// and values that would cut the stack off are ignored. Attach does not wait for that:
	// see Stack.WaitAddr.
	Autoconfigure bool
}

// Attach gives the stack a link, which belongs to the stack from then on: Close and
// Detach close it. When Attach returns nil, packets are received. After an error,
// which is as those of AddAddr, the link is the caller's as before. One that wraps
// EADDRINUSE says which address another host has, and its MAC (see
// Interface.DetectDuplicates): then the link has been used, and is closed. So it is
// when a Close, Detach or RemoveAddr ends that wait. To close it again does no harm.
func (s *Stack) Attach(l link.Link, ifc Interface) error {
	config := host.InterfaceConfig{Name: ifc.Name, Addrs: ifc.Addrs, Gateways: ifc.Gateways,
		DetectDuplicates: ifc.DetectDuplicates, Autoconfigure: ifc.Autoconfigure}
	if ifc.MAC != nil {
		if len(ifc.MAC) != len(config.MAC) {
			return text.Errorf("usernet: attach %s: MAC %v has %d bytes, want %d", ifc.Name, ifc.MAC, len(ifc.MAC), len(wire.MAC{}))
		}
		config.MAC = wire.MAC(ifc.MAC)
	}
	return configError(s.host.Attach(l, config), "attach %s", ifc.Name)
}

// Close resets the connections that are open, closes listeners, sockets and
// links, and returns when nothing of the stack runs any more. Calls that are
// blocked return net.ErrClosed. Later Closes do nothing.
func (s *Stack) Close() error { return s.host.Close() }

// Stats are a stack's counters since New. Each is right by itself; they are not
// all of one instant.
type Stats struct {
	PacketsIn, BytesIn   uint64 // that links delivered, with all their headers
	PacketsOut, BytesOut uint64 // that links took
	Forwarded            uint64 // packets for other hosts that were sent on, among PacketsOut: see Config.Forwarding

	SegmentsIn, SegmentsOut uint64 // of TCP; a super-segment counts as those that it stands for
	Connections             int    // of TCP, now, half-open ones included
	TimeWait                int    // connections in TIME-WAIT, now
	TimeWaitEvicted         uint64 // connections whose TIME-WAIT was cut short by Config.MaxTimeWait or MemoryLimit
	ResetsLimited           uint64 // segments of no connection that went unanswered: too many

	MemoryUsed, MemoryLimit int64  // bytes, now: see Config.MemoryLimit
	MemoryRefused           uint64 // times that somebody was refused memory, or had less of it than he asked for

	DNSIgnored uint64 // messages to the resolver's sockets that answered nothing it had asked

	// Drops says how many packets were dropped, by reason in words. Reasons that
	// did not occur are not in it.
	Drops map[string]uint64
}

// Stats returns the stack's counters.
func (s *Stack) Stats() Stats {
	h := s.host.Stats()
	st := Stats{
		PacketsIn: h.PacketsIn, BytesIn: h.BytesIn,
		PacketsOut: h.PacketsOut, BytesOut: h.BytesOut, Forwarded: h.Forwarded,
		SegmentsIn: h.TCP.SegmentsIn, SegmentsOut: h.TCP.SegmentsOut,
		Connections: h.TCP.Connections, TimeWait: h.TCP.TimeWait,
		TimeWaitEvicted: h.TCP.TimeWaitEvicted, ResetsLimited: h.TCP.ResetsLimited,
		MemoryUsed: h.Memory.Used, MemoryLimit: h.Memory.Limit, MemoryRefused: h.Memory.Refused,
		DNSIgnored: s.names.ignored.Load(),
		Drops:      make(map[string]uint64),
	}
	for i, n := range h.Drops {
		if n > 0 {
			st.Drops[host.Reason(i).String()] += n
		}
	}
	return st
}
