package tcp

import (
	"strconv"
	"time"

	"github.com/usernet-go/usernet/internal/text"
	"github.com/usernet-go/usernet/wire"
)

// An Event is something that a connection did or found. Kind says what it is, and
// so which of the other fields have a meaning.
type Event struct {
	Time time.Time // by the clock of who drives the connection
	Kind EventKind

	State   State        // EventState: the new one
	Segment SegmentEvent // EventSent, EventUnsent, EventReceived
	Window  WindowEvent  // EventWindow
	RTT     RTTEvent     // EventRTT
	Loss    LossEvent    // EventLost
	Undo    UndoCause    // EventUndo
	Timer   TimerEvent   // EventTimer
}

// EventKind is what an Event is about.
type EventKind uint8

const (
	EventSent     EventKind = iota + 1 // a segment, or super-segment, was handed to the link
	EventUnsent                        // the link had no room for what EventSent told of: it was not sent, and will be handed over again
	EventReceived                      // a segment, or super-segment, has arrived
	EventState                         // the connection has entered another state
	EventWindow                        // what bounds the sender has changed
	EventRTT                           // a round trip was measured
	EventLost                          // text is taken for lost
	EventUndo                          // what was taken for lost was not, and what that did to the window is undone
	EventTimer                         // a timer was set, was stopped or has run out
	numEventKinds
)

var eventNames = [numEventKinds]string{
	EventSent: "sent", EventUnsent: "unsent", EventReceived: "received", EventState: "state", EventWindow: "window",
	EventRTT: "rtt", EventLost: "lost", EventUndo: "undo", EventTimer: "timer",
}

func (k EventKind) String() string { return nameOf(eventNames[:], "EventKind", k) }

// A SegmentEvent is a segment on its way.
type SegmentEvent struct {
	Header      wire.TCP // without ports and checksum, if it was sent
	Len         int      // bytes of text
	SegmentSize int      // of a super-segment: bytes of text in each but the last; else 0
	Window      int      // Header.Window in bytes: with its scale
	Again       bool     // sent: some of it has been sent before
	Reason      Reason   // received: why it, or part of it, was not taken
}

// A WindowEvent is what bounds the sender.
type WindowEvent struct {
	Cwnd       int // congestion window in bytes, as Info has it
	Ssthresh   int // slow start threshold in bytes
	PacingRate int // in bytes per second; 0: none
	Flight     int // bytes in the network
}

// An RTTEvent is a sample of the round trip and what follows from it.
type RTTEvent struct {
	Sample       time.Duration
	SRTT, RTTVar time.Duration // RFC 6298's, with this sample
	RTO          time.Duration // with the back-off that is in force
}

// A LossEvent is a range of sequence numbers that is taken for lost: From is its
// first number, To the one behind it.
type LossEvent struct {
	From, To Seq
	Cause    LossCause
}

// LossCause is why something is taken for lost.
type LossCause uint8

const (
	LossDuplicateACKs LossCause = iota + 1 // three of them, or as much selectively acknowledged behind it (RFC 5681, RFC 6675)
	LossPartialACK                         // a recovery's ACK ends before it (RFC 6582)
	LossLater                              // what was sent enough later has arrived (RFC 8985)
	LossProbe                              // an answer to the tail loss probe showed it (RFC 8985)
	LossTimeout                            // the retransmission timer ran out
	LossTooBig                             // it was larger than the path's MTU
	numLossCauses
)

var lossNames = [numLossCauses]string{
	LossDuplicateACKs: "duplicate ACKs", LossPartialACK: "partial ACK", LossLater: "later segments arrived",
	LossProbe: "tail loss probe", LossTimeout: "timeout", LossTooBig: "too big",
}

func (l LossCause) String() string { return nameOf(lossNames[:], "LossCause", l) }

// UndoCause is what showed that nothing was lost.
type UndoCause uint8

const (
	UndoTimestamps UndoCause = iota + 1 // the ACK is older than what was sent again (RFC 3522)
	UndoDSACK                           // all that was sent again had arrived twice (RFC 2883)
	UndoFRTO                            // after a timeout what had not been sent again was acknowledged (RFC 5682)
	numUndoCauses
)

var undoNames = [numUndoCauses]string{UndoTimestamps: "timestamps", UndoDSACK: "D-SACK", UndoFRTO: "F-RTO"}

func (u UndoCause) String() string { return nameOf(undoNames[:], "UndoCause", u) }

// A TimerEvent is what became of a timer.
type TimerEvent struct {
	Name  string        // TimerRetransmit and so on
	Fired bool          // it has run out
	In    time.Duration // if it has not: when it is due, from Event.Time on; negative: it was stopped
}

// nameOf returns the name of a value of a type that counts from 0 or 1.
func nameOf[T ~uint8](names []string, kind string, v T) string {
	if int(v) < len(names) && names[v] != "" {
		return names[v]
	}
	return kind + "(" + strconv.Itoa(int(v)) + ")"
}

// String returns what happened, without the time, as in
// "sent <SEQ=101><ACK=301><CTL=ACK><DATA=5> window 65535" or
// "rtt 20ms: srtt 21ms, rttvar 4ms, rto 221ms".
func (e Event) String() string {
	s := e.Kind.String() + " "
	switch e.Kind {
	case EventSent, EventUnsent, EventReceived:
		s += e.Segment.Header.Notation(e.Segment.Len) + text.Sprintf(" window %d", e.Segment.Window)
		if e.Segment.Again {
			s += ", again"
		}
		if e.Segment.Reason != ReasonTaken {
			s += ", " + e.Segment.Reason.String()
		}
	case EventState:
		s += e.State.String()
	case EventWindow:
		w := &e.Window
		s += text.Sprintf("cwnd %d, ssthresh %d, pacing %d B/s, flight %d", w.Cwnd, w.Ssthresh, w.PacingRate, w.Flight)
	case EventRTT:
		s += text.Sprintf("%v: srtt %v, rttvar %v, rto %v", e.RTT.Sample, e.RTT.SRTT, e.RTT.RTTVar, e.RTT.RTO)
	case EventLost:
		s += text.Sprintf("%d-%d: %v", uint32(e.Loss.From), uint32(e.Loss.To), e.Loss.Cause)
	case EventUndo:
		s += e.Undo.String()
	case EventTimer:
		switch s += e.Timer.Name; {
		case e.Timer.Fired:
			s += " fired"
		case e.Timer.In < 0:
			s += " stopped"
		default:
			s += text.Sprintf(" in %v", e.Timer.In)
		}
	}
	return s
}
