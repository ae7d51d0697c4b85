package plot

import "math"

// Style is how the points of a series are drawn.
type Style uint8

const (
	Line   Style = iota // joined by straight lines
	Steps               // each value lasts until the next one
	Ranges              // an upright stroke from Y to Y2 at each
	Dots
	Crosses
	Diamonds // hollow
)

// A Point is one of a series.
type Point struct {
	X, Y float64
	Y2   float64 // for Ranges
}

// A Series is some points of one kind.
type Series struct {
	Name   string // in the legend, if there are points; empty: not there
	Style  Style
	Color  Color
	Dashed bool // Line and Steps
	Thin   bool
	Bold   bool    // Ranges: to be seen among others
	Points []Point // in the order of X, for Line and Steps; a NaN breaks the line
}

// radius is half the size of a mark, in pixels.
func (s *Series) radius() float64 {
	if s.Thin {
		return 2.2
	}
	return 3.2
}

// class returns the classes of the series' path in the style sheet.
func (s *Series) class(color Color) string {
	class := color.stroke() + " l"
	if s.Style == Dots {
		class = color.stroke() + " o"
	}
	if s.Thin {
		class += " i"
	}
	if s.Bold {
		class += " b"
	}
	if s.Dashed {
		class += " h"
	}
	return class
}

// draw writes the series within the scales.
func (s *Series) draw(c *canvas, x, y *scale, color Color) {
	p := path{c: c, class: s.class(color)}
	switch s.Style {
	case Line, Steps:
		p.lines(s, x, y)
	default:
		p.marks(s, x, y)
	}
	if p.began {
		c.add(`"/>`, "\n")
	}
}

// A path writes the one path that a series is.
type path struct {
	c     *canvas
	class string
	began bool
	last  string // what was written for the mark before
}

func (p *path) add(parts ...string) {
	if !p.began {
		p.began = true
		p.c.add(`<path class="`, p.class, `" d="`)
	}
	p.c.add(parts...)
}

// point is a place on the canvas.
type point struct{ x, y float64 }

// lines writes lines through the points. Of those that share a pixel column only the
// first, the last, the highest and the lowest matter.
func (p *path) lines(s *Series, x, y *scale) {
	var column []point
	down := false // the pen is on the paper
	flush := func() {
		for i, q := range thin(column) {
			switch {
			case !down:
				p.add("M", num(q.x), " ", num(q.y))
			case i == 0 && s.Style == Steps:
				p.add("H", num(q.x), "V", num(q.y))
			default:
				p.add("L", num(q.x), " ", num(q.y))
			}
			down = true
		}
		column = column[:0]
	}
	for _, v := range s.Points {
		px, okX := x.place(v.X)
		py, okY := y.place(v.Y)
		if !okX || !okY {
			flush()
			down = false
			continue
		}
		if len(column) > 0 && math.Abs(column[0].x-px) >= 0.5 {
			flush()
		}
		column = append(column, point{px, py})
	}
	flush()
}

// thin returns of some points in a column those that matter, in their order.
func thin(column []point) []point {
	if len(column) <= 4 {
		return column
	}
	top, bottom := 0, 0
	for i, q := range column {
		if q.y < column[top].y {
			top = i
		}
		if q.y > column[bottom].y {
			bottom = i
		}
	}
	a, b := min(top, bottom), max(top, bottom)
	return []point{column[0], column[a], column[b], column[len(column)-1]}
}

// marks writes a mark for each point; of equal ones in a row one.
func (p *path) marks(s *Series, x, y *scale) {
	r := s.radius()
	for _, v := range s.Points {
		px, okX := x.place(v.X)
		py, okY := y.place(v.Y)
		if !okX || !okY {
			continue
		}
		var d string
		switch s.Style {
		case Ranges:
			py2, ok := y.place(v.Y2)
			if !ok {
				continue
			}
			shortest := 2.0
			if s.Bold {
				shortest = 6
			}
			if middle := (py + py2) / 2; math.Abs(py-py2) < shortest { // it is to be seen
				py, py2 = middle+shortest/2, middle-shortest/2
			}
			d = "M" + num(px) + " " + num(py) + "V" + num(py2)
		case Crosses:
			d = "M" + num(px-r) + " " + num(py-r) + "l" + num(2*r) + " " + num(2*r) + "m0 " + num(-2*r) + "l" + num(-2*r) + " " + num(2*r)
		case Diamonds:
			d = "M" + num(px-r) + " " + num(py) + "l" + num(r) + " " + num(-r) + "l" + num(r) + " " + num(r) + "l" + num(-r) + " " + num(r) + "z"
		default: // no length, but round ends
			d = "M" + num(px) + " " + num(py) + "h0"
		}
		if d != p.last {
			p.add(d)
			p.last = d
		}
	}
}
