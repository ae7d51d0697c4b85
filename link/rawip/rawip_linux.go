package rawip

import (
	"errors"
	"fmt"
	"hash/maphash"
	"net/netip"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/packet"
	"github.com/usernet-go/usernet/wire"
)

const (
	minMTU = 68    // RFC 791, 3.2
	maxMTU = 65535 // of IPv4
)

// A sharer is a Link on Linux.
type sharer struct {
	ifname    string
	info      link.Info
	scope     uint32 // index of the named interface, for link-local addresses
	namespace *namespace
	tap       *packet.Tap
	firewall  *firewall
	v4, v6    *sendSocket // v6 is nil where the kernel has no IPv6
	changes   *netlink.Conn
	watching  sync.WaitGroup
	classify  classifier
	closed    atomic.Bool

	mu       sync.Mutex // guards what follows
	host     *hostState
	reserved map[portKey]int // its descriptor
	keys     []portKey       // of reserved, sorted
	passed   []portRange     // what the tap's filter passes
	unpassed int             // ports that were released since it was made
}

func open(c Config) (driver, error) {
	s := &sharer{ifname: c.Interface, reserved: make(map[portKey]int)}
	s.classify.seed = maphash.MakeSeed()
	if err := s.open(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *sharer) open() (err error) {
	s.namespace = currentNamespace()
	if s.changes, err = netlink.Dial(unix.NETLINK_ROUTE, &netlink.Config{Groups: unix.RTMGRP_LINK | unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV6_IFADDR}); err != nil {
		return fmt.Errorf("rawip: changes of addresses: %w", err)
	}
	if s.host, err = readHost(s.ifname); err != nil {
		return err
	}
	mtu := s.host.mtu
	if mtu == 0 {
		return fmt.Errorf("rawip: no interface but loopback is up: %w", os.NewSyscallError("socket", unix.ENETDOWN))
	}
	s.scope = s.host.index
	s.info = link.Info{Medium: link.IP, MTU: min(max(mtu, minMTU), maxMTU), MaxPieces: maxPieces, Queues: 1}
	if s.v4, err = openSend(unix.AF_INET, s.ifname); err != nil {
		return err
	}
	if s.v6, err = openSend(unix.AF_INET6, s.ifname); err != nil && !errors.Is(err, unix.EAFNOSUPPORT) {
		return err
	}
	f := filter{loopback: s.host.loopback, addrs: s.host.own}
	program, err := f.assemble()
	if err != nil {
		return err
	}
	if s.tap, err = packet.OpenTap(packet.TapConfig{Interface: s.ifname, Filter: program}); err != nil {
		return err
	}
	if s.firewall, err = openFirewall(s.host.loopback); err != nil {
		return err
	}
	s.watching.Go(s.watch)
	return nil
}

const (
	// updateRetry is when to look at the host again where that failed, for want of a
	// descriptor perhaps.
	updateRetry = time.Second
	// updateDelay is how long changes are gathered before the host is looked at: a
	// container that starts makes many, and on a host with many interfaces a look is
	// long.
	updateDelay = 10 * time.Millisecond
)

// watch looks at the host's addresses again whenever they have changed. What has
// changed is not read, so that messages for which there was no room (ENOBUFS) do no
// harm.
func (s *sharer) watch() {
	for {
		_, err := s.changes.Receive()
		if err == nil || errors.Is(err, unix.ENOBUFS) {
			if s.changes.SetReadDeadline(time.Now().Add(updateDelay)) != nil {
				return
			}
			for err == nil || errors.Is(err, unix.ENOBUFS) {
				_, err = s.changes.Receive()
			}
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return // closed
		}
		var again time.Time
		if s.update() != nil {
			again = time.Now().Add(updateRetry)
		}
		if s.changes.SetReadDeadline(again) != nil {
			return
		}
	}
}

// update makes the tap's filter fit the host's addresses.
func (s *sharer) update() error {
	var host *hostState
	if err := s.namespace.do(func() (err error) { host, err = readHost(s.ifname); return err }); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.host
	s.host = host
	if slices.Equal(host.own, old.own) {
		return nil
	}
	err := s.refilterLocked()
	if err != nil {
		s.host = old // so that the next time the difference is seen
	}
	return err
}

func (s *sharer) Info() link.Info { return s.info }

func (s *sharer) addrs() []netip.Prefix {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.host.addrs)
}

func (s *sharer) stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Stats{Dropped: s.tap.Drops(), Passed: s.classify.passed.Load(), Ports: len(s.reserved)}
}

func (s *sharer) Send(batch []link.Packet) (int, error) {
	if s.closed.Load() {
		return 0, os.ErrClosed
	}
	return sendBatch(s.v4, s.v6, s.scope, batch)
}

func (s *sharer) Receive(queue int, deliver func([]link.Packet)) error {
	if queue != 0 {
		return fmt.Errorf("rawip: no receive queue %d; there is one, 0", queue)
	}
	return s.tap.Receive(func(batch []link.Packet) { s.classify.deliver(batch, deliver) })
}

// Close takes the ports from the stack in the order of ReleasePort.
func (s *sharer) Close() error {
	s.mu.Lock()
	if s.closed.Swap(true) {
		s.mu.Unlock()
		return nil
	}
	s.mu.Unlock()
	var errs []error
	if s.tap != nil {
		errs = append(errs, s.tap.Close())
	}
	if s.firewall != nil {
		errs = append(errs, s.firewall.close())
	}
	s.mu.Lock()
	for _, fd := range s.reserved {
		unix.Close(fd)
	}
	clear(s.reserved)
	s.mu.Unlock()
	for _, socket := range []*sendSocket{s.v4, s.v6} {
		if socket != nil {
			errs = append(errs, socket.file.Close())
		}
	}
	if s.changes != nil {
		errs = append(errs, s.changes.Close())
	}
	s.watching.Wait()
	if s.namespace != nil {
		s.namespace.close()
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("rawip: closing: %w", err)
	}
	return nil
}

// ReservePort binds first, so that what comes for a port that another program has
// is never hidden; then the tap takes the port, then the firewall hides it. In the
// meantime the port is, to the world, one on which nobody listens: the stack has
// not used it yet.
func (s *sharer) ReservePort(p wire.Protocol, port uint16) error {
	k, ok := keyOf(p, port)
	if !ok {
		return fmt.Errorf("rawip: protocol %d has no ports", p)
	}
	if taken, err := s.bind(k); err != nil || taken {
		return err
	}
	s.classify.ports.add(k)
	s.mu.Lock()
	err := s.passLocked(k)
	s.mu.Unlock()
	if err == nil {
		err = s.firewall.hide(k)
	}
	if err != nil {
		s.classify.ports.remove(k)
		s.unbind(k)
		if errors.Is(err, os.ErrClosed) {
			return os.ErrClosed
		}
		return fmt.Errorf("rawip: hiding %v from the kernel: %w", k, err)
	}
	return nil
}

// ReleasePort goes the other way.
func (s *sharer) ReleasePort(p wire.Protocol, port uint16) {
	k, ok := keyOf(p, port)
	if !ok || s.firewall.show(k) != nil {
		// The kernel, short of memory, goes on to hide the port: nobody else is to get
		// it until Close, but the stack may again.
		return
	}
	s.classify.ports.remove(k)
	s.unbind(k)
}

// bind makes k's socket; taken says that there was one that ReleasePort could not
// close.
func (s *sharer) bind(k portKey) (taken bool, err error) {
	s.mu.Lock()
	_, taken = s.reserved[k]
	n := len(s.reserved)
	s.mu.Unlock()
	switch {
	case s.closed.Load():
		return false, os.ErrClosed
	case taken:
		return true, nil
	}
	fd := -1
	if err := s.namespace.do(func() (err error) { fd, err = bindPort(k, n); return err }); err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed.Load() {
		unix.Close(fd)
		return false, os.ErrClosed
	}
	s.reserved[k] = fd
	i, _ := slices.BinarySearch(s.keys, k)
	s.keys = slices.Insert(s.keys, i, k)
	return false, nil
}

func (s *sharer) unbind(k portKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fd, ok := s.reserved[k]
	if !ok {
		return // closed
	}
	if i, found := slices.BinarySearch(s.keys, k); found {
		s.keys = slices.Delete(s.keys, i, i+1)
	}
	// The filter passes the port until many have gone: what it passes needlessly is
	// sorted out later, and a new filter costs more than a few such packets.
	if s.unpassed++; s.unpassed > 16+len(s.keys) {
		s.refilterLocked()
	}
	delete(s.reserved, k)
	unix.Close(fd)
}

// passLocked lets the tap pass k.
func (s *sharer) passLocked(k portKey) error {
	if covers(s.passed, k) {
		return nil
	}
	return s.refilterLocked()
}

// refilterLocked makes a new filter for the tap.
func (s *sharer) refilterLocked() error {
	if s.closed.Load() {
		return os.ErrClosed
	}
	f := filter{loopback: s.host.loopback, addrs: s.host.own, ports: rangesOf(s.keys, maxRanges)}
	program, err := f.assemble()
	if err != nil {
		return err
	}
	if err := s.tap.SetFilter(program); err != nil {
		return err
	}
	s.passed, s.unpassed = f.ports, 0
	return nil
}
