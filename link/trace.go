package link

import "time"

// Direction says which way a packet goes, seen from the stack.
type Direction uint8

const (
	Sent     Direction = iota // from the stack to the link
	Received                  // from the link to the stack
)

func (d Direction) String() string {
	if d == Received {
		return "received"
	}
	return "sent"
}

// An Event is one packet that passes a traced link.
type Event struct {
	Time      time.Time // one reading of the clock for each batch
	Direction Direction
	Packet    Packet // lent until the function that gets the event returns
}

// Trace returns l with an ear on it: f is called for each packet, before it is
// sent or delivered, so that over a link in memory a question comes before its
// answer. A packet for which l then has no room is seen again when the stack
// offers it again.
//
// f runs on the goroutine that moves the packet, with no lock of Trace's held.
// Calls may overlap. What f waits for, the link waits for.
func Trace(l Link, f func(Event)) Link {
	return &traced{Link: l, f: f}
}

type traced struct {
	Link // Info and Close are the wrapped link's
	f    func(Event)
}

// Unwrap returns the wrapped link.
func (t *traced) Unwrap() Link { return t.Link }

func (t *traced) Send(batch []Packet) (int, error) {
	t.tell(Sent, batch)
	return t.Link.Send(batch)
}

func (t *traced) Receive(queue int, deliver func([]Packet)) error {
	return t.Link.Receive(queue, func(batch []Packet) {
		t.tell(Received, batch)
		deliver(batch)
	})
}

func (t *traced) tell(d Direction, batch []Packet) {
	if len(batch) == 0 {
		return
	}
	at := now()
	for _, p := range batch {
		t.f(Event{Time: at, Direction: d, Packet: p})
	}
}
