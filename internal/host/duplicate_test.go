package host

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/usernet-go/usernet/wire"
)

// A duplicateScript drives a duplicateDetector in steps, each with its reason.
type duplicateScript struct {
	*testing.T
	d   duplicateDetector
	now time.Time
}

func newDuplicateScript(t *testing.T) *duplicateScript {
	s := &duplicateScript{T: t, now: time.Unix(1000, 0)}
	s.d.init(hostMAC, [32]byte{1})
	return s
}

// want checks what is done, and that nothing else is.
func (s *duplicateScript) want(why string, want ...string) {
	s.Helper()
	var got []string
	for e, ok := s.d.Next(); ok; e, ok = s.d.Next() {
		word := [...]string{"probe", "announce", "unique", "duplicate", "conflict"}[e.kind]
		if e.kind == eventDuplicate || e.kind == eventConflict {
			word += fmt.Sprint(" ", e.mac)
		}
		if e.kind == eventProbe && e.addr.Is6() == (e.nonce == [6]byte{}) {
			s.Errorf("%s: probe for %v with the nonce %x", why, e.addr, e.nonce)
		}
		got = append(got, word+" "+e.addr.String())
	}
	if !slices.Equal(got, want) {
		s.Errorf("%s: %q, want %q", why, got, want)
	}
}

// idle lets time pass up to the deadline, which must be low to high away.
func (s *duplicateScript) idle(why string, low, high time.Duration) {
	s.Helper()
	d := s.d.Deadline().Sub(s.now)
	if s.d.Deadline().IsZero() || d < low || d > high {
		s.Fatalf("%s: deadline in %v, want %v to %v", why, d, low, high)
	}
	s.now = s.now.Add(d)
	s.d.Advance(s.now)
}

func (s *duplicateScript) quiet(why string) {
	s.Helper()
	s.want(why)
	if !s.d.Deadline().IsZero() {
		s.Errorf("%s: deadline in %v, want none", why, s.d.Deadline().Sub(s.now))
	}
}

func (s *duplicateScript) receive(kind duplicateMessageKind, addr netip.Addr, mac wire.MAC, want Reason) {
	s.Helper()
	if r := s.d.Receive(s.now, &duplicateMessage{kind: kind, addr: addr, mac: mac, nonce: [6]byte{9}}); r != want {
		s.Errorf("message about %v: %v, want %v", addr, r, want)
	}
}

// RFC 4862, 5.4.2: a random delay, DupAddrDetectTransmits solicitations, and
// RetransTimer after the last the address is unique.
func TestDuplicateTentativeAddress(t *testing.T) {
	s := newDuplicateScript(t)
	s.d.Check(s.now, host6, false)
	s.want("the delay is not over")
	s.idle("random delay", 0, time.Second)
	s.want("delay is over", "probe 2001:db8::1")
	s.idle("RetransTimer", time.Second, time.Second)
	s.want("nobody has answered", "unique 2001:db8::1", "announce 2001:db8::1")
	s.quiet("the address is ours")
}

// RFC 4429, 3.3: "The host SHOULD NOT delay before sending Neighbor Solicitation
// messages."
func TestDuplicateOptimisticAddress(t *testing.T) {
	s := newDuplicateScript(t)
	s.d.SetRetransTimer(3 * time.Second)
	s.d.Check(s.now, host6, true)
	s.want("no delay", "probe 2001:db8::1")
	s.d.Check(s.now, host6, true)
	s.want("it is being checked")
	s.idle("RetransTimer that a router told", 3*time.Second, 3*time.Second)
	s.want("nobody has answered", "unique 2001:db8::1", "announce 2001:db8::1")
}

// RFC 4862, 5.4.3 and 5.4.4; RFC 4429, 3.3.
func TestDuplicateIsFound(t *testing.T) {
	for _, kind := range []duplicateMessageKind{duplicateProbed, duplicateClaimed} {
		for _, sent := range []bool{false, true} {
			s := newDuplicateScript(t)
			s.d.Check(s.now, host6, sent)
			if sent {
				s.want("optimistic", "probe 2001:db8::1")
			}
			s.receive(kind, peer6, peerMAC, ReasonNone)
			s.want("another address")
			s.receive(kind, host6, peerMAC, ReasonConflict)
			s.want("another host has it", "duplicate 02:00:00:00:00:02 2001:db8::1")
			s.receive(kind, host6, peerMAC, ReasonNone)
			s.d.Advance(s.now.Add(time.Hour))
			s.quiet("the check is over")
			s.d.Forget(host6)
			s.d.Check(s.now, host6, true)
			s.want("a new check", "probe 2001:db8::1")
		}
	}
}

// RFC 7527, 4.1: a probe that comes back is followed by MAX_MULTICAST_SOLICIT more.
// What comes back with another nonce is another host's, whatever its MAC.
func TestDuplicateLoopedProbe(t *testing.T) {
	s := newDuplicateScript(t)
	s.d.Check(s.now, host6, true)
	s.want("first probe", "probe 2001:db8::1")
	echo := duplicateMessage{kind: duplicateProbed, addr: host6, mac: hostMAC, nonce: s.d.find(host6).nonce}
	if r := s.d.Receive(s.now, &echo); r != ReasonNone {
		t.Errorf("own probe: %v", r)
	}
	for range maxMulticastSolicit {
		s.idle("the link loops", time.Second, time.Second)
		s.want("once more", "probe 2001:db8::1")
		s.d.Receive(s.now, &echo)
	}
	s.idle("last probe", time.Second, time.Second)
	s.want("nobody else has answered", "unique 2001:db8::1", "announce 2001:db8::1")
	s.quiet("done")

	s.d.Check(s.now, peer6, true)
	s.want("another address", "probe 2001:db8::2")
	s.receive(duplicateClaimed, peer6, hostMAC, ReasonNone)
	s.want("our own advertisement came back")
	s.receive(duplicateProbed, peer6, hostMAC, ReasonConflict)
	s.want("a host with our MAC, and our address", "duplicate 02:00:00:00:00:01 2001:db8::2")
}

// RFC 5227, 2.1.1 and 2.3: PROBE_NUM probes, ANNOUNCE_WAIT, ANNOUNCE_NUM
// announcements.
func TestDuplicateARPProbes(t *testing.T) {
	s := newDuplicateScript(t)
	s.d.Check(s.now, host4, false)
	s.idle("PROBE_WAIT", 0, time.Second)
	s.want("first", "probe 10.0.0.1")
	for range probeNum - 1 {
		s.idle("PROBE_MIN to PROBE_MAX", time.Second, 2*time.Second)
		s.want("next", "probe 10.0.0.1")
	}
	s.receive(duplicateProbed, host4, hostMAC, ReasonNone)
	s.want("our own probe came back")
	s.idle("ANNOUNCE_WAIT", 2*time.Second, 2*time.Second)
	s.want("it is ours", "unique 10.0.0.1", "announce 10.0.0.1")
	s.idle("ANNOUNCE_INTERVAL", 2*time.Second, 2*time.Second)
	s.want("second announcement", "announce 10.0.0.1")
	s.quiet("done")
}

// RFC 5227, 2.1.1: "the host receives any ARP packet (Request *or* Reply) [...]
// where the packet's 'sender IP address' is the address being probed for", or "any
// ARP Probe" for it.
func TestDuplicateARPIsFound(t *testing.T) {
	for _, kind := range []duplicateMessageKind{duplicateProbed, duplicateClaimed} {
		s := newDuplicateScript(t)
		s.d.Check(s.now, host4, false)
		s.idle("PROBE_WAIT", 0, time.Second)
		s.want("first", "probe 10.0.0.1")
		s.receive(kind, host4, peerMAC, ReasonConflict)
		s.want("another host has it", "duplicate 02:00:00:00:00:02 10.0.0.1")
		s.d.Advance(s.now.Add(time.Hour))
		s.quiet("the check is over")
	}
}

// RFC 5227, 2.4 (c): one announcement per DEFEND_INTERVAL without conflicts.
func TestDuplicateDefends(t *testing.T) {
	s := newDuplicateScript(t)
	s.d.Check(s.now, host4, true)
	s.want("in use", "announce 10.0.0.1")
	s.idle("ANNOUNCE_INTERVAL", 2*time.Second, 2*time.Second)
	s.want("second announcement", "announce 10.0.0.1")
	s.receive(duplicateProbed, host4, peerMAC, ReasonNone)
	s.want("the answer to a probe defends it")
	s.receive(duplicateClaimed, host4, peerMAC, ReasonConflict)
	s.want("first claim", "conflict 02:00:00:00:00:02 10.0.0.1", "announce 10.0.0.1")
	for range 3 {
		s.now = s.now.Add(defendInterval - 1)
		s.receive(duplicateClaimed, host4, peerMAC, ReasonConflict)
		s.want("too soon")
	}
	s.now = s.now.Add(defendInterval)
	s.receive(duplicateClaimed, host4, peerMAC, ReasonConflict)
	s.want("again", "conflict 02:00:00:00:00:02 10.0.0.1", "announce 10.0.0.1")
}

// RFC 4862, 5.4.4, 2: an IPv6 address that is assigned stays.
func TestDuplicateOfAssignedIPv6(t *testing.T) {
	s := newDuplicateScript(t)
	s.d.Check(s.now, host6, true)
	s.want("probe", "probe 2001:db8::1")
	s.idle("RetransTimer", time.Second, time.Second)
	s.want("it is ours", "unique 2001:db8::1", "announce 2001:db8::1")
	s.receive(duplicateClaimed, host6, peerMAC, ReasonConflict)
	s.want("said once", "conflict 02:00:00:00:00:02 2001:db8::1")
	s.receive(duplicateClaimed, host6, peerMAC, ReasonConflict)
	s.want("not again")
	s.quiet("done")
}
