package pipe_test

import (
	"fmt"
	"testing"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/pipe"
)

func BenchmarkSend(b *testing.B) {
	for _, size := range []int{1, 32} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) {
			benchmarkSend(b, size, func(b *testing.B, send func() int) {
				for b.Loop() {
					send()
				}
			})
		})
		b.Run(fmt.Sprintf("batch=%d/parallel", size), func(b *testing.B) {
			benchmarkSend(b, size, func(b *testing.B, send func() int) {
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						send()
					}
				})
			})
		})
	}
}

func benchmarkSend(b *testing.B, size int, run func(b *testing.B, send func() int)) {
	x, y := pipe.New(pipe.Config{})
	ready := make(chan struct{}, 1)
	go y.Receive(0, func(batch []link.Packet) {
		select {
		case ready <- struct{}{}:
		default:
		}
	})
	batch := make([]link.Packet, size)
	for i := range batch {
		batch[i] = packet("header", "payload")
	}
	x.Send(batch[:1])
	<-ready
	b.ReportAllocs()
	run(b, func() int { n, _ := x.Send(batch); return n })
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*size), "ns/packet")
	y.Close()
}
