package host

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/usernet-go/usernet/wire"
)

// A neighbourScript drives a neighbourCache in steps, each with its reason.
type neighbourScript struct {
	*testing.T
	c   neighbourCache
	n   *neighbour
	now time.Time
}

func newNeighbourScript(t *testing.T) *neighbourScript {
	s := &neighbourScript{T: t, now: time.Unix(1000, 0)}
	s.c.init(8, 0.5) // ReachableTime is 30 s
	s.n = s.c.Get(peer4)
	return s
}

// out returns what the cache wants done now, in words.
func (s *neighbourScript) out() (out []string) {
	for e, ok := s.c.Next(); ok; e, ok = s.c.Next() {
		switch e.kind {
		case eventSolicit:
			out = append(out, fmt.Sprintf("ask %v %v", e.addr, e.mac))
		case eventSend:
			out = append(out, fmt.Sprintf("send %s to %v", e.packet.frame, e.mac))
		case eventDrop:
			out = append(out, fmt.Sprintf("drop %s: %v", e.packet.frame, e.reason))
		}
		s.c.Done(&e)
	}
	return out
}

// want checks what is done, that nothing else is, and the state it leads to.
func (s *neighbourScript) want(why string, state neighbourState, out ...string) {
	s.Helper()
	if got := s.out(); !slices.Equal(got, out) {
		s.Errorf("%s: %q, want %q", why, got, out)
	}
	if s.n.state != state {
		s.Errorf("%s: %v, want %v", why, s.n.state, state)
	}
	usable := s.n.word.Load() != 0
	switch state {
	case neighbourReachable, neighbourDelay, neighbourProbe:
		if !usable || unpackMAC(s.n.word.Load()) != s.n.mac {
			s.Errorf("%s: the send path does not see the MAC", why)
		}
	default:
		if usable {
			s.Errorf("%s: the send path sees a MAC in %v", why, state)
		}
	}
}

// send lets a packet go to the neighbour, or wait for it.
func (s *neighbourScript) send(name string) {
	if !s.c.Use(s.now, s.n, host4) {
		s.c.Enqueue(s.n, queuedPacket{frame: []byte(name)})
	}
}

// idle lets time pass up to the machine's deadline, which must be d away.
func (s *neighbourScript) idle(why string, d time.Duration) {
	s.Helper()
	if got := s.c.Deadline().Sub(s.now); got != d {
		s.Errorf("%s: deadline in %v, want %v", why, got, d)
	}
	s.now = s.now.Add(d)
	s.c.Advance(s.now)
}

func (s *neighbourScript) answer(mac wire.MAC, solicited, override bool) Reason {
	return s.c.Receive(s.now, neighbourMessage{kind: neighbourAnswers, addr: peer4, mac: mac, solicited: solicited, override: override})
}

const (
	askAll  = "ask 10.0.0.2 00:00:00:00:00:00"
	askPeer = "ask 10.0.0.2 02:00:00:00:00:02"
)

// RFC 4861, 7.3.3: the whole life of an entry.
func TestNeighbourLife(t *testing.T) {
	s := newNeighbourScript(t)
	s.want("nothing was sent yet", neighbourNone)
	s.send("a")
	s.want("first packet: the address is asked for", neighbourIncomplete, askAll)
	s.send("b")
	s.want("the second packet waits with it", neighbourIncomplete)
	s.idle("RetransTimer", time.Second)
	s.want("no answer: asked again", neighbourIncomplete, askAll)
	s.answer(peerMAC, true, true)
	s.want("the answer lets both go, in order", neighbourReachable, "send a to 02:00:00:00:00:02", "send b to 02:00:00:00:00:02")
	s.idle("old timers lead to nothing", time.Second)
	s.idle("ReachableTime", 29*time.Second)
	s.want("not confirmed for ReachableTime", neighbourStale)
	if !s.c.Deadline().IsZero() {
		t.Error("a STALE entry has a deadline")
	}
	s.now = s.now.Add(time.Hour)
	s.send("c")
	s.want("first use: goes at once, and is watched", neighbourDelay)
	s.idle("DELAY_FIRST_PROBE_TIME", 5*time.Second)
	s.want("no confirmation: the neighbour is asked alone", neighbourProbe, askPeer)
	s.answer(peerMAC, true, true)
	s.want("it is still there", neighbourReachable)
}

func TestNeighbourDoesNotAnswer(t *testing.T) {
	s := newNeighbourScript(t)
	s.send("a")
	s.send("b")
	s.want("asked", neighbourIncomplete, askAll)
	s.idle("first", time.Second)
	s.want("asked again", neighbourIncomplete, askAll)
	s.idle("second", time.Second)
	s.want("asked a third time", neighbourIncomplete, askAll)
	s.idle("MAX_MULTICAST_SOLICIT", time.Second)
	s.want("what waited is dropped", neighbourGone,
		"drop a: neighbour does not answer", "drop b: neighbour does not answer")
	if len(s.c.entries) != 0 || s.c.queued != 0 {
		t.Errorf("%d entries, %d bytes left", len(s.c.entries), s.c.queued)
	}
}

func TestNeighbourProbeFails(t *testing.T) {
	s := newNeighbourScript(t)
	s.send("a")
	s.answer(peerMAC, false, true)
	s.want("an unsolicited answer is not proof: what waited goes, and is watched", neighbourDelay, askAll, "send a to 02:00:00:00:00:02")
	s.idle("RetransTimer, left over", time.Second)
	s.idle("DELAY_FIRST_PROBE_TIME", 4*time.Second)
	for range 3 {
		s.want("asked alone", neighbourProbe, askPeer)
		s.idle("RetransTimer", time.Second)
	}
	s.want("gone", neighbourGone)
}

// RFC 4861, 7.2.5, its table in appendix C.
func TestNeighbourAdvertisements(t *testing.T) {
	for _, c := range []struct {
		name                string
		state               neighbourState
		mac                 wire.MAC
		solicited, override bool
		want                neighbourState
		wantMAC             wire.MAC
	}{
		{"other MAC, no override: REACHABLE is doubted", neighbourReachable, otherMAC, true, false, neighbourStale, peerMAC},
		{"other MAC, no override: else ignored", neighbourProbe, otherMAC, true, false, neighbourProbe, peerMAC},
		{"other MAC, override, solicited", neighbourReachable, otherMAC, true, true, neighbourReachable, otherMAC},
		{"other MAC, override, unsolicited", neighbourReachable, otherMAC, false, true, neighbourStale, otherMAC},
		{"same MAC, solicited", neighbourStale, peerMAC, true, false, neighbourReachable, peerMAC},
		{"same MAC, unsolicited: nothing new", neighbourReachable, peerMAC, false, true, neighbourReachable, peerMAC},
		{"same MAC, unsolicited, in DELAY", neighbourDelay, peerMAC, false, true, neighbourDelay, peerMAC},
		{"no MAC, solicited: confirms the one we have", neighbourProbe, wire.MAC{}, true, false, neighbourReachable, peerMAC},
	} {
		s := newNeighbourScript(t)
		s.send("a")
		s.answer(peerMAC, true, true)
		s.out()
		s.c.enter(s.now, s.n, c.state)
		s.answer(c.mac, c.solicited, c.override)
		if s.n.state != c.want || s.n.mac != c.wantMAC {
			t.Errorf("%s: %v at %v, want %v at %v", c.name, s.n.state, s.n.mac, c.want, c.wantMAC)
		}
	}
	s := newNeighbourScript(t)
	s.send("a")
	if r := s.answer(wire.MAC{}, true, true); r != ReasonNDUnsolicited || s.n.state != neighbourIncomplete {
		t.Errorf("answer without MAC in INCOMPLETE: %v, %v", r, s.n.state)
	}
}

// Who asks for us makes himself known; who only tells is believed if we know him.
func TestNeighbourAsksAndTells(t *testing.T) {
	s := newNeighbourScript(t)
	tell := neighbourMessage{kind: neighbourTells, addr: peer4, mac: otherMAC}
	if r := s.c.Receive(s.now, tell); r != ReasonNDUnsolicited || s.n.state != neighbourNone {
		t.Errorf("told about a stranger: %v, %v", r, s.n.state)
	}
	ask := neighbourMessage{kind: neighbourAsks, addr: peer4, mac: peerMAC}
	s.c.Receive(s.now, ask)
	s.want("known from its own question", neighbourStale)
	s.c.Receive(s.now, tell)
	if s.want("told of another MAC", neighbourStale); s.n.mac != otherMAC {
		t.Errorf("MAC %v, want %v", s.n.mac, otherMAC)
	}
	s.send("a")
	s.want("used", neighbourDelay)
	s.c.Receive(s.now, tell)
	s.want("told nothing new", neighbourDelay)
	s.c.Receive(s.now, ask)
	s.want("asks from another MAC: not confirmed", neighbourStale)
}

// The queue of one neighbour keeps the newest packets, within its bounds.
func TestNeighbourQueue(t *testing.T) {
	s := newNeighbourScript(t)
	s.send("first")
	s.out()
	for i := range maxQueuedPackets {
		s.send(fmt.Sprint(i))
	}
	s.want("the oldest made room", neighbourIncomplete, "drop first: neighbour's queue full")
	big := make([]byte, maxQueuedBytes-10)
	s.c.Enqueue(s.n, queuedPacket{frame: big})
	if s.n.queued > maxQueuedBytes || s.c.queued != s.n.queued {
		t.Errorf("%d bytes queued, %d counted", s.n.queued, s.c.queued)
	}
	// The bound of the whole cache holds across neighbours.
	for i := range maxQueuedBytesAll/maxQueuedBytes + 4 {
		n := s.c.Get(netip.AddrFrom4([4]byte{10, 0, 1, byte(i % 7)}))
		s.c.Use(s.now, n, host4)
		for range 3 {
			s.c.Enqueue(n, queuedPacket{frame: make([]byte, maxQueuedBytes/3)})
		}
	}
	if s.c.queued > maxQueuedBytesAll {
		t.Errorf("%d bytes queued, more than %d", s.c.queued, maxQueuedBytesAll)
	}
}

// A packet that comes while others still leave goes behind them.
func TestNeighbourKeepsOrder(t *testing.T) {
	s := newNeighbourScript(t)
	s.send("a")
	s.send("b")
	s.c.Next() // asks
	s.answer(peerMAC, true, true)
	first, _ := s.c.Next()
	if string(first.packet.frame) != "a" {
		t.Fatalf("%q goes first", first.packet.frame)
	}
	if e, ok := s.c.Next(); ok {
		t.Errorf("%q goes while the one before it is being sent", e.packet.frame)
	}
	if s.n.word.Load() != 0 {
		t.Error("the send path may overtake what waits")
	}
	s.send("c")
	s.c.Done(&first)
	s.want("in order", neighbourReachable, "send b to 02:00:00:00:00:02", "send c to 02:00:00:00:00:02")
}

// The least recently used entry goes; what the send path uses stays.
func TestNeighbourTableIsBounded(t *testing.T) {
	s := newNeighbourScript(t)
	s.send("a")
	s.answer(peerMAC, true, true)
	s.out()
	for i := range 1000 {
		s.n.used.Store(true) // as the send path does
		s.c.Get(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}))
		if len(s.c.entries) > 8 {
			t.Fatalf("%d entries, want at most 8", len(s.c.entries))
		}
	}
	if s.c.entries[peer4] != s.n {
		t.Error("the entry in use is gone")
	}
	if s.c.entries[netip.AddrFrom4([4]byte{10, 1, 3, 231})] == nil {
		t.Error("the newest entry is gone")
	}
}

// No message of any kind in any state breaks the machine's bounds, and time always
// leads it to rest.
func FuzzNeighbourCache(f *testing.F) {
	f.Add([]byte{0, 0, 1, 1, 2, 2, 3, 9, 4, 200})
	f.Fuzz(func(t *testing.T, steps []byte) {
		var c neighbourCache
		c.init(4, 0)
		now := time.Unix(1000, 0)
		var busy []neighbourEvent // being done by other goroutines
		for i := 0; i+1 < len(steps); i += 2 {
			addr := netip.AddrFrom4([4]byte{10, 0, 0, steps[i+1] % 8})
			m := neighbourMessage{addr: addr, mac: wire.MAC{2, 0, 0, 0, 0, steps[i+1] >> 6}, solicited: steps[i]&8 != 0, override: steps[i]&16 != 0}
			switch steps[i] % 5 {
			case 0:
				if n := c.Get(addr); !c.Use(now, n, host4) {
					c.Enqueue(n, queuedPacket{frame: make([]byte, steps[i+1])})
				}
			case 1, 2, 3:
				m.kind = neighbourMessageKind(steps[i]%5 - 1)
				c.Receive(now, m)
			case 4:
				now = now.Add(time.Duration(steps[i+1]) * 100 * time.Millisecond)
				c.Advance(now)
			}
			if steps[i]&32 != 0 {
				if e, ok := c.Next(); ok {
					busy = append(busy, e)
				}
			}
			if steps[i]&64 != 0 && len(busy) > 0 {
				c.Done(&busy[0])
				busy = busy[1:]
			}
			if len(c.entries) > 4 {
				t.Fatalf("%d entries", len(c.entries))
			}
		}
		for i := range busy {
			c.Done(&busy[i])
		}
		for rounds := 0; !c.Deadline().IsZero(); rounds++ {
			if rounds > 100 {
				t.Fatal("the machine does not come to rest")
			}
			now = c.Deadline()
			c.Advance(now)
			for e, ok := c.Next(); ok; e, ok = c.Next() {
				c.Done(&e)
			}
		}
		for e, ok := c.Next(); ok; e, ok = c.Next() {
			c.Done(&e)
		}
		if c.queued != 0 {
			t.Fatalf("%d bytes counted at rest", c.queued)
		}
	})
}

// The packets that wait for all neighbours together are bounded.
func TestNeighbourQueuesTogether(t *testing.T) {
	var c neighbourCache
	c.init(1024, 0)
	now, dropped := time.Unix(1000, 0), 0
	for i := range 64 {
		n := c.Get(netip.AddrFrom4([4]byte{10, 0, 2, byte(i)}))
		c.Use(now, n, host4)
		for range 2 {
			c.Enqueue(n, queuedPacket{frame: make([]byte, maxQueuedBytes/2)})
		}
	}
	for e, ok := c.Next(); ok; e, ok = c.Next() {
		if e.kind == eventDrop && e.reason == ReasonNeighbourQueue {
			dropped++
		}
	}
	if want := 128 - maxQueuedBytesAll/(maxQueuedBytes/2); c.queued > maxQueuedBytesAll || dropped != want {
		t.Errorf("%d bytes queued, %d dropped, want %d", c.queued, dropped, want)
	}
}
