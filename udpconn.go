package usernet

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"github.com/usernet-go/usernet/internal/host"
)

// A UDPConn is a UDP socket: a net.PacketConn, and a net.Conn when it was dialled.
// Its methods may be called concurrently.
type UDPConn struct {
	c       *host.UDPConn
	network network
}

// Format is TCPConn.Format.
func (c *UDPConn) Format(f fmt.State, verb rune) {
	if remote := c.RemoteAddr(); remote != nil {
		fmt.Fprintf(f, "UDPConn(%v->%v)", c.LocalAddr(), remote)
		return
	}
	fmt.Fprintf(f, "UDPConn(%v)", c.LocalAddr())
}

// Read reads a datagram; what does not fit into b of it is lost. When a datagram
// of a dialled socket has met a closed port, the error is ECONNREFUSED.
func (c *UDPConn) Read(b []byte) (int, error) {
	n, err := c.c.Read(b)
	if err != nil {
		err = c.opError("read", "read", c.RemoteAddr(), err)
	}
	return n, err
}

// ReadFrom reads a datagram as Read does, and returns its sender, a *net.UDPAddr.
func (c *UDPConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := c.ReadFromUDP(b)
	if from == nil {
		return n, nil, err // not a nil *net.UDPAddr in an interface
	}
	return n, from, err
}

// ReadFromUDP is ReadFrom with the concrete type.
func (c *UDPConn) ReadFromUDP(b []byte) (int, *net.UDPAddr, error) {
	n, from, err := c.ReadFromUDPAddrPort(b)
	if err != nil {
		return n, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

// ReadFromUDPAddrPort is ReadFrom without an allocation. The sender's address is
// an IPv4 one when the datagram came by IPv4, never an IPv4-mapped one.
func (c *UDPConn) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	n, from, err := c.c.ReadFrom(b)
	if err != nil {
		return n, netip.AddrPort{}, c.opError("read", "recvfrom", c.RemoteAddr(), err)
	}
	return n, from, nil
}

// Write sends a datagram to the peer of a dialled socket. A nil error means that
// it was sent, or queued until the neighbour's address is known.
func (c *UDPConn) Write(b []byte) (int, error) {
	if !c.connected() {
		return 0, &net.OpError{Op: "write", Net: c.network.String(), Source: c.LocalAddr(),
			Err: os.NewSyscallError("write", syscall.EDESTADDRREQ)}
	}
	n, err := c.c.Write(b)
	if err != nil {
		err = c.opError("write", "write", c.RemoteAddr(), err)
	}
	return n, err
}

// WriteTo sends a datagram to a *net.UDPAddr. On a dialled socket the error is
// net.ErrWriteToConnected.
func (c *UDPConn) WriteTo(b []byte, to net.Addr) (int, error) {
	addr, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, &net.OpError{Op: "write", Net: c.network.String(), Source: c.LocalAddr(), Addr: to, Err: syscall.EINVAL}
	}
	return c.WriteToUDP(b, addr)
}

// WriteToUDP is WriteTo with the concrete type.
func (c *UDPConn) WriteToUDP(b []byte, to *net.UDPAddr) (int, error) {
	dst, err := endpoint((*net.TCPAddr)(to))
	if err == nil {
		_, err = c.writeTo(b, dst)
	}
	if err != nil {
		return 0, c.opError("write", "sendto", orNil(to), err)
	}
	return len(b), nil
}

// WriteToUDPAddrPort is WriteTo without an allocation.
func (c *UDPConn) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	if _, err := c.writeTo(b, to); err != nil {
		return 0, c.opError("write", "sendto", addrPortUDPAddr{to}, err)
	}
	return len(b), nil
}

func (c *UDPConn) writeTo(b []byte, to netip.AddrPort) (int, error) {
	switch {
	case c.connected():
		return 0, net.ErrWriteToConnected
	case !to.IsValid():
		return 0, errMissingAddress
	}
	to = unmap(to)
	switch family := c.c.Family(); {
	case family == host.FamilyIPv4 && to.Addr().Is6():
		return 0, &net.AddrError{Err: "non-IPv4 address", Addr: to.Addr().String()}
	case family == host.FamilyIPv6 && to.Addr().Is4():
		return 0, host.ErrNoRoute
	}
	return c.c.WriteTo(b, to)
}

// Close closes the socket; blocked calls return net.ErrClosed.
func (c *UDPConn) Close() error {
	if err := c.c.Close(); err != nil {
		return c.opError("close", "close", c.RemoteAddr(), err)
	}
	return nil
}

// LocalAddr returns the address that the socket is bound to, a *net.UDPAddr.
func (c *UDPConn) LocalAddr() net.Addr { return transportUDP.addr(c.c.LocalAddr()) }

// RemoteAddr returns the peer's address of a dialled socket, a *net.UDPAddr; nil
// for another.
func (c *UDPConn) RemoteAddr() net.Addr {
	if !c.connected() {
		return nil
	}
	return transportUDP.addr(c.c.RemoteAddr())
}

func (c *UDPConn) connected() bool { return c.c.RemoteAddr().IsValid() }

// SetDeadline sets the time at which calls give up with os.ErrDeadlineExceeded;
// zero means never.
func (c *UDPConn) SetDeadline(t time.Time) error { return c.localError(c.c.SetDeadline(t)) }

// SetReadDeadline is SetDeadline for reading alone.
func (c *UDPConn) SetReadDeadline(t time.Time) error { return c.localError(c.c.SetReadDeadline(t)) }

// SetWriteDeadline is SetDeadline for writing alone.
func (c *UDPConn) SetWriteDeadline(t time.Time) error { return c.localError(c.c.SetWriteDeadline(t)) }

// opError wraps an error of the engine as net does for a socket; remote may be nil.
func (c *UDPConn) opError(op, call string, remote net.Addr, err error) error {
	return &net.OpError{Op: op, Net: c.network.String(), Source: c.LocalAddr(), Addr: remote, Err: cause(call, err)}
}

// localError is opError for what net says of the local end alone.
func (c *UDPConn) localError(err error) error {
	if err == nil {
		return nil
	}
	return &net.OpError{Op: "set", Net: c.network.String(), Addr: c.LocalAddr(), Err: cause("setsockopt", err)}
}

// addrPortUDPAddr is a netip.AddrPort in an error.
type addrPortUDPAddr struct{ netip.AddrPort }

func (addrPortUDPAddr) Network() string { return "udp" }
