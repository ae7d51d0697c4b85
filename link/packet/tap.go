package packet

import (
	"golang.org/x/net/bpf"

	"github.com/usernet-go/usernet/link"
)

// TapConfig describes a tap.
type TapConfig struct {
	// Interface is the name of the one that is tapped; "": all, those that come
	// later among them.
	Interface string
	// Filter decides which packets are copied, as SetFilter says; nil: all.
	Filter []bpf.RawInstruction
}

// A Tap receives copies of the IP packets that the host's kernel is about to
// receive, of both families, where the kernel's own IP takes them: behind
// bonding, bridging and VLANs, so that each packet comes once, and before the
// firewall's rules for IP. Frames for other stations and what the host sends do
// not come; what it sends to itself, on its loopback interface, does.
type Tap struct{ t tap }

// tap is what the system has to do for a Tap.
type tap interface {
	setFilter([]bpf.RawInstruction) error
	receive(func([]link.Packet)) error
	stats() Stats
	close() error
}

// OpenTap opens a tap, which collects packets from then on, as far as the kernel
// has room. It needs CAP_NET_RAW; the error says how to get it.
func OpenTap(c TapConfig) (*Tap, error) {
	t, err := openTap(c)
	if err != nil {
		return nil, err
	}
	return &Tap{t}, nil
}

// SetFilter replaces the filter: a program of classic BPF, or nil for all
// packets. Offset 0 of its loads is the first byte of the IP header, whatever
// the interface is; what it returns is how many bytes are wanted, the link
// header included, 0 for none, so that 1<<18 takes all. At most 4090
// instructions. Between the two filters no packet escapes both; some that the
// old one let through may still come.
//
// A load sees only what lies in the first piece of the kernel's buffer, and one
// that finds nothing there ends the program: the packet does not come. Devices and
// GRO put all headers there, save some devices while GRO is switched off (ethtool
// -K DEVICE gro off).
func (t *Tap) SetFilter(f []bpf.RawInstruction) error { return t.t.setFilter(f) }

// Receive delivers packets in batches until Close, and then returns nil. Packets
// begin with the IP header, which the kernel has not looked at yet; Offload says
// which are several segments merged, and whose checksums are partial because
// they come from the same machine. A batch is lent while deliver runs. Calls of
// deliver may overlap each other. While the interface is down nothing arrives;
// when it has been removed, Receive ends with an error (ENODEV).
func (t *Tap) Receive(deliver func([]link.Packet)) error { return t.t.receive(deliver) }

// Drops returns how many packets were lost on the way to Receive, because it
// did not keep up or for the reasons that Stats gives.
func (t *Tap) Drops() uint64 {
	s := t.t.stats()
	return s.Dropped + s.Unusable
}

// Close waits for deliveries in progress and lets Receive return. A second Close
// does nothing. It must not be called from within deliver.
func (t *Tap) Close() error { return t.t.close() }
