// Package wan measures TCP stacks side by side on bad networks: goodput over a grid of
// paths, downloads, lost tails, and how flows share a queue. Stacks are usernet, the
// kernel's TCP and gVisor's netstack (package ends); paths are link.Carrier's, in real
// time (package hop); all stacks see the same seeds in one run.
package wan

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/usernet-go/usernet/bench/internal/ends"
	"github.com/usernet-go/usernet/bench/internal/report"
)

// Options say what is measured.
type Options struct {
	Parts      []string       // some of Parts
	Cells      *regexp.Regexp // of their names
	Stacks     []string       // names; see ends
	Algorithms []string       // each stack is measured with those that it knows
	Seeds      int
	Duration   time.Duration // of a transfer
	Attempts   int           // at a transfer, until the hop was punctual
	Downloads  int           // of 100 KiB, for each cell
	Repeats    int           // of each lost tail
	Sharing    time.Duration // how long flows share a queue
	Progress   io.Writer     // hears how far it is
}

// Names of the parts.
const (
	Grid      = "grid"
	Downloads = "downloads"
	Tails     = "tails"
	Shares    = "shares"
)

// Parts are all that there is to measure.
func Parts() []string { return []string{Grid, Downloads, Tails, Shares} }

// Results are what was measured.
type Results struct {
	Began    time.Time
	Took     time.Duration
	Machine  string
	Versions map[string]string // by module, or kernel
	Duration time.Duration
	Seeds    int
	Missing  []string // stacks that were asked for, and why they did not run

	Entries   []string // stack and algorithm
	Grid      []*Row
	Downloads []*Download
	Tails     []*Tail
	Shares    []*Share
	Late      int // transfers whose hop was late each time
}

// A Row is one cell of the grid with one entry.
type Row struct {
	Cell, Entry string
	Runs        []Transfer // one for each seed
	Median      Transfer   // of each figure by itself
}

// A session is a run that is under way.
type session struct {
	Options
	entries []Entry
	jobs    []job

	mu      sync.Mutex
	results *Results // guarded by mu
}

// Run measures. With an error there may be results, too: of what did not fail.
func Run(ctx context.Context, o Options) (*Results, error) {
	s := &session{Options: o, results: &Results{
		Began: time.Now(), Machine: report.Machine(), Versions: report.Versions(), Duration: o.Duration, Seeds: o.Seeds,
	}}
	if err := s.pick(); err != nil {
		return nil, err
	}
	for _, part := range o.Parts {
		switch part {
		case Grid:
			s.planGrid()
		case Downloads:
			s.planDownloads()
		case Tails:
			s.planTails()
		case Shares:
			s.planShares()
		default:
			return nil, fmt.Errorf("no part %q; there are %s", part, strings.Join(Parts(), ", "))
		}
	}
	if len(s.jobs) == 0 {
		return nil, fmt.Errorf("nothing to measure: no cell is called %v", o.Cells)
	}
	// Threads that the system has put to sleep keep their P for a while: with one for
	// each there is always one for who has something to do.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(8 * runtime.NumCPU()))
	// A collection stops all hops.
	defer debug.SetGCPercent(debug.SetGCPercent(1000))
	defer hurry()()
	n := 0
	err := schedule(ctx, s.jobs, func(j *job, err error) {
		n++
		if err != nil && ctx.Err() == nil {
			fmt.Fprintf(o.Progress, "%s: %v\n", j.name, err)
		}
		if n%10 == 0 || n == len(s.jobs) {
			fmt.Fprintf(o.Progress, "%d of %d, %v\n", n, len(s.jobs), time.Since(s.results.Began).Round(time.Second))
		}
	})
	s.results.Took = time.Since(s.results.Began)
	for _, r := range s.results.Grid {
		r.Median = middle(r.Runs)
	}
	return s.results, err
}

// pick finds the stacks that were asked for and can run here.
func (s *session) pick() error {
	for _, name := range s.Stacks {
		stack, err := ends.Find(name)
		if err != nil {
			return err
		}
		if err := stack.Ready(); err != nil {
			s.results.Missing = append(s.results.Missing, fmt.Sprintf("%s: %v", name, err))
			continue
		}
		for _, a := range s.Algorithms {
			if slices.Contains(stack.Algorithms, a) {
				e := Entry{stack, a}
				s.entries = append(s.entries, e)
				s.results.Entries = append(s.results.Entries, e.String())
			}
		}
	}
	if len(s.entries) == 0 {
		return fmt.Errorf("no stack is left to measure:\n%s", strings.Join(s.results.Missing, "\n"))
	}
	return nil
}

// planGrid has all stacks take their turn on a cell before the next one, and all cells
// before the next seed: what the machine does else falls on all alike.
func (s *session) planGrid() {
	rows := make(map[[2]string]*Row)
	for seed := range uint64(s.Seeds) {
		for _, c := range Cells() {
			if s.Cells != nil && !s.Cells.MatchString(c.Name) {
				continue
			}
			for _, e := range s.entries {
				key := [2]string{c.Name, e.String()}
				if rows[key] == nil {
					rows[key] = &Row{Cell: c.Name, Entry: e.String(), Runs: make([]Transfer, s.Seeds)}
					s.results.Grid = append(s.results.Grid, rows[key])
				}
				run := &rows[key].Runs[seed]
				s.jobs = append(s.jobs, job{
					name:   fmt.Sprintf("%s, %v, seed %d", c.Name, e, seed+1),
					weight: c.expected(e.Algorithm),
					run: func(ctx context.Context) (err error) {
						*run, err = s.transfer(ctx, &c, e, seed+1)
						return err
					},
				})
			}
		}
	}
}

// transfer measures until the hop was punctual, or keeps the measurement where it was
// least late.
func (s *session) transfer(ctx context.Context, c *Cell, e Entry, seed uint64) (best Transfer, err error) {
	for i := range s.Attempts {
		t, err := transfer(ctx, c, e, seed, s.Duration)
		if err != nil || t.punctual() {
			return t, err
		}
		if i == 0 || t.Late+t.Stall < best.Late+best.Stall {
			best = t
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.results.Late++
	return best, nil
}

// middle returns the median of each figure.
func middle(all []Transfer) Transfer {
	of := func(figure func(*Transfer) float64) float64 {
		var x []float64
		for i := range all {
			x = append(x, figure(&all[i]))
		}
		return report.Median(x)
	}
	return Transfer{
		Goodput:  of(func(t *Transfer) float64 { return t.Goodput }),
		Resent:   int(of(func(t *Transfer) float64 { return float64(t.Resent) })),
		Seen:     int(of(func(t *Transfer) float64 { return float64(t.Seen) })),
		Spurious: int(of(func(t *Transfer) float64 { return float64(t.Spurious) })),
		Sent:     int(of(func(t *Transfer) float64 { return float64(t.Sent) })),
		Wait:     of(func(t *Transfer) float64 { return t.Wait }),
		Dropped:  int(of(func(t *Transfer) float64 { return float64(t.Dropped) })),
		ACKs:     of(func(t *Transfer) float64 { return t.ACKs }),
		Late:     of(func(t *Transfer) float64 { return t.Late }),
		Stall:    of(func(t *Transfer) float64 { return t.Stall }),
	}
}
