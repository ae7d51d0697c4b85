package usernet

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// A raceScript plays a race: each line is one thing that happens, at a time in ms,
// and what is tried then.
type raceScript struct {
	t     *testing.T
	r     race
	start time.Time
}

func newRace(t *testing.T, await bool) *raceScript {
	s := &raceScript{t: t, start: time.Unix(1000, 0)}
	s.r.delay, s.r.sort = defaultAttemptDelay, preferIPv6
	s.r.awaits4, s.r.awaits6 = await, await
	return s
}

// preferIPv6 stands for RFC 6724.
func preferIPv6(list []netip.Addr) {
	slices.SortStableFunc(list, func(a, b netip.Addr) int { return b.BitLen() - a.BitLen() })
}

func (s *raceScript) at(ms int) time.Time { return s.start.Add(time.Duration(ms) * time.Millisecond) }

// got adds addresses, separated by spaces, of which there are no more.
func (s *raceScript) got(ms int, list string) {
	var ips []netip.Addr
	for f := range strings.FieldsSeq(list) {
		ips = append(ips, netip.MustParseAddr(f))
	}
	s.r.resolved(s.at(ms), ips)
}

// want wants that these are tried at that time and not a moment before, and when
// the next deadline is; -1: none.
func (s *raceScript) want(ms int, list string, deadline int) {
	s.t.Helper()
	var got []string
	for ip, ok := s.r.next(s.at(ms)); ok; ip, ok = s.r.next(s.at(ms)) {
		got = append(got, ip.String())
	}
	if g := strings.Join(got, " "); g != list {
		s.t.Fatalf("at %d ms: tried %q, want %q", ms, g, list)
	}
	want := time.Time{}
	if deadline >= 0 {
		want = s.at(deadline)
	}
	if d := s.r.deadline(); !d.Equal(want) {
		s.t.Fatalf("at %d ms: the deadline is in %v, want %d ms", ms, d.Sub(s.start), deadline)
	}
}

func TestRaceInterleaves(t *testing.T) {
	// RFC 8305, 4: the families alternate, one attempt every 250 ms
	s := newRace(t, false)
	s.got(0, "192.0.2.1 192.0.2.2 2001:db8::1 2001:db8::2 2001:db8::3")
	s.want(0, "2001:db8::1", 250)
	s.want(249, "", 250)
	s.want(250, "192.0.2.1", 500)
	s.want(500, "2001:db8::2", 750)
	s.want(750, "192.0.2.2", 1000)
	s.want(1000, "2001:db8::3", -1)
	for range 5 {
		if s.r.over() {
			t.Fatal("over too early")
		}
		s.r.failed(true)
	}
	if !s.r.over() {
		t.Error("not over")
	}
}

func TestRaceStartsWithIPv6(t *testing.T) {
	// RFC 8305, 3: the first IPv6 attempt starts without waiting for A
	s := newRace(t, true)
	s.r.awaits6 = false
	s.got(7, "2001:db8::1 2001:db8::2")
	s.want(7, "2001:db8::1", 257)
	s.r.awaits4 = false
	s.got(20, "192.0.2.1")
	s.want(256, "", 257)
	s.want(257, "192.0.2.1", 507) // sorted in before the second of IPv6
	s.want(507, "2001:db8::2", -1)
}

func TestRaceWaitsForAAAA(t *testing.T) {
	// RFC 8305, 3: the Resolution Delay
	s := newRace(t, true)
	s.r.awaits4 = false
	s.got(10, "192.0.2.1 192.0.2.2")
	s.want(10, "", 60)
	s.r.awaits6 = false
	s.got(59, "2001:db8::1")
	s.want(59, "2001:db8::1", 309)

	s = newRace(t, true) // too late
	s.r.awaits4 = false
	s.got(10, "192.0.2.1 192.0.2.2")
	s.want(60, "192.0.2.1", 310)
	s.r.awaits6 = false
	s.got(100, "2001:db8::1")
	s.want(310, "2001:db8::1", 560)
	s.want(560, "192.0.2.2", -1)

	s = newRace(t, true) // there is none
	s.r.awaits4 = false
	s.got(10, "192.0.2.1")
	s.r.awaits6 = false
	s.got(12, "")
	s.want(12, "192.0.2.1", -1)
}

func TestRaceGoesOnAfterFailure(t *testing.T) {
	// RFC 8305, 5: not within 10 ms of the previous attempt
	s := newRace(t, false)
	s.got(0, "2001:db8::1 2001:db8::2 192.0.2.1 192.0.2.2")
	s.want(0, "2001:db8::1", 250)
	s.r.failed(true)
	s.want(1, "", 10)
	s.want(10, "192.0.2.1", 260)
	s.r.failed(true)
	s.want(50, "2001:db8::2", 300)
	s.want(300, "192.0.2.2", -1)

	s = newRace(t, false) // what was never sent need not be waited for
	s.got(0, "2001:db8::1 192.0.2.1")
	s.want(0, "2001:db8::1", 250)
	s.r.failed(false)
	s.want(0, "192.0.2.1", -1)
}

func TestRaceIsBounded(t *testing.T) {
	s := newRace(t, true)
	list := make([]netip.Addr, maxAttempts-1)
	for i := range list {
		list[i] = netip.AddrFrom4([4]byte{10, 0, 0, byte(i)})
	}
	s.r.resolved(s.start, list)
	s.r.resolved(s.start, list)
	if n := len(s.r.waiting); n != maxAttempts {
		t.Errorf("%d addresses, want %d", n, maxAttempts)
	}
}

func TestShare(t *testing.T) {
	for _, c := range []struct {
		left, want time.Duration
		n          int
	}{{time.Minute, 15 * time.Second, 4}, {3 * time.Second, 2 * time.Second, 3}, {time.Second, time.Second, 3}, {-1, -1, 2}} {
		if got := share(c.left, c.n); got != c.want && !(c.left < 0 && got <= 0) {
			t.Errorf("share(%v, %d) = %v, want %v", c.left, c.n, got, c.want)
		}
	}
}
