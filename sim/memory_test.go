package sim_test

import (
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"
	"testing"

	"github.com/usernet-go/usernet/sim"
)

// Thousand hosts in ten Ethernets around a router, each with a connection to a
// server, stay within a gigabyte by far.
func TestThousandHosts(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector needs memory of its own")
	}
	const lans, hosts, limit = 10, 1000, 200 << 20
	inBubble(t, 1, func(t *testing.T, w *sim.World) {
		before := memoryInUse()
		middle, server := w.Router("middle"), w.Host("server")
		w.Connect(server, middle, sim.Path{})
		var switches []*sim.Switch
		for i := range lans {
			switches = append(switches, w.Switch(fmt.Sprint("switch", i)))
			w.Connect(middle, switches[i], sim.Path{})
		}
		ln, err := server.Listen("tcp", ":80")
		if err != nil {
			t.Fatal(err)
		}
		go acceptEach(ln, func(c net.Conn) {
			io.Copy(c, c)
			c.Close()
		})
		var all sync.WaitGroup
		for i := range hosts {
			h := w.Host(fmt.Sprint("host", i))
			w.Connect(h, switches[i%lans], sim.Path{})
			all.Go(func() {
				c, err := h.Dial("tcp", "server:80")
				if err != nil {
					t.Error(err)
					return
				}
				var got [5]byte
				fmt.Fprint(c, "hello")
				if _, err := io.ReadFull(c, got[:]); err != nil || string(got[:]) != "hello" {
					t.Errorf("%q, %v", got, err)
				}
			})
		}
		all.Wait()
		if n := len(server.Connections()); n < hosts {
			t.Errorf("the server has %d connections; want %d", n, hosts)
		}
		used := memoryInUse() - before
		t.Logf("%d MB", used>>20)
		if used > limit {
			t.Errorf("%d hosts use %d MB; want at most %d", hosts, used>>20, limit>>20)
		}
	})
}

// memoryInUse returns the bytes of heap and stacks.
func memoryInUse() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}
