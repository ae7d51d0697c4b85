package usernet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/usernet-go/usernet/internal/host"
)

// A ListenConfig holds the options of listening; it is net.ListenConfig with a
// stack.
type ListenConfig struct {
	// Stack is where to listen; required.
	Stack *Stack

	// KeepAlive is after how long in silence the peer of an accepted connection is
	// probed, and how far the probes are apart if nothing else is said. Zero means
	// what the stack's Config says, negative never. It is ignored if
	// KeepAliveConfig.Enable is set.
	KeepAlive time.Duration

	// KeepAliveConfig says the same in detail.
	KeepAliveConfig net.KeepAliveConfig

	// CongestionControl names the algorithm of accepted connections, one of
	// CongestionControls: by default it is what the stack's Config says. An unknown one
	// is an error that matches ENOENT.
	CongestionControl string

	// Tracer hears what accepted connections do, and not the stack's Config.Tracer.
	Tracer Tracer

	// Backlog is how many connections may wait for Accept, those whose handshake
	// is under way included; beyond that a SYN is dropped, and its sender tries
	// again. Zero means the stack's Config.Backlog.
	Backlog int
}

// Listen announces on a local address: see Stack.Listen. ctx is for the look-up
// of the address alone.
func (lc *ListenConfig) Listen(ctx context.Context, network, address string) (net.Listener, error) {
	n, local, err := lc.resolve(ctx, network, address, transportTCP)
	if err == nil {
		var l *TCPListener
		if l, err = lc.listenTCP(n, local); err == nil {
			return l, nil
		}
	}
	return nil, err
}

// ListenPacket announces on a local address: see Stack.ListenPacket. ctx is for
// the look-up of the address alone.
func (lc *ListenConfig) ListenPacket(ctx context.Context, network, address string) (net.PacketConn, error) {
	n, local, err := lc.resolve(ctx, network, address, transportUDP)
	if err == nil {
		var c *UDPConn
		if c, err = lc.listenUDP(n, local); err == nil {
			return c, nil
		}
	}
	return nil, err
}

// resolve returns where to listen, for a network of transport t.
func (lc *ListenConfig) resolve(ctx context.Context, name, address string, t transport) (n network, local netip.AddrPort, err error) {
	if lc.Stack == nil {
		err = errNoStack
	} else if n, err = parseNetwork(name, transportTCP, transportUDP); err == nil {
		var list []netip.AddrPort
		if list, err = resolve(ctx, lc.Stack.names.resolver, n, address); err == nil {
			local = first(list)
		}
	}
	switch {
	case err != nil:
		err = &net.OpError{Op: "listen", Net: name, Err: err}
	case n.transport != t:
		err = &net.AddrError{Err: "unexpected address type", Addr: address}
		err = &net.OpError{Op: "listen", Net: name, Addr: n.transport.addr(local), Err: err}
	}
	return n, local, err
}

func (lc *ListenConfig) listenTCP(n network, local netip.AddrPort) (*TCPListener, error) {
	bind, family, err := bindAddr(local, n.family)
	if err != nil {
		return nil, listenError(n, local, err)
	}
	backlog := lc.Backlog
	if backlog <= 0 {
		backlog = lc.Stack.backlog
	}
	congestion, err := lookupAlgorithm(lc.CongestionControl)
	if err != nil {
		return nil, listenError(n, local, err)
	}
	options := host.TCPOptions{
		NoDelay: true, Family: n.family, KeepAlive: overrideKeepAlive(lc.Stack.keepAlive, lc.KeepAlive, lc.KeepAliveConfig),
		Congestion: congestion, Tracer: lc.Tracer,
	}
	l, err := lc.Stack.host.ListenTCP(bind, family, backlog, options)
	if err != nil {
		return nil, listenError(n, local, bindCause(err))
	}
	return &TCPListener{l: l, network: n}, nil
}

func (lc *ListenConfig) listenUDP(n network, local netip.AddrPort) (*UDPConn, error) {
	bind, family, err := bindAddr(local, n.family)
	if err != nil {
		return nil, listenError(n, local, err)
	}
	var c *host.UDPConn
	if bind.Addr().IsMulticast() {
		// As in net: a group's address stands for the wildcard, with a port to be shared.
		c, err = lc.Stack.host.ListenMulticastUDP(bind.Port(), family)
	} else {
		c, err = lc.Stack.host.ListenUDP(bind, family)
	}
	if err != nil {
		return nil, listenError(n, local, bindCause(err))
	}
	return &UDPConn{c: c, network: n}, nil
}

// bindCause is cause for a bind; where there is no port left the kernel says
// something else than when it connects.
func bindCause(err error) error {
	if errors.Is(err, host.ErrNoPorts) {
		err = host.ErrAddrInUse
	}
	return cause("bind", err)
}

func listenError(n network, local netip.AddrPort, err error) error {
	return &net.OpError{Op: "listen", Net: n.String(), Addr: n.transport.addr(local), Err: err}
}

// Listen announces on a local TCP address; the network is "tcp", "tcp4" or
// "tcp6".
//
// As in net, no host or an unspecified address means all addresses of the stack,
// of both families unless the network says otherwise, and port 0 one that the
// stack chooses: the listener's Addr tells which. The listener is a *TCPListener.
func (s *Stack) Listen(network, address string) (net.Listener, error) {
	return (&ListenConfig{Stack: s}).Listen(context.Background(), network, address)
}

// ListenPacket announces on a local UDP address; the network is "udp", "udp4" or
// "udp6", and the address is read as Listen reads it; the address of a multicast
// group, as in net, stands for all addresses and shares its port with others of its
// kind. The connection is a *UDPConn.
func (s *Stack) ListenPacket(network, address string) (net.PacketConn, error) {
	return (&ListenConfig{Stack: s}).ListenPacket(context.Background(), network, address)
}

// ListenTCP is Listen with an address in package net's form; nil means any.
func (s *Stack) ListenTCP(network string, local *net.TCPAddr) (*TCPListener, error) {
	n, from, err := listenEndpoint(network, transportTCP, local)
	if err != nil {
		return nil, err
	}
	return (&ListenConfig{Stack: s}).listenTCP(n, from)
}

// ListenUDP is ListenPacket with an address in package net's form; nil means any.
func (s *Stack) ListenUDP(network string, local *net.UDPAddr) (*UDPConn, error) {
	n, from, err := listenEndpoint(network, transportUDP, (*net.TCPAddr)(local))
	if err != nil {
		return nil, err
	}
	return (&ListenConfig{Stack: s}).listenUDP(n, from)
}

func listenEndpoint(name string, t transport, local *net.TCPAddr) (network, netip.AddrPort, error) {
	n, err := parseNetwork(name, t)
	if err == nil {
		var from netip.AddrPort
		if from, err = endpoint(local); err == nil {
			return n, from, nil
		}
	}
	e := &net.OpError{Op: "listen", Net: name, Addr: orNil(local), Err: err}
	if t == transportUDP {
		e.Addr = orNil((*net.UDPAddr)(local))
	}
	return n, netip.AddrPort{}, e
}

// A TCPListener waits for connections on a local address. Its methods may be
// called concurrently.
type TCPListener struct {
	l       *host.TCPListener
	network network
}

// Format is TCPConn.Format.
func (l *TCPListener) Format(f fmt.State, verb rune) { fmt.Fprintf(f, "TCPListener(%v)", l.Addr()) }

// Accept waits for the next connection, which is a *TCPConn.
func (l *TCPListener) Accept() (net.Conn, error) {
	c, err := l.AcceptTCP()
	if err != nil {
		return nil, err // not a nil *TCPConn in an interface
	}
	return c, nil
}

// AcceptTCP waits for the next connection. The error is a *net.OpError over
// net.ErrClosed or os.ErrDeadlineExceeded.
func (l *TCPListener) AcceptTCP() (*TCPConn, error) {
	c, err := l.l.Accept()
	if err != nil {
		return nil, l.opError("accept", err)
	}
	return (*TCPConn)(c), nil
}

// Close stops listening. What was accepted stays open; what was not is reset.
func (l *TCPListener) Close() error {
	return l.opError("close", l.l.Close())
}

// Addr returns the address that the listener listens on, a *net.TCPAddr.
func (l *TCPListener) Addr() net.Addr { return transportTCP.addr(l.l.Addr()) }

// SetDeadline sets the time at which Accept gives up; zero means never. As in
// net, its error is not wrapped in a *net.OpError.
func (l *TCPListener) SetDeadline(t time.Time) error {
	if err := l.l.SetDeadline(t); err != nil {
		return cause("setsockopt", err)
	}
	return nil
}

func (l *TCPListener) opError(op string, err error) error {
	if err == nil {
		return nil
	}
	return &net.OpError{Op: op, Net: l.network.String(), Addr: l.Addr(), Err: cause(op, err)}
}
