package host

import (
	"bytes"
	"cmp"
	"net/netip"
	"slices"
	"sync"
)

// A flowKey names a connection: the four-tuple, in a form that is cheap to hash
// and to compare. IPv4 addresses stand in it as IPv4-mapped ones, which never
// appear on the wire.
type flowKey struct {
	local, remote         [16]byte
	localPort, remotePort uint16
	zone                  uint32 // iface.index of the link that a link-local remote is on, else 0
}

func makeFlowKey(local, remote netip.AddrPort) flowKey {
	return flowKey{local: local.Addr().As16(), remote: remote.Addr().As16(), localPort: local.Port(), remotePort: remote.Port()}
}

// on returns k for a remote that is reached by ifc. RFC 4007, 6: a link-local address
// means another host on each link.
func (k flowKey) on(ifc *iface) flowKey {
	if k.remote[0] == 0xfe && k.remote[1]&0xc0 == 0x80 {
		k.zone = ifc.index
	}
	return k
}

// is4 says that the addresses are IPv4's.
func (k *flowKey) is4() bool { return netip.AddrFrom16(k.remote).Is4In6() }

// compare puts keys in an order, for what is to be done to many connections alike: that
// it is done in the same order each time makes a simulation repeat.
func (k *flowKey) compare(o *flowKey) int {
	return cmp.Or(cmp.Compare(k.localPort, o.localPort), cmp.Compare(k.remotePort, o.remotePort),
		bytes.Compare(k.remote[:], o.remote[:]), bytes.Compare(k.local[:], o.local[:]), cmp.Compare(k.zone, o.zone))
}

// sortConns puts connections in the order of their keys.
func sortConns(conns []*TCPConn) []*TCPConn {
	slices.SortFunc(conns, func(a, b *TCPConn) int { return a.key.compare(&b.key) })
	return conns
}

// remoteOf returns k's remote address with its zone; the zero Addr where that is
// gone, to which there is no route.
func (t *topology) remoteOf(k *flowKey) netip.Addr {
	a := netip.AddrFrom16(k.remote).Unmap()
	if k.zone == 0 {
		return a
	}
	for i := range t.places {
		if ifc := t.places[i].ifc; ifc.index == k.zone {
			return a.WithZone(ifc.name)
		}
	}
	return netip.Addr{}
}

// remoteAddrPort returns k's remote address and port, with the zone if that is not
// gone.
func (t *topology) remoteAddrPort(k *flowKey) netip.AddrPort {
	remote := k.remoteAddrPort()
	if a := t.remoteOf(k); a.IsValid() {
		remote = netip.AddrPortFrom(a, remote.Port())
	}
	return remote
}

func (k *flowKey) localAddrPort() netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom16(k.local).Unmap(), k.localPort)
}

func (k *flowKey) remoteAddrPort() netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom16(k.remote).Unmap(), k.remotePort)
}

const flowShards = 32

// flowTable finds a connection by its four-tuple. It is sharded because every
// batch of every receive queue looks into it; a connection in TIME-WAIT has left
// it for the timeWaitTable.
type flowTable struct {
	shards [flowShards]struct {
		sync.RWMutex // leaf lock: nothing is locked under it
		conns        map[flowKey]*TCPConn
		closed       bool
		_            [24]byte // a cache line of its own
	}
}

// shard spreads connections, not attackers: who aims all flows at one shard gains
// a contended lock and nothing else, the map inside is keyed by the runtime.
func (t *flowTable) shard(k *flowKey) int {
	return int(k.localPort^k.localPort>>5^k.remotePort^k.remotePort>>5^uint16(k.remote[15])) % flowShards
}

func (t *flowTable) lookup(k *flowKey) *TCPConn {
	s := &t.shards[t.shard(k)]
	s.RLock()
	c := s.conns[*k]
	s.RUnlock()
	return c
}

// insert adds c unless its four-tuple is taken, or the host is closed.
func (t *flowTable) insert(c *TCPConn) bool {
	s := &t.shards[t.shard(&c.key)]
	s.Lock()
	defer s.Unlock()
	if s.closed || s.conns[c.key] != nil {
		return false
	}
	if s.conns == nil {
		s.conns = make(map[flowKey]*TCPConn)
	}
	s.conns[c.key] = c
	return true
}

// remove takes c out; a connection that took its place stays.
func (t *flowTable) remove(c *TCPConn) {
	s := &t.shards[t.shard(&c.key)]
	s.Lock()
	if s.conns[c.key] == c {
		delete(s.conns, c.key)
	}
	s.Unlock()
}

// closeAll takes no more connections, and returns those that are in the table, in
// the order of their keys.
func (t *flowTable) closeAll() []*TCPConn {
	var conns []*TCPConn
	for i := range t.shards {
		s := &t.shards[i]
		s.Lock()
		s.closed = true
		for _, c := range s.conns {
			conns = append(conns, c)
		}
		s.Unlock()
	}
	return sortConns(conns)
}

// isClosed says whether closeAll was called.
func (t *flowTable) isClosed() bool {
	s := &t.shards[0]
	s.RLock()
	defer s.RUnlock()
	return s.closed
}
