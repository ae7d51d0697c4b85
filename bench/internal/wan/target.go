package wan

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/usernet-go/usernet/bench/internal/report"
)

// A Target is what usernet has to reach, and what it has reached.
type Target struct {
	Name, Want, Got string
	Met             bool
}

// The entries that targets are about.
const (
	ourCubic   = "usernet cubic"
	ourBBR     = "usernet bbr"
	linuxCubic = "linux cubic"
	linuxBBR   = "linux bbr"
)

// Targets judges what was measured; targets about what was not are left out.
func (r *Results) Targets() (all []Target) {
	add := func(met bool, name, want, got string, args ...any) {
		all = append(all, Target{name, want, fmt.Sprintf(got, args...), met})
	}
	median := func(cell, entry string) *Transfer {
		if row := r.row(cell, entry); row != nil {
			return &row.Median
		}
		return nil
	}
	r.targetRatios(add)
	for _, entry := range []string{ourCubic, ourBBR} {
		for _, c := range Cells() {
			m := median(c.Name, entry)
			if m == nil || c.Rate != 100*mbit || c.Special != "0%" {
				continue
			}
			ceiling := c.ceiling(r.Duration)
			add(m.Goodput >= 0.95*ceiling && m.Resent <= 100, entry+", "+c.Name,
				fmt.Sprintf("95%% of %.1f, 100 sent again", ceiling), "%.1f%%, %d", 100*m.Goodput/ceiling, m.Resent)
		}
		if m := median("100M/40ms/reorder2%", entry); m != nil {
			share := 100 * float64(m.Spurious) / float64(max(1, m.Sent))
			add(m.Goodput >= 90 && share < 0.5, entry+", reordering of 2%", "90 Mbit/s, below 0.5% in vain", "%.1f, %.2f%%", m.Goodput, share)
		}
		if m := median("100M/20ms/0%", entry); m != nil {
			add(m.ACKs <= 0.505, entry+", ACKs", "one for two segments", "%.2f for one", m.ACKs)
		}
	}
	if m := median("100M/100ms/1%", ourBBR); m != nil {
		add(m.Goodput >= 80, "usernet bbr, 100 ms, 1% loss", "80 Mbit/s", "%.1f", m.Goodput)
	}
	if m, l := median("100M/40ms/q0.1", ourBBR), median("100M/40ms/q0.1", linuxBBR); m != nil && l != nil {
		add(m.Goodput >= 85 && m.Resent < l.Resent, "usernet bbr, a tenth of the queue",
			fmt.Sprintf("85 Mbit/s, less than %d sent again", l.Resent), "%.1f, %d", m.Goodput, m.Resent)
	}
	if m := median("100M/40ms/q10", ourBBR); m != nil {
		add(m.Wait < 20, "usernet bbr, ten times the queue", "wait below 20 ms", "%.1f ms", m.Wait)
	}
	if m, l := median("100M/40ms/q10", ourCubic), median("100M/40ms/q10", linuxCubic); m != nil && l != nil {
		add(m.Wait <= l.Wait/4 && m.Goodput >= 0.98*l.Goodput, "usernet cubic, ten times the queue",
			fmt.Sprintf("wait at most %.1f ms, %.1f Mbit/s", l.Wait/4, l.Goodput), "%.1f ms, %.1f", m.Wait, m.Goodput)
	}
	r.targetTails(add)
	r.targetDownloads(add)
	r.targetShares(add)
	return all
}

type addTarget func(met bool, name, want, got string, args ...any)

// targetRatios compares with Linux over the grid.
func (r *Results) targetRatios(add addTarget) {
	compare := func(name, entry string, pick func(c *Cell) bool) {
		var ratios []float64
		least, where := math.Inf(1), ""
		for _, c := range Cells() {
			if x, ok := r.ratio(c.Name, entry); ok && pick(&c) {
				ratios = append(ratios, x)
				if x < least {
					least, where = x, c.Name
				}
			}
		}
		if len(ratios) > 0 {
			mean := geometricMean(ratios)
			add(mean >= 1 && least >= 0.85, name, "mean 1.00, none below 0.85", "mean %.2f, %.2f at %s", mean, least, where)
		}
	}
	compare("usernet cubic to Linux cubic", ourCubic, func(*Cell) bool { return true })
	compare("usernet bbr to Linux bbr, up to 1% loss", ourBBR, func(c *Cell) bool { return c.Path.Loss <= 0.01 })
	var cubics, bbrs []float64
	least, where := math.Inf(1), ""
	for _, c := range Cells() {
		x, y := r.row(c.Name, ourBBR), r.row(c.Name, ourCubic)
		if c.Path.Loss <= 0.02 || x == nil || y == nil || y.Median.Goodput == 0 {
			continue
		}
		ratio := x.Median.Goodput / y.Median.Goodput
		cubics = append(cubics, ratio)
		if ratio < least {
			least, where = ratio, c.Name
		}
		if z, ok := r.ratio(c.Name, ourBBR); ok {
			bbrs = append(bbrs, z)
		}
	}
	if len(cubics) > 0 {
		got := "%.1f at %s, mean %.1f"
		if len(bbrs) > 0 {
			got += fmt.Sprintf(" (to Linux bbr %.2f)", geometricMean(bbrs))
		}
		add(least >= 3, "usernet bbr to usernet cubic, 3% and 10% loss", "3 times", got, least, where, geometricMean(cubics))
	}
}

func (r *Results) targetTails(add addTarget) {
	for _, t := range r.Tails {
		if t.Entry == ourCubic && (t.Lost == 1 && t.Of == 1 || t.Lost == 3) {
			add(t.Median <= 100, fmt.Sprintf("the last %d of %d lost", t.Lost, t.Of), "100 ms", "%.0f ms", t.Median)
		}
	}
}

func (r *Results) targetDownloads(add addTarget) {
	for _, d := range r.Downloads {
		if d.Entry != ourCubic || !strings.HasSuffix(d.Cell, "/1%") {
			continue
		}
		best := [3]float64{math.Inf(1), math.Inf(1), math.Inf(1)}
		for _, other := range r.Downloads {
			if other.Cell == d.Cell && !strings.HasPrefix(other.Entry, "usernet") {
				best[0], best[1], best[2] = min(best[0], other.P50), min(best[1], other.P90), min(best[2], other.P99)
			}
		}
		if math.IsInf(best[0], 1) {
			continue
		}
		add(d.P50 <= best[0] && d.P90 <= best[1] && d.P99 <= best[2], "100 KiB, "+d.Cell,
			fmt.Sprintf("%.0f / %.0f / %.0f ms", best[0], best[1], best[2]), "%.0f / %.0f / %.0f", d.P50, d.P90, d.P99)
	}
}

func (r *Results) targetShares(add addTarget) {
	for _, s := range r.Shares {
		switch {
		case s.Entries == [2]string{ourCubic, ourCubic}:
			add(s.Jain >= 0.95, "two of usernet cubic, "+s.Cell, "Jain's index 0.95", "%.3f", s.Jain)
		case slices.Contains(s.Entries[:], ourCubic) && slices.Contains(s.Entries[:], linuxCubic):
			share := s.First
			if s.Entries[1] == ourCubic {
				share = 1 - share
			}
			add(share >= 0.4 && share <= 0.6, fmt.Sprintf("%s before %s, %s", s.Entries[0], s.Entries[1], s.Cell),
				"usernet has 40% to 60%", "%.0f%%", 100*share)
		}
	}
}

func (r *Results) writeTargets(w io.Writer) {
	targets := r.Targets()
	if len(targets) == 0 {
		return
	}
	fmt.Fprintf(w, "## Targets\n\n")
	var t report.Table
	t.Add("of", "wanted", "measured", "")
	for _, x := range targets {
		t.Add(x.Name, x.Want, x.Got, map[bool]string{true: "met", false: "MISSED"}[x.Met])
	}
	t.Write(w)
	fmt.Fprintln(w)
}
