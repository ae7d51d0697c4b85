package host

import (
	"net/netip"
	"testing"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// A flood of SYNs that are not followed up has a part of the memory, and no more: who
// dials goes on, and so does who answers.
func TestHalfOpenConnectionsHaveTheirShare(t *testing.T) {
	const limit = 4 << 20
	r := newRig(t, Config{MemoryLimit: limit}, link.Info{Medium: link.Ethernet})
	l, err := r.h.ListenTCP(netip.AddrPortFrom(netip.IPv6Unspecified(), tcpPort), FamilyAny, 4096, TCPOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5000 {
		r.inject(frame(tcpPacket(netip.AddrPortFrom(peer4, uint16(1000+i)), toTCP4, wire.SYN, 1, 0)))
	}
	r.l.take()
	if used := r.h.Stats().Memory.Used; used > limit/4 {
		t.Errorf("%d bytes are in use of %d", used, limit)
	}
	r.open(netip.AddrPortFrom(peer4, 999))
	if _, err := l.Accept(); err != nil {
		t.Error(err)
	}
	if _, err := r.h.DialTCP(netip.AddrPort{}, netip.AddrPortFrom(peer4, 9), TCPOptions{}); err != nil {
		t.Errorf("dial: %v", err)
	}
	if r.h.Close(); r.h.Stats().Memory.Used != 0 {
		t.Fatalf("%d bytes are in use when the host is closed", r.h.Stats().Memory.Used)
	}
}

// A holding takes and gives back in steps.
func TestHolding(t *testing.T) {
	h, err := New(Config{MemoryLimit: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	var o holding
	for _, c := range []struct {
		need  int
		taken int64
		ok    bool
	}{
		{0, 0, true}, {1, memoryStep, true}, {memoryStep, memoryStep, true}, {memoryStep + 1, 2 * memoryStep, true},
		{memoryStep, 2 * memoryStep, true}, {4 * memoryStep, 4 * memoryStep, true}, {2 * memoryStep, 2 * memoryStep, true},
		{1 << 19, 2 * memoryStep, false}, {0, 0, true},
	} {
		if ok := o.cover(&h.memory, c.need); ok != c.ok || h.memory.Memory().Used != c.taken {
			t.Errorf("need %d: %v, %d bytes taken, want %v, %d", c.need, ok, h.memory.Memory().Used, c.ok, c.taken)
		}
	}
}
