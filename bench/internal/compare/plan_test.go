package compare

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usernet-go/usernet/bench/internal/load"
	"github.com/usernet-go/usernet/bench/internal/sides"
)

func everything() Options {
	return Options{Parts: Parts(), Stacks: []string{sides.Usernet, sides.GVisor, sides.Linux, sides.Copies},
		Links: []string{sides.Memory, sides.TUN, sides.TAP, sides.Packet}, Rounds: 2, Duration: time.Second}
}

func ready(sides.Spec) error { return nil }

// All entries of a case are measured before the next case, all cases before the next
// round, and the next round begins with another entry. What usernet spends its time on
// comes behind all rounds.
func TestPlan(t *testing.T) {
	o := everything()
	o.Cases = regexp.MustCompile("^bulk/(memory, MTU 1500, 1|AF_PACKET, MTU 1500, 1 connection, up)")
	r := new(Results)
	var got []string
	for _, j := range r.plan(o, ready) {
		name := j.row.Entry
		if j.spec.Profile {
			name += ", profile"
		}
		got = append(got, name)
	}
	want := []string{
		"usernet", "gvisor", "gvisor+fifo", "gvisor+gro", "linux", "copies", "usernet", "gvisor", "linux",
		"gvisor", "gvisor+fifo", "gvisor+gro", "linux", "copies", "usernet", "gvisor", "linux", "usernet",
		"usernet, profile", "usernet, profile",
	}
	if !slices.Equal(got, want) {
		t.Errorf("the order is %v, want %v", got, want)
	}
	if len(r.Rows) != 9 {
		t.Errorf("%d rows", len(r.Rows))
	}
}

func TestCases(t *testing.T) {
	names := make(map[string]bool)
	parts := make(map[string]int)
	for _, short := range []bool{false, true} {
		clear(names)
		for _, c := range Cases(time.Second, time.Second, short) {
			if names[c.Part+"/"+c.Name] {
				t.Errorf("%s/%s is there twice", c.Part, c.Name)
			}
			names[c.Part+"/"+c.Name] = true
			parts[c.Part]++
			for _, s := range c.Specs {
				// A process has 20,000 descriptors at most.
				if s.Stack == sides.Linux && s.Work.Pairs > 10_000 {
					t.Errorf("%s/%s: %d pairs for the kernel", c.Part, c.Name, s.Work.Pairs)
				}
				if s.Work.Kind == load.Bulk && s.Work.Segment <= 0 {
					t.Errorf("%s/%s: no segment", c.Part, c.Name)
				}
			}
			if c.Specs[0].Stack != sides.Usernet {
				t.Errorf("%s/%s begins with %s", c.Part, c.Name, c.Specs[0].Stack)
			}
		}
	}
	for _, p := range Parts() {
		if p != Import && parts[p] == 0 {
			t.Errorf("nothing of %s", p)
		}
	}
	if slices.Contains(Usual(), Million) {
		t.Error("a million connections are usual")
	}
}

// What cannot run here is missing, with the reason, once.
func TestMissing(t *testing.T) {
	r := new(Results)
	lack := errors.New("no device")
	jobs := r.plan(everything(), func(s sides.Spec) error {
		if s.NeedsRoot() {
			return lack
		}
		return nil
	})
	for _, j := range jobs {
		if j.spec.NeedsRoot() {
			t.Errorf("%v is planned", j.spec)
		}
	}
	slices.Sort(r.Missing)
	if len(r.Missing) == 0 || len(slices.Compact(slices.Clone(r.Missing))) != len(r.Missing) {
		t.Errorf("missing: %q", r.Missing)
	}
	for _, m := range r.Missing {
		if !strings.HasSuffix(m, ": no device") {
			t.Errorf("missing: %q", m)
		}
	}
}

func TestRefuses(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"no part":    func(o *Options) { o.Parts = []string{"speed"} },
		"no stack":   func(o *Options) { o.Stacks = []string{"bsd"} },
		"no link":    func(o *Options) { o.Links = []string{"pigeon"} },
		"nothing is": func(o *Options) { o.Cases = regexp.MustCompile("pigeon") },
	} {
		o := everything()
		o.Progress = new(bytes.Buffer)
		change(&o)
		if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSummary(t *testing.T) {
	r := Row{Runs: []load.Figures{{load.CPU: 3, load.P50: 1}, {load.CPU: 1, load.P50: 2}, {load.CPU: 2, load.P50: 9}}}
	r.summarise()
	if r.Median[load.CPU] != 2 || r.Min[load.CPU] != 1 || r.Max[load.CPU] != 3 || r.Median[load.P50] != 2 {
		t.Errorf("%+v", r)
	}
	if s := r.text(load.CPU); s != "2.0 (1.0-3.0)" {
		t.Errorf("shown as %s", s)
	}
	if s := r.text(load.Heap); s != "" {
		t.Errorf("what was not measured is %q", s)
	}
}

// results has usernet at twice gVisor's best, and a tenth of the kernel's time.
func results() *Results {
	r := &Results{Rounds: 1, Command: "go run ./bench compare"}
	add := func(part, name, entry string, f load.Figures) {
		row := &Row{Part: part, Case: name, Entry: entry, Runs: []load.Figures{f}}
		row.summarise()
		r.Rows = append(r.Rows, row)
	}
	for _, n := range []string{"1 connection", "8 connections"} {
		name := "memory, MTU 1500 with offloads, " + n
		add(load.Bulk, name, sides.Usernet, load.Figures{load.Gigabits: 40, load.CPU: 100})
		add(load.Bulk, name, sides.GVisor, load.Figures{load.Gigabits: 10, load.CPU: 200})
		add(load.Bulk, name, "gvisor+fifo", load.Figures{load.Gigabits: 20, load.CPU: 300})
	}
	add(load.PingPong, memory1, sides.Usernet, load.Figures{load.PerSecond: 500, load.P99: 11, load.Allocs: 0.001})
	add(load.PingPong, memory1, sides.Linux, load.Figures{load.PerSecond: 100, load.P99: 20})
	r.Rows[0].keepSpent(load.Figures{"copies": 0.6, "TCP": 0.4, load.CPU: 1})
	add(load.Bulk, r.Rows[0].Case, sides.Copies, load.Figures{load.Gigabits: 80, load.CPU: 40})
	add(load.Idle, "10000 pairs", sides.Usernet, load.Figures{load.Heap: 900, load.Objects: 5, load.Goroutines: 0})
	r.Programs = []Program{{Stack: sides.Usernet, Size: 4.4e6, Lines: 15}}
	return r
}

func TestTargets(t *testing.T) {
	got := make(map[string]bool)
	for _, x := range results().Targets() {
		got[x.Name+": "+x.Want] = x.Met
	}
	want := map[string]bool{
		"memory, MTU 1500 with offloads, 1 connection: 2 x gvisor+fifo's 20.0 Gbit/s":     true,
		"memory, MTU 1500 with offloads, 8 connections: 2.5 x gvisor+fifo's 20.0 Gbit/s":  false,
		"8 against 1 connections, memory, MTU 1500 with offloads: 1.2 x the CPU per byte": true,
		"1 byte there and back in memory: 5 x linux's 100 1/s":                            true,
		"1 byte there and back in memory, p99: at most 10 p99 us":                         false,
		"an exchange of 1 byte in memory: none allocations":                               true,
		"idle, 10000 pairs: at most 1024 heap B":                                          true,
		"idle, 10000 pairs: at most 4 objects":                                            false,
		"idle, 10000 pairs: none goroutines":                                              true,
		"smallest program that dials over TUN: 4.5 MB, 15 lines":                          true,
	}
	for name, met := range want {
		if m, judged := got[name]; !judged || m != met {
			t.Errorf("%s: judged %v, met %v", name, judged, m)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d targets, want %d: %v", len(got), len(want), got)
	}
}

// A measurement that fails is named, its row has the others, and nothing is compared
// with a stack one of whose variants has none.
func TestFailed(t *testing.T) {
	o := everything()
	o.Cases = regexp.MustCompile("^bulk/memory, 64 KiB, 1 connection")
	r := &Results{Rounds: o.Rounds}
	jobs := r.plan(o, ready)
	linux := 0
	run := func(_ context.Context, s sides.Spec, _ ...string) (load.Figures, error) {
		if s.Stack == sides.Linux {
			linux++
		}
		if s.Variant == sides.FIFO || s.Stack == sides.Linux && linux == 1 {
			return nil, errors.New("no\nroute " + strings.Repeat("x", 2*longestFailure))
		}
		return load.Figures{load.Gigabits: 30}, nil
	}
	if err := r.measure(t.Context(), jobs, io.Discard, run); err == nil || strings.Count(err.Error(), "route") != 3 {
		t.Errorf("%v", err)
	}
	if len(r.Failed) != 3 {
		t.Errorf("failed: %q", r.Failed)
	}
	for _, f := range r.Failed {
		if !strings.HasPrefix(f, "bulk, memory, 64 KiB, 1 connection, ") || !strings.Contains(f, ": no route x") || len(f) > longestFailure+len(" ...") {
			t.Errorf("failed: %q", f)
		}
	}
	if targets := r.Targets(); len(targets) != 0 {
		t.Errorf("judged: %v", targets)
	}
	var page bytes.Buffer
	r.Write(&page)
	for _, words := range []string{" gvisor+fifo, 0 of 2 runs |", " linux, 1 of 2 runs |", "  usernet |", "## Failed\n\n- bulk, "} {
		if !strings.Contains(page.String(), words) {
			t.Errorf("no %q in\n%s", words, &page)
		}
	}
	r.Rows = slices.DeleteFunc(r.Rows, func(row *Row) bool { return row.Entry == "gvisor+fifo" })
	if targets := r.Targets(); len(targets) != 1 {
		t.Errorf("judged: %v", targets)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.measure(ctx, jobs, io.Discard, run); !errors.Is(err, context.Canceled) || len(r.Failed) != 3 {
		t.Errorf("%v; failed: %q", err, r.Failed)
	}
}

func TestPage(t *testing.T) {
	dir := t.TempDir()
	if err := results().WritePage(dir); err != nil {
		t.Fatal(err)
	}
	for file, words := range map[string][]string{
		"performance.md":  {"`go run ./bench compare`", "## Bulk", "gvisor+fifo", "MISSED", "7 of 10 are met", "2.5 x |", " 60% |", "What an import costs"},
		"performance.svg": {"<svg", "1500 offl.", "memory, 1 byte", "</svg>"},
	} {
		b, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range words {
			if !strings.Contains(string(b), w) {
				t.Errorf("%s has no %q", file, w)
			}
		}
		if strings.Contains(string(b), "NaN") {
			t.Errorf("%s has numbers that are none", file)
		}
	}
	high, _ := results().best(load.Bulk, "memory, MTU 1500 with offloads, 1 connection", load.Gigabits, sides.GVisor, func(a, b float64) bool { return a > b })
	low, _ := results().best(load.Bulk, "memory, MTU 1500 with offloads, 1 connection", load.CPU, sides.GVisor, func(a, b float64) bool { return a < b })
	if high != 20 || low != 200 {
		t.Errorf("the best are %v and %v", high, low)
	}
}

func TestCounts(t *testing.T) {
	packages, modules := countDeps("unsafe \nruntime \nexample.com/a/x example.com/a\nexample.com/a/y example.com/a\nexample.com/bench/z example.com/bench\n")
	if packages != 5 || modules != 1 {
		t.Errorf("%d packages, %d modules", packages, modules)
	}
	file := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(file, []byte("// About.\npackage main\n\n\t// Why.\nfunc main() {\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if n, err := countLines(file); n != 3 || err != nil {
		t.Errorf("%d lines, %v", n, err)
	}
	if s := number(math.Copysign(0.001, -1)); s != "0" {
		t.Errorf("next to nothing is %s", s)
	}
}
