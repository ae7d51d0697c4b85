package host

import (
	"net/netip"
	"slices"
	"time"

	"github.com/usernet-go/usernet/wire"
)

// The constants of RFC 7217, 7, and the two hours of RFC 4862, 5.5.3, e.
const (
	idgenRetries = 3
	idgenDelay   = time.Second
	twoHours     = 2 * time.Hour
)

// interfaceIDBits is the length of an interface identifier on Ethernet (RFC 2464,
// 4).
const interfaceIDBits = 64

// An autoAddress is an address that the host has made of a prefix: a router's, or
// that of link-local addresses.
type autoAddress struct {
	prefix     netip.Prefix // masked
	addr       netip.Addr
	counter    uint8     // DAD_Counter of RFC 7217
	retry      time.Time // when another one is tried, for that one was a duplicate; zero: not
	gone       bool      // duplicates all, or taken away: nothing of this prefix is used
	preferred  time.Time // end of its preferred lifetime; zero: none
	valid      time.Time // likewise
	deprecated bool
}

// use says that the address has been given to the interface.
func (a *autoAddress) use() bool { return a.retry.IsZero() && !a.gone }

func (a *autoAddress) event(kind routerEventKind) routerEvent {
	return routerEvent{kind: kind, prefix: netip.PrefixFrom(a.addr, a.prefix.Bits())}
}

// LinkLocal returns the link-local address that the caller gives the interface. If
// it is a duplicate, another one is tried.
func (d *routerDiscovery) LinkLocal() netip.Addr {
	a := d.address(linkLocalPrefix)
	if a == nil {
		a = &autoAddress{prefix: linkLocalPrefix}
		d.addresses = append(d.addresses, a)
	}
	a.gone, a.retry = false, time.Time{}
	a.addr = d.identifiers.address(a.prefix, a.counter)
	return a.addr
}

// advertisedAddress takes a prefix for addresses: RFC 4862, 5.5.3. macKnown says
// that the router has told its MAC.
func (d *routerDiscovery) advertisedAddress(now time.Time, p *wire.PrefixInformation, macKnown bool) Reason {
	// "c) If the preferred lifetime is greater than the valid lifetime, silently ignore
	// the Prefix Information option."
	if p.PreferredLifetime > p.ValidLifetime {
		return ReasonNone
	}
	// "If the sum of the prefix length and interface identifier length does not equal
	// 128 bits, the Prefix Information option MUST be ignored."
	if p.Prefix.Bits()+interfaceIDBits != 128 {
		return ReasonNone
	}
	preferred, valid := lifetime(now, p.PreferredLifetime), lifetime(now, p.ValidLifetime)
	a := d.address(p.Prefix)
	switch {
	case a == nil && p.ValidLifetime == 0:
		return ReasonNone
	case a == nil && len(d.addresses) >= maxAutoconf:
		return ReasonRouterFull
	case a == nil:
		a = &autoAddress{prefix: p.Prefix, preferred: preferred, valid: valid}
		d.addresses = append(d.addresses, a)
		// RFC 4429, 3.3: "A host that does not know the SLLAO of its router SHOULD NOT
		// configure a new address as Optimistic."
		d.make(now, a, macKnown)
		return ReasonNone
	}
	a.preferred = preferred
	if valid, ok := a.newValid(now, valid); ok {
		a.valid = valid
	}
	d.expireAddresses(now)
	return ReasonNone
}

// newValid returns what an advertisement makes of a's valid lifetime; false: it
// stays.
func (a *autoAddress) newValid(now, advertised time.Time) (time.Time, bool) {
	later := func(t, than time.Time) bool { return t.IsZero() || !than.IsZero() && t.After(than) }
	inTwoHours := now.Add(twoHours)
	switch {
	// "1. If the received Valid Lifetime is greater than 2 hours or greater than
	// RemainingLifetime, set the valid lifetime of the corresponding address to the
	// advertised Valid Lifetime."
	case later(advertised, inTwoHours), later(advertised, a.valid):
		return advertised, true
	// "2. If RemainingLifetime is less than or equal to 2 hours, ignore the Prefix
	// Information option with regards to the valid lifetime".
	case !later(a.valid, inTwoHours):
		return time.Time{}, false
	}
	// "3. Otherwise, reset the valid lifetime of the corresponding address to 2 hours."
	return inTwoHours, true
}

func (d *routerDiscovery) address(prefix netip.Prefix) *autoAddress {
	for _, a := range d.addresses {
		if a.prefix == prefix {
			return a
		}
	}
	return nil
}

// make gives a the address that its counter leads to, or gives up.
func (d *routerDiscovery) make(now time.Time, a *autoAddress, optimistic bool) {
	a.retry = time.Time{}
	for a.addr = d.identifiers.address(a.prefix, a.counter); isReservedIdentifier(a.addr); {
		// RFC 7217, 5: "In the event that an unacceptable identifier has been generated,
		// this situation SHOULD be handled in the same way as the case of duplicate
		// addresses".
		a.counter++
		a.addr = d.identifiers.address(a.prefix, a.counter)
	}
	e := a.event(eventAddAddress)
	e.optimistic = optimistic
	d.out = append(d.out, e)
	a.deprecated = false
	d.expire(now, a)
}

// Duplicate says that an address is another host's and was taken away. Those that
// are not of this machine are passed over.
func (d *routerDiscovery) Duplicate(now time.Time, addr netip.Addr) {
	i := slices.IndexFunc(d.addresses, func(a *autoAddress) bool { return a.addr == addr && a.use() })
	if i < 0 {
		return
	}
	a := d.addresses[i]
	// RFC 7217, 6: "hosts MUST limit the number of tentative addresses that are tried".
	if a.counter >= idgenRetries {
		a.gone = true
		return
	}
	a.counter++
	// "Hosts SHOULD introduce a random delay between 0 and IDGEN_DELAY seconds".
	a.retry = now.Add(between(d.rand, 0, idgenDelay))
	d.expect(a.retry)
}

// Removed says that the application has taken an address away: the machine gives
// the interface none of its prefix again, while the prefix is valid.
func (d *routerDiscovery) Removed(addr netip.Addr) {
	for _, a := range d.addresses {
		if a.addr == addr && a.use() {
			a.gone = true
		}
	}
}

// expireAddresses is RFC 4862, 5.5.4.
func (d *routerDiscovery) expireAddresses(now time.Time) {
	d.addresses = slices.DeleteFunc(d.addresses, func(a *autoAddress) bool {
		if over(now, a.valid) {
			// "An address (and its association with an interface) becomes invalid when its
			// valid lifetime expires."
			if a.use() {
				d.out = append(d.out, a.event(eventRemoveAddress))
			}
			return true
		}
		if over(now, a.retry) {
			d.make(now, a, false)
		}
		d.expire(now, a)
		return false
	})
}

// expire deprecates a if that is due, or prefers it again, and waits for what is
// next. "A preferred address becomes deprecated when its preferred lifetime
// expires."
func (d *routerDiscovery) expire(now time.Time, a *autoAddress) {
	deprecated := over(now, a.preferred)
	if a.use() && deprecated != a.deprecated {
		kind := eventPrefer
		if deprecated {
			kind = eventDeprecate
		}
		d.out = append(d.out, a.event(kind))
		a.deprecated = deprecated
	}
	if !deprecated {
		d.expect(a.preferred)
	}
	d.expect(a.valid)
	d.expect(a.retry)
}
