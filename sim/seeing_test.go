package sim_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/usernet-go/usernet/sim"
)

// lossyHello is a connection whose second text from the server is lost once.
func lossyHello(t *testing.T, w *sim.World) {
	t.Helper()
	client, server := w.Host("client"), w.Host("server")
	w.Connect(client, server, sim.Path{Delay: 10 * time.Millisecond, Drop: sim.Text(2)})
	data := pattern(1, 6000)
	serveBytes(t, server, data)
	got, _ := fetch(t, client, "server:80")
	wantSame(t, got, data)
	time.Sleep(time.Second)
}

func TestTrace(t *testing.T) {
	var trace bytes.Buffer
	inBubble(t, 1, func(t *testing.T, w *sim.World) {
		w.Trace(&trace)
		lossyHello(t, w)
		w.Trace(nil)
		w.Host("other")
	})
	lines := strings.Split(strings.TrimSuffix(trace.String(), "\n"), "\n")
	for _, want := range []string{
		`^ *0\.000000000  client > server #1  +10\.0\.0\.1:\d+ > 10\.0\.0\.2:80 <SEQ=\d+><CTL=SYN,ECE,CWR,AE> +arrives at 0\.010000001$`,
		`^ *0\.01\d+  server > client #1  +10\.0\.0\.2:80 > 10\.0\.0\.1:\d+ <SEQ=\d+><ACK=\d+><CTL=SYN,ACK,CWR> +arrives at 0\.02`,
		`<DATA=1\d{3}> +picked$`,
		`<CTL=.*FIN.*> +arrives at `,
	} {
		pattern := regexp.MustCompile(want)
		if !func() bool {
			for _, line := range lines {
				if pattern.MatchString(line) {
					return true
				}
			}
			return false
		}() {
			t.Errorf("no line of the trace matches %s:\n%s", want, trace.String())
		}
	}
}

// fussy is a writer that fails the second time.
type fussy struct{ lines int }

func (f *fussy) Write(b []byte) (int, error) {
	if f.lines++; f.lines > 1 {
		return 0, errors.New("full")
	}
	return len(b), nil
}

func TestTraceEndsWithError(t *testing.T) {
	var out fussy
	inBubble(t, 1, func(t *testing.T, w *sim.World) {
		w.Trace(&out)
		lossyHello(t, w)
	})
	if out.lines != 2 {
		t.Errorf("a writer that fails was called %d times; want 2", out.lines)
	}
}

func TestCapture(t *testing.T) {
	path := filepath.Join(t.TempDir(), "capture.pcapng")
	inBubble(t, 1, func(t *testing.T, w *sim.World) {
		if err := w.Capture(filepath.Join(path, "no", "such", "directory")); !errors.Is(err, os.ErrNotExist) && err == nil {
			t.Errorf("a capture to where no file can be: %v", err)
		}
		if err := w.Capture(path); err != nil {
			t.Fatal(err)
		}
		if err := w.Capture(path); err == nil {
			t.Error("a second capture was taken")
		}
		lossyHello(t, w)
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"client-server", "picked"} {
		if !bytes.Contains(file, []byte(want)) {
			t.Errorf("the file of %d bytes does not contain %q", len(file), want)
		}
	}
}

func TestLadder(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, w *sim.World) {
		client, server := w.Host("client"), w.Host("server")
		w.Connect(client, server, sim.Path{Delay: 10 * time.Millisecond, Drop: sim.Text(2)})
		serveBytes(t, server, pattern(1, 6000))
		l := w.Ladder(client, server)
		fetch(t, client, "server:80")
		time.Sleep(time.Second)
		drawing := l.String()
		for _, want := range []string{"client", "server", "SYN-SENT", "ESTABLISHED", "TIME-WAIT", "<CTL=SYN,ECE,CWR,AE>", "lost"} {
			if !strings.Contains(drawing, want) {
				t.Errorf("the ladder does not show %q:\n%s", want, drawing)
			}
		}
	})
}

// failing is a test that has failed.
type failing struct {
	cleanup []func()
	log     strings.Builder
}

func (f *failing) Name() string      { return "TestIt/with a path" }
func (f *failing) Failed() bool      { return true }
func (f *failing) Log(args ...any)   { fmt.Fprintln(&f.log, args...) }
func (f *failing) Cleanup(fn func()) { f.cleanup = append(f.cleanup, fn) }
func (f *failing) Helper()           {}

// A test that fails is told how to repeat it, what was on the wire last, and what the
// connections were at.
func TestReportOfFailedTest(t *testing.T) {
	t.Run("at its end", func(t *testing.T) { reportOfFailedTest(t, func(*sim.World) {}) })
	t.Run("at Close", func(t *testing.T) { reportOfFailedTest(t, func(w *sim.World) { w.Close() }) })
}

func reportOfFailedTest(t *testing.T, finish func(w *sim.World)) {
	var f failing
	w := sim.New(sim.Config{T: &f})
	client, server := w.Host("client"), w.Host("server")
	w.Connect(client, server, sim.Path{})
	ln, err := server.Listen("tcp", ":80")
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.Dial("tcp", "server:80")
	if err != nil {
		t.Fatal(err)
	}
	far, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(c, "hello")
	if _, err := io.ReadFull(far, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	finish(w)
	for _, fn := range f.cleanup {
		fn()
	}
	report := f.log.String()
	if n := strings.Count(report, "to repeat this"); n != 1 {
		t.Errorf("%d reports", n)
	}
	for _, want := range []string{
		fmt.Sprintf("USERNET_SIM_SEED=%d go test -run '^TestIt$/^with a path$' -count=1 github.com/usernet-go/usernet/sim", w.Seed()),
		"client > server #1", "<CTL=SYN,ECE,CWR,AE>", "<DATA=5>", "connections of client", "connections of server", "ESTAB",
	} {
		if !strings.Contains(report, want) {
			t.Errorf("the report does not contain %q:\n%s", want, report)
		}
	}
	// And its world is closed.
	if err := w.Capture(filepath.Join(t.TempDir(), "late.pcapng")); err == nil {
		t.Error("a capture of a closed world")
	}
	if _, err := c.Write([]byte("x")); err == nil {
		t.Error("a write in a world that its test has closed")
	}
}
