package ends

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// A namespace is a network namespace without a name: it is gone when its descriptor
// and all sockets in it are closed, at the latest with this process.
type namespace struct{ file *os.File }

const ownNamespace = "/proc/thread-self/ns/net"

// newNamespace makes a namespace whose TCP remembers nothing from one connection to
// the next.
func newNamespace() (*namespace, error) {
	ns := new(namespace)
	err := onThread(func() (err error) {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return explain("a network namespace", os.NewSyscallError("unshare", err))
		}
		ns.file, err = os.Open(ownNamespace)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, s := range [][2]string{
		{"net/ipv6/conf/all/disable_ipv6", "1"},
		{"net/ipv6/conf/default/disable_ipv6", "1"},
		{"net/ipv4/tcp_no_metrics_save", "1"},
		{"net/ipv4/tcp_ecn", "1"},
		{"net/ipv4/tcp_rmem", fmt.Sprintf("4096 131072 %d", largest)},
		{"net/ipv4/tcp_wmem", fmt.Sprintf("4096 16384 %d", largest)},
	} {
		err := ns.do(func() error { return os.WriteFile("/proc/sys/"+s[0], []byte(s[1]), 0) })
		// Without IPv6 there is nothing to turn off.
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			ns.close()
			return nil, err
		}
	}
	return ns, nil
}

func (ns *namespace) close() { ns.file.Close() }

// do calls f on a thread that is in the namespace: sockets and devices that f opens
// belong to it, and go on to do so elsewhere.
func (ns *namespace) do(f func() error) error {
	return onThread(func() error {
		if err := unix.Setns(int(ns.file.Fd()), unix.CLONE_NEWNET); err != nil {
			return explain("a network namespace", os.NewSyscallError("setns", err))
		}
		return f()
	})
}

// onThread calls f on a thread of its own, which may leave its network namespace, and
// takes the thread home again. One that cannot go home ends with its goroutine.
func onThread(f func() error) error {
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		home, err := os.Open(ownNamespace)
		if err != nil {
			result <- err
			return
		}
		defer home.Close()
		defer func() {
			if unix.Setns(int(home.Fd()), unix.CLONE_NEWNET) == nil {
				runtime.UnlockOSThread()
			}
		}()
		result <- f()
	}()
	return <-result
}

// queueLength is how many packets the kernel keeps for us to read: more than any
// window, so that none is lost before the path.
const queueLength = 65536

// openTUN makes the TUN device of host i. It has no offload: what is read and written
// is single packets with complete checksums, so that each has its own fate.
func (ns *namespace) openTUN(i int) (fd int, err error) {
	err = ns.do(func() (err error) {
		if fd, err = unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0); err != nil {
			return explain("a TUN device", &os.PathError{Op: "open", Path: "/dev/net/tun", Err: err})
		}
		if err = setUpTUN(fd, addresses[i]); err != nil {
			unix.Close(fd)
		}
		return err
	})
	return fd, err
}

func setUpTUN(fd int, address [4]byte) error {
	req, err := unix.NewIfreq("bench0")
	if err != nil {
		return err
	}
	req.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, req); err != nil {
		return explain("a TUN device", os.NewSyscallError("ioctl TUNSETIFF", err))
	}
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer unix.Close(s)
	number := func(n uint32) func(*unix.Ifreq) error {
		return func(r *unix.Ifreq) error { r.SetUint32(n); return nil }
	}
	inet := func(a [4]byte) func(*unix.Ifreq) error {
		return func(r *unix.Ifreq) error { return r.SetInet4Addr(a[:]) }
	}
	for _, x := range []struct {
		name string
		call uint
		set  func(*unix.Ifreq) error
	}{
		{"SIOCSIFMTU", unix.SIOCSIFMTU, number(mtu)},
		{"SIOCSIFTXQLEN", unix.SIOCSIFTXQLEN, number(queueLength)},
		{"SIOCSIFADDR", unix.SIOCSIFADDR, inet(address)},
		{"SIOCSIFNETMASK", unix.SIOCSIFNETMASK, inet([4]byte{255, 255, 255, 0})},
		{"SIOCSIFFLAGS", unix.SIOCSIFFLAGS, number(unix.IFF_UP)},
	} {
		r, err := unix.NewIfreq("bench0")
		if err != nil {
			return err
		}
		if err := x.set(r); err != nil {
			return err
		}
		if err := unix.IoctlIfreq(s, x.call, r); err != nil {
			return explain("a TUN device", os.NewSyscallError("ioctl "+x.name, err))
		}
	}
	return nil
}

// explain says how to get what the kernel's rows need.
func explain(what string, err error) error {
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return fmt.Errorf("the kernel's rows need %s, and so the capabilities CAP_SYS_ADMIN and CAP_NET_ADMIN: run as root, "+
			"or in a container with --cap-add SYS_ADMIN --cap-add NET_ADMIN --device /dev/net/tun, "+
			"or leave them out with -stacks %s,%s: %w", what, Usernet, GVisor, err)
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENODEV), errors.Is(err, unix.ENXIO):
		return fmt.Errorf("the kernel's rows need %s: load its module (modprobe tun), "+
			"or give the container the device (--device /dev/net/tun): %w", what, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}
