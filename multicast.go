package usernet

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"

	"github.com/usernet-go/usernet/internal/host"
)

// ListenMulticastUDP listens for datagrams to the group gaddr, as
// net.ListenMulticastUDP does; the network is "udp", "udp4" or "udp6".
//
// ifname names the interface on which the group is joined, and by which datagrams
// to groups leave; "" is the one that leads to the group. As in net, the socket is
// bound to its port on all addresses, several such sockets may share a port, up to
// 256, of which each gets its copy, and the stack's own members of a group get none
// of what the socket sends. Port 0 means one that the stack chooses.
//
// What a socket gets is what it gets on Linux: each datagram to its port that is for
// a broadcast address, or for a group that anybody in the stack has joined on the
// interface by which it comes.
func (s *Stack) ListenMulticastUDP(network, ifname string, gaddr *net.UDPAddr) (*UDPConn, error) {
	c, err := s.listenMulticastUDP(network, ifname, gaddr)
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: network, Addr: orNil(gaddr), Err: err}
	}
	return c, nil
}

func (s *Stack) listenMulticastUDP(name, ifname string, gaddr *net.UDPAddr) (*UDPConn, error) {
	n, err := parseNetwork(name, transportUDP)
	if err != nil {
		return nil, err
	}
	if gaddr == nil || gaddr.IP == nil {
		return nil, errMissingAddress
	}
	group, err := endpoint((*net.TCPAddr)(gaddr))
	if err != nil {
		return nil, err
	}
	_, family, err := bindAddr(group, n.family)
	if err != nil {
		return nil, err
	}
	h, err := s.host.ListenMulticastUDP(group.Port(), family)
	if err != nil {
		return nil, bindCause(err)
	}
	c := &UDPConn{c: h, network: n}
	if err = h.SetMulticastLoopback(false); err == nil && ifname != "" {
		err = h.SetMulticastInterface(ifname)
	}
	if err == nil {
		err = h.JoinGroup(ifname, group.Addr())
	}
	if err != nil {
		c.Close()
		return nil, optionCause(err)
	}
	return c, nil
}

// JoinGroup makes the stack listen to a multicast group on the interface of that
// name; "" is the one that leads to the group. A socket that has no port, or one of
// its own, is no obstacle: see ListenMulticastUDP for what it gets. A group that the
// socket has joined there already is EADDRINUSE, one too many, of 256 for each
// interface and family, ENOBUFS.
func (c *UDPConn) JoinGroup(ifname string, group netip.Addr) error {
	return c.optionError(c.c.JoinGroup(ifname, group))
}

// LeaveGroup takes a JoinGroup back, with "" the first one of the group; EADDRNOTAVAIL
// means that there was none. Close leaves all groups.
func (c *UDPConn) LeaveGroup(ifname string, group netip.Addr) error {
	return c.optionError(c.c.LeaveGroup(ifname, group))
}

// SetMulticastInterface says by which interface datagrams to groups leave; ""
// leaves that to the routes, as it is at first.
func (c *UDPConn) SetMulticastInterface(ifname string) error {
	return c.optionError(c.c.SetMulticastInterface(ifname))
}

// SetMulticastTTL sets the time to live, of IPv6 the hop limit, of datagrams to
// groups: 0 to 255. It is 1 at first: they stay on the link.
func (c *UDPConn) SetMulticastTTL(ttl int) error {
	return c.optionError(c.c.SetMulticastTTL(ttl))
}

// SetMulticastLoopback says whether the stack's own members of a group, the socket
// itself among them, get copies of what it sends to the group. They do at first,
// unless the socket is ListenMulticastUDP's.
func (c *UDPConn) SetMulticastLoopback(on bool) error {
	return c.optionError(c.c.SetMulticastLoopback(on))
}

// SetReadBuffer sets how many bytes may wait to be read, Config.UDPReceiveBuffer at
// first, each datagram counted as the room that it takes. They are brought into the
// range of 4 KiB to 64 MiB.
func (c *UDPConn) SetReadBuffer(bytes int) error {
	return c.optionError(c.c.SetReadBuffer(bytes))
}

// SetWriteBuffer is for programs that call it: nothing waits to be written.
func (c *UDPConn) SetWriteBuffer(bytes int) error {
	if bytes < 0 {
		return c.optionError(host.ErrInvalid)
	}
	return nil
}

// optionError is localError for what setsockopt reports where bind has the same
// number.
func (c *UDPConn) optionError(err error) error {
	if err == nil {
		return nil
	}
	return &net.OpError{Op: "set", Net: c.network.String(), Addr: c.LocalAddr(), Err: optionCause(err)}
}

func optionCause(err error) error {
	switch {
	case errors.Is(err, host.ErrAddrInUse):
		return os.NewSyscallError("setsockopt", syscall.EADDRINUSE)
	case errors.Is(err, host.ErrAddrNotAvail):
		return os.NewSyscallError("setsockopt", syscall.EADDRNOTAVAIL)
	}
	return cause("setsockopt", err)
}
