package tun_test

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/tun"
	"github.com/usernet-go/usernet/wire"
)

// openDevice opens a device as somebody else would.
func openDevice(t *testing.T, name string, flags uint16) *os.File {
	t.Helper()
	f, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if name != "" {
		req := ifreq(t, name)
		req.SetUint16(flags)
		control(t, f, func(fd int) error { return unix.IoctlIfreq(fd, unix.TUNSETIFF, req) })
	}
	return f
}

func control(t *testing.T, f *os.File, call func(fd int) error) {
	t.Helper()
	rc, err := f.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var result error
	if err := rc.Control(func(fd uintptr) { result = call(int(fd)) }); err != nil || result != nil {
		t.Fatal(err, result)
	}
}

// FromFile asks the device what it is, whatever Config says.
func TestFromFileOfADevice(t *testing.T) {
	for _, tt := range []struct {
		name    string
		flags   uint16
		header  int // size of the virtio header, when not the usual one
		medium  link.Medium
		offload bool
	}{
		{"plain TUN", unix.IFF_TUN | unix.IFF_NO_PI, 0, link.IP, false},
		{"plain TAP", unix.IFF_TAP | unix.IFF_NO_PI, 0, link.Ethernet, false},
		{"TUN with virtio header", unix.IFF_TUN | unix.IFF_NO_PI | unix.IFF_VNET_HDR, 0, link.IP, true},
		{"TAP with a longer one", unix.IFF_TAP | unix.IFF_NO_PI | unix.IFF_VNET_HDR, 12, link.Ethernet, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			privateNamespace(t)
			f := openDevice(t, "dev0", tt.flags)
			if tt.header > 0 {
				control(t, f, func(fd int) error { return unix.IoctlSetPointerInt(fd, unix.TUNSETVNETHDRSZ, tt.header) })
			}
			l, err := tun.FromFile(f, tun.Config{TAP: tt.medium == link.IP, MTU: 1280})
			if err != nil {
				t.Fatal(err)
			}
			f.Close()
			want := link.Info{Medium: tt.medium, MTU: 1280, MaxPieces: 1023, Queues: 1}
			if tt.offload {
				want.MaxSegment, want.ChecksumOffload = 65535, true
			}
			if got := l.Info(); got != want {
				t.Errorf("Info %+v, want %+v", got, want)
			}
			configure(t, "dev0")
			p := startPeer(t, l, "dev0")
			ping := (&wire.ICMPv6{Type: wire.ICMPv6EchoRequest, ID: 1, Body: []byte("body")}).Append(nil)
			wire.SetChecksum(wire.ProtocolICMPv6, near6, kernel6, ping, nil)
			p.send(t, link.Packet{Data: [][]byte{append(p.header(near6, kernel6, wire.ProtocolICMPv6, len(ping)), ping...)}})
			answer := p.next(t, wire.ProtocolICMPv6)
			if !bytes.Equal(answer.transport[4:], ping[4:]) {
				t.Errorf("answer %x to %x", answer.transport, ping)
			}
			if !tt.offload && answer.offload != (link.Offload{}) {
				t.Errorf("offload %+v from a device without", answer.offload)
			}
		})
	}
}

func TestFromFileRefusesDevices(t *testing.T) {
	privateNamespace(t)
	if _, err := tun.FromFile(openDevice(t, "", 0), tun.Config{}); !errors.Is(err, syscall.EBADFD) || !strings.Contains(err.Error(), "attached to no interface") {
		t.Errorf("an unattached descriptor: %v", err)
	}
	f := openDevice(t, "long0", unix.IFF_TUN|unix.IFF_NO_PI|unix.IFF_VNET_HDR)
	control(t, f, func(fd int) error { return unix.IoctlSetPointerInt(fd, unix.TUNSETVNETHDRSZ, 100) })
	if _, err := tun.FromFile(f, tun.Config{}); err == nil || !strings.Contains(err.Error(), "100 bytes") {
		t.Errorf("a virtio header of 100 bytes: %v", err)
	}
}

// dropPrivilege takes CAP_NET_ADMIN from the test's thread.
func dropPrivilege(t *testing.T) {
	t.Helper()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var caps [2]unix.CapUserData
	if err := unix.Capget(&header, &caps[0]); err != nil {
		t.Fatal(err)
	}
	for i := range caps {
		caps[i].Inheritable = 0
	}
	caps[0].Effective &^= 1 << unix.CAP_NET_ADMIN
	caps[0].Permitted &^= 1 << unix.CAP_NET_ADMIN
	if err := unix.Capset(&header, &caps[0]); err != nil {
		t.Fatal(err)
	}
}

// persist makes an interface that outlives its maker, and that belongs to the
// user of that number; -1 for none.
func persist(t *testing.T, name string, flags uint16, user int) {
	t.Helper()
	f := openDevice(t, name, flags)
	control(t, f, func(fd int) error {
		if user >= 0 {
			if err := unix.IoctlSetInt(fd, unix.TUNSETOWNER, user); err != nil {
				return err
			}
		}
		return unix.IoctlSetInt(fd, unix.TUNSETPERSIST, 1)
	})
	f.Close()
}

// An existing interface keeps its MTU, its state and its life. It belongs to
// somebody, who then needs no capability.
func TestExistingInterface(t *testing.T) {
	privateNamespace(t)
	persist(t, "old0", unix.IFF_TAP|unix.IFF_NO_PI, os.Getuid())
	setMTU(t, "old0", 1300)
	configure(t, "old0")
	dropPrivilege(t)
	for range 2 { // the second time after the first one's Close
		l, err := tun.Open(tun.Config{Name: "old0", TAP: true})
		if err != nil {
			t.Fatal(err)
		}
		if i := l.Info(); i.MTU != 1300 || i.MaxSegment == 0 {
			t.Errorf("Info %+v, want the interface's MTU of 1300, and offload", i)
		}
		if ifc := hostInterface(t, "old0"); ifc.MTU != 1300 {
			t.Errorf("the interface's MTU is %d now", ifc.MTU)
		}
		if _, err := tun.Open(tun.Config{Name: "old0", TAP: true}); !errors.Is(err, syscall.EBUSY) || !strings.Contains(err.Error(), "in use") {
			t.Errorf("Open of an interface in use: %v, want EBUSY", err)
		}
		l.Close()
	}
	if _, err := tun.Open(tun.Config{Name: "old0"}); !errors.Is(err, syscall.EINVAL) || !strings.Contains(err.Error(), "not as a tun device") {
		t.Errorf("Open of a TAP as TUN: %v, want EINVAL", err)
	}
	if _, err := tun.Open(tun.Config{Name: "old0", TAP: true, Queues: 2}); !errors.Is(err, syscall.EINVAL) || !strings.Contains(err.Error(), "with multi_queue") {
		t.Errorf("Open with two queues of a device with one: %v, want EINVAL", err)
	}
}

// Without the privilege the error names it and the ways to it.
func TestMissingPrivilege(t *testing.T) {
	for _, tt := range []struct {
		name  string
		drop  func()
		errno syscall.Errno
	}{
		{"attach", func() {}, syscall.EPERM},
		// The thread's user for files only; it ends with the test's goroutine.
		{"open", func() { unix.Setfsuid(65534) }, syscall.EACCES},
	} {
		t.Run(tt.name, func(t *testing.T) {
			privateNamespace(t)
			if info, err := os.Stat("/dev/net/tun"); tt.errno == syscall.EACCES && (err != nil || info.Mode().Perm()&6 != 0) {
				t.Skipf("/dev/net/tun is open to everybody here: %v, %v", info.Mode(), err)
			}
			dropPrivilege(t)
			tt.drop()
			_, err := tun.Open(tun.Config{Name: "tap7", TAP: true})
			if !errors.Is(err, tt.errno) {
				t.Fatalf("Open = %v, want %v in its chain", err, tt.errno)
			}
			for _, want := range []string{"CAP_NET_ADMIN", "/dev/net/tun", "tap7", "setcap", "root", "ip tuntap add dev tap7 mode tap user", "--cap-add NET_ADMIN"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not name %s", err, want)
				}
			}
		})
	}
}
