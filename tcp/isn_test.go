package tcp_test

import (
	"bytes"
	"errors"
	"net/netip"
	"testing"
	"testing/iotest"
	"time"

	"github.com/usernet-go/usernet/tcp"
)

// Initial sequence numbers: RFC 9293, 3.4.1, and RFC 6528.

// secret is a source of randomness that repeats.
func secret(b byte) *bytes.Reader { return bytes.NewReader(bytes.Repeat([]byte{b}, 64)) }

func newISN(t *testing.T, b byte) *tcp.ISN {
	t.Helper()
	i, err := tcp.NewISN(secret(b))
	if err != nil {
		t.Fatal(err)
	}
	return i
}

var (
	isnLocal  = netip.MustParseAddrPort("10.0.0.1:1234")
	isnRemote = netip.MustParseAddrPort("10.0.0.2:7")
)

func TestISNFollowsClock(t *testing.T) {
	// RFC 9293 MUST-8
	i := newISN(t, 1)
	first := i.ISS(start, isnLocal, isnRemote, 0)
	for _, d := range []time.Duration{4 * time.Microsecond, time.Millisecond, time.Second, time.Hour} {
		// "a (possibly fictitious) 32-bit clock [...] whose low-order bit is incremented roughly every 4 microseconds"
		if got, want := uint32(i.ISS(start.Add(d), isnLocal, isnRemote, 0)-first), uint32(d/(4*time.Microsecond)); got != want {
			t.Errorf("after %v the number has advanced by %d, want %d", d, got, want)
		}
	}
}

func TestISNIsKeyed(t *testing.T) {
	// RFC 9293 MUST-9, SHLD-1
	i := newISN(t, 1)
	at := func(i *tcp.ISN, local, remote string) tcp.Seq {
		return i.ISS(start, netip.MustParseAddrPort(local), netip.MustParseAddrPort(remote), 0)
	}
	base := at(i, "10.0.0.1:1234", "10.0.0.2:7")
	if again := at(i, "10.0.0.1:1234", "10.0.0.2:7"); again != base {
		t.Errorf("same connection, same instant: %d and %d", base, again)
	}
	// ISN = M + F(localip, localport, remoteip, remoteport, secretkey): each of them counts, and the secret.
	seen := map[tcp.Seq]string{base: "base"}
	for what, got := range map[string]tcp.Seq{
		"local address":  at(i, "10.0.0.3:1234", "10.0.0.2:7"),
		"local port":     at(i, "10.0.0.1:1235", "10.0.0.2:7"),
		"remote address": at(i, "10.0.0.1:1234", "10.0.0.3:7"),
		"remote port":    at(i, "10.0.0.1:1234", "10.0.0.2:8"),
		"ends swapped":   at(i, "10.0.0.2:7", "10.0.0.1:1234"),
		"IPv6":           at(i, "[fd00::1]:1234", "[fd00::2]:7"),
		"zone":           i.ISS(start, isnLocal, isnRemote, 2),
		"another zone":   i.ISS(start, isnLocal, isnRemote, 3),
		"secret":         at(newISN(t, 2), "10.0.0.1:1234", "10.0.0.2:7"),
	} {
		if other, dup := seen[got]; dup {
			t.Errorf("%s and %s have the same number %d", what, other, got)
		}
		seen[got] = what
	}
	// Neighbouring connections tell nothing about each other: their numbers are spread over the whole space.
	var bits [32]int
	const n = 2000
	for port := range n {
		d := i.ISS(start, netip.AddrPortFrom(isnLocal.Addr(), uint16(20000+port)), isnRemote, 0) -
			i.ISS(start, netip.AddrPortFrom(isnLocal.Addr(), uint16(20001+port)), isnRemote, 0)
		for b := range bits {
			bits[b] += int(d >> b & 1)
		}
	}
	for b, ones := range bits {
		if ones < n*2/5 || ones > n*3/5 {
			t.Errorf("bit %d of the difference is 1 in %d of %d", b, ones, n)
		}
	}
	broken := errors.New("no randomness")
	if _, err := tcp.NewISN(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("without randomness: %v, want %v", err, broken)
	}
}

// RFC 7323, 5.4: the offset of the timestamp clock is secret too, and the same for each connection of a four-tuple, so that
// RFC 6191 holds; it does not give the sequence number's away.
func TestTSOffset(t *testing.T) {
	// RFC 9293 SHLD-4
	i := newISN(t, 1)
	off := i.TSOffset(isnLocal, isnRemote, 0)
	if again := i.TSOffset(isnLocal, isnRemote, 0); again != off {
		t.Errorf("offset is %d, then %d", off, again)
	}
	if other := newISN(t, 2).TSOffset(isnLocal, isnRemote, 0); other == off {
		t.Error("offset does not depend on the secret")
	}
	if zone := i.TSOffset(isnLocal, isnRemote, 2); zone == off {
		t.Error("offset does not depend on the zone")
	}
	if f := uint32(i.ISS(time.Unix(0, 0), isnLocal, isnRemote, 0)); f == off {
		t.Error("offset and sequence number are the same function")
	}
}
