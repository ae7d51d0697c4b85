package compare

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/usernet-go/usernet/bench/internal/load"
	"github.com/usernet-go/usernet/bench/internal/report"
	"github.com/usernet-go/usernet/bench/internal/sides"
)

// Options say what is measured.
type Options struct {
	Parts    []string       // some of Parts
	Stacks   []string       // names; see sides
	Links    []string       // likewise
	Cases    *regexp.Regexp // of part, a slash and the case's name; nil: all
	Rounds   int
	Warmup   time.Duration
	Duration time.Duration
	Short    bool      // only few cases
	Progress io.Writer // hears how far it is
}

// Results are what was measured.
type Results struct {
	Began    time.Time
	Took     time.Duration
	Command  string
	Machine  string
	Versions map[string]string
	Rounds   int
	Duration time.Duration
	Missing  []string // what did not run, and why
	Failed   []string // what ran and failed, each in one line
	Rows     []*Row
	Programs []Program `json:",omitempty"`
}

// A Row is one case with one entry.
type Row struct {
	Part, Case, Entry string
	Runs              []load.Figures // one for each round that did not fail
	Median, Min, Max  load.Figures   // none where there is no run
	Spent             load.Figures   `json:",omitempty"` // of sides.Spent, in a run of its own
}

// A job is one measurement.
type job struct {
	row  *Row
	spec sides.Spec
	env  []string
}

// Run measures. With an error there may be results, too: of what did not fail.
func Run(ctx context.Context, o Options) (*Results, error) {
	r := &Results{Began: time.Now(), Machine: report.Machine(), Versions: report.Versions(), Rounds: o.Rounds, Duration: o.Duration}
	if err := o.check(); err != nil {
		return nil, err
	}
	jobs := r.plan(o, sides.Ready)
	imports := slices.Contains(o.Parts, Import) && (o.Cases == nil || o.Cases.MatchString(Import+"/"))
	if len(jobs) == 0 && !imports {
		return nil, fmt.Errorf("nothing is left to measure\n%s", strings.Join(r.Missing, "\n"))
	}
	err := r.measure(ctx, jobs, o.Progress, sides.Run)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if imports {
		programs, e := measureImports(ctx, o)
		r.Programs = programs
		if e != nil {
			r.failed(e)
			err = errors.Join(err, e)
		}
	}
	r.Took = time.Since(r.Began)
	return r, err
}

// measure does the jobs, in their order, and joins the errors of those that failed.
func (r *Results) measure(ctx context.Context, jobs []job, progress io.Writer,
	run func(context.Context, sides.Spec, ...string) (load.Figures, error)) error {
	var failed []error
	for i, j := range jobs {
		name := fmt.Sprintf("%s, %s, %s", j.row.Part, j.row.Case, j.row.Entry)
		fmt.Fprintf(progress, "%d of %d, %v: %s\n", i+1, len(jobs), time.Since(r.Began).Round(time.Second), name)
		f, err := run(ctx, j.spec, j.env...)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			err = fmt.Errorf("%s: %w", name, err)
			r.failed(err)
			failed = append(failed, err)
			continue
		}
		if j.spec.Profile {
			j.row.keepSpent(f)
			continue
		}
		j.row.Runs = append(j.row.Runs, f)
	}
	for _, row := range r.Rows {
		row.summarise()
	}
	return errors.Join(failed...)
}

// longestFailure bounds what is said of one failure.
const longestFailure = 300

// failed keeps an error's text in one line.
func (r *Results) failed(err error) {
	text := []rune(strings.Join(strings.Fields(err.Error()), " "))
	if len(text) > longestFailure {
		text = append(text[:longestFailure], []rune(" ...")...)
	}
	r.Failed = append(r.Failed, string(text))
}

func (o *Options) check() error {
	for _, x := range []struct {
		kind       string
		given, all []string
	}{
		{"part", o.Parts, Parts()},
		{"stack", o.Stacks, []string{sides.Usernet, sides.GVisor, sides.Linux, sides.Copies}},
		{"link", o.Links, []string{sides.Memory, sides.TUN, sides.TAP, sides.Packet}},
	} {
		for _, name := range x.given {
			if !slices.Contains(x.all, name) {
				return fmt.Errorf("no %s %q; there are %s", x.kind, name, strings.Join(x.all, ", "))
			}
		}
	}
	return nil
}

// plan returns the measurements in their order, and makes their rows. What the machine
// is not ready for is missing instead.
func (r *Results) plan(o Options, ready func(sides.Spec) error) (jobs []job) {
	var cases [][]job // by case
	lacks := make(map[string]string)
	for _, c := range Cases(o.Warmup, o.Duration, o.Short) {
		if !slices.Contains(o.Parts, c.Part) || o.Short && !c.Short || o.Cases != nil && !o.Cases.MatchString(c.Part+"/"+c.Name) {
			continue
		}
		var entries []job
		for _, s := range c.Specs {
			if !slices.Contains(o.Stacks, s.Stack) || !slices.Contains(o.Links, c.link()) {
				continue
			}
			key := s.Stack + " on " + s.Link
			if _, known := lacks[key]; !known {
				lacks[key] = ""
				if err := ready(s); err != nil {
					lacks[key] = err.Error()
					r.Missing = append(r.Missing, key+": "+err.Error())
				}
			}
			if lacks[key] != "" {
				continue
			}
			row := &Row{Part: c.Part, Case: c.Name, Entry: s.Entry()}
			r.Rows = append(r.Rows, row)
			entries = append(entries, job{row, s, c.Environment})
		}
		cases = append(cases, entries)
	}
	for round := range o.Rounds {
		for _, entries := range cases {
			for i := range entries {
				jobs = append(jobs, entries[(i+round)%len(entries)])
			}
		}
	}
	return append(jobs, profiles(cases)...)
}

// profiles returns a measurement more of usernet in each case in which it does the same
// all the time, once for each kind of work and link.
func profiles(cases [][]job) (jobs []job) {
	for _, entries := range cases {
		for _, j := range entries {
			w := j.spec.Work
			if j.spec.Stack == sides.Usernet && j.spec.Variant == "" && (w.Kind == load.Bulk && w.Conns == 1 || w.Kind == load.PingPong && w.Beside == 0 || w.Kind == load.Connect) {
				j.spec.Profile = true
				jobs = append(jobs, j)
			}
		}
	}
	return jobs
}

// keepSpent keeps those of a run's figures that say what processor time was spent on.
func (r *Row) keepSpent(f load.Figures) {
	r.Spent = make(load.Figures)
	for _, name := range sides.Spent() {
		r.Spent[name] = f[name]
	}
}

// link is that of the case: all but the kernel have it.
func (c *Case) link() string { return c.Specs[0].Link }

// summarise fills in the middle, the least and the most of each figure by itself.
func (r *Row) summarise() {
	if len(r.Runs) == 0 {
		return
	}
	r.Median, r.Min, r.Max = make(load.Figures), make(load.Figures), make(load.Figures)
	for name := range r.Runs[0] {
		var all []float64
		for _, f := range r.Runs {
			all = append(all, f[name])
		}
		r.Median[name], r.Min[name], r.Max[name] = report.Median(all), slices.Min(all), slices.Max(all)
	}
}
