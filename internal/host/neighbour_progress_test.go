package host

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet/link"
)

// A connection that makes progress keeps its neighbour REACHABLE without a probe,
// whichever way the text goes; one that is idle does not.
func TestTCPProgressConfirmsNeighbour(t *testing.T) {
	for name, step := range map[string]func(p *tcpPeer, c *TCPConn){
		"we send": func(p *tcpPeer, c *TCPConn) {
			c.Write([]byte("x"))
			p.ack = p.ack.Add(1)
			p.send("")
		},
		"the peer sends": func(p *tcpPeer, c *TCPConn) {
			p.send("x")
			c.Read(make([]byte, 1))
		},
	} {
		t.Run(name, func(t *testing.T) {
			inFamilies(t, Config{}, link.Info{}, func(t *testing.T, p *tcpPeer) {
				c := p.accept(mss1000)
				// The neighbour has spoken first, and is STALE: the handshake confirms it.
				asked := 0
				for range 600 {
					time.Sleep(500 * time.Millisecond)
					step(p, c)
					asked += p.solicited()
				}
				if asked != 0 {
					t.Errorf("%d solicitations in five minutes of progress, want none", asked)
				}
				if state := c.stateOfNeighbour(); state != neighbourReachable {
					t.Errorf("the neighbour is %v", state)
				}
				time.Sleep(2 * time.Minute)
				if state := c.stateOfNeighbour(); state != neighbourStale {
					t.Errorf("the neighbour is %v after two minutes of silence", state)
				}
				c.Write([]byte("x")) // without an answer
				time.Sleep(delayFirstProbe + time.Millisecond)
				if p.solicited() == 0 {
					t.Error("a neighbour of whom nothing is heard is not asked for")
				}
			})
		})
	}
}

// stateOfNeighbour returns the state of the neighbour by which c's packets go.
func (c *TCPConn) stateOfNeighbour() neighbourState {
	c.mu.Lock()
	r := c.route
	c.mu.Unlock()
	r.ifc.neighbours.mu.Lock()
	defer r.ifc.neighbours.mu.Unlock()
	return r.nbr.state
}

// What is not new is no progress: who repeats what was said before confirms
// nothing.
func TestTCPNoProgressConfirmsNothing(t *testing.T) {
	inFamilies(t, Config{}, link.Info{}, func(t *testing.T, p *tcpPeer) {
		c := p.accept(mss1000)
		time.Sleep(2 * time.Minute)
		c.Write([]byte("x"))
		asked := 0
		for range 12 {
			time.Sleep(500 * time.Millisecond)
			p.send("") // a duplicate ACK
			asked += p.solicited()
		}
		if asked == 0 {
			t.Error("the neighbour is not asked for")
		}
	})
}

func TestNeighbourConfirmed(t *testing.T) {
	s := newNeighbourScript(t)
	s.c.epoch = s.now
	confirm := func() { s.n.confirmed.Store(int64(s.now.Sub(s.c.epoch))) }
	advance := func(d time.Duration) {
		s.now = s.now.Add(d)
		s.c.Advance(s.now)
	}
	s.c.Use(s.now, s.n, host4)
	s.want("first packet", neighbourIncomplete, "ask 10.0.0.2 00:00:00:00:00:00")
	s.c.Receive(s.now, neighbourMessage{kind: neighbourAnswers, addr: peer4, mac: peerMAC, solicited: true, override: true})
	s.want("answer", neighbourReachable)
	advance(10 * time.Second)
	confirm()
	advance(20 * time.Second)
	s.want("ReachableTime after the answer", neighbourReachable)
	advance(10*time.Second - 1)
	s.want("just before ReachableTime after progress", neighbourReachable)
	advance(1)
	s.want("ReachableTime after progress", neighbourStale)
	s.c.Use(s.now, s.n, host4)
	s.want("a packet", neighbourDelay)
	advance(time.Second)
	confirm()
	advance(delayFirstProbe - time.Second)
	s.want("progress while DELAY", neighbourReachable)
	advance(30*time.Second - delayFirstProbe + time.Second)
	s.want("ReachableTime after progress", neighbourStale)
	s.c.Use(s.now, s.n, host4)
	advance(delayFirstProbe)
	s.want("no progress while DELAY", neighbourProbe, "ask 10.0.0.2 "+peerMAC.String())
	advance(time.Second / 2)
	confirm()
	advance(time.Second / 2)
	s.want("progress while PROBE", neighbourReachable)
	s.c.Doubt(s.now, s.n, host4)
	s.want("doubt", neighbourProbe, "ask 10.0.0.2 "+peerMAC.String())
}

// reachable writes the word at most once a second.
func TestReachableIsCheap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{}, link.Info{Medium: link.Ethernet})
		way, err := r.h.lookupRoute(host4, peer4)
		if err != nil {
			t.Fatal(err)
		}
		changes, last := 0, int64(0)
		for range 100 {
			time.Sleep(100 * time.Millisecond)
			r.h.reachable(time.Now(), way.nbr)
			if now := way.nbr.confirmed.Load(); now != last {
				changes, last = changes+1, now
			}
		}
		if changes != 10 {
			t.Errorf("%d changes in ten seconds, want ten", changes)
		}
		r.h.reachable(time.Now(), nil) // no neighbour
	})
}
