package host

import (
	"net/netip"
	"testing"

	"github.com/usernet-go/usernet/link"
)

// RFC 7739, 5.3: identifications count up for one destination, begin anywhere, and
// tell nothing of those that another one gets.
func TestFragmentIdentification(t *testing.T) {
	r := newRig(t, Config{}, link.Info{})
	neighbour := netip.MustParseAddr("2001:db8:9::a") // of far6's network
	for _, dst := range []netip.Addr{far6, peer4} {
		first := r.h.nextID(host6, dst)
		for i := range uint32(10) {
			if id := r.h.nextID(host6, dst); id != first+1+i {
				t.Fatalf("%v: identification %#x behind %#x", dst, id, first+i)
			}
		}
	}
	// "each counter should be initialized to a pseudo-random value"
	small := 0
	for i := range r.h.ids {
		if r.h.ids[i].Load() < 1<<24 {
			small++
		}
	}
	if small > len(r.h.ids)/64 {
		t.Errorf("%d of %d counters begin near 0", small, len(r.h.ids))
	}
	// Two addresses of a network share a counter, and each has an offset of its own.
	before := r.h.nextID(host6, far6)
	other := r.h.nextID(host6, neighbour)
	if after := r.h.nextID(host6, far6); after != before+2 {
		t.Errorf("identification %#x, want %#x: one was used for the network in between", after, before+2)
	}
	if d := other - before; d < 1<<8 || -d < 1<<8 {
		t.Errorf("identifications %#x and %#x of two hosts", before, other)
	}
}
