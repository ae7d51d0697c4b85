package host

import (
	"bytes"
	"encoding/binary"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// RFC 1812, 5.3.13.5 and 5.3.13.6: a router writes where, and when, a packet passed
// that asks for it.
func TestForwardOptions(t *testing.T) {
	own, peer, guest := inside4.AsSlice(), peer4.AsSlice(), guest4.AsSlice()
	cat := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	stamp := []byte{0xff, 0xff, 0xff, 0xff} // of now
	for _, c := range []struct {
		name    string
		in, out []byte
	}{
		{"route", cat([]byte{7, 11, 4}, make([]byte, 8), []byte{0}), cat([]byte{7, 11, 8}, own, make([]byte, 4), []byte{0})},
		{"route, the last hop that has room", cat([]byte{1, 7, 11, 8}, peer, make([]byte, 4)), cat([]byte{1, 7, 11, 12}, peer, own)},
		{"route, full", cat([]byte{7, 7, 8}, peer, []byte{0}), cat([]byte{7, 7, 8}, peer, []byte{0})},
		{"route, nonsense", []byte{7, 3, 1, 0}, []byte{7, 3, 1, 0}},
		{"time", cat([]byte{68, 8, 5, 0}, make([]byte, 4)), cat([]byte{68, 8, 9, 0}, stamp)},
		{"time, full", cat([]byte{68, 8, 9, 0}, stamp), cat([]byte{68, 8, 9, 16}, stamp)},
		{"time, more than full", cat([]byte{68, 8, 9, 0xf0}, stamp), cat([]byte{68, 8, 9, 0xf0}, stamp)},
		{"address and time", cat([]byte{68, 12, 5, 1}, make([]byte, 8)), cat([]byte{68, 12, 13, 1}, own, stamp)},
		{"time at ours", cat([]byte{68, 12, 5, 3}, host4.AsSlice(), make([]byte, 4)), cat([]byte{68, 12, 13, 3}, host4.AsSlice(), stamp)},
		{"time at others", cat([]byte{68, 12, 5, 3}, guest, make([]byte, 4)), cat([]byte{68, 12, 5, 3}, guest, make([]byte, 4))},
		{"time, nonsense", []byte{68, 4, 1, 0}, []byte{68, 4, 1, 0}},
		{"another", []byte{148, 4, 0, 0}, []byte{148, 4, 0, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRouter(t, Config{}, link.Info{}, link.Info{})
				payload := udp(1, 2, "x")
				make := func(options []byte) []byte {
					h := wire.IPv4{
						TotalLen: wire.IPv4Len + len(options) + len(payload), TTL: 64, Protocol: wire.ProtocolUDP,
						Src: peer4, Dst: guest4, Options: options,
					}
					return append(h.Append(nil), payload...)
				}
				now := uint32(time.Now().UTC().Sub(time.Now().UTC().Truncate(24*time.Hour)) / time.Millisecond)
				words := binary.BigEndian.AppendUint32(nil, now)
				in, out := frame(make(c.in)), hop(make(bytes.ReplaceAll(c.out, stamp, words)))
				if bytes.Contains(c.in, stamp) { // which stays as it is
					out = hop(make(c.out))
				}
				lent := bytes.Clone(in)
				r.counted(func() { r.inject(lent) })
				if got := r.second.one(); !bytes.Equal(got, out) {
					t.Errorf("forwarded\n% x, want\n% x", got, out)
				}
				if !bytes.Equal(lent, in) {
					t.Error("what was lent is written to")
				}
			})
		})
	}
}
