package packet

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// A watch ends sockets whose interface is removed. The kernel tells a packet
// socket that its interface went down, and of nothing when it is removed
// afterwards.
type watch struct {
	file  *os.File
	conn  syscall.RawConn
	ended chan struct{}
}

// openWatch begins to look for changes of interfaces.
func openWatch() (*watch, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("packet: %w", os.NewSyscallError("socket AF_NETLINK", err))
	}
	w := &watch{file: os.NewFile(uintptr(fd), "netlink socket"), ended: make(chan struct{})}
	if err = unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: unix.RTMGRP_LINK}); err == nil {
		w.conn, err = w.file.SyscallConn()
	}
	if err != nil {
		w.file.Close()
		return nil, fmt.Errorf("packet: %w", os.NewSyscallError("bind RTMGRP_LINK", err))
	}
	return w, nil
}

// over watches over sockets of one interface, which they were bound to after
// openWatch.
func (w *watch) over(sockets ...*socket) {
	go func() {
		defer close(w.ended)
		// What has changed is not read: the socket knows, and messages for which
		// there was no room do no harm.
		for !sockets[0].gone() {
			var buf [64]byte
			err := w.conn.Read(func(fd uintptr) bool {
				_, _, err := unix.Recvfrom(int(fd), buf[:], 0)
				return err != unix.EAGAIN
			})
			if err != nil {
				return // closed
			}
		}
		for _, s := range sockets {
			s.remove()
		}
	}()
}

// close ends what over began.
func (w *watch) close() {
	w.file.Close()
	<-w.ended
}

// gone says that the interface of s has been removed: the kernel has taken the
// socket off it.
func (s *socket) gone() bool {
	gone := false
	s.control("getsockname", func(fd int) error {
		name, err := unix.Getsockname(fd)
		if ll, ok := name.(*unix.SockaddrLinklayer); ok {
			gone = ll.Ifindex < 0
		}
		return err
	})
	return gone
}

// errGone says what gone says.
func (s *socket) errGone(call string) error {
	return fmt.Errorf("packet: %s is gone: %w", s.ifname, os.NewSyscallError(call, unix.ENODEV))
}
