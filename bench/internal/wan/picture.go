package wan

import (
	"fmt"
	"html"
	"io"
	"math"
	"strings"
	"time"
)

// The picture: a panel for each rate and round trip, goodput over loss; and below a
// panel for each rate with the paths that are special otherwise. In it each stack has
// a colour, and each algorithm a dash. Sizes are in pixels.
const (
	panelWidth, panelHeight = 210.0, 170.0
	panelGap, panelTop      = 46.0, 84.0
	panelLeft               = 52.0
)

// losses are the special paths that have a place in a row, others go below.
var (
	losses   = []string{"0%", "0.1%", "1%", "3%", "10%", "bursts"}
	specials = []string{"q0.1", "q10", "reorder2%", "jitter", "codel+ecn"}
)

var colours = map[string]string{"linux": "#777777", "gvisor": "#d9822b", "usernet": "#1f6fb4"}
var dashes = map[string]string{"cubic": "", "bbr": "6 3", "reno": "2 2"}

// draw writes the picture of the grid as SVG.
func (r *Results) draw(w io.Writer) {
	columns, rows := float64(len(roundTrips)), float64(len(rates)+1)
	width := panelLeft + columns*(panelWidth+panelGap)
	height := panelTop + rows*(panelHeight+panelGap)
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" viewBox="0 0 %.0f %.0f" font-family="sans-serif" font-size="11" fill="#222">`+"\n",
		width, height, width, height)
	fmt.Fprintf(w, `<rect width="100%%" height="100%%" fill="white"/>`+"\n")
	text(w, panelLeft, 22, `font-size="15" font-weight="bold"`,
		fmt.Sprintf("Goodput over %v, Mbit/s: median of %d seeds, least and most", r.Duration, r.Seeds))
	x := panelLeft
	for _, entry := range r.Entries {
		fmt.Fprintf(w, `<path d="M%.0f 42h28" %s/>`+"\n", x, stroke(entry))
		text(w, x+34, 46, "", entry)
		x += 40 + 8*float64(len(entry))
	}
	for i, rate := range rates {
		for j, rtt := range roundTrips {
			p := panel{r, panelLeft + float64(j)*(panelWidth+panelGap), panelTop + float64(i)*(panelHeight+panelGap),
				panelWidth, rate, rtt, losses}
			p.draw(w)
		}
		wide := (columns/2)*(panelWidth+panelGap) - panelGap
		p := panel{r, panelLeft + float64(i)*(wide+panelGap), panelTop + float64(len(rates))*(panelHeight+panelGap),
			wide, rate, 40 * time.Millisecond, specials}
		p.draw(w)
	}
	fmt.Fprintln(w, "</svg>")
}

// A panel shows the goodput of paths that have rate and round trip in common.
type panel struct {
	r           *Results
	left, top   float64
	width       float64
	rate        int64
	rtt         time.Duration
	specialties []string
}

func (p *panel) draw(w io.Writer) {
	bottom := p.top + panelHeight
	text(w, p.left, p.top-8, `font-weight="bold"`, fmt.Sprintf("%d Mbit/s, %v", p.rate/mbit, p.rtt))
	for i := range 5 {
		y := bottom - float64(i)/4*panelHeight
		fmt.Fprintf(w, `<path d="M%.1f %.1fh%.1f" stroke="#ddd"/>`+"\n", p.left, y, p.width)
		text(w, p.left-6, y+4, `text-anchor="end"`, fmt.Sprintf("%g", float64(i)/4*float64(p.rate)/mbit))
	}
	step := p.width / float64(len(p.specialties))
	for i, name := range p.specialties {
		text(w, p.left+(float64(i)+0.5)*step, bottom+16, `text-anchor="middle"`, name)
	}
	for i, entry := range p.r.Entries {
		// Beside each other, so that none hides what is equal.
		aside := (float64(i) - float64(len(p.r.Entries)-1)/2) * min(5, step/float64(len(p.r.Entries)+1))
		p.line(w, entry, aside, step)
	}
}

// line draws one entry: a dot for each path, from the least to the most of all seeds,
// and a line where what is beside each other has an order.
func (p *panel) line(w io.Writer, entry string, aside, step float64) {
	y := func(goodput float64) float64 {
		return p.top + panelHeight*(1-min(1, goodput/(float64(p.rate)/mbit)))
	}
	var path strings.Builder
	for i, name := range p.specialties {
		row := p.r.row(fmt.Sprintf("%dM/%dms/%s", p.rate/mbit, p.rtt.Milliseconds(), name), entry)
		if row == nil {
			continue
		}
		x := p.left + (float64(i)+0.5)*step + aside
		least, most := math.Inf(1), 0.0
		for _, t := range row.Runs {
			least, most = min(least, t.Goodput), max(most, t.Goodput)
		}
		at := y(row.Median.Goodput)
		fmt.Fprintf(w, `<path d="M%.1f %.1fV%.1f" stroke="%s"/><circle cx="%.1f" cy="%.1f" r="2.5" stroke="%s" fill="%s"/>`+"\n",
			x, y(least), y(most), colour(entry), x, at, colour(entry), inside(entry))
		switch ordered := strings.HasSuffix(name, "%") && name != "reorder2%"; {
		case ordered && path.Len() == 0:
			fmt.Fprintf(&path, "M%.1f %.1f", x, at)
		case ordered:
			fmt.Fprintf(&path, "L%.1f %.1f", x, at)
		}
	}
	if path.Len() > 0 {
		fmt.Fprintf(w, `<path d="%s" fill="none" %s/>`+"\n", path.String(), stroke(entry))
	}
}

func colour(entry string) string {
	stack, _, _ := strings.Cut(entry, " ")
	return colours[stack]
}

// inside is the colour within dots, so that a stack's algorithms differ without lines.
func inside(entry string) string {
	if strings.HasSuffix(entry, " bbr") {
		return "white"
	}
	return colour(entry)
}

func stroke(entry string) string {
	_, algorithm, _ := strings.Cut(entry, " ")
	return fmt.Sprintf(`stroke="%s" stroke-width="1.6" stroke-dasharray="%s"`, colour(entry), dashes[algorithm])
}

func text(w io.Writer, x, y float64, style, s string) {
	fmt.Fprintf(w, `<text x="%.1f" y="%.1f" %s>%s</text>`+"\n", x, y, style, html.EscapeString(s))
}
