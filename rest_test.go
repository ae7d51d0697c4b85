//go:build !race

package usernet_test

import (
	"net"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet"
)

// A connection that has carried text both ways, and has rested for a minute, keeps what
// it has learnt of its path and what it has counted, and gives back what those who waited
// for it needed.
func TestRestedConnectionIsSmall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newPair(t, usernet.Config{}, wires[1].Config)
		l, err := b.Listen("tcp", ":7")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		const n = 1000
		conns := make([]net.Conn, 0, 2*n+2) // before the first measurement
		buf := make([]byte, 1)
		exchange := func() {
			c, err := a.Dial("tcp", "10.0.0.2:7")
			if err != nil {
				t.Fatal(err)
			}
			peer, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			conns = append(conns, c, peer)
			go sendBack(peer, buf)
			synctest.Wait() // the peer waits to read
			if err := sendAndReceive(c, make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
		}
		exchange()
		var before, after runtime.MemStats
		measure := func(m *runtime.MemStats) {
			time.Sleep(time.Minute)
			runtime.GC()
			runtime.GC() // what was in pools is gone with the second
			runtime.ReadMemStats(m)
		}
		measure(&before)
		for range n {
			exchange()
		}
		measure(&after)
		bytes := float64(after.HeapAlloc-before.HeapAlloc) / (2 * n)
		objects := float64(after.HeapObjects-before.HeapObjects) / (2 * n)
		t.Logf("%.0f bytes, %.2f objects for each end", bytes, objects)
		if bytes > 1800 || objects > 7 {
			t.Error("want at most 1800 bytes and 7 objects")
		}
		for _, c := range conns {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}
