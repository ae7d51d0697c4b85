package wan

import (
	"context"
	"fmt"
	"time"

	"github.com/usernet-go/usernet/bench/internal/ends"
)

// A Share is what two flows get of one queue.
type Share struct {
	Cell    string
	Entries [2]string
	Goodput [2]float64 // Mbit/s in the last third
	First   float64    // share of the first flow
	Jain    float64
}

var shareCells = []string{"100M/20ms/0%", "10M/40ms/q10"}

// headStart is how long the first flow is alone.
const headStart = 2 * time.Second

func (s *session) planShares() {
	var both [][2]Entry
	var linux, usernet *Entry
	for i, e := range s.entries {
		both = append(both, [2]Entry{e, e})
		if e.Algorithm == "cubic" {
			switch e.Stack.Name {
			case ends.Linux:
				linux = &s.entries[i]
			case ends.Usernet:
				usernet = &s.entries[i]
			}
		}
	}
	if linux != nil && usernet != nil {
		both = append(both, [2]Entry{*usernet, *linux}, [2]Entry{*linux, *usernet})
	}
	for _, name := range shareCells {
		c := named(name)
		if s.Cells != nil && !s.Cells.MatchString(c.Name) {
			continue
		}
		for _, b := range both {
			r := &Share{Cell: c.Name, Entries: [2]string{b[0].String(), b[1].String()}}
			s.results.Shares = append(s.results.Shares, r)
			s.jobs = append(s.jobs, job{
				name:   fmt.Sprintf("%v beside %v, %s", b[0], b[1], c.Name),
				weight: float64(c.Rate) / mbit,
				run:    func(ctx context.Context) error { return r.run(ctx, &c, b, s.Sharing) },
			})
		}
	}
}

func (r *Share) run(ctx context.Context, c *Cell, entries [2]Entry, d time.Duration) error {
	w, err := join(c, 1, entries[0], entries[1])
	if err != nil {
		return err
	}
	defer w.close()
	var flows [2]*flow
	for i := range flows {
		if flows[i], err = w.flow(i); err != nil {
			return err
		}
		defer flows[i].close()
		flows[i].start()
		if i == 0 {
			if err := sleep(ctx, headStart); err != nil {
				return err
			}
		}
	}
	if err := sleep(ctx, d*2/3); err != nil {
		return err
	}
	var before [2]int64
	for i, f := range flows {
		before[i] = f.read.Load()
	}
	began := time.Now()
	if err := sleep(ctx, d/3); err != nil {
		return err
	}
	took := time.Since(began)
	for i, f := range flows {
		r.Goodput[i] = mbits(f.read.Load()-before[i], took)
		if err := f.failed(); err != nil {
			return err
		}
	}
	r.First = r.Goodput[0] / (r.Goodput[0] + r.Goodput[1])
	r.Jain = jain(r.Goodput[:])
	return nil
}
