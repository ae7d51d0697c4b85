package xdp

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/usernet-go/usernet/wire"
)

const (
	// Frames for what arrives and for what is sent, on each queue. 2048 are 25 ms of
	// full frames at 1 Gbit/s, or what TCP's largest window of 3 MiB has under way.
	// With frames of 2 KiB both fit into the 8 MiB that a process may lock as a rule.
	rxFrames = 2048
	txFrames = 1024

	// The kernel keeps the first bytes of a frame that it receives into for itself.
	maxSmall = 2048 - unix.XDP_PACKET_HEADROOM
	maxLarge = 4096 - unix.XDP_PACKET_HEADROOM
	frameMTU = maxLarge - wire.EthernetLen
)

// frameSize returns how large frames are for an MTU: a power of two, within a page
// of the smallest size; 0 when there is none.
func frameSize(mtu int) int {
	switch n := mtu + wire.EthernetLen; {
	case n <= maxSmall:
		return 2048
	case n <= maxLarge:
		return 4096
	}
	return 0
}

// A socket is an AF_XDP socket: one queue's, with frames of its own.
type socket struct {
	c     Config
	queue int
	file  *os.File
	conn  syscall.RawConn

	frameSize int
	maxFrame  int    // bytes of a frame that is sent
	frames    []byte // first those to receive into
	fill      ring[uint64]
	rx        ring[unix.XDPDesc]
	zeroCopy  bool

	closed     atomic.Bool
	redirected atomic.Uint64
	tx         sending

	mu        sync.Mutex // orders the start of the receiver and the end of the socket; guards what follows
	receiving bool
	removed   bool // the interface is gone
	receivers sync.WaitGroup
	dropped   uint64 // by the kernel, when it was asked last
}

// openSocket returns a socket with memory and rings, on no queue yet.
func openSocket(c Config, queue, mtu int) (_ *socket, err error) {
	fd, errno := unix.Socket(unix.AF_XDP, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if errno != nil {
		return nil, explainSocket(c, errno)
	}
	s := &socket{c: c, queue: queue, file: os.NewFile(uintptr(fd), "AF_XDP socket"), frameSize: frameSize(mtu), maxFrame: mtu + wire.EthernetLen}
	defer func() {
		if err != nil {
			s.file.Close()
			s.unmap()
		}
	}()
	if s.conn, err = s.file.SyscallConn(); err != nil {
		return nil, s.fail(err)
	}
	if err := s.share(fd); err != nil {
		return nil, err
	}
	if err := s.makeRings(fd); err != nil {
		return nil, err
	}
	s.tx.init(s)
	for i := range uint32(rxFrames) {
		*s.fill.entry(i) = uint64(i) * uint64(s.frameSize)
	}
	atomic.StoreUint32(s.fill.producer, rxFrames)
	return s, nil
}

// share makes the frames and shares them with the kernel.
func (s *socket) share(fd int) (err error) {
	s.frames, err = unix.Mmap(-1, 0, (rxFrames+txFrames)*s.frameSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return s.fail(os.NewSyscallError("mmap", err))
	}
	reg := unix.XDPUmemReg{
		Addr: uint64(uintptr(unsafe.Pointer(unsafe.SliceData(s.frames)))),
		Len:  uint64(len(s.frames)),
		Size: uint32(s.frameSize),
	}
	if err := patiently(unix.ENOBUFS, func() error {
		if _, _, errno := unix.Syscall6(unix.SYS_SETSOCKOPT, uintptr(fd), unix.SOL_XDP, unix.XDP_UMEM_REG,
			uintptr(unsafe.Pointer(&reg)), unsafe.Sizeof(reg), 0); errno != 0 {
			return errno
		}
		return nil
	}); err != nil {
		return explainMemory(s.c, len(s.frames), err)
	}
	return nil
}

// patiently calls f until it says something else than refused, for a second: the
// memory and the queue of a socket that was closed are free a moment later only,
// also of a process that has died, so that its successor would be refused.
func patiently(refused unix.Errno, f func() error) (err error) {
	for range 100 {
		if err = f(); err != refused {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
	return err
}

// makeRings makes the rings and maps them.
func (s *socket) makeRings(fd int) error {
	for _, r := range []struct {
		option, entries int
		name            string
	}{
		{unix.XDP_UMEM_FILL_RING, rxFrames, "XDP_UMEM_FILL_RING"},
		{unix.XDP_RX_RING, rxFrames, "XDP_RX_RING"},
		{unix.XDP_TX_RING, txFrames, "XDP_TX_RING"},
		{unix.XDP_UMEM_COMPLETION_RING, txFrames, "XDP_UMEM_COMPLETION_RING"},
	} {
		if err := unix.SetsockoptInt(fd, unix.SOL_XDP, r.option, r.entries); err != nil {
			return s.fail(os.NewSyscallError("setsockopt "+r.name, err))
		}
	}
	var offsets unix.XDPMmapOffsets
	if err := getOption(fd, unix.XDP_MMAP_OFFSETS, unsafe.Pointer(&offsets), unsafe.Sizeof(offsets)); err != nil {
		return s.fail(os.NewSyscallError("getsockopt XDP_MMAP_OFFSETS", err))
	}
	var errs [4]error
	s.fill, errs[0] = mapRing[uint64](fd, unix.XDP_UMEM_PGOFF_FILL_RING, rxFrames, offsets.Fr)
	s.rx, errs[1] = mapRing[unix.XDPDesc](fd, unix.XDP_PGOFF_RX_RING, rxFrames, offsets.Rx)
	s.tx.ring, errs[2] = mapRing[unix.XDPDesc](fd, unix.XDP_PGOFF_TX_RING, txFrames, offsets.Tx)
	s.tx.done, errs[3] = mapRing[uint64](fd, unix.XDP_UMEM_PGOFF_COMPLETION_RING, txFrames, offsets.Cr)
	for _, err := range errs {
		if err != nil {
			return s.fail(os.NewSyscallError("mmap", err))
		}
	}
	return nil
}

func getOption(fd, option int, p unsafe.Pointer, size uintptr) error {
	n := uint32(size)
	if _, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_XDP, uintptr(option), uintptr(p), uintptr(unsafe.Pointer(&n)), 0); errno != 0 {
		return errno
	}
	return nil
}

func (s *socket) unmap() {
	s.fill.unmap()
	s.rx.unmap()
	s.tx.ring.unmap()
	s.tx.done.unmap()
	if s.frames != nil {
		unix.Munmap(s.frames)
		s.frames = nil
	}
}

// bind ties the socket to its queue of interface index. The kernel has the driver
// share its buffers if it can, and copies otherwise; with a generic program only
// copying makes sense, since frames do not come by the driver's XDP.
func (s *socket) bind(index int, native bool) error {
	flags := uint16(unix.XDP_USE_NEED_WAKEUP)
	if !native {
		flags |= unix.XDP_COPY
	}
	var errno error
	if err := s.control(func(fd int) {
		errno = patiently(unix.EBUSY, func() error {
			return unix.Bind(fd, &unix.SockaddrXDP{Flags: flags, Ifindex: uint32(index), QueueID: uint32(s.queue)})
		})
		if errno != nil {
			return
		}
		var options uint32
		if getOption(fd, unix.XDP_OPTIONS, unsafe.Pointer(&options), unsafe.Sizeof(options)) == nil {
			s.zeroCopy = options&unix.XDP_OPTIONS_ZEROCOPY != 0
		}
		// Later kernels let more packets than 32 go with one call, if they are asked.
		unix.SetsockoptInt(fd, unix.SOL_XDP, unix.XDP_MAX_TX_SKB_BUDGET, txFrames)
	}); err != nil {
		return err
	}
	if errno != nil {
		return explainBind(s.c, s.queue, errno)
	}
	return nil
}

// control runs f on the descriptor.
func (s *socket) control(f func(fd int)) error {
	if s.conn.Control(func(fd uintptr) { f(int(fd)) }) != nil {
		return os.ErrClosed
	}
	return nil
}

func (s *socket) fail(err error) error { return fmt.Errorf("xdp: %s: %w", s.c.Interface, err) }

// drops asks the kernel what it has dropped so far.
func (s *socket) drops() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.control(func(fd int) {
		var st unix.XDPStatistics
		if getOption(fd, unix.XDP_STATISTICS, unsafe.Pointer(&st), unsafe.Sizeof(st)) == nil {
			s.dropped = st.Rx_dropped + st.Rx_ring_full
		}
	})
	return s.dropped
}

// begin marks s as being received from; false when s is closed.
func (s *socket) begin() (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed.Load():
		return false, nil
	case s.removed:
		return false, s.errGone()
	case s.receiving:
		return false, s.fail(errors.New("Receive runs already"))
	}
	s.receiving = true
	s.receivers.Add(1)
	return true, nil
}

// end takes back begin, and returns what Receive returns.
func (s *socket) end() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.receiving = false
	s.receivers.Done()
	if s.removed && !s.closed.Load() {
		return s.errGone()
	}
	return nil
}

// remove ends s, whose interface is gone.
func (s *socket) remove() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.removed = true
	s.file.SetReadDeadline(time.Unix(1, 0))
}

// errGone says that the interface has been removed.
func (s *socket) errGone() error {
	return fmt.Errorf("xdp: %s is gone: %w", s.c.Interface, unix.ENODEV)
}

// close ends s, which is the first time that it is called.
func (s *socket) close() error {
	s.drops() // the last ones
	s.mu.Lock()
	s.closed.Store(true)
	s.mu.Unlock()
	// Wakes Receive, and returns when nobody uses the descriptor any more.
	err := s.file.Close()
	s.receivers.Wait()
	s.tx.close()
	s.unmap()
	if err != nil {
		return s.fail(err)
	}
	return nil
}
