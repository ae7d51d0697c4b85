package ladder

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/usernet-go/usernet/wire"
)

// Columns of the drawing, in characters.
const (
	timeWidth  = 10
	stateWidth = len(synReceived) // the longest name of a state
	minMiddle  = 48               // between the verticals, when the notation needs no more
	leftMargin = timeWidth + 1 + stateWidth + 1
)

// Draw writes the connection that events tell of to w, with the names of its
// ends above. Events are drawn in the order in which they were sent, those of one
// instant in the given order, with the milliseconds since the first. The error is
// w's.
func Draw(w io.Writer, left, right string, events []Event) error {
	events = slices.Clone(events)
	slices.SortStableFunc(events, func(a, b Event) int { return a.Sent.Compare(b.Sent) })
	d := newDrawing(events)
	d.head(left, right)
	for _, r := range d.rows {
		d.draw(r)
	}
	_, err := io.WriteString(w, d.out.String())
	return err
}

// A drawing is a ladder in the making.
type drawing struct {
	events  []Event
	notes   []note
	before  [2]string // the states of both ends
	changes []change
	base    [2]wire.Seq
	rows    []row
	counted bool // ECN's flags are a counter: see countsMarks
	middle  int  // width between the verticals
	out     strings.Builder
}

// A row is an event with its notation, or a line that stands for several.
type row struct {
	event int // -1: the label stands for several
	label string
}

func newDrawing(events []Event) *drawing {
	d := &drawing{events: events, notes: annotate(events), base: relativeTo(events), counted: countsMarks(events), middle: minMiddle}
	d.before, d.changes = deriveStates(events)
	shown := choose(events, d.notes, d.changes)
	for i := 0; i < len(events); i++ {
		if shown[i] {
			label := d.notation(i)
			d.rows = append(d.rows, row{i, label})
			d.middle = max(d.middle, len(label)+len("---->")+len("---"))
			continue
		}
		from := i
		for i+1 < len(events) && !shown[i+1] {
			i++
		}
		for _, label := range fold(events[from:i+1], d.notes[from:i+1]) {
			d.rows = append(d.rows, row{-1, label})
			d.middle = max(d.middle, len(label))
		}
	}
	return d
}

// relativeTo returns what stands for 0 on each side: the initial sequence number;
// where that was not seen, one before the first number of that side.
func relativeTo(events []Event) (base [2]wire.Seq) {
	var known [2]bool
	for i := range events {
		e := &events[i]
		d := e.Direction
		if !known[d] {
			known[d], base[d] = true, e.TCP.Seq
			if !e.has(wire.SYN) {
				base[d] = e.TCP.Seq.Add(-1)
			}
		}
		if back := d.opposite(); !known[back] && e.has(wire.ACK) {
			known[back], base[back] = true, e.TCP.Ack.Add(-1)
		}
		if e.has(wire.SYN) {
			base[d] = e.TCP.Seq
		}
	}
	return base
}

// notation returns event i in the RFC's notation, with relative numbers.
func (d *drawing) notation(i int) string {
	e := &d.events[i]
	h := e.TCP
	h.Seq -= d.base[e.Direction]
	if e.has(wire.ACK) {
		h.Ack -= d.base[e.Direction.opposite()]
	}
	if d.counted && !e.has(wire.SYN) {
		h.Flags &^= ecnFlags
	}
	return h.Notation(e.Len)
}

const ecnFlags = wire.AE | wire.CWR | wire.ECE

// countsMarks says that both ends have agreed to AccECN (RFC 9768): after the
// handshake the flags of ECN are a counter in each segment, which says nothing to
// who reads them as flags.
func countsMarks(events []Event) bool {
	asked := false
	for i := range events {
		switch e := &events[i]; {
		case !e.has(wire.SYN):
		case !e.has(wire.ACK):
			asked = asked || e.has(wire.AE)
		case asked:
			flags := e.TCP.Flags & ecnFlags
			return flags != 0 && flags != wire.ECE && flags != ecnFlags
		}
	}
	return false
}

// head draws the names of the ends, and their states before the first segment.
func (d *drawing) head(left, right string) {
	gap := d.middle + 2 - utf8.RuneCountInString(left) - utf8.RuneCountInString(right)
	d.line(fmt.Sprintf("%*s %*s %s%s%s", timeWidth, "ms", stateWidth, "", left, strings.Repeat(" ", max(gap, 2)), right))
	if d.before != [2]string{} {
		d.columns("", d.before[0], "|", strings.Repeat(" ", d.middle), "|", d.before[1])
	}
}

func (d *drawing) draw(r row) {
	if r.event < 0 {
		d.columns("", "", ":", fmt.Sprintf("%-*s", d.middle, r.label), ":", "")
		return
	}
	d.segment(r.event, r.label)
}

// segment draws event i: its arrow with the label, and the states that it changes.
func (d *drawing) segment(i int, label string) {
	e, c := &d.events[i], d.changes[i]
	left, right := c.sender, c.receiver
	if e.Direction == RightToLeft {
		left, right = right, left
	}
	ms := float64(e.Sent.Sub(d.events[0].Sent)) / float64(time.Millisecond)
	beside := []string{right, d.notes[i].String()}
	switch e.Fate {
	case Lost:
		beside = append(beside, "lost")
	case Duplicated:
		beside = append(beside, "arrives twice")
	case Corrupted:
		beside = append(beside, "corrupt")
	}
	beside = slices.DeleteFunc(beside, func(s string) bool { return s == "" })
	d.columns(fmt.Sprintf("%.3f", ms), left, "|", d.arrow(e, label), "|", strings.Join(beside, ", "))
}

// arrow draws a segment between the verticals; that of a missing one ends in an X
// where three quarters of the way are done.
func (d *drawing) arrow(e *Event, label string) string {
	width := d.middle
	if e.missing() {
		width = max(d.middle*3/4, len(label)+len("---X"))
	}
	shaft := strings.Repeat("-", width-len(label)-len("-->"))
	rest := strings.Repeat(" ", d.middle-width)
	switch {
	case e.Direction == LeftToRight && e.missing():
		return "--" + label + shaft + "X" + rest
	case e.Direction == LeftToRight:
		return "--" + label + shaft + ">"
	case e.missing():
		return rest + "X" + shaft + label + "--"
	}
	return "<" + shaft + label + "--"
}

// String says what the note adds to the segment, "" for nothing.
func (n *note) String() string {
	switch {
	case n.retransmission && n.duplicateACKs >= shownDuplicates:
		return fmt.Sprintf("retransmission, %d duplicate ACKs", n.duplicateACKs)
	case n.retransmission && n.after > 0:
		return fmt.Sprintf("retransmission after %d ms", n.after.Milliseconds())
	case n.retransmission:
		return "retransmission"
	case n.duplicateACK > 0:
		return fmt.Sprintf("duplicate ACK %d", n.duplicateACK)
	}
	return ""
}

func (d *drawing) columns(ms, leftState, leftBar, middle, rightBar, right string) {
	d.line(fmt.Sprintf("%*s %*s %s%s%s %s", timeWidth, ms, stateWidth, leftState, leftBar, middle, rightBar, right))
}

func (d *drawing) line(s string) {
	d.out.WriteString(strings.TrimRight(s, " "))
	d.out.WriteByte('\n')
}
