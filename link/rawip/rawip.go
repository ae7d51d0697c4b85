package rawip

import (
	"net/netip"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// Config describes a link.
type Config struct {
	// Interface is the name of the one that packets leave and arrive by; "": all,
	// as the kernel routes them. Ports are hidden from the kernel on all alike.
	Interface string
}

// A Link shares the host's addresses. It is a link.PortSharer: a stack to which it
// is attached reserves the ports that it uses.
type Link struct{ d driver }

var _ link.PortSharer = (*Link)(nil)

// driver is what the system has to do for a Link.
type driver interface {
	link.PortSharer
	addrs() []netip.Prefix
	stats() Stats
}

// Stats are counters, from the moment when the link was opened.
type Stats struct {
	// Dropped counts packets that were lost on the way to Receive, because it did
	// not keep up, or because they were merged to more than 64 KiB (an interface whose
	// gro_max_size was raised) or of what is neither TCP nor UDP.
	Dropped uint64
	// Passed counts packets that the kernel's filter let through and that were not
	// for the stack.
	Passed uint64
	// Ports is how many ports are reserved now.
	Ports int
}

// Open opens a link of the host, in the network namespace of the calling thread. It
// needs CAP_NET_RAW and CAP_NET_ADMIN; the error says how to get them, with the
// errno in its chain. With an error nothing is left behind.
func Open(c Config) (*Link, error) {
	d, err := open(c)
	if err != nil {
		return nil, err
	}
	return &Link{d}, nil
}

// Info says that packets are IP packets without any offload, and that the MTU is
// the interface's, or the least of those that are up.
func (l *Link) Info() link.Info { return l.d.Info() }

// Addrs returns the host's addresses, with the lengths of their networks'
// prefixes: the global ones of the interface, or of all interfaces that are up.
// Link-local IPv6 addresses are among them only when Config named an interface.
func (l *Link) Addrs() []netip.Prefix { return l.d.addrs() }

// Send hands packets to the kernel's IP. It takes fewer than all, without an error,
// when the kernel has no room. A packet that the kernel refuses ends the batch with
// an error, which concerns that packet alone: ENETUNREACH and EHOSTUNREACH without
// a route, EPERM when the host's firewall forbids it, EMSGSIZE when the interface by
// which it leaves has a smaller MTU, EINVAL when its source is an IPv6 address that
// the host has not, ENETDOWN and ENODEV when the named interface is down or gone.
func (l *Link) Send(batch []link.Packet) (int, error) { return l.d.Send(batch) }

// Receive delivers what arrives for the stack. When the named interface has been
// removed, it ends with an error (ENODEV).
func (l *Link) Receive(queue int, deliver func([]link.Packet)) error {
	return l.d.Receive(queue, deliver)
}

// Close gives the ports back to the kernel.
func (l *Link) Close() error { return l.d.Close() }

// ReservePort takes a port from the kernel; see link.PortSharer. The error wraps
// EADDRINUSE when a program has the port, or EMFILE at the limit of descriptors.
func (l *Link) ReservePort(p wire.Protocol, port uint16) error { return l.d.ReservePort(p, port) }

// ReleasePort gives it back.
func (l *Link) ReleasePort(p wire.Protocol, port uint16) { l.d.ReleasePort(p, port) }

// Stats returns the counters.
func (l *Link) Stats() Stats { return l.d.stats() }
