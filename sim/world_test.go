package sim_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/sim"
)

// inBubble runs f with a world in virtual time.
func inBubble(t *testing.T, seed uint64, f func(t *testing.T, w *sim.World)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, sim.New(sim.Config{Seed: seed, T: t})) })
}

// pattern returns n bytes that follow from a seed.
func pattern(seed uint64, n int) []byte {
	var key [32]byte
	key[0], key[1] = byte(seed), byte(seed>>8)
	data := make([]byte, n)
	rand.NewChaCha8(key).Read(data)
	return data
}

// acceptEach calls f for each connection to ln, on a goroutine of its own, until ln is
// closed.
func acceptEach(ln net.Listener, f func(c net.Conn)) {
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		go f(c)
	}
}

// serveBytes has h give data to each client that connects to port 80, and close.
func serveBytes(t *testing.T, h *sim.Host, data []byte) net.Listener {
	t.Helper()
	ln, err := h.Listen("tcp", ":80")
	if err != nil {
		t.Fatal(err)
	}
	go acceptEach(ln, func(c net.Conn) {
		c.Write(data)
		c.Close()
	})
	return ln
}

// fetch returns what the server at address has to give to h, and how long that took.
func fetch(t *testing.T, h *sim.Host, address string) ([]byte, time.Duration) {
	t.Helper()
	start := time.Now()
	c, err := h.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	got, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	return got, time.Since(start)
}

// wantSame fails the test unless got is want.
func wantSame(t *testing.T, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Fatalf("got %d bytes (SHA-256 %x), want %d (%x)", len(got), sha256.Sum256(got), len(want), sha256.Sum256(want))
	}
}

// contract is the first program that anybody writes.
func contract(t *testing.T) {
	w := sim.New(sim.Config{Seed: 42, Stack: usernet.Config{}})
	client, server := w.Host("client"), w.Host("server")
	p := w.Connect(client, server, sim.Path{Delay: 2 * time.Millisecond, Rate: 10 * sim.Mbps, Loss: 0.01})
	data := pattern(1, 100_000)
	defer serveBytes(t, server, data).Close()
	got, _ := fetch(t, client, "server:80")
	wantSame(t, got, data)

	p.Cut()
	if c, err := (&usernet.Dialer{Stack: client.Stack, Timeout: 20 * time.Millisecond}).Dial("tcp", "server:80"); err == nil {
		c.Close()
		t.Error("a dial through a cut cable succeeded")
	} else if e, ok := err.(net.Error); !ok || !e.Timeout() {
		t.Errorf("a dial through a cut cable: %v; want a time-out", err)
	}
	p.Heal()
	p.Set(sim.Path{Delay: time.Millisecond})
	got, _ = fetch(t, client, "SERVER:80")
	wantSame(t, got, data)
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if err := w.Close(); err != nil {
		t.Errorf("the second Close: %v", err)
	}
}

func TestContract(t *testing.T) {
	t.Run("virtual time", func(t *testing.T) { synctest.Test(t, contract) })
	t.Run("real time", contract)
}

// A test that does not close its world leaves nothing behind if it has told it of
// itself: synctest.Test fails when a goroutine of its bubble is left.
func TestClosesWithTest(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, w *sim.World) {
		client, server := w.Host("client"), w.Host("server")
		w.Connect(client, server, sim.Path{})
		serveBytes(t, server, []byte("hello"))
		if _, err := client.Dial("tcp", "server:80"); err != nil {
			t.Fatal(err)
		}
	})
}

// Virtual hours in which nothing happens but keepalives cost next to nothing.
func TestIdle(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, w *sim.World) {
		client, server := w.Host("client"), w.Host("server")
		p := w.Connect(client, server, sim.Path{Delay: 20 * time.Millisecond})
		ln, err := server.Listen("tcp", ":80")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			io.Copy(c, c)
		}()
		c, err := client.Dial("tcp", "server:80")
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(6 * time.Hour)
		there, _ := p.Stats()
		// Each end probes every 15 s, and answers the other's probes.
		if probes := uint64(6 * 3600 / 15); there.Sent < probes || there.Sent > 3*probes {
			t.Errorf("%d packets in six silent hours; want about one or two every 15 s", there.Sent)
		}
		fmt.Fprint(c, "ping")
		b := make([]byte, 4)
		if _, err := io.ReadFull(c, b); err != nil || string(b) != "ping" {
			t.Errorf("after that: %q, %v", b, err)
		}
	})
}
