package host

import (
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/usernet-go/usernet/wire"
)

// The constants of RFC 4861, 10, and RFC 7559, 2.
const (
	rtrSolicitationInterval    = 4 * time.Second
	maxRtrSolicitationInterval = time.Hour
)

// Bounds of what routers can make an interface remember. What is known stays, what
// would be one too many is skipped and counted under ReasonRouterFull: many routers
// or prefixes on one link are an attack (RFC 3756, 4.2) or a mistake.
const (
	maxRouters      = 8
	maxLinkPrefixes = 16
	maxAutoconf     = 16 // addresses
	maxRedirects    = 64 // the oldest makes room
	// Advertisements that are looked at, a second and at once, of one router, and
	// of all that are not known. RFC 4861, 6.2.6, has a router send one in three
	// seconds.
	maxRouterRate  = 2
	maxRouterBurst = 10
	// Redirects, likewise: a router sends them as slowly as ICMP errors.
	maxRedirectRate = 10
)

// A routerDiscovery is what an interface learns from routers: the machine of RFC
// 4861, 6.3 (default routers, prefixes on the link, parameters) and 8 (redirects),
// and of RFC 4862, 5.5 (addresses), with RFC 4191 (preferences), RFC 7217 (stable
// opaque identifiers) and RFC 7559 (solicitations), without I/O, clock or lock.
type routerDiscovery struct {
	linkMTU     int // bytes
	identifiers stableIdentifiers
	rand        *rand.Rand
	strangers   tokenBucket // advertisements of routers that are not in the list
	redirected  tokenBucket

	started   bool
	solicit   time.Time     // when the next solicitation is to be sent; zero: never
	interval  time.Duration // between the last one and that; 0: none was sent
	routers   []*defaultRouter
	current   *defaultRouter // the one that is used; nil when there is none
	prefixes  []*linkPrefix
	addresses []*autoAddress
	redirects []redirectedRoute // the oldest first
	params    linkParameters

	next time.Time // nothing is due earlier; zero: nothing at all
	out  []routerEvent
}

// linkParameters are what a router's advertisement sets besides; zero: nothing
// was said.
type linkParameters struct {
	hopLimit  uint8
	mtu       int           // bytes
	reachable time.Duration // BaseReachableTime
	retrans   time.Duration // RetransTimer
}

// routerEvent is what a routerDiscovery wants done.
type routerEvent struct {
	kind    routerEventKind
	prefix  netip.Prefix // of the route; the address, not masked, with its prefix's length
	gateway netip.Addr   // of the route; the zero Addr: on the link
	// redirected: the route is of a redirect.
	redirected bool
	optimistic bool // eventAddAddress: it may be used while it is checked
	params     linkParameters
}

type routerEventKind uint8

const (
	eventSolicitRouter  routerEventKind = iota // ask for advertisements
	eventAddRoute                              // prefix is reached by gateway
	eventRemoveRoute                           // and is not any more
	eventAddAddress                            // check prefix, and use it
	eventPrefer                                // the address is not deprecated any more
	eventDeprecate                             // the address is not to be used for what is new
	eventRemoveAddress                         // the address is not valid any more
	eventLinkParameters                        // params are in force
)

// anywhere6 is what a default router leads to.
var anywhere6 = netip.PrefixFrom(netip.IPv6Unspecified(), 0)

// init makes the machine; seed is random.
func (d *routerDiscovery) init(linkMTU int, seed [32]byte, identifiers stableIdentifiers) {
	d.linkMTU, d.identifiers = linkMTU, identifiers
	d.rand = rand.New(rand.NewChaCha8(seed))
	d.strangers.init(maxRouterRate, maxRouterBurst)
	d.redirected.init(maxRedirectRate, maxRedirects)
}

// Start begins to look for routers. Before that, advertisements are ignored.
func (d *routerDiscovery) Start(now time.Time) {
	d.started = true
	// RFC 4861, 6.3.7: "Before a host sends an initial solicitation, it SHOULD delay
	// the transmission for a random amount of time between 0 and
	// MAX_RTR_SOLICITATION_DELAY."
	d.solicit = now.Add(between(d.rand, 0, maxRtrSolicitationDelay))
	d.expect(d.solicit)
}

// Receive takes a router advertisement, which has passed the checks of RFC 4861,
// 6.1.2, from a router's address. It returns ReasonNone, or why it, or a part of
// it, was of no use.
func (d *routerDiscovery) Receive(now time.Time, from netip.Addr, m *wire.RouterAdvertisement) Reason {
	if !d.started {
		return ReasonICMPType
	}
	bucket := &d.strangers
	if r := d.router(from); r != nil {
		bucket = &r.advertised
	}
	if !bucket.allow(now) {
		return ReasonRouterLimit
	}
	if m.RouterLifetime > 0 && d.interval > 0 {
		// RFC 4861, 6.3.7: "Once the host sends a Router Solicitation, and receives a
		// valid Router Advertisement with a non-zero Router Lifetime, the host MUST desist
		// from sending additional solicitations on that interface". RFC 7559 is of the
		// same mind.
		d.solicit = time.Time{}
	}
	reason := d.advertisedRouter(now, from, m)
	d.setParameters(m)
	for i := range m.Prefixes[:m.NumPrefixes] {
		p := &m.Prefixes[i]
		if p.Prefix.Addr().IsLinkLocalUnicast() || p.Prefix.Addr().IsMulticast() || p.Prefix.Addr().IsLoopback() {
			continue // RFC 4861, 6.3.4, and RFC 4862, 5.5.3, b, of the first
		}
		if p.OnLink {
			if r := d.advertisedPrefix(now, p); r != ReasonNone {
				reason = r
			}
		}
		if p.Autonomous {
			if r := d.advertisedAddress(now, p, !m.SourceMAC.IsZero()); r != ReasonNone {
				reason = r
			}
		}
	}
	return reason
}

// lifetime returns when a lifetime of so many seconds is over: zero for one that
// lasts for ever (RFC 4861, 4.6.2: "A value of all one bits (0xffffffff)
// represents infinity").
func lifetime(now time.Time, seconds uint32) time.Time {
	if seconds == 0xffffffff {
		return time.Time{}
	}
	return now.Add(time.Duration(seconds) * time.Second)
}

// over says whether a lifetime has ended.
func over(now, until time.Time) bool { return !until.IsZero() && !now.Before(until) }

// What a router may set the parameters to: a forged advertisement could else cut
// the host off, or make it flood the link (RFC 3756, 4.2.7). Values beyond are
// ignored.
const (
	minHopLimit      = 32
	maxReachableTime = time.Hour // RFC 4861, 6.2.1: "no greater than 3,600,000 milliseconds"
	minReachableTime = time.Second
	minRetransTimer  = 100 * time.Millisecond
	maxRetransTimer  = 10 * time.Second
)

// setParameters takes the rest of m. RFC 4861, 6.3.4: "the parameter should be
// ignored" where it is unspecified, and "a host MUST NOT interpret the unspecified
// value as meaning change back to the default value".
func (d *routerDiscovery) setParameters(m *wire.RouterAdvertisement) {
	p := d.params
	if m.HopLimit >= minHopLimit {
		p.hopLimit = m.HopLimit
	}
	if t := time.Duration(m.ReachableTime) * time.Millisecond; t >= minReachableTime && t <= maxReachableTime {
		p.reachable = t
	}
	if t := time.Duration(m.RetransTimer) * time.Millisecond; t >= minRetransTimer && t <= maxRetransTimer {
		p.retrans = t
	}
	// "hosts SHOULD copy the option's value into LinkMTU so long as the value is
	// greater than or equal to the minimum link MTU [IPv6] and does not exceed the
	// maximum LinkMTU value".
	if m.MTU >= minMTUv6 && m.MTU <= uint32(d.linkMTU) {
		p.mtu = int(m.MTU)
	}
	if p != d.params {
		d.params = p
		d.out = append(d.out, routerEvent{kind: eventLinkParameters, params: p})
	}
}

// Next returns what is to be done next, in order.
func (d *routerDiscovery) Next() (e routerEvent, ok bool) {
	if len(d.out) == 0 {
		return e, false
	}
	e = d.out[0]
	if d.out = d.out[1:]; len(d.out) == 0 {
		d.out = nil
	}
	return e, true
}

// Deadline returns when Advance is to be called: never, if it is zero.
func (d *routerDiscovery) Deadline() time.Time { return d.next }

// expect keeps d.next in front of a deadline.
func (d *routerDiscovery) expect(deadline time.Time) {
	if !deadline.IsZero() && (d.next.IsZero() || deadline.Before(d.next)) {
		d.next = deadline
	}
}

// Advance does what is due at now.
func (d *routerDiscovery) Advance(now time.Time) {
	if d.next.IsZero() || now.Before(d.next) {
		return
	}
	d.next = time.Time{}
	if over(now, d.solicit) {
		d.sendSolicitation(now)
	}
	d.expect(d.solicit)
	d.expireRouters(now)
	d.expirePrefixes(now)
	d.expireAddresses(now)
}

// sendSolicitation asks once more, and sets the time of the next: RFC 7559, 2,
// doubles the interval from RTR_SOLICITATION_INTERVAL to an hour, each spread by a
// tenth, without an end.
func (d *routerDiscovery) sendSolicitation(now time.Time) {
	d.out = append(d.out, routerEvent{kind: eventSolicitRouter})
	if d.interval = 2 * d.interval; d.interval == 0 {
		d.interval = rtrSolicitationInterval
	}
	d.interval = min(d.interval, maxRtrSolicitationInterval)
	if len(d.routers) > 0 {
		// "a host SHOULD send at least one solicitation in the case where an advertisement
		// is received prior to having sent a solicitation": this was it.
		d.solicit = time.Time{}
		return
	}
	d.interval += between(d.rand, -d.interval/10, d.interval/10)
	d.solicit = now.Add(d.interval)
}
