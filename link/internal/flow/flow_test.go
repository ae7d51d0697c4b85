package flow

import (
	"testing"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/internal/linktest"
	"github.com/usernet-go/usernet/wire"
)

// All packets of a flow have one hash, fragments among themselves too; flows
// differ.
func TestFlowHash(t *testing.T) {
	of := func(m link.Medium, b []byte) uint32 {
		return Hash(&link.Packet{Data: [][]byte{b}}, m)
	}
	for _, m := range []link.Medium{link.IP, link.Ethernet} {
		for _, v6 := range []bool{false, true} {
			a, b := linktest.TCPFrame(m, v6, 0), linktest.TCPFrame(m, v6, 500)
			if of(m, a) != of(m, b) || of(m, a) == 0 {
				t.Errorf("%v, v6 %v: hashes %x and %x of one flow", m, v6, of(m, a), of(m, b))
			}
			seen := map[uint32]bool{}
			for port := range 256 {
				b[len(b)-500-32+1] = byte(port)
				seen[of(m, b)%4] = true
			}
			if len(seen) != 4 {
				t.Errorf("%v, v6 %v: 256 flows on queues %v of 4", m, v6, seen)
			}
		}
	}
	// A later fragment has no ports: the first one must not count them either.
	first, later := linktest.TCPFrame(link.IP, false, 0), linktest.TCPFrame(link.IP, false, 0)
	first[6], later[7] = 0x20, 4
	clear(later[20:])
	if of(link.IP, first) != of(link.IP, later) {
		t.Error("fragments of one packet have different hashes")
	}
	for _, b := range [][]byte{nil, {0x45}, {0x60}, make([]byte, 100), (&wire.Ethernet{Type: wire.EtherTypeARP}).Append(nil)} {
		for _, m := range []link.Medium{link.IP, link.Ethernet} {
			if h := of(m, b); h != 0 {
				t.Errorf("%v: %x has hash %x", m, b, h)
			}
		}
	}
	if h := Hash(&link.Packet{}, link.IP); h != 0 {
		t.Errorf("no bytes have hash %x", h)
	}
}
