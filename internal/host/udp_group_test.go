package host

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/pipe"
)

// Broadcasts, limited and directed, and groups leave by the interface and arrive at
// a wildcard socket; what is longer than the reader's room is cut.
func TestUDPToGroups(t *testing.T) {
	for _, config := range media[:2] {
		for _, to := range []netip.Addr{limitedBroadcast, directed, group4, group6} {
			a, b := newPair(t, config)
			server, client := listenUDP(t, b, anyPort7, FamilyAny), listenUDP(t, a, netip.AddrPort{}, FamilyAny)
			if _, err := client.WriteTo([]byte("hello"), netip.AddrPortFrom(to, 7)); err != nil {
				t.Fatal(err)
			}
			server.SetReadDeadline(time.Now().Add(30 * time.Second))
			buf := make([]byte, 4)
			n, from, err := server.ReadFrom(buf)
			if err != nil || string(buf[:n]) != "hell" {
				t.Errorf("%v: %q, %v", to, buf[:n], err)
			}
			if want := host4; to.Is4() && from.Addr() != want {
				t.Errorf("%v: from %v, want %v", to, from, want)
			}
		}
	}
}

// RFC 1112, 6.1: a datagram to a group does not leave the network unasked.
func TestUDPMulticastHopLimit(t *testing.T) {
	r := newRig(t, Config{}, link.Info{})
	c := listenUDP(t, r.h, netip.AddrPort{}, FamilyAny)
	for to, want := range map[netip.Addr]uint8{group4: 1, group6: 1, peer4: 64, directed: 64} {
		if _, err := c.WriteTo(nil, netip.AddrPortFrom(to, 9)); err != nil {
			t.Fatal(err)
		}
		if p := r.parse(r.one()); p.ip4.TTL+p.ip6.HopLimit != want {
			t.Errorf("%v: TTL %d, want %d", to, p.ip4.TTL+p.ip6.HopLimit, want)
		}
	}
}

// Of a link that refuses to send the writer is told, of one that is full not: the
// datagram is lost as on the way.
func TestUDPLinkRefuses(t *testing.T) {
	r := newRig(t, Config{}, link.Info{})
	c := dialUDP(t, r.h, fromPeer4)
	r.l.room = 0
	if _, err := c.Write([]byte("x")); err != nil {
		t.Errorf("write to a full link: %v", err)
	}
	r.l.refuse = errors.New("no carrier")
	r.counted(func() {
		if _, err := c.Write([]byte("x")); err != ErrLinkDown {
			t.Errorf("write to a link that refuses: %v, want %v", err, ErrLinkDown)
		}
	}, ReasonLinkDown)
}

// A link-local address comes with the interface's name, and leads back there.
func TestUDPLinkLocal(t *testing.T) {
	a, b := newPair(t, pipe.Config{})
	server, client := listenUDP(t, b, anyPort7, FamilyAny), listenUDP(t, a, netip.AddrPort{}, FamilyAny)
	local := b.net.Load().places[1].addrs[2].prefix.Addr()
	if !local.IsLinkLocalUnicast() {
		t.Fatalf("%v is not link-local", local)
	}
	if _, err := client.WriteTo([]byte("hello"), netip.AddrPortFrom(local.WithZone("eth0"), 7)); err != nil {
		t.Fatal(err)
	}
	server.SetReadDeadline(time.Now().Add(30 * time.Second))
	buf := make([]byte, 9)
	n, from, err := server.ReadFrom(buf)
	if err != nil || string(buf[:n]) != "hello" || from.Addr().Zone() != "eth0" || !from.Addr().IsLinkLocalUnicast() {
		t.Fatalf("%q from %v, %v", buf[:n], from, err)
	}
	if _, err := server.WriteTo([]byte("back"), from); err != nil {
		t.Fatal(err)
	}
	client.SetReadDeadline(time.Now().Add(30 * time.Second))
	if n, _, err := client.ReadFrom(buf); err != nil || string(buf[:n]) != "back" {
		t.Errorf("%q, %v", buf[:n], err)
	}
}
