package compare

import (
	"fmt"
	"io"
	"slices"

	"github.com/usernet-go/usernet/bench/internal/load"
	"github.com/usernet-go/usernet/bench/internal/report"
	"github.com/usernet-go/usernet/bench/internal/sides"
)

// sections say how the rows of each part are shown.
var sections = []struct {
	part, title, about string
	figures            []string
}{
	{load.Bulk, "Bulk", "us CPU: for each MiB. A segment is what one packet carries: 64 KiB with offloads. Up is from the stack " +
		"that is measured to the kernel's TCP.", []string{load.Gigabits, load.CPU, load.Allocs}},
	{load.PingPong, "Request and response", "On one connection; all but the rate is for each exchange.",
		[]string{load.PerSecond, load.P50, load.P99, load.CPU, load.Allocs}},
	{load.Connect, "Connect, exchange a byte, close", "By 8 workers; the client closes. All but the rate is for each connection, " +
		"from dialling until it is closed.", []string{load.PerSecond, load.P50, load.P99, load.CPU, load.Allocs, load.AllocBytes}},
	{load.Idle, "Idle connections", "For each end: heap and objects on it, stacks of goroutines, resident memory of the processes, " +
		"and what the slabs of the machine's kernel grew.", []string{load.Heap, load.Objects, load.Goroutines, load.Stacks, load.Resident, load.Kernel}},
	{load.Many, "Many connections, a message each second", "Of 100 bytes there and back; us CPU for each.",
		[]string{load.PerSecond, load.CPU, load.Allocs}},
	{load.Keep, "A million idle connections", "Two ends each, in one process: opened, kept alive for 75 s with probes after 15 s of " +
		"silence, closed. us CPU: for each end while they were kept.", []string{load.OpenTime, load.CPU, load.CloseTime, load.Peak}},
}

// Write writes all tables.
func (r *Results) Write(w io.Writer) {
	for _, s := range sections {
		if !slices.ContainsFunc(r.Rows, func(row *Row) bool { return row.Part == s.part }) {
			continue
		}
		fmt.Fprintf(w, "## %s\n\n%s\n\n", s.title, s.about)
		var t report.Table
		t.Add(append([]string{"", "stack"}, s.figures...)...)
		last := ""
		for _, row := range r.Rows {
			if row.Part != s.part {
				continue
			}
			name := row.Case
			if name == last {
				name = ""
			}
			last = row.Case
			line := []string{name, row.entry(r.Rounds)}
			for _, figure := range s.figures {
				line = append(line, row.text(figure))
			}
			t.Add(line...)
		}
		t.Write(w)
		fmt.Fprintln(w)
	}
	r.writeSpent(w)
	r.writePrograms(w)
	r.writeTargets(w)
	r.writeFailed(w)
}

// writeSpent says how far usernet is from its limit, and what the rest is.
func (r *Results) writeSpent(w io.Writer) {
	names := sides.Spent()
	if !slices.ContainsFunc(r.Rows, func(row *Row) bool { return row.Spent != nil }) {
		return
	}
	fmt.Fprint(w, "## Where usernet's processor time goes\n\nOf the process in which usernet is, in a run with a profile, by the function that runs: "+
		"in memory both ends, on a device ours and what the kernel does in our system calls. A stack copies each byte "+
		"twice, or once where a reader in the same process waits for it, and on a device makes its system calls: the limit in memory "+
		"is what `copies`, twice, takes for the same.\n\n")
	var t report.Table
	t.Add(append([]string{"", "to the limit"}, names...)...)
	for _, row := range r.Rows {
		if row.Spent == nil {
			continue
		}
		line := []string{row.Part + ", " + row.Case, r.toLimit(row)}
		for _, name := range names {
			line = append(line, fmt.Sprintf("%.0f%%", 100*row.Spent[name]))
		}
		t.Add(line...)
	}
	t.Write(w)
	fmt.Fprintln(w)
}

// toLimit is how many times the processor time of mere copies a row takes.
func (r *Results) toLimit(row *Row) string {
	limit := r.row(row.Part, row.Case, sides.Copies)
	if limit == nil || limit.Median[load.CPU] == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f x", row.Median[load.CPU]/limit.Median[load.CPU])
}

func (r *Results) writeFailed(w io.Writer) {
	if len(r.Failed) == 0 {
		return
	}
	fmt.Fprintf(w, "## Failed\n\n")
	for _, f := range r.Failed {
		fmt.Fprintf(w, "- %s\n", f)
	}
	fmt.Fprintln(w)
}

// entry is the entry's name, with the number of runs where some failed.
func (r *Row) entry(rounds int) string {
	if len(r.Runs) < rounds {
		return fmt.Sprintf("%s, %d of %d runs", r.Entry, len(r.Runs), rounds)
	}
	return r.Entry
}

// text is the median of a figure, with the least and the most.
func (r *Row) text(figure string) string {
	x, measured := r.Median[figure]
	if !measured {
		return ""
	}
	s := number(x)
	if len(r.Runs) > 1 {
		s += fmt.Sprintf(" (%s-%s)", number(r.Min[figure]), number(r.Max[figure]))
	}
	return s
}

// number writes a figure; what is next to nothing is 0.
func number(x float64) string {
	if x > -0.005 && x < 0.005 {
		return "0"
	}
	return report.Number(x)
}

// row returns that of a case with an entry; nil: it was not measured.
func (r *Results) row(part, name, entry string) *Row {
	i := slices.IndexFunc(r.Rows, func(x *Row) bool { return x.Part == part && x.Case == name && x.Entry == entry && len(x.Runs) > 0 })
	if i < 0 {
		return nil
	}
	return r.Rows[i]
}
