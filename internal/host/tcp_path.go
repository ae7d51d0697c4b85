package host

import "time"

// A tcpRoute is what a connection keeps of its route: a third, the rest stands in its
// key, or belongs to groups.
type tcpRoute struct {
	ifc        *iface
	nbr        *neighbour // nil: there is none to find
	mtu        uint32     // bytes, IP header included
	generation uint32     // of the topology in which it was found
}

func (r *route) forTCP(generation uint32) tcpRoute {
	return tcpRoute{ifc: r.ifc, nbr: r.nbr, mtu: uint32(r.mtu), generation: generation}
}

// whole returns r for sending, for which nobody asks who is next.
func (r *tcpRoute) whole(key *flowKey) route {
	return route{ifc: r.ifc, src: key.localAddrPort().Addr(), nbr: r.nbr, mtu: int(r.mtu)}
}

// What a connection learns of its path, by ICMP or by what is lost, is kept for
// later connections and for datagrams to the same destination.

// usePathMTULocked tells the machine what others have learnt of the path.
func (c *TCPConn) usePathMTULocked(now time.Time) {
	local, remote := c.key.localAddrPort().Addr(), c.key.remoteAddrPort().Addr()
	if mtu := c.h.pathMTUs.limit(now, remote, int(c.route.mtu)); mtu < int(c.route.mtu) {
		c.m.LimitMSS(now, mssForMTU(mtu, local))
	}
}

// keepPathMTULocked keeps what the machine has learnt, if there are news.
func (c *TCPConn) keepPathMTULocked(now time.Time) {
	mss, ok := c.m.PathNews()
	if !ok {
		return
	}
	local, remote := c.key.localAddrPort().Addr(), c.key.remoteAddrPort().Addr()
	if mss == 0 {
		c.h.pathMTUs.forget(remote)
		return
	}
	c.h.learnPathMTU(now, remote, mss-mssForMTU(0, local))
}
