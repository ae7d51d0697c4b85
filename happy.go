package usernet

import (
	"net/netip"
	"slices"
	"time"
)

// Delays of RFC 8305, 8.
const (
	// "Resolution Delay [...] Recommended to be 50 milliseconds."
	resolutionDelay = 50 * time.Millisecond
	// "Connection Attempt Delay [...] Recommended to be 250 milliseconds."
	defaultAttemptDelay = 250 * time.Millisecond
	// RFC 8305, 5: "[...] a subsequent connection MUST NOT be started within 10
	// milliseconds of the previous attempt."
	minAttemptDelay = 10 * time.Millisecond
)

// maxAttempts bounds the addresses that a dial tries; what a name has beyond them
// is left out.
const maxAttempts = 64

// A race is Happy Eyeballs (RFC 8305): it decides which address is tried when,
// while addresses come in and attempts fail. It is over with the first success,
// which it is not told of. It has no clock and does not connect.
type race struct {
	delay time.Duration // between attempts
	sort  func([]netip.Addr)

	awaits4, awaits6 bool         // addresses of the family are still to come
	waiting          []netip.Addr // not tried yet, in the order to try them
	known            int          // addresses so far, those tried included
	hold             time.Time    // until when addresses of IPv4 wait for those of IPv6

	running int
	began   bool // something was tried
	last4   bool // ... at last by IPv4
	last    time.Time
	hurry   bool // an attempt has failed since
}

// resolved adds addresses. Before it, awaits4 or awaits6 is cleared if no more of
// the family will come.
func (r *race) resolved(now time.Time, list []netip.Addr) {
	list = list[:min(len(list), maxAttempts-r.known)]
	r.known += len(list)
	if len(list) == 0 {
		return
	}
	// RFC 8305, 3: "If a positive A response is received first due to reordering, the
	// client SHOULD wait a short time for the AAAA response [...]".
	if r.awaits6 && r.hold.IsZero() {
		r.hold = now.Add(resolutionDelay)
	}
	// RFC 8305, 6: "If an address is added to the list, it should be sorted into the
	// list of addresses not yet attempted according to the rules above".
	r.waiting = append(r.waiting, list...)
	r.sort(r.waiting)
	r.interleave()
}

// interleave has the families alternate.
//
// RFC 8305, 4: "Whichever address family is first in the list should be followed by
// an address of the other address family".
func (r *race) interleave() {
	first4 := r.waiting[0].Is4()
	if r.began {
		first4 = !r.last4
	}
	var ours, others []netip.Addr
	for _, a := range r.waiting {
		if a.Is4() == first4 {
			ours = append(ours, a)
		} else {
			others = append(others, a)
		}
	}
	r.waiting = r.waiting[:0]
	for i := range max(len(ours), len(others)) {
		r.waiting = append(r.waiting, ours[min(i, len(ours)):min(i+1, len(ours))]...)
		r.waiting = append(r.waiting, others[min(i, len(others)):min(i+1, len(others))]...)
	}
}

// next returns the address to try now, if one is due.
func (r *race) next(now time.Time) (netip.Addr, bool) {
	if len(r.waiting) == 0 || now.Before(r.ready()) {
		return netip.Addr{}, false
	}
	a := r.waiting[0]
	r.waiting = slices.Delete(r.waiting, 0, 1)
	r.running++
	r.began, r.last4, r.last, r.hurry = true, a.Is4(), now, false
	return a, true
}

// ready returns when the next address may be tried.
func (r *race) ready() time.Time {
	switch {
	case !r.began && r.awaits6:
		return r.hold
	case r.last.IsZero():
		return r.last
	case r.hurry || r.running == 0:
		return r.last.Add(minAttemptDelay)
	}
	return r.last.Add(r.delay)
}

// deadline returns when next is to be called again; zero if something else has to
// happen first.
func (r *race) deadline() time.Time {
	if len(r.waiting) == 0 {
		return time.Time{}
	}
	return r.ready()
}

// failed ends an attempt. One that was not sent needs no delay behind it: it put no
// load on any network.
func (r *race) failed(sent bool) {
	r.running--
	r.hurry = true
	if !sent {
		r.last = time.Time{}
	}
}

// over reports whether all has been tried, and has failed.
func (r *race) over() bool {
	return r.running == 0 && len(r.waiting) == 0 && !r.awaits4 && !r.awaits6
}
