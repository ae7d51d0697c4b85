package host

import (
	"net/netip"
	"testing"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// A flood of SYNs that are not followed up has a part of the memory, and no more,
// whether they have text or not: who dials goes on, and so does who answers.
func TestHalfOpenConnectionsHaveTheirShare(t *testing.T) {
	for _, text := range []int{0, 1400} {
		halfOpenHaveTheirShare(t, text)
	}
}

func halfOpenHaveTheirShare(t *testing.T, text int) {
	const limit = 4 << 20
	r := newRig(t, Config{MemoryLimit: limit}, link.Info{Medium: link.Ethernet})
	l, err := r.h.ListenTCP(netip.AddrPortFrom(netip.IPv6Unspecified(), tcpPort), FamilyAny, 4096, TCPOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5000 {
		r.inject(frame(synWithText(netip.AddrPortFrom(peer4, uint16(1000+i)), toTCP4, text)))
		r.l.take()
	}
	if used := r.h.Stats().Memory.Used; used > limit/4 {
		t.Errorf("%d bytes are in use of %d", used, limit)
	} else if all := r.h.halfOpen.Load() * tcpConnCost; used > all {
		t.Errorf("%d bytes are in use, half-open connections count for %d", used, all)
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

// A flood of SYNs for one port, or for several, does not close the others; nor are there
// more half-open connections than there may be.
func TestHalfOpenConnectionsOfOnePortLeaveOthers(t *testing.T) {
	for _, flooded := range []int{1, 3} {
		r := newRig(t, Config{MemoryLimit: 4 << 20}, link.Info{Medium: link.Ethernet})
		for p := range uint16(5) {
			r.listenTCP(tcpPort+p, 4096)
		}
		to := func(p int) netip.AddrPort { return netip.AddrPortFrom(toTCP4.Addr(), tcpPort+uint16(p)) }
		syn := func(i, p int) {
			r.inject(frame(tcpPacket(netip.AddrPortFrom(peer4, uint16(1000+i)), to(p), wire.SYN, 1, 0)))
			if len(r.l.take()) == 0 {
				t.Errorf("%d ports are flooded: no answer from port %d to SYN %d", flooded, tcpPort+p, i)
			}
		}
		for i := range 1000 {
			syn(i, i%flooded)
		}
		most := r.h.halfOpen.Load()
		for i := range 10 {
			syn(1000+i, 3+i%2)
		}
		for i := range 1000 {
			syn(2000+i, i%flooded)
		}
		if n := r.h.halfOpen.Load(); n > most {
			t.Errorf("%d connections are half-open, %d are full", n, most)
		}
		for i := range 10 {
			key := makeFlowKey(to(3+i%2), netip.AddrPortFrom(peer4, uint16(2000+i)))
			if c := r.h.flows.lookup(&key); c == nil {
				t.Errorf("%d ports are flooded: connection %d of another one has lost its place", flooded, i)
			}
		}
		r.h.Close()
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
