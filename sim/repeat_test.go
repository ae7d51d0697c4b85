package sim_test

import (
	"bytes"
	"crypto/sha256"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet/sim"
)

func download(t *testing.T, n int, trace io.Writer, path sim.Path, mk func(w *sim.World) (a, b *sim.Host)) time.Duration {
	w := sim.New(sim.Config{Seed: 42, T: t})
	w.Trace(trace)
	client, server := mk(w)
	ln, err := server.Listen("tcp", ":80")
	if err != nil {
		t.Fatal(err)
	}
	data := bytes.Repeat([]byte("0123456789abcdef"), n/16)
	go func() {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		io.Copy(io.Discard, io.LimitReader(c, 4))
		c.Write(data)
		c.Close()
	}()
	start := time.Now()
	c, err := client.Dial("tcp", "server:80")
	if err != nil {
		t.Fatal(err)
	}
	c.Write([]byte("GET\n"))
	got, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	if sha256.Sum256(got) != sha256.Sum256(data) {
		t.Fatal("differs", len(got))
	}
	c.Close()
	d := time.Since(start)
	w.Close()
	return d
}

func TestFirst(t *testing.T) {
	path := sim.Path{Delay: 20 * time.Millisecond, Rate: 10 * sim.Mbps, Loss: 0.01}
	direct := func(w *sim.World) (a, b *sim.Host) {
		client, server := w.Host("client"), w.Host("server")
		w.Connect(client, server, path)
		return client, server
	}
	lan := func(w *sim.World) (a, b *sim.Host) {
		client, server := w.Host("client"), w.Host("server")
		s := w.Switch("s")
		w.Connect(client, s, path)
		w.Connect(server, s, path)
		return client, server
	}
	routed := func(w *sim.World) (a, b *sim.Host) {
		client, server := w.Host("client"), w.Host("server")
		r1, r2 := w.Router("r1"), w.Router("r2")
		w.Connect(client, r1, path)
		w.Connect(r1, r2, path)
		w.Connect(server, r2, path)
		return client, server
	}
	for i, mk := range []func(w *sim.World) (a, b *sim.Host){direct, lan, routed} {
		var first []byte
		for range 20 {
			synctest.Test(t, func(t *testing.T) {
				var b bytes.Buffer
				d := download(t, 200000, &b, path, mk)
				if first == nil {
					first = b.Bytes()
					t.Log(i, d, len(first))
				} else if !bytes.Equal(first, b.Bytes()) {
					x, y := first, b.Bytes()
					k := 0
					for k < min(len(x), len(y)) && x[k] == y[k] {
						k++
					}
					t.Fatalf("differs at %d:\n%s\n---\n%s", k, x[max(0, k-200):min(k+300, len(x))], y[max(0, k-200):min(k+300, len(y))])
				}
			})
		}
	}
}
