package ladder

import (
	"slices"
	"time"

	"github.com/usernet-go/usernet/wire"
)

// The states of RFC 9293, 3.3.2, by the names that it gives them.
const (
	closed      = "CLOSED"
	listen      = "LISTEN"
	synSent     = "SYN-SENT"
	synReceived = "SYN-RECEIVED"
	established = "ESTABLISHED"
	finWait1    = "FIN-WAIT-1"
	finWait2    = "FIN-WAIT-2"
	closeWait   = "CLOSE-WAIT"
	closing     = "CLOSING"
	lastAck     = "LAST-ACK"
	timeWait    = "TIME-WAIT"
)

// An end is what an onlooker can say of one end from the segments that it sent
// and got. It follows the table of RFC 9293, Figure 5, and believes all that it
// sees: that an end drops a segment as unacceptable is not visible on the wire.
type end struct {
	state string // "" when the connection's opening was not seen

	iss     wire.Seq
	finEnd  wire.Seq // behind the FIN that was sent
	finSent bool

	received ranges // what came from the other end
	peerFIN  wire.Seq
	finSeen  bool
}

// send takes note of a segment that the end sends.
func (n *end) send(e *Event) {
	switch {
	case n.state == "":
		return
	case e.has(wire.RST):
		n.state = closed
	case e.has(wire.SYN):
		n.iss = e.TCP.Seq
		if e.has(wire.ACK) {
			n.state = synReceived
		} else {
			n.state = synSent
		}
	case e.has(wire.FIN):
		n.finSent, n.finEnd = true, e.end()
		switch n.state {
		case established, synReceived:
			n.state = finWait1
		case closeWait:
			n.state = lastAck
		}
	}
}

// receive takes note of a segment that reaches the end.
func (n *end) receive(e *Event) {
	switch {
	case n.state == "" || n.state == closed || n.state == timeWait:
		return
	case e.has(wire.RST):
		if n.state != listen {
			n.state = closed
		}
		return
	}
	if e.has(wire.SYN) {
		n.receiveSYN(e)
	}
	if e.has(wire.ACK) {
		n.receiveACK(e)
	}
	n.receiveText(e)
}

func (n *end) receiveSYN(e *Event) {
	switch n.state {
	case listen:
		n.state = synReceived
	case synSent:
		n.state = synReceived // simultaneous open, unless it is acknowledged: see receiveACK
	default:
		return
	}
	n.received.start(e.TCP.Seq)
}

func (n *end) receiveACK(e *Event) {
	if n.state == synReceived && e.covers(n.iss.Add(1)) {
		n.state = established
	}
	if !n.finSent || !e.covers(n.finEnd) {
		return
	}
	switch n.state {
	case finWait1:
		n.state = finWait2
	case closing:
		n.state = timeWait
	case lastAck:
		n.state = closed
	}
}

// receiveText takes in the text, and the FIN once everything before it is there.
func (n *end) receiveText(e *Event) {
	n.received.add(e.TCP.Seq, e.end())
	if e.has(wire.FIN) {
		n.finSeen, n.peerFIN = true, e.end()
	}
	if !n.finSeen || n.received.next.Less(n.peerFIN) {
		return
	}
	switch n.state {
	case synReceived, established:
		n.state = closeWait
	case finWait1:
		n.state = closing
	case finWait2:
		n.state = timeWait
	}
}

// ranges keeps which sequence numbers have arrived.
type ranges struct {
	next  wire.Seq // everything before it has
	later []span   // what has arrived beyond a gap, in order
}

type span struct{ from, to wire.Seq }

func (r *ranges) start(iss wire.Seq) { *r = ranges{next: iss} }

func (r *ranges) add(from, to wire.Seq) {
	if to.LessEq(r.next) {
		return
	}
	i := 0
	for i < len(r.later) && r.later[i].from.Less(from) {
		i++
	}
	r.later = slices.Insert(r.later, i, span{from, to})
	for len(r.later) > 0 && r.later[0].from.LessEq(r.next) {
		r.next = r.next.Max(r.later[0].to)
		r.later = r.later[1:]
	}
}

// A change is what an event did to the states of both ends: the sender's new one
// when it was sent, the other end's when it arrived; "" for no change.
type change struct{ sender, receiver string }

// deriveStates follows both ends through the connection, in the order in which
// things happened to each. It returns what the ends, left and right, were in
// before the first event, and what each event changed.
func deriveStates(events []Event) (before [2]string, changes []change) {
	ends := openings(events)
	before = [2]string{ends[LeftToRight].state, ends[RightToLeft].state}
	changes = make([]change, len(events))
	for _, s := range steps(events) {
		e, c := &events[s.event], &changes[s.event]
		if s.arrives {
			n := &ends[e.Direction.opposite()]
			was := n.state
			if n.receive(e); n.state != was {
				c.receiver = n.state
			}
		} else {
			n := &ends[e.Direction]
			was := n.state
			if n.send(e); n.state != was {
				c.sender = n.state
			}
		}
	}
	return before, changes
}

// openings returns the ends as they were before the first event: an end that
// sends a SYN of its own was CLOSED, one that answers a SYN was in LISTEN.
func openings(events []Event) (ends [2]end) {
	if len(events) == 0 || !events[0].has(wire.SYN) {
		return ends
	}
	ends[0].state, ends[1].state = listen, listen
	for d := range ends {
		for i := range events {
			e := &events[i]
			if int(e.Direction) != d {
				continue
			}
			if !e.has(wire.ACK) && e.has(wire.SYN) || e.has(wire.RST) {
				ends[d].state = closed
			}
			break
		}
	}
	return ends
}

// A step is one thing that happens to an end: it sends, or a segment arrives.
type step struct {
	when    time.Time
	event   int
	arrives bool
}

// steps returns what happened, in order. At one instant a segment is sent before
// it arrives, and arrives before the next one is sent.
func steps(events []Event) []step {
	all := make([]step, 0, 2*len(events))
	for i := range events {
		all = append(all, step{events[i].Sent, i, false})
		if when, ok := events[i].arrival(); ok {
			all = append(all, step{when, i, true})
		}
	}
	slices.SortStableFunc(all, func(a, b step) int { return a.when.Compare(b.when) })
	return all
}
