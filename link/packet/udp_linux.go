package packet

import (
	"encoding/binary"
	"net/netip"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// maxDatagrams is how many the kernel makes one of (its UDP_MAX_SEGMENTS).
const maxDatagrams = 128

// cutUDP adds the datagrams that b stands for: the kernel hands on several of
// one flow as one where their sender asked for it (UDP_SEGMENT) on a virtual
// interface, or where a device merges them (rx-udp-gro-forwarding). False when
// the headers say something else. Their checksums are partial, whatever was
// known of the whole's.
func (r *receiver) cutUDP(b []byte, m link.Medium, size int) bool {
	ip := 0
	if m == link.Ethernet {
		_, n, reason := wire.ParseEthernet(b)
		if reason != wire.OK {
			return false
		}
		ip = n
	}
	udp, src, dst, ok := udpStart(b, ip)
	if !ok {
		return false
	}
	text := b[udp+wire.UDPLen:]
	if len(text) > maxDatagrams*size {
		return false
	}
	o := link.Offload{Checksum: link.ChecksumPartial, ChecksumStart: uint16(udp), ChecksumOffset: uint16(wire.ProtocolUDP.ChecksumOffset())}
	for i := 0; i == 0 || len(text) > 0; i++ {
		part := text[:min(size, len(text))]
		text = text[len(part):]

		start := len(r.headers)
		r.headers = append(r.headers, b[:udp+wire.UDPLen]...)
		head := r.headers[start:]
		length := wire.UDPLen + len(part)
		putIPLength(head[ip:], udp-ip, length, i)
		binary.BigEndian.PutUint16(head[udp+4:], uint16(length))
		wire.SetPartialChecksum(wire.ProtocolUDP, src, dst, head[udp:], length)
		r.add(o, head, part)
	}
	return true
}

// udpStart returns where the UDP header begins in a packet whose IP header is at
// ip, and the addresses.
func udpStart(b []byte, ip int) (udp int, src, dst netip.Addr, ok bool) {
	if len(b) <= ip {
		return 0, src, dst, false
	}
	var protocol wire.Protocol
	switch b[ip] >> 4 {
	case 4:
		h, n, reason := wire.ParseIPv4(b[ip:], len(b)-ip)
		udp, src, dst, protocol, ok = ip+n, h.Src, h.Dst, h.Protocol, reason == wire.OK
	case 6:
		h, n, reason := wire.ParseIPv6(b[ip:], len(b)-ip)
		udp, src, dst, protocol, ok = ip+n, h.Src, h.Dst, h.NextHeader, reason == wire.OK
	}
	return udp, src, dst, ok && protocol == wire.ProtocolUDP && len(b) >= udp+wire.UDPLen
}

// putIPLength sets the lengths of the IP header h, of headerLen bytes, for so
// many bytes behind it, and for IPv4 the identification of the ith packet.
func putIPLength(h []byte, headerLen, length, i int) {
	if h[0]>>4 == 6 {
		binary.BigEndian.PutUint16(h[4:], uint16(headerLen-wire.IPv6Len+length))
		return
	}
	binary.BigEndian.PutUint16(h[2:], uint16(headerLen+length))
	binary.BigEndian.PutUint16(h[4:], binary.BigEndian.Uint16(h[4:])+uint16(i))
	binary.BigEndian.PutUint16(h[10:], 0)
	binary.BigEndian.PutUint16(h[10:], wire.Checksum(h[:headerLen]))
}
