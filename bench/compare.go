package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/usernet-go/usernet/bench/internal/compare"
	"github.com/usernet-go/usernet/bench/internal/sides"
)

// compareFlags are those of bench compare.
type compareFlags struct {
	options compare.Options
	parts   string
	stacks  string
	links   string
	cases   string
	json    string
	write   string
}

func runCompare(ctx context.Context, args []string, out, errOut io.Writer) int {
	var f compareFlags
	set := flag.NewFlagSet("bench compare", flag.ContinueOnError)
	set.SetOutput(errOut)
	set.StringVar(&f.parts, "parts", strings.Join(compare.Usual(), ","), "what to measure, by `names` with commas between; "+compare.Million+" is a million connections, for two minutes and 4 GiB")
	set.StringVar(&f.stacks, "stacks", strings.Join([]string{sides.Usernet, sides.GVisor, sides.Linux, sides.Copies}, ","), "the stacks, by `names` with commas between; "+sides.Copies+" is none, but the limit in memory")
	set.StringVar(&f.links, "links", strings.Join([]string{sides.Memory, sides.TUN, sides.TAP, sides.Packet}, ","), "the links, by `names` with commas between; all but memory need root")
	set.StringVar(&f.cases, "cases", "", "only cases whose part/name matches the regular `expression`, as bulk/TUN")
	set.IntVar(&f.options.Rounds, "rounds", 3, "how many `times` each case is measured")
	set.DurationVar(&f.options.Duration, "duration", 2*time.Second, "how long a measurement lasts, after half of that to warm up")
	set.BoolVar(&f.options.Short, "short", false, "only see that everything works, in some 20 s")
	set.StringVar(&f.json, "json", "", "write all figures to a `file`; - for the standard output, instead of tables")
	set.StringVar(&f.write, "write", "", "write performance.md and performance.svg to a `directory`")
	if err := set.Parse(args); errors.Is(err, flag.ErrHelp) {
		return exitOK
	} else if err != nil {
		return exitUsage
	}
	asked := false
	set.Visit(func(x *flag.Flag) { asked = asked || x.Name == "stacks" || x.Name == "links" })
	if err := f.complete(set); err != nil {
		fmt.Fprintf(errOut, "bench: %v\n", err)
		return exitUsage
	}
	f.options.Progress = errOut
	results, err := compare.Run(ctx, f.options)
	if err != nil {
		fmt.Fprintf(errOut, "bench: %v\n", err)
	}
	if results == nil {
		return exitFailure
	}
	results.Command = strings.Join(append([]string{"go run ./bench compare"}, args...), " ")
	if e := f.output(results, out); e != nil {
		fmt.Fprintf(errOut, "bench: %v\n", e)
		err = e
	}
	for _, m := range results.Missing {
		fmt.Fprintf(errOut, "bench: not measured: %s\n", m)
	}
	if err != nil || asked && len(results.Missing) > 0 {
		return exitFailure
	}
	return exitOK
}

// complete makes options of flags.
func (f *compareFlags) complete(set *flag.FlagSet) (err error) {
	if set.NArg() > 0 {
		return fmt.Errorf("what is %q? Only flags come behind compare", set.Arg(0))
	}
	o := &f.options
	o.Parts, o.Stacks, o.Links = strings.Split(f.parts, ","), strings.Split(f.stacks, ","), strings.Split(f.links, ",")
	if o.Short {
		o.Rounds, o.Duration = 1, 200*time.Millisecond
	}
	o.Warmup = o.Duration / 2
	if f.cases != "" {
		if o.Cases, err = regexp.Compile(f.cases); err != nil {
			return fmt.Errorf("-cases: %w", err)
		}
	}
	if o.Rounds < 1 || o.Duration < 50*time.Millisecond {
		return errors.New("want at least one round and measurements of 50ms")
	}
	return nil
}

// output writes results where they are wanted.
func (f *compareFlags) output(r *compare.Results, out io.Writer) error {
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

// writeJSON writes results to a file, if there is a name; - is out, and all that goes
// there.
func writeJSON(name string, results any, out io.Writer) (done bool, err error) {
	if name == "" {
		return false, nil
	}
	b, err := json.MarshalIndent(results, "", "\t")
	if err != nil {
		return false, err
	}
	b = append(b, '\n')
	if name == "-" {
		_, err = out.Write(b)
		return true, err
	}
	return false, os.WriteFile(name, b, 0o644)
}
