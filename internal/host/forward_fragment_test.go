package host

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// RFC 791, 3.2: a packet that may be is cut into fragments, as a fragment may be
// again, and is whole at its destination.
func TestForwardFragments(t *testing.T) {
	r := newRouter(t, Config{}, link.Info{MTU: 4000}, link.Info{MTU: 600})
	options := []byte{
		148, 4, 0, 0, // router alert: in all fragments
		7, 7, 8, 0, 0, 0, 0, 0, // record route, full: in the first only
	}
	for _, c := range []struct {
		name  string
		from  int // bytes of text
		cuts  []int
		extra []byte
	}{
		{"one byte too many", 600 - 28 + 1, nil, nil},
		{"several", 3500, nil, nil},
		{"with options", 3500, nil, options},
		{"fragments of fragments", 3500, []int{1600, 3200}, nil},
	} {
		packet := crossing(peer4, guest4, c.from)
		payload := packet[wire.IPv4Len:]
		m := newReassembler()
		var whole []byte
		for i, from := 0, 0; from < len(payload); i++ {
			to := len(payload)
			if i < len(c.cuts) {
				to = c.cuts[i]
			}
			h := wire.IPv4{
				TotalLen: wire.IPv4Len + len(c.extra) + to - from, ID: 77, TTL: 64, Protocol: wire.ProtocolUDP, Src: peer4, Dst: guest4,
				FragmentOffset: from, MoreFragments: to < len(payload), Options: c.extra,
			}
			in := frame(append(h.Append(nil), payload[from:to]...))
			r.counted(func() { r.inject(in[:50], in[50:300], in[300:]) })
			for k, s := range r.second.l.take() {
				if len(s.frame) > 600 {
					t.Errorf("%s: fragment of %d bytes", c.name, len(s.frame))
				}
				h, n, bad := wire.ParseIPv4(s.frame, len(s.frame))
				if bad != wire.OK || h.TTL != 63 {
					t.Fatalf("%s: fragment with TTL %d: %v", c.name, h.TTL, bad)
				}
				if want := len(c.extra); k == 0 && n != 20+want || k > 0 && want > 0 && n != 24 {
					t.Errorf("%s: header of fragment %d has %d bytes", c.name, k, n)
				}
				if w := r.reassemble(m, s.frame); w != nil {
					whole = w
				}
			}
			from = to
		}
		if len(whole) == 0 || !bytes.HasSuffix(whole, payload) {
			t.Errorf("%s: the datagram is not whole", c.name)
		}
	}
}

// RFC 8200, 4: headers that are for the destination, or that nobody has configured us
// to look at, pass unread; a routing header that names us does not (RFC 5095, 3).
func TestForwardExtensionHeaders(t *testing.T) {
	r := newRouter(t, Config{}, link.Info{}, link.Info{})
	unknown := options6(wire.ProtocolUDP, 0x80|30, 4, 0, 0, 0, 0)
	routing := []byte{byte(wire.ProtocolUDP), 2, 0, 1, 0, 0, 0, 0, 15: 0, 23: 9}
	for _, c := range []struct {
		p      wire.Protocol
		header []byte
	}{{wire.ProtocolHopByHop, unknown}, {wire.ProtocolDestination, unknown}, {wire.ProtocolRouting, routing}} {
		packet := rawIP(peer6, guest6, c.p, append(slices.Clone(c.header), udp(1, 2, strings.Repeat("x", 500))...))
		r.counted(func() { r.inject(frame(packet)) })
		if out := r.second.one(); !bytes.Equal(out, hop(packet)) {
			t.Errorf("forwarded % x, want % x", out, hop(packet))
		}
	}
	packet := rawIP(peer6, inside6, wire.ProtocolRouting, append(slices.Clone(routing), udp(1, 2, "x")...))
	r.counted(func() { r.inject(frame(packet)) }, wireReason(wire.ReasonIPv6RoutingType))
	if _, typ, code, _, _ := r.icmp(r.one()); typ != byte(wire.ICMPv6ParameterProblem) || code != 0 {
		t.Errorf("type %d code %d", typ, code)
	}
	r.second.silent()
}
