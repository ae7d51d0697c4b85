package sides

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/usernet-go/usernet/bench/internal/load"
)

// The test's program is its own sides, as bench is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == Subcommand {
		if err := Main(os.Args[2:], os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// needRoot skips where there is no namespace or device, unless they are required.
func needRoot(t *testing.T, s Spec) {
	t.Helper()
	err := Ready(s)
	if err == nil {
		return
	}
	if os.Getenv("USERNET_REQUIRE_KERNEL_TESTS") != "" {
		t.Fatal(err)
	}
	t.Skip(err)
}

// Each stack works on each link in both directions, in processes of its own.
func TestProcesses(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds of real time")
	}
	for _, s := range []Spec{
		{Stack: Usernet, Link: Memory},
		{Stack: Linux, Link: Memory},
		{Stack: Linux, Link: Packet},
		{Stack: Usernet, Link: TUN},
		{Stack: Usernet, Link: TAP},
		{Stack: Usernet, Link: Packet},
		{Stack: GVisor, Link: TUN},
		{Stack: GVisor, Link: TUN, Variant: FDBased},
		{Stack: GVisor, Link: Packet},
	} {
		s.MTU, s.Offload = 1500, true
		for i, w := range works() {
			if s.NeedsRoot() && s.Stack != Linux && i > 1 {
				break
			}
			for _, s.Reverse = range []bool{false, true} {
				if s.Reverse && (s.Link == Memory || w.Kind != load.Bulk) {
					continue
				}
				t.Run(fmt.Sprintf("%s on %s/%d %s, reverse %v", s.Entry(), s.Link, i, w.Kind, s.Reverse), func(t *testing.T) {
					needRoot(t, s)
					w.Warmup, w.Duration = 20*time.Millisecond, 100*time.Millisecond
					if w.Kind == load.Many {
						w.Duration = time.Second
					}
					s.Work = w
					f, err := Run(t.Context(), s)
					if err != nil {
						t.Fatal(err)
					}
					checkFigures(t, w, f)
					if w.Kind == load.Idle && (f[load.Heap] <= 0 || f[load.Objects] <= 0 || (f[load.Goroutines] > 0.5) != w.Blocked) {
						t.Errorf("%v", f)
					}
				})
			}
		}
	}
}

func TestFailure(t *testing.T) {
	if _, err := Run(t.Context(), Spec{Stack: Usernet, Link: Memory, MTU: 1500, Work: load.Work{Kind: "juggling"}}); err == nil || !strings.Contains(err.Error(), "juggling") {
		t.Errorf("%v", err)
	}
	for _, args := range [][]string{nil, {near}, {near, "{"}} {
		if err := Main(args, os.Stdout); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
}
