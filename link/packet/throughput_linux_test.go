package packet_test

import (
	"io"
	"net"
	"testing"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/internal/linktest"
	"github.com/usernet-go/usernet/link/packet"
)

const chunk = 64 << 10 // bytes of a Write

// benchmarks runs f over wires that merge and cut segments, and that do not.
func benchmarks(b *testing.B, f func(b *testing.B, s *usernet.Stack, peer *linktest.Namespace)) {
	for _, tt := range []struct{ name, features string }{{"offload", ""}, {"plain", "tso off gso off gro off"}} {
		b.Run(tt.name, func(b *testing.B) {
			host, peer := twoHosts(b, 1500)
			if tt.features != "" {
				for _, ns := range []*linktest.Namespace{host, peer} {
					ns.Run("ethtool -K " + dev + " " + tt.features)
				}
			}
			f(b, attach(b, openLink(b, host, packet.Config{})), peer)
		})
	}
}

// BenchmarkSend sends from a stack to a socket of the peer's kernel.
func BenchmarkSend(b *testing.B) {
	benchmarks(b, func(b *testing.B, s *usernet.Stack, peer *linktest.Namespace) {
		ln := listen(b, peer, "tcp", peer4)
		defer ln.Close()
		go func() {
			if conn, err := ln.Accept(); err == nil {
				io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{conn}, make([]byte, 1<<18))
				conn.Close()
			}
		}()
		conn, err := s.Dial("tcp", ln.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		sendAll(b, conn)
	})
}

// BenchmarkReceive receives on a stack what the peer's kernel sends.
func BenchmarkReceive(b *testing.B) {
	benchmarks(b, func(b *testing.B, s *usernet.Stack, peer *linktest.Namespace) {
		ln, err := s.Listen("tcp", net.JoinHostPort(near4, "7"))
		if err != nil {
			b.Fatal(err)
		}
		go func() {
			if conn, err := ln.Accept(); err == nil {
				io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{conn}, make([]byte, 1<<18))
				conn.Close()
			}
		}()
		var conn net.Conn
		peer.Do(func() {
			if conn, err = net.Dial("tcp", ln.Addr().String()); err != nil {
				b.Fatal(err)
			}
		})
		sendAll(b, conn)
	})
}

// sendAll writes b.N chunks, and waits until all have been read.
func sendAll(b *testing.B, conn net.Conn) {
	text := make([]byte, chunk)
	b.SetBytes(chunk)
	for b.Loop() {
		if _, err := conn.Write(text); err != nil {
			b.Fatal(err)
		}
	}
	conn.(interface{ CloseWrite() error }).CloseWrite()
	io.Copy(io.Discard, conn)
	gigabits(b, chunk)
	conn.Close()
}

// gigabits reports Gbit/s for an operation of so many bytes.
func gigabits(b *testing.B, bytes int) {
	b.ReportMetric(float64(b.N)*float64(bytes)*8/1e9/b.Elapsed().Seconds(), "Gbit/s")
}

// BenchmarkRoundTrip sends a byte there and back.
func BenchmarkRoundTrip(b *testing.B) {
	benchmarks(b, func(b *testing.B, s *usernet.Stack, peer *linktest.Namespace) {
		ln := listen(b, peer, "tcp", peer4)
		defer ln.Close()
		go func() {
			if conn, err := ln.Accept(); err == nil {
				io.Copy(struct{ io.Writer }{conn}, struct{ io.Reader }{conn})
				conn.Close()
			}
		}()
		conn, err := s.Dial("tcp", ln.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		defer conn.Close()
		buf := make([]byte, 1)
		for b.Loop() {
			if _, err := conn.Write(buf); err != nil {
				b.Fatal(err)
			}
			if _, err := io.ReadFull(conn, buf); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkReceiveUDP receives the datagrams that a socket of the peer's kernel
// sends as fast as it can; an operation is one that arrives.
func BenchmarkReceiveUDP(b *testing.B) {
	host, peer := twoHosts(b, 1500)
	l := openLink(b, host, packet.Config{})
	mac := l.Info().MAC
	peer.Run("ip neighbour add " + near4 + " lladdr " + mac.String() + " dev " + dev)
	arrived, enough := make(chan int, 1<<16), make(chan struct{})
	go l.Receive(0, func(batch []link.Packet) {
		select {
		case arrived <- len(batch):
		case <-enough:
		}
	})
	var conn *net.UDPConn
	peer.Do(func() { conn = dialUDP(b, near4, 9) })
	sender := make(chan struct{})
	go func() {
		defer close(sender)
		buf := make([]byte, datagram)
		for {
			if _, err := conn.Write(buf); err != nil {
				return
			}
		}
	}()
	b.SetBytes(datagram)
	batches := 0
	b.ResetTimer()
	for n := 0; n < b.N; batches++ {
		n += <-arrived
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/float64(batches), "packets/batch")
	b.ReportMetric(float64(l.Stats().Dropped), "drops")
	gigabits(b, datagram)
	close(enough)
	conn.Close()
	<-sender
}

const datagram = 1472 // bytes of payload that fill an MTU of 1500

// BenchmarkSendUDP sends batches of datagrams to the peer, where nobody reads.
func BenchmarkSendUDP(b *testing.B) {
	host, peer := twoHosts(b, 1500)
	l := openLink(b, host, packet.Config{})
	batch := make([]link.Packet, 32)
	head, offload := udpHead(b, l, peerMAC(peer), datagram)
	for i := range batch {
		batch[i] = link.Packet{Data: [][]byte{head, make([]byte, datagram)}, Offload: offload}
	}
	b.SetBytes(int64(len(batch) * datagram))
	b.ReportAllocs()
	for b.Loop() {
		for left := batch; len(left) > 0; {
			n, err := l.Send(left)
			if err != nil {
				b.Fatal(err)
			}
			left = left[n:]
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(batch)), "ns/packet")
	gigabits(b, len(batch)*datagram)
}

// A Send in steady state allocates nothing.
func TestSendAllocatesNothing(t *testing.T) {
	if race {
		t.Skip("the race detector lets sync.Pool forget")
	}
	host, peer := twoHosts(t, 1500)
	l := openLink(t, host, packet.Config{})
	head, offload := udpHead(t, l, peerMAC(peer), 4)
	batch := []link.Packet{{Data: [][]byte{head, []byte("ab"), nil, []byte("cd")}, Offload: offload}, {Data: [][]byte{head}, Offload: offload}}
	// The watch's reader may allocate beside us: take the best of some rounds.
	least := 1.0
	for range 10 {
		least = min(least, testing.AllocsPerRun(50, func() { l.Send(batch) }))
	}
	if least > 0 {
		t.Errorf("%v allocations in Send, want 0", least)
	}
}
