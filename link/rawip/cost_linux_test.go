package rawip_test

import (
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/usernet-go/usernet/link/rawip"
	"github.com/usernet-go/usernet/wire"
)

// BenchmarkReserve reserves and releases a port beside others.
func BenchmarkReserve(b *testing.B) {
	needKernel(b)
	for _, others := range []int{0, 100, 1000, 10000} {
		b.Run(fmt.Sprintf("others=%d", others), func(b *testing.B) {
			near, _ := newHosts(b)
			l, err := near.open(rawip.Config{})
			if err != nil {
				b.Fatal(err)
			}
			defer l.Close()
			for i := range others {
				if err := l.ReservePort(wire.ProtocolTCP, uint16(10000+3*i)); err != nil {
					b.Fatal(err)
				}
			}
			for i := 0; b.Loop(); i++ {
				port := uint16(50000 + i%10000)
				if err := l.ReservePort(wire.ProtocolTCP, port); err != nil {
					b.Fatal(err)
				}
				l.ReleasePort(wire.ProtocolTCP, port)
			}
		})
	}
}

// BenchmarkBulk sends to the kernel's sockets, and receives from them.
func BenchmarkBulk(b *testing.B) {
	needKernel(b)
	near, far := newHosts(b)
	s, _ := near.stack(rawip.Config{})
	ln, err := s.Listen("tcp", ":80")
	if err != nil {
		b.Fatal(err)
	}
	for _, send := range []bool{true, false} {
		b.Run(map[bool]string{true: "send", false: "receive"}[send], func(b *testing.B) {
			peer, err := far.dial(near4 + ":80")
			if err != nil {
				b.Fatal(err)
			}
			defer peer.Close()
			ours, err := ln.Accept()
			if err != nil {
				b.Fatal(err)
			}
			defer ours.Close()
			from, to := peer, ours
			if send {
				from, to = ours, peer
			}
			bulk(b, from, to)
		})
	}
}

func bulk(b *testing.B, from, to net.Conn) {
	block := make([]byte, 1<<20)
	b.SetBytes(int64(len(block)))
	done := make(chan error, 1)
	go func() {
		room := make([]byte, len(block))
		for range b.N {
			if _, err := io.ReadFull(to, room); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for range b.N {
		if _, err := from.Write(block); err != nil {
			b.Fatal(err)
		}
	}
	if err := <-done; err != nil {
		b.Fatal(err)
	}
}
