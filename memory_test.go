package usernet_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link/pipe"
)

// heap is how much is in use after a collection, in bytes.
func heap() int64 {
	for range 3 {
		runtime.GC() // sync.Pool forgets in two steps
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// bytesOfStreams is what a connection's stream is a part of, which does not repeat soon.
var bytesOfStreams = func() []byte {
	b := make([]byte, 2<<20)
	rand.NewChaCha8([32]byte{}).Read(b)
	return b
}()

// stream is n bytes of stream i, from one on.
func stream(i, from, n int) []byte { return bytesOfStreams[i%65521+from:][:n] }

// stalled is connections whose readers have stopped.
type stalled struct {
	out, in []net.Conn
	written []int
}

// stall makes n connections from a to b, and writes to each as much as goes.
func stall(t *testing.T, a, b *usernet.Stack, n int) *stalled {
	s := &stalled{out: make([]net.Conn, n), in: make([]net.Conn, n), written: make([]int, n)}
	l, err := b.Listen("tcp", ":7")
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if s.out[i], err = a.Dial("tcp", "10.0.0.2:7"); err != nil {
			t.Fatalf("connection %d: %v; %+v", i, err, a.Stats())
		}
		if s.in[i], err = l.Accept(); err != nil {
			t.Fatal(err)
		}
	}
	l.Close()
	for i, c := range s.out {
		c.SetWriteDeadline(time.Now().Add(time.Millisecond))
		k, err := c.Write(stream(i, 0, 1<<20))
		if err == nil {
			t.Fatalf("connection %d takes %d bytes that nobody reads", i, k)
		}
		if k == 0 {
			t.Fatalf("connection %d takes nothing: %v", i, err)
		}
		s.written[i] = k
		c.SetWriteDeadline(time.Time{})
	}
	return s
}

// drain reads it all, and wants what was written.
func (s *stalled) drain(t *testing.T) {
	var wg sync.WaitGroup
	for i, c := range s.in {
		s.out[i].(*usernet.TCPConn).CloseWrite()
		wg.Go(func() {
			got := make([]byte, 4<<10)
			total := 0
			for {
				k, err := c.Read(got)
				if !bytes.Equal(got[:k], stream(i, total, k)) {
					t.Errorf("connection %d: other bytes than were written, at %d", i, total)
					return
				}
				if total += k; err == io.EOF {
					break
				} else if err != nil {
					t.Errorf("connection %d: %d of %d bytes, %v", i, total, s.written[i], err)
					return
				}
			}
			if total != s.written[i] {
				t.Errorf("connection %d: %d bytes of %d", i, total, s.written[i])
			}
		})
	}
	wg.Wait()
}

// Connections by the thousand whose readers have stopped stay within the limit of a
// stack's memory, as the heap has it, and lose nothing. To see what one stack has, the
// other is cut off and closed.
func TestBubbleStalledConnections(t *testing.T) {
	for _, who := range []string{"both", "writers", "readers"} {
		t.Run(who, func(t *testing.T) { stalledConnections(t, who) })
	}
}

func stalledConnections(t *testing.T, who string) {
	n, limit := 10_000, 50_000_000
	switch {
	case raceEnabled || testing.Short():
		n, limit = n/20, limit/20
	case who != "both":
		n, limit = n/5, limit/5
	}
	synctest.Test(t, func(t *testing.T) {
		base := heap()
		near, far := pipe.New(pipe.Config{MTU: 1500})
		cut := [2]*cutLink{{Link: near}, {Link: far}}
		a, b := newStack(t, usernet.Config{MemoryLimit: limit}), newStack(t, usernet.Config{MemoryLimit: limit})
		attach(t, a, cut[0], 1)
		attach(t, b, cut[1], 2)
		s := stall(t, a, b, n)
		time.Sleep(time.Minute)
		synctest.Wait()
		if who != "both" {
			wantOneStack(t, who, s, a, b, cut[:], base, int64(limit))
			return
		}
		used := heap() - base
		total := 0
		for _, k := range s.written {
			total += k
		}
		x, y := a.Stats(), b.Stats()
		t.Logf("%d connections, %d bytes pending: heap %d bytes, writers' stack %d, readers' stack %d", n, total, used, x.MemoryUsed, y.MemoryUsed)
		if !raceEnabled && used > 2*int64(limit) {
			t.Errorf("the heap of both has grown by %d bytes, more than %d", used, 2*limit)
		}
		for _, st := range []usernet.Stats{x, y} {
			if st.MemoryUsed > st.MemoryLimit || st.MemoryLimit != int64(limit) {
				t.Errorf("%d bytes are in use of %d", st.MemoryUsed, st.MemoryLimit)
			}
		}
		s.drain(t)
		for i := range s.in {
			s.in[i].Close()
			s.out[i].Close()
		}
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		for _, st := range []*usernet.Stack{a, b} {
			// The table of TIME-WAIT keeps room for a thousand records.
			if used := st.Stats().MemoryUsed; used > 256<<10 {
				t.Errorf("%d bytes are in use when all is closed", used)
			}
		}
	})
}

// wantOneStack wants the heap of the stack of the writers, or of the readers, to be
// within its limit. base is what there was before.
func wantOneStack(t *testing.T, who string, s *stalled, a, b *usernet.Stack, cut []*cutLink, base, limit int64) {
	t.Helper()
	for _, l := range cut {
		l.cut.Store(true)
	}
	other, left := b, a
	if s.in = nil; who == "readers" {
		other, left = a, b
	}
	before := left.Stats()
	if other.Close(); who == "readers" {
		s.out = nil
	}
	if st := left.Stats(); st.Connections != before.Connections {
		t.Fatalf("%d of %d connections are left", st.Connections, before.Connections)
	}
	used := heap() - base
	t.Logf("%d connections of the %s: heap %d bytes, stats %d", before.Connections, who, used, before.MemoryUsed)
	if !raceEnabled && used > limit {
		t.Errorf("the heap has grown by %d bytes, more than %d", used, limit)
	}
	runtime.KeepAlive(s)
}
