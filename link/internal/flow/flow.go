// Package flow tells flows apart, for links with several queues: the packets of a
// flow keep their order on one.
package flow

import (
	"encoding/binary"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// Hash returns the same number for all packets of a flow: from addresses
// and, where each packet of the flow has them, ports. 0 when there is no flow.
func Hash(p *link.Packet, m link.Medium) uint32 {
	if len(p.Data) == 0 {
		return 0
	}
	b := p.Data[0]
	if m == link.Ethernet {
		h, n, r := wire.ParseEthernet(b)
		if r != wire.OK || h.Type != wire.EtherTypeIPv4 && h.Type != wire.EtherTypeIPv6 {
			return 0
		}
		b = b[n:]
	}
	switch {
	case len(b) >= wire.IPv4Len && b[0]>>4 == 4:
		sum := hash(0, b[12:20])
		ports := int(b[0]&15) * 4
		fragment := binary.BigEndian.Uint16(b[6:])&0x3fff != 0 // offset, or more to come
		if !fragment && hasPorts(b[9]) && len(b) >= ports+4 {
			sum = hash(sum, b[ports:ports+4])
		}
		return finish(sum)
	case len(b) >= wire.IPv6Len && b[0]>>4 == 6:
		sum := hash(0, b[8:40])
		if hasPorts(b[6]) && len(b) >= wire.IPv6Len+4 {
			sum = hash(sum, b[wire.IPv6Len:wire.IPv6Len+4])
		}
		return finish(sum)
	}
	return 0
}

func hasPorts(protocol byte) bool {
	return protocol == byte(wire.ProtocolTCP) || protocol == byte(wire.ProtocolUDP)
}

// hash mixes b, of a multiple of 4 bytes, into sum.
func hash(sum uint32, b []byte) uint32 {
	for ; len(b) >= 4; b = b[4:] {
		sum = (sum ^ binary.LittleEndian.Uint32(b)) * 0x9e3779b1
		sum ^= sum >> 15
	}
	return sum
}

// finish spreads what differs over the lower bits.
func finish(sum uint32) uint32 {
	sum = (sum ^ sum>>13) * 0x85ebca6b
	return sum ^ sum>>16
}
