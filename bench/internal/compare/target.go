package compare

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/usernet-go/usernet/bench/internal/load"
	"github.com/usernet-go/usernet/bench/internal/report"
	"github.com/usernet-go/usernet/bench/internal/sides"
)

// A Target is what usernet has to reach, and what it has reached.
type Target struct {
	Name, Want, Got string
	Met             bool
}

// Names of cases that targets are about.
const (
	memory1500 = "memory, MTU 1500, "
	memory1    = "memory, 1 byte"
)

// next to nothing: what the measurement itself allocates, over thousands of units.
const nothing = 0.01

// Targets judges what was measured; targets about what was not, or not in all variants,
// are left out.
func (r *Results) Targets() []Target {
	j := judge{r: r}
	one, eight := connections(1), connections(8)
	j.ratio("memory, MTU 1500, 1 connection", load.Bulk, memory1500+one, load.Gigabits, sides.GVisor, 6)
	for _, name := range []string{"memory, MTU 1500 with offloads, ", "memory, 64 KiB, "} {
		j.ratio(name+one, load.Bulk, name+one, load.Gigabits, sides.GVisor, 2)
		j.ratio(name+eight, load.Bulk, name+eight, load.Gigabits, sides.GVisor, 2.5)
	}
	for _, x := range []struct {
		way           string
		best, shipped float64
	}{{", up", 1.3, 15}, {", down", 1.2, 5}} {
		name := "TUN, MTU 1500, " + one + x.way
		j.ratio(name, load.Bulk, name, load.Gigabits, sides.GVisor, x.best)
		j.ratio(name+", as shipped", load.Bulk, name, load.Gigabits, sides.GVisor+"+"+sides.FDBased, x.shipped)
		name = "AF_PACKET, MTU 1500, " + one + x.way
		j.ratio(name, load.Bulk, name, load.Gigabits, sides.GVisor, 1.3)
	}
	j.ratio("1 byte there and back in memory", load.PingPong, memory1, load.PerSecond, sides.Linux, 5)
	j.below("1 byte there and back in memory, p99", load.PingPong, memory1, load.P99, 10)
	j.below("the same beside 7 bulk connections, p99", load.PingPong, memory1+" beside 7 bulk", load.P99, 100)
	j.ratio("1 byte there and back, TUN", load.PingPong, "TUN, 1 byte", load.PerSecond, sides.GVisor, 1.5)
	j.ratio("connect, exchange, close in memory", load.Connect, "memory", load.PerSecond, sides.Linux, 3)
	j.below("connect, exchange, close in memory", load.Connect, "memory", load.Allocs, 20)
	for _, row := range r.Rows {
		if row.Part == load.Idle && !strings.Contains(row.Case, "blocked") && row.Entry == sides.Usernet {
			j.below("idle, "+row.Case, load.Idle, row.Case, load.Heap, 1024)
			j.below("idle, "+row.Case, load.Idle, row.Case, load.Objects, 4)
			j.below("idle, "+row.Case, load.Idle, row.Case, load.Goroutines, nothing)
		}
	}
	j.below("a segment, memory, MTU 1500", load.Bulk, memory1500+one, load.Allocs, nothing)
	j.below("an exchange of 1 byte in memory", load.PingPong, memory1, load.Allocs, nothing)
	for _, name := range []string{memory1500, "memory, MTU 1500 with offloads, ", "memory, 64 KiB, "} {
		if a, b := r.row(load.Bulk, name+one, sides.Usernet), r.row(load.Bulk, name+eight, sides.Usernet); a != nil && b != nil {
			x := b.Median[load.CPU] / a.Median[load.CPU]
			j.add(x <= 1.2, "8 against 1 connections, "+strings.TrimSuffix(name, ", "), "1.2 x the CPU per byte", "%.2f x", x)
		}
	}
	for _, p := range r.Programs {
		if p.Stack == sides.Usernet {
			j.add(p.Size <= 4.5e6 && p.Lines <= 15, "smallest program that dials over TUN", "4.5 MB, 15 lines", "%.2f MB, %d lines", float64(p.Size)/1e6, p.Lines)
		}
	}
	for _, row := range r.Rows {
		if row.Part == Million {
			j.below(row.Case, Million, row.Case, load.Peak, 4<<10)
		}
	}
	return j.targets
}

type judge struct {
	r       *Results
	targets []Target
}

func (j *judge) add(met bool, name, want, got string, args ...any) {
	j.targets = append(j.targets, Target{name, want, fmt.Sprintf(got, args...), met})
}

// ratio compares usernet with another stack, in the best variant that was measured
// unless the name has one.
func (j *judge) ratio(name, part, c, figure, other string, want float64) {
	our := j.r.row(part, c, sides.Usernet)
	best, entry := math.Inf(-1), ""
	for _, row := range j.r.Rows {
		if row.Part != part || row.Case != c || !row.of(other) {
			continue
		}
		if len(row.Runs) == 0 {
			return // it may have been the best
		}
		if row.Median[figure] > best {
			best, entry = row.Median[figure], row.Entry
		}
	}
	if our == nil || entry == "" {
		return
	}
	x := our.Median[figure] / best
	j.add(x >= want, name, fmt.Sprintf("%g x %s's %s %s", want, entry, number(best), figure), "%.2f x: %s", x, number(our.Median[figure]))
}

// below compares usernet's figure with a limit.
func (j *judge) below(name, part, c, figure string, limit float64) {
	row := j.r.row(part, c, sides.Usernet)
	if row == nil {
		return
	}
	x, measured := row.Median[figure]
	if !measured {
		return
	}
	want := fmt.Sprintf("at most %g", limit)
	if limit == nothing {
		want = "none"
	}
	j.add(x <= limit, name, want+" "+figure, "%s", number(x))
}

func (r *Results) writeTargets(w io.Writer) {
	targets := r.Targets()
	if len(targets) == 0 {
		return
	}
	met := len(slices.DeleteFunc(slices.Clone(targets), func(t Target) bool { return !t.Met }))
	fmt.Fprintf(w, "## Targets\n\n%d of %d are met.\n\n", met, len(targets))
	var t report.Table
	t.Add("of", "wanted", "measured", "")
	for _, x := range targets {
		t.Add(x.Name, x.Want, x.Got, map[bool]string{true: "met", false: "MISSED"}[x.Met])
	}
	t.Write(w)
	fmt.Fprintln(w)
}
