package tun

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/internal/flow"
	"github.com/usernet-go/usernet/link/internal/vnet"
)

// A sender is what one Send needs, kept for reuse.
type sender struct {
	header [vnet.MaxLen]byte
	pieces []unix.Iovec
	write  func(fd uintptr) // the method writeAll, bound once

	d     *device
	batch []link.Packet // to be written to one queue
	n     int           // of them were
	errno unix.Errno    // why not more
}

func (d *device) Send(batch []link.Packet) (int, error) {
	if d.closed.Load() {
		return 0, os.ErrClosed
	}
	s, _ := d.senders.Get().(*sender)
	if s == nil {
		s = &sender{d: d}
		s.write = s.writeAll
	}
	defer s.release()
	sent := 0
	for sent < len(batch) {
		q, run := d.run(batch[sent:])
		s.batch, s.n, s.errno = run, 0, 0
		// Control, not Write: it takes no lock, so that senders are in the kernel at
		// once, and a device never has to be waited for.
		if err := q.conn.Control(s.write); err != nil {
			return sent, os.ErrClosed
		}
		sent += s.n
		switch s.errno {
		case 0:
		case unix.EAGAIN, unix.ENOBUFS, unix.ENOMEM:
			return sent, nil
		default:
			return sent, d.explain("writev", s.errno)
		}
	}
	return sent, nil
}

// run returns the packets at the beginning of batch that go to one queue, and
// the queue.
func (d *device) run(batch []link.Packet) (*queue, []link.Packet) {
	if len(d.queues) == 1 {
		return d.queues[0], batch
	}
	i := d.queueOf(&batch[0])
	n := 1
	for n < len(batch) && d.queueOf(&batch[n]) == i {
		n++
	}
	return d.queues[i], batch[:n]
}

func (d *device) queueOf(p *link.Packet) int {
	return int(flow.Hash(p, d.info.Medium) % uint32(len(d.queues)))
}

func (s *sender) release() {
	s.forget()
	s.batch = nil
	s.d.senders.Put(s)
}

// forget drops the references to what was lent.
func (s *sender) forget() {
	clear(s.pieces)
	s.pieces = s.pieces[:0]
}

// writeAll writes the batch, a packet a call, which is how the kernel tells
// packets apart.
func (s *sender) writeAll(fd uintptr) {
	for s.n < len(s.batch) {
		p := &s.batch[s.n]
		s.forget()
		if n := s.d.headerLen; n > 0 {
			vnet.Put(s.header[:n], &p.Offload)
			s.add(s.header[:n])
		}
		for _, b := range p.Data {
			s.add(b)
		}
		switch errno := writev(fd, s.pieces); errno {
		case 0:
			s.n++
		case unix.EINTR:
		default:
			s.errno = errno
			return
		}
	}
}

func (s *sender) add(b []byte) {
	if len(b) == 0 {
		return
	}
	v := unix.Iovec{Base: unsafe.SliceData(b)}
	v.SetLen(len(b))
	s.pieces = append(s.pieces, v)
}

// writev is unix.Writev without its copy of the vector.
func writev(fd uintptr, v []unix.Iovec) unix.Errno {
	if len(v) == 0 {
		return unix.EINVAL
	}
	_, _, errno := unix.Syscall(unix.SYS_WRITEV, fd, uintptr(unsafe.Pointer(unsafe.SliceData(v))), uintptr(len(v)))
	return errno
}
