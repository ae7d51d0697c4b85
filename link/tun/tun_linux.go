package tun

import (
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/usernet-go/usernet/internal/text"
	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/internal/vnet"
)

const devicePath = "/dev/net/tun"

// offloads is what the kernel may leave to us in packets that we receive.
const offloads = unix.TUN_F_CSUM | unix.TUN_F_TSO4 | unix.TUN_F_TSO6

func open(c Config) (link.Link, error) {
	d := &device{name: c.Name, isDevice: true, headerLen: vnet.Len}
	for range c.Queues {
		f, err := openQueue(c)
		if err != nil {
			d.Close()
			return nil, err
		}
		if err := d.addQueue(f); err != nil {
			d.Close()
			return nil, err
		}
	}
	if c.MTU == 0 {
		mtu, err := interfaceMTU(c.Name)
		if err != nil {
			d.Close()
			return nil, err
		}
		c.MTU = mtu
	}
	d.setInfo(c)
	return d, nil
}

// openQueue opens the device, which is made by the first and found by the
// others.
func openQueue(c Config) (*os.File, error) {
	fd, err := unix.Open(devicePath, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, explainOpen(c, err)
	}
	if err := attach(fd, c); err != nil {
		unix.Close(fd)
		return nil, err
	}
	// Only now may the runtime's poller see it: a descriptor without an interface
	// is in error, and stays so in an epoll that has it.
	return os.NewFile(uintptr(fd), devicePath), nil
}

// attach ties a fresh descriptor to the interface.
func attach(fd int, c Config) error {
	req, err := unix.NewIfreq(c.Name)
	if err != nil {
		return text.Errorf("tun: name %q: %w", c.Name, err)
	}
	flags := uint16(unix.IFF_NO_PI | unix.IFF_VNET_HDR)
	if c.TAP {
		flags |= unix.IFF_TAP
	} else {
		flags |= unix.IFF_TUN
	}
	if c.Queues > 1 {
		flags |= unix.IFF_MULTI_QUEUE
	}
	req.SetUint16(flags)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, req); err != nil {
		return explainAttach(c, err)
	}
	if err := unix.IoctlSetPointerInt(fd, unix.TUNSETVNETHDRSZ, vnet.Len); err != nil {
		return text.Errorf("tun: %s: size of the virtio header: %w", c.Name, os.NewSyscallError("ioctl TUNSETVNETHDRSZ", err))
	}
	if err := unix.IoctlSetInt(fd, unix.TUNSETOFFLOAD, offloads); err != nil {
		return text.Errorf("tun: %s: offload: %w", c.Name, os.NewSyscallError("ioctl TUNSETOFFLOAD", err))
	}
	return nil
}

// interfaceMTU asks the kernel, in the network namespace of the calling thread,
// which is where Open has attached.
func interfaceMTU(name string) (int, error) {
	fail := func(call string, err error) (int, error) {
		return 0, text.Errorf("tun: MTU of %s: %w", name, os.NewSyscallError(call, err))
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fail("socket", err)
	}
	defer unix.Close(fd)
	req, err := unix.NewIfreq(name)
	if err != nil {
		return fail("name", err)
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFMTU, req); err != nil {
		return fail("ioctl SIOCGIFMTU", err)
	}
	return int(req.Uint32()), nil
}

func fromFile(f *os.File, c Config) (link.Link, error) {
	own, err := duplicate(f)
	if err != nil {
		return nil, text.Errorf("tun: %s: %w", f.Name(), err)
	}
	d := &device{name: c.Name}
	if d.name == "" {
		d.name = f.Name()
	}
	if err := d.ask(own, &c); err != nil {
		unix.Close(own)
		return nil, err
	}
	if err := d.addQueue(os.NewFile(uintptr(own), f.Name())); err != nil {
		d.Close()
		return nil, err
	}
	d.setInfo(c)
	return d, nil
}

// duplicate returns a non-blocking descriptor of its own for f, new to the
// poller.
func duplicate(f *os.File) (own int, err error) {
	rc, err := f.SyscallConn()
	if err != nil {
		return 0, err
	}
	var dup error
	if err := rc.Control(func(fd uintptr) {
		own, dup = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0)
	}); err != nil {
		return 0, os.ErrClosed // the only thing that can be wrong with f
	}
	if dup != nil {
		return 0, os.NewSyscallError("fcntl F_DUPFD_CLOEXEC", dup)
	}
	if err := unix.SetNonblock(own, true); err != nil {
		unix.Close(own)
		return 0, os.NewSyscallError("fcntl O_NONBLOCK", err)
	}
	return own, nil
}

// ask asks a descriptor that somebody else opened what it is. One that is no
// TUN or TAP device cannot answer, and is what c says.
func (d *device) ask(fd int, c *Config) error {
	req, err := unix.NewIfreq("")
	if err != nil {
		return text.Errorf("tun: %w", err)
	}
	if err := unix.IoctlIfreq(fd, unix.TUNGETIFF, req); err != nil {
		if err == unix.EBADFD {
			return text.Errorf("tun: %s is attached to no interface: %w", d.name, os.NewSyscallError("ioctl TUNGETIFF", err))
		}
		typ, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
		d.datagrams = err == nil && typ == unix.SOCK_DGRAM
		return nil
	}
	flags := req.Uint16() // IFF_NO_PI among them says nothing: IFF_NOFILTER has the same bit
	d.name, d.isDevice = req.Name(), true
	c.TAP = flags&unix.IFF_TAP != 0
	if flags&unix.IFF_VNET_HDR == 0 {
		return nil
	}
	size, err := unix.IoctlGetUint32(fd, unix.TUNGETVNETHDRSZ)
	if err != nil {
		return text.Errorf("tun: %s: size of the virtio header: %w", d.name, os.NewSyscallError("ioctl TUNGETVNETHDRSZ", err))
	}
	if size < vnet.Len || size > vnet.MaxLen {
		return text.Errorf("tun: %s has a virtio header of %d bytes; want %d to %d", d.name, size, vnet.Len, vnet.MaxLen)
	}
	d.headerLen = int(size)
	if err := unix.IoctlSetInt(fd, unix.TUNSETOFFLOAD, offloads); err != nil {
		return text.Errorf("tun: %s: offload: %w", d.name, os.NewSyscallError("ioctl TUNSETOFFLOAD", err))
	}
	return nil
}

// addQueue takes f over.
func (d *device) addQueue(f *os.File) error {
	q := &queue{file: f}
	d.queues = append(d.queues, q)
	// A descriptor outside of the poller could not be woken by Close.
	if err := f.SetReadDeadline(time.Time{}); err != nil {
		return text.Errorf("tun: %s cannot be polled: %w", d.name, err)
	}
	var err error
	if q.conn, err = f.SyscallConn(); err != nil {
		return text.Errorf("tun: %s: %w", d.name, err)
	}
	return nil
}

func (d *device) setInfo(c Config) {
	d.info = link.Info{
		Medium:    link.IP,
		MTU:       c.MTU,
		MaxPieces: maxPieces,
		Queues:    len(d.queues),
	}
	if c.TAP {
		d.info.Medium = link.Ethernet
	}
	if d.headerLen > 0 {
		d.info.MaxSegment = maxSegment
		d.info.ChecksumOffload = true
	}
}
