package host

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet/wire"
)

// RFC 4861, 7.3.3: what waits for a default router that does not answer goes by the
// next one, so that a dial succeeds. If that does not answer either, it fails.
func TestDialByAnotherRouter(t *testing.T) {
	for _, second := range []string{"known", "answers", "dead"} {
		t.Run(second, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRouterRig(t, InterfaceConfig{Addrs: hostNets[1:]})
				time.Sleep(3 * time.Second)
				next := wire.RouterAdvertisement{RouterLifetime: 1800}
				if second == "known" {
					next.SourceMAC = peerMAC
				}
				r.inject(routerPacket(router1, wire.RouterAdvertisement{RouterLifetime: 1800, Preference: wire.PreferenceHigh}))
				r.inject(routerPacket(router2, next))
				start := time.Now()
				c, err := r.h.DialTCP(netip.AddrPort{}, netip.AddrPortFrom(far6, 9), TCPOptions{})
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(3*time.Second + time.Millisecond) // three solicitations
				if second == "answers" {
					na := wire.NeighborAdvertisement{Router: true, Solicited: true, Override: true, Target: router2, TargetMAC: peerMAC}
					r.inject(frame(withHopLimit(ip(router2, r.linkLocal(), wire.ProtocolICMPv6, na.Append(nil)), 255)))
				}
				if second == "dead" {
					<-c.Connected()
					if took := time.Since(start); c.ConnectError() != ErrHostUnreachable || took > 7*time.Second {
						t.Errorf("%v after %v", c.ConnectError(), took)
					}
					return
				}
				syns := 0
				for _, s := range r.l.take() {
					if e, _, _ := wire.ParseEthernet(s.frame); e.Type == wire.EtherTypeIPv6 {
						if p := r.parse(s.frame); p.protocol == wire.ProtocolTCP && p.dst == far6 && p.eth.Dst == peerMAC {
							syns++
						}
					}
				}
				if syns == 0 {
					t.Error("no SYN went by the second router")
				}
				c.Close()
			})
		})
	}
}

// RFC 4861, 7.2.5: an advertisement without the Override flag that tells another
// MAC makes the entry STALE, and must "not update the entry in any other way": the
// router stays one. One with the flag says that it is none.
func TestNotRouterNeedsOverride(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRouterRig(t, InterfaceConfig{Addrs: hostNets[1:]})
		time.Sleep(3 * time.Second)
		r.inject(routerPacket(router1, slaacMessage(forEver, forEver)))
		r.h.lookupRoute(netip.Addr{}, far6)
		advertise := func(override, solicited bool, mac wire.MAC) {
			na := wire.NeighborAdvertisement{Router: solicited, Solicited: solicited, Override: override, Target: router1, TargetMAC: mac}
			r.inject(frame(withHopLimit(ip(router1, host6, wire.ProtocolICMPv6, na.Append(nil)), 255)))
		}
		advertise(true, true, peerMAC) // REACHABLE
		r.counted(func() { advertise(false, false, otherMAC) }, ReasonNDUnsolicited)
		if !r.hasRoute("::/0", router1) {
			t.Error("the router is gone")
		}
		if n := r.h.net.Load().places[1].ifc.neighbours.cache.entries[router1]; n.state != neighbourStale || n.mac != peerMAC {
			t.Errorf("the router is %v, %v", n.state, n.mac)
		}
		advertise(true, false, otherMAC)
		if r.hasRoute("::/0", router1) {
			t.Error("the router is still there")
		}
	})
}

// A router's timers are those of IPv6: they do not change ARP's.
func TestRouterTimersAreOfIPv6(t *testing.T) {
	var c neighbourCache
	c.init(8, 0.5)
	c.SetTimes(time.Hour, 10*time.Second)
	now := time.Unix(1000, 0)
	for addr, want := range map[netip.Addr]time.Duration{peer4: retransTimer, peer6: 10 * time.Second} {
		n := c.Get(addr)
		c.Use(now, n, netip.Addr{})
		if d := n.deadline.Sub(now); d != want {
			t.Errorf("%v: asked again after %v, want %v", addr, d, want)
		}
	}
}

// Who does not answer the solicitation of an optimistic address, which tells no MAC,
// is asked again the moment the address is unique.
func TestAskedAgainWhenUnique(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRouterRig(t, InterfaceConfig{Addrs: hostNets})
		time.Sleep(900 * time.Millisecond)
		c := listenUDP(t, r.h, netip.AddrPort{}, FamilyAny)
		if _, err := c.WriteTo([]byte("x"), netip.AddrPortFrom(peer6, 9)); err != nil {
			t.Fatal(err)
		}
		r.told()
		time.Sleep(101 * time.Millisecond)
		want, asked := "NS for 2001:db8::2 from 2001:db8::1, "+hostMAC.String(), false
		for _, told := range r.told() {
			asked = asked || told == want
		}
		if !asked {
			t.Errorf("not asked again: want %q", want)
		}
	})
}
