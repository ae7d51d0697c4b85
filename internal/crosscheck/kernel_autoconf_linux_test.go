package crosscheck

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link"
)

// newStack makes a stack that the test closes, without a link.
func newStack(t testing.TB) *usernet.Stack {
	t.Helper()
	s, err := usernet.New(usernet.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("closing the stack: %v", err)
		}
	})
	return s
}

// mac returns the MAC of a device.
func (ns *netns) mac(dev string) string {
	ns.t.Helper()
	var devices []struct{ Address string }
	out := ns.ip("-j", "link", "show", "dev", dev)
	if err := json.Unmarshal([]byte(out), &devices); err != nil || len(devices) != 1 {
		ns.t.Fatalf("%v in %s", err, out)
	}
	return devices[0].Address
}

// stateOf returns what the stack says of an address of its only interface.
func stateOf(s *usernet.Stack, a netip.Addr) (state usernet.AddrState, ok bool) {
	for _, own := range s.Interfaces()[0].Addrs {
		if own.Prefix.Addr() == a {
			return own, true
		}
	}
	return state, false
}

const radvdConfig = `interface gate0 {
	AdvSendAdvert on;
	MinRtrAdvInterval 3;
	MaxRtrAdvInterval 4;
	AdvLinkMTU 1400;
	AdvCurHopLimit 99;
	prefix fd01::/64 {
		AdvPreferredLifetime 10;
		AdvValidLifetime 16;
	};
};
`

// TestKernelRadvd autoconfigures an interface by radvd's advertisements: address,
// default route, and their end.
func TestKernelRadvd(t *testing.T) {
	t.Parallel()
	needKernel(t, "radvd", "ping")
	p := newPath(t, pathConfig{mtu: 1500})
	l := p.router.open(t, device{tap: true, mtu: 1500})
	config, pid := filepath.Join(t.TempDir(), "radvd.conf"), filepath.Join(t.TempDir(), "radvd.pid")
	if err := os.WriteFile(config, []byte(radvdConfig), 0o644); err != nil {
		t.Fatal(err)
	}
	radvd := start(t, p.router.command("radvd", "--nodaemon", "--config", config, "--pidfile", pid, "--logmethod", "stderr"))

	s := newStack(t)
	if err := s.Attach(l, usernet.Interface{Name: nearDev, Autoconfigure: true}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	addr, err := s.WaitAddr(ctx, nearDev)
	if err != nil {
		t.Fatalf("%v\n%s", err, &radvd.stderr)
	}
	if addr.Masked() != netip.MustParsePrefix("fd01::/64") {
		t.Errorf("address %v", addr)
	}
	hasDefault := func() bool {
		for _, r := range s.Routes() {
			if r.Prefix.Bits() == 0 && r.Gateway.IsLinkLocalUnicast() && r.Origin == "advertised" {
				return true
			}
		}
		return false
	}
	if !hasDefault() {
		t.Errorf("no default route in %v", s.Routes())
	}

	// Both ways through the router, the hop limit one less there.
	pinger, err := s.NewPinger(netip.MustParseAddr(far6))
	if err != nil {
		t.Fatal(err)
	}
	defer pinger.Close()
	if _, err := pinger.Ping(ctx, 56); err != nil {
		t.Errorf("ping: %v", err)
	}
	out := p.far.pings(3, "-i", "0.2", addr.Addr().String())
	if !strings.Contains(out, "ttl=98") {
		t.Errorf("ping: %s", out)
	}

	// A last advertisement says that the router is none any more; then the lifetimes
	// of what it said before end.
	radvd.interrupt()
	waitUntil(t, "the default route goes", func() bool { return !hasDefault() })
	waitUntil(t, "the address is deprecated", func() bool {
		state, ok := stateOf(s, addr.Addr())
		return ok && state.Deprecated
	})
	p.router.run("ping", "-c", "1", addr.Addr().String())
	waitUntil(t, "the address goes", func() bool {
		_, ok := stateOf(s, addr.Addr())
		return !ok
	})
}

// TestKernelHasTheAddress attaches a stack with addresses that the kernel has.
func TestKernelHasTheAddress(t *testing.T) {
	t.Parallel()
	needKernel(t)
	for _, taken := range []string{gate4 + "/24", gate6 + "/64"} {
		ns := newNetns(t)
		l := ns.open(t, device{tap: true, mtu: 1500})
		s, addr := newStack(t), netip.MustParsePrefix(taken)
		err := s.Attach(l, usernet.Interface{Name: nearDev, Addrs: []netip.Prefix{addr}, DetectDuplicates: true})
		if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), addr.Addr().String()+" belongs to "+ns.mac(gateDev)) {
			t.Errorf("attached with %v: %v", addr, err)
		}
		if n := len(s.Interfaces()); n != 0 {
			t.Errorf("%d interfaces are left", n)
		}
		if err := l.Close(); err != nil {
			t.Errorf("a second Close: %v", err)
		}
	}

	ns := newNetns(t)
	s := newStack(t)
	addr := netip.MustParsePrefix(gate6 + "/64")
	if err := s.Attach(ns.open(t, device{tap: true, mtu: 1500}), usernet.Interface{Name: nearDev, Addrs: []netip.Prefix{addr}}); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, "the optimistic address is taken away", func() bool {
		_, ok := stateOf(s, addr.Addr())
		return !ok
	})
}

// TestKernelFindsOurAddress has the kernel check addresses that a stack has.
func TestKernelFindsOurAddress(t *testing.T) {
	t.Parallel()
	needKernel(t, "arping")
	ns := newNetns(t)
	s := newStack(t)
	var l link.Link = ns.open(t, device{tap: true, mtu: 1500})
	ours := []netip.Prefix{netip.MustParsePrefix(near4 + "/24"), netip.MustParsePrefix(near6 + "/64")}
	if err := s.Attach(l, usernet.Interface{Name: nearDev, Addrs: ours, DetectDuplicates: true}); err != nil {
		t.Fatal(err)
	}
	ns.sysctl("net/ipv6/conf/"+gateDev+"/accept_dad", "1")
	ns.ip("address", "add", near6+"/64", "dev", gateDev)
	waitUntil(t, "the kernel finds the duplicate", func() bool {
		return strings.Contains(ns.ip("-6", "address", "show", "dev", gateDev), "dadfailed")
	})
	// An ARP probe (RFC 5227, 1.1) by either of the programs of that name.
	probe := []string{"-D", "-c", "1", "-w", "3", "-I", gateDev, near4}
	if version, _ := exec.Command("arping", "-V").CombinedOutput(); !strings.Contains(string(version), "iputils") {
		probe = []string{"-0", "-c", "1", "-w", "3", "-i", gateDev, near4}
	}
	out, _ := ns.command("arping", probe...).CombinedOutput() // iputils' fails, as it should
	if mac := s.Interfaces()[0].MAC.String(); !strings.Contains(strings.ToLower(string(out)), mac) {
		t.Errorf("%v does not hear of %s: %s", probe, mac, out)
	}
	// Nothing of that has cost us an address.
	for _, p := range ours {
		if state, ok := stateOf(s, p.Addr()); !ok || state.Tentative {
			t.Errorf("%v is %+v, %v", p, state, ok)
		}
	}
}
