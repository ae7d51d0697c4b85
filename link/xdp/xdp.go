package xdp

import (
	"fmt"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// Config describes a link.
type Config struct {
	// Interface is the name of the host's interface, which must be Ethernet, with an
	// MTU of 3826 at most: a frame lies in one page.
	Interface string
	// MAC is the link's own address; zero: a locally administered one, chosen at
	// random by each Open. It must differ from the interface's own, whose frames are
	// the host's; for networks that let no other through there is link/packet.
	MAC wire.MAC
	// Queues are the interface's receive queues that get a socket of their own; nil:
	// all that it has. What comes by others takes the slower way of groups.
	Queues []int
	// Generic attaches the program behind the driver, as for one that has no XDP of
	// its own, though this one has: drivers have been wrong, and some have to restart
	// the card.
	Generic bool
}

// A Mode says how frames come and go.
type Mode struct {
	// Native: the driver runs the program, on its own buffers, before the kernel
	// makes packets of them. Otherwise the kernel does, afterwards.
	Native bool
	// ZeroCopy: the driver puts frames where the stack reads them, and sends from
	// where it has written them, on all queues. Otherwise the kernel copies them.
	ZeroCopy bool
}

// Stats are counters, from the moment when the link was opened.
type Stats struct {
	// Dropped counts frames for which there was no room, because Receive did not keep
	// up, or which are longer than where they would lie: with the Ethernet header,
	// 1792 bytes when the MTU was 1778 at most as the link was opened, otherwise 3840.
	// With Mode.ZeroCopy, what the driver finds no room for is not counted here; its
	// own counters (ethtool -S) may have it.
	Dropped uint64
	// Unusable counts what link/packet's does, of the frames that come its way.
	Unusable uint64
	// Redirected counts frames that came through shared memory, and Copied those that
	// came through the packet socket.
	Redirected, Copied uint64
}

// A Link is a station of its own on an interface of the host.
type Link struct{ d device }

// device is what the system has to do for a Link.
type device interface {
	link.Link
	mode() Mode
	stats() Stats
}

// Open opens a link with an Ethernet address of its own on an interface of the
// host. Frames to that address, to groups and to all come in; those that bear a
// tag of a VLAN, and what the host sends, do not. Neither can the host itself
// reach the address through the same interface, nor be reached. A tag that the
// interface takes off frames is none that the program could see: those to the
// station's address come in from all VLANs, unless this is switched off
// (ethtool -K INTERFACE rxvlan off).
//
// It needs CAP_NET_RAW, CAP_NET_ADMIN and CAP_BPF (the error says how to get them)
// and Linux 5.11. For each queue, 6 MiB of memory are shared with the kernel, 12
// when the MTU exceeds 1778, and locked: without CAP_IPC_LOCK they count in
// RLIMIT_MEMLOCK. The driver runs the program if it can, and shares its buffers if
// it can: Mode says so.
//
// A queue, and locked memory, are free only a moment after the socket that had them
// was closed. So Open waits, up to a second, for a queue that is in use and for
// memory that may not be locked, before it says so.
//
// The link's Send takes what there are frames for, 1024 on each queue: fewer
// packets than all, without an error, when those are under way. While the interface
// is down nothing arrives, and Send returns ENETDOWN, but for what it took before
// it learned that: this goes out within 100 ms of when the interface is up again.
// When it has been removed, Receive ends, and Send returns, an error that says so
// (ENODEV). A packet without bytes, or with an offload, ends a batch with EINVAL,
// one that exceeds the MTU that the interface had when it was opened (Info) with
// EMSGSIZE. After Close, Send returns os.ErrClosed.
//
// There is a receive queue for each of the interface's that has a socket, and a
// last one for what comes by the kernel's way. That the interface is gone is
// noticed by the last one's Receive.
func Open(c Config) (*Link, error) {
	if c.MAC.IsMulticast() {
		return nil, fmt.Errorf("xdp: %s: %v is the address of a group; want that of a station, whose first byte is even", c.Interface, c.MAC)
	}
	if c.Queues != nil && len(c.Queues) == 0 {
		return nil, fmt.Errorf("xdp: %s: no receive queue is chosen; want one at least, or nil for all", c.Interface)
	}
	for i, q := range c.Queues {
		if q < 0 {
			return nil, fmt.Errorf("xdp: %s: receive queue %d; want 0 or more", c.Interface, q)
		}
		for _, other := range c.Queues[:i] {
			if q == other {
				return nil, fmt.Errorf("xdp: %s: receive queue %d twice", c.Interface, q)
			}
		}
	}
	d, err := open(c)
	if err != nil {
		return nil, err
	}
	return &Link{d}, nil
}

// Info describes the link; MAC is its address.
func (l *Link) Info() link.Info { return l.d.Info() }

// Mode says how frames come and go, which depends on the driver.
func (l *Link) Mode() Mode { return l.d.mode() }

// Send sends as link.Link says.
func (l *Link) Send(batch []link.Packet) (int, error) { return l.d.Send(batch) }

// Receive receives as link.Link says.
func (l *Link) Receive(queue int, deliver func([]link.Packet)) error {
	return l.d.Receive(queue, deliver)
}

// Stats returns the counters.
func (l *Link) Stats() Stats { return l.d.stats() }

// Close closes as link.Link says.
func (l *Link) Close() error { return l.d.Close() }
