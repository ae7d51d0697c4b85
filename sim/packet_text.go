package sim

import (
	"fmt"
	"net/netip"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// String returns the packet in a line, without time and names: addresses,
// protocol and what there is to say of it, a TCP segment in the notation of RFC
// 9293. A packet that makes no sense is described by what is wrong with it.
func (p *Packet) String() string { return string(p.append(nil)) }

func (p *Packet) append(b []byte) []byte {
	data, size := p.Data, p.length()
	if p.Medium == link.Ethernet {
		h, n, r := wire.ParseEthernet(data)
		if r != wire.OK {
			return appendMalformed(b, r, size)
		}
		data, size = data[n:], size-n
		switch h.Type {
		case wire.EtherTypeIPv4, wire.EtherTypeIPv6:
		case wire.EtherTypeARP:
			return appendARP(b, data, size)
		default:
			return fmt.Appendf(b, "%v > %v %v, %d bytes", h.Src, h.Dst, h.Type, size)
		}
	}
	d, r := parseDatagram(data, size)
	if r != wire.OK {
		return appendMalformed(b, r, size)
	}
	return d.append(b)
}

func appendMalformed(b []byte, r wire.Reason, size int) []byte {
	return fmt.Appendf(b, "malformed: %v, %d bytes", r, size)
}

func appendARP(b, data []byte, size int) []byte {
	a, r := wire.ParseARP(data)
	switch {
	case r != wire.OK:
		return appendMalformed(b, r, size)
	case a.Operation == wire.ARPRequest:
		return fmt.Appendf(b, "ARP %v, who has %v, from %v", a.Operation, a.Target, a.Sender)
	}
	return fmt.Appendf(b, "ARP %v, %v is at %v", a.Operation, a.Sender, a.SenderMAC)
}

func (d *datagram) append(b []byte) []byte {
	if d.fragment {
		return d.appendFragment(b)
	}
	switch d.protocol {
	case wire.ProtocolTCP:
		h, n, r := wire.ParseTCP(d.payload, d.length)
		if r != wire.OK {
			return appendMalformed(d.appendEnds(b, 0, 0), r, d.length)
		}
		return append(d.appendEnds(b, h.SrcPort, h.DstPort), h.Notation(d.length-n)...)
	case wire.ProtocolUDP:
		h, r := wire.ParseUDP(d.payload, d.length)
		if r != wire.OK {
			return appendMalformed(d.appendEnds(b, 0, 0), r, d.length)
		}
		return fmt.Appendf(d.appendEnds(b, h.SrcPort, h.DstPort), "UDP, %d bytes", h.Length-wire.UDPLen)
	case wire.ProtocolICMPv4:
		return d.appendICMPv4(d.appendEnds(b, 0, 0))
	case wire.ProtocolICMPv6:
		return d.appendICMPv6(d.appendEnds(b, 0, 0))
	case wire.ProtocolIGMP:
		return d.appendIGMP(d.appendEnds(b, 0, 0))
	}
	return fmt.Appendf(d.appendEnds(b, 0, 0), "%v, %d bytes", d.protocol, d.length)
}

// appendEnds appends both addresses, with ports where there are any.
func (d *datagram) appendEnds(b []byte, srcPort, dstPort uint16) []byte {
	b = appendEnd(b, d.src, srcPort)
	b = append(b, " > "...)
	b = appendEnd(b, d.dst, dstPort)
	return append(b, ' ')
}

func appendEnd(b []byte, a netip.Addr, port uint16) []byte {
	if port == 0 {
		return a.AppendTo(b)
	}
	return netip.AddrPortFrom(a, port).AppendTo(b)
}

func (d *datagram) appendFragment(b []byte) []byte {
	b = fmt.Appendf(d.appendEnds(b, 0, 0), "%v fragment of packet %d, %d bytes from %d", d.protocol, d.id, d.length, d.offset)
	if !d.more {
		b = append(b, ", the last"...)
	}
	return b
}

func (d *datagram) appendICMPv4(b []byte) []byte {
	m, r := wire.ParseICMPv4(d.payload)
	if r != wire.OK {
		return appendMalformed(b, r, d.length)
	}
	b = fmt.Appendf(b, "%v %v", d.protocol, &m)
	switch {
	case m.Type == wire.ICMPv4EchoRequest || m.Type == wire.ICMPv4EchoReply:
		return d.appendEcho(b, m.ID, m.Sequence)
	case m.Type == wire.ICMPv4Redirect:
		b = fmt.Appendf(b, ", gateway %v", m.Gateway)
	case m.MTU != 0:
		b = fmt.Appendf(b, ", MTU %d", m.MTU)
	}
	if m.Type.IsError() {
		b = appendQuote(b, m.Body)
	}
	return b
}

func (d *datagram) appendICMPv6(b []byte) []byte {
	m, r := wire.ParseICMPv6(d.payload)
	if r != wire.OK {
		return appendMalformed(b, r, d.length)
	}
	b = fmt.Appendf(b, "%v %v", d.protocol, &m)
	switch {
	case m.Type == wire.ICMPv6EchoRequest || m.Type == wire.ICMPv6EchoReply:
		return d.appendEcho(b, m.ID, m.Sequence)
	case !m.Type.IsError():
		return d.appendDiscovery(b, m.Type)
	case m.Type == wire.ICMPv6PacketTooBig:
		b = fmt.Appendf(b, ", MTU %d", m.MTU)
	}
	return appendQuote(b, m.Body)
}

func (d *datagram) appendEcho(b []byte, id, sequence uint16) []byte {
	return fmt.Appendf(b, ", id %d, sequence %d, %d bytes", id, sequence, d.length-wire.ICMPLen)
}

// appendQuote appends which packet an ICMP error is about, if that can be told.
func appendQuote(b, body []byte) []byte {
	q, r := wire.ParseQuote(body)
	if r != wire.OK {
		return b
	}
	d := datagram{src: q.Src, dst: q.Dst}
	b = d.appendEnds(append(b, ", about "...), q.SrcPort, q.DstPort)
	return append(b, q.Protocol.String()...)
}
