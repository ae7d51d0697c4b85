package ladder

import (
	"time"

	"github.com/usernet-go/usernet/wire"
)

// A note is what an event means beside the events before it.
type note struct {
	duplicateACK   int           // the how manyth it is; 0: none
	retransmission bool          // some of it had been sent before
	after          time.Duration // since it was last sent, when retransmission
	duplicateACKs  int           // that had arrived for it by then, when retransmission
}

// A sender is what has been sent in one direction.
type sender struct {
	started bool
	synACK  bool     // was sent
	next    wire.Seq // behind the last that was ever sent
	lastACK wire.Seq
	lastWND uint16
	hasACK  bool
	run     int // of duplicate acknowledgments up to now
	sent    map[wire.Seq]time.Time
	dupACKs []arrivedACK // all that this direction carried, in order of sending
}

type arrivedACK struct {
	ack  wire.Seq
	when time.Time
}

// annotate returns the note for each event.
func annotate(events []Event) []note {
	var both [2]sender
	both[0].sent, both[1].sent = map[wire.Seq]time.Time{}, map[wire.Seq]time.Time{}
	notes := make([]note, len(events))
	for i := range events {
		e, n := &events[i], &notes[i]
		s, peer := &both[e.Direction], &both[e.Direction.opposite()]
		s.noteDuplicateACK(e, n, peer)
		s.noteRetransmission(e, n, peer)
	}
	return notes
}

// noteDuplicateACK says which duplicate acknowledgment the event is.
//
// RFC 5681, 2: "An acknowledgment is considered a 'duplicate' [...] when (a) the
// receiver of the ACK has outstanding data, (b) the incoming acknowledgment
// carries no data, (c) the SYN and FIN bits are both off, (d) the acknowledgment
// number is equal to the greatest acknowledgment received [...] and (e) the
// advertised window [...] equals the advertised window in the last incoming
// acknowledgment."
func (s *sender) noteDuplicateACK(e *Event, n *note, peer *sender) {
	if !e.has(wire.ACK) {
		return
	}
	switch {
	case !s.hasACK || s.lastACK.Less(e.TCP.Ack):
		s.hasACK, s.lastACK, s.run = true, e.TCP.Ack, 0
	case e.TCP.Ack == s.lastACK && e.TCP.Window == s.lastWND && peer.started && s.lastACK.Less(peer.next) &&
		e.end() == e.TCP.Seq && !e.has(wire.RST):
		s.run++
		n.duplicateACK = s.run
		if when, ok := e.arrival(); ok {
			s.dupACKs = append(s.dupACKs, arrivedACK{e.TCP.Ack, when})
		}
	}
	s.lastWND = e.TCP.Window
}

// noteRetransmission says whether the event's text, SYN or FIN was sent before.
func (s *sender) noteRetransmission(e *Event, n *note, peer *sender) {
	if e.end() == e.TCP.Seq {
		return
	}
	// RFC 9293, 3.5: in a simultaneous open a SYN,ACK follows the SYN, with the
	// same number; it says something new.
	answers := e.has(wire.SYN) && e.has(wire.ACK) && !s.synACK
	s.synACK = s.synACK || answers
	if s.started && e.TCP.Seq.Less(s.next) && !answers {
		n.retransmission = true
		if before, ok := s.sent[e.TCP.Seq]; ok {
			n.after = e.Sent.Sub(before)
		}
		n.duplicateACKs = peer.duplicatesFor(e.TCP.Seq, e.Sent)
	}
	if !s.started || s.next.Less(e.end()) {
		s.next = e.end()
	}
	s.started = true
	s.sent[e.TCP.Seq] = e.Sent
}

// duplicatesFor counts the duplicate acknowledgments of seq that had arrived by
// the given time.
func (s *sender) duplicatesFor(seq wire.Seq, by time.Time) int {
	n := 0
	for i := len(s.dupACKs) - 1; i >= 0 && seq.LessEq(s.dupACKs[i].ack); i-- {
		if s.dupACKs[i].ack == seq && !s.dupACKs[i].when.After(by) {
			n++
		}
	}
	return n
}
