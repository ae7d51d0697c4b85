package rawip

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

const howToGet = "run as root; or give it to the program (setcap cap_net_admin,cap_net_raw+ep PROGRAM); " +
	"or start the container with --cap-add NET_ADMIN --cap-add NET_RAW"

// explainSocket says what it takes to open a raw socket.
func explainSocket(errno error) error {
	err := os.NewSyscallError("socket", errno)
	if errno == unix.EPERM || errno == unix.EACCES {
		return fmt.Errorf("rawip: raw IP socket: the capability CAP_NET_RAW is missing: %s: %w", howToGet, err)
	}
	return fmt.Errorf("rawip: raw IP socket: %w", err)
}

// explainFirewall says what it takes to make the table.
func explainFirewall(err error) error {
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return fmt.Errorf("rawip: a rule that hides ports from the kernel: the capability CAP_NET_ADMIN is missing: %s: %w", howToGet, err)
	case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.EPROTONOSUPPORT), errors.Is(err, unix.EAFNOSUPPORT), errors.Is(err, unix.ENOENT),
		errors.Is(err, unix.EINVAL): // what an older kernel says to the flag owner
		return fmt.Errorf("rawip: a rule that hides ports from the kernel: the kernel (5.12 or later) offers no nftables here, "+
			"or not all that it takes: load its module (modprobe nf_tables): %w", err)
	}
	return fmt.Errorf("rawip: a rule that hides ports from the kernel: %w", err)
}
