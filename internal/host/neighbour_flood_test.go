package host

import (
	"net/netip"
	"testing"
	"time"

	"github.com/usernet-go/usernet/wire"
)

// Who makes us look for hosts that are not there, or claims to be many, does not
// drive out the neighbours that have answered, however idle these are.
func TestNeighbourFlood(t *testing.T) {
	for name, flood := range map[string]func(*neighbourCache, time.Time, netip.Addr){
		"packets to addresses that nobody has": func(c *neighbourCache, now time.Time, a netip.Addr) {
			if n := c.Get(a); !c.Use(now, n, host4) {
				c.Enqueue(n, queuedPacket{frame: make([]byte, 100)})
			}
		},
		"solicitations from forged addresses": func(c *neighbourCache, now time.Time, a netip.Addr) {
			c.Receive(now, neighbourMessage{kind: neighbourAsks, addr: a, mac: otherMAC})
			c.Use(now, c.Get(a), host4) // the answer
		},
	} {
		s := newNeighbourScript(t)
		s.send("a")
		s.answer(peerMAC, true, true)
		s.now = s.now.Add(time.Hour)
		s.c.Advance(s.now)
		for i := range 10000 {
			flood(&s.c, s.now, netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}))
			if len(s.c.entries) > 8 {
				t.Fatalf("%d entries, want at most 8", len(s.c.entries))
			}
		}
		if s.c.entries[peer4] != s.n || s.n.mac != peerMAC {
			t.Errorf("%s: the neighbour that we know is gone", name)
		}
	}
}

// Neighbours that have answered leave room for those that are looked for, and the
// one that was not used for the longest time goes first.
func TestNeighbourTableFullOfKnown(t *testing.T) {
	s := newNeighbourScript(t)
	at := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}) }
	for i := range 100 {
		// Two are looked for at a time.
		for _, j := range []int{2 * i, 2*i + 1} {
			n := s.c.Get(at(j))
			s.c.Use(s.now, n, host4)
			s.c.Enqueue(n, queuedPacket{frame: []byte("x")})
		}
		for _, j := range []int{2 * i, 2*i + 1} {
			r := s.c.Receive(s.now, neighbourMessage{kind: neighbourAnswers, addr: at(j), mac: wire.MAC{2, byte(j)}, solicited: true, override: true})
			if r != ReasonNone {
				t.Fatalf("answer %d: %v", j, r)
			}
		}
		s.out()
		if len(s.c.entries) > 8 {
			t.Fatalf("%d entries, want at most 8", len(s.c.entries))
		}
	}
}

// RFC 4861, 7.2.2: "The queue MUST hold at least one packet": also when others'
// queues have taken all that there is for all of them.
func TestNeighbourQueueHoldsOne(t *testing.T) {
	var c neighbourCache
	c.init(1024, 0)
	now := time.Unix(1000, 0)
	for i := range 2 * maxQueuedBytesAll / maxQueuedBytes {
		n := c.Get(netip.AddrFrom4([4]byte{10, 1, 0, byte(i)}))
		c.Use(now, n, host4)
		c.Enqueue(n, queuedPacket{frame: make([]byte, maxQueuedBytes)})
	}
	n := c.Get(peer4)
	c.Use(now, n, host4)
	for range 3 {
		c.Enqueue(n, queuedPacket{frame: make([]byte, 1514)})
	}
	if len(n.queue) != 1 {
		t.Errorf("%d packets wait, want 1", len(n.queue))
	}
	if most := maxQueuedBytesAll + 1024*maxFirstPacket; c.queued > most {
		t.Errorf("%d bytes queued", c.queued)
	}
}
