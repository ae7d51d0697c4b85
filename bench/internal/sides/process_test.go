package sides

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/usernet-go/usernet/bench/internal/load"
)

// The test's program is its own sides, as bench is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == Subcommand {
		if file := os.Getenv(orphanFile); file != "" {
			leaveOrphan(file)
			return
		}
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
					if w.Kind == load.Idle && (f[load.Heap] <= 0 || f[load.Objects] <= 0) {
						t.Errorf("%v", f)
					}
				})
			}
		}
	}
}

// orphanFile is the name of the file that leaveOrphan writes to, in the environment.
const orphanFile = "USERNET_BENCH_ORPHAN"

// leaveOrphan has a side start another one with its standard error, whose process it
// writes to a file. Both wait.
func leaveOrphan(file string) {
	if file != "-" {
		c := exec.Command(os.Args[0], Subcommand)
		c.Env = append(os.Environ(), orphanFile+"=-")
		c.Stderr = os.Stderr
		if err := c.Start(); err != nil {
			panic(err)
		}
		if err := os.WriteFile(file+".new", []byte(strconv.Itoa(c.Process.Pid)), 0o600); err != nil {
			panic(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			panic(err)
		}
	}
	time.Sleep(time.Minute)
}

// A side that is ended is not waited for longer because another process has its output.
func TestOrphan(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a second of real time")
	}
	file := filepath.Join(t.TempDir(), "orphan")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := Run(ctx, Spec{Stack: Usernet, Link: Memory, MTU: 1500}, orphanFile+"="+file)
		ended <- err
	}()
	var b []byte
	for err := os.ErrNotExist; err != nil; b, err = os.ReadFile(file) {
		select {
		case err := <-ended:
			t.Fatal(err)
		case <-time.After(10 * time.Millisecond):
		}
	}
	pid, err := strconv.Atoi(string(b))
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	err = <-ended
	orphan, e := os.FindProcess(pid)
	if e == nil {
		e = orphan.Kill()
	}
	if !errors.Is(err, context.Canceled) || e != nil {
		t.Errorf("%v; the orphan, which should still be there: %v", err, e)
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
