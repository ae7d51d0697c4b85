package crosscheck

import (
	"net/netip"
	"os"
	"strconv"
	"testing"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/tun"
	"golang.org/x/sys/unix"
)

// A device is how usernet is joined to a namespace.
type device struct {
	tap    bool // TAP, which carries Ethernet frames; else TUN, which carries IP packets
	mtu    int
	single bool // no offloads on either side of it
}

// attach opens a device in the namespace, with the router's addresses at the
// kernel's end of it, and returns a stack with the near end's at the other.
func (ns *netns) attach(t testing.TB, d device) *usernet.Stack {
	t.Helper()
	l := ns.open(t, d)
	s, err := usernet.New(usernet.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("closing the stack: %v", err)
		}
	})
	err = s.Attach(l, usernet.Interface{
		Name:     nearDev,
		Addrs:    []netip.Prefix{netip.MustParsePrefix(near4 + "/24"), netip.MustParsePrefix(near6 + "/64")},
		Gateways: []netip.Addr{netip.MustParseAddr(gate4), netip.MustParseAddr(gate6)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// open makes the device, gives the kernel's end of it an MTU and its addresses,
// and opens the other end.
func (ns *netns) open(t testing.TB, d device) link.Link {
	t.Helper()
	mode := "tun"
	if d.tap {
		mode = "tap"
	}
	ns.ip("tuntap", "add", "dev", gateDev, "mode", mode)
	ns.ip("link", "set", gateDev, "mtu", strconv.Itoa(d.mtu))
	var l link.Link
	var err error
	ns.do(func() {
		if d.single {
			l, err = openPlain(d)
		} else {
			l, err = tun.Open(tun.Config{Name: gateDev, TAP: d.tap})
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if d.single {
		ns.offloadsOff(gateDev)
	}
	ns.configure(gateDev, gate4+"/24", gate6+"/64")
	return l
}

// openPlain opens the device as a program would that knows nothing of offloads:
// each read and write is one packet without a header before it.
func openPlain(d device) (link.Link, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "/dev/net/tun")
	request, err := unix.NewIfreq(gateDev)
	if err != nil {
		return nil, err
	}
	flags := uint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if d.tap {
		flags = unix.IFF_TAP | unix.IFF_NO_PI
	}
	request.SetUint16(flags)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
		f.Close()
		return nil, err
	}
	return tun.FromFile(f, tun.Config{TAP: d.tap, MTU: d.mtu})
}
