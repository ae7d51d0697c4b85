package host

import (
	"strings"
	"testing"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// chop cuts b behind its first n bytes into pieces of one byte.
func chop(b []byte, n int) (pieces [][]byte) {
	pieces = append(pieces, b[:n])
	for i := n; i < len(b); i++ {
		pieces = append(pieces, b[i:i+1])
	}
	return pieces
}

// What comes in more pieces than a link takes goes out in as many as it takes, whole
// or in fragments.
func TestMorePiecesThanTheLinkTakes(t *testing.T) {
	for _, mtu := range []int{1500, 100} {
		r := newSinkless(t, link.Info{Medium: link.IP, MTU: mtu, MaxPieces: 4})
		data := strings.Repeat("usernet", 30)
		r.inject(chop(echoRequest(peer4, host4, data), wire.IPv4Len+wire.ICMPLen)...)
		m, whole := newReassembler(), []byte(nil)
		for _, s := range r.l.take() {
			if s.pieces > 4 || len(s.frame) > mtu {
				t.Errorf("MTU %d: %d bytes in %d pieces", mtu, len(s.frame), s.pieces)
			}
			if whole = s.frame; mtu == 100 {
				whole = r.reassemble(m, s.frame)
			}
		}
		if _, typ, _, _, body := r.icmp(whole); typ != 0 || string(body) != data {
			t.Errorf("MTU %d: type %d with %d bytes", mtu, typ, len(body))
		}
	}
}

// newSinkless is newRig with IPv4 only, for links of any MTU.
func newSinkless(t *testing.T, info link.Info) *rig {
	h, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{T: t, h: h, l: newTestLink(info)}
	if err := h.Attach(r.l, InterfaceConfig{Addrs: hostNets[:1]}); err != nil {
		t.Fatal(err)
	}
	r.deliver = <-r.l.deliver
	t.Cleanup(func() { h.Close() })
	return r
}

// A message of neighbour discovery is understood in pieces; where there are no MACs
// it is nothing to act on.
func TestNeighbourDiscoveryInPieces(t *testing.T) {
	r := newRig(t, Config{}, link.Info{})
	r.inject(chop(solicitation(peer6, host6), udp6+8)...)
	if p := r.parse(r.one()); p.payload[0] != byte(wire.ICMPv6NeighborAdvertisement) {
		t.Errorf("answered with type %d", p.payload[0])
	}
	r = newRig(t, Config{}, link.Info{Medium: link.IP})
	for _, f := range [][]byte{solicitation(peer6, host6), advertisement(peer6, peerMAC, true)} {
		r.counted(func() { r.inject(f[ipAt:]) }, ReasonICMPType)
	}
	r.silent()
}
