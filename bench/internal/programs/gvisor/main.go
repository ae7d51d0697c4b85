//go:build linux

// The smallest program that dials over a TUN device with gVisor: what it costs is
// measured. Errors are left out.
package main

import (
	"io"
	"os"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/fdbased"
	"gvisor.dev/gvisor/pkg/tcpip/link/tun"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

func main() {
	s := stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol},
	})
	fd, _ := tun.Open("tun0")
	l, _ := fdbased.New(&fdbased.Options{FDs: []int{fd}, MTU: 1500})
	s.CreateNIC(1, l)
	own := tcpip.AddrFrom4([4]byte{10, 0, 0, 1}).WithPrefix()
	s.AddProtocolAddress(1, tcpip.ProtocolAddress{Protocol: ipv4.ProtocolNumber, AddressWithPrefix: own}, stack.AddressProperties{})
	s.SetRouteTable([]tcpip.Route{{Destination: header.IPv4EmptySubnet, NIC: 1}})
	peer := tcpip.FullAddress{NIC: 1, Addr: tcpip.AddrFrom4([4]byte{10, 0, 0, 2}), Port: 7}
	c, _ := gonet.DialTCP(s, peer, ipv4.ProtocolNumber)
	io.Copy(os.Stdout, c)
}
