package tun

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
	vnetLen    = 10
	vnetMaxLen = 64 // of a descriptor that somebody else opened; what follows the 10 bytes is 0

	vnetNeedsChecksum = 1
	vnetDataValid     = 2

	vnetGSONone  = 0
	vnetGSOTCPv4 = 1
	vnetGSOTCPv6 = 4
	vnetGSOECN   = 0x80 // a flag beside the type: CWR is set
)

// putVnet writes the header for a packet with offload o into h.
func putVnet(h []byte, o *link.Offload) {
	clear(h)
	if o.Checksum == link.ChecksumPartial {
		h[0] = vnetNeedsChecksum
		binary.NativeEndian.PutUint16(h[6:], o.ChecksumStart)
		binary.NativeEndian.PutUint16(h[8:], o.ChecksumOffset)
	}
	switch o.Segmentation {
	case link.SegmentTCPv4:
		h[1] = vnetGSOTCPv4
	case link.SegmentTCPv6:
		h[1] = vnetGSOTCPv6
	default:
		return
	}
	binary.NativeEndian.PutUint16(h[2:], o.HeaderLen)
	binary.NativeEndian.PutUint16(h[4:], o.SegmentSize)
}

// parseVnet reads the header h of the packet b. False means that the two
// contradict each other.
func parseVnet(h, b []byte, m link.Medium) (o link.Offload, ok bool) {
	switch {
	case h[0]&vnetNeedsChecksum != 0:
		o.Checksum = link.ChecksumPartial
		o.ChecksumStart = binary.NativeEndian.Uint16(h[6:])
		o.ChecksumOffset = binary.NativeEndian.Uint16(h[8:])
		if int(o.ChecksumStart)+int(o.ChecksumOffset)+2 > len(b) {
			return o, false
		}
	case h[0]&vnetDataValid != 0:
		o.Checksum = link.ChecksumVerified
	}
	switch h[1] &^ vnetGSOECN {
	case vnetGSONone:
		return o, true
	case vnetGSOTCPv4:
		o.Segmentation = link.SegmentTCPv4
	case vnetGSOTCPv6:
		o.Segmentation = link.SegmentTCPv6
	default:
		return o, false // a type that TUNSETOFFLOAD did not ask for
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
