package host

import (
	"net/netip"
	"testing"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/pipe"
)

// A connection whose route moves to another link sends what that link takes: no
// super-segments where there are none, nothing that is longer than its MTU.
func TestTCPRouteMoves(t *testing.T) {
	a, b := newPair(t, pipe.Config{MTU: 9000, GSO: true})
	c, peer := tcpPair(t, a, b, "10.0.0.2:7")
	c.Write(make([]byte, 100<<10))
	for n := 0; n < 100<<10; {
		k, err := peer.Read(make([]byte, 100<<10))
		if err != nil {
			t.Fatal(err)
		}
		n += k
	}
	narrow := newTestLink(link.Info{Medium: link.IP, MTU: 1280})
	err := a.Attach(narrow, InterfaceConfig{Addrs: []netip.Prefix{netip.MustParsePrefix("10.0.0.3/25")}})
	if err != nil {
		t.Fatal(err)
	}
	c.Write(make([]byte, 100<<10))
	sent := narrow.take()
	if len(sent) == 0 {
		t.Fatal("nothing was sent by the new route")
	}
	for _, p := range sent {
		if len(p.frame) > 1280 || p.offload.Segmentation != link.SegmentNone {
			t.Errorf("sent a packet of %d bytes, %+v, over an MTU of 1280", len(p.frame), p.offload)
		}
	}
}
