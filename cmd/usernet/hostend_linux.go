package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// readyHostEnd gives the kernel's end its addresses and MTU, and brings it up.
func (n *network) readyHostEnd() error {
	name := n.device.name
	dev, err := netlink.LinkByName(name)
	if err != nil {
		return fmt.Errorf("finding device %s: %w", name, err)
	}
	for _, p := range n.hostAddrs {
		a := &netlink.Addr{IPNet: ipNet(p)}
		if p.Addr().Is6() {
			// No other host is on the link that could have the same address, and
			// detecting it would take a second (RFC 4862, 5.4).
			a.Flags = unix.IFA_F_NODAD
		}
		if err := netlink.AddrReplace(dev, a); err != nil {
			return fmt.Errorf("giving device %s the address %v: %w", name, p, withAdvice(err))
		}
	}
	if n.mtu.n != 0 {
		if err := netlink.LinkSetMTU(dev, n.mtu.n); err != nil {
			return fmt.Errorf("giving device %s an MTU of %d: %w", name, n.mtu.n, withAdvice(err))
		}
	}
	if err := netlink.LinkSetUp(dev); err != nil {
		return fmt.Errorf("bringing device %s up: %w", name, withAdvice(err))
	}
	return n.awaitHostEnd()
}

// hostEndTime is how long the kernel has to take its new addresses for its own.
// It needs some milliseconds on a busy machine.
const hostEndTime = 5 * time.Second

// awaitHostEnd waits until packets to the addresses of the kernel's end reach it.
// The kernel puts an IPv6 address into its routing table later, from a work
// queue, even without looking for duplicates, and until then takes what arrives
// for it as something to forward, and drops it.
func (n *network) awaitHostEnd() error {
	deadline := time.Now().Add(hostEndTime)
	for _, p := range n.hostAddrs {
		for {
			routes, err := netlink.RouteGet(p.Addr().AsSlice())
			if err == nil && len(routes) > 0 && routes[0].Type == unix.RTN_LOCAL {
				break
			}
			if time.Now().After(deadline) {
				return fmt.Errorf("the kernel does not take %v for its own, %v after device %s got it: look at 'ip address show %s' and 'ip route get %v'",
					p.Addr(), hostEndTime, n.device.name, n.device.name, p.Addr())
			}
			time.Sleep(time.Millisecond)
		}
	}
	return nil
}

// checkHostEnd says what is to be done about a device that is not up.
func (n *network) checkHostEnd(existed bool) error {
	name := n.device.name
	dev, err := netlink.LinkByName(name)
	if err != nil {
		return fmt.Errorf("finding device %s: %w", name, err)
	}
	if dev.Attrs().Flags&net.FlagUp != 0 {
		return nil
	}
	example := netip.MustParsePrefix("10.9.0.1/24")
	if len(n.addrs) > 0 {
		example = netip.PrefixFrom(neighbourOf(n.addrs[0]), n.addrs[0].Bits())
	}
	if !existed {
		return fmt.Errorf("there was no device %s before, so its kernel end is down and without address: give it one, for example --host-addr %v", name, example)
	}
	return fmt.Errorf("device %s is down: bring it up with 'ip link set %s up', or let usernet do so with --host-addr, for example --host-addr %v", name, name, example)
}

// neighbourOf returns another address of p's network.
func neighbourOf(p netip.Prefix) netip.Addr {
	first := p.Masked().Addr().Next()
	if first == p.Addr() {
		first = first.Next()
	}
	return first
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// withAdvice adds to the error of a missing privilege which one it is, and what
// else can be done.
func withAdvice(err error) error {
	if errors.Is(err, unix.EACCES) {
		return fmt.Errorf("%w: IPv6 is off there (sysctl net.ipv6.conf.default.disable_ipv6)", err)
	}
	if !errors.Is(err, unix.EPERM) {
		return err
	}
	return fmt.Errorf("%w: the capability CAP_NET_ADMIN is missing: run as root; or give it to the program "+
		"(setcap cap_net_admin+ep PROGRAM); or have root set the device up, and leave out --host-addr", err)
}
