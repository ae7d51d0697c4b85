package usernet_test

import (
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link/pipe"
)

// overPipe runs a benchmark on two stacks joined in memory: with segments of up
// to 64 KiB, and with each segment of 1500 bytes on its own.
func overPipe(b *testing.B, f func(b *testing.B, client, server *usernet.Stack)) {
	for _, wire := range []pipe.Config{{MTU: 1500, GSO: true}, {MTU: 1500}} {
		name := "segments=1500"
		if wire.GSO {
			name = "segments=64KiB"
		}
		b.Run(name, func(b *testing.B) {
			client, server := newPair(b, usernet.Config{}, wire)
			f(b, client, server)
		})
	}
}

// BenchmarkBulk carries bytes one way; one operation is one Write of 64 KiB,
// received.
func BenchmarkBulk(b *testing.B) {
	overPipe(b, func(b *testing.B, client, server *usernet.Stack) {
		for _, conns := range []int{1, 8} {
			b.Run(fmt.Sprintf("conns=%d", conns), func(b *testing.B) { benchmarkBulk(b, client, server, conns) })
		}
	})
}

func benchmarkBulk(b *testing.B, client, server *usernet.Stack, conns int) {
	const size = 64 << 10
	var left atomic.Int64
	left.Store(int64(b.N))
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	for range conns {
		c, peer := connect(b, client, server)
		ready.Add(2)
		done.Go(func() {
			buf := make([]byte, size)
			ready.Done()
			<-start
			for left.Add(-1) >= 0 {
				if _, err := c.Write(buf); err != nil {
					b.Error(err)
					return
				}
			}
			c.CloseWrite()
		})
		done.Go(func() {
			buf := make([]byte, size)
			ready.Done()
			var err error
			for err == nil {
				_, err = peer.Read(buf)
			}
			if err != io.EOF {
				b.Error(err)
			}
		})
	}
	ready.Wait()
	b.SetBytes(size)
	b.ReportAllocs()
	b.ResetTimer()
	close(start)
	done.Wait()
}

// BenchmarkPingPong sends a message there and back; one operation is both.
func BenchmarkPingPong(b *testing.B) {
	overPipe(b, func(b *testing.B, client, server *usernet.Stack) {
		for _, size := range []int{1, 16 << 10} {
			b.Run(fmt.Sprintf("bytes=%d", size), func(b *testing.B) {
				c, peer := connect(b, client, server)
				var done sync.WaitGroup
				done.Go(func() {
					buf := make([]byte, size)
					for sendBack(peer, buf) == nil {
					}
				})
				buf := make([]byte, size)
				b.SetBytes(2 * int64(size))
				b.ReportAllocs()
				for b.Loop() {
					if err := sendAndReceive(c, buf); err != nil {
						b.Fatal(err)
					}
				}
				c.Close()
				done.Wait()
			})
		}
	})
}

// sendAndReceive sends a message and reads as much.
func sendAndReceive(c net.Conn, buf []byte) error {
	if _, err := c.Write(buf); err != nil {
		return err
	}
	_, err := io.ReadFull(c, buf)
	return err
}

// sendBack reads a message of the buffer's size and sends it back.
func sendBack(c net.Conn, buf []byte) error {
	if _, err := io.ReadFull(c, buf); err != nil {
		return err
	}
	_, err := c.Write(buf)
	return err
}

// BenchmarkConnect dials, sends one byte there and back, and closes, from 8
// goroutines for each processor; one operation is all of that. The server closes
// first and keeps the TIME-WAIT, as servers do.
func BenchmarkConnect(b *testing.B) {
	overPipe(b, func(b *testing.B, client, server *usernet.Stack) {
		l, err := server.Listen("tcp", ":7")
		if err != nil {
			b.Fatal(err)
		}
		var servers sync.WaitGroup
		servers.Go(func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				servers.Go(func() {
					if err := sendBack(c, make([]byte, 1)); err != nil {
						b.Error(err)
					}
					c.Close()
				})
			}
		})
		b.ReportAllocs()
		b.SetParallelism(8)
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			buf := make([]byte, 1)
			for pb.Next() {
				if err := visit(client, buf); err != nil {
					b.Error(err)
					return
				}
			}
		})
		b.StopTimer()
		l.Close()
		servers.Wait()
	})
}

// visit is one short connection, until the server has closed it.
func visit(client *usernet.Stack, buf []byte) error {
	c, err := client.Dial("tcp", "10.0.0.2:7")
	if err != nil {
		return err
	}
	defer c.Close()
	if err := sendAndReceive(c, buf); err != nil {
		return err
	}
	if _, err := c.Read(buf); err != io.EOF {
		return fmt.Errorf("%v, want EOF", err)
	}
	return nil
}
