package xdp

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

const howToGet = "run as root; or give it to the program (setcap cap_net_raw,cap_net_admin,cap_bpf+ep PROGRAM); " +
	"or start the container with --cap-add NET_RAW --cap-add NET_ADMIN --cap-add BPF"

// explainSocket says what it takes to open an AF_XDP socket.
func explainSocket(c Config, errno error) error {
	err := os.NewSyscallError("socket", errno)
	switch errno {
	case unix.EPERM, unix.EACCES:
		return fmt.Errorf("xdp: %s: socket of family AF_XDP: the capability CAP_NET_RAW is missing: %s: %w", c.Interface, howToGet, err)
	case unix.EAFNOSUPPORT:
		return fmt.Errorf("xdp: %s: the kernel offers no AF_XDP here (CONFIG_XDP_SOCKETS); link/packet does without: %w", c.Interface, err)
	}
	return fmt.Errorf("xdp: %s: %w", c.Interface, err)
}

// explainMemory says why the kernel does not share so many bytes for a queue.
func explainMemory(c Config, size int, errno error) error {
	err := os.NewSyscallError("setsockopt XDP_UMEM_REG", errno)
	if errno == unix.ENOBUFS {
		return fmt.Errorf("xdp: %s: the queues' memory exceeds what may be locked: raise the limit (ulimit -l, LimitMEMLOCK=); "+
			"or choose fewer queues (Config.Queues): each takes %d MiB; or give the program the capability CAP_IPC_LOCK "+
			"(setcap cap_net_raw,cap_net_admin,cap_bpf,cap_ipc_lock+ep PROGRAM); "+
			"or start the container with --cap-add IPC_LOCK: %w", c.Interface, size>>20, err)
	}
	return fmt.Errorf("xdp: %s: %w", c.Interface, err)
}

// explainProgram says what it takes to load a program, or its map.
func explainProgram(c Config, what string, err error) error {
	if errors.Is(err, unix.EPERM) {
		// The library guesses at a limit of memory, which later kernels do not have.
		err = os.NewSyscallError("bpf", unix.EPERM)
		return fmt.Errorf("xdp: %s: %s in the kernel: the capability CAP_BPF or CAP_NET_ADMIN is missing: %s: %w", c.Interface, what, howToGet, err)
	}
	return fmt.Errorf("xdp: %s: %s in the kernel: %w", c.Interface, what, err)
}

// explainAttach says why the kernel does not take the program at the interface.
func explainAttach(c Config, err error) error {
	switch {
	case errors.Is(err, unix.EBUSY), errors.Is(err, unix.EEXIST):
		return fmt.Errorf("xdp: %s has an XDP program already (ip link show dev %[1]s), and takes one only: %w", c.Interface, err)
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return fmt.Errorf("xdp: %s: attaching the program: the capability CAP_NET_ADMIN is missing: %s: %w", c.Interface, howToGet, err)
	}
	return fmt.Errorf("xdp: %s: attaching the program: %w", c.Interface, err)
}

// explainBind says why a socket does not get its queue.
func explainBind(c Config, queue int, errno error) error {
	err := os.NewSyscallError("bind", errno)
	switch errno {
	case unix.EBUSY:
		return fmt.Errorf("xdp: %s: queue %d belongs to another program: %w", c.Interface, queue, err)
	case unix.ENETDOWN:
		return fmt.Errorf("xdp: %s is down: %w", c.Interface, err)
	}
	return fmt.Errorf("xdp: %s: queue %d: %w", c.Interface, queue, err)
}
