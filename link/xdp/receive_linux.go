package xdp

import (
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/usernet-go/usernet/link"
)

// maxBatch is how many frames are delivered at once: of 1500 bytes, as many as two
// super-segments have.
const maxBatch = 64

// receive delivers, after begin, until close or remove.
func (s *socket) receive(deliver func([]link.Packet)) error {
	packets, pieces := make([]link.Packet, maxBatch), make([][]byte, maxBatch)
	for i := range packets {
		packets[i].Data = pieces[i : i+1 : i+1]
	}
	arrived := func(uintptr) bool { return s.rx.written() > 0 }
	for {
		n := min(s.rx.written(), maxBatch)
		if n == 0 {
			if s.conn.Read(arrived) != nil {
				return s.end()
			}
			continue
		}
		first := atomic.LoadUint32(s.rx.consumer)
		for i := range n {
			d := s.rx.entry(first + uint32(i))
			pieces[i] = s.frames[d.Addr : d.Addr+uint64(d.Len) : d.Addr+uint64(d.Len)]
			packets[i] = link.Packet{Data: pieces[i : i+1 : i+1]}
		}
		s.redirected.Add(uint64(n))
		deliver(packets[:n])
		s.refill(first, n)
		if s.closed.Load() {
			return s.end()
		}
	}
}

// refill gives the frames of n entries from the first one on back to the kernel.
func (s *socket) refill(first uint32, n int) {
	next := atomic.LoadUint32(s.fill.producer)
	for i := range uint32(n) {
		*s.fill.entry(next + i) = s.rx.entry(first+i).Addr &^ uint64(s.frameSize-1)
	}
	atomic.StoreUint32(s.rx.consumer, first+uint32(n))
	atomic.StoreUint32(s.fill.producer, next+uint32(n))
	if s.fill.needsWakeup() {
		s.conn.Control(func(fd uintptr) {
			unix.Syscall6(unix.SYS_RECVFROM, fd, 0, 0, unix.MSG_DONTWAIT, 0, 0)
		})
	}
}
