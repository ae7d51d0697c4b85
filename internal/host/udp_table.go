package host

import (
	"net/netip"
	"sync"

	"github.com/usernet-go/usernet/wire"
)

// udpTable finds the socket of a datagram: the connected one, else the one that is
// bound to the address, else the wildcard. A socket for both families is in it
// twice. The port table sees to it that no two sockets want the same place.
type udpTable struct {
	mu      sync.RWMutex // a leaf
	sockets map[flowKey]*UDPConn
	closed  bool
}

func (t *udpTable) init() { t.sockets = make(map[flowKey]*UDPConn) }

// keys returns where c is in the table; the second key is only for a socket of
// both families.
func (c *UDPConn) keys() (k [2]flowKey, n int) {
	k[0] = makeFlowKey(c.local, c.remote)
	addr := c.local.Addr()
	if !addr.IsUnspecified() {
		return k, 1
	}
	v4 := makeFlowKey(netip.AddrPortFrom(netip.IPv4Unspecified(), c.local.Port()), c.remote)
	v6 := makeFlowKey(netip.AddrPortFrom(netip.IPv6Unspecified(), c.local.Port()), c.remote)
	switch c.family {
	case FamilyIPv4:
		k[0] = v4
		return k, 1
	case FamilyIPv6:
		k[0] = v6
		return k, 1
	}
	return [2]flowKey{v4, v6}, 2
}

// add puts c into the table.
func (t *udpTable) add(c *UDPConn) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return ErrClosed
	}
	keys, n := c.keys()
	for _, k := range keys[:n] {
		t.sockets[k] = c
	}
	return nil
}

func (t *udpTable) remove(c *UDPConn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	keys, n := c.keys()
	for _, k := range keys[:n] {
		if t.sockets[k] == c {
			delete(t.sockets, k)
		}
	}
}

// find returns the socket that takes what comes from remote to local.
func (t *udpTable) find(local, remote netip.AddrPort) *UDPConn {
	k := makeFlowKey(local, remote)
	t.mu.RLock()
	defer t.mu.RUnlock()
	if c := t.sockets[k]; c != nil {
		return c
	}
	k.remote, k.remotePort = [16]byte{}, 0
	if c := t.sockets[k]; c != nil {
		return c
	}
	any := netip.IPv6Unspecified()
	if local.Addr().Is4() {
		any = netip.IPv4Unspecified()
	}
	k.local = any.As16()
	return t.sockets[k]
}

// closeAll closes all sockets; no new one can be made.
func (t *udpTable) closeAll() {
	t.mu.Lock()
	t.closed = true
	all := make(map[*UDPConn]bool)
	for _, c := range t.sockets {
		all[c] = true
	}
	t.mu.Unlock()
	for c := range all {
		c.Close() // ErrClosed means that the application was faster
	}
}

// udp takes a UDP datagram.
func (b *inputBatch) udp() Reason {
	p := &b.p
	h, r := wire.ParseUDP(p.head, p.size)
	if r != wire.OK {
		return wireReason(r)
	}
	if p.size > h.Length {
		p.head, p.rest = b.trim(p.head, p.rest, h.Length)
		p.size = h.Length
	}
	if r := p.verify(wire.ProtocolUDP); r != wire.OK {
		return wireReason(r)
	}
	if h.DstPort == 0 {
		return ReasonUDPPortZero
	}
	c := b.h.udp.find(netip.AddrPortFrom(p.dst, h.DstPort), netip.AddrPortFrom(p.src, h.SrcPort))
	if c == nil {
		b.portUnreachable()
		return ReasonUDPPort
	}
	return c.receive(netip.AddrPortFrom(p.replyTo(), h.SrcPort), p)
}
