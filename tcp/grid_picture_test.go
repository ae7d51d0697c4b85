package tcp

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/usernet-go/usernet/internal/plot"
)

// gridPicture draws what share of the rate each algorithm reaches, and how long
// packets wait in the queue.
func gridPicture(rows []gridRow) string {
	f := plot.Figure{
		Title: "Goodput as a share of the rate, over 8 s with handshake and slow start",
		Note:  "By round trip in ms and by what is special about the path, as in the table.",
		Width: 1080,
	}
	// Each panel has two round trips beside each other.
	half := func(rtt string) string {
		switch rtt {
		case "1ms", "20ms":
			return "short"
		}
		return "long"
	}
	share := func(r *gridRow) float64 { return r.goodput / megabits(r.rate) }
	whole := plot.Axis{Unit: plot.Share, Max: 1}
	for _, rate := range []string{"10M", "100M"} {
		title := strings.TrimSuffix(rate, "M") + " Mbit/s"
		for _, h := range []string{"short", "long"} {
			f.Panels = append(f.Panels, gridBars(rows, title+", loss", whole, share, func(r *gridRow) bool {
				return r.rate == rate && isLoss(r.special) && half(r.rtt) == h
			}))
		}
		for _, rtt := range []string{"40ms", "100ms"} {
			f.Panels = append(f.Panels, gridBars(rows, title+", queues and reordering", whole, share, func(r *gridRow) bool {
				return r.rate == rate && r.rtt == rtt && !isLoss(r.special) && !strings.Contains(r.special, "/")
			}))
		}
	}
	for _, rate := range []string{"10M", "100M"} {
		f.Panels = append(f.Panels, gridBars(rows, strings.TrimSuffix(rate, "M")+" Mbit/s, mean wait in the queue",
			plot.Axis{Unit: plot.Seconds}, func(r *gridRow) float64 { return r.wait / 1e3 }, func(r *gridRow) bool {
				return r.rate == rate && !strings.ContainsAny(r.special, "/+") && (strings.HasPrefix(r.special, "q") || strings.HasPrefix(r.special, "codel") || r.special == "0%")
			}))
	}
	return f.String()
}

// gridBars draws a value of those rows that belong into a panel.
func gridBars(rows []gridRow, title string, y plot.Axis, value func(*gridRow) float64, belongs func(*gridRow) bool) *plot.Bars {
	p := &plot.Bars{Title: title, Height: 110, Y: y}
	var algorithms []string
	for i := range rows {
		r := &rows[i]
		if !belongs(r) {
			continue
		}
		p.Groups = addOnce(p.Groups, strings.TrimSuffix(r.rtt, "ms")+": "+r.special)
		if algorithms = addOnce(algorithms, r.algorithm); len(algorithms) > len(p.Kinds) {
			p.Kinds = append(p.Kinds, plot.Bar{Name: r.algorithm})
		}
		k := &p.Kinds[slices.Index(algorithms, r.algorithm)]
		for len(k.Values) < len(p.Groups)-1 {
			k.Values = append(k.Values, math.NaN())
		}
		k.Values = append(k.Values, value(r))
	}
	return p
}

func addOnce(all []string, s string) []string {
	if slices.Contains(all, s) {
		return all
	}
	return append(all, s)
}

// isLoss says that a cell is one of those that lose packets, or of none of them.
func isLoss(special string) bool {
	return special == "bursts" || strings.HasSuffix(special, "%") && !strings.HasPrefix(special, "reorder")
}

func megabits(rate string) float64 {
	x, _ := strconv.ParseFloat(strings.TrimSuffix(rate, "M"), 64)
	return x
}
