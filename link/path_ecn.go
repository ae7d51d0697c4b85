package link

import (
	"encoding/binary"

	"github.com/usernet-go/usernet/wire"
)

// ECNCapable says whether p is an IP packet whose sender takes part in explicit
// congestion notification, so that it may be marked instead of dropped. One that
// is marked already is: nothing is left to change in it.
func ECNCapable(m Medium, p *Packet) bool {
	if len(p.Data) == 0 {
		return false
	}
	_, field := ecnField(m, p.Data[0])
	return field != wire.NotECT
}

// MarkCE tells the receiver of an ECN-capable packet that it met congestion: it
// sets the field in its IP header, and brings IPv4's checksum up to date. Other
// frames it leaves alone. frame is all of the packet, or at least its headers.
func MarkCE(m Medium, frame []byte) {
	ip, field := ecnField(m, frame)
	// RFC 3168, 5: "When a CE packet [...] is received by a router, the CE
	// codepoint is left unchanged".
	if field == wire.NotECT || field == wire.CE {
		return
	}
	if ip[0]>>4 == 6 {
		ip[1] |= byte(wire.CE) << 4
		return
	}
	before := binary.BigEndian.Uint16(ip)
	ip[1] |= byte(wire.CE)
	sum := ip[10:12]
	binary.BigEndian.PutUint16(sum, wire.UpdateChecksum(binary.BigEndian.Uint16(sum), before, binary.BigEndian.Uint16(ip)))
}

// ecnField returns the IP packet in a frame, from its header on, and its ECN
// field; Not-ECT when there is none.
func ecnField(m Medium, frame []byte) (ip []byte, field wire.ECN) {
	ip = frame
	if m == Ethernet {
		h, n, r := wire.ParseEthernet(frame)
		if r != wire.OK || h.Type != wire.EtherTypeIPv4 && h.Type != wire.EtherTypeIPv6 {
			return nil, wire.NotECT
		}
		ip = frame[n:]
	}
	switch {
	case len(ip) >= wire.IPv4Len && ip[0]>>4 == 4:
		return ip, wire.ECN(ip[1] & 3)
	case len(ip) >= wire.IPv6Len && ip[0]>>4 == 6:
		return ip, wire.ECN(ip[1] >> 4 & 3)
	}
	return nil, wire.NotECT
}
