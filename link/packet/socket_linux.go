package packet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/usernet-go/usernet/link"
)

// bufferSize is what the kernel may hold for us in each direction, in bytes of
// its own counting, which is up to twice what the packets have. Four megabytes
// are some sixty super-segments, or 3 ms at 10 Gbit/s.
const bufferSize = 4 << 20

// A socket is an AF_PACKET socket of type SOCK_RAW. (PACKET_VNET_HDR is refused
// for SOCK_DGRAM.)
type socket struct {
	ifname string // "" when it is bound to no interface
	file   *os.File
	conn   syscall.RawConn

	closed    atomic.Bool
	mu        sync.Mutex // orders the start of the receiver and the end of the socket; guards what follows
	receiving bool
	removed   bool // the interface is gone
	receivers sync.WaitGroup
	dropped   uint64 // by the kernel, as far as it was asked
	unusable  atomic.Uint64
}

// openSocket returns a socket that receives nothing yet.
func openSocket(ifname string) (*socket, error) {
	// Protocol 0: nothing arrives before bind, when all options are set.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, explainSocket(err)
	}
	s := &socket{ifname: ifname, file: os.NewFile(uintptr(fd), "packet socket")}
	if s.conn, err = s.file.SyscallConn(); err == nil {
		err = s.set(unix.PACKET_VNET_HDR, "PACKET_VNET_HDR")
	}
	if err == nil {
		err = s.control("setsockopt SO_RCVBUF", func(fd int) error { return setBuffer(fd, unix.SO_RCVBUFFORCE, unix.SO_RCVBUF) })
	}
	if err == nil {
		err = s.control("setsockopt SO_SNDBUF", func(fd int) error { return setBuffer(fd, unix.SO_SNDBUFFORCE, unix.SO_SNDBUF) })
	}
	if err != nil {
		s.file.Close()
		return nil, err
	}
	return s, nil
}

// setBuffer sets the size of a buffer, as far as one may: beyond the host's
// limit (net.core.rmem_max, wmem_max) it takes CAP_NET_ADMIN.
func setBuffer(fd, force, option int) error {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, force, bufferSize) == nil {
		return nil
	}
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, bufferSize)
}

// control runs f on the descriptor; call says what it does, for errors.
func (s *socket) control(call string, f func(fd int) error) error {
	var inner error
	if err := s.conn.Control(func(fd uintptr) { inner = f(int(fd)) }); err != nil {
		return os.ErrClosed
	}
	if inner != nil {
		return s.fail(os.NewSyscallError(call, inner))
	}
	return nil
}

// set switches an option of packet sockets on.
func (s *socket) set(option int, name string) error {
	return s.control("setsockopt "+name, func(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_PACKET, option, 1) })
}

func (s *socket) fail(err error) error {
	if s.ifname == "" {
		return fmt.Errorf("packet: %w", err)
	}
	return fmt.Errorf("packet: %s: %w", s.ifname, err)
}

// index returns the number of the socket's interface.
func (s *socket) index() (index int, err error) {
	req, err := unix.NewIfreq(s.ifname)
	if err != nil {
		return 0, fmt.Errorf("packet: %q is no name of an interface: %w", s.ifname, err)
	}
	err = s.control("ioctl SIOCGIFINDEX", func(fd int) error { return unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, req) })
	if errors.Is(err, unix.ENODEV) {
		return 0, fmt.Errorf("packet: there is no interface %q: %w", s.ifname, os.NewSyscallError("ioctl SIOCGIFINDEX", unix.ENODEV))
	}
	return int(int32(req.Uint32())), err
}

// attach attaches a filter, in place of the one before.
func (s *socket) attach(f []bpf.RawInstruction) error {
	program := make([]unix.SockFilter, len(f))
	for i, ins := range f {
		program[i] = unix.SockFilter{Code: ins.Op, Jt: ins.Jt, Jf: ins.Jf, K: ins.K}
	}
	return s.control("setsockopt SO_ATTACH_FILTER", func(fd int) error {
		return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
	})
}

// bind ties the socket to interface index, 0 for all, and lets frames of the
// protocol in, 0 for none.
func (s *socket) bind(index int, protocol uint16) error {
	return s.control("bind", func(fd int) error {
		return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: networkOrder(protocol), Ifindex: index})
	})
}

func networkOrder(v uint16) uint16 {
	return binary.NativeEndian.Uint16([]byte{byte(v >> 8), byte(v)})
}

// stats asks the kernel what it has dropped: it tells each drop once.
func (s *socket) stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.control("getsockopt PACKET_STATISTICS", func(fd int) error {
		t, err := unix.GetsockoptTpacketStats(fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
		if err == nil {
			s.dropped += uint64(t.Drops)
		}
		return err
	})
	return Stats{Dropped: s.dropped, Unusable: s.unusable.Load()}
}

// begin marks s as being received from; false when s is closed.
func (s *socket) begin() (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed.Load():
		return false, nil
	case s.removed:
		return false, s.errGone("recvmmsg")
	case s.receiving:
		return false, s.fail(errors.New("Receive runs already"))
	}
	s.file.SetReadDeadline(time.Time{}) // see stop
	s.receiving = true
	s.receivers.Add(1)
	return true, nil
}

// end takes back begin, and returns what Receive returns when err has ended it.
func (s *socket) end(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.receiving = false
	s.receivers.Done()
	switch {
	case s.closed.Load():
		return nil
	case s.removed:
		return s.errGone("recvmmsg")
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil // stop
	}
	return err
}

// stop lets a receiver return that has begun.
func (s *socket) stop() { s.file.SetReadDeadline(time.Unix(1, 0)) }

// remove ends s, whose interface is gone.
func (s *socket) remove() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.removed = true
	s.stop()
}

func (s *socket) close() error {
	s.stats() // the last ones
	s.mu.Lock()
	again := s.closed.Swap(true)
	s.mu.Unlock()
	if again {
		return nil
	}
	// Wakes Receive, and returns when nobody uses the descriptor any more.
	err := s.file.Close()
	s.receivers.Wait()
	if err != nil {
		return s.fail(err)
	}
	return nil
}

// receive delivers, after begin, until close or stop.
func (s *socket) receive(network bool, deliver func([]link.Packet)) error {
	return s.end(newReceiver(s, network).run(deliver))
}
