package tun

import (
	"io"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/usernet-go/usernet/link"
)

const (
	maxBatch = 64
	// The largest packet: 65535 bytes behind an IPv6 header, with a tagged
	// Ethernet header and the virtio header before it.
	maxFrame = 65535 + 40 + 18 + vnetMaxLen
	// What a batch is read into, packet behind packet: a batch ends when it does
	// not hold a largest packet any more.
	arenaSize = 4 * maxFrame
	align     = 64
)

// A receiver reads batches from one queue.
type receiver struct {
	d       *device
	arena   []byte
	packets []link.Packet
	pieces  [maxBatch][1][]byte
	errno   error // what ended the link
}

func (d *device) Receive(i int, deliver func([]link.Packet)) error {
	q, ok, err := d.begin(i)
	if !ok {
		return err
	}
	r := &receiver{d: d, arena: make([]byte, arenaSize), packets: make([]link.Packet, 0, maxBatch)}
	read := r.read
	for {
		r.packets = r.packets[:0]
		err = q.conn.Read(read)
		if len(r.packets) > 0 {
			deliver(r.packets)
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
// have gathered.
func (r *receiver) read(fd uintptr) bool {
	vnet := r.d.vnetLen
	free := r.arena
	for len(r.packets) < maxBatch && len(free) >= maxFrame {
		n, err := unix.Read(int(fd), free[:maxFrame])
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			return len(r.packets) > 0
		case err != nil:
			r.errno = err
			return true
		case n == 0:
			r.errno = io.EOF // a socket whose other end is closed
			return true
		case n < vnet:
			continue
		}
		p := link.Packet{Data: r.pieces[len(r.packets)][:]}
		p.Data[0] = free[vnet:n:n]
		if vnet > 0 {
			var ok bool
			if p.Offload, ok = parseVnet(free, p.Data[0], r.d.info.Medium); !ok {
				continue
			}
		}
		r.packets = append(r.packets, p)
		free = free[(n+align-1)&^(align-1):]
	}
	return true
}
