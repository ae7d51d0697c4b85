package sides

import (
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/usernet-go/usernet/link/packet"
	"github.com/usernet-go/usernet/link/tun"
	"github.com/usernet-go/usernet/link/xdp"
)

// nearHost makes the stack that is measured, and its device. The far side is process
// far.
func nearHost(s Spec, far int) (host, error) {
	switch s.Link {
	case Memory:
		return kernelHost{loopback}, nil
	case TUN, TAP:
		return deviceHost(s)
	case Packet:
		if err := connectVeth(s, far); err != nil {
			return nil, err
		}
	}
	switch s.Stack {
	case Linux:
		return kernelHost{addresses[1]}, addAddress(nearDevice, addresses[0])
	case Usernet:
		if s.Variant == XDP {
			l, err := xdp.Open(xdp.Config{Interface: nearDevice})
			if err != nil {
				return nil, err
			}
			return newUsernet(l, 0)
		}
		l, err := packet.Open(packet.Config{Interface: nearDevice})
		if err != nil {
			return nil, err
		}
		return newUsernet(l, 0)
	case GVisor:
		return gvisorOnPacket(s)
	}
	return nil, fmt.Errorf("no stack %q on %s", s.Stack, s.Link)
}

// deviceHost makes a stack on a TUN or TAP device whose other end is the kernel's, in
// the same namespace.
func deviceHost(s Spec) (h host, err error) {
	switch s.Stack {
	case Usernet:
		l, err := tun.Open(tun.Config{Name: nearDevice, TAP: s.Link == TAP, MTU: s.MTU})
		if err != nil {
			return nil, err
		}
		if err := upDevice(s); err != nil {
			return nil, err
		}
		return newUsernet(l, 0)
	case GVisor:
		return gvisorOnDevice(s)
	}
	return nil, fmt.Errorf("no stack %q on %s", s.Stack, s.Link)
}

// upDevice configures the kernel's end of a device.
func upDevice(s Spec) error {
	if err := ip("link", "set", nearDevice, "mtu", strconv.Itoa(s.MTU), "txqueuelen", strconv.Itoa(queueLength)); err != nil {
		return err
	}
	return addAddress(nearDevice, addresses[1])
}

// queueLength is how many packets the kernel keeps for a device's reader: as many as
// Linux's TAP has, twice what TUN has.
const queueLength = 1000

// openDevice opens a TUN or TAP device.
func openDevice(flags uint16) (fd int, err error) {
	fd, err = unix.Open(deviceFile, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open %s: %w", deviceFile, err)
	}
	req, err := unix.NewIfreq(nearDevice)
	if err == nil {
		req.SetUint16(flags | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, req)
	}
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("ioctl TUNSETIFF: %w", err)
	}
	return fd, nil
}
