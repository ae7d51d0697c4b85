package report

import (
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf8"
)

// A Table is written as Markdown whose columns stand below each other.
type Table struct{ Rows [][]string }

// Add adds a row.
func (t *Table) Add(cells ...string) { t.Rows = append(t.Rows, cells) }

// Write writes t, whose first row is the head; all columns but the first are ranged
// right.
func (t *Table) Write(w io.Writer) {
	var widths []int
	for _, r := range t.Rows {
		for i, c := range r {
			if i == len(widths) {
				widths = append(widths, 3)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(c))
		}
	}
	for i, r := range t.Rows {
		for j, width := range widths {
			c := ""
			if j < len(r) {
				c = r[j]
			}
			pad := strings.Repeat(" ", width-utf8.RuneCountInString(c))
			if j == 0 {
				fmt.Fprintf(w, "| %s%s |", c, pad)
			} else {
				fmt.Fprintf(w, " %s%s |", pad, c)
			}
		}
		fmt.Fprintln(w)
		if i > 0 {
			continue
		}
		for j, width := range widths {
			if j == 0 {
				fmt.Fprintf(w, "|%s|", strings.Repeat("-", width+2))
			} else {
				fmt.Fprintf(w, "%s:|", strings.Repeat("-", width+1))
			}
		}
		fmt.Fprintln(w)
	}
}

// Number writes a figure with two or three digits that count.
func Number(x float64) string {
	switch size := math.Abs(x); {
	case size < 1:
		return fmt.Sprintf("%.2f", x)
	case size < 100:
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.0f", x)
}
