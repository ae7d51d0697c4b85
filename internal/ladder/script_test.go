package ladder

import (
	"time"

	"github.com/usernet-go/usernet/wire"
)

// epoch is when the connections of the tests begin.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// at returns the instant that many milliseconds after the epoch.
func at(ms float64) time.Time { return epoch.Add(time.Duration(ms * float64(time.Millisecond))) }

// ms of the way from one end to the other in the tests' networks.
const oneWay = 10

// A script collects events. Its methods send a segment from the left or from the
// right, which arrives oneWay later, and return the event for more to be said.
type script struct{ events []Event }

func (s *script) left(ms float64, seq, ack wire.Seq, f wire.TCPFlags, text int) *Event {
	return s.send(LeftToRight, ms, seq, ack, f, text)
}

func (s *script) right(ms float64, seq, ack wire.Seq, f wire.TCPFlags, text int) *Event {
	return s.send(RightToLeft, ms, seq, ack, f, text)
}

func (s *script) send(d Direction, ms float64, seq, ack wire.Seq, f wire.TCPFlags, text int) *Event {
	s.events = append(s.events, Event{
		Sent: at(ms), Arrived: at(ms + oneWay), Direction: d, Len: text,
		TCP: wire.TCP{SrcPort: 40000, DstPort: 7, Seq: seq, Ack: ack, Flags: f, Window: 1000},
	})
	return &s.events[len(s.events)-1]
}

func (e *Event) lost() *Event { e.Fate, e.Arrived = Lost, time.Time{}; return e }

// open is the three-way handshake, from 0 to 30 ms: the left has SND.NXT a+1, the
// right b+1 after it.
func (s *script) open(a, b wire.Seq) {
	s.left(0, a, 0, wire.SYN, 0)
	s.right(10, b, a+1, wire.SYN|wire.ACK, 0)
	s.left(20, a+1, b+1, wire.ACK, 0)
}

// close is the left's close and the right's answer, from ms to ms+30.
func (s *script) close(ms float64, a, b wire.Seq) {
	s.left(ms, a, b, wire.FIN|wire.ACK, 0)
	s.right(ms+10, b, a+1, wire.ACK, 0)
	s.right(ms+11, b, a+1, wire.FIN|wire.ACK, 0)
	s.left(ms+21, a+1, b+1, wire.ACK, 0)
}

// stream sends n segments of 1000 bytes from the left, one each ms, and their
// acknowledgments. It returns the next sequence number.
func (s *script) stream(ms float64, a, b wire.Seq, n int) wire.Seq {
	for i := range n {
		s.left(ms+float64(i), a, b, wire.ACK, 1000)
		a += 1000
		s.right(ms+float64(i)+oneWay+0.5, b, a, wire.ACK, 0)
	}
	return a
}
