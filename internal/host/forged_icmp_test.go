package host

import (
	"net/netip"
	"testing"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// An ICMP error goes to the host that sent the packet it quotes, and what a host
// sends to itself never leaves it. Errors that say otherwise are forged.
func TestForgedICMPErrors(t *testing.T) {
	mapped := netip.AddrFrom16(loopback4.As16())
	linkLocal := netip.MustParseAddr("fe80::1") // stands for the host's
	for _, c := range []struct {
		name     string
		local    netip.Addr // of a socket that is connected to remote
		remote   netip.Addr
		src, dst netip.Addr // of the quoted packet, where they differ from the socket's
		to       netip.Addr // destination of the error
	}{
		{"about what was sent over loopback", loopback4, loopback4, loopback4, loopback4, host4},
		{"about the same over IPv6", netip.IPv6Loopback(), netip.IPv6Loopback(), netip.IPv6Loopback(), netip.IPv6Loopback(), host6},
		{"about IPv4-mapped loopback", loopback4, loopback4, mapped, mapped, host6},
		{"about what was sent to ourselves", host4, host4, host4, host4, host4},
		{"about the same over IPv6", host6, host6, host6, host6, host6},
		{"to another address than the quoted source", host6, peer6, host6, peer6, linkLocal},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, Config{}, link.Info{})
			if c.to == linkLocal {
				c.to = r.linkLocal()
			}
			if r.h.net.Load().isOwn(c.remote) {
				listenUDP(t, r.h, netip.AddrPortFrom(c.remote, udpPort), FamilyAny)
			}
			sock, err := r.h.DialUDP(netip.AddrPortFrom(c.local, 0), netip.AddrPortFrom(c.remote, udpPort))
			if err != nil {
				t.Fatal(err)
			}
			quote := udpPacket(netip.AddrPortFrom(c.src, sock.LocalAddr().Port()), netip.AddrPortFrom(c.dst, udpPort), "x")
			head, src, p := []byte{3, 3, 0, 0, 0, 0, 0, 0}, peer4, wire.ProtocolICMPv4
			if c.to.Is6() {
				head, src, p = []byte{1, 4, 0, 0, 0, 0, 0, 0}, peer6, wire.ProtocolICMPv6
			}
			r.counted(func() { r.inject(frame(ip(src, c.to, p, append(head, quote...)))) }, ReasonICMPErrorUnknown)
			if _, err := sock.Write([]byte("x")); err != nil {
				t.Errorf("the socket was told of a forged error: %v", err)
			}
		})
	}
}

// RFC 6980, 5: neighbour discovery does not come in fragments, nor in what claims
// to be one.
func TestNeighbourDiscoveryInFragments(t *testing.T) {
	ns := wire.NeighborSolicitation{Target: host6, SourceMAC: otherMAC}
	na := wire.NeighborAdvertisement{Target: peer6, TargetMAC: otherMAC, Solicited: true, Override: true}
	for name, m := range map[string][]byte{"solicitation": ns.Append(nil), "advertisement": na.Append(nil)} {
		m = ip(peer6, host6, wire.ProtocolICMPv6, m)[wire.IPv6Len:]
		piece := func(next wire.Protocol, from, to int, options bool) []byte {
			f := wire.IPv6Fragment{NextHeader: next, Offset: from, MoreFragments: to < len(m), ID: 1}
			b := f.Append(nil)
			if options {
				b = append(b, options6(wire.ProtocolICMPv6, 1, 4, 0, 0, 0, 0)...)
			}
			return frame(withHopLimit(rawIP(peer6, host6, wire.ProtocolFragment, append(b, m[from:to]...)), 255))
		}
		r := newRig(t, Config{}, link.Info{})
		mac := func() wire.MAC { return r.h.net.Load().places[1].ifc.neighbours.get(peer6).mac }
		r.counted(func() { r.inject(piece(wire.ProtocolICMPv6, 0, len(m), false)) }, ReasonNDFragment)
		r.counted(func() { r.inject(piece(wire.ProtocolDestination, 0, len(m), true)) }, ReasonNDFragment)
		r.inject(piece(wire.ProtocolICMPv6, 0, 24, false))
		r.counted(func() { r.inject(piece(wire.ProtocolICMPv6, 24, len(m), false)) }, ReasonNDFragment)
		r.silent()
		if mac() != peerMAC {
			t.Errorf("%s: the neighbour is believed to be at %v", name, mac())
		}
		// What comes next in the same batch is none.
		r.counted(func() {
			r.deliver([]link.Packet{
				{Data: [][]byte{piece(wire.ProtocolICMPv6, 0, len(m), false)}}, {Data: [][]byte{solicitation(peer6, host6)}},
			})
		}, ReasonNDFragment)
		r.one()
	}
}
