package tun

import (
	"os"
	"strings"

	"github.com/usernet-go/usernet/internal/text"
	"github.com/usernet-go/usernet/link"
)

const (
	minMTU     = 68 // RFC 791, 3.2; IPv6 wants 1280
	maxMTU     = 65535
	defaultMTU = 1500
	maxQueues  = 256 // the kernel's bound
	maxName    = 15  // bytes, likewise
)

// Config describes a device.
type Config struct {
	// Name of the interface, at most 15 bytes. Open needs it; FromFile uses it
	// in errors when the descriptor has no name of its own.
	Name string
	// TAP: Ethernet frames; otherwise TUN: IP packets.
	TAP bool
	// MTU is the largest IP packet in bytes, 68 to 65535; 0: the interface's
	// (Open), or 1500 (FromFile). The interface keeps its own.
	MTU int
	// Queues is the number of receive queues, 1 to 256; 0 means 1. FromFile
	// knows one only.
	Queues int
}

func (c *Config) check() error {
	if c.MTU != 0 && (c.MTU < minMTU || c.MTU > maxMTU) {
		return text.Errorf("tun: an MTU of %d bytes; want %d to %d, and 1280 or more for IPv6", c.MTU, minMTU, maxMTU)
	}
	if c.Queues < 0 || c.Queues > maxQueues {
		return text.Errorf("tun: %d queues; want 1 to %d", c.Queues, maxQueues)
	}
	return nil
}

// Open attaches to the interface of that name, and makes it when there is none;
// one that was made by Open is gone after Close. An existing one keeps its
// addresses, state and MTU. It needs CAP_NET_ADMIN, or an interface that belongs
// to the user; the error says how to get there, with the errno in its chain.
//
// The link's Send takes what the kernel takes: fewer packets than all, without
// an error, when the kernel has no room or memory. A packet that the kernel
// refuses ends the batch with an error: EIO while the interface is down,
// EBADFD when it is gone, EINVAL when headers contradict the packet's Offload.
// Receive ends with an error when the interface is removed. After Close, Send
// returns os.ErrClosed. Flows are spread over the queues by their addresses and
// ports, and the kernel answers a flow on the queue where it was last sent.
func Open(c Config) (link.Link, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if c.Name == "" || len(c.Name) > maxName || c.Name == "." || c.Name == ".." || strings.ContainsAny(c.Name, "/:% \t\n\x00") {
		return nil, text.Errorf("tun: %q is no name of an interface; want 1 to %d bytes without space, slash, colon and percent sign", c.Name, maxName)
	}
	c.Queues = max(c.Queues, 1)
	return open(c)
}

// FromFile makes a link of a descriptor that somebody else opened: by the
// system on phones, by a privileged helper elsewhere. One read is one packet,
// without anything before it but the virtio header that a device may have: a
// device must have been opened with IFF_NO_PI, which the kernel does not tell.
//
// A TUN or TAP device is asked what it is, and has offload when it has a virtio
// header. Any other descriptor that can be polled, a socket of datagrams for
// instance, is taken for what c says, without offload. Of datagrams, empty ones
// and the news that nobody listens at the peer's UDP port are passed over. The
// link has a duplicate of the descriptor: the caller closes f, at once or later.
// The descriptor becomes non-blocking, f's too.
func FromFile(f *os.File, c Config) (link.Link, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if c.Queues > 1 {
		return nil, text.Errorf("tun: %d queues from one file; want 1", c.Queues)
	}
	c.Queues = 1
	if c.MTU == 0 {
		c.MTU = defaultMTU
	}
	return fromFile(f, c)
}
