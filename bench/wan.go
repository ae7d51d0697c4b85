package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/usernet-go/usernet/bench/internal/ends"
	"github.com/usernet-go/usernet/bench/internal/wan"
)

// wanFlags are those of bench wan.
type wanFlags struct {
	options    wan.Options
	stacks     string
	algorithms string
	parts      string
	cells      string
	short      bool
	json       string
	write      string
}

func runWAN(ctx context.Context, args []string, out, errOut io.Writer) int {
	var f wanFlags
	set := flag.NewFlagSet("bench wan", flag.ContinueOnError)
	set.SetOutput(errOut)
	all := strings.Join([]string{ends.Linux, ends.GVisor, ends.Usernet}, ",")
	set.StringVar(&f.stacks, "stacks", all, "the stacks, by `names` with commas between")
	set.StringVar(&f.algorithms, "algorithms", "cubic,bbr", "the congestion controls, by `names` with commas between: each stack has those that it knows")
	set.StringVar(&f.parts, "parts", strings.Join(wan.Parts(), ","), "what to measure, by `names` with commas between")
	set.StringVar(&f.cells, "cells", "", "only paths whose names match the regular `expression`, as 100M/20ms/1%")
	set.IntVar(&f.options.Seeds, "seeds", 5, "how many `times` each path is measured, each time with other losses")
	set.DurationVar(&f.options.Duration, "duration", 8*time.Second, "how long a transfer lasts")
	set.BoolVar(&f.short, "short", false, "only see that everything works, in some 20 s")
	set.StringVar(&f.json, "json", "", "write all figures to a `file`; - for the standard output, instead of tables")
	set.StringVar(&f.write, "write", "", "write wan.md and wan.svg to a `directory`")
	if err := set.Parse(args); errors.Is(err, flag.ErrHelp) {
		return exitOK
	} else if err != nil {
		return exitUsage
	}
	if err := f.complete(set); err != nil {
		fmt.Fprintf(errOut, "bench: %v\n", err)
		return exitUsage
	}
	f.options.Progress = errOut
	results, err := wan.Run(ctx, f.options)
	if err != nil {
		fmt.Fprintf(errOut, "bench: %v\n", err)
	}
	if results == nil || ctx.Err() != nil {
		return exitFailure
	}
	if e := f.output(results, out); e != nil {
		fmt.Fprintf(errOut, "bench: %v\n", e)
		err = e
	}
	for _, m := range results.Missing {
		fmt.Fprintf(errOut, "bench: not measured: %s\n", m)
	}
	asked := false
	set.Visit(func(x *flag.Flag) { asked = asked || x.Name == "stacks" })
	if err != nil || asked && len(results.Missing) > 0 {
		return exitFailure
	}
	return exitOK
}

// complete makes options of flags.
func (f *wanFlags) complete(set *flag.FlagSet) (err error) {
	if set.NArg() > 0 {
		return fmt.Errorf("what is %q? Only flags come behind wan", set.Arg(0))
	}
	o := &f.options
	o.Stacks, o.Algorithms, o.Parts = strings.Split(f.stacks, ","), strings.Split(f.algorithms, ","), strings.Split(f.parts, ",")
	o.Attempts, o.Downloads, o.Repeats, o.Sharing = 4, 200, 21, 30*time.Second
	if f.short {
		o.Seeds, o.Duration, o.Attempts, o.Downloads, o.Repeats, o.Sharing = 1, time.Second, 1, 4, 1, 2*time.Second
		if f.cells == "" {
			f.cells = shortCells
		}
	}
	if f.cells != "" {
		if o.Cells, err = regexp.Compile(f.cells); err != nil {
			return fmt.Errorf("-cells: %w", err)
		}
	}
	if o.Seeds < 1 || o.Duration < 100*time.Millisecond {
		return errors.New("want at least one seed and transfers of 100ms")
	}
	return nil
}

// shortCells are the paths of -short.
const shortCells = "^(100M/20ms/[01]%|10M/20ms/bursts|100M/40ms/(q10|reorder2%|codel.ecn))$"

// output writes results where they are wanted.
func (f *wanFlags) output(r *wan.Results, out io.Writer) error {
	if f.write != "" {
		if err := r.WritePage(f.write); err != nil {
			return err
		}
	}
	done, err := writeJSON(f.json, r, out)
	if err == nil && !done {
		r.Write(out)
	}
	return err
}
