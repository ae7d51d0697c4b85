package host

import (
	"net/netip"
	"slices"
	"time"

	"github.com/usernet-go/usernet/wire"
)

// A linkPrefix is an entry of the Prefix List (RFC 4861, 5.1): its addresses are
// on the link.
type linkPrefix struct {
	prefix netip.Prefix
	until  time.Time // zero: for ever
}

// advertisedPrefix takes a prefix that is on the link: RFC 4861, 6.3.4.
func (d *routerDiscovery) advertisedPrefix(now time.Time, p *wire.PrefixInformation) Reason {
	i := slices.IndexFunc(d.prefixes, func(known *linkPrefix) bool { return known.prefix == p.Prefix })
	switch {
	case i < 0 && p.ValidLifetime == 0:
		return ReasonNone
	case i < 0 && len(d.prefixes) >= maxLinkPrefixes:
		return ReasonRouterFull
	case i < 0:
		d.prefixes = append(d.prefixes, &linkPrefix{prefix: p.Prefix})
		i = len(d.prefixes) - 1
		d.out = append(d.out, routerEvent{kind: eventAddRoute, prefix: p.Prefix})
	}
	// "If the new Lifetime value is zero, time-out the prefix immediately".
	d.prefixes[i].until = lifetime(now, p.ValidLifetime)
	d.expect(d.prefixes[i].until)
	d.expirePrefixes(now)
	return ReasonNone
}

// expirePrefixes is RFC 4861, 6.3.5: "Whenever the invalidation timer expires for
// a Prefix List entry, that entry is discarded."
func (d *routerDiscovery) expirePrefixes(now time.Time) {
	d.prefixes = slices.DeleteFunc(d.prefixes, func(p *linkPrefix) bool {
		if over(now, p.until) {
			d.out = append(d.out, routerEvent{kind: eventRemoveRoute, prefix: p.prefix})
			return true
		}
		d.expect(p.until)
		return false
	})
}
