package wire

import (
	"net/netip"
	"reflect"
	"testing"
	"time"
)

var (
	group4    = netip.MustParseAddr("239.1.2.3")
	group6    = netip.MustParseAddr("ff15::123")
	general4  = netip.IPv4Unspecified()
	general6  = netip.IPv6Unspecified()
	sources4  = []netip.Addr{netip.MustParseAddr("10.0.0.7"), netip.MustParseAddr("10.0.0.8")}
	sources6  = []netip.Addr{netip.MustParseAddr("2001:db8::7")}
	queriesV4 = map[string]MembershipQuery{
		"11 00 ee ff 00 00 00 00":             {Version: 1, Group: general4, MaxResponse: 10 * time.Second},
		"11 64 ee 9b 00 00 00 00":             {Version: 2, Group: general4, MaxResponse: 10 * time.Second},
		"11 64 ec 1e 00 00 00 00 02 7d 00 00": {Version: 3, Group: general4, MaxResponse: 10 * time.Second, Robustness: 2, Interval: 125 * time.Second},
		"11 80 dd df ef 01 02 03 0b 8a 00 02 0a 00 00 07 0a 00 00 08": {Version: 3, Group: group4, MaxResponse: 12800 * time.Millisecond,
			SuppressRouter: true, Robustness: 3, Interval: 208 * time.Second, Sources: sources4},
	}
)

// RFC 9776, 4.1 and 7.1: queries of the three versions.
func TestIGMPQuery(t *testing.T) {
	for golden, want := range queriesV4 {
		q, r := ParseIGMPQuery(octets(golden))
		if r != OK || !reflect.DeepEqual(q, want) {
			t.Errorf("%s: %+v (%v), want %+v", golden, q, r, want)
		}
		if b := want.AppendIGMP(nil); string(b) != string(octets(golden)) {
			t.Errorf("%+v: % x, want %s", want, b, golden)
		}
		if r := VerifyChecksum(ProtocolIGMP, host4, peer4, octets(golden), nil); r != OK {
			t.Errorf("%s: %v", golden, r)
		}
	}
}

// RFC 9776, 4.2.11, 4.2.12: auxiliary data and what follows the records is ignored.
func TestIGMPReport(t *testing.T) {
	want := []MembershipRecord{{ChangeToExcludeMode, group4, nil}, {ModeIsInclude, group4, sources4}}
	golden := octets("22 00 e2 e2 00 00 00 02 04 00 00 00 ef 01 02 03 01 00 00 02 ef 01 02 03 0a 00 00 07 0a 00 00 08")
	if b := AppendIGMPReport(nil, want); string(b) != string(golden) {
		t.Errorf("% x, want % x", b, golden)
	}
	aux := octets("22 00 00 00 00 00 00 02 04 01 00 00 ef 01 02 03 aa aa aa aa 01 00 00 02 ef 01 02 03 0a 00 00 07 0a 00 00 08 bb bb")
	for _, b := range [][]byte{golden, aux} {
		if got, r := ParseIGMPReport(b); r != OK || !reflect.DeepEqual(got, want) {
			t.Errorf("% x: %+v (%v), want %+v", b, got, r, want)
		}
	}
	if n := want[0].Len() + want[1].Len(); n != len(golden)-IGMPLen {
		t.Errorf("records of %d bytes, want %d", n, len(golden)-IGMPLen)
	}
}

// RFC 2236, 2: the messages of version 2.
func TestIGMPv2(t *testing.T) {
	for golden, want := range map[string]IGMP{
		"12 00 fc fa ef 01 02 03": {IGMPv1Report, group4},
		"16 00 f8 fa ef 01 02 03": {IGMPv2Report, group4},
		"17 00 f7 fa ef 01 02 03": {IGMPv2Leave, group4},
	} {
		if m, r := ParseIGMP(octets(golden)); r != OK || m != want {
			t.Errorf("%s: %+v (%v)", golden, m, r)
		}
		if b := want.Append(nil); string(b) != string(octets(golden)) {
			t.Errorf("%+v: % x, want %s", want, b, golden)
		}
	}
	if m, r := ParseIGMP(octets("22 00 00 00 00 00 00 00")); r != OK || m != (IGMP{Type: IGMPv3Report}) {
		t.Errorf("type of a version 3 report: %+v (%v)", m, r)
	}
}

// RFC 9776, 4.1.1, and RFC 9777, 5.1.3: times of 8 and 16 bits, partly as floats.
func TestFloatCodes(t *testing.T) {
	for _, c := range []struct{ code, mantissa, want int }{
		{0, 4, 0}, {127, 4, 127}, {128, 4, 128}, {0x81, 4, 136}, {0x90, 4, 256}, {255, 4, 31744},
		{32767, 12, 32767}, {32768, 12, 32768}, {0x8001, 12, 32776}, {65535, 12, 8387584},
	} {
		if got := floatCode(c.code, c.mantissa); got != c.want {
			t.Errorf("code %d of %d bits: %d, want %d", c.code, c.mantissa, got, c.want)
		}
	}
	for _, mantissa := range []int{4, 12} {
		for code := range 1 << (mantissa + 4) {
			if back := codeFloat(floatCode(code, mantissa), mantissa); back != code {
				t.Fatalf("code %d of %d bits comes back as %d", code, mantissa, back)
			}
		}
	}
	if got := codeFloat(1<<30, 4); got != 255 {
		t.Errorf("code of what is too much: %d", got)
	}
	if got := codeFloat(135, 4); got != 128 {
		t.Errorf("code of 135: %d, want 128's", got)
	}
}

// RFC 9776, 9.1: a query of version 1 has no router alert; a specific one may go to
// its group.
func TestIGMPQueryCheck(t *testing.T) {
	v1 := MembershipQuery{Version: 1, Group: general4}
	specific := MembershipQuery{Version: 3, Group: group4}
	if r := v1.CheckIGMP(&IPv4{Dst: allSystems}); r != OK {
		t.Errorf("version 1: %v", r)
	}
	if r := specific.CheckIGMP(&IPv4{Dst: group4, Options: []byte("\x01\x01" + IPv4RouterAlert)}); r != OK {
		t.Errorf("specific: %v", r)
	}
}

func TestMembershipNames(t *testing.T) {
	for got, want := range map[string]string{
		IGMPQuery.String():               "membership query",
		IGMPv3Report.String():            "version 3 membership report",
		IGMPType(0x13).String():          "IGMP type 19",
		ChangeToIncludeMode.String():     "TO_IN",
		MembershipRecordType(9).String(): "membership record 9",
		ICMPv6MLDv2Report.String():       "version 2 multicast listener report",
		ProtocolIGMP.String():            "IGMP",
		IGMPv1Report.String():            "version 1 membership report",
		IGMPv2Report.String():            "version 2 membership report",
		IGMPv2Leave.String():             "leave group",
		ModeIsExclude.String():           "IS_EX",
		ModeIsInclude.String():           "IS_IN",
		AllowNewSources.String():         "ALLOW",
		BlockOldSources.String():         "BLOCK",
		ChangeToExcludeMode.String():     "TO_EX",
		ICMPv6MLDQuery.String():          "multicast listener query",
		ICMPv6MLDv1Done.String():         "multicast listener done",
		ICMPv6MLDv1Report.String():       "multicast listener report",
		IPv4OptionRouterAlert.String():   "router alert",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func FuzzIGMP(f *testing.F) {
	for golden := range queriesV4 {
		f.Add(octets(golden))
	}
	f.Add(octets("22 00 e2 e2 00 00 00 02 04 00 00 00 ef 01 02 03 01 00 00 02 ef 01 02 03 0a 00 00 07 0a 00 00 08"))
	f.Add(octets("17 00 f7 fa ef 01 02 03"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, r := ParseIGMP(b)
		checkReason(t, r)
		if r == OK && m.Group.IsValid() {
			got, r := ParseIGMP(m.Append(nil))
			checkReparsed(t, got, m, r)
		}
		q, r := ParseIGMPQuery(b)
		checkReason(t, r)
		if r == OK {
			got, r := ParseIGMPQuery(q.AppendIGMP(nil))
			checkReparsed(t, got, q, r)
		}
		records, r := ParseIGMPReport(b)
		checkReason(t, r)
		if r == OK {
			got, r := ParseIGMPReport(AppendIGMPReport(nil, records))
			checkReparsed(t, got, records, r)
		}
	})
}
