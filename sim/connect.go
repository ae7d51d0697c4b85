package sim

import (
	"fmt"
	"net/netip"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// A Node is a *Host, a *Router or a *Switch.
type Node interface {
	fmt.Stringer
	world() *World
}

func (h *Host) world() *World   { return h.w }
func (s *Switch) world() *World { return s.w }

// hostOf returns the host that n is, nil if it is none.
func hostOf(n Node) *Host {
	switch n := n.(type) {
	case *Host:
		return n
	case *Router:
		return n.Host
	}
	return nil
}

func isNil(n Node) bool {
	switch n := n.(type) {
	case *Host:
		return n == nil
	case *Router:
		return n == nil
	case *Switch:
		return n == nil
	}
	return n == nil
}

func nodeName(n Node) string {
	if isNil(n) {
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
	if isNil(a) || isNil(b) {
		panic(fmt.Sprintf("sim: Connect of %s and %s: want two nodes", nodeName(a), nodeName(b)))
	}
	c := w.cableLocked(a, b, path)
	ha, hb := hostOf(a), hostOf(b)
	for _, h := range []*Host{ha, hb} {
		if h != nil && h.closed.Load() {
			panic(fmt.Sprintf("sim: host %q is closed: connect it before", h.name))
		}
	}
	sa, _ := a.(*Switch)
	sb, _ := b.(*Switch)
	switch {
	case ha != nil && hb != nil:
		n := w.newNetworkLocked()
		// Both ends are there before the first one sends.
		pa, pb := c.portLocked(0, link.IP), c.portLocked(1, link.IP)
		w.attachLocked(ha, n, pa)
		w.attachLocked(hb, n, pb)
	case ha != nil:
		w.plugLocked(sb, c, 1)
		w.attachLocked(ha, w.numberedLocked(sb.net), c.portLocked(0, link.Ethernet))
	case hb != nil:
		w.plugLocked(sa, c, 0)
		w.attachLocked(hb, w.numberedLocked(sa.net), c.portLocked(1, link.Ethernet))
	default:
		mergeLocked(sa, sb)
		w.plugLocked(sa, c, 0)
		w.plugLocked(sb, c, 1)
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
		if n.world() != w {
			panic(fmt.Sprintf("sim: %v is a node of another world", n))
		}
	}
	switch {
	case hostOf(a) != nil && hostOf(a) == hostOf(b):
		panic(fmt.Sprintf("sim: %v cannot be connected to itself: it reaches itself at localhost", a))
	case a == b:
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

// portLocked returns the port at an end of a cable.
func (c *Cable) portLocked(end int, medium link.Medium) *port {
	id := c.ways[end].id
	p := newPort(c.w, medium, c.mtu, wire.MAC{0x02, 0, byte(id >> 24), byte(id >> 16), byte(id >> 8), byte(id)})
	p.out = c.ways[end]
	c.ways[1-end].deliver = p.receive
	return p
}

// attachLocked gives h an interface at a port.
func (w *World) attachLocked(h *Host, n *network, port *port) {
	if len(n.members) == maxLANMembers {
		panic(fmt.Sprintf("sim: more than %d hosts in one Ethernet", maxLANMembers))
	}
	number := len(n.members) + 1
	p := &place{host: h, net: n, ifname: fmt.Sprintf("eth%d", len(h.places)), addr4: member(n.v4, number), addr6: member(n.v6, number)}
	if err := h.Attach(port, usernet.Interface{Name: p.ifname, Addrs: []netip.Prefix{p.addr4, p.addr6}}); err != nil {
		panic(fmt.Sprintf("sim: host %q: %v", h.name, err))
	}
	<-port.up
	h.places = append(h.places, p)
	n.members = append(n.members, p)
	if h.router {
		n.routers = append(n.routers, p)
	}
}

// plugLocked joins a switch to an end of a cable.
func (w *World) plugLocked(s *Switch, c *Cable, end int) {
	in, out := c.ways[1-end], c.ways[end]
	in.deliver = func(packets []link.Packet) { s.forward(out, packets) }
	w.engine.mu.Lock()
	defer w.engine.mu.Unlock()
	s.ways = append(s.ways[:len(s.ways):len(s.ways)], out)
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
