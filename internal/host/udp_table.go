package host

import (
	"net/netip"
	"slices"
	"sync"

	"github.com/usernet-go/usernet/wire"
)

// udpTable finds the socket of a datagram: the connected one, else the one that is
// bound to the address, else the wildcard. A socket for both families is in it
// twice. The port table sees to it that only those are in one place that share it:
// what is for one host is the last one's, as with Linux.
type udpTable struct {
	mu      sync.RWMutex // a leaf
	sockets map[flowKey][]*UDPConn
	closed  bool
}

func (t *udpTable) init() { t.sockets = make(map[flowKey][]*UDPConn) }

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
		t.sockets[k] = append(t.sockets[k], c)
	}
	return nil
}

func (t *udpTable) remove(c *UDPConn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	keys, n := c.keys()
	for _, k := range keys[:n] {
		if t.sockets[k] = slices.DeleteFunc(t.sockets[k], func(o *UDPConn) bool { return o == c }); len(t.sockets[k]) == 0 {
			delete(t.sockets, k)
		}
	}
}

// find returns the socket that takes what comes from remote to local by ifc.
func (t *udpTable) find(local, remote netip.AddrPort, ifc *iface) *UDPConn {
	k := makeFlowKey(local, remote)
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, c := range slices.Backward(t.sockets[k]) {
		if c.isPeerOn(ifc) {
			return c
		}
	}
	k.remote, k.remotePort = [16]byte{}, 0
	if c := t.last(k); c != nil {
		return c
	}
	k.local = unspecified[familyIndex(local.Addr())].As16()
	return t.last(k)
}

// isPeerOn says whether c's peer may be the host of that address on ifc's link. RFC
// 4007, 6: a link-local address means another host on each. Interfaces are told apart
// by name, so that one that is attached anew is the same.
func (c *UDPConn) isPeerOn(ifc *iface) bool {
	zone := c.remote.Addr().Zone()
	return zone == "" || ifc.link == nil || zone == ifc.name
}

// last returns the last of the sockets in one place, or nil. Called with mu held.
func (t *udpTable) last(k flowKey) *UDPConn {
	if all := t.sockets[k]; len(all) > 0 {
		return all[len(all)-1]
	}
	return nil
}

// all returns the sockets, in the order of their keys. Called with mu held.
func (t *udpTable) all() (all []*UDPConn) {
	for k, some := range t.sockets {
		for _, c := range some {
			if keys, _ := c.keys(); keys[0] == k {
				all = append(all, c)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b *UDPConn) int {
		k, _ := a.keys()
		other, _ := b.keys()
		return k[0].compare(&other[0])
	})
	return all
}

// closeAll closes all sockets; no new one can be made.
func (t *udpTable) closeAll() {
	t.mu.Lock()
	t.closed = true
	all := t.all()
	t.mu.Unlock()
	for _, c := range all {
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
	if p.broadcast && (p.dst.IsMulticast() || b.t.isBroadcast(p.dst)) {
		return b.udpGroup(h.SrcPort, h.DstPort)
	}
	c := b.h.udp.find(netip.AddrPortFrom(p.dst, h.DstPort), netip.AddrPortFrom(p.src, h.SrcPort), b.ifc)
	if c == nil {
		b.portUnreachable()
		return ReasonUDPPort
	}
	return c.receive(netip.AddrPortFrom(p.replyTo(), h.SrcPort), p)
}
