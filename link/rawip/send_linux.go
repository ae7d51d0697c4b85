package rawip

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/usernet-go/usernet/link"
)

const (
	maxPieces  = 64
	maxBatch   = 64
	sendBuffer = 4 << 20 // bytes, of the kernel's counting
)

// A sendSocket is a raw IP socket of one family.
type sendSocket struct {
	file *os.File
	conn syscall.RawConn
	v6   bool
}

// openSend opens a socket that sends packets with their IP headers, and receives
// nothing.
func openSend(family int, ifname string) (*sendSocket, error) {
	fd, err := unix.Socket(family, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_RAW)
	if err != nil {
		return nil, explainSocket(err)
	}
	s := &sendSocket{file: os.NewFile(uintptr(fd), "raw socket"), v6: family == unix.AF_INET6}
	if err = s.configure(fd, ifname); err == nil {
		s.conn, err = s.file.SyscallConn()
	}
	if err != nil {
		s.file.Close()
		return nil, err
	}
	return s, nil
}

// configure sets the options. The stack finds the paths' MTUs itself: what the
// kernel has learnt of them must not make it refuse or fragment (PMTUDISC_PROBE).
func (s *sendSocket) configure(fd int, ifname string) error {
	err := dropAll(fd)
	if err == nil && s.v6 {
		err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_PROBE)
	} else if err == nil {
		err = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_PROBE)
	}
	if err == nil && unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, sendBuffer) != nil {
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, sendBuffer)
	}
	if err == nil && ifname != "" {
		err = unix.BindToDevice(fd, ifname)
	}
	if err != nil {
		return fmt.Errorf("rawip: raw socket: %w", os.NewSyscallError("setsockopt", err))
	}
	return nil
}

// A message is struct mmsghdr.
type message struct {
	header unix.Msghdr
	n      uint32
}

// A sender is what one Send needs, kept for reuse.
type sender struct {
	messages [maxBatch]message
	names4   [maxBatch]unix.RawSockaddrInet4
	names6   [maxBatch]unix.RawSockaddrInet6
	sources4 [maxBatch]source4
	sources6 [maxBatch]source6
	pieces   [maxBatch * maxPieces]unix.Iovec
	n        int              // messages
	used     int              // pieces
	send     func(fd uintptr) // the method sendAll, bound once
	sent     int
	errno    unix.Errno
}

// source4 and source6 are the control messages that say the source, which the
// kernel needs for rules of routing by source: it does not look into the header.
type source4 struct {
	header unix.Cmsghdr
	info   unix.Inet4Pktinfo
}

type source6 struct {
	header unix.Cmsghdr
	info   unix.Inet6Pktinfo
}

var senders = sync.Pool{New: func() any {
	s := new(sender)
	s.send = s.sendAll
	return s
}}

// fill makes messages of the packets at the beginning of batch that are of one
// family, and returns the family's version; another value is no packet.
func (s *sender) fill(batch []link.Packet, scope uint32) byte {
	s.n, s.used = 0, 0
	var version byte
	for i := range batch[:min(len(batch), maxBatch)] {
		p := &batch[i]
		if len(p.Data) > maxPieces || len(p.Data) == 0 || len(p.Data[0]) < 20 {
			break
		}
		b := p.Data[0]
		v := b[0] >> 4
		if v == 6 && len(b) < 40 || v != 4 && v != 6 || i > 0 && v != version {
			break
		}
		version = v
		if v == 4 {
			s.add4(b)
		} else {
			s.add6(b, scope)
		}
		h := &s.messages[s.n].header
		h.Iov = &s.pieces[s.used]
		first := s.used
		for _, d := range p.Data {
			if len(d) > 0 {
				s.pieces[s.used].Base = unsafe.SliceData(d)
				s.pieces[s.used].SetLen(len(d))
				s.used++
			}
		}
		if v == 4 && needsID(b) {
			s.pieces[first].Base = unsafe.SliceData(withID(b))
		}
		h.SetIovlen(s.used - first)
		s.n++
	}
	return version
}

func (s *sender) add4(b []byte) {
	name, src, h := &s.names4[s.n], &s.sources4[s.n], &s.messages[s.n].header
	name.Family = unix.AF_INET
	copy(name.Addr[:], b[16:20])
	src.header.Level, src.header.Type = unix.IPPROTO_IP, unix.IP_PKTINFO
	src.header.SetLen(unix.CmsgLen(unix.SizeofInet4Pktinfo))
	copy(src.info.Spec_dst[:], b[12:16])
	h.Name, h.Namelen = (*byte)(unsafe.Pointer(name)), unix.SizeofSockaddrInet4
	h.Control = (*byte)(unsafe.Pointer(src))
	h.SetControllen(int(unsafe.Sizeof(*src)))
}

func (s *sender) add6(b []byte, scope uint32) {
	name, src, h := &s.names6[s.n], &s.sources6[s.n], &s.messages[s.n].header
	name.Family = unix.AF_INET6
	copy(name.Addr[:], b[24:40])
	name.Scope_id = 0
	src.info.Ifindex = 0
	if b[24] == 0xfe && b[25]&0xc0 == 0x80 || b[24] == 0xff { // link-local, or a group
		name.Scope_id = scope
	}
	if b[8] == 0xfe && b[9]&0xc0 == 0x80 {
		src.info.Ifindex = scope
	}
	src.header.Level, src.header.Type = unix.IPPROTO_IPV6, unix.IPV6_PKTINFO
	src.header.SetLen(unix.CmsgLen(unix.SizeofInet6Pktinfo))
	copy(src.info.Addr[:], b[8:24])
	h.Name, h.Namelen = (*byte)(unsafe.Pointer(name)), unix.SizeofSockaddrInet6
	h.Control = (*byte)(unsafe.Pointer(src))
	h.SetControllen(int(unsafe.Sizeof(*src)))
}

// needsID says that an IPv4 packet is a fragment with an identification of 0. The
// kernel would give each fragment another one instead.
func needsID(b []byte) bool {
	return b[4] == 0 && b[5] == 0 && binary.BigEndian.Uint16(b[6:])&^0x4000 != 0
}

// withID returns a copy of b with another identification; the kernel computes the
// header's checksum.
func withID(b []byte) []byte {
	c := append([]byte(nil), b...)
	c[4], c[5] = 0xff, 0xff
	return c
}

// sendAll sends the messages; of those that the kernel takes, the number is in
// sent. One sendmmsg for all moves 10 to 40% more than a call for each.
func (s *sender) sendAll(fd uintptr) {
	for s.sent < s.n {
		n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&s.messages[s.sent])), uintptr(s.n-s.sent), 0, 0, 0)
		switch errno {
		case 0:
			s.sent += int(n)
		case unix.EINTR:
		default:
			s.errno = errno
			return
		}
	}
}

// release drops the references to what was lent.
func (s *sender) release() {
	clear(s.pieces[:s.used])
	senders.Put(s)
}

// sendBatch is Send on the sockets for IPv4 and IPv6.
func sendBatch(v4, v6 *sendSocket, scope uint32, batch []link.Packet) (int, error) {
	s := senders.Get().(*sender)
	defer s.release()
	done := 0
	for done < len(batch) {
		clear(s.pieces[:s.used])
		version := s.fill(batch[done:], scope)
		if s.n == 0 {
			return done, errors.New("rawip: no IP packet, or one in too many pieces")
		}
		socket := v4
		if version == 6 {
			socket = v6
		}
		if socket == nil {
			return done, fmt.Errorf("rawip: %w", os.NewSyscallError("sendmmsg", unix.EAFNOSUPPORT))
		}
		s.sent, s.errno = 0, 0
		// Control, not Write: it takes no lock, and the kernel's queue is waited for by
		// nobody here.
		if err := socket.conn.Control(s.send); err != nil {
			return done, os.ErrClosed
		}
		done += s.sent
		switch s.errno {
		case 0:
		case unix.EAGAIN, unix.ENOBUFS, unix.ENOMEM:
			return done, nil
		default:
			return done, fmt.Errorf("rawip: %w", os.NewSyscallError("sendmmsg", s.errno))
		}
	}
	return done, nil
}
