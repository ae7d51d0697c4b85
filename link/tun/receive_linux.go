package tun

import (
	"io"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/usernet-go/usernet/internal/yield"
	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/internal/vnet"
)

const (
	maxBatch = 64
	align    = 64
	// Room for the largest packet: 65535 bytes behind an IPv6 header, with a
	// tagged Ethernet header and the virtio header before it. A multiple of align,
	// so that what stays behind the longest read is not less than nothing.
	maxFrame = (65535 + 40 + 18 + vnet.MaxLen + align - 1) &^ (align - 1)
	// What a batch is read into, packet behind packet: a batch ends when it does
	// not hold a largest packet any more. With half of it, and no yieldAfter, there was an
	// acknowledgment for every 2 to 3 super-segments, each a system call, now for every 8,
	// and bulk took a sixth more time.
	arenaSize = 8 * maxFrame

	// yieldAfter is how many bytes a batch has at most after which the next is read at
	// once. After a larger one those run first whom it has woken: they read what is still
	// in this processor's cache. Bulk takes four fifths of the time with 8 connections;
	// after each batch of two packets it would cost a byte there and back a quarter more.
	yieldAfter = 64 << 10
)

// A receiver reads batches from one queue.
type receiver struct {
	d       *device
	arena   []byte
	packets []link.Packet
	pieces  [maxBatch][1][]byte
	bytes   int   // of the batch
	errno   error // what ended the link
}

func (d *device) Receive(i int, deliver func([]link.Packet)) error {
	q, ok, err := d.begin(i)
	if !ok {
		return err
	}
	r := &receiver{d: d, arena: make([]byte, arenaSize), packets: make([]link.Packet, 0, maxBatch)}
	read := r.read
	var yields yield.Yield
	for {
		r.packets, r.bytes = r.packets[:0], 0
		err = q.conn.Read(read)
		if err != nil && d.isDevice {
			// The poller found the descriptor in error, and no read has said why. A
			// device is in error from the moment when its interface is being removed;
			// until that is done, read says EAGAIN.
			r.errno, err = unix.EBADFD, nil
		}
		if len(r.packets) > 0 {
			deliver(r.packets)
		}
		if r.bytes > yieldAfter {
			yields.Now()
		}
		if err == nil {
			err = r.errno
		}
		if err != nil {
			break
		}
	}
	if d.end(q) {
		return nil
	}
	if errno, ok := err.(syscall.Errno); ok {
		return d.explain("read", errno)
	}
	return err
}

// read reads what there is, up to a batch; false when there is nothing, and it
// is to be called again when there is. One wake-up serves as many packets as
// have gathered. What is no packet counts as a read too: a flood of it must
// delay neither the packets before it nor Close.
func (r *receiver) read(fd uintptr) bool {
	header := r.d.headerLen
	free := r.arena
	for range maxBatch {
		if len(free) < maxFrame {
			break
		}
		n, err := unix.Read(int(fd), free[:maxFrame])
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			return len(r.packets) > 0
		case r.d.datagrams && (err == unix.ECONNREFUSED || err == nil && n == 0):
			// A peer that is away, as ICMP says of a packet sent before; or an empty
			// datagram. Neither ends anything.
			continue
		case err != nil:
			r.errno = err
			return true
		case n == 0:
			r.errno = io.EOF // a socket whose other end is closed
			return true
		case n < header:
			continue
		}
		p := link.Packet{Data: r.pieces[len(r.packets)][:]}
		p.Data[0] = free[header:n:n]
		if header > 0 {
			var ok bool
			if p.Offload, ok = vnet.Parse(free, p.Data[0], r.d.info.Medium); !ok {
				continue
			}
		}
		r.packets = append(r.packets, p)
		r.bytes += n
		free = free[(n+align-1)&^(align-1):]
	}
	return true
}
