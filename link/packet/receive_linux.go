package packet

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/usernet-go/usernet/internal/yield"
	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/internal/vnet"
)

// Packets come by recvmmsg and go by sendmmsg, not by rings that are shared with
// the kernel. Against a kernel's TCP over veth, medians of three interleaved
// rounds on two noisy cores, Gbit/s:
//
//	receive           recvmmsg  TPACKET_V2  TPACKET_V3
//	super-segments        12.8        11.1         9.5
//	1460-byte segments     3.6        0.02         5.5
//	UDP                    1.6         1.1         1.8
//	1 byte and back      75 us       71 us     1000 us
//
//	send              sendmmsg  TPACKET_V2
//	super-segments        19.9        22.3
//	1460-byte segments     7.9         6.8
//	UDP                    3.0         3.1
//
// A ring of version 2 needs 64 KiB for the smallest packet, so that it is short
// and small segments overflow it; one of version 3 hands packets over when a
// block is full or its timer of at least 1 ms has run out. A ring for sending
// gains nothing that can be told from noise, and lets one sender in at a time.
//
// There is one socket for receiving. A second one (PACKET_FANOUT_HASH) was tried
// on those two cores only, which had the senders to run too: 8 connections came at
// 3.4 Gbit/s with it and 3.6 without. That says nothing of a machine with cores to
// spare, where several may well be worth their queues.
const (
	// A batch of super-segments stays within a core's cache of 1 MiB: with 16, TCP
	// came at 16.8 Gbit/s in a round where it was 12.0 with 32 and 11.3 with 64.
	maxBatch = 16
	// Room for the largest packet: 65535 bytes behind an IPv6 header, with a
	// tagged Ethernet header and the virtio header before it. No multiple of 4096,
	// so that the headers of a batch do not fight for the same lines of the cache.
	maxFrame = (65535+40+18+vnet.Len+63)&^63 + 64

	// yieldAfter is how many bytes a batch has at most after which the next is read at
	// once. After a larger one those run first whom it has woken: they read what is still
	// in this processor's cache. Bulk takes five sixths of the time with 8 connections.
	yieldAfter = 64 << 10

	auxdataLen   = 20 // bytes of struct tpacket_auxdata
	auxdataNet   = 14 // in it: where the network header begins
	controlWords = 5  // room for one such message
)

// A message is struct mmsghdr: one packet in recvmmsg and sendmmsg.
type message struct {
	header unix.Msghdr
	n      uint32
}

// A receiver reads batches from one socket.
type receiver struct {
	s        *socket
	network  bool // packets begin with the IP header
	arena    []byte
	messages [maxBatch]message
	vectors  [maxBatch]unix.Iovec
	control  [maxBatch][controlWords]uint64
	packets  []link.Packet
	pieces   [][]byte
	headers  []byte // new ones, of what was cut
	bytes    int    // of what became packets
	errno    unix.Errno
}

func newReceiver(s *socket, network bool) *receiver {
	r := &receiver{s: s, network: network, arena: make([]byte, maxBatch*maxFrame)}
	for i := range r.messages {
		h := &r.messages[i].header
		r.vectors[i].Base = &r.arena[i*maxFrame]
		r.vectors[i].SetLen(maxFrame)
		h.Iov = &r.vectors[i]
		h.SetIovlen(1)
		h.Control = (*byte)(unsafe.Pointer(&r.control[i]))
	}
	return r
}

func (r *receiver) run(deliver func([]link.Packet)) error {
	read := r.read
	var yields yield.Yield
	for {
		r.packets, r.pieces, r.headers, r.bytes = r.packets[:0], r.pieces[:0], r.headers[:0], 0
		err := r.s.conn.Read(read)
		if len(r.packets) > 0 {
			deliver(r.packets)
		}
		if r.bytes > yieldAfter {
			yields.Now()
		}
		if err != nil {
			return err
		}
		if r.errno != 0 {
			return r.s.fail(os.NewSyscallError("recvmmsg", r.errno))
		}
	}
}

// read reads what there is, up to a batch; false when there is nothing, and it
// is to be called again when there is.
func (r *receiver) read(fd uintptr) bool {
	for i := range r.messages {
		r.messages[i].header.SetControllen(int(unsafe.Sizeof(r.control[i])))
	}
	n, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&r.messages)), maxBatch, 0, 0, 0)
	switch errno {
	case 0:
	case unix.EAGAIN:
		return false
	case unix.EINTR, unix.ENETDOWN:
		// The interface went down, of which the kernel tells once. It may come up
		// again; should it be removed, the watch says so.
		return true
	case unix.EINVAL:
		// The packet is gone: it was merged of segments of which the virtio header
		// has no idea.
		r.s.unusable.Add(1)
		return true
	default:
		r.errno = errno
		return true
	}
	for i := range int(n) {
		if !r.take(i) {
			r.s.unusable.Add(1)
			continue
		}
		r.bytes += int(r.messages[i].n)
	}
	return true
}

// take makes a packet of message i, or several.
func (r *receiver) take(i int) bool {
	m := &r.messages[i]
	b := r.arena[i*maxFrame:][:m.n]
	if m.header.Flags&unix.MSG_TRUNC != 0 || len(b) < vnet.Len {
		return false
	}
	header, b := b[:vnet.Len], b[vnet.Len:]
	medium := link.Ethernet
	if r.network {
		n, ok := r.networkHeader(i)
		if !ok || n > len(b) || !vnet.Shift(header, n) {
			return false
		}
		b, medium = b[n:], link.IP
	}
	if size, ok := vnet.UDPSegment(header); ok {
		return r.cutUDP(b, medium, size)
	}
	o, ok := vnet.Parse(header, b, medium)
	if ok {
		r.add(o, b)
	}
	return ok
}

// networkHeader returns where the network header of message i begins, which the
// kernel tells beside the packet (PACKET_AUXDATA).
func (r *receiver) networkHeader(i int) (int, bool) {
	h := (*unix.Cmsghdr)(unsafe.Pointer(&r.control[i]))
	if int(r.messages[i].header.Controllen) < unix.CmsgLen(auxdataLen) || h.Level != unix.SOL_PACKET || h.Type != unix.PACKET_AUXDATA {
		return 0, false
	}
	return int(*(*uint16)(unsafe.Add(unsafe.Pointer(h), unix.CmsgLen(0)+auxdataNet))), true
}

// add adds a packet to the batch.
func (r *receiver) add(o link.Offload, data ...[]byte) {
	r.pieces = append(r.pieces, data...)
	n := len(r.pieces)
	r.packets = append(r.packets, link.Packet{Data: r.pieces[n-len(data) : n : n], Offload: o})
}
