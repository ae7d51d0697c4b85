package wan

import (
	"context"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/usernet-go/usernet/bench/internal/ends"
)

func smoke() Options {
	return Options{
		Parts:      Parts(),
		Cells:      regexp.MustCompile("^(10M/20ms/1%|100M/20ms/1%|10M/40ms/(q10|codel.ecn))$"),
		Stacks:     []string{ends.GVisor, ends.Usernet},
		Algorithms: []string{"cubic", "reno"},
		Seeds:      2,
		Duration:   400 * time.Millisecond,
		Attempts:   1,
		Downloads:  downloadSets,
		Repeats:    1,
		Sharing:    600 * time.Millisecond,
		Progress:   io.Discard,
	}
}

// All parts work with the stacks that need no right: what they measure is no miracle,
// whatever else the machine does.
func TestRun(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds of real time")
	}
	r, err := Run(t.Context(), smoke())
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Missing) > 0 || len(r.Entries) < 2 {
		t.Errorf("measured %v; missing %v", r.Entries, r.Missing)
	}
	if want := 4 * len(r.Entries); len(r.Grid) != want {
		t.Errorf("%d rows, want %d", len(r.Grid), want)
	}
	for _, row := range r.Grid {
		c := named(row.Cell)
		for _, x := range row.Runs {
			// What the queue holds when the time begins, or ends, is the error.
			if x.Goodput <= 0 || x.Goodput > 1.1*float64(c.Rate)/mbit || x.Sent == 0 {
				t.Errorf("%s, %s: %+v", row.Cell, row.Entry, x)
			}
			if x.Spurious > x.Seen || x.Seen > x.Sent {
				t.Errorf("%s, %s: %d in vain, %d again, %d sent", row.Cell, row.Entry, x.Spurious, x.Seen, x.Sent)
			}
		}
	}
	for _, d := range r.Downloads {
		if len(d.Times)+d.LostSYN != downloadSets || d.P50 < 60 {
			t.Errorf("%+v", d)
		}
	}
	for _, x := range r.Tails {
		if x.Median < 30 {
			t.Errorf("%s: %d of %d lost and all there after %v ms", x.Entry, x.Lost, x.Of, x.Median)
		}
	}
	for _, s := range r.Shares {
		if s.Jain < 0.499 || s.Jain > 1.001 {
			t.Errorf("%+v", s)
		}
	}
}

func TestRunRefuses(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"no stack":         func(o *Options) { o.Stacks = []string{"bsd"} },
		"no part":          func(o *Options) { o.Parts = []string{"latency"} },
		"no stack is left": func(o *Options) { o.Algorithms = []string{"vegas"} },
		"nothing to measure": func(o *Options) {
			o.Parts, o.Cells = []string{Grid}, regexp.MustCompile("1G")
		},
	} {
		o := smoke()
		change(&o)
		if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(ctx, smoke()); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
