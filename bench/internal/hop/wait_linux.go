package hop

import (
	"encoding/binary"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// A pollWaiter waits in ppoll(2). Go's own timers are up to a millisecond late when
// nothing else happens, and at 100 Mbit/s that is eight packets.
type pollWaiter struct{ fds []unix.PollFd } // the first is an eventfd, which wake writes to

func newWaiter() (waiter, error) {
	fd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("eventfd", err)
	}
	w := new(pollWaiter)
	w.watch(fd)
	return w, nil
}

func (w *pollWaiter) watch(fd int) {
	w.fds = append(w.fds, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
}

// begin has the kernel wake this thread when it is due, not up to 50 us later.
func (w *pollWaiter) begin() { unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0) }

func (w *pollWaiter) wait(d time.Duration) {
	var timeout *unix.Timespec
	if d >= 0 {
		t := unix.NsecToTimespec(int64(d))
		timeout = &t
	}
	n, err := unix.Ppoll(w.fds, timeout, nil)
	if n > 0 && err == nil && w.fds[0].Revents != 0 {
		var b [8]byte
		unix.Read(int(w.fds[0].Fd), b[:])
	}
}

func (w *pollWaiter) wake() {
	var b [8]byte
	binary.NativeEndian.PutUint64(b[:], 1)
	unix.Write(int(w.fds[0].Fd), b[:])
}

func (w *pollWaiter) close() { unix.Close(int(w.fds[0].Fd)) }

// readDevice returns the size of the next packet; 0 when there is none, or the
// device is gone.
func readDevice(fd int, b []byte) int {
	n, err := unix.Read(fd, b)
	if err != nil {
		return 0
	}
	return n
}

// writeDevice hands a packet to the kernel. One that it refuses is lost, as in a
// device whose queue is full.
func writeDevice(fd int, b []byte) { unix.Write(fd, b) }
