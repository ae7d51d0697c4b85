package packet

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

const (
	maxSegment = 65535
	maxPieces  = 1023 // and the virtio header: what one message takes
)

// A station is a Link. It sends by a socket of its own, which receives nothing:
// an error that the kernel has for a receiver, it tells to the first system
// call, be it a send.
type station struct {
	info    link.Info
	rx, tx  *socket
	watch   *watch
	senders sync.Pool // of *sender
}

func open(c Config) (_ device, err error) {
	d := &station{}
	defer func() {
		if err != nil {
			d.abandon()
		}
	}()
	if d.rx, err = openSocket(c.Interface); err != nil {
		return nil, err
	}
	if d.tx, err = openSocket(c.Interface); err != nil {
		return nil, err
	}
	if d.watch, err = openWatch(); err != nil {
		return nil, err
	}
	index, err := d.rx.index()
	if err != nil {
		return nil, err
	}
	if err := d.tx.bind(index, 0); err != nil {
		return nil, err
	}
	own, err := d.tx.stationAddress()
	if err != nil {
		return nil, err
	}
	mtu, err := d.tx.mtu()
	if err != nil {
		return nil, err
	}
	mac := chooseMAC(c, own)
	if err := d.rx.join(index, mac, own); err != nil {
		return nil, err
	}
	d.info = link.Info{
		Medium:          link.Ethernet,
		MTU:             mtu,
		MaxSegment:      maxSegment,
		MaxPieces:       maxPieces,
		ChecksumOffload: true,
		Queues:          1,
		MAC:             mac,
	}
	d.watch.over(d.rx)
	return d, nil
}

func (d *station) abandon() {
	for _, s := range []*socket{d.rx, d.tx} {
		if s != nil {
			s.file.Close()
		}
	}
	if d.watch != nil {
		d.watch.file.Close()
	}
}

// chooseMAC returns the link's address on an interface whose own address is own.
func chooseMAC(c Config, own wire.MAC) wire.MAC {
	switch {
	case c.InterfaceMAC:
		return own
	case !c.MAC.IsZero():
		return c.MAC
	}
	var mac wire.MAC
	rand.Read(mac[:])
	mac[0] = mac[0]&^1 | 2 // a station's, locally administered
	return mac
}

// stationAddress returns the Ethernet address of the interface that s is bound
// to.
func (s *socket) stationAddress() (mac wire.MAC, err error) {
	var name unix.Sockaddr
	if err := s.control("getsockname", func(fd int) (err error) {
		name, err = unix.Getsockname(fd)
		return err
	}); err != nil {
		return mac, err
	}
	ll, ok := name.(*unix.SockaddrLinklayer)
	if !ok || ll.Hatype != unix.ARPHRD_ETHER || ll.Halen != uint8(len(mac)) {
		return mac, fmt.Errorf("packet: %s is no Ethernet interface (a loopback or tunnel interface is none): %w", s.ifname, errors.ErrUnsupported)
	}
	return wire.MAC(ll.Addr[:6]), nil
}

func (s *socket) mtu() (int, error) {
	req, err := unix.NewIfreq(s.ifname)
	if err != nil {
		return 0, s.fail(err)
	}
	err = s.control("ioctl SIOCGIFMTU", func(fd int) error { return unix.IoctlIfreq(fd, unix.SIOCGIFMTU, req) })
	return int(req.Uint32()), err
}

// join makes s receive the frames of station mac, on the interface whose own
// address is own.
func (s *socket) join(index int, mac, own wire.MAC) error {
	filter, err := linkFilter(mac)
	if err != nil {
		return err
	}
	if err := s.attach(filter); err != nil {
		return err
	}
	if err := s.set(unix.PACKET_IGNORE_OUTGOING, "PACKET_IGNORE_OUTGOING"); err != nil {
		return err
	}
	if mac != own {
		if err := s.member(index, unix.PACKET_MR_UNICAST, mac); err != nil {
			return err
		}
	}
	// All groups: which ones the stack wants changes with its addresses and
	// sockets, of which a link learns nothing. What a switch sends here of groups
	// that nobody asked for costs the filter a few instructions and the stack a
	// look at the header.
	if err := s.member(index, unix.PACKET_MR_ALLMULTI, wire.MAC{}); err != nil {
		return err
	}
	return s.bind(index, unix.ETH_P_ALL)
}

// member makes the interface receive more than it would by itself, until s is
// closed.
func (s *socket) member(index int, what uint16, mac wire.MAC) error {
	req := unix.PacketMreq{Ifindex: int32(index), Type: what, Alen: uint16(len(mac))}
	copy(req.Address[:], mac[:])
	return s.control("setsockopt PACKET_ADD_MEMBERSHIP", func(fd int) error {
		return unix.SetsockoptPacketMreq(fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &req)
	})
}

func (d *station) Info() link.Info { return d.info }

func (d *station) Receive(queue int, deliver func([]link.Packet)) error {
	if queue != 0 {
		return d.rx.fail(fmt.Errorf("no receive queue %d; there is one, 0", queue))
	}
	if ok, err := d.rx.begin(); !ok {
		return err
	}
	return d.rx.receive(false, deliver)
}

func (d *station) stats() Stats { return d.rx.stats() }

func (d *station) Close() error {
	// The sender first: Send says os.ErrClosed as soon as Receive has returned.
	err := d.tx.close()
	if err2 := d.rx.close(); err == nil {
		err = err2
	}
	d.watch.close()
	return err
}

// explain says what an errno of a send means.
func (d *station) explain(errno unix.Errno) error {
	switch errno {
	case unix.ENXIO, unix.ENODEV:
		return d.tx.errGone("sendmmsg")
	case unix.ENETDOWN:
		return fmt.Errorf("packet: %s is down: %w", d.tx.ifname, os.NewSyscallError("sendmmsg", errno))
	}
	return d.tx.fail(os.NewSyscallError("sendmmsg", errno))
}
