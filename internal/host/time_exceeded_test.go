package host

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// What a time exceeded quotes is the first fragment as it arrived, so that the
// source can tell whose it was; and it is never sent about an error.
func TestTimeExceededQuotesFirstFragment(t *testing.T) {
	text := udpPacket(fromPeer6, toUDP6, "0123456789abcdef")[wire.IPv6Len:]
	chain := func(next wire.Protocol, payload []byte) []byte {
		f := wire.IPv6Fragment{NextHeader: next, MoreFragments: true, ID: 7}
		b := f.Append(options6(wire.ProtocolFragment, 1, 4, 0, 0, 0, 0))
		return frame(rawIP(peer6, host6, wire.ProtocolDestination, append(b, payload...)))
	}
	unreachable := append([]byte{1, 4, 0x12, 0x34, 0, 0, 0, 0}, text[:8]...)
	for _, c := range []struct {
		name    string
		packets [][]byte // the first is quoted, if it may be
		barred  bool
	}{
		{"IPv4", [][]byte{piece4(peer4, 1, 0, true, text[:16])}, false},
		{"IPv4, with a second one", [][]byte{piece4(peer4, 1, 0, true, text[:8]), piece4(peer4, 1, 8, true, text[8:16])}, false},
		{"IPv6", [][]byte{piece6(1, 0, true, wire.ProtocolUDP, text[:16])}, false},
		{"IPv6, with a second one", [][]byte{piece6(1, 0, true, wire.ProtocolUDP, text[:8]), piece6(1, 8, true, wire.ProtocolUDP, text[8:16])}, false},
		{"IPv6, behind an extension header", [][]byte{chain(wire.ProtocolUDP, text[:16])}, false},
		{"ICMPv6 error", [][]byte{piece6(1, 0, true, wire.ProtocolICMPv6, unreachable)}, true},
		{"ICMPv6 error, behind an extension header", [][]byte{chain(wire.ProtocolICMPv6, unreachable)}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, Config{}, link.Info{Medium: link.IP})
				for _, p := range c.packets {
					r.inject(p[ipAt:])
				}
				expire := func() {
					time.Sleep(reassemblyTimeIPv6)
					synctest.Wait()
				}
				if c.barred {
					r.counted(expire, ReasonReassemblyTime, ReasonICMPErrorBarred)
					r.silent()
					return
				}
				r.counted(expire, ReasonReassemblyTime)
				_, _, _, _, quote := r.icmp(r.one())
				if want := c.packets[0][ipAt:]; !bytes.Equal(quote, want) {
					t.Errorf("quotes\n% x, want\n% x", quote, want)
				}
			})
		})
	}
}
