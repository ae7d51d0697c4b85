package sides

import (
	"net"
	"net/netip"
	"strconv"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/pipe"
)

var addresses = [2]netip.Addr{netip.AddrFrom4([4]byte{10, 0, 0, 1}), netip.AddrFrom4([4]byte{10, 0, 0, 2})}

const prefixBits = 24

// A host is one end. A dial has no time limit of its own, which would be a part of what
// is measured: it ends with the process, see Spec.patience.
type host interface {
	listen(port int) (net.Listener, error)
	dial(port int) (net.Conn, error)
}

// joined returns two hosts in this process.
func joined(s Spec) (hosts [2]host, err error) {
	switch s.Stack {
	case GVisor:
		return joinedGVisor(s)
	case Copies:
		return joinedCopies(), nil
	}
	a, b := pipe.New(pipe.Config{Medium: link.IP, MTU: s.MTU, GSO: s.Offload})
	for i, l := range []link.Link{a, b} {
		if hosts[i], err = newUsernet(l, i); err != nil {
			return hosts, err
		}
	}
	return hosts, nil
}

// manyConnections is more than any work has.
const manyConnections = 4 << 20

// usernetHost is a stack of usernet; it ends with the process.
type usernetHost struct {
	stack *usernet.Stack
	peer  netip.Addr
}

func newUsernet(l link.Link, i int) (host, error) {
	stack, err := usernet.New(usernet.Config{
		SendBuffer: LargestBuffer, ReceiveBuffer: LargestBuffer,
		MaxConnections: manyConnections, MaxTimeWait: manyConnections,
		TimeWait: TimeWait, CongestionControl: Congestion,
	})
	if err != nil {
		return nil, err
	}
	err = stack.Attach(l, usernet.Interface{Addrs: []netip.Prefix{netip.PrefixFrom(addresses[i], prefixBits)}})
	if err != nil {
		return nil, err
	}
	return &usernetHost{stack, addresses[1-i]}, nil
}

func (h *usernetHost) listen(port int) (net.Listener, error) {
	return h.stack.Listen("tcp4", ":"+strconv.Itoa(port))
}

func (h *usernetHost) dial(port int) (net.Conn, error) {
	return h.stack.Dial("tcp4", netip.AddrPortFrom(h.peer, uint16(port)).String())
}
