package plot

// A legend says what is what, to the right of a panel's title or below it.
type legend []entry

// An entry is a series, of which its style is shown, and its colour.
type entry struct {
	Series
	color Color
}

const (
	legendRow = 18
	swatch    = 18 // pixels for the sample before a name
	entryGap  = 14
)

func (e *entry) width() float64 { return swatch + 4 + textWidth(e.Name) + entryGap }

// titleWidth is how much of the first row the title takes.
func titleWidth(title string) float64 {
	if title == "" {
		return axisLeft
	}
	return max(axisLeft, textWidth(title)*1.2+24)
}

// rows returns how many rows there are, and calls f, unless it is nil, with each
// entry's place: from the left, and its row.
func (l legend) rows(title string, width float64, f func(e *entry, x float64, row int)) int {
	x, row := titleWidth(title), 0
	for i := range l {
		e := &l[i]
		if w := e.width(); x+w > width && x > axisLeft {
			x, row = axisLeft, row+1
		}
		if f != nil {
			f(e, x, row)
		}
		x += e.width()
	}
	return row + 1
}

// height is how much the title and the legend take.
func (l legend) height(title string, width float64) float64 {
	if title == "" && len(l) == 0 {
		return 4
	}
	return legendRow*float64(l.rows(title, width, nil)) + 6
}

func (l legend) draw(c *canvas, title string, b box) {
	if title != "" {
		c.text(b.left, b.top+12, "p", title)
	}
	l.rows(title, b.width(), func(e *entry, x float64, row int) {
		x += b.left
		y := b.top + 8 + legendRow*float64(row)
		flat := scale{min: 0, max: 1, from: x, to: x + swatch}
		upright := scale{min: 0, max: 1, from: y + 5, to: y - 5}
		e.Points = []Point{{X: 0.5, Y: 0.5}}
		switch e.Style {
		case Line, Steps:
			e.Points = []Point{{X: 0, Y: 0.5}, {X: 1, Y: 0.5}}
		case Ranges:
			e.Points = []Point{{X: 0.3, Y: 0, Y2: 0.7}, {X: 0.5, Y: 0.2, Y2: 0.9}, {X: 0.7, Y: 0.4, Y2: 1}}
		}
		if e.Style == blocks {
			c.rect(e.color.fill(), x+3, y-5, 11, 10, "")
		} else {
			e.draw(c, &flat, &upright, e.color)
		}
		c.text(x+swatch+4, y+4, "", e.Name)
	})
}
