package rawip_test

import (
	"fmt"
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
