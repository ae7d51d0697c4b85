package host

import (
	"net/netip"
	"testing"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// synWithText is a SYN with n bytes of text.
func synWithText(src, dst netip.AddrPort, n int) []byte {
	h := wire.TCP{SrcPort: src.Port(), DstPort: dst.Port(), Seq: 1, Flags: wire.SYN, Window: 65535}
	return ip(src.Addr(), dst.Addr(), wire.ProtocolTCP, append(h.Append(nil), make([]byte, n)...))
}

func (r *rig) listenTCP(port uint16, backlog int) *TCPListener {
	r.Helper()
	l, err := r.h.ListenTCP(netip.AddrPortFrom(netip.IPv6Unspecified(), port), FamilyAny, backlog, TCPOptions{})
	if err != nil {
		r.Fatal(err)
	}
	return l
}

// Whatever becomes of connections that were never open, nothing of the memory is lost:
// those that lose their place to others, that are reset, that are left when the listener
// is closed, and dials that fail.
func TestMemoryOfHalfOpenConnectionsIsGivenBack(t *testing.T) {
	for _, tc := range []struct {
		name string
		each func(r *rig, from netip.AddrPort)
	}{
		{"lost their place", func(r *rig, from netip.AddrPort) {}},
		{"were reset", func(r *rig, from netip.AddrPort) {
			r.inject(frame(tcpPacket(from, toTCP4, wire.RST, 2, 0)))
		}},
		{"had one more segment", func(r *rig, from netip.AddrPort) {
			r.inject(frame(tcpPacket(from, toTCP4, wire.SYN, 5, 0)))
		}},
	} {
		r := newRig(t, Config{MemoryLimit: 4 << 20}, link.Info{Medium: link.Ethernet})
		base := r.h.memory.Memory().Used
		l := r.listenTCP(tcpPort, 64)
		for i := range 3000 {
			from := netip.AddrPortFrom(peer4, uint16(1000+i))
			r.inject(frame(synWithText(from, toTCP4, 1400)))
			tc.each(r, from)
			r.l.take()
		}
		l.Close()
		r.l.take()
		if used := r.h.memory.Memory().Used; used != base {
			t.Errorf("%d bytes are in use after half-open connections %s, want %d", used, tc.name, base)
		}
	}
}

func TestMemoryOfFailedDialsIsGivenBack(t *testing.T) {
	r := newRig(t, Config{MemoryLimit: 4 << 20}, link.Info{Medium: link.Ethernet})
	base := r.h.memory.Memory().Used
	for i := range 300 {
		to := netip.AddrPortFrom(peer4, uint16(1000+i))
		c, err := r.h.DialTCP(netip.AddrPort{}, to, TCPOptions{})
		if err != nil {
			t.Fatal(err)
		}
		// Both ends dial, and the peer's SYN has text.
		r.inject(frame(synWithText(to, c.LocalAddr(), 1400)))
		switch r.l.take(); i % 3 {
		case 0:
			r.inject(frame(tcpPacket(to, c.LocalAddr(), wire.RST, 2, 0)))
		case 1:
			c.addressGone(r.h.clock.Now())
		case 2:
			c.abort(r.h.clock.Now(), true)
		}
		r.l.take()
		select {
		case <-c.Connected():
		default:
			t.Fatalf("dial %d goes on", i)
		}
	}
	if used := r.h.memory.Memory().Used; used != base {
		t.Errorf("%d bytes are in use after dials that failed, want %d", used, base)
	}
}
