package host

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/usernet-go/usernet/internal/text"
	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// sharedPorts keeps the ports that are in use reserved at the links that share
// them with a kernel. It counts the uses of each: bindings, connections that are
// in the flow table, records in TIME-WAIT. Before the first use the port is
// reserved, after the last it is released.
//
// Until a link that shares ports is attached nothing is counted, and asking for
// active is all that a use costs. Each use remembers whether it was counted,
// under the lock of the table that it is in: it is put into the table first and
// asks for active then, so that countUses, which sets active first and goes through
// the tables then, misses none.
//
// No lock is held across calls of a link. Releases, which come from under the
// locks of connections, are made by a goroutine that ends when there are none.
type sharedPorts struct {
	active atomic.Bool
	log    Logger

	mu       sync.Mutex // the last in the lock order
	changed  sync.Cond  // on mu: whoever waits must look again
	links    []link.PortSharer
	ports    map[sharedPort]*portUses
	todo     []sharedPort // that are to be reserved or released, or not any more
	settling bool         // settle runs
	calling  int          // ports at whose links a call is under way
	changing bool         // links is about to change; no call but the changer's begins
	adding   bool         // a link is about to get the ports that are held
	closed   bool
}

type sharedPort struct {
	protocol wire.Protocol
	port     uint16
}

func (k sharedPort) String() string {
	if k.protocol == wire.ProtocolTCP {
		return text.Sprintf("TCP port %d", k.port)
	}
	return text.Sprintf("UDP port %d", k.port)
}

type portUses struct {
	n    int
	held bool // reserved at all links; while there are none this is so too
	busy bool // a call is under way
}

func (s *sharedPorts) init(log Logger) {
	s.log = log
	s.changed.L = &s.mu
	s.ports = make(map[sharedPort]*portUses)
}

// reserve counts one more use of a port, which is reserved when it returns. The
// error is ErrAddrInUse when the kernel has the port for somebody else, ErrClosed,
// or says why a link cannot reserve it. No lock may be held.
func (s *sharedPorts) reserve(p wire.Protocol, port uint16) error {
	k := sharedPort{p, port}
	s.mu.Lock()
	defer s.mu.Unlock()
	var u *portUses
	for {
		if s.closed {
			return ErrClosed
		}
		if u = s.ports[k]; u != nil && u.held && !u.busy {
			u.n++
			return nil
		}
		if !s.changing && (u == nil || !u.busy) {
			break
		}
		s.changed.Wait()
	}
	if u == nil {
		u = new(portUses)
		s.ports[k] = u
	}
	err := s.reserveLocked(k, u)
	switch {
	case err == nil:
		u.n++
	case u.n == 0:
		delete(s.ports, k)
	default:
		s.laterLocked(k) // joined meanwhile
	}
	return err
}

// join counts one more use of a port which has others, so that it is reserved
// already. Where they have just ended it is reserved again in the background.
func (s *sharedPorts) join(p wire.Protocol, port uint16) {
	k := sharedPort{p, port}
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.ports[k]
	if u == nil {
		u = &portUses{held: len(s.links) == 0 && !s.adding}
		s.ports[k] = u
	}
	if u.n++; !u.held {
		s.laterLocked(k)
	}
}

// release takes back one use. A port without any is released in the background.
func (s *sharedPorts) release(p wire.Protocol, port uint16) {
	k := sharedPort{p, port}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.takeBackLocked(k) {
		s.laterLocked(k)
	}
}

// takeBackLocked takes back one use, and says whether it was the last.
func (s *sharedPorts) takeBackLocked(k sharedPort) bool {
	u := s.ports[k]
	if u == nil || u.n == 0 {
		panic("BUG: a port is released that is not in use")
	}
	u.n--
	return u.n == 0
}

// releaseNow is release for who holds no lock: it returns when the port, if that
// was the last use, is the kernel's again.
func (s *sharedPorts) releaseNow(p wire.Protocol, port uint16) {
	k := sharedPort{p, port}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.takeBackLocked(k)
	for u := s.ports[k]; u != nil && u.n == 0 && !s.closed; u = s.ports[k] {
		if !u.busy && !s.changing {
			s.releaseLocked(k, u)
			return
		}
		s.changed.Wait()
	}
}

// laterLocked leaves a port to settle.
func (s *sharedPorts) laterLocked(k sharedPort) {
	if s.closed {
		return
	}
	s.todo = append(s.todo, k)
	if !s.settling {
		s.settling = true
		go s.settle()
	}
}

// settle releases ports that are not used any more, and reserves those that came
// into use without.
func (s *sharedPorts) settle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.todo) > 0 && !s.closed {
		if s.changing {
			s.changed.Wait()
			continue
		}
		k := s.todo[0]
		s.todo = s.todo[1:]
		u := s.ports[k]
		switch {
		case u == nil || u.busy: // who is busy with it sees what has become of it
		case u.n == 0:
			s.releaseLocked(k, u)
		case !u.held:
			if err := s.reserveLocked(k, u); err != nil {
				s.log.Error("a port in use is not reserved", "port", k, "error", err)
			}
		}
	}
	s.todo, s.settling = nil, false
	s.changed.Broadcast()
}

// reserveLocked reserves a port at all links. s.mu is released meanwhile.
func (s *sharedPorts) reserveLocked(k sharedPort, u *portUses) (err error) {
	links := s.links
	s.callLocked(u, func() { err = reserveAt(links, k) })
	u.held = err == nil
	return err
}

// releaseLocked releases a port at all links where it is reserved.
func (s *sharedPorts) releaseLocked(k sharedPort, u *portUses) {
	if u.held {
		links := s.links
		s.callLocked(u, func() {
			for _, l := range slices.Backward(links) {
				l.ReleasePort(k.protocol, k.port)
			}
		})
		u.held = false
	}
	if u.n == 0 {
		delete(s.ports, k)
	} else {
		s.laterLocked(k) // used again meanwhile
	}
	s.changed.Broadcast()
}

// callLocked calls f, which calls the links for u's port, with s.mu released.
func (s *sharedPorts) callLocked(u *portUses, f func()) {
	u.busy = true
	s.calling++
	s.mu.Unlock()
	f()
	s.mu.Lock()
	u.busy = false
	s.calling--
	s.changed.Broadcast()
}

// reserveAt reserves a port at all links or at none.
func reserveAt(links []link.PortSharer, k sharedPort) error {
	for i, l := range links {
		err := l.ReservePort(k.protocol, k.port)
		if err == nil {
			continue
		}
		for _, l := range slices.Backward(links[:i]) {
			l.ReleasePort(k.protocol, k.port)
		}
		if errors.Is(err, syscall.EADDRINUSE) {
			return ErrAddrInUse
		}
		return err
	}
	return nil
}
