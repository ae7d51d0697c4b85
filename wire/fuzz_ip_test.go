package wire

import (
	"bytes"
	"reflect"
	"testing"
)

// checkReason checks that a reason is one.
func checkReason(t *testing.T, r Reason) {
	t.Helper()
	if int(r) >= NumReasons {
		t.Fatalf("reason %d is none", r)
	}
}

// checkReparsed checks that what was appended from want was parsed as want again.
func checkReparsed(t *testing.T, got, want any, r Reason) {
	t.Helper()
	if r != OK || !reflect.DeepEqual(got, want) {
		t.Fatalf("%+v came back as %+v (%v)", want, got, r)
	}
}

func FuzzEthernet(f *testing.F) {
	f.Add(octets("02 00 00 ab cd ef 02 00 00 00 00 01 08 00"))
	f.Add(octets("ff ff ff ff ff ff 02 00 00 00 00 01 81 00 a1 23 86 dd"))
	f.Add(octets("01 80 c2 00 00 00 02 00 00 00 00 01 00 26 42 42 03"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, n, r := ParseEthernet(b)
		checkReason(t, r)
		if r != OK {
			return
		}
		// Nothing of this header is ignored: appending gives the very bytes.
		if got := h.Append(nil); !bytes.Equal(got, b[:n]) {
			t.Fatalf("% x became % x", b[:n], got)
		}
		if _, _, r := ParseEthernet(b[:n-1]); r != ReasonEthernetTruncated {
			t.Fatalf("one byte less: %v", r)
		}
	})
}

func FuzzARP(f *testing.F) {
	f.Add(octets("00 01 08 00 06 04 00 01 02 00 00 00 00 01 0a 00 00 01 00 00 00 00 00 00 c0 00 02 21"))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, r := ParseARP(b)
		checkReason(t, r)
		if r != OK {
			return
		}
		if got := a.Append(nil); !bytes.Equal(got, b[:ARPLen]) {
			t.Fatalf("% x became % x", b[:ARPLen], got)
		}
	})
}

func FuzzIPv4(f *testing.F) {
	for _, b := range []string{
		"45 b9 00 28 12 34 40 00 40 06 00 00 0a 00 00 01 c0 00 02 21",
		"45 00 00 1c 00 00 20 00 ff 11 00 00 0a 00 00 01 c0 00 02 21",
		"48 00 00 20 00 00 00 00 01 01 00 00 0a 00 00 01 c0 00 02 21 94 04 00 00 01 07 03 04 00 00 00 00",
		"46 00 00 18 00 00 00 00 01 01 00 00 0a 00 00 01 c0 00 02 21 07 00 00 00",
	} {
		f.Add(octets(b), 40)
	}
	f.Fuzz(func(t *testing.T, b []byte, size int) {
		_, _, r := ParseIPv4(b, size)
		checkReason(t, r)
		// Few inputs have a right checksum, so one is made for what lies behind it.
		if n := 0; len(b) > 0 {
			if n = int(b[0]&15) * 4; n >= IPv4Len && n <= len(b) {
				b = append(summed(b[:n]), b[n:]...)
			}
		}
		h, n, r := ParseIPv4(b, size)
		checkReason(t, r)
		if r == ReasonIPv4Checksum && len(b) >= IPv4Len && Checksum(b[:int(b[0]&15)*4]) == 0 {
			t.Fatal("a right checksum is found wrong")
		}
		if r != OK {
			return
		}
		if n > len(b) || n > h.TotalLen || h.TotalLen > size || n != h.HeaderLen() {
			t.Fatalf("header %d, total %d, packet %d, size %d", n, h.TotalLen, len(b), size)
		}
		for kind, data := range h.AllOptions() {
			if len(data) > 38 || kind == IPv4OptionEnd {
				t.Fatalf("option %v with %d bytes", kind, len(data))
			}
		}
		got, n, r := ParseIPv4(h.Append(nil), h.TotalLen)
		checkReparsed(t, got, h, r)
		if _, _, r := ParseIPv4(b[:n-1], size); r != ReasonIPv4Truncated {
			t.Fatalf("one byte less: %v", r)
		}
	})
}

func FuzzIPv6(f *testing.F) {
	f.Add(octets("6b 91 23 45 00 14 06 40 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01 20 01 0d b8 00 01 00 02 00 00 00 00 00 00 00 99"), 60)
	f.Add(octets("60 00 00 00 00 00 3b 00 00 00 00 00 00 00 00 00 00 00 ff ff 0a 00 00 01 ff 02 00 00 00 00 00 00 00 00 00 00 00 00 00 01"), 40)
	f.Fuzz(func(t *testing.T, b []byte, size int) {
		h, n, r := ParseIPv6(b, size)
		checkReason(t, r)
		if r != OK {
			return
		}
		if n != IPv6Len || n+h.PayloadLen > size {
			t.Fatalf("header %d, payload %d, size %d", n, h.PayloadLen, size)
		}
		if got := h.Append(nil); !bytes.Equal(got, b[:n]) {
			t.Fatalf("% x became % x", b[:n], got)
		}
	})
}

func FuzzIPv6Extensions(f *testing.F) {
	for _, b := range []string{
		"3c 00 05 02 00 00 01 00 2b 01 04 01 04 00 01 01 00 1e 03 aa bb cc 01 00 2c 00 04 00 00 00 00 00 11 ff 05 c9 de ad be ef",
		"3c 00 00 06 de ad be ef 06 00 01 04 00 00 00 00",
		"06 00 01 00 81 02 00 00",
		"06 00 c2 04 00 01 00 00",
		"06 00 00 01 00 00 00 00",
		"00 00 01 04 00 00 00 00",
	} {
		for _, first := range []Protocol{ProtocolHopByHop, ProtocolDestination, ProtocolRouting, ProtocolFragment} {
			f.Add(uint8(first), octets(b))
		}
	}
	f.Fuzz(func(t *testing.T, first uint8, b []byte) {
		x, n, r := ParseIPv6Extensions(Protocol(first), b)
		checkReason(t, r)
		switch {
		case n < 0 || n > len(b) || n%8 != 0:
			t.Fatalf("%d bytes of %d", n, len(b))
		case r == OK && x.Answer != IPv6AnswerNone:
			t.Fatalf("nothing is wrong, yet %v", x.Answer)
		case r == OK && !x.HasFragment && x.Protocol.isExtension():
			t.Fatalf("stopped before %v", x.Protocol)
		case x.Answer != IPv6AnswerNone && (x.Pointer < ipv6NextHeaderOffset || x.Pointer >= IPv6Len+len(b)):
			t.Fatalf("pointer %d beyond a packet of %d", x.Pointer, IPv6Len+len(b))
		}
		// The offset names the field: the fixed header's, or one that was walked.
		if r == OK && n > 0 && Protocol(b[x.ProtocolOffset-IPv6Len]) != x.Protocol {
			t.Fatalf("%v is not at offset %d", x.Protocol, x.ProtocolOffset)
		}
		if x.HasFragment {
			got, _, r := ParseIPv6Extensions(ProtocolFragment, x.Fragment.Append(nil))
			checkReparsed(t, got.Fragment, x.Fragment, r)
		}
		if r == OK && n > 0 {
			if _, _, r := ParseIPv6Extensions(Protocol(first), b[:n-1]); r != ReasonIPv6ExtensionTruncated {
				t.Fatalf("one byte less: %v", r)
			}
		}
	})
}
