package usernet_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/sim"
	"github.com/usernet-go/usernet/tcp"
)

// A notebook keeps what a tracer hears, by local address and port.
type notebook struct {
	mu    sync.Mutex
	start time.Time
	lines map[string]*strings.Builder
	lost  uint64
}

func newNotebook() *notebook {
	return &notebook{start: time.Now(), lines: make(map[string]*strings.Builder)}
}

func (n *notebook) Trace(f tcp.Flow, events []tcp.Event, lost uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lost += lost
	b := n.lines[f.Local.String()]
	if b == nil {
		b = new(strings.Builder)
		n.lines[f.Local.String()] = b
	}
	for _, e := range events {
		fmt.Fprintln(b, e.Time.Sub(n.start), e)
	}
}

// fetch sends a request over a bad path, reads 300 kB, and closes.
func fetch(t *testing.T, client, server *usernet.Dialer, lc *usernet.ListenConfig) {
	t.Helper()
	lc.Stack = server.Stack
	ln, err := lc.Listen(t.Context(), "tcp", ":80")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		io.ReadFull(c, make([]byte, 1))
		c.Write(make([]byte, 300_000))
		c.Close()
	}()
	c, err := client.Dial("tcp", "server:80")
	if err != nil {
		t.Fatal(err)
	}
	c.Write([]byte("?"))
	if n, err := io.Copy(io.Discard, c); n != 300_000 || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
	c.Close()
	ln.Close()
	time.Sleep(time.Minute)
}

// What is traced in a simulation repeats, and tells what there was.
func TestTracerRepeats(t *testing.T) {
	run := func() (book *notebook) {
		synctest.Test(t, func(t *testing.T) {
			book = newNotebook()
			w := sim.New(sim.Config{T: t, Seed: 3, Stack: usernet.Config{Tracer: book}})
			client, server := w.Host("client"), w.Host("server")
			w.Connect(client, server, sim.Path{Delay: 10 * time.Millisecond, Rate: 10 * sim.Mbps, Loss: 0.02})
			fetch(t, &usernet.Dialer{Stack: client.Stack}, &usernet.Dialer{Stack: server.Stack}, new(usernet.ListenConfig))
		})
		return book
	}
	one, two := run(), run()
	if len(one.lines) != 2 || one.lost != 0 {
		t.Errorf("%d connections, %d events lost", len(one.lines), one.lost)
	}
	for local, b := range one.lines {
		text := b.String()
		if again := two.lines[local]; again == nil || again.String() != text {
			t.Errorf("%s: the second run is not the first one:\n%s", local, text)
		}
		for _, want := range []string{"state ESTABLISHED\n", " sent <SEQ=", " received <SEQ=", " rtt ", " window cwnd ", " timer on in "} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q in\n%s", local, want, text)
			}
		}
		if strings.HasSuffix(local, ":80") {
			for _, want := range []string{" lost ", ", again\n"} {
				if !strings.Contains(text, want) {
					t.Errorf("%s: no %q in\n%s", local, want, text)
				}
			}
		}
		if !strings.HasSuffix(text, "state CLOSED\n") && !strings.Contains(text, "state TIME-WAIT\n") {
			t.Errorf("%s: no end of\n%s", local, text)
		}
	}
}

// Who looks on does not change what happens.
func TestTracerChangesNothing(t *testing.T) {
	run := func(tracer usernet.Tracer) (packets string) {
		synctest.Test(t, func(t *testing.T) {
			var trace strings.Builder
			w := sim.New(sim.Config{T: t, Seed: 3, Stack: usernet.Config{Tracer: tracer}})
			w.Trace(&trace)
			client, server := w.Host("client"), w.Host("server")
			w.Connect(client, server, sim.Path{Delay: 10 * time.Millisecond, Rate: 10 * sim.Mbps, Loss: 0.02})
			fetch(t, &usernet.Dialer{Stack: client.Stack}, &usernet.Dialer{Stack: server.Stack}, new(usernet.ListenConfig))
			w.Close()
			packets = trace.String()
		})
		return packets
	}
	if with, without := run(newNotebook()), run(nil); with != without {
		t.Errorf("with a tracer:\n%s\nwithout:\n%s", with, without)
	}
}

// A tracer of a Dialer or ListenConfig is in the place of the stack's.
func TestTracerOfDialer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all, dialled, accepted := newNotebook(), newNotebook(), newNotebook()
		w := sim.New(sim.Config{T: t, Seed: 3, Stack: usernet.Config{Tracer: all}})
		client, server := w.Host("client"), w.Host("server")
		w.Connect(client, server, sim.Path{Delay: time.Millisecond})
		fetch(t, &usernet.Dialer{Stack: client.Stack, Tracer: dialled}, &usernet.Dialer{Stack: server.Stack}, &usernet.ListenConfig{Tracer: accepted})
		if len(all.lines) != 0 || len(dialled.lines) != 1 || len(accepted.lines) != 1 {
			t.Errorf("heard of %d connections, %d dialled, %d accepted", len(all.lines), len(dialled.lines), len(accepted.lines))
		}
	})
}

// A tracer that does not come back holds up no connection: events are lost and
// counted. Close waits for it, and for what it has not heard yet.
func TestTracerThatBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		var heard, lost uint64
		s, err := usernet.New(usernet.Config{})
		if err != nil {
			t.Fatal(err)
		}
		d := usernet.Dialer{Stack: s, Tracer: usernet.TracerFunc(func(_ tcp.Flow, events []tcp.Event, n uint64) {
			<-free
			heard, lost = heard+uint64(len(events)), lost+n
		})}
		ln, err := s.Listen("tcp", "127.0.0.1:80")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			c, err := ln.Accept()
			if err == nil {
				io.Copy(io.Discard, c)
			}
		}()
		c, err := d.DialContext(context.Background(), "tcp", "127.0.0.1:80")
		if err != nil {
			t.Fatal(err)
		}
		for range 2000 {
			if _, err := c.Write(make([]byte, 3000)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond)
		}
		closed := make(chan struct{})
		go func() { s.Close(); close(closed) }()
		synctest.Wait()
		select {
		case <-closed:
			t.Error("Close has not waited for the tracer")
		default:
		}
		close(free)
		<-closed
		if heard < 1024 || heard > 3000 || lost == 0 {
			t.Errorf("%d events heard, %d lost", heard, lost)
		}
	})
}
