package main

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/spf13/cobra"
	"github.com/usernet-go/usernet"
)

// A network is what the common flags say: the device, and the stack's place
// behind it.
type network struct {
	device    deviceValue
	addrs     prefixesValue
	gateways  gatewaysValue
	hostAddrs prefixesValue
	mtu       rangeValue
	verbose   bool
}

// What an MTU may be, in bytes.
const (
	minMTU  = 68   // RFC 791, 3.2
	minMTU6 = 1280 // RFC 8200, 5
	maxMTU  = 65535
)

// register adds the common flags to cmd.
func (n *network) register(cmd *cobra.Command) {
	n.mtu.min, n.mtu.max = minMTU, maxMTU
	f := cmd.Flags()
	f.Var(&n.device, "link", "the device to the kernel's stack: tap:NAME or tun:NAME")
	f.Var(&n.addrs, "addr", "address of this stack with its prefix, as 10.9.0.2/24; may be repeated")
	f.Var(&n.gateways, "gateway", "router to what is on no network of --addr; one for IPv4, one for IPv6")
	f.Var(&n.hostAddrs, "host-addr", "address for the kernel's end of the device, which is brought up; may be repeated.\nWithout it the device is used as it is")
	f.Var(&n.mtu, "mtu", "largest IP packet on the device, in bytes; with --host-addr the device gets it too (default: the device's)")
	f.BoolVarP(&n.verbose, "verbose", "v", false, "write each packet to standard error, TCP segments in the RFC's notation")
}

// check says what is wrong with the flags as a whole.
func (n *network) check() error {
	if n.device.name == "" {
		return usagef("--link is missing: expected tap:NAME or tun:NAME, for example --link tap:tap0")
	}
	if len(n.addrs) == 0 {
		return usagef("--addr is missing: expected an address with its prefix, for example --addr 10.9.0.2/24")
	}
	if n.mtu.n != 0 && n.mtu.n < minMTU6 && n.addrs.has(netip.IPv6Unspecified()) {
		return usagef("--mtu %d: IPv6 needs an MTU of %d or more (RFC 8200, 5)", n.mtu.n, minMTU6)
	}
	for _, g := range n.gateways {
		if !n.addrs.has(g) {
			return usagef("--gateway %v: expected an --addr of the same family with it", g)
		}
	}
	for _, h := range n.hostAddrs {
		for _, a := range n.addrs {
			if h.Addr() == a.Addr() {
				return usagef("--host-addr and --addr are both %v: expected two addresses, for example --host-addr 10.9.0.1/24 --addr 10.9.0.2/24", h.Addr())
			}
		}
	}
	return nil
}

// with calls f with a stack on the device, and closes the stack after it. When
// the command's context ends first, the stack is closed then, which ends all
// that f does on it.
func (n *network) with(cmd *cobra.Command, f func(context.Context, *usernet.Stack) error) error {
	if err := n.check(); err != nil {
		return err
	}
	ctx := cmd.Context()
	l, err := n.open()
	if err != nil {
		return err
	}
	if n.verbose {
		var t *tracer
		l, t = startTrace(l, cmd.ErrOrStderr())
		defer t.stop()
	}
	s, err := usernet.New(usernet.Config{})
	if err != nil {
		l.Close()
		return err
	}
	defer s.Close()
	err = s.Attach(l, usernet.Interface{Name: n.device.name, Addrs: n.addrs, Gateways: n.gateways})
	if err != nil {
		l.Close()
		return fmt.Errorf("%v: %w", &n.device, err)
	}
	defer context.AfterFunc(ctx, func() { s.Close() })()
	err = f(ctx, s)
	if err != nil && ctx.Err() != nil {
		return errInterrupted
	}
	return err
}
