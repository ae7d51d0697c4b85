package wire

import (
	"reflect"
	"testing"
	"time"
)

var queriesV6 = map[string]MembershipQuery{
	"82 00 00 00 27 10 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00": {Version: 1, Group: general6, MaxResponse: 10 * time.Second},
	"82 00 00 00 ff ff 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00": {Version: 1, Group: general6, MaxResponse: 65535 * time.Millisecond},
	"82 00 00 00 80 01 00 00 ff 15 00 00 00 00 00 00 00 00 00 00 00 00 01 23 0a 7d 00 01 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 07": {Version: 2,
		Group: group6, MaxResponse: 32776 * time.Millisecond, SuppressRouter: true, Robustness: 2, Interval: 125 * time.Second, Sources: sources6},
}

// RFC 9777, 5.1, 8.1: queries of both versions.
func TestMLDQuery(t *testing.T) {
	for golden, want := range queriesV6 {
		q, r := ParseMLDQuery(octets(golden))
		if r != OK || !reflect.DeepEqual(q, want) {
			t.Errorf("%s: %+v (%v), want %+v", golden, q, r, want)
		}
		if b := want.AppendMLD(nil); string(b) != string(octets(golden)) {
			t.Errorf("%+v: % x, want %s", want, b, golden)
		}
	}
}

// RFC 9777, 5.2, and RFC 2710, 3: the listener's messages.
func TestMLDReports(t *testing.T) {
	want := []MembershipRecord{{ChangeToIncludeMode, group6, nil}, {ModeIsInclude, group6, sources6}}
	golden := octets("8f 00 00 00 00 00 00 02" +
		"03 00 00 00 ff 15 00 00 00 00 00 00 00 00 00 00 00 00 01 23" +
		"01 00 00 01 ff 15 00 00 00 00 00 00 00 00 00 00 00 00 01 23 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 07")
	if b := AppendMLDReport(nil, want); string(b) != string(golden) {
		t.Errorf("% x, want % x", b, golden)
	}
	if got, r := ParseMLDReport(golden); r != OK || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v (%v), want %+v", got, r, want)
	}
	done := octets("84 00 00 00 00 00 00 00 ff 15 00 00 00 00 00 00 00 00 00 00 00 00 01 23")
	m := MLD{ICMPv6MLDv1Done, group6}
	if got, r := ParseMLD(done); r != OK || got != m {
		t.Errorf("%+v (%v), want %+v", got, r, m)
	}
	if b := m.Append(nil); string(b) != string(done) {
		t.Errorf("% x, want % x", b, done)
	}
}

// RFC 2711, 2.1: the option asks routers to look, for MLD with the value 0.
func TestIPv6RouterAlert(t *testing.T) {
	header := AppendIPv6Options(nil, ProtocolICMPv6, []byte(IPv6RouterAlertMLD))
	if want := octets("3a 00 05 02 00 00 01 00"); string(header) != string(want) {
		t.Errorf("% x, want % x", header, want)
	}
	for b, want := range map[string]bool{
		string(header):                     true,
		"\x3a\x00\x00\x00\x05\x02\x00\x00": true,  // behind Pad1
		"\x3a\x00\x1e\x00\x05\x02\x00\x00": true,  // behind another option
		"\x3a\x00\x05\x02\x00\x01\x01\x00": false, // RSVP
		"\x3a\x00\x01\x04\x00\x00\x00\x00": false,
		"\x3a\x00\x01\x04\x05\x02\x00\x00": false, // inside of padding
		"\x3a\x00\x00\x00\x00\x00\x00\x05": false,
		"\x3a\x00\x01\x00\x01\x00\x05\x02": false,
		"\x3a\x00":                         false,
	} {
		if got := HasRouterAlert([]byte(b)); got != want {
			t.Errorf("% x: %v", b, got)
		}
	}
}

func FuzzMLD(f *testing.F) {
	for golden := range queriesV6 {
		f.Add(octets(golden))
	}
	f.Add(AppendMLDReport(nil, []MembershipRecord{{ChangeToIncludeMode, group6, nil}, {ModeIsInclude, group6, sources6}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, r := ParseMLD(b)
		checkReason(t, r)
		if r == OK {
			got, r := ParseMLD(m.Append(nil))
			checkReparsed(t, got, m, r)
		}
		q, r := ParseMLDQuery(b)
		checkReason(t, r)
		if r == OK {
			got, r := ParseMLDQuery(q.AppendMLD(nil))
			checkReparsed(t, got, q, r)
		}
		records, r := ParseMLDReport(b)
		checkReason(t, r)
		if r == OK {
			got, r := ParseMLDReport(AppendMLDReport(nil, records))
			checkReparsed(t, got, records, r)
		}
		HasRouterAlert(b)
	})
}
