package packet

import (
	"errors"
	"sync"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/usernet-go/usernet/link"
)

// taps is a Tap: a socket for IPv4 and one for IPv6. Sockets of one protocol
// stand where the kernel's IP stands; one of all protocols would show what goes
// through a VLAN or a bond twice, and has to be told to leave out what is sent.
type taps struct {
	sockets [2]*socket
	watch   *watch // nil when all interfaces are tapped
}

func openTap(c TapConfig) (_ tap, err error) {
	filter, err := tapFilter(c.Filter)
	if err != nil {
		return nil, err
	}
	t := &taps{}
	var w *watch
	if c.Interface != "" {
		if w, err = openWatch(); err != nil {
			return nil, err
		}
	}
	for i, protocol := range []uint16{unix.ETH_P_IP, unix.ETH_P_IPV6} {
		if t.sockets[i], err = openSocket(c.Interface); err == nil {
			err = t.sockets[i].startTap(filter, protocol)
		}
		if err != nil {
			t.close()
			if w != nil {
				w.file.Close()
			}
			return nil, err
		}
	}
	if t.watch = w; w != nil {
		w.over(t.sockets[:]...)
	}
	return t, nil
}

func (s *socket) startTap(filter []bpf.RawInstruction, protocol uint16) error {
	index := 0
	if s.ifname != "" {
		var err error
		if index, err = s.index(); err != nil {
			return err
		}
	}
	if err := s.set(unix.PACKET_AUXDATA, "PACKET_AUXDATA"); err != nil {
		return err
	}
	if err := s.attach(filter); err != nil {
		return err
	}
	return s.bind(index, protocol)
}

func (t *taps) setFilter(f []bpf.RawInstruction) error {
	program, err := tapFilter(f)
	if err != nil {
		return err
	}
	for _, s := range t.sockets {
		if err := s.attach(program); err != nil {
			return err
		}
	}
	return nil
}

func (t *taps) receive(deliver func([]link.Packet)) error {
	// Both begin before either may stop the other.
	for i, s := range t.sockets {
		if ok, err := s.begin(); !ok {
			for _, begun := range t.sockets[:i] {
				begun.end(nil)
			}
			return err
		}
	}
	var running sync.WaitGroup
	var errs [2]error
	for i, s := range t.sockets {
		running.Go(func() {
			errs[i] = s.receive(true, deliver)
			if errs[i] != nil {
				t.sockets[1-i].stop()
			}
		})
	}
	running.Wait()
	if errs[0] != nil {
		return errs[0]
	}
	return errs[1]
}

func (t *taps) stats() (sum Stats) {
	for _, s := range t.sockets {
		one := s.stats()
		sum.Dropped += one.Dropped
		sum.Unusable += one.Unusable
	}
	return sum
}

func (t *taps) close() (err error) {
	for _, s := range t.sockets {
		if s != nil {
			err = errors.Join(err, s.close())
		}
	}
	if t.watch != nil {
		t.watch.close()
	}
	return err
}
