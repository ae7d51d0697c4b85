package rawip

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/usernet-go/usernet/wire"
)

func TestPortSet(t *testing.T) {
	var s portSet
	all := []portKey{0, 1, 63, 64, 65535, firstUDP, firstUDP + 53, firstUDP + 65535}
	for _, k := range all {
		s.add(k)
	}
	for k := range firstUDP * 2 {
		if s.has(k) != slices.Contains(all, k) {
			t.Fatalf("%v: %v", k, s.has(k))
		}
	}
	for i, k := range all {
		s.remove(k)
		if s.has(k) || i+1 < len(all) && !s.has(all[i+1]) {
			t.Fatalf("%v is not removed alone", k)
		}
	}
	if _, ok := keyOf(wire.ProtocolICMPv4, 1); ok {
		t.Error("ICMP has ports")
	}
	if a, b := portKey(80).String(), (firstUDP + 53).String(); a != "TCP port 80" || b != "UDP port 53" {
		t.Errorf("%s, %s", a, b)
	}
}

// Ranges hold all ports; where there is room, none below the ephemeral ones but
// those.
func TestRangesOf(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 2, 10, 100, 1000, 30000} {
		in := make(map[portKey]bool)
		for range n {
			in[portKey(rng.IntN(int(firstUDP)*2))] = true
		}
		var keys []portKey
		for k := range in {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		ranges := rangesOf(keys, maxRanges)
		if len(ranges) > maxRanges {
			t.Fatalf("%d ranges for %d ports", len(ranges), n)
		}
		for i, r := range ranges {
			if r.first > r.last || r.first < firstUDP && r.last >= firstUDP || i > 0 && r.first <= ranges[i-1].last {
				t.Fatalf("range %d of %d ports is %v, behind %v", i, n, r, ranges[max(i-1, 0)])
			}
		}
		for k := range firstUDP * 2 {
			switch got := covers(ranges, k); {
			case in[k] && !got:
				t.Fatalf("%v of %d is in no range", k, n)
			case n <= 100 && k%firstUDP < firstEphemeral && got != in[k]:
				t.Fatalf("%v is in a range, and not among %d ports", k, n)
			}
		}
	}
}
