package main

import (
	"sync"
	"time"

	"github.com/usernet-go/usernet/internal/ladder"
	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// A recorder makes a ladder's events of what the ends of one connection send and
// get. It takes it that packets do not overtake each other.
type recorder struct {
	closed chan struct{} // is closed when both ends know that both have closed

	mu       sync.Mutex
	segments ladder.Recorder
	ways     [2]way // by direction
}

// A way is what is known of the close of one direction.
type way struct {
	finEnd   wire.Seq
	fin      bool // was sent
	finAcked bool // and that has arrived
}

func newRecorder() *recorder {
	return &recorder{closed: make(chan struct{}), segments: ladder.Recorder{InOrder: true}}
}

// watch returns l with the recorder on it; sends is the direction of what the
// stack on l sends.
func (r *recorder) watch(l link.Link, sends ladder.Direction) link.Link {
	medium := l.Info().Medium
	return link.Trace(l, func(e link.Event) {
		p, ok := parsePacket(medium, &e.Packet)
		if !ok || p.protocol != wire.ProtocolTCP {
			return
		}
		p.tcp.Checksum = 0 // the link may fill it in on the way
		r.mu.Lock()
		defer r.mu.Unlock()
		if e.Direction == link.Sent {
			r.sent(sends, e.Time, &p)
		} else {
			r.arrived(1-sends, e.Time, &p)
		}
	})
}

// sent takes note of a segment on its way. Until it arrives it counts as lost.
func (r *recorder) sent(d ladder.Direction, at time.Time, p *packet) {
	r.segments.Sent(d, at, p.tcp, p.textLen)
	if w := &r.ways[d]; p.tcp.Flags.Has(wire.FIN) {
		w.fin, w.finEnd = true, p.tcp.Seq.Add(p.textLen+1)
	}
}

func (r *recorder) arrived(d ladder.Direction, at time.Time, p *packet) {
	w, back := &r.ways[d], &r.ways[1-d]
	r.segments.Arrived(d, at, p.tcp, p.textLen)
	acked := back.fin && p.tcp.Flags.Has(wire.ACK) && back.finEnd.LessEq(p.tcp.Ack)
	if acked && !back.finAcked {
		if back.finAcked = true; w.finAcked {
			close(r.closed)
		}
	}
}

// recorded returns the events up to now, in the order of sending.
func (r *recorder) recorded() []ladder.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.segments.Events()
}
