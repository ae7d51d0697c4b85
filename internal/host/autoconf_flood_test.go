package host

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet/wire"
)

// A neighbour that floods the link with advertisements, redirects, solicitations and
// ARP packets in the name of many stays within the bounds, lets the host change its
// routes only now and then, and costs the other neighbours and the router nothing.
func TestFloodOfOneNeighbour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRouterRig(t, InterfaceConfig{Addrs: hostNets})
		r.l.all = false
		checked(r.h)
		r.l.take()
		r.introduce()
		r.inject(routerPacket(router1, slaacMessage(forEver, forEver)))
		c := listenUDP(t, r.h, netip.AddrPortFrom(netip.IPv6Unspecified(), udpPort), FamilyAny)
		exchange := func(when string) {
			t.Helper()
			r.inject(arpFrame(wire.ARPReply, peerMAC, peer4, hostMAC, host4)) // they are there
			r.inject(advertisement(peer6, peerMAC, true))
			for _, peer := range []netip.AddrPort{fromPeer4, fromPeer6} {
				r.l.take()
				if _, err := c.WriteTo([]byte("x"), peer); err != nil {
					t.Fatal(err)
				}
				if p := r.parse(r.one()); p.eth.Dst != peerMAC || p.dst != peer.Addr() {
					t.Errorf("%s: sent to %v, %v", when, p.dst, p.eth.Dst)
				}
			}
		}
		exchange("before")
		rnd := rand.New(rand.NewChaCha8([32]byte{7}))
		local := func() netip.Addr {
			return netip.AddrFrom16([16]byte{0: 0xfe, 1: 0x80, 14: byte(rnd.Uint32()), 15: byte(rnd.Uint32())})
		}
		before := r.h.routeGeneration()
		const seconds = 20
		for range seconds {
			for range 250 {
				m := slaacMessage(100, 100)
				m.SourceMAC, m.RouterLifetime = otherMAC, uint16(rnd.Uint32())
				m.Prefixes[0].Prefix = netip.PrefixFrom(netip.AddrFrom16([16]byte{0: 0x20, 1: 1, 6: byte(rnd.Uint32()), 7: byte(rnd.Uint32())}), 64)
				redirect := wire.Redirect{Target: local(), Destination: netip.AddrFrom16([16]byte{0: 0x20, 1: 2, 15: byte(rnd.Uint32())})}
				ask := wire.NeighborSolicitation{Target: host6, SourceMAC: otherMAC}
				for _, frame := range [][]byte{
					routerPacket(local(), m),
					frame(withHopLimit(ip(router1, host6, wire.ProtocolICMPv6, redirect.Append(nil)), 255)),
					frame(withHopLimit(ip(local(), host6, wire.ProtocolICMPv6, ask.Append(nil)), 255)),
					arpFrame(wire.ARPRequest, otherMAC, netip.AddrFrom4([4]byte{10, 0, 1, byte(rnd.Uint32())}), wire.MAC{}, host4),
					arpFrame(wire.ARPRequest, otherMAC, host4, wire.MAC{}, host4), // claims our address
				} {
					r.inject(frame)
				}
				r.l.take()
			}
			r.checkBounds()
			exchange("during")
			time.Sleep(time.Second)
		}
		// Each advertisement or redirect that is looked at changes the topology once, and
		// so does the check of each address.
		n, most := int(r.h.routeGeneration()-before), seconds*(2*maxRouterRate+maxRedirectRate)+2*maxRouterBurst+maxRedirects+maxAutoconf
		if len(r.h.net.Load().places[1].ifc.autoconf.routers.redirects) != maxRedirects || n < maxRedirects || n > most {
			t.Errorf("%d changes in %d s, want at most %d", n, seconds, most)
		}
		if !r.hasRoute("::/0", router1) || r.h.net.Load().own[host4] == nil {
			t.Errorf("the router or the address is gone: %v", r.h.Routes())
		}
	})
}
