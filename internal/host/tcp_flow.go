package host

import (
	"bytes"
	"cmp"
	"net/netip"
	"slices"
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
