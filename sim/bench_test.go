package sim_test

import (
	"fmt"
	"io"
	"net"
	"net/rpc"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet/sim"
)

// Each benchmark reports how many virtual seconds pass in a real one.

// virtually runs f in a bubble and reports the virtual time that it took.
func virtually(b *testing.B, f func(w *sim.World)) {
	var virtual time.Duration
	b.ResetTimer()
	for range b.N {
		done := make(chan time.Duration, 1)
		inBubbleOf(b, func() {
			start := time.Now()
			w := sim.New(sim.Config{Seed: 1})
			f(w)
			if err := w.Close(); err != nil {
				b.Error(err)
			}
			done <- time.Since(start)
		})
		virtual += <-done
	}
	b.ReportMetric(virtual.Seconds()/b.Elapsed().Seconds(), "virtual-s/s")
	b.ReportMetric(0, "ns/op")
}

// Two hosts and ten connections that are silent for a day, with keepalives.
func BenchmarkIdleDay(b *testing.B) {
	virtually(b, func(w *sim.World) {
		client, server := w.Host("client"), w.Host("server")
		w.Connect(client, server, sim.Path{Delay: 10 * time.Millisecond})
		ln, err := server.Listen("tcp", ":80")
		if err != nil {
			b.Fatal(err)
		}
		for range 10 {
			if _, err := client.Dial("tcp", "server:80"); err != nil {
				b.Fatal(err)
			}
			if _, err := ln.Accept(); err != nil {
				b.Fatal(err)
			}
		}
		time.Sleep(24 * time.Hour)
	})
}

// Adder has a procedure to call.
type Adder struct{}

func (Adder) Add(in [2]int, out *int) error {
	*out = in[0] + in[1]
	return nil
}

// Ten hosts on a switch, each of which calls a procedure of each other one every
// second, for an hour.
func BenchmarkChattyHour(b *testing.B) {
	const hosts, rounds = 10, 3600
	virtually(b, func(w *sim.World) {
		lan := w.Switch("lan")
		server := rpc.NewServer()
		if err := server.Register(Adder{}); err != nil {
			b.Fatal(err)
		}
		var all []*sim.Host
		for i := range hosts {
			h := w.Host(fmt.Sprint("host", i))
			w.Connect(h, lan, sim.Path{Delay: time.Millisecond, Loss: 0.001})
			ln, err := h.Listen("tcp", ":80")
			if err != nil {
				b.Fatal(err)
			}
			go acceptEach(ln, func(c net.Conn) { server.ServeConn(c) })
			all = append(all, h)
		}
		var calls sync.WaitGroup
		for i, h := range all {
			for j := range all {
				if i == j {
					continue
				}
				calls.Go(func() {
					c, err := h.Dial("tcp", fmt.Sprintf("host%d:80", j))
					if err != nil {
						b.Error(err)
						return
					}
					client := rpc.NewClient(c)
					defer client.Close()
					var sum int
					for n := range rounds {
						if err := client.Call("Adder.Add", [2]int{n, i}, &sum); err != nil || sum != n+i {
							b.Errorf("%d + %d = %d, %v", n, i, sum, err)
							return
						}
						time.Sleep(time.Second)
					}
				})
			}
		}
		calls.Wait()
	})
}

// A download of 100 MB at 100 Mbit/s.
func BenchmarkBulk(b *testing.B) {
	const size = 100_000_000
	b.SetBytes(size)
	virtually(b, func(w *sim.World) {
		client, server := w.Host("client"), w.Host("server")
		w.Connect(client, server, sim.Path{Rate: 100 * sim.Mbps, Delay: 10 * time.Millisecond})
		ln, err := server.Listen("tcp", ":80")
		if err != nil {
			b.Fatal(err)
		}
		go func() {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			chunk := make([]byte, 1<<16)
			for n := 0; n < size; n += len(chunk) {
				if _, err := c.Write(chunk[:min(len(chunk), size-n)]); err != nil {
					return
				}
			}
			c.Close()
		}()
		c, err := client.Dial("tcp", "server:80")
		if err != nil {
			b.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, c); n != size || err != nil {
			b.Errorf("%d bytes, %v", n, err)
		}
		c.Close()
	})
}

// Thousand hosts in one network, each with a connection to a server.
func BenchmarkThousandHosts(b *testing.B) {
	for _, layout := range []string{"router", "switch"} {
		b.Run(layout, func(b *testing.B) {
			var memory, packets uint64
			virtually(b, func(w *sim.World) {
				var middle sim.Node
				if layout == "router" {
					middle = w.Router("middle")
				} else {
					middle = w.Switch("middle")
				}
				server := w.Host("server")
				cables := []*sim.Cable{w.Connect(server, middle, sim.Path{})}
				ln, err := server.Listen("tcp", ":80")
				if err != nil {
					b.Fatal(err)
				}
				go acceptEach(ln, func(c net.Conn) {
					io.Copy(c, c)
					c.Close()
				})
				var all sync.WaitGroup
				for i := range 1000 {
					h := w.Host(fmt.Sprint("host", i))
					cables = append(cables, w.Connect(h, middle, sim.Path{Delay: time.Millisecond}))
					all.Go(func() {
						c, err := h.Dial("tcp", "server:80")
						if err != nil {
							b.Error(err)
							return
						}
						var got [5]byte
						c.Write([]byte("hello"))
						if _, err := io.ReadFull(c, got[:]); err != nil || string(got[:]) != "hello" {
							b.Errorf("%q, %v", got, err)
						}
					})
				}
				all.Wait()
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				memory = max(memory, m.Sys)
				for _, c := range cables {
					there, back := c.Stats()
					packets += there.Sent + back.Sent
				}
			})
			b.ReportMetric(float64(memory)/1e6, "MB-of-the-system")
			b.ReportMetric(float64(packets)/float64(b.N), "packets/op")
		})
	}
}

// inBubbleOf runs f in a bubble; synctest has one for a *testing.T alone.
func inBubbleOf(b *testing.B, f func()) {
	b.Helper()
	if !testing.RunTests(func(_, _ string) (bool, error) { return true, nil },
		[]testing.InternalTest{{Name: b.Name(), F: func(t *testing.T) { synctest.Test(t, func(*testing.T) { f() }) }}}) {
		b.Error("the bubble has failed")
	}
}
