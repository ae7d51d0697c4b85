package packet

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/internal/vnet"
)

// A sender is what one Send needs, kept for reuse.
type sender struct {
	messages [maxBatch]message
	headers  [maxBatch][vnet.Len]byte
	vectors  []unix.Iovec
	send     func(fd uintptr) // the method sendAll, bound once

	d     *station
	batch []link.Packet
	n     int // of them were sent
	errno unix.Errno
}

func (d *station) Send(batch []link.Packet) (int, error) {
	if d.tx.closed.Load() {
		return 0, os.ErrClosed
	}
	s, _ := d.senders.Get().(*sender)
	if s == nil {
		s = &sender{d: d}
		s.send = s.sendAll
	}
	defer s.release()
	s.batch, s.n, s.errno = batch, 0, 0
	// Control, not Write: it takes no lock, so that senders are in the kernel at
	// once, and nobody waits for the socket.
	if err := d.tx.conn.Control(s.send); err != nil {
		return s.n, os.ErrClosed
	}
	switch s.errno {
	case 0, unix.EAGAIN, unix.ENOBUFS, unix.ENOMEM:
		return s.n, nil
	}
	return s.n, d.explain(s.errno)
}

func (s *sender) release() {
	s.forget()
	s.batch = nil
	s.d.senders.Put(s)
}

// forget drops the references to what was lent.
func (s *sender) forget() {
	clear(s.vectors)
	s.vectors = s.vectors[:0]
}

// sendAll sends the batch, as many packets a call as fit.
func (s *sender) sendAll(fd uintptr) {
	for s.n < len(s.batch) {
		n := s.prepare(s.batch[s.n:])
		if n == 0 {
			s.errno = unix.EINVAL // no bytes
			return
		}
		sent, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&s.messages)), uintptr(n), 0, 0, 0)
		switch errno {
		case 0:
			s.n += int(sent)
		case unix.EINTR:
		default:
			s.errno = errno
			return
		}
	}
}

// prepare makes messages of packets, up to maxBatch and to one without bytes,
// and says of how many.
func (s *sender) prepare(batch []link.Packet) int {
	s.forget()
	n := 0
	for n < min(len(batch), maxBatch) && batch[n].Len() > 0 {
		p := &batch[n]
		vnet.Put(s.headers[n][:], &p.Offload)
		first := len(s.vectors)
		s.add(s.headers[n][:])
		for _, b := range p.Data {
			s.add(b)
		}
		s.messages[n].header.SetIovlen(len(s.vectors) - first)
		n++
	}
	// Only now does the vector stay where it is.
	at := 0
	for i := range n {
		h := &s.messages[i].header
		h.Iov = &s.vectors[at]
		at += int(h.Iovlen)
	}
	return n
}

func (s *sender) add(b []byte) {
	if len(b) == 0 {
		return
	}
	v := unix.Iovec{Base: unsafe.SliceData(b)}
	v.SetLen(len(b))
	s.vectors = append(s.vectors, v)
}
