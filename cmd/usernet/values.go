package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The types of this file are the values of flags. Each says, for what it cannot
// read, what was expected and gives an example.

// A prefixesValue is a list of addresses, each with the length of its prefix.
type prefixesValue []netip.Prefix

func (v *prefixesValue) Set(s string) error {
	p, err := netip.ParsePrefix(s)
	if err != nil || p.Addr().Is4In6() || p.Addr().IsUnspecified() || p.Addr().IsMulticast() {
		return fmt.Errorf("expected an address and the length of its network's prefix, for example 10.9.0.2/24 or fd00:9::2/64")
	}
	if slices.Contains(*v, p) {
		return fmt.Errorf("it was given before")
	}
	*v = append(*v, p)
	return nil
}

func (v *prefixesValue) String() string { return join(*v) }
func (v *prefixesValue) Type() string   { return "CIDR" }

// has says whether one of the addresses is of a's family.
func (v prefixesValue) has(a netip.Addr) bool {
	return slices.ContainsFunc(v, func(p netip.Prefix) bool { return p.Addr().Is4() == a.Is4() })
}

// A gatewaysValue is a list of addresses, at most one of each family.
type gatewaysValue []netip.Addr

func (v *gatewaysValue) Set(s string) error {
	a, err := netip.ParseAddr(s)
	if err != nil || a.Is4In6() || a.IsUnspecified() || a.IsMulticast() {
		return fmt.Errorf("expected an address, for example 10.9.0.1 or fd00:9::1")
	}
	if slices.ContainsFunc(*v, func(b netip.Addr) bool { return a.Is4() == b.Is4() }) {
		return fmt.Errorf("expected one gateway for IPv4 and one for IPv6 at most")
	}
	*v = append(*v, a)
	return nil
}

func (v *gatewaysValue) String() string { return join(*v) }
func (v *gatewaysValue) Type() string   { return "IP" }

// A serversValue is a list of name servers.
type serversValue []netip.AddrPort

const dnsPort = 53

func (v *serversValue) Set(s string) error {
	ap, err := netip.ParseAddrPort(s)
	if a, bare := netip.ParseAddr(s); bare == nil {
		ap, err = netip.AddrPortFrom(a, dnsPort), nil
	}
	if a := ap.Addr(); err != nil || ap.Port() == 0 || a.Is4In6() || a.IsUnspecified() || a.IsMulticast() {
		return fmt.Errorf("expected the address of a name server, for example 10.9.0.1 or [fd00:9::1]:5353")
	}
	if slices.Contains(*v, ap) {
		return fmt.Errorf("it was given before")
	}
	*v = append(*v, ap)
	return nil
}

func (v *serversValue) String() string { return join(*v) }
func (v *serversValue) Type() string   { return "IP[:PORT]" }

func join[T fmt.Stringer](list []T) string {
	var s []string
	for _, x := range list {
		s = append(s, x.String())
	}
	return strings.Join(s, ",")
}

// A rangeValue is a whole number between two others, both included.
type rangeValue struct{ n, min, max int }

func (v *rangeValue) Set(s string) error {
	n, err := strconv.Atoi(s)
	if err != nil || n < v.min || n > v.max {
		return fmt.Errorf("expected a number from %d to %d", v.min, v.max)
	}
	v.n = n
	return nil
}

func (v *rangeValue) String() string { return strconv.Itoa(v.n) }
func (v *rangeValue) Type() string   { return "N" }

// A delayValue is a time span from 0 to max.
type delayValue struct{ d, max time.Duration }

func (v *delayValue) Set(s string) error {
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 || d > v.max {
		return fmt.Errorf("expected a time from 0s to %v, for example 10ms", v.max)
	}
	v.d = d
	return nil
}

func (v *delayValue) String() string { return v.d.String() }
func (v *delayValue) Type() string   { return "TIME" }

// A sizeValue is a number of bytes.
type sizeValue struct{ n, max int }

// sizeUnits are what a size may end in.
var sizeUnits = []struct {
	name   string
	factor int
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"kB", 1e3}, {"MB", 1e6}, {"B", 1}, {"", 1}}

func (v *sizeValue) Set(s string) error {
	for _, u := range sizeUnits {
		digits, ok := strings.CutSuffix(s, u.name)
		if !ok {
			continue
		}
		n, err := strconv.Atoi(strings.TrimSpace(digits))
		if err != nil || n < 1 || n > v.max/u.factor {
			break
		}
		v.n = n * u.factor
		return nil
	}
	return fmt.Errorf("expected a size from 1 B to %s, for example 4MiB, 300kB or 70000", (&sizeValue{n: v.max}).String())
}

func (v *sizeValue) String() string {
	switch {
	case v.n%(1<<20) == 0:
		return fmt.Sprintf("%dMiB", v.n>>20)
	case v.n%(1<<10) == 0:
		return fmt.Sprintf("%dKiB", v.n>>10)
	}
	return strconv.Itoa(v.n)
}

func (v *sizeValue) Type() string { return "SIZE" }

// A shareValue is a share of a whole, from 0 to below max.
type shareValue struct{ p, max float64 }

func (v *shareValue) Set(s string) error {
	digits, percent := strings.CutSuffix(s, "%")
	p, err := strconv.ParseFloat(digits, 64)
	if percent {
		p /= 100
	}
	if err != nil || !(p >= 0 && p <= v.max) {
		return fmt.Errorf("expected a share from 0 to %g, for example 0.02 or 2%%", v.max)
	}
	v.p = p
	return nil
}

func (v *shareValue) String() string { return strconv.FormatFloat(v.p, 'g', -1, 64) }
func (v *shareValue) Type() string   { return "SHARE" }
