package host

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/pipe"
	"github.com/usernet-go/usernet/wire"
)

// A taken address: Attach waits for the check, tells whose the address is, and
// leaves nothing behind. The owner keeps it.
func TestDetectDuplicates(t *testing.T) {
	for _, taken := range hostNets {
		t.Run(taken.Addr().String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := pipe.New(pipe.Config{})
				a, b := newBareHost(t, 1), newBareHost(t, 2)
				if err := a.Attach(near, InterfaceConfig{Addrs: hostNets, MAC: hostMAC, DetectDuplicates: true}); err != nil {
					t.Fatal(err)
				}
				err := b.Attach(far, InterfaceConfig{Addrs: []netip.Prefix{taken}, DetectDuplicates: true})
				if !errors.Is(err, ErrAddrInUse) || !strings.Contains(err.Error(), taken.Addr().String()+" belongs to "+hostMAC.String()) {
					t.Errorf("error %v", err)
				}
				if n := len(b.Interfaces()) + len(b.Routes()); n != 0 {
					t.Errorf("%d interfaces and routes are left", n)
				}
				if a.net.Load().own[taken.Addr()] == nil {
					t.Error("the owner has lost the address")
				}
			})
		})
	}
}

// Of two hosts that check one address at the same time none gets it: RFC 4862,
// 5.4.3, "should not be used (by either node)", and RFC 5227, 2.1.1.
func TestDetectDuplicatesAtOnce(t *testing.T) {
	for _, taken := range hostNets {
		synctest.Test(t, func(t *testing.T) {
			near, far := pipe.New(pipe.Config{})
			errs := make(chan error)
			for i, l := range []link.Link{near, far} {
				h := newBareHost(t, byte(i+1))
				go func() { errs <- h.Attach(l, InterfaceConfig{Addrs: []netip.Prefix{taken}, DetectDuplicates: true}) }()
			}
			lost := 0
			for range 2 {
				if err := <-errs; errors.Is(err, ErrAddrInUse) {
					lost++
				} else if err != nil {
					t.Error(err)
				}
			}
			if lost == 0 {
				t.Errorf("both have %v", taken)
			}
		})
	}
}

// The connections of an address that is taken away end, and say why.
func TestDuplicateEndsConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRouterRig(t, InterfaceConfig{Addrs: hostNets})
		c, err := r.h.DialTCP(netip.AddrPortFrom(host6, 0), fromPeer6, TCPOptions{})
		if err != nil {
			t.Fatal(err)
		}
		m := wire.NeighborAdvertisement{Target: host6, TargetMAC: peerMAC, Override: true}
		claim := withHopLimit(ip(host6, allNodesLink, wire.ProtocolICMPv6, m.Append(nil)), 255)
		r.counted(func() { r.inject(frameTo(groupMAC(allNodesLink), wire.EtherTypeIPv6, claim)) }, ReasonConflict)
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, ErrAddrNotAvail) {
			t.Errorf("reading: %v, want %v", err, ErrAddrNotAvail)
		}
		if _, err := r.h.DialTCP(netip.AddrPortFrom(host6, 0), fromPeer6, TCPOptions{}); !errors.Is(err, ErrAddrNotAvail) {
			t.Errorf("dialling: %v, want %v", err, ErrAddrNotAvail)
		}
	})
}

// Without DetectDuplicates an IPv6 address that turns out to be taken goes. One that is added where duplicates are detected is not used.
func TestDuplicateIsTakenAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := pipe.New(pipe.Config{})
		a, b := newBareHost(t, 1), newBareHost(t, 2)
		if err := a.Attach(near, InterfaceConfig{Name: "eth0", Addrs: hostNets, MAC: hostMAC, DetectDuplicates: true}); err != nil {
			t.Fatal(err)
		}
		if err := b.Attach(far, InterfaceConfig{Name: "eth0", Addrs: hostNets[1:]}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if b.net.Load().own[host6] != nil || a.net.Load().own[host6] == nil {
			t.Error("the address is not its first owner's")
		}
		if err := b.AddAddress("eth0", netip.PrefixFrom(peer6, 64)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		if err := a.AddAddress("eth0", netip.PrefixFrom(peer6, 64)); !errors.Is(err, ErrAddrInUse) {
			t.Errorf("AddAddress of a taken address: %v", err)
		}
		if err := a.AddAddress("eth0", netip.PrefixFrom(other6, 64)); err != nil {
			t.Error(err)
		}
		if a.net.Load().own[peer6] != nil || a.net.Load().own[other6] == nil {
			t.Errorf("addresses %v", a.Interfaces()[0].Addrs)
		}
	})
}

// RFC 7527: a link that returns what is sent does not make our addresses
// duplicates.
func TestLoopingLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTestLink(link.Info{})
		l.all = true
		h := newBareHost(t, 1)
		go func() {
			deliver := <-l.deliver
			l.mu.Lock()
			l.onSend = func(batch []link.Packet) { deliver(batch) }
			l.mu.Unlock()
		}()
		if err := h.Attach(l, InterfaceConfig{Addrs: hostNets, DetectDuplicates: true}); err != nil {
			t.Fatal(err)
		}
		for _, a := range h.Interfaces()[0].Addrs {
			if a.Tentative {
				t.Errorf("%v is tentative", a.Prefix)
			}
		}
	})
}
