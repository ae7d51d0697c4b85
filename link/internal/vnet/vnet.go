// Package vnet reads and writes the header that stands before each packet where
// the kernel and a driver leave segmentation and checksums to each other: TUN and
// TAP devices with IFF_VNET_HDR, packet sockets with PACKET_VNET_HDR.
package vnet

import (
	"encoding/binary"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// The virtio header before each packet (Virtual I/O Device 1.2, 5.1.6), in the
// machine's byte order, as the kernel has it for a device that was not told
// otherwise: flags, GSO type, header length, GSO size, checksum start, checksum
// offset.
const (
	Len    = 10
	MaxLen = 64 // of a device that somebody else opened; what follows the 10 bytes is 0

	needsChecksum = 1
	dataValid     = 2

	gsoNone  = 0
	gsoTCPv4 = 1
	gsoTCPv6 = 4
	gsoUDP   = 5
	gsoECN   = 0x80 // a flag beside the type: CWR is set
)

// Put writes the header for a packet with offload o into h, of Len to MaxLen
// bytes.
func Put(h []byte, o *link.Offload) {
	clear(h)
	if o.Checksum == link.ChecksumPartial {
		h[0] = needsChecksum
		binary.NativeEndian.PutUint16(h[6:], o.ChecksumStart)
		binary.NativeEndian.PutUint16(h[8:], o.ChecksumOffset)
	}
	switch o.Segmentation {
	case link.SegmentTCPv4:
		h[1] = gsoTCPv4
	case link.SegmentTCPv6:
		h[1] = gsoTCPv6
	default:
		return
	}
	binary.NativeEndian.PutUint16(h[2:], o.HeaderLen)
	binary.NativeEndian.PutUint16(h[4:], o.SegmentSize)
}

// Parse reads the header h of the packet b, which begins as m says. False means
// that the two contradict each other, or that h names another protocol's
// segmentation than TCP's (see UDPSegment).
func Parse(h, b []byte, m link.Medium) (o link.Offload, ok bool) {
	switch {
	case h[0]&needsChecksum != 0:
		o.Checksum = link.ChecksumPartial
		o.ChecksumStart = binary.NativeEndian.Uint16(h[6:])
		o.ChecksumOffset = binary.NativeEndian.Uint16(h[8:])
		if int(o.ChecksumStart)+int(o.ChecksumOffset)+2 > len(b) {
			return o, false
		}
	case h[0]&dataValid != 0:
		o.Checksum = link.ChecksumVerified
	}
	switch h[1] &^ gsoECN {
	case gsoNone:
		return o, true
	case gsoTCPv4:
		o.Segmentation = link.SegmentTCPv4
	case gsoTCPv6:
		o.Segmentation = link.SegmentTCPv6
	default:
		return o, false // a device did not ask for it with TUNSETOFFLOAD; of a packet socket, see UDPSegment
	}
	o.SegmentSize = binary.NativeEndian.Uint16(h[4:])

	// The header's own length is a hint, and in practice that of the first piece
	// of the kernel's buffer: the TCP header says where it ends.
	tcp, ok := tcpStart(b, m, o)
	if !ok || o.SegmentSize == 0 || o.Checksum == link.ChecksumNone || tcp+wire.TCPLen > len(b) {
		return o, false
	}
	size := tcp + int(b[tcp+12]>>4)*4
	o.HeaderLen = uint16(size)
	return o, size >= tcp+wire.TCPLen && size <= min(len(b), 65535)
}

// UDPSegment returns the bytes of payload in each datagram but the last, when the
// header h is that of several UDP datagrams in one (UDP_SEGMENT, UDP_GRO).
func UDPSegment(h []byte) (size int, ok bool) {
	size = int(binary.NativeEndian.Uint16(h[4:]))
	return size, h[1] == gsoUDP && size > 0
}

// Shift makes the header h count from n bytes further on, for a packet whose
// first n bytes have been cut away. False means that there is nothing to count.
func Shift(h []byte, n int) bool {
	if h[0]&needsChecksum == 0 {
		return true
	}
	start := int(binary.NativeEndian.Uint16(h[6:])) - n
	binary.NativeEndian.PutUint16(h[6:], uint16(start))
	return start >= 0
}

// tcpStart returns where the TCP header of a super-segment begins; false when
// its IP header is another one than o says, or o leaves another checksum.
func tcpStart(b []byte, m link.Medium, o link.Offload) (int, bool) {
	ip := 0
	if m == link.Ethernet {
		_, n, r := wire.ParseEthernet(b)
		if r != wire.OK {
			return 0, false
		}
		ip = n
	}
	if len(b) < ip+wire.IPv6Len { // no less than IPv4 and TCP together
		return 0, false
	}
	tcp, start := ip+wire.IPv6Len, int(o.ChecksumStart)
	partial := o.Checksum == link.ChecksumPartial
	switch h := b[ip:]; {
	case o.Segmentation == link.SegmentTCPv4:
		tcp = ip + int(h[0]&15)*4
		if h[0]>>4 != 4 || h[9] != byte(wire.ProtocolTCP) || tcp < ip+wire.IPv4Len {
			return 0, false
		}
	case h[0]>>4 != 6:
		return 0, false
	case partial && start > tcp: // behind extension headers
		tcp = start
	case h[6] != byte(wire.ProtocolTCP):
		return 0, false
	}
	return tcp, !partial || start == tcp && int(o.ChecksumOffset) == wire.ProtocolTCP.ChecksumOffset()
}
