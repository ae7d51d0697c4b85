package xdp_test

import (
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/internal/linktest"
	"github.com/usernet-go/usernet/link/packet"
	"github.com/usernet-go/usernet/link/xdp"
)

// benchmarks runs f over a wire that neither merges nor cuts nor sums, by this
// package in both modes and by link/packet.
func benchmarks(b *testing.B, f func(b *testing.B, l link.Link, peer *linktest.Namespace)) {
	for _, name := range []string{"native", "generic", "packet"} {
		b.Run(name, func(b *testing.B) {
			host, peer := twoHosts(b, 1500)
			for _, ns := range []*linktest.Namespace{host, peer} {
				ns.Run("ethtool -K " + dev + " tso off gso off gro off tx off")
			}
			if name != "packet" {
				f(b, openLink(b, host, xdp.Config{Generic: name == "generic"}), peer)
				return
			}
			host.Do(func() {
				l, err := packet.Open(packet.Config{Interface: dev})
				if err != nil {
					b.Fatal(err)
				}
				b.Cleanup(func() { l.Close() })
				f(b, l, peer)
			})
		})
	}
}

// used returns the user and system time of the process: both ends' and the wire's,
// but for what the kernel does in its own threads.
func used() time.Duration {
	var u unix.Rusage
	unix.Getrusage(unix.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// report reports what n packets and so many bytes have cost since began.
func report(b *testing.B, began time.Duration, n, bytes int) {
	b.ReportMetric(float64(used()-began)/float64(n), "cpu-ns/packet")
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "packets/s")
	b.ReportMetric(float64(bytes)*8/1e9/b.Elapsed().Seconds(), "Gbit/s")
}

const size = 1472 // bytes of payload that fill an MTU of 1500

// BenchmarkReceiveUDP receives the datagrams that a socket of the peer's kernel
// sends as fast as it can; an operation is one that arrives.
func BenchmarkReceiveUDP(b *testing.B) {
	benchmarks(b, func(b *testing.B, l link.Link, peer *linktest.Namespace) {
		peer.Run("ip neighbour add " + near4 + " lladdr " + l.Info().MAC.String() + " dev " + dev)
		arrived, enough := make(chan int, 1<<16), make(chan struct{})
		go l.Receive(0, func(batch []link.Packet) {
			select {
			case arrived <- len(batch):
			case <-enough:
			}
		})
		var conn net.Conn
		peer.Do(func() {
			var err error
			if conn, err = net.Dial("udp", near4+":9"); err != nil {
				b.Fatal(err)
			}
		})
		sender := make(chan struct{})
		sent := 0
		go func() {
			defer close(sender)
			buf := make([]byte, size)
			for ; ; sent++ {
				if _, err := conn.Write(buf); err != nil {
					return
				}
			}
		}()
		batches := 0
		b.ResetTimer()
		began := used()
		n := 0
		for ; n < b.N; batches++ {
			n += <-arrived
		}
		b.StopTimer()
		report(b, began, n, n*size)
		b.ReportMetric(float64(n)/float64(batches), "packets/batch")
		close(enough)
		conn.Close()
		<-sender
		b.ReportMetric(float64(n)/float64(sent), "arrived/sent")
	})
}

// BenchmarkSendUDP sends batches of datagrams to the peer, where nobody reads.
func BenchmarkSendUDP(b *testing.B) {
	benchmarks(b, func(b *testing.B, l link.Link, peer *linktest.Namespace) {
		batch := make([]link.Packet, 32)
		for i := range batch {
			batch[i] = datagram(l, macOf(peer), size)
		}
		b.ReportAllocs()
		b.ResetTimer()
		began := used()
		for b.Loop() {
			for left := batch; len(left) > 0; {
				n, err := l.Send(left)
				if err != nil {
					b.Fatal(err)
				}
				left = left[n:]
			}
		}
		report(b, began, b.N*len(batch), b.N*len(batch)*size)
	})
}

const chunk = 64 << 10 // bytes of a Write

// BenchmarkSend sends from a stack to a socket of the peer's kernel.
func BenchmarkSend(b *testing.B) {
	benchmarks(b, func(b *testing.B, l link.Link, peer *linktest.Namespace) {
		s := attach(b, l)
		ln := listen(b, peer, "tcp", peer4)
		defer ln.Close()
		go discard(ln)
		conn, err := s.Dial("tcp", ln.Addr().String())
		sendAll(b, conn, err)
	})
}

// BenchmarkReceive receives on a stack what the peer's kernel sends.
func BenchmarkReceive(b *testing.B) {
	benchmarks(b, func(b *testing.B, l link.Link, peer *linktest.Namespace) {
		ln, err := attach(b, l).Listen("tcp", near4+":7")
		if err != nil {
			b.Fatal(err)
		}
		go discard(ln)
		peer.Do(func() {
			conn, err := net.Dial("tcp", ln.Addr().String())
			sendAll(b, conn, err)
		})
	})
}

func discard(ln net.Listener) {
	if conn, err := ln.Accept(); err == nil {
		io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{conn}, make([]byte, 1<<18))
		conn.Close()
	}
}

// sendAll writes b.N chunks, and waits until all have been read.
func sendAll(b *testing.B, conn net.Conn, err error) {
	if err != nil {
		b.Fatal(err)
	}
	text := make([]byte, chunk)
	began := used()
	for b.Loop() {
		if _, err := conn.Write(text); err != nil {
			b.Fatal(err)
		}
	}
	conn.(interface{ CloseWrite() error }).CloseWrite()
	io.Copy(io.Discard, conn)
	report(b, began, b.N*chunk/1448, b.N*chunk)
	conn.Close()
}

// BenchmarkRoundTrip sends a byte there and back.
func BenchmarkRoundTrip(b *testing.B) {
	benchmarks(b, func(b *testing.B, l link.Link, peer *linktest.Namespace) {
		s := attach(b, l)
		ln := listen(b, peer, "tcp", peer4)
		defer ln.Close()
		go echo(ln)
		conn, err := s.Dial("tcp", ln.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		defer conn.Close()
		buf := make([]byte, 1)
		began := used()
		for b.Loop() {
			if _, err := conn.Write(buf); err != nil {
				b.Fatal(err)
			}
			if _, err := io.ReadFull(conn, buf); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(used()-began)/float64(b.N), "cpu-ns/op")
	})
}
