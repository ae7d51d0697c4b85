package sides

import (
	"sync/atomic"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/stack/gro"
)

// joinedGVisor returns two stacks of gVisor in this process.
func joinedGVisor(s Spec) (hosts [2]host, err error) {
	links := [2]*wire{newWire(s), newWire(s)}
	links[0].peer, links[1].peer = links[1], links[0]
	for i, l := range links {
		if hosts[i], err = newGVisor(s, l, i); err != nil {
			return hosts, err
		}
	}
	return hosts, nil
}

// linkBase is what gVisor's links have in common that this package has.
type linkBase struct {
	mtu        uint32
	gso        stack.SupportedGSO
	dispatcher atomic.Pointer[stack.NetworkDispatcher]
}

func (b *linkBase) MTU() uint32                             { return b.mtu }
func (b *linkBase) SetMTU(uint32)                           {}
func (b *linkBase) MaxHeaderLength() uint16                 { return 0 }
func (b *linkBase) LinkAddress() tcpip.LinkAddress          { return "" }
func (b *linkBase) SetLinkAddress(tcpip.LinkAddress)        {}
func (b *linkBase) Wait()                                   {}
func (b *linkBase) ARPHardwareType() header.ARPHardwareType { return header.ARPHardwareNone }
func (b *linkBase) AddHeader(*stack.PacketBuffer)           {}
func (b *linkBase) ParseHeader(*stack.PacketBuffer) bool    { return true }
func (b *linkBase) Close()                                  {}
func (b *linkBase) SetOnCloseAction(func())                 {}
func (b *linkBase) GSOMaxSize() uint32                      { return maxSegment }
func (b *linkBase) SupportedGSO() stack.SupportedGSO        { return b.gso }
func (b *linkBase) IsAttached() bool                        { return b.dispatcher.Load() != nil }

// Capabilities leave checksums out, as usernet's links do.
func (b *linkBase) Capabilities() stack.LinkEndpointCapabilities {
	return stack.CapabilityTXChecksumOffload | stack.CapabilityRXChecksumOffload
}

// maxSegment is the largest super-segment with its headers.
const maxSegment = 65535

// wire is one end of a wire in memory: gVisor's own link/pipe, but without checksums,
// and with super-segments. It delivers on the sender's goroutine.
type wire struct {
	linkBase
	peer     *wire
	coalesce bool
}

func newWire(s Spec) *wire {
	w := &wire{coalesce: s.Variant == GRO}
	w.mtu = uint32(s.MTU)
	switch {
	case s.Offload:
		w.gso = stack.HostGSOSupported
	case s.Variant == GRO:
		w.gso = stack.GVisorGSOSupported
	}
	return w
}

func (w *wire) Attach(d stack.NetworkDispatcher) {
	if d == nil {
		w.dispatcher.Store(nil)
		return
	}
	w.dispatcher.Store(&d)
}

func (w *wire) WritePackets(packets stack.PacketBufferList) (int, tcpip.Error) {
	d := w.peer.dispatcher.Load()
	if d == nil {
		return packets.Len(), nil
	}
	if w.coalesce {
		var g gro.GRO
		g.Init(true)
		g.Dispatcher = *d
		for _, p := range packets.AsSlice() {
			q := arrived(p)
			g.Enqueue(q)
			q.DecRef()
		}
		g.Flush()
		return packets.Len(), nil
	}
	for _, p := range packets.AsSlice() {
		q := arrived(p)
		(*d).DeliverNetworkPacket(p.NetworkProtocolNumber, q)
		q.DecRef()
	}
	return packets.Len(), nil
}

// arrived returns a packet as it arrives, of the same bytes.
func arrived(p *stack.PacketBuffer) *stack.PacketBuffer {
	q := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: p.ToBuffer()})
	q.NetworkProtocolNumber = p.NetworkProtocolNumber
	q.RXChecksumValidated = true
	return q
}
