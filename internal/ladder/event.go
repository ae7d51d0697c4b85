package ladder

import (
	"time"

	"github.com/usernet-go/usernet/wire"
)

// A Direction says which end sent a segment.
type Direction uint8

const (
	LeftToRight Direction = iota
	RightToLeft
)

// opposite returns the way back.
func (d Direction) opposite() Direction { return 1 - d }

// A Fate says what the network did with a segment.
type Fate uint8

const (
	Delivered  Fate = iota // it arrived, once
	Lost                   // it never arrived
	Duplicated             // it arrived more than once
	Corrupted              // it arrived with a wrong checksum, to be dropped
)

// An Event is one segment of the connection, from the moment it was sent.
type Event struct {
	Sent time.Time
	// Arrived is when the segment reached the other end. Zero when it is not
	// known: a segment that was not lost then counts as arrived at once.
	Arrived   time.Time
	Direction Direction
	Fate      Fate
	TCP       wire.TCP // as it was on the wire, with absolute sequence numbers
	Len       int      // bytes of text
}

// end returns the sequence number behind the segment: "SEG.SEQ + SEG.LEN" in the
// words of RFC 9293, where SYN and FIN count as one each.
func (e *Event) end() wire.Seq {
	n := e.Len
	if e.has(wire.SYN) {
		n++
	}
	if e.has(wire.FIN) {
		n++
	}
	return e.TCP.Seq.Add(n)
}

func (e *Event) has(f wire.TCPFlags) bool { return e.TCP.Flags&f != 0 }

// missing says that the segment does not reach the other end whole.
func (e *Event) missing() bool { return e.Fate == Lost || e.Fate == Corrupted }

// covers says whether the segment acknowledges everything before s.
func (e *Event) covers(s wire.Seq) bool {
	return e.has(wire.ACK) && s.LessEq(e.TCP.Ack)
}

// arrival returns when the segment reached the other end; false when it did not.
func (e *Event) arrival() (time.Time, bool) {
	switch {
	case e.missing():
		return time.Time{}, false
	case e.Arrived.IsZero():
		return e.Sent, true
	}
	return e.Arrived, true
}
