package sim

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// hops hand a Ladder packets on their ways from hop to hop, each of which
// takes 10 ms.
type hops struct {
	l       *Ladder
	numbers map[string]uint64 // of packets, by way
}

func newHops(a, b string) *hops { return &hops{newLadder(a, b), map[string]uint64{}} }

const perHop = 10 * time.Millisecond

// hop hands over one packet on the way from a node to another, and says when it
// arrives there.
func (n *hops) hop(at time.Duration, from, to string, data []byte, f fate) time.Duration {
	way := from + ">" + to
	n.numbers[way]++
	f.At = epoch.Add(at + perHop)
	n.l.see(&Packet{Number: n.numbers[way], Time: epoch.Add(at), From: from, To: to, Medium: link.IP, Data: data}, f)
	return at + perHop
}

// cut hands over that the path was cut under the last packet of a way.
func (n *hops) cut(at time.Duration, from, to string, data []byte) {
	n.l.see(&Packet{Number: n.numbers[from+">"+to], Time: epoch.Add(at), From: from, To: to, Medium: link.IP, Data: data}, fate{cut: true})
}

const (
	clientAddr = "10.0.0.1:49152"
	serverAddr = "10.0.0.2:80"
)

func fromClient(seq, ack wire.Seq, f wire.TCPFlags, text int) []byte {
	return tcpPacket(clientAddr, serverAddr, wire.TCP{Seq: seq, Ack: ack, Flags: f}, text)
}

func fromServer(seq, ack wire.Seq, f wire.TCPFlags, text int) []byte {
	return tcpPacket(serverAddr, clientAddr, wire.TCP{Seq: seq, Ack: ack, Flags: f}, text)
}

func (n *hops) check(t *testing.T, want string) {
	t.Helper()
	if got := n.l.String(); got != strings.TrimPrefix(want, "\n") {
		t.Errorf("got\n%s\nwant%s", got, want)
	}
}

const ms = time.Millisecond

// On the way from one host to the other, a fate is all there is to know.
func TestLadderDirect(t *testing.T) {
	n := newHops("client", "server")
	n.check(t, "no TCP connection between client and server\n")
	c, s := "client", "server"
	n.hop(0, c, s, udpPacket(addr1, addr2, 5), fate{})
	n.hop(0, c, s, fromClient(100, 0, wire.SYN, 0), losing(link.Overflow))
	n.hop(1000*ms, c, s, fromClient(100, 0, wire.SYN, 0), fate{})
	n.hop(1005*ms, c, s, tcpPacket("10.0.0.1:49153", serverAddr, wire.TCP{Seq: 9, Flags: wire.SYN}, 0), fate{}) // another one
	n.hop(1010*ms, s, c, fromServer(300, 101, wire.SYN|wire.ACK, 0), fate{Fate: link.Fate{Twice: true}})
	n.hop(1020*ms, c, s, fromClient(101, 301, wire.ACK, 0), fate{})
	n.hop(1020*ms, c, s, fromClient(101, 301, wire.PSH|wire.ACK, 5), fate{Fate: link.Fate{Corrupt: true}})
	n.hop(1220*ms, c, s, fromClient(101, 301, wire.PSH|wire.ACK, 5), fate{picked: true})
	n.hop(1620*ms, c, s, fromClient(101, 301, wire.PSH|wire.ACK, 5), fate{})
	n.cut(1625*ms, c, s, fromClient(101, 301, wire.PSH|wire.ACK, 5)) // and again when it would arrive
	n.hop(1630*ms, c, s, fromClient(101, 301, wire.PSH|wire.ACK, 5), fate{Fate: link.Fate{Corrupt: true}})
	n.cut(1635*ms, c, s, fromClient(101+1<<31, 301, wire.PSH|wire.ACK, 5)) // with one bit flipped
	n.hop(2420*ms, c, s, fromClient(101, 301, wire.PSH|wire.ACK, 5), fate{cut: true})
	n.hop(4020*ms, c, s, fromClient(101, 301, wire.PSH|wire.ACK, 5), fate{})
	n.hop(4030*ms, s, c, fromServer(301, 106, wire.RST|wire.ACK, 0), fate{})
	n.check(t, `
        ms              client 10.0.0.1:49152           server 10.0.0.2:80
                 CLOSED |                                                | LISTEN
     0.000     SYN-SENT |--<SEQ=0><CTL=SYN>-----------------X            | lost
  1000.000              |--<SEQ=0><CTL=SYN>----------------------------->| SYN-RECEIVED, retransmission after 1000 ms
  1010.000  ESTABLISHED |<------------------<SEQ=0><ACK=1><CTL=SYN,ACK>--| arrives twice
  1020.000              |--<SEQ=1><ACK=1><CTL=ACK>---------------------->| ESTABLISHED
  1020.000              |--<SEQ=1><ACK=1><CTL=PSH,ACK><DATA=5>-X         | corrupt
  1220.000              |--<SEQ=1><ACK=1><CTL=PSH,ACK><DATA=5>-X         | retransmission after 200 ms, lost
  1620.000              |--<SEQ=1><ACK=1><CTL=PSH,ACK><DATA=5>-X         | retransmission after 400 ms, lost
  1630.000              |--<SEQ=1><ACK=1><CTL=PSH,ACK><DATA=5>-X         | retransmission after 10 ms, lost
  2420.000              |--<SEQ=1><ACK=1><CTL=PSH,ACK><DATA=5>-X         | retransmission after 790 ms, lost
  4020.000              |--<SEQ=1><ACK=1><CTL=PSH,ACK><DATA=5>---------->| retransmission after 1600 ms
  4030.000       CLOSED |<------------------<SEQ=1><ACK=6><CTL=RST,ACK>--| CLOSED
`)
}

// Behind routers and switches a segment is sent on the first way and arrives on the
// last, and is lost on any.
func TestLadderHops(t *testing.T) {
	n := newHops("client", "server")
	there, back := []string{"client", "r1", "sw", "server"}, []string{"server", "sw", "r1", "client"}
	// pass takes a packet along a route, as far as the way on which fate awaits it.
	pass := func(at time.Duration, route []string, data []byte, on int, f fate) {
		for i := range len(route) - 1 {
			if i == on {
				n.hop(at, route[i], route[i+1], data, f)
				if f.lost() {
					return
				}
				at += perHop
				continue
			}
			at = n.hop(at, route[i], route[i+1], data, fate{})
		}
	}
	const no = -1
	pass(0, []string{"client", "r1", "other"}, tcpPacket("10.0.0.1:5", "10.0.9.9:80", wire.TCP{Flags: wire.SYN}, 0), no, fate{})
	pass(0, there, fromClient(100, 0, wire.SYN, 0), 1, losing(link.Lost))
	n.check(t, "no TCP connection between client and server\n") // as far as can be told
	pass(1000*ms, there, fromClient(100, 0, wire.SYN, 0), no, fate{})
	n.hop(1020*ms, "sw", "other", fromClient(100, 0, wire.SYN, 0), losing(link.Lost)) // does not know the server yet
	pass(1030*ms, back, fromServer(300, 101, wire.SYN|wire.ACK, 0), 1, fate{Fate: link.Fate{Twice: true}})
	n.hop(1050*ms, "r1", "client", fromServer(300, 101, wire.SYN|wire.ACK, 0), fate{}) // its copy
	pass(1060*ms, there, fromClient(101, 301, wire.ACK, 0), no, fate{})
	pass(1060*ms, there, fromClient(101, 301, wire.ACK, 5), 0, losing(link.Lost))
	pass(1061*ms, there, fromClient(106, 301, wire.ACK, 5), 2, losing(link.Overflow))
	pass(1062*ms, there, fromClient(111, 301, wire.ACK, 5), 2, fate{Fate: link.Fate{Corrupt: true}})
	pass(1063*ms, there, fromClient(116, 301, wire.ACK, 5), no, fate{})
	n.cut(1095*ms, "sw", "server", fromClient(116, 301, wire.ACK, 5))
	n.hop(1064*ms, "client", "r1", fromClient(121, 301, wire.ACK, 5), fate{})
	n.cut(1065*ms, "client", "r1", fromClient(121, 301, wire.ACK, 5))
	pass(1300*ms, there, fromClient(101, 301, wire.ACK, 25), no, fate{})
	pass(1330*ms, back, fromServer(301, 126, wire.ACK, 0), no, fate{})
	n.check(t, `
        ms              client 10.0.0.1:49152           server 10.0.0.2:80
                 CLOSED |                                                | LISTEN
     0.000     SYN-SENT |--<SEQ=0><CTL=SYN>-----------------X            | lost
  1000.000              |--<SEQ=0><CTL=SYN>----------------------------->| SYN-RECEIVED, retransmission after 1000 ms
  1030.000  ESTABLISHED |<------------------<SEQ=0><ACK=1><CTL=SYN,ACK>--| arrives twice
  1060.000              |--<SEQ=1><ACK=1><CTL=ACK>---------------------->| ESTABLISHED
  1060.000              |--<SEQ=1><ACK=1><CTL=ACK><DATA=5>--X            | lost
  1061.000              |--<SEQ=6><ACK=1><CTL=ACK><DATA=5>--X            | lost
  1062.000              |--<SEQ=11><ACK=1><CTL=ACK><DATA=5>-X            | corrupt
  1063.000              |--<SEQ=16><ACK=1><CTL=ACK><DATA=5>-X            | lost
  1064.000              |--<SEQ=21><ACK=1><CTL=ACK><DATA=5>-X            | lost
  1300.000              |--<SEQ=1><ACK=1><CTL=ACK><DATA=25>------------->| retransmission after 240 ms
  1330.000              |<---------------------<SEQ=1><ACK=26><CTL=ACK>--|
`)
}

// The host that is drawn on the right may be the one that opens, and one that never
// answers is drawn if a segment has reached it.
func TestLadderEnds(t *testing.T) {
	n := newHops("server", "client")
	n.hop(0, "client", "sw", fromClient(100, 0, wire.SYN, 0), fate{})
	n.check(t, "no TCP connection between server and client\n")
	n.hop(10*ms, "sw", "client", fromClient(100, 0, wire.SYN, 0), fate{}) // not where it is to go
	n.check(t, "no TCP connection between server and client\n")
	n.hop(10*ms, "sw", "server", fromClient(100, 0, wire.SYN, 0), fate{})
	n.check(t, `
        ms              server 10.0.0.2:80           client 10.0.0.1:49152
                 LISTEN |                                                | CLOSED
     0.000 SYN-RECEIVED |<-----------------------------<SEQ=0><CTL=SYN>--| SYN-SENT
`)
}

// A connection that is open already is not the one that opens.
func TestLadderOfOpenConnection(t *testing.T) {
	n := newHops("client", "server")
	n.hop(0, "client", "server", fromClient(100, 300, wire.ACK, 5), fate{})
	n.hop(10*ms, "server", "client", fromServer(300, 105, wire.ACK, 0), fate{})
	n.check(t, "no TCP connection between client and server\n")
	n.hop(20*ms, "server", "client", tcpPacket("10.0.0.2:50000", "10.0.0.1:7", wire.TCP{Seq: 9, Flags: wire.SYN}, 0), fate{})
	n.hop(30*ms, "client", "server", fromClient(105, 300, wire.ACK, 5), fate{})
	n.check(t, `
        ms              client 10.0.0.1:7            server 10.0.0.2:50000
                 LISTEN |                                                | CLOSED
     0.000 SYN-RECEIVED |<-----------------------------<SEQ=0><CTL=SYN>--| SYN-SENT
`)
}

// There are bounds on the connections that one may have to do with, and on their
// segments.
func TestLadderBounds(t *testing.T) {
	n := newHops("client", "server")
	for i := range 100 {
		other := fmt.Sprintf("10.0.9.9:%d", i+1)
		for range 100 {
			n.hop(0, "client", "r", tcpPacket(clientAddr, other, wire.TCP{Flags: wire.SYN}, 0), fate{})
		}
	}
	if len(n.l.maybe) != maxMaybe || len(n.l.maybe[0].events) > maxUnsure {
		t.Errorf("%d connections of %d segments are kept", len(n.l.maybe), len(n.l.maybe[0].events))
	}
	data := fromClient(100, 0, wire.SYN, 5)
	for range maxSegments + 10 {
		n.hop(0, "client", "server", data, fate{})
	}
	drawn := n.l.String()
	if want := "and 10 segments after these\n"; !strings.HasSuffix(drawn, want) || strings.Count(drawn, "\n") > 60 {
		t.Errorf("drawn in %d lines, want the last to be %q:\n%s", strings.Count(drawn, "\n"), want, drawn[max(0, len(drawn)-1000):])
	}
}

// A ladder may be drawn while it is recorded.
func TestLadderConcurrent(t *testing.T) {
	n := newHops("client", "server")
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range 1000 {
			n.hop(time.Duration(i)*ms, "client", "server", fromClient(wire.Seq(i), 0, wire.SYN, 1), fate{})
		}
	})
	for range 10 {
		if _, err := n.l.WriteTo(new(strings.Builder)); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestLadderReportsWriter(t *testing.T) {
	want := errors.New("full")
	if _, err := newLadder("a", "b").WriteTo(failing{want}); !errors.Is(err, want) {
		t.Errorf("WriteTo: %v, want %v", err, want)
	}
}
