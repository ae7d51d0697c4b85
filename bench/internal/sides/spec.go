// Package sides runs one measurement in processes of its own: the program starts itself
// again, so that each begins with an empty heap, a fresh network namespace and no
// memory of the one before.
//
// Two stacks of usernet or gVisor joined in memory are one process, as their users have
// them. Wherever the kernel's TCP is at an end, each side is a process: the near one,
// which has the stack that is measured, and the far one, which has the kernel's. They
// talk by net/rpc over a pair of sockets, which carries a call at the beginning and at
// the end of what is measured and nothing meanwhile.
package sides

import (
	"time"

	"github.com/usernet-go/usernet/bench/internal/load"
)

// Stacks.
const (
	Linux   = "linux"
	GVisor  = "gvisor"
	Usernet = "usernet"
	Copies  = "copies" // no stack: what would stay of one that costs nothing; see joinedCopies
)

// Links.
const (
	Memory = "memory" // usernet's pipe, a link of the same kind for gVisor, the kernel's loopback
	TUN    = "tun"
	TAP    = "tap"
	Packet = "packet" // AF_PACKET on one end of a veth pair whose other end is the kernel's
)

// Variants of gVisor, besides a link as good as usernet's, which delivers at once.
const (
	FIFO    = "fifo"    // with its queue of that name before the link
	GRO     = "gro"     // with its own segmentation and coalescing, and that queue
	FDBased = "fdbased" // with its own link for descriptors, as it is shipped
)

// XDP is the variant of usernet on a veth pair that takes AF_XDP in place of AF_PACKET.
const XDP = "xdp"

// What is the same for all stacks.
const (
	// TimeWait is how long a port is kept from being used again: the kernel's limit
	// for reuse, and the whole of TIME-WAIT for the others.
	TimeWait = time.Second
	// FirstPort and LastPort bound the ports of clients.
	FirstPort, LastPort = 32768, 65535
	// LargestBuffer bounds what a connection's buffers may grow to.
	LargestBuffer = 8 << 20
	// Congestion is the congestion control.
	Congestion = "cubic"
)

// A Spec says what to measure.
type Spec struct {
	Stack   string
	Variant string `json:",omitempty"`
	Link    string
	MTU     int
	Offload bool `json:",omitempty"` // super-segments of up to 64 KiB
	// Reverse makes the far side the client.
	Reverse bool `json:",omitempty"`
	// Profile adds to the figures what the near process spends its processor time on.
	Profile bool `json:",omitempty"`
	Work    load.Work
}

// Entry is the stack's name with the variant's.
func (s Spec) Entry() string {
	if s.Variant != "" {
		return s.Stack + "+" + s.Variant
	}
	return s.Stack
}

// inMemory says that both ends are one process.
func (s Spec) inMemory() bool { return s.Link == Memory && s.Stack != Linux }

// NeedsRoot says that a namespace and devices have to be made.
func (s Spec) NeedsRoot() bool { return !s.inMemory() }
