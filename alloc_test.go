//go:build !race

package usernet_test

import (
	"io"
	"net"
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
