package usernet_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/pipe"
	"github.com/usernet-go/usernet/wire"
)

// An address that another host has: the error says which, and whose it is, and
// nothing of the interface is left.
func TestAttachTakenAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := pipe.New(pipe.Config{})
		a, b := newStack(t, usernet.Config{}), newStack(t, usernet.Config{})
		attach(t, a, near, 1)
		owner := a.Interfaces()[0]
		for _, own := range owner.Addrs[:2] {
			time.Sleep(2 * time.Second) // the owner's own check is over
			err := b.Attach(far, usernet.Interface{Name: "eth0", Addrs: []netip.Prefix{own.Prefix}, DetectDuplicates: true})
			if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), own.Prefix.Addr().String()) || !strings.Contains(err.Error(), owner.MAC.String()) {
				t.Errorf("%v: %v", own.Prefix, err)
			}
			if n := len(b.Interfaces()); n != 0 {
				t.Errorf("%d interfaces are left", n)
			}
			if _, err := far.Send(nil); err == nil {
				t.Error("the link is open")
			}
			a.Detach(owner.Name)
			near, far = pipe.New(pipe.Config{})
			attach(t, a, near, 1)
			owner = a.Interfaces()[0]
		}
	})
}

// advertise is a router on l that answers each solicitation.
func advertise(t *testing.T, l link.Link, prefix netip.Prefix) {
	router, mac := netip.MustParseAddr("fe80::1"), wire.MAC{2, 0, 0, 0, 0, 0xa}
	m := wire.RouterAdvertisement{RouterLifetime: 1800, SourceMAC: mac, NumPrefixes: 1}
	m.Prefixes[0] = wire.PrefixInformation{Prefix: prefix, OnLink: true, Autonomous: true, ValidLifetime: 7200, PreferredLifetime: 3600}
	message, all := m.Append(nil), netip.IPv6LinkLocalAllNodes()
	wire.SetChecksum(wire.ProtocolICMPv6, router, all, message, nil)
	eth := wire.Ethernet{Dst: wire.MAC{0x33, 0x33, 0, 0, 0, 1}, Src: mac, Type: wire.EtherTypeIPv6}
	ip := wire.IPv6{PayloadLen: len(message), NextHeader: wire.ProtocolICMPv6, HopLimit: 255, Src: router, Dst: all}
	frame := append(ip.Append(eth.Append(nil)), message...)
	solicitation := byte(wire.ICMPv6RouterSolicitation)
	go l.Receive(0, func(batch []link.Packet) {
		for _, p := range batch {
			b := p.Data[0]
			if at := wire.EthernetLen + wire.IPv6Len; len(b) > at && b[wire.EthernetLen+6] == byte(wire.ProtocolICMPv6) && b[at] == solicitation {
				l.Send([]link.Packet{{Data: [][]byte{frame}}})
			}
		}
	})
	t.Cleanup(func() { l.Close() })
}

// A stack finds its address and its router by itself; with a secret that is kept
// the address is the same each time.
func TestAutoconfigure(t *testing.T) {
	prefix := netip.MustParsePrefix("2001:db8:1::/64")
	configure := func(secret string, mac byte) (addr netip.Prefix) {
		synctest.Test(t, func(t *testing.T) {
			near, far := pipe.New(pipe.Config{})
			advertise(t, far, prefix)
			s := newStack(t, usernet.Config{AddressSecret: []byte(secret)})
			err := s.Attach(near, usernet.Interface{Name: "eth0", MAC: net.HardwareAddr{2, 0, 0, 0, 0, mac}, Autoconfigure: true})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Dial("udp", "[2001:db8:2::1]:9"); !errors.Is(err, syscall.ENETUNREACH) {
				t.Errorf("dialled without a router: %v", err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if addr, err = s.WaitAddr(ctx, "eth0"); err != nil {
				t.Fatal(err)
			}
			c, err := s.Dial("udp", "[2001:db8:2::1]:9")
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if local := c.LocalAddr().(*net.UDPAddr).AddrPort().Addr(); local != addr.Addr() || !prefix.Contains(local) {
				t.Errorf("from %v, want %v", local, addr)
			}
			if _, err := s.WaitAddr(ctx, "eth1"); !errors.Is(err, syscall.ENODEV) {
				t.Errorf("no such interface: %v", err)
			}
		})
		return addr
	}
	first := configure("a secret that is kept", 1)
	if again := configure("a secret that is kept", 2); again != first {
		t.Errorf("%v, then %v", first, again)
	}
	if other := configure("another", 1); other == first {
		t.Errorf("%v with another secret too", other)
	}
}

// Without a router WaitAddr waits as long as it is let.
func TestWaitAddrTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, _ := pipe.New(pipe.Config{})
		s := newStack(t, usernet.Config{})
		if err := s.Attach(near, usernet.Interface{Name: "eth0", Autoconfigure: true}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := s.WaitAddr(ctx, "eth0"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, want a deadline", err)
		}
	})
}
