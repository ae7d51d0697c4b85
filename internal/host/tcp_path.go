package host

import "time"

// What a connection learns of its path, by ICMP or by what is lost, is kept for
// later connections and for datagrams to the same destination.

// usePathMTULocked tells the machine what others have learnt of the path.
func (c *TCPConn) usePathMTULocked(now time.Time) {
	local, remote := c.key.localAddrPort().Addr(), c.key.remoteAddrPort().Addr()
	if mtu := c.h.pathMTUs.limit(now, remote, c.route.mtu); mtu < c.route.mtu {
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
