// Package linktest has what the drivers' tests share: frames, network namespaces
// with interfaces in them, and a host's address on such an interface.
package linktest

import (
	"net/netip"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// TCPFrame returns a frame with a TCP header of 32 bytes and text behind it.
func TCPFrame(m link.Medium, v6 bool, text int) []byte {
	var b []byte
	typ := wire.EtherTypeIPv4
	if v6 {
		typ = wire.EtherTypeIPv6
	}
	if m == link.Ethernet {
		b = (&wire.Ethernet{Type: typ}).Append(b)
	}
	tcp := (&wire.TCP{SrcPort: 1, DstPort: 2, Options: wire.TCPOptions{HasTimestamps: true}}).Append(nil)
	if v6 {
		b = (&wire.IPv6{PayloadLen: len(tcp) + text, NextHeader: wire.ProtocolTCP, Src: netip.IPv6LinkLocalAllNodes(), Dst: netip.IPv6Loopback()}).Append(b)
	} else {
		b = (&wire.IPv4{TotalLen: 20 + len(tcp) + text, Protocol: wire.ProtocolTCP, Src: netip.IPv4Unspecified(), Dst: netip.IPv4Unspecified()}).Append(b)
	}
	return append(append(b, tcp...), make([]byte, text)...)
}
