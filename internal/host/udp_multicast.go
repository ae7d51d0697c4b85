package host

import (
	"net/netip"
	"slices"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// multicastOptions is how a socket sends to groups.
type multicastOptions struct {
	ifc    *iface // nil: the routes say
	ttl    uint8  // RFC 1112, 6.1: 1 unless the application asks for more
	noLoop bool   // the host's own members get no copy
}

// A udpMembership is a group that a socket has joined on an interface.
type udpMembership struct {
	ifc   *iface
	group netip.Addr
}

// ListenMulticastUDP makes a wildcard socket of one family whose port others made
// in this way may share, up to maxSharing. What is sent to a group or a broadcast
// address comes to all of them, what is for this host alone to the last one.
func (h *Host) ListenMulticastUDP(port uint16, family Family) (*UDPConn, error) {
	b := &portBinding{protocol: wire.ProtocolUDP, addr: netip.IPv6Unspecified(), port: port, family: family, sharing: port != 0}
	if family == FamilyIPv4 {
		b.addr = netip.IPv4Unspecified()
	}
	if err := h.claim(b, netip.AddrPortFrom(netip.IPv6Unspecified(), 0)); err != nil {
		return nil, err
	}
	if port == 0 {
		// A port that was chosen was nobody's; from now on others may have it, too.
		h.ports.mu.Lock()
		b.sharing = true
		h.ports.mu.Unlock()
	}
	return h.openUDP(b, netip.AddrPort{})
}

// JoinGroup makes the host listen to group on the interface of that name, "" being
// the one that leads to the group. As with Linux, datagrams to a group that anybody
// has joined on the interface by which they come are for every socket that is bound
// to their port, and to no address or the group's.
//
// It returns ErrAddrInUse when the socket has joined already, ErrNoBuffers when the
// host has joined too many.
func (c *UDPConn) JoinGroup(ifname string, group netip.Addr) error {
	ifc, group, err := c.groupInterface(ifname, group)
	if err != nil {
		return err
	}
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return ErrClosed
	}
	t := c.h.net.Load()
	c.memberships = slices.DeleteFunc(c.memberships, func(m udpMembership) bool { return t.place(m.ifc) == nil })
	m := udpMembership{ifc, group}
	err = ErrAddrInUse
	if !slices.Contains(c.memberships, m) {
		if err = ifc.groups.join(group); err == nil {
			c.memberships = append(c.memberships, m)
		}
	}
	c.mu.Unlock()
	if err == nil {
		ifc.groups.flush(c.h.clock.Now())
	}
	return err
}

// LeaveGroup takes a JoinGroup back; ErrAddrNotAvail means that there was none. With
// "" it is the first one of the group, wherever the routes lead by now.
func (c *UDPConn) LeaveGroup(ifname string, group netip.Addr) error {
	ifname, group, err := c.groupNames(ifname, group)
	if err != nil {
		return err
	}
	t := c.h.net.Load()
	if ifname != "" && t.ifaceNamed(ifname) == nil {
		return ErrNoInterface
	}
	c.mu.Lock()
	i := slices.IndexFunc(c.memberships, func(m udpMembership) bool {
		return m.group == group && (ifname == "" || m.ifc == t.ifaceNamed(ifname))
	})
	if c.closed || i < 0 {
		err = ErrAddrNotAvail
		if c.closed {
			err = ErrClosed
		}
		c.mu.Unlock()
		return err
	}
	m := c.memberships[i]
	c.memberships = slices.Delete(c.memberships, i, i+1)
	c.mu.Unlock()
	c.leave([]udpMembership{m})
	return nil
}

// leave ends memberships that are not c's any more.
func (c *UDPConn) leave(memberships []udpMembership) {
	for i, m := range memberships {
		m.ifc.groups.leave(m.group)
		if i+1 == len(memberships) || memberships[i+1].ifc != m.ifc {
			m.ifc.groups.flush(c.h.clock.Now())
		}
	}
}

// groupNames checks a group that the application names; its zone says the same as
// ifname.
func (c *UDPConn) groupNames(ifname string, group netip.Addr) (string, netip.Addr, error) {
	group = group.Unmap()
	if ifname == "" {
		ifname = group.Zone()
	}
	group = group.WithZone("")
	if !group.IsMulticast() || !c.family.takes(group) {
		return "", group, ErrInvalid
	}
	return ifname, group, nil
}

// groupInterface returns the interface on which group is to be joined, and the group
// without its zone.
func (c *UDPConn) groupInterface(ifname string, group netip.Addr) (*iface, netip.Addr, error) {
	ifname, group, err := c.groupNames(ifname, group)
	if err != nil {
		return nil, group, err
	}
	if ifname != "" {
		if ifc := c.h.net.Load().ifaceNamed(ifname); ifc != nil {
			return ifc, group, nil
		}
		return nil, group, ErrNoInterface
	}
	r, err := c.h.lookupRoute(netip.Addr{}, group)
	if err != nil {
		return nil, group, ErrNoInterface
	}
	return r.ifc, group, nil
}

// SetMulticastInterface says by which interface datagrams to groups leave; ""
// leaves it to the routes.
func (c *UDPConn) SetMulticastInterface(ifname string) error {
	var ifc *iface
	if ifname != "" {
		if ifc = c.h.net.Load().ifaceNamed(ifname); ifc == nil {
			return ErrNoInterface
		}
	}
	return c.setMulticast(func(o *multicastOptions) { o.ifc = ifc })
}

// SetMulticastTTL sets the time to live, or hop limit, of datagrams to groups, 0 to
// 255. With 0 they do not leave the host.
func (c *UDPConn) SetMulticastTTL(ttl int) error {
	if ttl < 0 || ttl > 255 {
		return ErrInvalid
	}
	return c.setMulticast(func(o *multicastOptions) { o.ttl = uint8(ttl) })
}

// SetMulticastLoopback says whether the host's own members of a group get copies of
// what c sends to it: they do unless it is turned off.
func (c *UDPConn) SetMulticastLoopback(on bool) error {
	return c.setMulticast(func(o *multicastOptions) { o.noLoop = !on })
}

func (c *UDPConn) setMulticast(edit func(*multicastOptions)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	edit(&c.multicast)
	c.cachedFor = netip.Addr{}
	return nil
}

// lookupGroupRoute is lookupRoute for who may have chosen the interface ifc; nil
// means that he has not.
func (h *Host) lookupGroupRoute(ifc *iface, src, dst netip.Addr) (route, error) {
	if ifc == nil || dst.Zone() != "" {
		return h.lookupRoute(src, dst)
	}
	t := h.net.Load()
	if t.place(ifc) == nil || ifc.down.Load() {
		return route{}, ErrNoRoute
	}
	r := route{ifc: ifc, src: src, nextHop: dst, mtu: ifc.mtu(dst)}
	if !src.IsValid() {
		if r.src = t.sourceFor(ifc, dst, dst); !r.src.IsValid() {
			return route{}, ErrNoRoute
		}
	} else if !t.isOwn(src) {
		return route{}, ErrAddrNotAvail
	}
	if ifc.linkInfo.Medium == link.Ethernet {
		r.mac = wire.MulticastMAC(dst)
	}
	return r, nil
}

// sendGroup sends b to a group or a broadcast address by r, and to members here.
func (c *UDPConn) sendGroup(r *route, b []byte, to netip.AddrPort) (int, error) {
	c.mu.Lock()
	options := c.multicast
	c.mu.Unlock()
	dst := to.Addr().WithZone("")
	ttl, stays, loop := options.ttl, options.ttl == 0 || r.ifc == c.h.lo || staysOnNode(dst), !options.noLoop && r.ifc.listensTo(dst)
	if !dst.IsMulticast() {
		ttl, stays, loop = 0, false, true // as with Linux, own broadcasts are heard in any case
	}
	if !stays {
		if _, err := c.sendText(r, b, to, ttl); err != nil {
			return 0, err
		}
	}
	if loop {
		// RFC 1112, 6.1, leaves it to the application whether members on the sending host,
		// of the interface by which the datagram leaves, get a copy.
		from := c.h.withZone(netip.AddrPortFrom(r.src, c.local.Port()), r.src)
		p := inPacket{head: make([]byte, wire.UDPLen), rest: [][]byte{b}, size: wire.UDPLen + len(b)}
		c.h.deliverGroup(from, netip.AddrPortFrom(dst, to.Port()), &p)
	}
	return len(b), nil
}

// listensTo says whether datagrams to the group a are taken on the interface.
func (ifc *iface) listensTo(a netip.Addr) bool {
	return a == allHosts || a == allNodesLink || a == allNodesIface || ifc.groups.has(a)
}

// deliverGroup gives a copy of the datagram p to every socket that takes it. Which
// of them have no room is counted; ReasonUDPPort means that there are none.
func (h *Host) deliverGroup(from, to netip.AddrPort, p *inPacket) Reason {
	var room [8]*UDPConn
	takers := h.udp.findGroup(room[:0], to)
	if len(takers) == 0 {
		return ReasonUDPPort
	}
	for _, c := range takers {
		if r := c.receive(from, p); r != ReasonNone {
			h.stats.drop(r)
		}
	}
	return ReasonNone
}

// findGroup appends the sockets that take what is sent to local, a group's or a
// broadcast address: those that sockets of Linux with the option IP_MULTICAST_ALL
// are, which is the default.
func (t *udpTable) findGroup(takers []*UDPConn, local netip.AddrPort) []*UDPConn {
	k := makeFlowKey(local, netip.AddrPort{})
	t.mu.RLock()
	defer t.mu.RUnlock()
	takers = append(takers, t.sockets[k]...)
	k.local = unspecified[familyIndex(local.Addr())].As16()
	return append(takers, t.sockets[k]...)
}

// udpGroup takes a datagram for a group or a broadcast address.
func (b *inputBatch) udpGroup(srcPort, dstPort uint16) Reason {
	p := &b.p
	r := b.h.deliverGroup(netip.AddrPortFrom(p.replyTo(), srcPort), netip.AddrPortFrom(p.dst, dstPort), p)
	if r == ReasonUDPPort {
		b.portUnreachable()
	}
	return r
}
