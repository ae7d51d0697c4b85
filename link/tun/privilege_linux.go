package tun

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"github.com/usernet-go/usernet/internal/text"
)

// explainOpen says what it takes to open /dev/net/tun.
func explainOpen(c Config, errno error) error {
	err := &os.PathError{Op: "open", Path: devicePath, Err: errno}
	switch {
	case errors.Is(errno, unix.EPERM), errors.Is(errno, unix.EACCES):
		return missing(c, err)
	case errors.Is(errno, unix.ENOENT), errors.Is(errno, unix.ENODEV), errors.Is(errno, unix.ENXIO):
		return text.Errorf("tun: %s: the kernel offers no TUN/TAP here: load its module (modprobe tun), "+
			"or give the container the device and the capability CAP_NET_ADMIN (--device %s --cap-add NET_ADMIN): %w",
			c.Name, devicePath, err)
	}
	return text.Errorf("tun: %s: %w", c.Name, err)
}

// explainAttach says why the kernel refuses the interface.
func explainAttach(c Config, errno error) error {
	err := os.NewSyscallError("ioctl TUNSETIFF", errno)
	switch {
	case errors.Is(errno, unix.EPERM), errors.Is(errno, unix.EACCES):
		return missing(c, err)
	case errors.Is(errno, unix.EBUSY):
		return text.Errorf("tun: %s is in use by another program: %w", c.Name, err)
	case errors.Is(errno, unix.EINVAL):
		multi := "without"
		if c.Queues > 1 {
			multi = "with"
		}
		return text.Errorf("tun: %s exists, but not as a %s device %s multi_queue: %w", c.Name, mode(c), multi, err)
	}
	return text.Errorf("tun: %s: %w", c.Name, err)
}

// missing says which capability is missing, and the ways to get it.
func missing(c Config, err error) error {
	return text.Errorf("tun: %s device %s (%s): the capability CAP_NET_ADMIN is missing: "+
		"run as root; or give it to the program (setcap cap_net_admin+ep PROGRAM); "+
		"or have root make the interface for you (ip tuntap add dev %s mode %s user USER); "+
		"or start the container with --cap-add NET_ADMIN --device %s: %w",
		mode(c), c.Name, devicePath, c.Name, mode(c), devicePath, err)
}

func mode(c Config) string {
	if c.TAP {
		return "tap"
	}
	return "tun"
}
