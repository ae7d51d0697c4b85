package wire

import (
	"testing"
)

func FuzzICMPv4(f *testing.F) {
	for _, b := range []string{
		"08 00 ab cd 12 34 00 02 64 61 74 61", "03 04 00 00 00 00 05 78", "05 01 00 00 c0 00 02 21 45",
		"0c 00 00 00 15 00 00 00 46", "0d 00 00 00 00 00 00 00",
	} {
		f.Add(octets(b))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, r := ParseICMPv4(b)
		checkReason(t, r)
		if (r == OK) != (len(b) >= ICMPLen) {
			t.Fatalf("%d bytes: %v", len(b), r)
		}
		if r != OK {
			return
		}
		got, r := ParseICMPv4(m.Append(nil))
		checkReparsed(t, got, m, r)
		if m.String() == "" {
			t.Fatal("no name")
		}
	})
}

func FuzzICMPv6(f *testing.F) {
	for _, b := range []string{
		"80 00 ab cd 12 34 00 02 64 61 74 61", "02 00 00 00 00 01 05 00 60", "04 01 00 00 00 00 00 28 60", "8f 01 00 00 00 00 00 00",
	} {
		f.Add(octets(b))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, r := ParseICMPv6(b)
		checkReason(t, r)
		if (r == OK) != (len(b) >= ICMPLen) {
			t.Fatalf("%d bytes: %v", len(b), r)
		}
		if r != OK {
			return
		}
		got, r := ParseICMPv6(m.Append(nil))
		checkReparsed(t, got, m, r)
		if m.String() == "" {
			t.Fatal("no name")
		}
	})
}

// addND adds the golden messages of one type, as they are and with options cut
// off or of length 0.
func addND(f *testing.F, messages ...interface{ Append([]byte) []byte }) {
	for _, m := range messages {
		b := m.Append(nil)
		f.Add(b)
		f.Add(b[:len(b)-1])
		f.Add(append(b, 1, 0, 0, 0, 0, 0, 0, 0))
		f.Add(append(b, 0xfd, 1, 0, 0, 0, 0, 0, 0))
	}
}

func FuzzNeighborSolicitation(f *testing.F) {
	addND(f, &NeighborSolicitation{Target: host6, SourceMAC: mac2})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, r := ParseNeighborSolicitation(b)
		checkReason(t, r)
		if r == OK {
			got, r := ParseNeighborSolicitation(m.Append(nil))
			checkReparsed(t, got, m, r)
		}
	})
}

func FuzzNeighborAdvertisement(f *testing.F) {
	addND(f, &NeighborAdvertisement{Router: true, Solicited: true, Override: true, Target: host6, TargetMAC: mac2})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, r := ParseNeighborAdvertisement(b)
		checkReason(t, r)
		if r == OK {
			got, r := ParseNeighborAdvertisement(m.Append(nil))
			checkReparsed(t, got, m, r)
		}
	})
}

func FuzzRouterSolicitation(f *testing.F) {
	addND(f, &RouterSolicitation{SourceMAC: mac2})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, r := ParseRouterSolicitation(b)
		checkReason(t, r)
		if r == OK {
			got, r := ParseRouterSolicitation(m.Append(nil))
			checkReparsed(t, got, m, r)
		}
	})
}

func FuzzRouterAdvertisement(f *testing.F) {
	f.Add(octets("86 00 00 00 40 c0 07 08 00 00 75 30 00 00 03 e8" +
		"03 04 40 c0 ff ff ff ff 00 09 3a 80 00 00 00 00 20 01 0d b8 00 00 00 01 00 00 00 00 00 00 00 00"))
	addND(f, &RouterAdvertisement{HopLimit: 64, SourceMAC: mac2, MTU: 1492})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, r := ParseRouterAdvertisement(b)
		checkReason(t, r)
		if r == OK {
			got, r := ParseRouterAdvertisement(m.Append(nil))
			checkReparsed(t, got, m, r)
		}
	})
}

func FuzzRedirect(f *testing.F) {
	addND(f, &Redirect{Target: local6, Destination: host6, TargetMAC: mac2, Quote: make([]byte, 48)})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, r := ParseRedirect(b)
		checkReason(t, r)
		if r != OK {
			return
		}
		if len(m.Quote) == 0 {
			m.Quote = nil // an option without a packet is not written again
		}
		got, r := ParseRedirect(m.Append(nil))
		checkReparsed(t, got, m, r)
	})
}

func FuzzQuote(f *testing.F) {
	h4 := (&IPv4{TotalLen: 1420, TTL: 3, Protocol: ProtocolTCP, Src: host4, Dst: peer4}).Append(nil)
	h6 := (&IPv6{PayloadLen: 1400, NextHeader: ProtocolDestination, Src: host6, Dst: peer6}).Append(nil)
	f.Add(append(h4, header(nil)...))
	f.Add(append(h6, octets("06 00 01 04 00 00 00 00 00 01 00 02 00 00 00 09")...))
	f.Add(h4)
	f.Add(h6[:39])
	f.Fuzz(func(t *testing.T, b []byte) {
		q, r := ParseQuote(b)
		checkReason(t, r)
		switch {
		case r != OK && r != ReasonQuoteTruncated && r != ReasonQuoteInvalid:
			t.Fatalf("%v is not about a quote", r)
		case r == OK && (!q.Src.IsValid() || !q.Dst.IsValid()):
			t.Fatalf("no addresses in %+v", q)
		case q.Src.IsValid() != q.Dst.IsValid():
			t.Fatalf("one address in %+v", q)
		case r == ReasonQuoteInvalid && q != (Quote{}):
			t.Fatalf("invalid, yet %+v", q)
		}
	})
}
