package host

import (
	"cmp"
	"net/netip"
	"slices"
	"testing"
)

// The order is that of a stable sort, and it takes no time that grows with the square of
// the number of routes: each change takes the connected ones away and adds them again.
func TestSortRoutes(t *testing.T) {
	const n = 100_000
	topo := &topology{}
	for i := range n {
		a := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		topo.routes = append(topo.routes, routeEntry{prefix: netip.PrefixFrom(a, i%4*8), gateway: a}) // shorter ones first
	}
	for i := range n {
		a := netip.AddrFrom16([16]byte{0: 0x20, 13: byte(i >> 16), 14: byte(i >> 8), 15: byte(i)})
		topo.routes = append(topo.routes, routeEntry{prefix: netip.PrefixFrom(a, i%129), gateway: a, origin: routeConnected})
	}
	want := slices.Clone(topo.routes)
	slices.SortStableFunc(want, func(a, b routeEntry) int {
		return cmp.Or(cmp.Compare(b.prefix.Bits(), a.prefix.Bits()), boolCompare(a.origin == routeConnected, b.origin == routeConnected))
	})
	topo.sortRoutes()
	if !slices.Equal(topo.routes, want) {
		t.Error("the order is not that of a stable sort")
	}
}

// Each byte of a secret counts, and its length.
func TestIdentifierKey(t *testing.T) {
	secret := []byte("0123456789abcdefghijklmnopqrstuv")
	seen := map[[16]byte]int{}
	for n := range len(secret) + 1 {
		key := identifierKey(secret[:n])
		if other, ok := seen[key]; ok {
			t.Errorf("the keys of %d and %d bytes are the same", n, other)
		}
		seen[key] = n
	}
	for i := range secret {
		other := slices.Clone(secret)
		other[i]++
		if identifierKey(other) == identifierKey(secret) {
			t.Errorf("byte %d does not count", i)
		}
	}
}
