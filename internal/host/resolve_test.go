package host

import (
	"errors"
	"net/netip"
	"testing"
)

// Ports of queries are spread over all that a program may have, and do not tell
// which comes next.
func TestDialUnpredictableUDP(t *testing.T) {
	h, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	const n = 400
	low, near, last := 0, 0, 0
	for range n {
		c, err := h.DialUnpredictableUDP(netip.MustParseAddrPort("127.0.0.1:53"))
		if err != nil {
			t.Fatal(err)
		}
		port := int(c.LocalAddr().Port())
		c.Close()
		if port < firstEphemeral {
			t.Fatalf("port %d", port)
		}
		if port < firstEphemeral+numEphemeral/2 {
			low++
		}
		if d := port - last; -100 < d && d < 100 {
			near++
		}
		last = port
	}
	if low < n/4 || low > 3*n/4 || near > n/10 {
		t.Errorf("of %d ports %d are in the lower half, and %d near the one before", n, low, near)
	}
}

func TestDialUnpredictableUDPWithoutPorts(t *testing.T) {
	h, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	for port := firstEphemeral; port < 65536; port++ {
		if _, err := h.ListenUDP(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(port)), FamilyIPv4); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.DialUnpredictableUDP(netip.MustParseAddrPort("127.0.0.1:53")); !errors.Is(err, ErrNoPorts) {
		t.Error(err)
	}
}
