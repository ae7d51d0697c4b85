package usernet

import (
	"bytes"
	"context"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/usernet-go/usernet/dns"
	"github.com/usernet-go/usernet/internal/host"
)

// An exchange gives a dns.Lookup what it has none of: sockets, goroutines to wait
// at them, and a clock. The look-up itself belongs to the goroutine of run.
type exchange struct {
	resolver *Resolver
	look     *dns.Lookup
	ctx      context.Context // ends with run
	in       chan dns.In     // what the sockets' goroutines heard
	sockets  map[int]*querySocket
	wg       sync.WaitGroup // of the sockets' goroutines
}

// A querySocket is one of the look-up's sockets, also after its end: errors name
// its address.
type querySocket struct {
	out    dns.Out
	ctx    context.Context // until the look-up closes it
	cancel context.CancelFunc

	mu     sync.Mutex
	conn   net.Conn // nil until it is connected
	closed bool
}

// lookup asks for the records of a name until all is known or ctx ends, and calls
// told with the answer for each of types as soon as it is known, nil if there is
// none. The error, a *net.DNSError, says why there is none for one of them.
func (r *Resolver) lookup(ctx context.Context, name string, types []dnsmessage.Type, told func(i int, a *dns.Answer)) error {
	if r.Stack == nil {
		return &net.DNSError{Err: errNoStack.Error(), Name: name}
	}
	ctx, cancel := context.WithCancel(ctx)
	x := &exchange{resolver: r, look: dns.New(r.config(), name, types...), ctx: ctx,
		in: make(chan dns.In), sockets: make(map[int]*querySocket)}
	defer x.wg.Wait()
	defer x.closeAll()
	defer cancel()
	defer func() { r.Stack.names.ignored.Add(uint64(x.look.Wrong())) }()

	var first error
	known := make([]bool, len(types))
	err := x.run(func() {
		for i := range types {
			a, err, ok := x.look.Result(i)
			if !ok || known[i] {
				continue
			}
			known[i] = true
			// Of two errors the one to tell of is that which says more than that there
			// is nothing: the other family may have had something.
			if first == nil || isNotFound(first) {
				first = err
			}
			told(i, a)
		}
	})
	if err == nil {
		err = first
	}
	if err != nil {
		return x.lookupError(err, name)
	}
	return nil
}

// run drives the look-up, and calls step after whatever happened to it.
func (x *exchange) run(step func()) error {
	alarm := newAlarm(x.resolver.Stack.host)
	defer alarm.stop()
	for {
		if err := x.ctx.Err(); err != nil {
			return err // and nobody is asked any more
		}
		now := alarm.now()
		x.look.Advance(now)
		for out, ok := x.look.Next(now); ok; out, ok = x.look.Next(now) {
			x.do(now, out)
		}
		step()
		if x.look.Done() {
			return nil
		}
		alarm.set(now, x.look.Deadline())
		select {
		case in := <-x.in:
			x.look.Receive(alarm.now(), in)
		case <-alarm.C:
		case <-x.ctx.Done():
		}
	}
}

func (x *exchange) do(now time.Time, out dns.Out) {
	if out.Op == dns.OpClose {
		x.sockets[out.Socket].close()
		return
	}
	k := &querySocket{out: out}
	k.ctx, k.cancel = context.WithCancel(x.ctx)
	x.sockets[out.Socket] = k
	if out.TCP {
		x.wg.Go(func() { x.converse(k) })
		return
	}
	c, err := x.resolver.Stack.dialQuery(out)
	if err == nil {
		k.connected(c)
		_, err = c.Write(out.Data)
	}
	if err != nil {
		x.look.Receive(now, dns.In{Socket: out.Socket, Err: err})
		return
	}
	// The largest answer that was asked for: what is more is no answer to it.
	x.wg.Go(func() { x.listen(k, c, dns.MaxUDP) })
}

// dialQuery opens the socket of a query by UDP.
func (s *Stack) dialQuery(out dns.Out) (*UDPConn, error) {
	n := network{transport: transportUDP}
	c, err := s.host.DialUnpredictableUDP(unmap(out.Server))
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: n.String(), Addr: transportUDP.addr(out.Server), Err: cause("connect", err)}
	}
	return &UDPConn{c: c, network: n}, nil
}

// converse connects by TCP, sends the query, and hands on what comes.
func (x *exchange) converse(k *querySocket) {
	d := Dialer{Stack: x.resolver.Stack}
	n := network{transport: transportTCP}
	c, err := d.dialTCP(k.ctx, n, netip.AddrPort{}, unmap(k.out.Server))
	if err != nil {
		err = &net.OpError{Op: "dial", Net: n.String(), Addr: transportTCP.addr(k.out.Server), Err: err}
		x.hear(k, dns.In{Socket: k.out.Socket, Err: err})
		return
	}
	if !k.connected(c) {
		return
	}
	if _, err := c.Write(k.out.Data); err != nil {
		x.hear(k, dns.In{Socket: k.out.Socket, Err: err})
		return
	}
	x.listen(k, c, 4<<10)
}

// listen hands on what comes to a socket until that fails.
func (x *exchange) listen(k *querySocket, c net.Conn, size int) {
	b := make([]byte, size)
	for {
		n, err := c.Read(b)
		in := dns.In{Socket: k.out.Socket, From: k.out.Server, Data: bytes.Clone(b[:n]), Err: err}
		if !x.hear(k, in) || err != nil {
			return
		}
	}
}

// hear hands on what happened to a socket; false if nobody wants to know any more.
func (x *exchange) hear(k *querySocket, in dns.In) bool {
	select {
	case x.in <- in:
		return true
	case <-k.ctx.Done():
		return false
	}
}

func (x *exchange) closeAll() {
	for _, socket := range slices.Sorted(maps.Keys(x.sockets)) { // connections end in the same order each time
		x.sockets[socket].close()
	}
}

// connected gives the socket its connection; false if it is closed by now.
func (k *querySocket) connected(c net.Conn) bool {
	k.mu.Lock()
	k.conn = c
	closed := k.closed
	k.mu.Unlock()
	if closed {
		c.Close()
	}
	return !closed
}

func (k *querySocket) close() {
	k.cancel()
	k.mu.Lock()
	c, closed := k.conn, k.closed
	k.closed = true
	k.mu.Unlock()
	if c != nil && !closed {
		c.Close()
	}
}

// source returns the socket's address, nil if it was not connected.
func (k *querySocket) source() net.Addr {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.conn == nil {
		return nil
	}
	return k.conn.LocalAddr()
}

// An alarm is a timer of the host's clock with a channel.
type alarm struct {
	C     chan struct{}
	host  *host.Host
	timer host.Timer
}

func newAlarm(h *host.Host) *alarm { return &alarm{C: make(chan struct{}, 1), host: h} }

func (a *alarm) now() time.Time { return a.host.Clock().Now() }

// set has something come from C at the deadline, and perhaps earlier. The zero
// time is no deadline.
func (a *alarm) set(now, deadline time.Time) {
	switch d := deadline.Sub(now); {
	case deadline.IsZero():
		a.stop()
	case a.timer == nil:
		a.timer = a.host.Clock().AfterFunc(d, func() { a.host.Wake(a.ring) })
	default:
		a.timer.Reset(d)
	}
}

// ring has something come from C, unless something waits there.
func (a *alarm) ring() {
	select {
	case a.C <- struct{}{}:
	default:
	}
}

func (a *alarm) stop() {
	if a.timer != nil {
		a.timer.Stop()
	}
}
