package usernet

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/usernet-go/usernet/internal/host"
)

// A Dialer holds the options of a dial; it is net.Dialer with a stack. The zero
// value of each field but Stack is the same as dialling without that option, and
// its methods may be called concurrently.
type Dialer struct {
	// Stack is where the connection starts; required.
	Stack *Stack

	// Timeout is how long a dial may take. The zero value sets no limit of its
	// own: TCP gives up on a silent peer after about two minutes.
	Timeout time.Duration

	// Deadline is when a dial fails at the latest; zero means never.
	Deadline time.Time

	// LocalAddr is a *net.TCPAddr or *net.UDPAddr, as the network needs it, to dial
	// from. By default the stack chooses.
	LocalAddr net.Addr

	// FallbackDelay is how long to wait for a connection to one address of a name
	// before the next is tried beside it (RFC 8305: Connection Attempt Delay): 250 ms
	// if it is zero, at least 10 ms. If it is negative, addresses are tried one after
	// the other, and what time there is spread over them.
	FallbackDelay time.Duration

	// Resolver looks up names, by its own Stack, which may be another than the
	// Dialer's; by default the stack's own does.
	Resolver NameResolver

	// KeepAlive is after how long in silence the peer of a TCP connection is
	// probed, and how far the probes are apart if nothing else is said. Zero
	// means what the stack's Config says, negative never. It is ignored if
	// KeepAliveConfig.Enable is set.
	KeepAlive time.Duration

	// KeepAliveConfig says the same in detail.
	KeepAliveConfig net.KeepAliveConfig

	// CongestionControl names the algorithm of TCP connections, one of
	// CongestionControls: by default it is what the stack's Config says. An unknown one
	// is an error that matches ENOENT.
	CongestionControl string

	// Tracer hears what TCP connections do, and not the stack's Config.Tracer.
	Tracer Tracer
}

// Dial connects to address: see Stack.Dial.
func (d *Dialer) Dial(network, address string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, address)
}

// DialContext connects to address, unless ctx ends first: see Stack.Dial. Once
// the connection stands, ctx has no influence on it. It panics if ctx is nil.
//
// The method value fits into http.Transport.DialContext and its likes.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := d.context(ctx)
	defer cancel()
	c, err := d.dialName(ctx, network, address)
	if op, ok := err.(*net.OpError); err != nil && (!ok || op.Op != "dial") {
		err = &net.OpError{Op: "dial", Net: network, Err: err}
	}
	return c, err
}

func (d *Dialer) parseNetwork(name string, transports ...transport) (network, error) {
	if d.Stack == nil {
		return network{}, errNoStack
	}
	n, err := parseNetwork(name, transports...)
	if err == nil && n.transport == transportTCP {
		_, err = lookupAlgorithm(d.CongestionControl) // before a name is looked up
	}
	return n, err
}

// context returns ctx with the dialler's own limits.
func (d *Dialer) context(ctx context.Context) (context.Context, context.CancelFunc) {
	if ctx == nil {
		panic("nil context")
	}
	if d.Timeout == 0 && d.Deadline.IsZero() {
		return ctx, func() {}
	}
	cancel, cancel2 := func() {}, func() {}
	if d.Timeout != 0 { // a negative one is over at once
		ctx, cancel = context.WithTimeout(ctx, d.Timeout)
	}
	if !d.Deadline.IsZero() {
		ctx, cancel2 = context.WithDeadline(ctx, d.Deadline)
	}
	return ctx, func() { cancel2(); cancel() }
}

// dialTCP sends the SYN and waits for what becomes of it. Its error, and that of
// its parts and of dialUDP, is the chain below *net.OpError.
func (d *Dialer) dialTCP(ctx context.Context, n network, local, remote netip.AddrPort) (*TCPConn, error) {
	c, err := d.startTCP(ctx, n, local, remote)
	if err == nil {
		if err = awaitTCP(ctx, c); err == nil {
			return c, nil
		}
	}
	return nil, err
}

// startTCP sends the SYN.
func (d *Dialer) startTCP(ctx context.Context, n network, local, remote netip.AddrPort) (*TCPConn, error) {
	remote, err := connectAddr(remote, n.family)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, cause("connect", err)
	}
	congestion, err := lookupAlgorithm(d.CongestionControl)
	if err != nil {
		return nil, err
	}
	options := host.TCPOptions{
		NoDelay: true, Family: n.family, KeepAlive: overrideKeepAlive(d.Stack.keepAlive, d.KeepAlive, d.KeepAliveConfig),
		Congestion: congestion, Tracer: d.Tracer,
	}
	c, err := d.Stack.host.DialTCP(local, remote, options)
	if err != nil {
		return nil, cause("connect", err)
	}
	return (*TCPConn)(c), nil
}

// awaitTCP waits until the connection stands, or has failed, or ctx ends: then it is
// closed.
func awaitTCP(ctx context.Context, c *TCPConn) error {
	select {
	case <-c.engine().Connected():
		if err := c.engine().ConnectError(); err != nil {
			return cause("connect", err)
		}
		return nil
	case <-ctx.Done():
		c.engine().SetLinger(0) // if the peer has just accepted, it is told
		c.engine().Close()
		return cause("connect", ctx.Err())
	}
}

func (d *Dialer) dialUDP(ctx context.Context, n network, local, remote netip.AddrPort) (*UDPConn, error) {
	remote, err := connectAddr(remote, n.family)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, cause("connect", err)
	}
	c, err := d.Stack.host.DialUDP(local, remote)
	if err != nil {
		return nil, cause("connect", err)
	}
	return &UDPConn{c: c, network: n}, nil
}

// DialTCP connects to remote, from local unless that is the zero value. The
// network is "tcp", "tcp4" or "tcp6".
func (d *Dialer) DialTCP(ctx context.Context, network string, local, remote netip.AddrPort) (*TCPConn, error) {
	ctx, cancel := d.context(ctx)
	defer cancel()
	n, err := d.parseNetwork(network, transportTCP)
	if err == nil {
		var c *TCPConn
		if c, err = d.dialTCP(ctx, n, unmap(local), unmap(remote)); err == nil {
			return c, nil
		}
	}
	return nil, dialError(network, transportTCP, local, remote, err)
}

// DialUDP returns a socket that is connected to remote, and bound to local unless
// that is the zero value. The network is "udp", "udp4" or "udp6".
func (d *Dialer) DialUDP(ctx context.Context, network string, local, remote netip.AddrPort) (*UDPConn, error) {
	ctx, cancel := d.context(ctx)
	defer cancel()
	n, err := d.parseNetwork(network, transportUDP)
	if err == nil {
		var c *UDPConn
		if c, err = d.dialUDP(ctx, n, unmap(local), unmap(remote)); err == nil {
			return c, nil
		}
	}
	return nil, dialError(network, transportUDP, local, remote, err)
}

// dialError names the local address even where it is the zero value, as net does.
func dialError(network string, t transport, local, remote netip.AddrPort, err error) error {
	return &net.OpError{Op: "dial", Net: network, Source: t.addr(local), Addr: t.addr(remote), Err: err}
}

func unmap(ap netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// Dial connects to an address.
//
// The network is "tcp", "tcp4" (IPv4 only), "tcp6" (IPv6 only), "udp", "udp4" or
// "udp6", the address a host and a port: "10.0.0.1:7", "[fe80::1%eth0]:7",
// "10.0.0.1:http", "example.org:80". No host, or the unspecified address, means this
// stack itself, and so does "localhost". Other names are looked up as
// Config.Resolver says, and fail with a *net.DNSError if that says nothing.
//
// Of a name with several addresses the best (RFC 6724) is tried first, and others
// beside it as long as there is no connection (RFC 8305, see
// Dialer.FallbackDelay); the first that stands is taken. If none does, the error is
// that of the first address.
//
// The connection is a *TCPConn or a *UDPConn. Errors are those of net.Dial.
func (s *Stack) Dial(network, address string) (net.Conn, error) {
	return (&Dialer{Stack: s}).Dial(network, address)
}

// DialContext is Dial, unless ctx ends first.
func (s *Stack) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return (&Dialer{Stack: s}).DialContext(ctx, network, address)
}

// DialTimeout is Dial, unless the timeout passes first.
func (s *Stack) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	return (&Dialer{Stack: s, Timeout: timeout}).Dial(network, address)
}

// DialTCP is Dial for TCP, with addresses in package net's form; local may be nil.
func (s *Stack) DialTCP(network string, local, remote *net.TCPAddr) (*TCPConn, error) {
	d := Dialer{Stack: s}
	n, from, to, err := d.endpoints(network, transportTCP, local, remote)
	if err == nil {
		var c *TCPConn
		if c, err = d.dialTCP(context.Background(), n, from, to); err == nil {
			return c, nil
		}
	}
	return nil, &net.OpError{Op: "dial", Net: network, Source: orNil(local), Addr: orNil(remote), Err: err}
}

// DialUDP is Dial for UDP, with addresses in package net's form; local may be nil.
func (s *Stack) DialUDP(network string, local, remote *net.UDPAddr) (*UDPConn, error) {
	d := Dialer{Stack: s}
	n, from, to, err := d.endpoints(network, transportUDP, (*net.TCPAddr)(local), (*net.TCPAddr)(remote))
	if err == nil {
		var c *UDPConn
		if c, err = d.dialUDP(context.Background(), n, from, to); err == nil {
			return c, nil
		}
	}
	return nil, &net.OpError{Op: "dial", Net: network, Source: orNil(local), Addr: orNil(remote), Err: err}
}

func (d *Dialer) endpoints(name string, t transport, local, remote *net.TCPAddr) (n network, from, to netip.AddrPort, err error) {
	if n, err = d.parseNetwork(name, t); err != nil {
		return n, from, to, err
	}
	if remote == nil {
		return n, from, to, errMissingAddress
	}
	if from, err = endpoint(local); err == nil {
		to, err = endpoint(remote)
	}
	return n, from, to, err
}
