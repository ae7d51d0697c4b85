package wan

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/usernet-go/usernet/bench/internal/report"
)

// reference returns the entry of Linux that another is compared with.
func reference(entry string) string {
	stack, algorithm, _ := strings.Cut(entry, " ")
	if stack == "linux" {
		return ""
	}
	if algorithm == "bbr" {
		return "linux bbr"
	}
	return "linux cubic"
}

// row returns that of a cell with an entry; nil: it was not measured.
func (r *Results) row(cell, entry string) *Row {
	i := slices.IndexFunc(r.Grid, func(x *Row) bool { return x.Cell == cell && x.Entry == entry })
	if i < 0 {
		return nil
	}
	return r.Grid[i]
}

// ratio returns the goodput of an entry beside its reference.
func (r *Results) ratio(cell, entry string) (float64, bool) {
	x, y := r.row(cell, entry), r.row(cell, reference(entry))
	if x == nil || y == nil || y.Median.Goodput == 0 {
		return 0, false
	}
	return x.Median.Goodput / y.Median.Goodput, true
}

// cells returns the names of those that were measured, in the grid's order.
func (r *Results) cells() (names []string) {
	for _, c := range Cells() {
		if slices.ContainsFunc(r.Grid, func(x *Row) bool { return x.Cell == c.Name }) {
			names = append(names, c.Name)
		}
	}
	return names
}

// Write writes all tables.
func (r *Results) Write(w io.Writer) {
	parts := []func(io.Writer){r.writeGrid, r.writeDownloads, r.writeTails, r.writeShares, r.writeTargets}
	for _, part := range parts {
		part(w)
	}
}

func (r *Results) writeGrid(w io.Writer) {
	if len(r.Grid) == 0 {
		return
	}
	fmt.Fprintf(w, "## Goodput\n\nMbit/s over %v with slow start, the median of %d seeds; x: of Linux's with the same algorithm "+
		"(cubic, where it has not); r: segments sent again, s: of them, those that had not been lost, where there are any; "+
		"w: ms in the queue, the mean of all packets; a: ACKs for each segment.\n\n", r.Duration, r.Seeds)
	var t report.Table
	t.Add(append([]string{"path"}, r.Entries...)...)
	for _, cell := range r.cells() {
		line := []string{cell}
		for _, entry := range r.Entries {
			line = append(line, r.figures(cell, entry))
		}
		t.Add(line...)
	}
	mean := []string{"geometric mean of x"}
	for _, entry := range r.Entries {
		var all []float64
		for _, cell := range r.cells() {
			if x, ok := r.ratio(cell, entry); ok {
				all = append(all, x)
			}
		}
		if len(all) == 0 {
			mean = append(mean, "")
		} else {
			mean = append(mean, fmt.Sprintf("x%.2f", geometricMean(all)))
		}
	}
	t.Add(mean...)
	t.Write(w)
	fmt.Fprintln(w)
}

// figures are those of one cell and entry.
func (r *Results) figures(cell, entry string) string {
	x := r.row(cell, entry)
	if x == nil {
		return ""
	}
	m := &x.Median
	s := report.Number(m.Goodput)
	if ratio, ok := r.ratio(cell, entry); ok {
		s += fmt.Sprintf(" x%.2f", ratio)
	}
	s += fmt.Sprintf(" r%d", m.Resent)
	if m.Spurious > 0 {
		s += fmt.Sprintf(" s%d", m.Spurious)
	}
	return s + fmt.Sprintf(" w%s a%.2f", report.Number(m.Wait), m.ACKs)
}

func (r *Results) writeDownloads(w io.Writer) {
	if len(r.Downloads) == 0 {
		return
	}
	fmt.Fprintf(w, "## Downloads of 100 KiB\n\nms from dialling to the last byte, a connection each: p50 / p90 / p99 of those whose "+
		"handshake lost nothing, and how many lost a SYN.\n\n")
	t := report.Table{Rows: [][]string{append([]string{"path"}, r.Entries...)}}
	for _, name := range downloadCells {
		line := []string{name}
		for _, d := range r.Downloads {
			if d.Cell == name {
				line = append(line, fmt.Sprintf("%.0f / %.0f / %.0f (%d)", d.P50, d.P90, d.P99, d.LostSYN))
			}
		}
		if len(line) > 1 {
			t.Add(line...)
		}
	}
	t.Write(w)
	fmt.Fprintln(w)
}

func (r *Results) writeTails(w io.Writer) {
	if len(r.Tails) == 0 {
		return
	}
	fmt.Fprintf(w, "## Lost tails\n\nMedian ms until a message has arrived whose last segments are lost once, round trip 20 ms.\n\n")
	t := report.Table{Rows: [][]string{append([]string{"lost"}, r.Entries...)}}
	for _, x := range tails {
		line := []string{fmt.Sprintf("%d of %d", x[0], x[1])}
		for _, tail := range r.Tails {
			if tail.Lost == x[0] && tail.Of == x[1] {
				line = append(line, fmt.Sprintf("%.0f", tail.Median))
			}
		}
		t.Add(line...)
	}
	t.Write(w)
	fmt.Fprintln(w)
}

func (r *Results) writeShares(w io.Writer) {
	if len(r.Shares) == 0 {
		return
	}
	fmt.Fprintf(w, "## Two flows in one queue\n\nMbit/s in the last third; the second flow starts %v after the first.\n\n", headStart)
	var t report.Table
	t.Add("path", "first", "second", "Mbit/s", "first's share", "Jain's index")
	for _, s := range r.Shares {
		t.Add(s.Cell, s.Entries[0], s.Entries[1], fmt.Sprintf("%.1f, %.1f", s.Goodput[0], s.Goodput[1]),
			fmt.Sprintf("%.0f%%", 100*s.First), fmt.Sprintf("%.3f", s.Jain))
	}
	t.Write(w)
	fmt.Fprintln(w)
}
