package xdp

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/usernet-go/usernet/link"
)

// A sending is the half of a socket that sends.
type sending struct {
	s    *socket
	ring ring[unix.XDPDesc]
	done ring[uint64] // frames that are free again
	call func(fd uintptr)

	mu     sync.Mutex // guards the rings and what follows
	closed bool
	free   []uint64   // frames
	errno  unix.Errno // why the last call has left something in the ring; 0: for no longer than retry
	later  *time.Timer
}

// retry is when the kernel is asked again to send what it did not, because the
// device had no room: nothing tells when it has.
const retry = time.Millisecond

// retryError is when it is asked again after an error, as that the interface is
// down: nothing tells when it is up again.
const retryError = 100 * time.Millisecond

func (t *sending) init(s *socket) {
	t.s = s
	t.call = func(fd uintptr) {
		_, _, t.errno = unix.Syscall6(unix.SYS_SENDTO, fd, 0, 0, unix.MSG_DONTWAIT, 0, 0)
	}
	for i := range uint64(txFrames) {
		t.free = append(t.free, (rxFrames+i)*uint64(s.frameSize))
	}
	t.later = time.AfterFunc(time.Hour, t.again)
	t.later.Stop()
}

// again sends what was left.
func (t *sending) again() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.closed {
		t.kick()
	}
}

func (t *sending) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	t.later.Stop()
}

// send sends as many packets as there is room for, as link.Link's Send.
func (t *sending) send(batch []link.Packet) (n int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return 0, os.ErrClosed
	}
	if t.errno != 0 {
		// What is put into the ring cannot be taken back: so ask first.
		if err := t.kick(); err != nil {
			return 0, err
		}
	}
	for {
		t.reclaim()
		put, err := t.put(batch[n:])
		n += put
		if put > 0 {
			t.kick() // the next Send tells its error
		}
		if err != nil || n == len(batch) || put == 0 {
			return n, err
		}
	}
}

// put puts packets into the ring, while there are frames.
func (t *sending) put(batch []link.Packet) (n int, err error) {
	next := atomic.LoadUint32(t.ring.producer)
	for n < min(len(batch), len(t.free)) {
		p := &batch[n]
		size := p.Len()
		switch {
		case size == 0, p.Offload != link.Offload{}:
			err = t.s.fail(unix.EINVAL)
		case size > t.s.maxFrame:
			err = t.s.fail(unix.EMSGSIZE)
		}
		if err != nil {
			break
		}
		at := t.free[len(t.free)-1-n]
		b := t.s.frames[at:at]
		for _, d := range p.Data {
			b = append(b, d...)
		}
		*t.ring.entry(next + uint32(n)) = unix.XDPDesc{Addr: at, Len: uint32(size)}
		n++
	}
	t.free = t.free[:len(t.free)-n]
	atomic.StoreUint32(t.ring.producer, next+uint32(n))
	return n, err
}

// reclaim takes back the frames that have been sent.
func (t *sending) reclaim() {
	first, n := atomic.LoadUint32(t.done.consumer), t.done.written()
	for i := range uint32(n) {
		t.free = append(t.free, *t.done.entry(first + i))
	}
	atomic.StoreUint32(t.done.consumer, first+uint32(n))
}

// kick has the kernel send what is in the ring, if it does not by itself.
func (t *sending) kick() error {
	t.errno = 0
	for left := t.ring.written(); left > 0 && t.ring.needsWakeup(); {
		if t.s.conn.Control(t.call) != nil {
			return os.ErrClosed
		}
		was := left
		left = t.ring.written()
		switch t.errno {
		case 0:
			return nil
		case unix.EINTR:
			t.errno = 0
		case unix.EAGAIN, unix.EBUSY, unix.ENOBUFS:
			// So many packets a call, and here are more; or there is no room.
			t.errno = 0
			if left == was {
				t.later.Reset(retry)
				return nil
			}
		case unix.ENXIO, unix.ENODEV:
			return t.s.errGone()
		case unix.ENETDOWN:
			t.later.Reset(retryError)
			return fmt.Errorf("xdp: %s is down: %w", t.s.c.Interface, os.NewSyscallError("sendto", t.errno))
		default:
			t.later.Reset(retryError)
			return t.s.fail(os.NewSyscallError("sendto", t.errno))
		}
	}
	return nil
}
