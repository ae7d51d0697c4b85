package packet

import (
	"fmt"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// Config describes a link.
type Config struct {
	// Interface is the name of the host's interface, which must be Ethernet.
	Interface string
	// MAC is the link's own address; zero: a locally administered one, chosen at
	// random by each Open. Random, because two links with one address on one wire
	// disturb each other, and programs do not know of each other; a program that
	// wants to be the same station after a restart keeps its address and gives it.
	MAC wire.MAC
	// InterfaceMAC asks for the interface's own address in place of one of the
	// link's own: for networks that let no other through (see Open). The host's
	// kernel then receives the link's frames too; it ignores packets to addresses
	// that are not its own, unless it forwards (net.ipv4.ip_forward), which must
	// be off.
	InterfaceMAC bool
}

// Stats are counters, from the moment when the socket was opened.
type Stats struct {
	// Dropped counts packets for which the kernel had no room, because Receive
	// did not keep up.
	Dropped uint64
	// Unusable counts packets that came and cannot be handed on: merged to more
	// than 64 KiB (an interface whose gro_max_size was raised), merged of segments
	// of a protocol that is neither TCP nor UDP, or with an offload that
	// contradicts their headers.
	Unusable uint64
}

// A Link is a station of its own on an interface of the host: link.Link, and
// what the kernel counts.
type Link struct{ d device }

// device is what the system has to do for a Link.
type device interface {
	link.Link
	stats() Stats
}

// Open opens a link with an Ethernet address of its own on an interface of the
// host. Frames to that address, to groups and to all come in; those that bear a
// tag of a VLAN, and what the host sends, do not. Packets are merged and cut as
// the interface does it, and the kernel does for an interface that cannot: Info
// promises segmentation and checksums on any.
//
// It needs CAP_NET_RAW (the error says how to get it) and Linux 4.20.
//
// The host itself cannot reach this address through the same interface, nor be
// reached: what it sends there goes out on the wire, where no switch sends it
// back. A pair of virtual interfaces (veth), or TAP, leads from the host to a
// stack.
//
// Wireless access points, and virtual switches of hypervisors and clouds, often
// let no address through but the one that they gave to the interface: nothing
// is answered then, and Config.InterfaceMAC helps. An interface that cannot
// filter for further addresses is put into promiscuous mode by the kernel; the
// kernel's copies of frames are still for this link only.
//
// The link's Send takes what the kernel takes: fewer packets than all, without
// an error, when the interface's queue or the socket's buffer is full. While the
// interface is down, Send returns ENETDOWN and nothing arrives; all goes on when
// it is up again. When it has been removed, Receive ends, and Send returns, an
// error that says so (ENODEV). A packet whose headers contradict its Offload
// ends a batch with EINVAL, one that exceeds the MTU with EMSGSIZE. After Close,
// Send returns os.ErrClosed.
//
// There is one receive queue.
func Open(c Config) (*Link, error) {
	switch {
	case c.MAC.IsMulticast():
		return nil, fmt.Errorf("packet: %s: %v is the address of a group; want that of a station, whose first byte is even", c.Interface, c.MAC)
	case c.InterfaceMAC && !c.MAC.IsZero():
		return nil, fmt.Errorf("packet: %s: both the address %v and the interface's own; want one of them", c.Interface, c.MAC)
	}
	d, err := open(c)
	if err != nil {
		return nil, err
	}
	return &Link{d}, nil
}

// Info describes the link; MAC is its address.
func (l *Link) Info() link.Info { return l.d.Info() }

// Send sends as link.Link says.
func (l *Link) Send(batch []link.Packet) (int, error) { return l.d.Send(batch) }

// Receive receives as link.Link says.
func (l *Link) Receive(queue int, deliver func([]link.Packet)) error {
	return l.d.Receive(queue, deliver)
}

// Stats returns the counters of what did not reach Receive.
func (l *Link) Stats() Stats { return l.d.stats() }

// Close closes as link.Link says.
func (l *Link) Close() error { return l.d.Close() }
