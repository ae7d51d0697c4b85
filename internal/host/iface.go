package host

import (
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/usernet-go/usernet/internal/text"
	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// InterfaceConfig describes an interface.
type InterfaceConfig struct {
	Name     string         // shown as the zone of link-local addresses; "link1" and so on if empty
	Addrs    []netip.Prefix // own addresses, each with the length of its network's prefix
	Gateways []netip.Addr   // default routers, at most one of each family; on Ethernet each in a network of Addrs
	MAC      wire.MAC       // if zero, the link's; if that is zero too, a random one

	DetectDuplicates bool // addresses are used only when no other host has them
	Autoconfigure    bool // routers are looked for and heeded
}

// An iface is one interface: a link and what the host knows about it. Which
// addresses it has says the topology; all but the neighbours is immutable.
type iface struct {
	h        *Host
	name     string
	index    uint32    // unlike those of all other interfaces that the host ever had; 0: lo
	link     link.Link // nil: packets go to the host itself
	linkInfo link.Info
	mac      wire.MAC

	neighbours neighbourTable
	groups     groupTable
	autoconf   *autoconf      // nil unless the medium is Ethernet
	hopLimit   atomic.Uint32  // what a router has told, for IPv6; 0: nothing
	mtu6       atomic.Uint32  // likewise
	receivers  sync.WaitGroup // goroutines of the link's receive queues
	down       atomic.Bool    // the link has ended
}

// loopbackMTU is the largest packet that IPv4 can tell the length of.
const loopbackMTU = 65535

// newLoopback makes the interface by which a host reaches itself.
func newLoopback(h *Host) *iface {
	return &iface{
		h: h, name: "lo",
		linkInfo: link.Info{
			Medium: link.IP, MTU: loopbackMTU, MaxSegment: loopbackMTU,
			MaxPieces: 1 << 16, ChecksumOffload: true, Queues: 1,
		},
	}
}

// newInterface makes an interface of the link, with the addresses that it starts
// with.
func newInterface(h *Host, l link.Link, config InterfaceConfig) (*iface, []address, error) {
	ifc := &iface{h: h, name: config.Name, index: h.interfaces.Add(1), link: l, linkInfo: l.Info()}
	info := &ifc.linkInfo
	switch {
	case info.MTU < minMTUv4 || info.MTU > loopbackMTU:
		return nil, nil, text.Errorf("%w: the link's MTU of %d is not in %d to %d", ErrBadInterface, info.MTU, minMTUv4, loopbackMTU)
	case info.Queues < 1 || info.MaxPieces < 2:
		return nil, nil, text.Errorf("%w: the link says %d queues and %d pieces a packet", ErrBadInterface, info.Queues, info.MaxPieces)
	}
	if info.Medium == link.Ethernet {
		if err := ifc.chooseMAC(config.MAC); err != nil {
			return nil, nil, err
		}
		var err error
		if ifc.autoconf, err = newAutoconf(ifc, &config); err != nil {
			return nil, nil, err
		}
	}
	var addrs []address
	for _, p := range config.Addrs {
		a, err := ifc.newAddress(p)
		if err != nil {
			return nil, nil, err
		}
		addrs = append(addrs, a)
	}
	if err := ifc.groups.init(ifc); err != nil {
		return nil, nil, err
	}
	return ifc, addrs, ifc.neighbours.init(ifc)
}

const (
	minMTUv4 = 68   // RFC 791, 3.2: every link passes so many bytes
	minMTUv6 = 1280 // RFC 8200, 5
)

// newAddress checks an address that the application gives the interface.
func (ifc *iface) newAddress(p netip.Prefix) (address, error) {
	a := p.Addr()
	var err error
	switch {
	case !p.IsValid() || a.Is4In6():
		err = text.Errorf("%w: %v is no address with a prefix length, as in 10.0.0.1/24", ErrBadInterface, p)
	case a.IsUnspecified() || a.IsMulticast() || a.IsLoopback() || a == limitedBroadcast:
		err = text.Errorf("%w: %v cannot be an interface's address", ErrBadInterface, a)
	case a.Is4() && a == broadcastOf(p):
		err = text.Errorf("%w: %v is the broadcast address of its network", ErrBadInterface, p)
	case a.Is6() && ifc.linkInfo.MTU < minMTUv6:
		err = text.Errorf("%w: %v needs an MTU of %d, the link has %d", ErrBadInterface, a, minMTUv6, ifc.linkInfo.MTU)
	}
	return ifc.autoconf.newAddress(netip.PrefixFrom(a.WithZone(""), p.Bits()), originConfigured), err
}

// defaultRoutes returns the routes by an interface's gateways.
func (ifc *iface) defaultRoutes(gateways []netip.Addr) ([]routeEntry, error) {
	var routes []routeEntry
	for _, g := range gateways {
		if !g.IsValid() || g.Is4In6() || g.IsUnspecified() || g.IsMulticast() {
			return nil, text.Errorf("%w: %v cannot be a gateway", ErrBadInterface, g)
		}
		r := routeEntry{prefix: everywhere(g), ifc: ifc, gateway: g.WithZone("")}
		if slices.ContainsFunc(routes, func(other routeEntry) bool { return other.prefix == r.prefix }) {
			return nil, text.Errorf("%w: %v is the second gateway of its family", ErrBadInterface, g)
		}
		routes = append(routes, r)
	}
	return routes, nil
}

// everywhere returns the prefix that contains all addresses of a's family.
func everywhere(a netip.Addr) netip.Prefix {
	if a.Is4() {
		return netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	}
	return netip.PrefixFrom(netip.IPv6Unspecified(), 0)
}

func (ifc *iface) chooseMAC(configured wire.MAC) error {
	ifc.mac = configured
	if ifc.mac.IsZero() {
		ifc.mac = ifc.linkInfo.MAC
	}
	if ifc.mac.IsMulticast() {
		return text.Errorf("%w: %v is the MAC of a group", ErrBadInterface, ifc.mac)
	}
	if ifc.mac.IsZero() {
		if err := ifc.h.random(ifc.mac[:]); err != nil {
			return err
		}
		ifc.mac[0] = ifc.mac[0]&^1 | 2 // no group, locally administered
	}
	return nil
}

// needsLinkLocal says whether an interface with these addresses is to have a
// link-local one besides; v6 says that it is to speak IPv6 without any.
//
// RFC 4291, 2.1: "All interfaces are required to have at least one Link-Local
// unicast address".
func needsLinkLocal(addrs []address, v6 bool) bool {
	for _, a := range addrs {
		ip := a.prefix.Addr()
		if ip.Is6() && ip.IsLinkLocalUnicast() {
			return false
		}
		v6 = v6 || ip.Is6()
	}
	return v6
}

// info describes the link.
func (ifc *iface) info() *link.Info { return &ifc.linkInfo }

// receive takes what arrives on one queue until the link is closed. started is
// told right before.
func (ifc *iface) receive(queue int, started chan<- struct{}) {
	defer ifc.h.receivers.Done()
	defer ifc.receivers.Done()
	started <- struct{}{}
	if err := ifc.link.Receive(queue, ifc.deliver); err != nil {
		ifc.h.log.Error("link ended", "interface", ifc.name, "queue", queue, "error", err)
		ifc.down.Store(true)
		// Routes by it are no routes any more; whoever has one looks again. A host that is
		// being closed has no use for that.
		_ = ifc.h.change(func(*topology) error { return nil })
	}
}

// close closes the link; deliveries are over when it returns.
func (ifc *iface) close() {
	if ifc.autoconf != nil {
		ifc.autoconf.close()
	}
	if ifc.link == nil {
		return
	}
	if err := ifc.link.Close(); err != nil {
		ifc.h.log.Error("link does not close", "interface", ifc.name, "error", err)
	}
}
