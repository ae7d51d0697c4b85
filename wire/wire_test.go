package wire

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"reflect"
	"strings"
	"testing"
)

// octets reads bytes written in hexadecimal, with spaces and, to a line's end
// behind #, words.
func octets(s string) []byte {
	var digits strings.Builder
	for line := range strings.Lines(s) {
		line, _, _ = strings.Cut(line, "#")
		digits.WriteString(strings.Join(strings.Fields(line), ""))
	}
	b, err := hex.DecodeString(digits.String())
	if err != nil {
		panic(err)
	}
	return b
}

// with returns a copy of b in which the bytes from at on are replaced.
func with(b []byte, at int, bytes ...byte) []byte {
	b = append([]byte(nil), b...)
	copy(b[at:], bytes)
	return b
}

// summed returns a copy of the IPv4 header b with its checksum made right.
func summed(b []byte) []byte {
	b = with(b, 10, 0, 0)
	sum := Checksum(b)
	return with(b, 10, byte(sum>>8), byte(sum))
}

// checkAppend checks that write appends want to what is there already.
func checkAppend(t *testing.T, write func([]byte) []byte, want []byte) {
	t.Helper()
	got := write([]byte{0xaa, 0xbb})
	if got[0] != 0xaa || got[1] != 0xbb {
		t.Errorf("Append changed the bytes before it: % x", got[:2])
	}
	if !bytes.Equal(got[2:], want) {
		t.Errorf("appended\n% x\nwant\n% x", got[2:], want)
	}
}

// checkSame checks what a parser made of golden bytes.
func checkSame(t *testing.T, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("parsed\n%+v\nwant\n%+v", got, want)
	}
}

var (
	host4, peer4 = netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("192.0.2.33")
	host6, peer6 = netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8:1:2::99")
	local6       = netip.MustParseAddr("fe80::1")
	mac1, mac2   = MAC{2, 0, 0, 0, 0, 1}, MAC{2, 0, 0, 0xab, 0xcd, 0xef}
)
