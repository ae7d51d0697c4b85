package sides

import (
	"context"
	"fmt"
	"net"
	"net/netip"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/link/qdisc/fifo"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/stack"

	"github.com/usernet-go/usernet/bench/internal/ends"
)

// fifoLength is that of gVisor's own commands.
const fifoLength = 1000

// gvisorHost is a stack of gVisor; it ends with the process.
type gvisorHost struct {
	stack *stack.Stack
	peer  netip.Addr
}

func newGVisor(s Spec, l stack.LinkEndpoint, i int) (host, error) {
	var queue stack.QueueingDiscipline
	if s.Variant == FIFO || s.Variant == GRO {
		queue = fifo.New(l, 1, fifoLength)
	}
	wait := tcpip.TCPTimeWaitTimeoutOption(TimeWait)
	reuse := tcpip.TCPTimeWaitReuseGlobal
	g, err := ends.NewGVisor(l, queue, addresses[i], Congestion, LargestBuffer, &wait, &reuse)
	if err != nil {
		return nil, err
	}
	if err := g.SetPortRange(FirstPort, LastPort); err != nil {
		return nil, fmt.Errorf("gVisor: range of ports: %v", err)
	}
	return &gvisorHost{g, addresses[1-i]}, nil
}

func (h *gvisorHost) listen(port int) (net.Listener, error) {
	return gonet.ListenTCP(h.stack, tcpip.FullAddress{NIC: 1, Port: uint16(port)}, ipv4.ProtocolNumber)
}

func (h *gvisorHost) dial(port int) (net.Conn, error) {
	to := tcpip.FullAddress{NIC: 1, Addr: tcpip.AddrFrom4(h.peer.As4()), Port: uint16(port)}
	return gonet.DialContextTCP(context.Background(), h.stack, to, ipv4.ProtocolNumber)
}
