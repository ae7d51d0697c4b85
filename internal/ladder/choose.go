package ladder

import "github.com/usernet-go/usernet/wire"

// whole is how many segments a connection may have to be drawn with all of them.
const whole = 24

// shownDuplicates is how many duplicate acknowledgments of a lost segment are
// drawn: the third is the one that has it sent again (RFC 5681, 3.2).
const shownDuplicates = 3

// A choice marks the events that are drawn by themselves.
type choice struct {
	events []Event
	notes  []note
	shown  []bool
}

// choose returns which events tell the story of the connection: handshake, first
// data each way, one lost segment and its way back, close, and whatever else
// changes a state.
func choose(events []Event, notes []note, changes []change) []bool {
	c := &choice{events, notes, make([]bool, len(events))}
	if len(events) <= whole {
		for i := range c.shown {
			c.shown[i] = true
		}
		return c.shown
	}
	for d := LeftToRight; d <= RightToLeft; d++ {
		c.follow(c.first(d, func(e *Event) bool { return e.has(wire.SYN) }))
		c.follow(c.first(d, func(e *Event) bool { return e.Len > 0 }))
		c.follow(c.first(d, func(e *Event) bool { return e.has(wire.FIN) }))
		c.show(c.first(d, func(e *Event) bool { return e.has(wire.RST) }))
	}
	for i := range changes {
		if changes[i] != (change{}) {
			c.show(i)
		}
	}
	c.tellLoss(c.bestLoss())
	c.show(len(events) - 1)
	c.showShort()
	return c.shown
}

// first returns the first event of direction d that is wanted, -1 for none.
func (c *choice) first(d Direction, wanted func(*Event) bool) int {
	for i := range c.events {
		if c.events[i].Direction == d && wanted(&c.events[i]) {
			return i
		}
	}
	return -1
}

func (c *choice) show(i int) {
	if i >= 0 {
		c.shown[i] = true
	}
}

// follow shows event i, and how what it carries came through: if it was lost,
// the transmissions after it up to the one that arrived; then the first segment
// back that acknowledges it.
func (c *choice) follow(i int) {
	if i < 0 {
		return
	}
	c.show(i)
	arrived := i
	for arrived >= 0 && c.events[arrived].missing() {
		arrived = c.again(i, arrived)
		c.show(arrived)
	}
	if arrived >= 0 {
		c.show(c.acknowledgment(i, arrived))
	}
}

// again returns the next transmission, after event from, of what event i starts
// with; -1 for none.
func (c *choice) again(i, from int) int {
	seq, d := c.events[i].TCP.Seq, c.events[i].Direction
	for j := from + 1; j < len(c.events); j++ {
		e := &c.events[j]
		if e.Direction == d && e.TCP.Seq.LessEq(seq) && seq.Less(e.end()) {
			return j
		}
	}
	return -1
}

// acknowledgment returns the first segment back that acknowledges all of event i
// and arrives, sent after event arrived got through; -1 for none.
func (c *choice) acknowledgment(i, arrived int) int {
	when, _ := c.events[arrived].arrival()
	for j := arrived + 1; j < len(c.events); j++ {
		e := &c.events[j]
		if e.Direction != c.events[i].Direction && !e.missing() && !e.Sent.Before(when) && e.covers(c.events[i].end()) {
			return j
		}
	}
	return -1
}

// bestLoss returns the lost segment that is worth telling: the first with text
// that duplicate acknowledgments brought back at the first try; else the first
// that came back in any way; else the first; -1 when none was lost.
func (c *choice) bestLoss() int {
	returned, lost := -1, -1
	for i := range c.events {
		e := &c.events[i]
		if !e.missing() || e.Len == 0 || c.notes[i].retransmission {
			continue
		}
		if lost < 0 {
			lost = i
		}
		j := c.again(i, i)
		if j < 0 || c.events[j].missing() || c.acknowledgment(i, j) < 0 {
			continue
		}
		if c.notes[j].duplicateACKs >= shownDuplicates {
			return i
		}
		if returned < 0 {
			returned = i
		}
	}
	if returned >= 0 {
		return returned
	}
	return lost
}

// tellLoss shows event i, the first text behind the gap, the first duplicate
// acknowledgments, and what follow shows.
func (c *choice) tellLoss(i int) {
	if i < 0 {
		return
	}
	c.follow(i)
	lost := &c.events[i]
	again := c.again(i, i)
	if again < 0 {
		again = len(c.events)
	}
	behind, duplicates := false, 0
	for j := i + 1; j < again; j++ {
		e := &c.events[j]
		switch {
		case e.Direction == lost.Direction && !behind && e.Len > 0 && !e.missing():
			behind = true
			c.show(j)
		case e.Direction != lost.Direction && c.notes[j].duplicateACK > 0 && e.TCP.Ack == lost.TCP.Seq && duplicates < shownDuplicates:
			duplicates++
			c.show(j)
		}
	}
}

// showShort shows the events between two shown ones where a fold would take no
// fewer lines: it takes one for each direction.
func (c *choice) showShort() {
	for from := 0; from < len(c.shown); from++ {
		if c.shown[from] {
			continue
		}
		to, lines := from, [2]int{}
		for to < len(c.shown) && !c.shown[to] {
			lines[c.events[to].Direction] = 1
			to++
		}
		if to-from <= lines[LeftToRight]+lines[RightToLeft] {
			for i := from; i < to; i++ {
				c.shown[i] = true
			}
		}
		from = to
	}
}
