package ends

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"

	"github.com/usernet-go/usernet/bench/internal/hop"
	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

// joinGVisor makes two stacks of gVisor.
func joinGVisor(h *hop.Hop, algorithm string) (Pair, error) {
	var links [2]*channel
	for i := range links {
		links[i] = &channel{hop: h, way: hop.Way(i)}
	}
	pair := h.AddPorts(links[0].arrive, links[1].arrive)
	p := new(gvisorPair)
	for i, l := range links {
		l.pair = pair
		var err error
		if p.hosts[i], err = newGVisorHost(i, l, algorithm); err != nil {
			p.Close()
			return nil, err
		}
	}
	return p, nil
}

type gvisorPair struct{ hosts [2]*gvisorHost }

func (p *gvisorPair) Host(i int) Host { return p.hosts[i] }

func (p *gvisorPair) Close() {
	for _, h := range p.hosts {
		if h != nil {
			h.listener.Close()
			h.stack.Close()
			h.stack.Wait()
		}
	}
}

type gvisorHost struct {
	stack    *stack.Stack
	listener net.Listener
	peer     tcpip.FullAddress
}

func newGVisorHost(i int, l *channel, algorithm string) (*gvisorHost, error) {
	s, err := NewGVisor(l, nil, netip.AddrFrom4(addresses[i]), algorithm, largest)
	if err != nil {
		return nil, err
	}
	ln, err := gonet.ListenTCP(s, tcpip.FullAddress{NIC: 1, Port: port}, ipv4.ProtocolNumber)
	if err != nil {
		s.Close()
		return nil, err
	}
	peer := tcpip.FullAddress{NIC: 1, Addr: tcpip.AddrFrom4(addresses[1-i]), Port: port}
	return &gvisorHost{s, ln, peer}, nil
}

func (h *gvisorHost) Listener() net.Listener { return h.listener }

func (h *gvisorHost) Dial() (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), dialPatience)
	defer cancel()
	return gonet.DialContextTCP(ctx, h.stack, h.peer, ipv4.ProtocolNumber)
}

// Resent counts for the whole host: the stack does not tell it of a connection.
func (h *gvisorHost) Resent(net.Conn) (int, error) {
	n := h.stack.Stats().TCP.Retransmits.Value()
	if n > 1<<30 {
		return 0, errors.New("gVisor: its count of segments that were sent again makes no sense")
	}
	return int(n), nil
}

// channel is a link of gVisor's whose packets a hop carries.
type channel struct {
	hop  *hop.Hop
	pair int
	way  hop.Way

	mu         sync.Mutex
	dispatcher stack.NetworkDispatcher
}

func (c *channel) MTU() uint32                             { return mtu }
func (c *channel) SetMTU(uint32)                           {}
func (c *channel) MaxHeaderLength() uint16                 { return 0 }
func (c *channel) LinkAddress() tcpip.LinkAddress          { return "" }
func (c *channel) SetLinkAddress(tcpip.LinkAddress)        {}
func (c *channel) Wait()                                   {}
func (c *channel) ARPHardwareType() header.ARPHardwareType { return header.ARPHardwareNone }
func (c *channel) AddHeader(*stack.PacketBuffer)           {}
func (c *channel) ParseHeader(*stack.PacketBuffer) bool    { return true }
func (c *channel) Close()                                  {}
func (c *channel) SetOnCloseAction(func())                 {}

// Capabilities leave checksums out, as for usernet.
func (c *channel) Capabilities() stack.LinkEndpointCapabilities {
	return stack.CapabilityTXChecksumOffload | stack.CapabilityRXChecksumOffload
}

func (c *channel) Attach(d stack.NetworkDispatcher) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dispatcher = d
}

func (c *channel) attached() stack.NetworkDispatcher {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dispatcher
}

func (c *channel) IsAttached() bool { return c.attached() != nil }

func (c *channel) WritePackets(packets stack.PacketBufferList) (int, tcpip.Error) {
	for _, p := range packets.AsSlice() {
		c.hop.Send(c.pair, c.way, p.AsSlices()...)
	}
	return packets.Len(), nil
}

func (c *channel) arrive(packets [][]byte) {
	d := c.attached()
	if d == nil {
		return
	}
	for _, b := range packets {
		p := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithData(b)})
		p.RXChecksumValidated = true
		d.DeliverNetworkPacket(header.IPv4ProtocolNumber, p)
		p.DecRef()
	}
}
