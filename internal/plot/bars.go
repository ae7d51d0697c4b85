package plot

import "math"

// Bars shows values of several kinds beside each other, in groups.
type Bars struct {
	Title  string
	Height int      // of the area of the data, in pixels; 200 if it is 0
	Groups []string // below the axis, from the left
	Y      Axis
	Kinds  []Bar
}

// A Bar is one kind of value: one for each group.
type Bar struct {
	Name   string
	Color  Color
	Values []float64 // by group; what is missing or no number is left out
}

// blocks is the style of a bar in a legend.
const blocks Style = 255

func (p *Bars) area() float64 { return (&Chart{Height: p.Height}).area() }

func (p *Bars) legend() legend {
	var l legend
	for i, k := range p.Kinds {
		if k.Name != "" {
			l = append(l, entry{Series{Name: k.Name, Style: blocks}, k.Color.nth(i)})
		}
	}
	return l
}

func (p *Bars) height(width float64) float64 {
	return p.legend().height(p.Title, width) + p.area() + axisBottom - 12
}

func (p *Bars) draw(c *canvas, b box) {
	l := p.legend()
	l.draw(c, p.Title, b)
	area := box{b.left + axisLeft, b.top + l.height(p.Title, b.width()), b.right - 10, b.bottom - axisBottom + 12}
	var y interval
	for _, k := range p.Kinds {
		for _, v := range k.Values {
			y.add(v, p.Y.Log)
		}
	}
	if !p.Y.Log && y.some {
		y.add(0, false)
		y.hi += (y.hi - y.lo) * 0.05
	}
	ys := p.Y.scale(y.low(), y.high(), area.bottom, area.top, int(area.height()/rowApart))
	drawYAxis(c, area, &ys)
	zero, ok := ys.place(0)
	if !ok {
		zero = area.bottom
	}
	zero = math.Min(math.Max(zero, area.top), area.bottom)
	each := area.width() / float64(max(1, len(p.Groups)))
	wide := each * 0.8 / float64(max(1, len(p.Kinds)))
	for g, name := range p.Groups {
		left := area.left + each*(float64(g)+0.1)
		for i, k := range p.Kinds {
			if g >= len(k.Values) {
				continue
			}
			if at, ok := ys.place(k.Values[g]); ok {
				at = math.Min(math.Max(at, area.top), area.bottom)
				c.rect(k.Color.nth(i).fill(), left+wide*float64(i), math.Min(at, zero), math.Max(wide-1, 0.5), math.Abs(zero-at), "")
			}
		}
		c.text(left+each*0.4, area.bottom+14, "n m", name)
	}
	c.add(`<path class="x" d="M`, num(area.left), " ", num(area.top), "V", num(area.bottom), "H", num(area.right), `"/>`, "\n")
}
