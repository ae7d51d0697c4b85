package rawip

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// bindPort takes a port from the kernel: a socket for both families, bound to all
// addresses, to which nothing comes. Without SO_REUSEADDR it excludes, and is
// excluded by, whoever has the port on any address: sockets that listen, that are
// connected, that are in TIME-WAIT. The kernel does not choose it for others.
func bindPort(k portKey, reserved int) (fd int, err error) {
	typ := unix.SOCK_STREAM
	if k >= firstUDP {
		typ = unix.SOCK_DGRAM
	}
	family := unix.AF_INET6
	fd, err = unix.Socket(family, typ|unix.SOCK_CLOEXEC, 0)
	if err == unix.EAFNOSUPPORT { // a kernel without IPv6
		family = unix.AF_INET
		fd, err = unix.Socket(family, typ|unix.SOCK_CLOEXEC, 0)
	}
	if err != nil {
		return -1, explainReserve(k, "socket", err, reserved)
	}
	var address unix.Sockaddr = &unix.SockaddrInet6{Port: int(k % firstUDP)}
	call := "setsockopt"
	if family == unix.AF_INET {
		address = &unix.SockaddrInet4{Port: int(k % firstUDP)}
	} else {
		err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 0)
	}
	if err == nil && typ == unix.SOCK_DGRAM {
		err = dropAll(fd)
	}
	if err == nil {
		call, err = "bind", unix.Bind(fd, address)
	}
	if err != nil {
		unix.Close(fd)
		return -1, explainReserve(k, call, err, reserved)
	}
	return fd, nil
}

// dropAll lets a socket receive nothing.
func dropAll(fd int) error {
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 0); err != nil { // the kernel's least
		return err
	}
	drop := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: 0}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: &drop})
}

// explainReserve says why a port cannot be reserved.
func explainReserve(k portKey, call string, errno error, reserved int) error {
	err := os.NewSyscallError(call, errno)
	switch {
	case errors.Is(errno, unix.EADDRINUSE):
		return fmt.Errorf("rawip: %v belongs to another program or to the kernel: %w", k, err)
	case errors.Is(errno, unix.EMFILE):
		var limit unix.Rlimit
		unix.Getrlimit(unix.RLIMIT_NOFILE, &limit)
		return fmt.Errorf("rawip: %v: no descriptor is left for it: each port takes one, %d have theirs, "+
			"and the limit RLIMIT_NOFILE is %d; raise it (ulimit -n): %w", k, reserved, limit.Cur, err)
	case errors.Is(errno, unix.EACCES):
		return fmt.Errorf("rawip: %v: the capability CAP_NET_BIND_SERVICE is missing: run as root; "+
			"or give it to the program (setcap cap_net_admin,cap_net_raw,cap_net_bind_service+ep PROGRAM): %w", k, err)
	}
	return fmt.Errorf("rawip: reserving %v: %w", k, err)
}
