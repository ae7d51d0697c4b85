package host

import (
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/usernet-go/usernet/link/pipe"
)

// A simulation has thousands of hosts, most of which do nothing: one with an interface
// takes 32 KiB, the goroutine of its link's queue included.
func TestIdleHostIsSmall(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector takes memory of its own")
	}
	const n = 200
	used := func() uint64 {
		runtime.GC()
		runtime.GC() // what was in pools is gone with the second
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc + m.StackInuse
	}
	before := used()
	var hosts []*Host
	for i := range n {
		l, _ := pipe.New(pipe.Config{})
		h, err := New(Config{Rand: rand.NewChaCha8([32]byte{byte(i)})})
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		if err := h.Attach(l, InterfaceConfig{Addrs: hostNets}); err != nil {
			t.Fatal(err)
		}
		hosts = append(hosts, h)
	}
	if after := used(); after > before+n*48<<10 {
		t.Errorf("an idle host takes %d bytes, want at most 48 KiB", (after-before)/n)
	}
	runtime.KeepAlive(hosts)
}
