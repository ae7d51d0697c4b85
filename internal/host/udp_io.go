package host

import (
	"encoding/binary"
	"net/netip"
	"sync"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

var udpBufferSizes = [...]int{2 << 10, 16 << 10, 64 << 10}

// udpBufferCost is what a queued datagram counts for beside its buffer.
const udpBufferCost = 128

// udpBuffers are the pools of buffers for datagrams that wait for their reader,
// one for each size.
type udpBuffers [len(udpBufferSizes)]sync.Pool

// A udpBuffer is a datagram in a socket's queue.
type udpBuffer struct {
	next  *udpBuffer
	from  netip.AddrPort
	class int // index of its pool
	n     int // bytes of text
	text  []byte
}

func (h *Host) getUDPBuffer(n int) *udpBuffer {
	class := 0
	for udpBufferSizes[class] < n {
		class++
	}
	if b, ok := h.udpBuffers[class].Get().(*udpBuffer); ok {
		return b
	}
	return &udpBuffer{class: class, text: make([]byte, udpBufferSizes[class])}
}

func (h *Host) putUDPBuffer(b *udpBuffer) {
	b.next, b.from = nil, netip.AddrPort{}
	h.udpBuffers[b.class].Put(b)
}

// receive queues the datagram p, from its UDP header on.
func (c *UDPConn) receive(from netip.AddrPort, p *inPacket) Reason {
	n := p.size - wire.UDPLen
	b := c.h.getUDPBuffer(n)
	b.from, b.n = from, n
	at := copy(b.text, p.head[wire.UDPLen:])
	for _, d := range p.rest {
		at += copy(b.text[at:], d)
	}
	c.mu.Lock()
	cost := len(b.text) + udpBufferCost
	if c.closed || c.first != nil && c.queued+cost > c.readBuffer {
		closed := c.closed
		c.mu.Unlock()
		c.h.putUDPBuffer(b)
		if closed {
			return ReasonUDPPort
		}
		return ReasonUDPQueueFull
	}
	if !c.held.cover(&c.h.memory, max(0, c.queued+cost-promisedUDP)) {
		c.mu.Unlock()
		c.h.putUDPBuffer(b)
		return ReasonUDPMemory
	}
	if c.first == nil {
		c.first = b
	} else {
		c.last.next = b
	}
	c.last = b
	c.queued += cost
	c.h.wakeOne(&c.readable)
	c.mu.Unlock()
	return ReasonNone
}

// takeLocked removes the oldest datagram from the queue.
func (c *UDPConn) takeLocked() *udpBuffer {
	b := c.first
	if c.first = b.next; c.first == nil {
		c.last = nil
	}
	c.queued -= len(b.text) + udpBufferCost
	c.held.cover(&c.h.memory, max(0, c.queued-promisedUDP)) // it gives back
	return b
}

// ReadFrom waits for a datagram and copies it into b: n is the bytes copied, what b
// has no room for is lost. It returns ErrDeadline, ErrClosed, and on a connected
// socket once what ICMP has told: ErrRefused, ErrHostUnreachable and their kin.
func (c *UDPConn) ReadFrom(b []byte) (n int, from netip.AddrPort, err error) {
	c.mu.Lock()
	for {
		if err := c.stateLocked(&c.readDeadline); err != nil {
			c.mu.Unlock()
			return 0, netip.AddrPort{}, err
		}
		if c.first != nil {
			break
		}
		c.readable.Wait()
	}
	d := c.takeLocked()
	c.mu.Unlock()
	n, from = copy(b, d.text[:d.n]), d.from
	c.h.putUDPBuffer(d)
	return n, from, nil
}

// Read is ReadFrom for who does not ask where the datagram came from.
func (c *UDPConn) Read(b []byte) (int, error) {
	n, _, err := c.ReadFrom(b)
	return n, err
}

// Write sends b as one datagram to the address that the socket is connected to.
func (c *UDPConn) Write(b []byte) (int, error) {
	if !c.remote.IsValid() {
		return 0, ErrNotConnected
	}
	return c.send(b, c.remote)
}

// WriteTo sends b as one datagram to the address to, on a socket that is not
// connected. It never waits: what the link has no room for is dropped and counted.
// A datagram that is longer than the path's MTU goes in fragments; one longer than
// an IP packet can be is ErrMessageTooLong.
func (c *UDPConn) WriteTo(b []byte, to netip.AddrPort) (int, error) {
	if c.remote.IsValid() {
		return 0, ErrIsConnected
	}
	return c.send(b, netip.AddrPortFrom(to.Addr().Unmap(), to.Port()))
}

func (c *UDPConn) send(b []byte, to netip.AddrPort) (int, error) {
	dst, limit := to.Addr(), maxUDPTextIPv6
	if dst.Is4() {
		limit = maxUDPTextIPv4
	}
	switch {
	case !to.IsValid() || to.Port() == 0 || !c.family.takes(dst):
		return 0, ErrInvalid
	case len(b) > limit:
		return 0, ErrMessageTooLong
	}
	r, err := c.route(dst)
	if err != nil {
		return 0, err
	}
	if c.h.isGroup(dst) {
		return c.sendGroup(&r, b, to)
	}
	return c.sendText(&r, b, to, 0)
}

// sendText sends b to the address to by r, with that time to live, 0 being the
// usual one.
func (c *UDPConn) sendText(r *route, b []byte, to netip.AddrPort, ttl uint8) (int, error) {
	d := c.h.newDatagram()
	if ttl > 0 {
		d.ttl = ttl
	}
	d.head = binary.BigEndian.AppendUint16(d.head, c.local.Port())
	d.head = binary.BigEndian.AppendUint16(d.head, to.Port())
	d.head = append(d.head, byte((wire.UDPLen+len(b))>>8), byte(wire.UDPLen+len(b)), 0, 0)
	if len(b) > 0 {
		d.body = append(d.body, b)
	}
	if err := c.h.sendDatagram(c.h.clock.Now(), r, to.Addr().WithZone(""), wire.ProtocolUDP, d); err != nil {
		return 0, err
	}
	return len(b), nil
}

// route returns the way to dst, and whether a verb can begin at all. The last one
// is kept, since datagrams to one address come in runs.
func (c *UDPConn) route(dst netip.Addr) (route, error) {
	c.mu.Lock()
	if err := c.stateLocked(&c.writeDeadline); err != nil {
		c.mu.Unlock()
		return route{}, err
	}
	generation, outgoing := c.h.routeGeneration(), c.multicast.ifc
	if !dst.IsMulticast() {
		outgoing = nil
	}
	if c.cachedFor == dst && c.generation == generation && c.cached.usable() {
		r := c.cached
		c.mu.Unlock()
		return r, nil
	}
	c.mu.Unlock()

	src := c.local.Addr()
	if src.IsUnspecified() || c.h.isGroup(src) {
		src = netip.Addr{}
	}
	r, err := c.h.lookupGroupRoute(outgoing, src, dst)
	if err != nil {
		return route{}, err
	}
	c.mu.Lock()
	if !dst.IsMulticast() || outgoing == c.multicast.ifc { // else SetMulticastInterface was faster
		c.cached, c.cachedFor, c.generation = r, dst, generation
	}
	c.mu.Unlock()
	return r, nil
}

// usable says whether packets by r can go at once, by what is known without a
// lock.
func (r *route) usable() bool {
	return r.ifc.linkInfo.Medium == link.IP || r.nbr == nil || r.nbr.word.Load() != 0
}
