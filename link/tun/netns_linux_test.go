package tun_test

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/usernet-go/usernet/link/internal/linktest"
)

// The kernel's end of the device and ours.
var (
	kernel4, near4 = netip.MustParseAddr("10.9.0.1"), netip.MustParseAddr("10.9.0.2")
	kernel6, near6 = netip.MustParseAddr("fd09::1"), netip.MustParseAddr("fd09::2")
)

// privateNamespace gives the test's goroutine a network namespace of its own, as
// linktest.Private says, in which devices can be made.
func privateNamespace(t testing.TB) {
	t.Helper()
	linktest.Private(t)
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		linktest.Skip(t, fmt.Sprintf("no TUN/TAP: %v", err))
	}
}

// ioctlSocket returns a socket for questions about interfaces.
func ioctlSocket(t testing.TB, family int) int {
	t.Helper()
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(os.NewSyscallError("socket", err))
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

func ifreq(t testing.TB, name string) *unix.Ifreq {
	t.Helper()
	req, err := unix.NewIfreq(name)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func ioctl(t testing.TB, what string, fd int, call uint, req *unix.Ifreq) {
	t.Helper()
	if err := unix.IoctlIfreq(fd, call, req); err != nil {
		t.Fatalf("%s of %s: %v", what, req.Name(), err)
	}
}

// setUp brings the interface up, or down.
func setUp(t testing.TB, name string, up bool) {
	t.Helper()
	fd := ioctlSocket(t, unix.AF_INET)
	req := ifreq(t, name)
	ioctl(t, "flags", fd, unix.SIOCGIFFLAGS, req)
	flags := req.Uint16() &^ unix.IFF_UP
	if up {
		flags |= unix.IFF_UP
	}
	req.SetUint16(flags)
	ioctl(t, "new flags", fd, unix.SIOCSIFFLAGS, req)
}

func setMTU(t testing.TB, name string, mtu int) {
	t.Helper()
	req := ifreq(t, name)
	req.SetUint32(uint32(mtu))
	ioctl(t, "MTU", ioctlSocket(t, unix.AF_INET), unix.SIOCSIFMTU, req)
}

// configure gives the kernel's end its addresses and brings it up.
func configure(t testing.TB, name string) {
	t.Helper()
	// No duplicate address detection: the address is there at once.
	if err := os.WriteFile("/proc/sys/net/ipv6/conf/"+name+"/accept_dad", []byte("0"), 0); err != nil {
		t.Fatal(err)
	}
	setUp(t, name, true)
	fd := ioctlSocket(t, unix.AF_INET)
	for _, set := range []struct {
		what string
		call uint
		addr netip.Addr
	}{{"address", unix.SIOCSIFADDR, kernel4}, {"netmask", unix.SIOCSIFNETMASK, netip.AddrFrom4([4]byte{255, 255, 255, 0})}} {
		req := ifreq(t, name)
		if err := req.SetInet4Addr(set.addr.AsSlice()); err != nil {
			t.Fatal(err)
		}
		ioctl(t, set.what, fd, set.call, req)
	}
	req := struct {
		addr   [16]byte
		prefix uint32
		index  int32
	}{kernel6.As16(), 64, int32(hostInterface(t, name).Index)}
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(ioctlSocket(t, unix.AF_INET6)), unix.SIOCSIFADDR, uintptr(unsafe.Pointer(&req))); errno != 0 {
		t.Fatalf("IPv6 address of %s: %v", name, errno)
	}
	waitForIPv6(t, name)
}

// waitForIPv6 waits until no address of the interface is tentative: a worker of
// the kernel's sees to that, with and without duplicate address detection.
func waitForIPv6(t testing.TB, name string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		table, err := os.ReadFile("/proc/thread-self/net/if_inet6")
		if err != nil {
			t.Fatal(err)
		}
		ready, tentative := false, false
		for line := range strings.Lines(string(table)) {
			// address, index, prefix length, scope, flags, name
			f := strings.Fields(line)
			flags, err := strconv.ParseUint(f[4], 16, 32)
			if err != nil {
				t.Fatal(err)
			}
			ready = ready || f[5] == name && f[0] == hex.EncodeToString(kernel6.AsSlice())
			tentative = tentative || flags&unix.IFA_F_TENTATIVE != 0
		}
		if ready && !tentative {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("IPv6 addresses stay tentative:\n%s", table)
		}
	}
}

func hostInterface(t testing.TB, name string) *net.Interface {
	t.Helper()
	ifc, err := net.InterfaceByName(name)
	if err != nil {
		t.Fatal(err)
	}
	return ifc
}

// deleteInterface does what "ip link delete" does.
func deleteInterface(t testing.TB, name string) {
	t.Helper()
	index := hostInterface(t, name).Index
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	msg := make([]byte, unix.SizeofNlMsghdr+unix.SizeofIfInfomsg)
	binary.NativeEndian.PutUint32(msg[0:], uint32(len(msg)))
	binary.NativeEndian.PutUint16(msg[4:], unix.RTM_DELLINK)
	binary.NativeEndian.PutUint16(msg[6:], unix.NLM_F_REQUEST|unix.NLM_F_ACK)
	binary.NativeEndian.PutUint32(msg[unix.SizeofNlMsghdr+4:], uint32(index))
	if err := unix.Sendto(fd, msg, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 4096)
	n, err := unix.Read(fd, answer)
	if err != nil || n < unix.SizeofNlMsghdr+4 {
		t.Fatalf("netlink: %d bytes, %v", n, err)
	}
	if errno := int32(binary.NativeEndian.Uint32(answer[unix.SizeofNlMsghdr:])); errno != 0 {
		t.Fatalf("deleting %s: %v", name, unix.Errno(-errno))
	}
}
