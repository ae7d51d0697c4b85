package host

import (
	"net/netip"
	"time"

	"github.com/usernet-go/usernet/wire"
)

// DialTCP sends a SYN to remote and returns at once: see Connected. local may be
// the zero AddrPort, or have only an address or only a port: the rest is chosen.
func (h *Host) DialTCP(local, remote netip.AddrPort, opt TCPOptions) (*TCPConn, error) {
	switch {
	case !remote.IsValid():
		return nil, ErrAddrNotAvail
	case h.isGroup(remote.Addr()):
		// RFC 9293, 3.9.1.1: "A TCP implementation MUST reject as an error a local OPEN
		// call for an invalid remote IP address (e.g., a broadcast or multicast
		// address)" (MUST-46). The kernel has the same error.
		return nil, ErrNoRoute
	case remote.Port() == 0:
		return nil, ErrRefused // as the kernel, whose peer answers with a reset
	}
	roomForDial(nil)
	generation := h.routeGeneration()
	r, err := h.lookupRoute(local.Addr(), remote.Addr())
	if err != nil {
		return nil, err
	}
	if h.reserveTCPConn() != ReasonNone {
		return nil, ErrNoBuffers
	}
	c, err := h.dialFrom(netip.AddrPortFrom(r.src, local.Port()), remote, r, generation, &opt)
	if err != nil {
		h.releaseTCPConn()
		return nil, err
	}
	return c, nil
}

// dialFrom chooses the port unless local has one, and sends the SYN.
func (h *Host) dialFrom(local, remote netip.AddrPort, r route, generation uint32, opt *TCPOptions) (c *TCPConn, err error) {
	now := h.clock.Now()
	try := func(port uint16) bool {
		var counted bool
		if counted, err = h.reserveDial(port); err != nil {
			return err != ErrAddrInUse
		}
		c = h.tryDial(now, netip.AddrPortFrom(local.Addr(), port), remote, r, generation, opt, counted)
		if c == nil && counted {
			h.shared.release(wire.ProtocolTCP, port)
		}
		return c != nil || h.flows.isClosed()
	}
	if port := local.Port(); port != 0 {
		if h.ports.bound(wire.ProtocolTCP, local) || !try(port) {
			return nil, ErrAddrInUse
		}
	} else if !h.ports.ephemeral(wire.ProtocolTCP, local.Addr(), remote, func(port uint16) bool {
		// A port that is bound is left alone, as by the kernel; and a connection must
		// not be its own peer, which TCP would allow.
		from := netip.AddrPortFrom(local.Addr(), port)
		return from != remote && !h.ports.bound(wire.ProtocolTCP, from) && try(port)
	}) {
		return nil, ErrNoPorts
	}
	if err != nil {
		return nil, err
	}
	if c == nil {
		return nil, ErrClosed
	}
	c.m.OpenActive(now)
	c.settleLocked(now)
	c.mu.Unlock()
	return c, nil
}

// tryDial puts a connection of the four-tuple into the flow table, locked; nil if
// the tuple is in use. counted says that the port's use is.
func (h *Host) tryDial(now time.Time, local, remote netip.AddrPort, r route, generation uint32, opt *TCPOptions, counted bool) *TCPConn {
	key := makeFlowKey(local, remote).on(r.ifc)
	if h.flows.lookup(&key) != nil {
		return nil
	}
	iss := h.isn.ISS(now, local, remote, key.zone)
	if !h.timeWaitReuse(now, &key, &iss) {
		return nil
	}
	c := newTCPConn(h, key, r, generation, iss, opt, now)
	c.connected = make(chan struct{})
	c.mu.Lock()
	if !h.flows.insert(c) {
		c.mu.Unlock()
		return nil
	}
	c.portCounted = counted
	c.countPortLocked()
	return c
}

// Connected returns a channel that is closed when a dialled connection is open or
// has failed: then ConnectError says which.
func (c *TCPConn) Connected() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.connected
}

// ConnectError returns nil for a connection that was opened, and otherwise why the
// handshake failed.
func (c *TCPConn) ConnectError() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.failed {
		return nil
	}
	return c.m.Err()
}
