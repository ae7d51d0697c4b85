package host

import (
	"fmt"
	"net/netip"
	"sync/atomic"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// InterfaceConfig describes an interface.
type InterfaceConfig struct {
	Name     string         // shown as the zone of link-local addresses; "link1" and so on if empty
	Addrs    []netip.Prefix // own addresses, each with the length of its network's prefix
	Gateways []netip.Addr   // default routers, at most one of each family; on Ethernet each in a network of Addrs
	MAC      wire.MAC       // if zero, the link's; if that is zero too, a random one
}

// An iface is one interface: a link and what the host knows about it. All but
// the neighbours is immutable.
type iface struct {
	h        *Host
	name     string
	link     link.Link // nil: packets go to the host itself
	linkInfo link.Info
	mac      wire.MAC
	addrs    []netip.Prefix // addresses as configured, not masked; a made link-local one last

	neighbours neighbourTable
	down       atomic.Bool  // the link has ended
	conflict   atomic.Int64 // when another host last claimed our address, since Host.epoch; 0: never
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
		addrs: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/8"), netip.MustParsePrefix("::1/128")},
	}
}

// newInterface checks what config and the link say of each other.
func newInterface(h *Host, l link.Link, config InterfaceConfig) (*iface, error) {
	ifc := &iface{h: h, name: config.Name, link: l, linkInfo: l.Info()}
	info := &ifc.linkInfo
	switch {
	case info.MTU < minMTUv4 || info.MTU > loopbackMTU:
		return nil, fmt.Errorf("%w: the link's MTU of %d is not in %d to %d", ErrBadInterface, info.MTU, minMTUv4, loopbackMTU)
	case info.Queues < 1 || info.MaxPieces < 2:
		return nil, fmt.Errorf("%w: the link says %d queues and %d pieces a packet", ErrBadInterface, info.Queues, info.MaxPieces)
	}
	for _, p := range config.Addrs {
		if err := checkAddress(p, info); err != nil {
			return nil, err
		}
		ifc.addrs = append(ifc.addrs, netip.PrefixFrom(p.Addr().WithZone(""), p.Bits()))
	}
	if err := ifc.checkGateways(config.Gateways); err != nil {
		return nil, err
	}
	if info.Medium == link.Ethernet {
		if err := ifc.chooseMAC(config.MAC); err != nil {
			return nil, err
		}
		ifc.addLinkLocal()
	}
	return ifc, ifc.neighbours.init(ifc)
}

const (
	minMTUv4 = 68   // RFC 791, 3.2: every link passes so many bytes
	minMTUv6 = 1280 // RFC 8200, 5
)

func checkAddress(p netip.Prefix, info *link.Info) error {
	a := p.Addr()
	switch {
	case !p.IsValid() || a.Is4In6():
		return fmt.Errorf("%w: %v is no address with a prefix length, as in 10.0.0.1/24", ErrBadInterface, p)
	case a.IsUnspecified() || a.IsMulticast() || a.IsLoopback() || a == limitedBroadcast:
		return fmt.Errorf("%w: %v cannot be an interface's address", ErrBadInterface, a)
	case a.Is4() && a == broadcastOf(p):
		return fmt.Errorf("%w: %v is the broadcast address of its network", ErrBadInterface, p)
	case a.Is6() && info.MTU < minMTUv6:
		return fmt.Errorf("%w: %v needs an MTU of %d, the link has %d", ErrBadInterface, a, minMTUv6, info.MTU)
	}
	return nil
}

func (ifc *iface) checkGateways(gateways []netip.Addr) error {
	var seen [2]bool
	for _, g := range gateways {
		i := 0
		if g.Is6() {
			i = 1
		}
		switch {
		case !g.IsValid() || g.Is4In6() || g.IsUnspecified() || g.IsMulticast():
			return fmt.Errorf("%w: %v cannot be a gateway", ErrBadInterface, g)
		case seen[i]:
			return fmt.Errorf("%w: %v is the second gateway of its family", ErrBadInterface, g)
		case ifc.linkInfo.Medium == link.Ethernet && !g.IsLinkLocalUnicast() && !ifc.onLink(g):
			return fmt.Errorf("%w: the gateway %v lies in no network of the interface's addresses", ErrBadInterface, g)
		}
		seen[i] = true
	}
	return nil
}

// onLink says whether a lies in a network of ifc's own addresses.
func (ifc *iface) onLink(a netip.Addr) bool {
	for _, p := range ifc.addrs {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

func (ifc *iface) chooseMAC(configured wire.MAC) error {
	ifc.mac = configured
	if ifc.mac.IsZero() {
		ifc.mac = ifc.linkInfo.MAC
	}
	if ifc.mac.IsMulticast() {
		return fmt.Errorf("%w: %v is the MAC of a group", ErrBadInterface, ifc.mac)
	}
	if ifc.mac.IsZero() {
		if err := ifc.h.random(ifc.mac[:]); err != nil {
			return err
		}
		ifc.mac[0] = ifc.mac[0]&^1 | 2 // no group, locally administered
	}
	return nil
}

// addLinkLocal gives an interface that has an IPv6 address a link-local one.
//
// RFC 4291, 2.1: "All interfaces are required to have at least one Link-Local
// unicast address". Its interface identifier is that of appendix A.
func (ifc *iface) addLinkLocal() {
	v6 := false
	for _, p := range ifc.addrs {
		v6 = v6 || p.Addr().Is6()
		if p.Addr().Is6() && p.Addr().IsLinkLocalUnicast() {
			return
		}
	}
	if !v6 {
		return
	}
	m := ifc.mac
	a := netip.AddrFrom16([16]byte{0: 0xfe, 1: 0x80, 8: m[0] ^ 2, 9: m[1], 10: m[2], 11: 0xff, 12: 0xfe, 13: m[3], 14: m[4], 15: m[5]})
	ifc.addrs = append(ifc.addrs, netip.PrefixFrom(a, 64))
}

// info describes the link.
func (ifc *iface) info() *link.Info { return &ifc.linkInfo }

// receive takes what arrives on one queue until the link is closed. started is
// told right before.
func (ifc *iface) receive(queue int, started chan<- struct{}) {
	defer ifc.h.receivers.Done()
	started <- struct{}{}
	if err := ifc.link.Receive(queue, ifc.deliver); err != nil {
		ifc.down.Store(true)
		ifc.h.log.Error("link ended", "interface", ifc.name, "queue", queue, "error", err)
	}
}

// close closes the link; deliveries are over when it returns.
func (ifc *iface) close() {
	if ifc.link == nil {
		return
	}
	if err := ifc.link.Close(); err != nil {
		ifc.h.log.Error("link does not close", "interface", ifc.name, "error", err)
	}
}

// sourceFor returns ifc's address for packets to nextHop: the one whose network
// covers it, else the first of the family that fits its scope.
func (ifc *iface) sourceFor(nextHop netip.Addr) netip.Addr {
	var first, any netip.Addr
	for _, p := range ifc.addrs {
		a := p.Addr()
		switch {
		case a.Is4() != nextHop.Is4():
		case p.Contains(nextHop):
			return a
		case !any.IsValid():
			any = a
		}
		if a.Is4() == nextHop.Is4() && !first.IsValid() && a.IsLinkLocalUnicast() == nextHop.IsLinkLocalUnicast() {
			first = a
		}
	}
	if first.IsValid() {
		return first
	}
	return any
}
