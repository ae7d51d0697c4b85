package plot

import "math"

// A Table shows values as coloured cells with their text.
type Table struct {
	Title   string
	Corner  string // above the names of the rows
	Columns []string
	Rows    []string
	Cells   [][]Cell // by row, then column; what is missing stays empty
}

// A Cell is one of a table.
type Cell struct {
	Text string
	// Shade colours it: from 0, not at all, to 1 in blue for what is good, to -1 in red
	// for what is bad.
	Shade float64
}

const (
	cellHeight = 19
	maxCell    = 92 // width in pixels
)

func (t *Table) head() float64 { return legend(nil).height(t.Title, 0) }

func (t *Table) height(float64) float64 {
	return t.head() + cellHeight*float64(len(t.Rows)+1)
}

func (t *Table) draw(c *canvas, b box) {
	legend(nil).draw(c, t.Title, b)
	names := textWidth(t.Corner)
	for _, r := range t.Rows {
		names = math.Max(names, textWidth(r))
	}
	names += 14
	wide := math.Min(maxCell, (b.width()-names)/float64(max(1, len(t.Columns))))
	y := b.top + t.head()
	c.text(b.left, y+13, "n", t.Corner)
	for i, name := range t.Columns {
		c.text(b.left+names+wide*(float64(i)+0.5), y+13, "n m", name)
	}
	for i, name := range t.Rows {
		y += cellHeight
		c.text(b.left, y+13, "", name)
		if i >= len(t.Cells) {
			continue
		}
		for j, cell := range t.Cells[i] {
			x := b.left + names + wide*float64(j)
			if strength := math.Min(math.Abs(cell.Shade), 1); strength > 0 {
				color := Blue
				if cell.Shade < 0 {
					color = Red
				}
				c.rect(color.fill(), x+0.5, y+0.5, wide-1, cellHeight-1, ` fill-opacity="`+num2(strength*0.6)+`"`)
			}
			c.text(x+wide/2, y+13, "m", cell.Text)
		}
	}
}
