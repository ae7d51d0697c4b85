package usernet_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/pipe"
)

// counting is a stream in which each byte tells its place, nearly.
func counting(b []byte, at int) {
	for i := range b {
		b[i] = byte((at + i) % 251)
	}
}

// writeAndOverwrite writes n bytes of the stream in pieces of all sizes, each from the
// same buffer, which it overwrites as soon as Write has returned.
func writeAndOverwrite(c *usernet.TCPConn, n int, r *rand.Rand) error {
	buf := make([]byte, 300<<10)
	for at := 0; at < n; {
		b := buf[:min(n-at, 1+r.IntN(1<<(1+r.IntN(18))))]
		counting(b, at)
		k, err := c.Write(b)
		at += k
		for i := range b {
			b[i] = 255
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readCounting reads the stream to its end, or to where it breaks off, and returns its
// length.
func readCounting(t *testing.T, c *usernet.TCPConn, r *rand.Rand) (n int, err error) {
	got, want := make([]byte, 200<<10), make([]byte, 200<<10)
	for {
		k, err := c.Read(got[:1+r.IntN(len(got))])
		counting(want[:k], n)
		if string(got[:k]) != string(want[:k]) {
			t.Errorf("bytes %d to %d are not those that were written", n, n+k)
			c.Close() // the writer need not wait for us
			return n, io.ErrUnexpectedEOF
		}
		n += k
		if err != nil {
			return n, err
		}
	}
}

// TestBubbleWriteKeepsNothing: Write does not refer to its argument after it has returned,
// however much of that was lost meanwhile, or has overtaken other packets.
func TestBubbleWriteKeepsNothing(t *testing.T) {
	for _, path := range append(badPaths, link.Path{Delay: time.Millisecond}, link.Path{Delay: time.Microsecond, Loss: 0.05, Reorder: 0.1, ReorderDelay: time.Millisecond}) {
		for _, gso := range []bool{false, true} {
			t.Run(fmt.Sprintf("%+v GSO %v", path, gso), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					near, far := pipe.New(pipe.Config{GSO: gso})
					a, b := newStack(t, usernet.Config{}), newStack(t, usernet.Config{})
					attach(t, a, link.Shape(near, link.ShapeConfig{Path: path, Seed: 3}), 1)
					attach(t, b, far, 2)
					c, peer := connect(t, a, b)
					exchangeCounting(t, c, peer, 1<<20)
				})
			})
		}
	}
}

// TestWriteKeepsNothing is that with a peer who acknowledges within Write.
func TestWriteKeepsNothing(t *testing.T) {
	for _, w := range wires {
		t.Run(w.name, func(t *testing.T) {
			for _, limit := range []int{0, 2 << 20} {
				a, b := newPair(t, usernet.Config{MemoryLimit: limit}, w.Config)
				c, peer := connect(t, a, b)
				exchangeCounting(t, c, peer, 16<<20)
			}
		})
	}
}

// exchangeCounting sends n bytes each way.
func exchangeCounting(t *testing.T, c, peer *usernet.TCPConn, n int) {
	var wg sync.WaitGroup
	for i, conn := range []*usernet.TCPConn{c, peer} {
		wg.Go(func() {
			if err := writeAndOverwrite(conn, n, rand.New(rand.NewPCG(1, uint64(i)))); err != nil {
				t.Error(err)
			}
			conn.CloseWrite()
		})
		wg.Go(func() {
			if k, err := readCounting(t, conn, rand.New(rand.NewPCG(2, uint64(i)))); k != n || err != io.EOF {
				t.Errorf("%d of %d bytes have arrived: %v", k, n, err)
			}
		})
	}
	wg.Wait()
	c.Close()
	peer.Close()
}

// TestCloseDuringWriteKeepsNothing: nor if the connection is closed or reset during Write,
// or if its deadline passes, or another Write goes on.
func TestCloseDuringWriteKeepsNothing(t *testing.T) {
	for _, w := range wires {
		t.Run(w.name, func(t *testing.T) {
			a, b := newPair(t, usernet.Config{}, w.Config)
			for i := range 60 {
				c, peer := connect(t, a, b)
				var wg sync.WaitGroup
				wg.Go(func() {
					err := writeAndOverwrite(c, 1<<30, rand.New(rand.NewPCG(3, uint64(i))))
					if err == nil || i%3 == 2 && !errors.Is(err, os.ErrDeadlineExceeded) {
						t.Error("Write:", err)
					}
					c.Close()
				})
				stop := make(chan struct{})
				wg.Go(func() {
					if n, err := readCounting(t, peer, rand.New(rand.NewPCG(4, uint64(i)))); n == 0 {
						t.Error(err)
					}
					peer.Close()
				})
				wg.Go(func() {
					for range i * 10 {
						runtime.Gosched()
					}
					<-stop
					switch i % 3 {
					case 0:
						c.Close()
					case 1:
						c.SetLinger(0)
						c.Close()
					case 2:
						c.SetWriteDeadline(time.Now())
					}
				})
				for peer.Info().BytesReceived == 0 {
					runtime.Gosched()
				}
				close(stop)
				wg.Wait()
			}
		})
	}
}
