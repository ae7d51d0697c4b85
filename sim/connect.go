package sim

import (
	"fmt"
	"net/netip"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link"
)

// A Node is a *Host, a *Router, a *Switch, or what embeds one of them.
type Node interface {
	fmt.Stringer
	host() *Host
	ethernet() *Switch
}

func (h *Host) host() *Host         { return h }
func (h *Host) ethernet() *Switch   { return nil }
func (s *Switch) host() *Host       { return nil }
func (s *Switch) ethernet() *Switch { return s }

// hostOf returns the host that n is, nil if it is none.
func hostOf(n Node) *Host {
	if r, ok := n.(*Router); n == nil || ok && r == nil {
		return nil
	}
	return n.host()
}

// switchOf returns the switch that n is, nil if it is none.
func switchOf(n Node) *Switch {
	if n == nil || hostOf(n) != nil {
		return nil
	}
	if _, ok := n.(*Router); ok {
		return nil
	}
	return n.ethernet()
}

// worldOf returns the world of n, nil if it is no node.
func worldOf(n Node) *World {
	if h := hostOf(n); h != nil {
		return h.w
	}
	if s := switchOf(n); s != nil {
		return s.w
	}
	return nil
}

func nodeName(n Node) string {
	if worldOf(n) == nil {
		return "nothing"
	}
	return n.String()
}

// A network is what has one prefix of each family: a cable between two hosts, or an
// Ethernet of switches. Guarded by the world's lock.
type network struct {
	lan      bool
	v4, v6   netip.Prefix // valid once there is a host
	members  []*place
	routers  []*place // of members
	switches []*Switch
}

// A place is where a host is attached to a network.
type place struct {
	host         *Host
	net          *network
	port         *port
	ifname       string
	addr4, addr6 netip.Prefix
}

// Bounds of the numbering: 10.0.0.0/24 to 10.127.255.0/24 are cables, 10.128.0.0/16
// to 10.255.0.0/16 Ethernets. IPv6 networks are fd00:0:0:n::/64 of RFC 4193, whose
// 40 random bits are 0 for the sake of the reader.
const (
	maxCables     = 128 << 8
	maxLANs       = 128
	maxLANMembers = 1<<16 - 2
	firstLAN      = 0x8000 // in the IPv6 numbering
)

// Connect joins two nodes, which are hosts, routers or switches, by a cable: path is
// what happens to packets from a to b, path.Back to those from b to a. Hosts and
// routers get an interface, eth0, eth1 and so on, with an IPv4 and an IPv6 address, and
// routes to all networks that routers lead to; of several ways to one, the one with the
// fewest routers. It panics, with the reason, when that makes no sense: a path out of
// its bounds, a node joined to itself, a closed host.
func (w *World) Connect(a, b Node, path Path) *Cable {
	w.mu.Lock()
	defer w.mu.Unlock()
	if worldOf(a) == nil || worldOf(b) == nil {
		panic(fmt.Sprintf("sim: Connect of %s and %s: want two nodes", nodeName(a), nodeName(b)))
	}
	c := w.cableLocked(a, b, path)
	ha, hb := hostOf(a), hostOf(b)
	for _, h := range []*Host{ha, hb} {
		if h != nil && h.closed.Load() {
			panic(fmt.Sprintf("sim: host %q is closed: connect it before", h.name))
		}
	}
	sa, sb := switchOf(a), switchOf(b)
	switch {
	case ha != nil && hb != nil:
		n := w.newNetworkLocked()
		pa, pb := c.port(0), c.port(1)
		w.joinLocked(ha, n, pa)
		w.joinLocked(hb, n, pb)
	case ha != nil:
		p := c.port(0)
		c.plug(sb, 1)
		w.joinLocked(ha, w.numberedLocked(sb.net), p)
	case hb != nil:
		p := c.port(1)
		c.plug(sa, 0)
		w.joinLocked(hb, w.numberedLocked(sa.net), p)
	default:
		mergeLocked(sa, sb)
		c.plug(sa, 0)
		c.plug(sb, 1)
	}
	w.cables = append(w.cables, c)
	w.routeLocked()
	return c
}

// cableLocked returns a cable that joins nothing yet.
func (w *World) cableLocked(a, b Node, path Path) *Cable {
	w.engine.present() // panics in a bubble that is not the world's
	if w.closed {
		panic(fmt.Sprintf("sim: %v and %v cannot be connected: the world is closed", a, b))
	}
	for _, n := range []Node{a, b} {
		if worldOf(n) != w {
			panic(fmt.Sprintf("sim: %v is a node of another world", n))
		}
	}
	switch {
	case hostOf(a) != nil && hostOf(a) == hostOf(b):
		panic(fmt.Sprintf("sim: %v cannot be connected to itself: it reaches itself at localhost", a))
	case hostOf(a) == nil && switchOf(a) == switchOf(b):
		panic(fmt.Sprintf("sim: %v cannot be connected to itself: packets would go round for ever", a))
	}
	c := &Cable{w: w, number: len(w.cables), name: a.String() + "-" + b.String(), mtu: path.MTU}
	if c.mtu == 0 {
		c.mtu = defaultMTU
	}
	c.checkPath(&path)
	medium := link.Ethernet
	if hostOf(a) != nil && hostOf(b) != nil {
		medium = link.IP
	}
	for i, ends := range [2][2]Node{{a, b}, {b, a}} {
		w.ids++
		y := &way{w: w, id: w.ids, cable: c, from: ends[0].String(), to: ends[1].String(), medium: medium}
		y.leaving = event{kind: departure, who: y.id, index: -1, actor: y}
		c.ways[i] = y
	}
	c.applyLocked(&path)
	return c
}

// newNetworkLocked returns the network of one cable between hosts.
func (w *World) newNetworkLocked() *network {
	k := w.networks
	if k == maxCables {
		panic(fmt.Sprintf("sim: more than %d cables between hosts; use a Switch", maxCables))
	}
	w.networks++
	return &network{
		v4: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(k >> 8), byte(k)}), 24),
		v6: prefix6(k),
	}
}

// numberedLocked gives an Ethernet its prefixes if it has none.
func (w *World) numberedLocked(n *network) *network {
	if n.v4.IsValid() {
		return n
	}
	if w.lans == maxLANs {
		panic(fmt.Sprintf("sim: more than %d Ethernets; connect their switches to each other", maxLANs))
	}
	n.v4 = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(128 + w.lans)}), 16)
	n.v6 = prefix6(firstLAN + w.lans)
	w.lans++
	return n
}

func prefix6(k int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom16([16]byte{0: 0xfd, 6: byte(k >> 8), 7: byte(k)}), 64)
}

// member returns the address of the n-th member of a network.
func member(p netip.Prefix, n int) netip.Prefix {
	b := p.Addr().AsSlice()
	b[len(b)-2], b[len(b)-1] = byte(n>>8), byte(n)
	addr, _ := netip.AddrFromSlice(b)
	if p.Addr().Is4() && p.Bits() == 24 {
		b[len(b)-2] = p.Addr().As4()[2]
		addr, _ = netip.AddrFromSlice(b)
	}
	return netip.PrefixFrom(addr, p.Bits())
}

// port makes a port at an end of a cable, which takes what arrives there from now on.
func (c *Cable) port(end int) *port {
	p := newPort(c, end)
	c.ways[1-end].setDeliver(p.receive)
	return p
}

// plug joins a switch to an end of a cable.
func (c *Cable) plug(s *Switch, end int) {
	out, in := c.ways[end], c.ways[1-end]
	in.setDeliver(func(packets []link.Packet) { s.forward(out, packets) })
	e := c.w.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	s.ways = append(s.ways[:len(s.ways):len(s.ways)], out)
}

// joinLocked makes h a member of a network, by an interface at a port.
func (w *World) joinLocked(h *Host, n *network, port *port) {
	if len(n.members) == maxLANMembers {
		panic(fmt.Sprintf("sim: more than %d hosts in one Ethernet", maxLANMembers))
	}
	number := len(n.members) + 1
	p := &place{host: h, net: n, port: port, ifname: fmt.Sprintf("eth%d", len(h.places)), addr4: member(n.v4, number), addr6: member(n.v6, number)}
	p.attach()
	h.places = append(h.places, p)
	n.members = append(n.members, p)
	if h.router {
		n.routers = append(n.routers, p)
	}
}

// attach gives the host's stack its interface, and returns when it receives.
func (p *place) attach() {
	err := p.host.Attach(p.port, usernet.Interface{Name: p.ifname, Addrs: []netip.Prefix{p.addr4, p.addr6}})
	if err != nil {
		panic(fmt.Sprintf("sim: host %q: %v", p.host.name, err))
	}
	<-p.port.up
}

// mergeLocked makes one Ethernet of those of two switches.
func mergeLocked(a, b *Switch) {
	n, other := a.net, b.net
	switch {
	case n == other:
		panic(fmt.Sprintf("sim: %v and %v are connected already: packets would go round for ever", a, b))
	case len(n.members) > 0 && len(other.members) > 0:
		panic(fmt.Sprintf("sim: there are hosts at both %v and %v, with addresses of two networks: connect the switches first", a, b))
	case len(other.members) > 0:
		n, other = other, n
	}
	for _, s := range other.switches {
		s.net = n
	}
	n.switches = append(n.switches, other.switches...)
}
