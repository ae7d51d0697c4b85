package xdp

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/internal/flow"
	"github.com/usernet-go/usernet/link/packet"
)

// A station is a Link: what its program redirects comes by a socket for each
// queue, and the rest as link/packet has it, which also makes the interface listen
// to the station's address and to groups, and knows when the interface is removed.
type station struct {
	c       Config
	info    link.Info
	slow    *packet.Link
	sockets []*socket
	senders []*socket // those of them whose queue can also send
	program *redirection
	copied  atomic.Uint64
	closed  atomic.Bool
}

func open(c Config) (_ device, err error) {
	// First a socket of this family, so that the error names all that is missing.
	fd, errno := unix.Socket(unix.AF_XDP, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if errno != nil {
		return nil, explainSocket(c, errno)
	}
	unix.Close(fd)
	d := &station{c: c}
	defer func() {
		if err != nil {
			d.end()
		}
	}()
	if d.slow, err = packet.Open(packet.Config{Interface: c.Interface, MAC: c.MAC}); err != nil {
		return nil, fmt.Errorf("xdp: %w", err)
	}
	ifc, err := net.InterfaceByName(c.Interface)
	if err != nil {
		return nil, fmt.Errorf("xdp: %s: %w", c.Interface, err)
	}
	d.info = d.slow.Info()
	d.info.MaxSegment, d.info.ChecksumOffload = 0, false
	switch {
	case string(ifc.HardwareAddr) == string(c.MAC[:]):
		return nil, fmt.Errorf("xdp: %s: %v is the interface's own address, whose frames are the host's; want another, or link/packet", c.Interface, c.MAC)
	case frameSize(d.info.MTU) == 0:
		return nil, fmt.Errorf("xdp: %s: the MTU is %d; want %d at most: a frame lies in one page", c.Interface, d.info.MTU, frameMTU)
	}
	return d, d.start(ifc.Index)
}

// start attaches the program, and then gives it the sockets.
func (d *station) start(index int) error {
	receive, transmit := queues(d.c.Interface)
	chosen := d.c.Queues
	if chosen == nil {
		for q := range receive {
			chosen = append(chosen, q)
		}
	}
	for _, q := range chosen {
		if q >= receive {
			return fmt.Errorf("xdp: %s: receive queue %d; there are %d", d.c.Interface, q, receive)
		}
		s, err := openSocket(d.c, q, d.info.MTU)
		if err != nil {
			return err
		}
		d.sockets = append(d.sockets, s)
		if q < transmit {
			d.senders = append(d.senders, s)
		}
	}
	if len(d.senders) == 0 {
		return fmt.Errorf("xdp: %s: none of the receive queues %v has a queue for sending beside it, of which there are %d", d.c.Interface, chosen, transmit)
	}
	d.info.Queues = len(d.sockets) + 1
	var err error
	if d.program, err = redirect(d.c, index, receive, d.info.MAC); err != nil {
		return err
	}
	for _, s := range d.sockets {
		if err := s.bind(index, d.program.native); err != nil {
			return err
		}
		if err := d.program.add(s); err != nil {
			return err
		}
	}
	return nil
}

// queues returns how many queues the interface has in use. One whose driver does
// not say has one.
func queues(ifname string) (receive, transmit int) {
	// struct ethtool_channels
	channels := struct {
		command, maxReceive, maxTransmit, maxOther, maxCombined, receive, transmit, other, combined uint32
	}{command: unix.ETHTOOL_GCHANNELS}
	// struct ifreq
	request := struct {
		name [unix.IFNAMSIZ]byte
		data unsafe.Pointer
		_    [24 - unsafe.Sizeof(uintptr(0))]byte
	}{data: unsafe.Pointer(&channels)}
	copy(request.name[:unix.IFNAMSIZ-1], ifname)
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 1, 1
	}
	defer unix.Close(fd)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request))); errno != 0 {
		return 1, 1
	}
	return max(1, int(channels.receive+channels.combined)), max(1, int(channels.transmit+channels.combined))
}

func (d *station) Info() link.Info { return d.info }

func (d *station) mode() Mode {
	m := Mode{Native: d.program.native, ZeroCopy: true}
	for _, s := range d.sockets {
		m.ZeroCopy = m.ZeroCopy && s.zeroCopy
	}
	return m
}

func (d *station) Send(batch []link.Packet) (int, error) {
	if d.closed.Load() {
		return 0, os.ErrClosed
	}
	sent := 0
	for sent < len(batch) {
		s, run := d.run(batch[sent:])
		n, err := s.tx.send(run)
		sent += n
		if err != nil || n < len(run) {
			return sent, err
		}
	}
	return sent, nil
}

// run returns the packets at the beginning of batch that go to one queue, and the
// queue's socket: all of a flow go to one.
func (d *station) run(batch []link.Packet) (*socket, []link.Packet) {
	if len(d.senders) == 1 {
		return d.senders[0], batch
	}
	queue := func(p *link.Packet) int { return int(flow.Hash(p, link.Ethernet) % uint32(len(d.senders))) }
	i, n := queue(&batch[0]), 1
	for n < len(batch) && queue(&batch[n]) == i {
		n++
	}
	return d.senders[i], batch[:n]
}

func (d *station) Receive(queue int, deliver func([]link.Packet)) error {
	if queue < 0 || queue >= d.info.Queues {
		return fmt.Errorf("xdp: %s: no receive queue %d; there are %d", d.c.Interface, queue, d.info.Queues)
	}
	if queue == len(d.sockets) {
		return d.receiveCopies(deliver)
	}
	s := d.sockets[queue]
	if ok, err := s.begin(); !ok {
		return err
	}
	return s.receive(deliver)
}

// receiveCopies delivers what comes by the kernel's way.
func (d *station) receiveCopies(deliver func([]link.Packet)) error {
	err := d.slow.Receive(0, func(batch []link.Packet) {
		d.copied.Add(uint64(len(batch)))
		deliver(batch)
	})
	if err == nil {
		return nil
	}
	if errors.Is(err, unix.ENODEV) {
		for _, s := range d.sockets {
			s.remove()
		}
	}
	return fmt.Errorf("xdp: %w", err)
}

func (d *station) stats() Stats {
	slow := d.slow.Stats()
	st := Stats{Dropped: slow.Dropped, Unusable: slow.Unusable, Copied: d.copied.Load()}
	for _, s := range d.sockets {
		st.Dropped += s.drops()
		st.Redirected += s.redirected.Load()
	}
	return st
}

func (d *station) Close() error {
	if d.closed.Swap(true) {
		return nil
	}
	return d.end()
}

// end closes what has been opened: the program first, so that the kernel gives the
// sockets no more.
func (d *station) end() (err error) {
	if d.program != nil {
		d.program.close()
	}
	for _, s := range d.sockets {
		err = errors.Join(err, s.close())
	}
	if d.slow != nil {
		err = errors.Join(err, d.slow.Close())
	}
	return err
}
