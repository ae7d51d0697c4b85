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
		{"time", cat([]byte{68, 8, 5, 0}, make([]byte, 4)), cat([]byte{68, 8, 9, 0}, stamp)},
		{"time, full", cat([]byte{68, 8, 9, 0}, stamp), cat([]byte{68, 8, 9, 16}, stamp)},
		{"time at ours, full", cat([]byte{68, 12, 13, 3}, guest, stamp), cat([]byte{68, 12, 13, 3}, guest, stamp)},
		{"address and time", cat([]byte{68, 12, 5, 1}, make([]byte, 8)), cat([]byte{68, 12, 13, 1}, own, stamp)},
		{"time at ours", cat([]byte{68, 12, 5, 3}, host4.AsSlice(), make([]byte, 4)), cat([]byte{68, 12, 13, 3}, host4.AsSlice(), stamp)},
		{"time at others", cat([]byte{68, 12, 5, 3}, guest, make([]byte, 4)), cat([]byte{68, 12, 5, 3}, guest, make([]byte, 4))},
		{"another", []byte{148, 4, 0, 0}, []byte{148, 4, 0, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRouter(t, Config{}, link.Info{}, link.Info{})
				now := uint32(time.Now().UTC().Sub(time.Now().UTC().Truncate(24*time.Hour)) / time.Millisecond)
				words := binary.BigEndian.AppendUint32(nil, now)
				in, out := frame(asking(c.in)), hop(asking(bytes.ReplaceAll(c.out, stamp, words)))
				if bytes.Contains(c.in, stamp) { // which stays as it is
					out = hop(asking(c.out))
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

// asking makes a datagram across the router with these options.
func asking(options []byte) []byte {
	payload := udp(1, 2, "x")
	h := wire.IPv4{
		TotalLen: wire.IPv4Len + len(options) + len(payload), TTL: 64, Protocol: wire.ProtocolUDP,
		Src: peer4, Dst: guest4, Options: options,
	}
	return append(h.Append(nil), payload...)
}

// RFC 791, 3.1, of both options: "[...] the original datagram is considered to be in
// error and is discarded. In either case an ICMP parameter problem message may be sent
// to the source host".
func TestForwardOptionsInError(t *testing.T) {
	for _, c := range []struct {
		name    string
		options []byte
		pointer uint32 // of the octet at fault
	}{
		{"route, no room for an address", []byte{1, 7, 5, 4, 0, 0, 0, 0}, 20 + 1 + 2},
		{"route, a pointer before its data", []byte{7, 7, 3, 0, 0, 0, 0, 0}, 20 + 2},
		{"route, without a pointer", []byte{1, 1, 7, 2}, 20 + 2 + 1},
		{"time, no room", []byte{68, 10, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 20 + 2},
		{"time, no room beside an address", []byte{68, 8, 5, 1, 0, 0, 0, 0}, 20 + 2},
		{"time, a pointer before its data", []byte{68, 4, 1, 0}, 20 + 2},
		{"time, the count overflows", []byte{68, 8, 9, 0xf0, 0, 0, 0, 0}, 20 + 3},
		{"time, flags that nobody knows", []byte{68, 8, 5, 2, 0, 0, 0, 0}, 20 + 3},
		{"time, without flags", []byte{68, 3, 5, 0}, 20 + 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRouter(t, Config{}, link.Info{}, link.Info{})
			packet := asking(c.options)
			r.counted(func() { r.inject(frame(packet)) }, ReasonForwardOption)
			r.second.silent()
			_, typ, code, word, body := r.icmp(r.one())
			if typ != byte(wire.ICMPv4ParameterProblem) || code != 0 || word != c.pointer<<24 {
				t.Errorf("type %d code %d word %#x, want a parameter problem at %d", typ, code, word, c.pointer)
			}
			if !bytes.Equal(body, packet) {
				t.Errorf("quotes % x, of % x", body, packet)
			}
		})
	}
}
