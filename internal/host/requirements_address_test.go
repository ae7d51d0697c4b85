package host

import (
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/tcp"
	"github.com/usernet-go/usernet/wire"
)

// What RFC 9293 requires of addresses and ports: 3.9.1.1 and 3.9.2.3.

func TestTCPListenTwice(t *testing.T) {
	inFamilies(t, Config{}, link.Info{}, func(t *testing.T, p *tcpPeer) {
		// RFC 9293 MUST-41
		c := p.accept(mss1000)
		for _, local := range []netip.AddrPort{p.host, netip.AddrPortFrom(netip.IPv6Unspecified(), p.host.Port())} {
			if _, err := p.h.ListenTCP(local, FamilyAny, 10, TCPOptions{}); !errors.Is(err, ErrAddrInUse) {
				t.Errorf("second listener on %v: %v, want %v", local, err, ErrAddrInUse)
			}
		}
		p.send("still here")
		b := make([]byte, 100)
		if n, err := c.Read(b); string(b[:n]) != "still here" || err != nil {
			t.Errorf("connection of the first listener reads %q, %v", b[:n], err)
		}
		p.segments()
		p.peer, p.seq = netip.AddrPortFrom(p.peer.Addr(), 4001), 700
		p.inject(frame(p.segment(wire.SYN, mss1000, "")))
		if s := p.segment1(); s.Flags != wire.SYN|wire.ACK {
			t.Errorf("first listener answers a SYN with %s", s.Notation(0))
		}
	})
}

func TestTCPListenOnBusyPort(t *testing.T) {
	inFamilies(t, Config{}, link.Info{}, func(t *testing.T, p *tcpPeer) {
		// RFC 9293 MUST-42
		c := p.dial(p.host)
		if got := c.Info().State; got != tcp.StateSynSent {
			t.Fatalf("state is %v", got)
		}
		p.segment1()
		l, err := p.h.ListenTCP(p.host, FamilyAny, 10, TCPOptions{})
		if err != nil {
			t.Fatalf("listen while a connection of the port is in SYN-SENT: %v", err)
		}
		defer l.Close()
		first := p.peer
		for port := range uint16(3) { // each leaves a connection in SYN-RECEIVED
			p.peer = netip.AddrPortFrom(first.Addr(), 5000+port)
			p.inject(frame(p.segment(wire.SYN, mss1000, "")))
			if s := p.segment1(); s.Flags != wire.SYN|wire.ACK || s.DstPort != 5000+port {
				t.Errorf("listener answers a SYN with %s", s.Notation(0))
			}
		}
		if got := c.Info().State; got != tcp.StateSynSent {
			t.Errorf("state of the first connection is %v now", got)
		}
	})
}

func TestTCPSourceAddress(t *testing.T) {
	second := []netip.Prefix{netip.MustParsePrefix("10.1.0.1/24"), netip.MustParsePrefix("2001:db8:1::1/64")}
	third := []netip.Prefix{netip.MustParsePrefix("10.0.0.50/26"), netip.MustParsePrefix("2001:db8::50/120")}
	for i, family := range families {
		t.Run(family.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				// RFC 9293 MUST-43, MUST-44, MUST-45
				p := &tcpPeer{rig: newRig(t, Config{}, link.Info{}), peer: netip.AddrPortFrom(family.peer, 4000)}
				attach := func(name string, addrs []netip.Prefix) *tcpPeer {
					l := newTestLink(link.Info{Medium: link.IP})
					if err := p.h.Attach(l, InterfaceConfig{Name: name, Addrs: addrs}); err != nil {
						t.Fatal(err)
					}
					return &tcpPeer{rig: &rig{T: t, h: p.h, l: l, deliver: <-l.deliver}, peer: p.peer}
				}
				attach("tun1", second)
				p.dial(netip.AddrPort{})
				syn := p.segment1()
				if syn.src != family.host {
					t.Fatalf("the source chosen for %v is %v, want %v: that of the interface", family.peer, syn.src, family.host)
				}
				// A nearer network appears, and with it another source for connections to come.
				near := attach("tun2", third)
				time.Sleep(1100 * time.Millisecond)
				again := near.segment1()
				if again.src != syn.src || again.SrcPort != syn.SrcPort {
					t.Errorf("SYN is sent again from %v:%d, was %v:%d", again.src, again.SrcPort, syn.src, syn.SrcPort)
				}
				p.host = netip.AddrPortFrom(syn.src, syn.SrcPort)
				p.ack = near.ack
				p.inject(frame(p.segment(wire.SYN|wire.ACK, mss1000, "")))
				if s := near.segment1(); s.src != syn.src || s.Flags != wire.ACK {
					t.Errorf("SYN,ACK is answered by %s from %v", s.Notation(0), s.src)
				}
				// A local address that is given is taken, as long as it is ours.
				given := second[i].Addr()
				c, err := p.h.DialTCP(netip.AddrPortFrom(given, 0), p.peer, TCPOptions{})
				if err == nil && c.LocalAddr().Addr() != given {
					t.Errorf("local address is %v, want %v as given", c.LocalAddr().Addr(), given)
				} else if err != nil {
					t.Errorf("dial from %v: %v", given, err)
				}
				if _, err := p.h.DialTCP(netip.AddrPortFrom(family.peer, 0), p.peer, TCPOptions{}); !errors.Is(err, ErrAddrNotAvail) {
					t.Errorf("dial from an address that is not ours: %v, want %v", err, ErrAddrNotAvail)
				}
			})
		})
	}
	// A passive connection answers from the address that was asked; a listener of one address does not answer for another.
	inFamilies(t, Config{}, link.Info{}, func(t *testing.T, p *tcpPeer) {
		// RFC 9293 MUST-43, MUST-45
		l := newTestLink(link.Info{})
		if err := p.h.Attach(l, InterfaceConfig{Name: "eth1", Addrs: second}); err != nil {
			t.Fatal(err)
		}
		other := second[0].Addr()
		if p.host.Addr().Is6() {
			other = second[1].Addr()
		}
		if _, err := p.h.ListenTCP(netip.AddrPortFrom(other, 7), FamilyAny, 10, TCPOptions{}); err != nil {
			t.Fatal(err)
		}
		p.inject(frame(p.segment(wire.SYN, mss1000, "")))
		if s := p.segment1(); s.Flags != wire.RST|wire.ACK || s.src != p.host.Addr() {
			t.Errorf("SYN to the address without a listener: %s from %v", s.Notation(0), s.src)
		}
		p.host = netip.AddrPortFrom(other, 7)
		p.inject(frame(p.segment(wire.SYN, mss1000, "")))
		if s := p.segment1(); s.Flags != wire.SYN|wire.ACK || s.src != other {
			t.Errorf("SYN to the address of the listener: %s from %v", s.Notation(0), s.src)
		}
	})
}

func TestTCPDialInvalidAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// RFC 9293 MUST-46
		r := newRig(t, Config{}, link.Info{})
		for _, addr := range []string{"255.255.255.255", "10.0.0.255", "224.0.0.1", "239.1.2.3", "ff02::1", "ff05::1:3"} {
			if _, err := r.h.DialTCP(netip.AddrPort{}, netip.AddrPortFrom(netip.MustParseAddr(addr), 7), TCPOptions{}); err == nil {
				t.Errorf("dial to %s: no error", addr)
			}
		}
		r.silent()
	})
}

func TestTCPFromInvalidAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// RFC 9293 MUST-63
		r := newRig(t, Config{}, link.Info{})
		if _, err := r.h.ListenTCP(netip.AddrPortFrom(netip.IPv6Unspecified(), 7), FamilyAny, 10, TCPOptions{}); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			src    string
			reason Reason
		}{
			{"255.255.255.255", ReasonSource}, {"10.0.0.255", ReasonSource}, {"224.0.0.1", ReasonSource},
			{"0.0.0.0", ReasonSource}, {"127.0.0.1", ReasonSource}, {"10.0.0.1", ReasonLand},
			{"::", ReasonSource}, {"::1", ReasonSource}, {"ff02::1", ReasonSource}, {"2001:db8::1", ReasonLand},
		} {
			src, dst := netip.MustParseAddr(c.src), host4
			if src.Is6() {
				dst = host6
			}
			syn := tcpPacket(netip.AddrPortFrom(src, 7), netip.AddrPortFrom(dst, 7), wire.SYN, 1, 0)
			r.counted(func() { r.inject(frame(syn)) }, c.reason)
			r.silent()
		}
		if n := r.h.Stats().TCP.Connections; n != 0 {
			t.Errorf("%d connections", n)
		}
	})
}

func TestTCPToGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// RFC 9293 MUST-57
		r := newRig(t, Config{}, link.Info{})
		if _, err := r.h.ListenTCP(netip.AddrPortFrom(netip.IPv6Unspecified(), 7), FamilyAny, 10, TCPOptions{}); err != nil {
			t.Fatal(err)
		}
		for _, dst := range []netip.Addr{limitedBroadcast, directed, group4, group6} {
			src, et := fromPeer4, wire.EtherTypeIPv4
			if dst.Is6() {
				src, et = fromPeer6, wire.EtherTypeIPv6
			}
			mac := wire.Broadcast
			if dst.IsMulticast() {
				mac = groupMAC(dst)
			}
			for _, flags := range []wire.TCPFlags{wire.SYN, wire.ACK, wire.FIN} { // "applicable to all incoming segments, not just SYNs"
				packet := tcpPacket(src, netip.AddrPortFrom(dst, 7), flags, 1, 1)
				r.counted(func() { r.inject(frameTo(mac, et, packet)) }, ReasonTCPBroadcast)
				r.silent()
			}
		}
	})
}
