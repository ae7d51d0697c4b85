package sim_test

import (
	"bytes"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/usernet-go/usernet/sim"
)

// impaired is a path on which everything happens.
var impaired = sim.Path{
	Rate: 10 * sim.Mbps, Delay: 20 * time.Millisecond, Jitter: 3 * time.Millisecond,
	Loss: 0.02, Burst: 2, Reorder: 0.02, ReorderDelay: 5 * time.Millisecond, Duplicate: 0.01, Corrupt: 0.03,
}

// layouts are networks between a client and a server.
var layouts = []struct {
	name string
	runs int // that TestRepeatsDownload compares
	make func(w *sim.World, p sim.Path) (client, server *sim.Host)
}{
	{"cable", 100, func(w *sim.World, p sim.Path) (client, server *sim.Host) {
		client, server = w.Host("client"), w.Host("server")
		w.Connect(client, server, p)
		return client, server
	}},
	{"switches", 20, func(w *sim.World, p sim.Path) (client, server *sim.Host) {
		client, server = w.Host("client"), w.Host("server")
		a, b := w.Switch("a"), w.Switch("b")
		w.Connect(a, b, sim.Path{})
		w.Connect(client, a, sim.Path{})
		w.Connect(b, server, p)
		return client, server
	}},
	{"routers", 20, func(w *sim.World, p sim.Path) (client, server *sim.Host) {
		client, server = w.Host("client"), w.Host("server")
		a, b := w.Router("a"), w.Router("b")
		w.Connect(client, a, sim.Path{Delay: time.Millisecond})
		w.Connect(b, server, sim.Path{})
		w.Connect(a, b, p)
		return client, server
	}},
}

// wantRepeats runs a program that many times, and fails the test unless the traces
// are the same to the byte.
func wantRepeats(t *testing.T, times int, program func(t *testing.T, w *sim.World)) {
	t.Helper()
	var first []byte
	for i := range times {
		var trace bytes.Buffer
		inBubble(t, 42, func(t *testing.T, w *sim.World) {
			w.Trace(&trace)
			program(t, w)
			if err := w.Close(); err != nil {
				t.Error(err)
			}
		})
		if first == nil {
			first = trace.Bytes()
			if lines := bytes.Count(first, []byte("\n")); lines < 50 {
				t.Fatalf("a trace of %d lines; want something to compare", lines)
			}
		}
		if a, b, differ := firstDifference(first, trace.Bytes()); differ {
			t.Fatalf("run %d differs:\n%s\nbefore it was\n%s", i+1, b, a)
		}
	}
}

// firstDifference returns the first line in which a and b differ.
func firstDifference(a, b []byte) (lineA, lineB []byte, differ bool) {
	for len(a) > 0 || len(b) > 0 {
		lineA, a, _ = bytes.Cut(a, []byte("\n"))
		lineB, b, _ = bytes.Cut(b, []byte("\n"))
		if !bytes.Equal(lineA, lineB) {
			return lineA, lineB, true
		}
	}
	return nil, nil, false
}

func TestRepeatsDownload(t *testing.T) {
	data := pattern(1, 60_000)
	for _, layout := range layouts {
		t.Run(layout.name, func(t *testing.T) {
			wantRepeats(t, layout.runs, func(t *testing.T, w *sim.World) {
				client, server := layout.make(w, impaired)
				serveBytes(t, server, data)
				got, _ := fetch(t, client, "server:80")
				wantSame(t, got, data)
			})
		})
	}
}

// Several clients, each a host of its own, start at one instant, over one switch; all
// sends are in an order that no scheduler decides.
func TestRepeatsCrowd(t *testing.T) {
	data := pattern(2, 20_000)
	wantRepeats(t, 10, func(t *testing.T, w *sim.World) {
		lan := w.Switch("lan")
		server := w.Host("server")
		w.Connect(server, lan, impaired)
		serveBytes(t, server, data)
		var all sync.WaitGroup
		for i := range 8 {
			client := w.Host(fmt.Sprint("client", i))
			w.Connect(client, lan, sim.Path{Delay: time.Millisecond})
			all.Go(func() {
				got, _ := fetch(t, client, "server:80")
				wantSame(t, got, data)
			})
		}
		all.Wait()
	})
}

// Writes of two connections of one host at one instant go out in the order of the
// connections, and not of the goroutines. The program's own timers fall on no event,
// though paths and sleeps have the same lengths.
func TestRepeatsTimers(t *testing.T) {
	wantRepeats(t, 20, func(t *testing.T, w *sim.World) {
		client, server := w.Host("client"), w.Host("server")
		w.Connect(client, server, sim.Path{Delay: 10 * time.Millisecond})
		ln, err := server.Listen("tcp", ":80")
		if err != nil {
			t.Fatal(err)
		}
		go acceptEach(ln, func(c net.Conn) {
			b := make([]byte, 100)
			for {
				n, err := c.Read(b)
				if err != nil {
					return
				}
				time.Sleep(10 * time.Millisecond)
				c.Write(b[:n])
			}
		})
		var all sync.WaitGroup
		for i := range 6 {
			// One after the other, so that each has the port that it has in each run.
			c, err := client.Dial("tcp", "server:80")
			if err != nil {
				t.Fatal(err)
			}
			all.Go(func() {
				b := make([]byte, 100)
				for range 10 {
					fmt.Fprintf(c, "%d", i)
					time.Sleep(10 * time.Millisecond)
					if _, err := c.Read(b); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		all.Wait()
	})
}

// Another seed is another run.
func TestSeedsDiffer(t *testing.T) {
	traces := make(map[string]bool)
	for seed := range uint64(5) {
		var trace bytes.Buffer
		inBubble(t, seed+1, func(t *testing.T, w *sim.World) {
			w.Trace(&trace)
			client, server := layouts[0].make(w, impaired)
			data := pattern(1, 50_000)
			serveBytes(t, server, data)
			got, _ := fetch(t, client, "server:80")
			wantSame(t, got, data)
			w.Close()
		})
		traces[trace.String()] = true
	}
	if len(traces) != 5 {
		t.Errorf("%d different traces from 5 seeds", len(traces))
	}
}
