//go:build !race

package usernet_test

import (
	"io"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/tcp"
)

// In steady state nothing is allocated, neither for a byte nor for 64 KiB, whether
// or not connections are traced. (Under the race detector sync.Pool forgets on
// purpose.)
func TestNothingIsAllocated(t *testing.T) {
	t.Run("untraced", func(t *testing.T) { nothingIsAllocated(t, nil) })
	var events atomic.Int64
	t.Run("traced", func(t *testing.T) {
		nothingIsAllocated(t, usernet.TracerFunc(func(_ tcp.Flow, list []tcp.Event, _ uint64) { events.Add(int64(len(list))) }))
	})
	if events.Load() == 0 {
		t.Error("nothing was traced")
	}
}

func nothingIsAllocated(t *testing.T, tracer usernet.Tracer) {
	for _, w := range wires {
		t.Run(w.name, func(t *testing.T) {
			a, b := newPair(t, usernet.Config{Tracer: tracer}, w.Config)
			c, peer := connect(t, a, b)
			for _, size := range []int{1, 64 << 10} {
				out, in := make([]byte, size), make([]byte, size)
				exchange := func() {
					if _, err := c.Write(out); err != nil {
						t.Fatal(err)
					}
					if _, err := io.ReadFull(peer, in); err != nil {
						t.Fatal(err)
					}
					if _, err := peer.Write(in[:1]); err != nil {
						t.Fatal(err)
					}
					if _, err := io.ReadFull(c, out[:1]); err != nil {
						t.Fatal(err)
					}
				}
				for range 100 { // buffers and windows reach their size
					exchange()
				}
				if n := testing.AllocsPerRun(1000, exchange); n != 0 {
					t.Errorf("%d bytes there and 1 back: %v allocations", size, n)
				}
			}
		})
	}
}

func TestNothingIsAllocatedByUDP(t *testing.T) {
	a, b := newPair(t, usernet.Config{}, wires[0].Config)
	p, err := b.ListenUDP("udp", nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := a.Dial("udp", net.JoinHostPort("10.0.0.2", port(p.LocalAddr())))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	out, in := make([]byte, 1000), make([]byte, 1000)
	exchange := func() {
		if _, err := c.Write(out); err != nil {
			t.Fatal(err)
		}
		_, from, err := p.ReadFromUDPAddrPort(in)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.WriteToUDPAddrPort(in[:10], from); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(out); err != nil {
			t.Fatal(err)
		}
	}
	for range 100 {
		exchange()
	}
	if n := testing.AllocsPerRun(1000, exchange); n != 0 {
		t.Errorf("a datagram there and back: %v allocations", n)
	}
}

// A connection that is dialled, carries one byte there and back, and is closed costs
// both stacks together 18 allocations at most.
func TestConnectionAllocations(t *testing.T) {
	for _, w := range wires {
		t.Run(w.name, func(t *testing.T) {
			a, b := newPair(t, usernet.Config{}, w.Config)
			l, err := b.Listen("tcp", ":7")
			if err != nil {
				t.Fatal(err)
			}
			var served sync.WaitGroup
			served.Go(func() {
				buf := make([]byte, 1)
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					if err := sendBack(c, buf); err != nil {
						t.Error(err)
					}
					c.Close()
				}
			})
			buf := make([]byte, 1)
			connection := func() {
				if err := visit(a, buf); err != nil {
					t.Fatal(err)
				}
			}
			for range 100 {
				connection()
			}
			if n := testing.AllocsPerRun(1000, connection); n > 18 {
				t.Errorf("%v allocations, want at most 18", n)
			} else {
				t.Logf("%v allocations", n)
			}
			l.Close()
			served.Wait()
		})
	}
}

// An idle connection, which has carried nothing, costs each end 3 objects at most, and
// no goroutine. Its bytes are those of host.TCPConn (896), the congestion control (96) and
// its entry in the table of flows (16, of which TCPConn has 8).
func TestIdleConnectionIsSmall(t *testing.T) {
	a, b := newPair(t, usernet.Config{}, wires[1].Config)
	l, err := b.Listen("tcp", ":7")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	const n = 4000
	conns := make([]net.Conn, 0, 2*n+2) // before the first measurement
	open := func() {
		c, err := a.Dial("tcp", "10.0.0.2:7")
		if err != nil {
			t.Fatal(err)
		}
		peer, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c, peer)
	}
	open()
	var before, after runtime.MemStats
	measure := func(m *runtime.MemStats) {
		runtime.GC()
		runtime.GC() // what was in pools is gone with the second
		runtime.ReadMemStats(m)
	}
	goroutines := runtime.NumGoroutine()
	measure(&before)
	for range n {
		open()
	}
	measure(&after)
	bytes := float64(after.HeapAlloc-before.HeapAlloc) / (2 * n)
	objects := float64(after.HeapObjects-before.HeapObjects) / (2 * n)
	t.Logf("%.0f bytes, %.2f objects for each end", bytes, objects)
	if bytes > 1024 || objects > 3 {
		t.Error("want at most 1024 bytes and 3 objects")
	}
	if g := runtime.NumGoroutine(); g > goroutines {
		t.Errorf("%d goroutines, %d before", g, goroutines)
	}
	for _, c := range conns {
		c.Close()
	}
}
