package ends

import (
	"fmt"
	"net/netip"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/network/arp"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

// NewGVisor makes a stack of gVisor's in the best configuration that is known: SACK,
// RACK, buffers that tune themselves up to largest bytes. It has one interface, whose
// number is 1, and sends all there; discipline may be nil. Options are set in addition.
func NewGVisor(l stack.LinkEndpoint, discipline stack.QueueingDiscipline, own netip.Addr, algorithm string, largest int,
	options ...tcpip.SettableTransportProtocolOption) (*stack.Stack, error) {
	networks := []stack.NetworkProtocolFactory{ipv4.NewProtocol}
	if l.Capabilities()&stack.CapabilityResolutionRequired != 0 {
		networks = append(networks, arp.NewProtocol)
	}
	s := stack.New(stack.Options{
		NetworkProtocols:   networks,
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol},
	})
	fail := func(what string, err fmt.Stringer) error {
		s.Close()
		return fmt.Errorf("gVisor: %s: %v", what, err)
	}
	sack := tcpip.TCPSACKEnabled(true)
	rack := tcpip.TCPRACKLossDetection
	moderate := tcpip.TCPModerateReceiveBufferOption(true)
	receive := tcpip.TCPReceiveBufferSizeRangeOption{Min: 4096, Default: 1 << 20, Max: largest}
	send := tcpip.TCPSendBufferSizeRangeOption{Min: 4096, Default: 1 << 20, Max: largest}
	control := tcpip.CongestionControlOption(algorithm)
	options = append(options, &sack, &rack, &moderate, &receive, &send, &control)
	for _, option := range options {
		if err := s.SetTransportProtocolOption(tcp.ProtocolNumber, option); err != nil {
			return nil, fail(fmt.Sprintf("option %T", option), err)
		}
	}
	if err := s.CreateNICWithOptions(1, l, stack.NICOptions{QDisc: discipline}); err != nil {
		return nil, fail("interface", err)
	}
	address := tcpip.ProtocolAddress{
		Protocol:          ipv4.ProtocolNumber,
		AddressWithPrefix: tcpip.AddrFrom4(own.As4()).WithPrefix(),
	}
	if err := s.AddProtocolAddress(1, address, stack.AddressProperties{}); err != nil {
		return nil, fail("address", err)
	}
	s.SetRouteTable([]tcpip.Route{{Destination: header.IPv4EmptySubnet, NIC: 1}})
	return s, nil
}
