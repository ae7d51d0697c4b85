package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link"
)

// A network is what the common flags say: the device, and the stack's place
// behind it.
type network struct {
	device    deviceValue
	addrs     prefixesValue
	gateways  gatewaysValue
	hostAddrs prefixesValue
	mac       macValue
	mtu       rangeValue
	dns       serversValue
	autoconf  bool
	stats     bool
	verbose   bool

	congestion congestionValue // where there is TCP
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
	f.Var(&n.device, "link", `the way to others:
  tap:NAME, tun:NAME  a device to the host's kernel, which is made unless it is there
  packet:IFNAME       the host's interface IFNAME, with addresses of the stack's own;
                      the host itself cannot reach them there
  rawip[:IFNAME]      the host's own addresses, beside its kernel`)
	f.Var(&n.addrs, "addr", "address of this stack with its prefix, as 10.9.0.2/24; may be repeated.\nNone with rawip, which has the host's")
	f.BoolVar(&n.autoconf, "autoconf", false, "make IPv6 addresses and routes of what routers on the link say (tap, packet)")
	f.Var(&n.gateways, "gateway", "router to what is on no network of --addr; one for IPv4, one for IPv6")
	f.Var(&n.hostAddrs, "host-addr", "address for the kernel's end of a tap or tun device, which is brought up; may be repeated.\nWithout it the device is used as it is")
	f.Var(&n.mac, "mac", "Ethernet address on packet:IFNAME: auto chooses one, own is the interface's,\nwhich Wi-Fi and clouds may insist on")
	f.Var(&n.mtu, "mtu", "largest IP packet on a tap or tun device, in bytes; with --host-addr the device gets it too (default: the device's)")
	f.Var(&n.dns, "dns", "name server, as 10.9.0.1 or [fd00:9::1]:53, so that names may stand for addresses; may be repeated")
	f.BoolVar(&n.stats, "stats", false, "write the connections and counters to standard error, at the end and on SIGUSR1")
	f.BoolVarP(&n.verbose, "verbose", "v", false, "write each packet to standard error, TCP segments in the RFC's notation")
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
	s, err := usernet.New(n.config())
	if err != nil {
		l.Close()
		return err
	}
	end := n.ending(s, cmd.ErrOrStderr())
	defer end()
	defer context.AfterFunc(ctx, end)()
	err = n.attach(ctx, s, l, cmd.ErrOrStderr())
	if err == nil {
		err = f(ctx, s)
	}
	if err != nil && ctx.Err() != nil && !errors.Is(err, errInterrupted) {
		return errInterrupted
	}
	return err
}

// ending returns what ends s, once: with --stats it says first what became of it.
func (n *network) ending(s *usernet.Stack, errOut io.Writer) func() {
	if !n.stats {
		return func() { s.Close() }
	}
	stop := onStatsSignal(func() { writeStats(errOut, s) })
	return sync.OnceFunc(func() {
		stop()
		writeStats(errOut, s)
		s.Close()
	})
}

// routerTime is how long --autoconf waits for a router: some of them answer a
// solicitation up to half a second later, and up to three are sent, four seconds
// apart (RFC 4861, 10).
const routerTime = 15 * time.Second

// attach gives s the link l, and returns when there are addresses on it.
func (n *network) attach(ctx context.Context, s *usernet.Stack, l link.Link, errOut io.Writer) error {
	defer startProgress(errOut, func() string { return fmt.Sprintf("waiting for addresses on %v", &n.device) }).stop()
	name := n.device.name
	if name == "" {
		name = string(n.device.kind)
	}
	err := s.Attach(l, usernet.Interface{
		Name: name, Addrs: n.addrs, Gateways: n.gateways, Autoconfigure: n.autoconf,
		DetectDuplicates: n.device.kind == packetKind, // others are on its wire, which a person chose the addresses for
	})
	if err != nil {
		l.Close()
		return fmt.Errorf("%v: %w", &n.device, err)
	}
	switch {
	case n.device.kind == rawipKind:
		return n.routeByKernel(s, name)
	case n.autoconf:
		err = n.awaitRouter(ctx, s, name, errOut)
	}
	if err != nil {
		return err
	}
	return n.awaitChecks(ctx, s)
}

// checkTime bounds the search for other owners of an IPv6 address, which takes a
// second or two (RFC 4862, 5.4).
const checkTime = 5 * time.Second

// awaitChecks waits until nobody else is known to have our IPv6 addresses. They are
// in use before (RFC 4429), but Linux answers no solicitation from such an address:
// a first datagram would have to wait for a second one.
func (n *network) awaitChecks(ctx context.Context, s *usernet.Stack) error {
	for began := time.Now(); ctx.Err() == nil; time.Sleep(10 * time.Millisecond) {
		own, checking := map[netip.Prefix]bool{}, false
		for _, i := range s.Interfaces() {
			for _, a := range i.Addrs {
				own[a.Prefix] = true
				checking = checking || a.Tentative || a.Optimistic
			}
		}
		for _, p := range n.addrs {
			if !own[p] {
				return fmt.Errorf("%v: another host has the address %v", &n.device, p.Addr())
			}
		}
		if !checking || time.Since(began) > checkTime {
			return nil
		}
	}
	return ctx.Err()
}

// routeByKernel leaves it to the host's kernel how everybody is reached.
func (n *network) routeByKernel(s *usernet.Stack, name string) error {
	for _, all := range []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()} {
		if !n.addrs.has(all) {
			continue
		}
		if err := s.AddRoute(usernet.Route{Prefix: netip.PrefixFrom(all, 0), Interface: name}); err != nil {
			return err
		}
	}
	return nil
}

// awaitRouter waits until a router has told of a network, and says what address
// that has made.
func (n *network) awaitRouter(ctx context.Context, s *usernet.Stack, name string, errOut io.Writer) error {
	wait, cancel := context.WithTimeout(ctx, routerTime)
	defer cancel()
	switch _, err := s.WaitAddr(wait, name); {
	case ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%v: no router has told of a network within %v (--autoconf)", &n.device, routerTime)
	case err != nil:
		return err
	}
	for _, i := range s.Interfaces() {
		for _, a := range i.Addrs {
			fmt.Fprintf(errOut, "%v has the address %v\n", &n.device, a.Prefix)
		}
	}
	return nil
}
