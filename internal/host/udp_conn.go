package host

import (
	"net/netip"
	"sync"
	"time"

	"github.com/usernet-go/usernet/wire"
)

// A UDPConn is a UDP socket. Its methods may be called by many goroutines at once;
// those that wait do so on the socket's condition.
//
// What arrives is queued up to Config.UDPReceiveBuffer bytes, or as many as
// SetReadBuffer says, counted as the room that it takes; at the bound new datagrams are dropped and counted. An idle
// socket holds no buffers.
type UDPConn struct {
	h       *Host
	local   netip.AddrPort // the address is unspecified for a wildcard
	remote  netip.AddrPort // of a connected socket; a link-local peer's with its zone
	family  Family
	binding *portBinding

	mu            sync.Mutex
	readable      sync.Cond // on mu: something was queued, or a reader must look again
	first, last   *udpBuffer
	queued        int     // bytes of room in the queue
	held          holding // for what is queued beyond promisedUDP
	pending       error   // from ICMP, for the next verb
	readDeadline  deadline
	writeDeadline deadline
	closed        bool
	readBuffer    int // bytes of room that the queue may take
	multicast     multicastOptions
	memberships   []udpMembership

	// The way to cachedFor, as it was at generation.
	cached     route
	cachedFor  netip.Addr
	generation uint32
}

// Bounds of a datagram's text: what the length fields of IPv4 and IPv6 can tell.
const (
	maxUDPTextIPv4 = 65535 - wire.IPv4Len - wire.UDPLen
	maxUDPTextIPv6 = 65535 - wire.UDPLen
)

func newUDPConn(h *Host, local, remote netip.AddrPort, family Family) *UDPConn {
	c := &UDPConn{h: h, local: local, remote: remote, family: family, readBuffer: h.config.UDPReceiveBuffer}
	c.multicast.ttl = 1
	c.readable.L = &c.mu
	key := makeFlowKey(local, remote)
	c.readDeadline.init(h, &c.readable, &key, timerOfUDPRead)
	c.writeDeadline.init(h, &c.readable, &key, timerOfUDPWrite)
	return c
}

// ListenUDP makes a socket that takes datagrams for local. An unspecified address
// stands for all of the family's; with FamilyAny a wildcard takes IPv4 as well,
// whose addresses are shown as IPv4's. Port 0 chooses one.
func (h *Host) ListenUDP(local netip.AddrPort, family Family) (*UDPConn, error) {
	b, err := h.bind(wire.ProtocolUDP, local, family)
	if err != nil {
		return nil, err
	}
	return h.openUDP(b, netip.AddrPort{})
}

// openUDP makes the socket for a binding, which is unbound with an error.
func (h *Host) openUDP(b *portBinding, remote netip.AddrPort) (*UDPConn, error) {
	c := newUDPConn(h, netip.AddrPortFrom(b.addr, b.port), remote, b.family)
	c.binding = b
	if !h.memory.TakePromised(udpConnCost) {
		h.unbind(b)
		return nil, ErrNoBuffers
	}
	if err := h.udp.add(c); err != nil {
		h.unbind(b)
		h.memory.GivePromised(udpConnCost)
		return nil, err
	}
	return c, nil
}

// DialUDP makes a socket that is connected to remote: it takes datagrams from there
// only, and learns from ICMP that they are refused. local may be the zero AddrPort,
// or have only an address or only a port: the rest is chosen.
func (h *Host) DialUDP(local, remote netip.AddrPort) (*UDPConn, error) {
	remote = netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port())
	r, err := h.lookupRoute(local.Addr(), remote.Addr())
	if err != nil {
		return nil, err
	}
	if a := remote.Addr(); a.Is6() && a.IsLinkLocalUnicast() && a.Zone() == "" && r.ifc.link != nil {
		remote = netip.AddrPortFrom(a.WithZone(r.ifc.name), remote.Port())
	}
	family := FamilyIPv6
	if r.src.Is4() {
		family = FamilyIPv4
	}
	b := &portBinding{protocol: wire.ProtocolUDP, addr: r.src, port: local.Port(), family: family}
	if err := h.claim(b, remote); err != nil {
		return nil, err
	}
	return h.openUDP(b, remote)
}

// LocalAddr returns the socket's own address, unspecified for a wildcard.
func (c *UDPConn) LocalAddr() netip.AddrPort { return c.h.withZone(c.local, c.local.Addr()) }

// RemoteAddr returns the address that the socket is connected to, or the zero
// AddrPort.
func (c *UDPConn) RemoteAddr() netip.AddrPort { return c.h.withZone(c.remote, c.local.Addr()) }

// Family returns the addresses that the socket takes.
func (c *UDPConn) Family() Family { return c.family }

// SetDeadline sets the time at which reads and writes give up; zero means never.
func (c *UDPConn) SetDeadline(t time.Time) error { return c.setDeadlines(t, true, true) }

// SetReadDeadline sets it for reads alone.
func (c *UDPConn) SetReadDeadline(t time.Time) error { return c.setDeadlines(t, true, false) }

// SetWriteDeadline sets it for writes alone. They never wait: the deadline only
// makes them fail once it has passed.
func (c *UDPConn) SetWriteDeadline(t time.Time) error { return c.setDeadlines(t, false, true) }

func (c *UDPConn) setDeadlines(t time.Time, read, write bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	now := c.h.clock.Now()
	if read {
		c.readDeadline.setLocked(now, t)
	}
	if write {
		c.writeDeadline.setLocked(now, t)
	}
	return nil
}

// Bounds of SetReadBuffer in bytes.
const (
	minUDPReadBuffer = 4 << 10
	maxUDPReadBuffer = 64 << 20
)

// SetReadBuffer sets how many bytes may wait to be read, counted as the room that
// they take; what is beyond the bounds is brought to them.
func (c *UDPConn) SetReadBuffer(bytes int) error {
	if bytes < 0 {
		return ErrInvalid
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	c.readBuffer = min(max(bytes, minUDPReadBuffer), maxUDPReadBuffer)
	return nil
}

// Close frees the port and wakes all who wait. A second Close returns ErrClosed.
func (c *UDPConn) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return ErrClosed
	}
	c.closed = true
	c.readDeadline.stop()
	c.writeDeadline.stop()
	for c.first != nil {
		c.h.putUDPBuffer(c.takeLocked())
	}
	c.h.memory.GivePromised(udpConnCost)
	c.h.wakeAll(&c.readable)
	memberships := c.memberships
	c.memberships = nil
	c.mu.Unlock()

	c.leave(memberships)
	c.h.udp.remove(c)
	c.h.unbind(c.binding)
	return nil
}

// unreachable takes what ICMP, or a neighbour that does not answer, says of a
// datagram that c has sent. RFC 1122, 4.1.3.3: "UDP MUST pass to the application
// layer all ICMP error messages that it receives from the IP layer." As with the
// kernel only a connected socket hears of them, for others nobody could tell whose
// datagram it was.
func (c *UDPConn) unreachable(err error) {
	if !c.remote.IsValid() || err == nil {
		return
	}
	if err == errPortUnreachable {
		err = ErrRefused
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.pending = err
		c.h.wakeAll(&c.readable)
	}
}

// stateLocked returns why a verb cannot begin, or nil; a pending error is told
// once.
func (c *UDPConn) stateLocked(d *deadline) error {
	switch {
	case c.closed:
		return ErrClosed
	case d.passed:
		return ErrDeadline
	case c.pending != nil:
		err := c.pending
		c.pending = nil
		return err
	}
	return nil
}
