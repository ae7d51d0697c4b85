package host

import (
	"net/netip"
	"testing"
	"testing/synctest"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// onePacketEach is a packet of every kind, in its frame.
func onePacketEach() map[string][]byte {
	return map[string][]byte{
		"UDP": good4(), "UDP over IPv6": good6(),
		"UDP to a closed port": frame(udpPacket(fromPeer4, fromPeer4, "x")),
		"SYN":                  frame(tcpPacket(fromPeer4, toTCP4, wire.SYN, 1, 0)),
		"ACK of nothing":       frame(tcpPacket(fromPeer6, toTCP6, wire.ACK, 1, 1)),
		"echo":                 frame(echoRequest(peer4, host4, "data")), "echo over IPv6": frame(echoRequest(peer6, host6, "data")),
		"ARP":                 arpFrame(wire.ARPRequest, peerMAC, peer4, wire.MAC{}, host4),
		"solicitation":        solicitation(peer6, host6),
		"advertisement":       advertisement(peer6, peerMAC, true),
		"IPv4 options":        options4(7, 7, 4, 0, 0, 0, 0),
		"extension headers":   extension6(wire.ProtocolDestination, options6(wire.ProtocolICMPv6, 1, 4, 0, 0, 0, 0)),
		"unknown option":      extension6(wire.ProtocolDestination, options6(wire.ProtocolICMPv6, 0x80|30, 4, 0, 0, 0, 0)),
		"unknown protocol":    frame(rawIP(peer4, host4, 99, []byte("what?"))),
		"unknown next header": frame(rawIP(peer6, host6, 99, []byte("what?"))),
		"fragment":            piece4(peer4, 1, 0, true, make([]byte, 16)),
		"fragment over IPv6":  piece6(1, 0, true, wire.ProtocolUDP, make([]byte, 16)),
		"bad first fragment":  piece6(2, 0, true, wire.ProtocolTCP, make([]byte, 16)),
		"ICMP error":          quoting4(udpPacket(toUDP4, fromPeer4, "x")),
		"ICMPv6 error":        quoting(1, 4, 0, udpPacket(toUDP6, fromPeer6, "x")),
		"packet too big":      quoting(2, 0, 1280, udpPacket(toUDP6, fromPeer6, "x")),
	}
}

// A link promises that the first piece holds all headers. One that breaks its word,
// and cuts or pads wherever it likes, loses packets and breaks nothing.
func TestPiecesAtEveryBoundary(t *testing.T) {
	r := newRig(t, Config{}, link.Info{})
	r.listen()
	for name, f := range onePacketEach() {
		padded := append(f[:len(f):len(f)], make([]byte, 9)...)
		for i := range len(padded) + 1 {
			for _, pieces := range [][][]byte{
				{padded[:i], padded[i:]},
				{padded[:i], nil, padded[i:]},
				{padded[:i/2], padded[i/2 : i], padded[i:]},
				{f[:min(i, len(f))]},
			} {
				r.inject(pieces...)
			}
		}
		single := make([][]byte, len(f))
		for i := range f {
			single[i] = f[i : i+1]
		}
		r.inject(single...)
		if n := len(r.l.take()); n > 4*(len(padded)+2) {
			t.Errorf("%s: %d answers", name, n)
		}
	}
}

// Two hosts of ours do not answer each other's answers.
func TestNoAnswerToAnswers(t *testing.T) {
	for name, f := range onePacketEach() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, Config{}, link.Info{})
				l := newTestLink(link.Info{})
				peer, err := New(Config{})
				if err != nil {
					t.Fatal(err)
				}
				defer peer.Close()
				nets := []netip.Prefix{netip.PrefixFrom(peer4, 24), netip.PrefixFrom(peer6, 64)}
				if err := peer.Attach(l, InterfaceConfig{Addrs: nets, MAC: peerMAC}); err != nil {
					t.Fatal(err)
				}
				deliver := <-l.deliver
				r.inject(f)
				sent := 0
				for rounds := 0; rounds < 10; rounds++ {
					synctest.Wait()
					for _, p := range r.l.take() {
						sent++
						deliver([]link.Packet{{Data: [][]byte{p.frame}, Offload: p.offload}})
					}
					for _, p := range l.take() {
						sent++
						r.deliver([]link.Packet{{Data: [][]byte{p.frame}, Offload: p.offload}})
					}
				}
				// An answer, and the peer's question who we are with what it says then.
				if sent > 4 {
					t.Errorf("%d packets went between the two", sent)
				}
			})
		})
	}
}
