package ladder

import (
	"fmt"
	"strings"
)

// fold returns one label for each direction that a run of events has.
func fold(events []Event, notes []note) []string {
	var labels []string
	if s := summary(events, notes, LeftToRight); s != "" {
		labels = append(labels, "  ... "+s+" ...  -->  ")
	}
	if s := summary(events, notes, RightToLeft); s != "" {
		labels = append(labels, "  <--  ... "+s+" ...  ")
	}
	return labels
}

// Totals are the figures of a run of events.
type Totals struct {
	Segments, Lost, Retransmissions int
	Bytes                           int // of text, those that were sent again counted each time
}

// Count adds up the events of a whole connection, which are in the order of
// sending.
func Count(events []Event) Totals {
	var t Totals
	notes := annotate(events)
	for i := range events {
		t.add(&events[i], &notes[i])
	}
	return t
}

func (t *Totals) add(e *Event, n *note) {
	t.Segments++
	t.Bytes += e.Len
	if e.missing() {
		t.Lost++
	}
	if n.retransmission {
		t.Retransmissions++
	}
}

// summary says how much a run of events carried one way, "" for nothing.
func summary(events []Event, notes []note, way Direction) string {
	var t Totals
	for i := range events {
		if events[i].Direction == way {
			t.add(&events[i], &notes[i])
		}
	}
	if t.Segments == 0 {
		return ""
	}
	parts := []string{fmt.Sprintf("%d segments", t.Segments)}
	if t.Segments == 1 {
		parts[0] = "1 segment"
	}
	if t.Bytes > 0 {
		parts = append(parts, FormatBytes(int64(t.Bytes)))
	}
	if t.Lost > 0 {
		parts = append(parts, fmt.Sprintf("%d lost", t.Lost))
	}
	if t.Retransmissions > 0 {
		parts = append(parts, fmt.Sprintf("%d sent again", t.Retransmissions))
	}
	return strings.Join(parts, ", ")
}

// FormatBytes writes a number of bytes for people: "512 B", "4.2 kB", "450 kB", with
// SI's factors of 1000.
func FormatBytes(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	v, unit := float64(n)/1000, 0
	units := []string{"kB", "MB", "GB", "TB"}
	for v >= 999.5 && unit < len(units)-1 {
		v, unit = v/1000, unit+1
	}
	if v < 9.95 {
		return fmt.Sprintf("%.1f %s", v, units[unit])
	}
	return fmt.Sprintf("%.0f %s", v, units[unit])
}
