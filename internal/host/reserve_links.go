package host

import (
	"net/netip"
	"slices"

	"github.com/usernet-go/usernet/internal/text"
	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// This file is how links that share ports come and go.

// sharePorts makes l, if it shares ports, one at which they are reserved. With an
// error none is.
func (h *Host) sharePorts(l link.Link) error {
	sharer, ok := link.SharesPorts(l)
	if !ok {
		return nil
	}
	s := &h.shared
	if !s.beginChange() {
		return ErrClosed
	}
	if !s.active.Load() {
		h.countUses()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.endChangeLocked()
	if slices.Contains(s.links, sharer) {
		// To take it back would release the ports of the interface that it has already.
		return text.Errorf("%w: its link is another interface's", ErrBadInterface)
	}
	s.adding = true
	var done []sharedPort
	for _, k := range s.heldLocked() {
		s.mu.Unlock()
		err := reserveAt([]link.PortSharer{sharer}, k)
		s.mu.Lock()
		if err != nil {
			s.releaseAllLocked(sharer, done)
			return text.Errorf("%v, which is in use here: %w", k, err)
		}
		done = append(done, k)
	}
	s.links = append(slices.Clone(s.links), sharer)
	return nil
}

// unsharePorts takes back sharePorts, before l is closed or given back.
func (h *Host) unsharePorts(l link.Link) {
	sharer, ok := link.SharesPorts(l)
	if !ok || !h.shared.beginChange() {
		return
	}
	s := &h.shared
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.endChangeLocked()
	s.links = slices.DeleteFunc(slices.Clone(s.links), func(other link.PortSharer) bool { return other == sharer })
	s.releaseAllLocked(sharer, s.heldLocked())
}

// beginChange waits until no call of a link is under way, and lets none begin
// until endChangeLocked; false when the host is closed.
func (s *sharedPorts) beginChange() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.changing && !s.closed {
		s.changed.Wait()
	}
	if s.closed {
		return false
	}
	s.changing = true
	for s.calling > 0 {
		s.changed.Wait()
	}
	return true
}

func (s *sharedPorts) endChangeLocked() {
	s.changing, s.adding = false, false
	s.changed.Broadcast()
}

// heldLocked returns the ports that are reserved at all links. While changing is
// set none comes or goes.
func (s *sharedPorts) heldLocked() (held []sharedPort) {
	for k, u := range s.ports {
		if u.held {
			held = append(held, k)
		}
	}
	return held
}

// releaseAllLocked releases ports at one link. s.mu is released meanwhile.
func (s *sharedPorts) releaseAllLocked(l link.PortSharer, ports []sharedPort) {
	s.mu.Unlock()
	for _, k := range ports {
		l.ReleasePort(k.protocol, k.port)
	}
	s.mu.Lock()
}

// countUses begins to count, with the uses that there are.
func (h *Host) countUses() {
	s := &h.shared
	s.mu.Lock()
	s.active.Store(true)
	s.mu.Unlock()
	h.ports.mu.Lock()
	for _, ports := range []map[uint16][]*portBinding{h.ports.tcp, h.ports.udp} {
		for port, bindings := range ports {
			for _, b := range bindings {
				if !b.counted {
					b.counted = true
					s.join(b.protocol, port)
				}
			}
		}
	}
	h.ports.mu.Unlock()
	for _, c := range h.flows.all() {
		c.mu.Lock()
		if !c.detached {
			c.countPortLocked()
		}
		c.mu.Unlock()
	}
	h.timeWait.countAll()
}

// close waits until no call of a link is under way; none begins any more. The
// links release their ports when they are closed.
func (s *sharedPorts) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.changed.Broadcast()
	for s.calling > 0 || s.settling || s.changing {
		s.changed.Wait()
	}
}

// claim binds b and reserves its port, unless it is 0: then both are chosen, for
// packets to remote.
func (h *Host) claim(b *portBinding, remote netip.AddrPort) error {
	if b.port != 0 {
		if !h.ports.add(b) {
			return ErrAddrInUse
		}
		return h.reserveBinding(b)
	}
	var err error
	if !h.ports.ephemeral(b.protocol, b.addr, remote, func(port uint16) bool {
		b.port = port
		if !h.ports.add(b) {
			return false
		}
		err = h.reserveBinding(b)
		return err != ErrAddrInUse
	}) {
		return ErrNoPorts
	}
	return err
}

// reserveBinding reserves the port of b, which is in the table; with an error it
// is not any more.
func (h *Host) reserveBinding(b *portBinding) error {
	if !h.shared.active.Load() {
		return nil
	}
	h.ports.mu.Lock()
	counted := b.counted
	b.counted = true
	h.ports.mu.Unlock()
	if counted {
		return nil // by countUses
	}
	err := h.shared.reserve(b.protocol, b.port)
	if err != nil {
		h.ports.release(b)
		b.counted = false // nobody else has it any more
	}
	return err
}

// unbind ends a binding. No lock may be held.
func (h *Host) unbind(b *portBinding) {
	h.ports.release(b)
	h.ports.mu.Lock()
	counted := b.counted
	h.ports.mu.Unlock()
	if counted {
		h.shared.releaseNow(b.protocol, b.port)
	}
}

// reserveDial reserves the port of a connection that is to be dialled; counted
// says whether there is something to take back.
func (h *Host) reserveDial(port uint16) (counted bool, err error) {
	if !h.shared.active.Load() {
		return false, nil
	}
	err = h.shared.reserve(wire.ProtocolTCP, port)
	return err == nil, err
}

// countPortLocked counts the port of a connection that is in the flow table. c.mu
// is held.
func (c *TCPConn) countPortLocked() {
	if !c.portCounted && c.h.shared.active.Load() {
		c.portCounted = true
		c.h.shared.join(wire.ProtocolTCP, c.key.localPort)
	}
}

// releasePortLocked takes that back. c.mu is held.
func (c *TCPConn) releasePortLocked() {
	if c.portCounted {
		c.portCounted = false
		c.h.shared.release(wire.ProtocolTCP, c.key.localPort)
	}
}
