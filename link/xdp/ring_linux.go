package xdp

import (
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A ring is one of the four through which a process and the kernel hand frames to
// each other: one side writes entries and then the number of all that it has ever
// written, the other reads them and then tells how many it has read. Both numbers
// wrap. They are read and written by atomic operations, which in Go order what is
// before and behind them; so an entry is complete when its number is seen.
type ring[T any] struct {
	memory   []byte
	producer *uint32
	consumer *uint32
	flags    *uint32
	entries  []T // a power of two
}

// mapRing maps the ring of n entries that the socket has at such an offset.
func mapRing[T any](fd int, at int64, n int, o unix.XDPRingOffset) (r ring[T], err error) {
	var entry T
	size := int(o.Desc) + n*int(unsafe.Sizeof(entry))
	r.memory, err = unix.Mmap(fd, at, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
	if err != nil {
		return r, err
	}
	base := unsafe.Pointer(unsafe.SliceData(r.memory))
	r.producer = (*uint32)(unsafe.Add(base, o.Producer))
	r.consumer = (*uint32)(unsafe.Add(base, o.Consumer))
	r.flags = (*uint32)(unsafe.Add(base, o.Flags))
	r.entries = unsafe.Slice((*T)(unsafe.Add(base, o.Desc)), n)
	return r, nil
}

func (r *ring[T]) unmap() {
	if r.memory != nil {
		unix.Munmap(r.memory)
	}
	*r = ring[T]{}
}

// entry returns the place of the entry with such a number.
func (r *ring[T]) entry(number uint32) *T { return &r.entries[number&uint32(len(r.entries)-1)] }

// written returns how many entries have been written and not read yet.
func (r *ring[T]) written() int {
	return int(atomic.LoadUint32(r.producer) - atomic.LoadUint32(r.consumer))
}

// needsWakeup says that the kernel looks at the ring only when it is called.
func (r *ring[T]) needsWakeup() bool {
	return atomic.LoadUint32(r.flags)&unix.XDP_RING_NEED_WAKEUP != 0
}
