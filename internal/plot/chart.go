package plot

import "math"

// A Chart shows series over one quantity, such as time.
type Chart struct {
	Title  string
	Height int // of the area of the data, in pixels; 200 if it is 0
	X, Y   Axis
	Series []Series
}

const (
	defaultHeight = 200
	axisLeft      = 62 // room for the labels of the y axis
	axisBottom    = 34 // and of the x axis, with its name
	tickApart     = 90 // pixels, on the x axis
	rowApart      = 36 // likewise on the y axis
)

func (h *Chart) area() float64 {
	if h.Height <= 0 {
		return defaultHeight
	}
	return float64(h.Height)
}

func (h *Chart) legend() legend {
	var l legend
	for i, s := range h.Series {
		if s.Name != "" && len(s.Points) > 0 {
			l = append(l, entry{s, s.Color.nth(i)})
		}
	}
	return l
}

func (h *Chart) height(width float64) float64 {
	return h.legend().height(h.Title, width) + h.area() + axisBottom
}

func (h *Chart) draw(c *canvas, b box) {
	l := h.legend()
	l.draw(c, h.Title, b)
	area := box{b.left + axisLeft, b.top + l.height(h.Title, b.width()), b.right - 10, b.bottom - axisBottom}
	var x, y interval
	for _, s := range h.Series {
		for _, p := range s.Points {
			x.add(p.X, h.X.Log)
			y.add(p.Y, h.Y.Log)
			if s.Style == Ranges {
				y.add(p.Y2, h.Y.Log)
			}
		}
	}
	if !h.Y.Log && y.some {
		y.add(0, false)
		y.hi += (y.hi - y.lo) * 0.05
	}
	if h.Y.Log && y.some { // what is highest and lowest is not to lie on the frame
		room := math.Pow(y.hi/y.lo, 0.06)
		y.lo, y.hi = y.lo/room, y.hi*room
	}
	xs := h.X.scale(x.low(), x.high(), area.left, area.right, int(area.width()/tickApart))
	ys := h.Y.scale(y.low(), y.high(), area.bottom, area.top, int(area.height()/rowApart))
	drawAxes(c, area, &xs, &ys)
	// A picture in the picture keeps what lies outside of the axes away.
	const edge = 4
	c.add(`<svg x="`, num(area.left-edge), `" y="`, num(area.top-edge), `" width="`, num(area.width()+2*edge), `" height="`, num(area.height()+2*edge),
		`" viewBox="`, num(area.left-edge), " ", num(area.top-edge), " ", num(area.width()+2*edge), " ", num(area.height()+2*edge), `">`, "\n")
	for i := range h.Series {
		s := &h.Series[i]
		s.draw(c, &xs, &ys, s.Color.nth(i))
	}
	c.add("</svg>\n")
	if !x.some {
		c.text((area.left+area.right)/2, (area.top+area.bottom)/2, "n m", "nothing to show")
	}
}

// drawAxes writes both axes with their ticks and the grid.
func drawAxes(c *canvas, area box, xs, ys *scale) {
	drawYAxis(c, area, ys)
	for _, t := range xs.ticks {
		if at, ok := xs.place(t.At); ok {
			c.line("w", at, area.top, at, area.bottom)
			c.text(at, area.bottom+14, "n m", t.Label)
		}
	}
	c.add(`<path class="x" d="M`, num(area.left), " ", num(area.top), "V", num(area.bottom), "H", num(area.right), `"/>`, "\n")
	c.text((area.left+area.right)/2, area.bottom+28, "n m", xs.label)
}

// drawYAxis writes the upright axis' ticks, its lines of the grid and its name.
func drawYAxis(c *canvas, area box, ys *scale) {
	for _, t := range ys.ticks {
		if at, ok := ys.place(t.At); ok {
			c.line("w", area.left, at, area.right, at)
			c.text(area.left-6, at+4, "n e", t.Label)
		}
	}
	if ys.label != "" {
		x, y := area.left-axisLeft+11, (area.top+area.bottom)/2
		c.add(`<text class="n m" transform="translate(`, num(x), " ", num(y), `)rotate(-90)">`, escape(ys.label), "</text>\n")
	}
}

// An interval grows to hold what is added.
type interval struct {
	lo, hi float64
	some   bool
}

// add takes v in, unless it cannot be drawn.
func (i *interval) add(v float64, log bool) {
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0) || log && v <= 0:
	case !i.some:
		i.lo, i.hi, i.some = v, v, true
	default:
		i.lo, i.hi = min(i.lo, v), max(i.hi, v)
	}
}

// low and high are the ends; of an empty interval they are the wrong way round.
func (i *interval) low() float64 {
	if !i.some {
		return 1
	}
	return i.lo
}

func (i *interval) high() float64 { return i.hi }
