package plot

import (
	"io"
	"strings"
)

// A Figure is some panels below each other, with a title.
type Figure struct {
	Title  string
	Note   string // a line, or some, below the title
	Width  int    // in pixels; 960 if it is 0
	Panels []Panel
}

// A Panel is a *Chart, *Bars or *Table.
type Panel interface {
	height(width float64) float64
	draw(c *canvas, b box)
}

const (
	defaultWidth = 960
	margin       = 14 // around all, and between two panels
	lineHeight   = 16
)

// WriteTo writes the figure as a file of its own. The error is w's.
func (f *Figure) WriteTo(w io.Writer) (int64, error) {
	n, err := io.WriteString(w, f.String())
	return int64(n), err
}

// String returns what WriteTo writes.
func (f *Figure) String() string {
	width := float64(f.Width)
	if f.Width <= 0 {
		width = defaultWidth
	}
	var notes []string
	if f.Note != "" {
		notes = strings.Split(f.Note, "\n")
	}
	inner := width - 2*margin
	head := float64(margin)
	if f.Title != "" {
		head += 22
	}
	head += lineHeight * float64(len(notes))
	height := head + margin
	for _, p := range f.Panels {
		height += p.height(inner) + margin
	}

	c := new(canvas)
	c.add(`<svg xmlns="http://www.w3.org/2000/svg" width="`, num(width), `" height="`, num(height),
		`" viewBox="0 0 `, num(width), " ", num(height), `" role="img">`, "\n")
	if f.Title != "" {
		c.add("<title>", escape(f.Title), "</title>\n")
	}
	c.style()
	c.add(`<rect class="bg" width="100%" height="100%"/>`, "\n")
	y := float64(margin)
	if f.Title != "" {
		c.text(margin, y+14, "t", f.Title)
		y += 22
	}
	for _, note := range notes {
		c.text(margin, y+11, "n", note)
		y += lineHeight
	}
	y += margin
	for _, p := range f.Panels {
		h := p.height(inner)
		p.draw(c, box{margin, y, margin + inner, y + h})
		y += h + margin
	}
	c.add("</svg>\n")
	return c.Builder.String()
}
