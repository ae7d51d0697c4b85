package usernet

import (
	"math/rand/v2"
	"net"
	"testing"
)

// RFC 2782: of one priority each is first as often as its weight says, in whatever
// order they come; those without weight seldom, unless there are no others.
func TestSortSRV(t *testing.T) {
	const n = 20000
	for _, c := range []struct {
		weights []uint16
		first   []float64 // share of the times
	}{
		{[]uint16{1, 1}, []float64{0.5, 0.5}},
		{[]uint16{1, 3}, []float64{0.25, 0.75}},
		{[]uint16{3, 1}, []float64{0.75, 0.25}},
		{[]uint16{10, 20, 70}, []float64{0.1, 0.2, 0.7}},
		{[]uint16{0, 99}, []float64{0.01, 0.99}},
		{[]uint16{49, 0, 50, 0}, []float64{0.49, 0.005, 0.5, 0.005}},
		{[]uint16{0, 0, 0}, []float64{1. / 3, 1. / 3, 1. / 3}},
		{[]uint16{65535, 65535}, []float64{0.5, 0.5}},
	} {
		random := rand.New(rand.NewPCG(1, 2))
		first := make([]int, len(c.weights))
		for range n {
			servers := []*net.SRV{{Port: 99, Priority: 2, Weight: 65535}}
			for i, w := range c.weights {
				servers = append(servers, &net.SRV{Port: uint16(i), Priority: 1, Weight: w})
			}
			sortSRV(servers, random)
			if servers[len(servers)-1].Port != 99 {
				t.Fatalf("%v: priority 2 is not the last", c.weights)
			}
			first[servers[0].Port]++
		}
		for i, want := range c.first {
			if got := float64(first[i]) / n; got < want-0.015 || got > want+0.015 {
				t.Errorf("%v: number %d is first in %.3f of all, want %.3f", c.weights, i, got, want)
			}
		}
	}
}
