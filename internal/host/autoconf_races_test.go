package host

import (
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/pipe"
	"github.com/usernet-go/usernet/wire"
)

// An address that is taken away before its check has begun keeps nobody waiting.
func TestAddAddressAgainstRemove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, _ := pipe.New(pipe.Config{})
		h := newBareHost(t, 1)
		if err := h.Attach(near, InterfaceConfig{Name: "eth0", Addrs: hostNets[:1], DetectDuplicates: true}); err != nil {
			t.Fatal(err)
		}
		a := h.net.Load().places[1].ifc.autoconf
		gone := a.expect([]address{{prefix: netip.PrefixFrom(other4, 24)}})
		if err := a.wait(gone); !errors.Is(err, ErrAddrNotAvail) {
			t.Errorf("wait for an address that was taken away: %v", err)
		}
		for range 200 {
			added := make(chan error)
			go func() { added <- h.AddAddress("eth0", netip.PrefixFrom(other4, 24)) }()
			for h.RemoveAddress("eth0", other4) != nil {
				time.Sleep(time.Nanosecond)
			}
			if err := <-added; !errors.Is(err, ErrAddrNotAvail) {
				t.Fatalf("AddAddress: %v", err)
			}
		}
		if n := len(a.waiters); n != 0 {
			t.Errorf("%d waiters are left", n)
		}

		// One that is given before the interface's checks may begin waits for them.
		a.running = false
		early := make(chan error, 1)
		go func() { early <- h.AddAddress("eth0", netip.PrefixFrom(other4, 24)) }()
		synctest.Wait()
		a.start(h.clock.Now(), false)
		if err := <-early; err != nil {
			t.Errorf("AddAddress before the start: %v", err)
		}
	})
}

// An Attach that fails takes nothing away but its own interface, whoever has the name
// by then.
func TestAttachFailsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, _ := pipe.New(pipe.Config{})
		second, _ := pipe.New(pipe.Config{})
		h := newBareHost(t, 1)
		attached := make(chan error, 1)
		go func() {
			attached <- h.Attach(near, InterfaceConfig{Name: "eth0", Addrs: hostNets, DetectDuplicates: true})
		}()
		synctest.Wait()
		ifc := h.net.Load().places[1].ifc
		if err := h.Detach("eth0"); err != nil {
			t.Fatal(err)
		}
		if err := h.Attach(second, InterfaceConfig{Name: "eth0", Addrs: hostNets}); err != nil {
			t.Fatal(err)
		}
		if err := <-attached; !errors.Is(err, ErrClosed) {
			t.Errorf("the first Attach: %v", err)
		}
		if err := h.detach(func(*topology) *iface { return ifc }); err != ErrNoInterface {
			t.Errorf("detaching the first again: %v", err)
		}
		if n := len(h.Interfaces()); n != 1 {
			t.Errorf("%d interfaces, want the second", n)
		}
		// A solicitation that was due when the interface went.
		ifc.autoconf.solicitRouters(h.clock.Now())
	})
}

// AddAddress returns when the duplicate is gone.
func TestAddAddressDuplicateIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRouterRig(t, InterfaceConfig{DetectDuplicates: true})
		added := make(chan error)
		go func() {
			err := r.h.AddAddress("eth0", netip.PrefixFrom(host4, 24))
			if state := r.has(host4); state != "none" {
				t.Errorf("%v is still there: %q", host4, state)
			}
			added <- err
		}()
		synctest.Wait()
		go r.inject(arpFrame(wire.ARPReply, otherMAC, host4, hostMAC, peer4))
		if err := <-added; !errors.Is(err, ErrAddrInUse) {
			t.Errorf("error %v", err)
		}
	})
}

// An address that the application has given stays, and stays preferred, when a
// router's prefix that leads to the same one ends.
func TestAutoconfigureConfiguredAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, err := New(Config{AddressSecret: []byte("secret")})
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		r := &rig{T: t, h: h, l: newTestLink(link.Info{})}
		ours := (&stableIdentifiers{secret: h.addressSecret, iface: "eth0"}).address(slaacNet, 0)
		if err := h.Attach(r.l, InterfaceConfig{Name: "eth0", Addrs: []netip.Prefix{netip.PrefixFrom(ours, 64)}, Autoconfigure: true}); err != nil {
			t.Fatal(err)
		}
		r.deliver = <-r.l.deliver
		r.inject(routerPacket(router1, slaacMessage(10, 20)))
		time.Sleep(15 * time.Second)
		if state := r.has(ours); state != "" {
			t.Errorf("%q when the preferred lifetime is over", state)
		}
		time.Sleep(15 * time.Second)
		if state := r.has(ours); state != "" {
			t.Errorf("%q when the valid lifetime is over", state)
		}
	})
}
