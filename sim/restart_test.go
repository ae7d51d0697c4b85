package sim_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/usernet-go/usernet/sim"
)

// A host that is restarted has forgotten its connections, and says so only when it is
// asked; it has its name, addresses and routes as before.
func TestRestart(t *testing.T) {
	var trace bytes.Buffer
	inBubble(t, 1, func(t *testing.T, w *sim.World) {
		client, server, r := w.Host("client"), w.Host("server"), w.Router("r")
		lan := w.Switch("lan")
		w.Connect(client, r, sim.Path{Delay: 10 * time.Millisecond})
		w.Connect(r, lan, sim.Path{})
		w.Connect(server, lan, sim.Path{})
		ln := serveBytes(t, server, []byte("hello"))
		conn, err := client.Dial("tcp", "server:80")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(conn, make([]byte, 5)); err != nil {
			t.Fatal(err)
		}
		other, err := server.Listen("tcp", ":81")
		if err != nil {
			t.Fatal(err)
		}
		silent, err := client.Dial("tcp", "server:81")
		if err != nil {
			t.Fatal(err)
		}
		addrs, routes, interfaces := fmt.Sprint(server.Addrs()), routesOf(server.Stack), fmt.Sprint(server.Interfaces())
		time.Sleep(3 * time.Second) // less than keepalives wait

		w.Trace(&trace)
		server.Restart()
		if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a listener from before: %v", err)
		}
		other.Close()
		wantLines(t, "routes", routesOf(server.Stack), routes...)
		want(t, "addresses", fmt.Sprint(server.Addrs()), addrs)
		want(t, "interfaces", fmt.Sprint(server.Interfaces()), interfaces)
		time.Sleep(5 * time.Second)
		w.Trace(nil)
		if strings.Contains(trace.String(), "RST") || strings.Contains(trace.String(), "FIN") {
			t.Errorf("a word of farewell:\n%s", trace.String())
		}

		// Whoever sends something learns of it.
		fmt.Fprint(silent, "still there?")
		if _, err := silent.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("a connection from before: %v", err)
		}
		if _, err := client.Dial("tcp", "server:80"); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("nobody listens yet: %v", err)
		}
		serveBytes(t, server, []byte("again"))
		got, _ := fetch(t, client, "server:80")
		wantSame(t, got, []byte("again"))

		// A host that is closed is away until it is restarted; so is a router.
		server.Close()
		server.Restart()
		serveBytes(t, server, []byte("third"))
		r.Restart()
		got, _ = fetch(t, client, "server:80")
		wantSame(t, got, []byte("third"))
		w.Close()
		const closed = `sim: host "server" cannot be restarted: the world is closed`
		if text := panicOf(server.Restart); text != closed {
			t.Errorf("in a closed world: %s; want %s", text, closed)
		}
	})
}

// Restarts repeat as all else does.
func TestRepeatsRestart(t *testing.T) {
	wantRepeats(t, 20, func(t *testing.T, w *sim.World) {
		client, server := layouts[1].make(w, impaired)
		data := pattern(1, 20_000)
		for range 3 {
			serveBytes(t, server, data)
			go func() {
				// It may be lost in the middle.
				if c, err := client.Dial("tcp", "server:80"); err == nil {
					io.Copy(io.Discard, c)
				}
			}()
			time.Sleep(150 * time.Millisecond)
			server.Restart()
			time.Sleep(time.Second)
		}
	})
}
