package crosscheck

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"pgregory.net/rapid"

	"github.com/usernet-go/usernet/wire"
)

// drawGroup draws a multicast address of n bytes.
func drawGroup(t *rapid.T, n int) netip.Addr {
	b := drawAddr(t, n, "group").AsSlice()
	if b[0] = 0xff; n == 4 {
		b[0] = 239
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

func drawSources(t *rapid.T, n int) (sources []netip.Addr) {
	for range rapid.IntRange(0, 4).Draw(t, "sources") {
		sources = append(sources, drawAddr(t, n, "source"))
	}
	return sources
}

func drawRecords(t *rapid.T, n int) (records []wire.MembershipRecord) {
	for range rapid.IntRange(1, 5).Draw(t, "records") {
		kind := wire.MembershipRecordType(rapid.IntRange(1, 6).Draw(t, "type"))
		records = append(records, wire.MembershipRecord{Type: kind, Group: drawGroup(t, n), Sources: drawSources(t, n)})
	}
	return records
}

func addrs(ips []net.IP) (list []netip.Addr) {
	for _, ip := range ips {
		list = append(list, addr(ip))
	}
	return list
}

func TestIGMP(t *testing.T) {
	igmp := func(t *rapid.T, b []byte) gopacket.Packet {
		if r := wire.VerifyChecksum(wire.ProtocolIGMP, netip.Addr{}, netip.Addr{}, b, nil); r != wire.OK {
			t.Fatal(r)
		}
		return decode(t, b, layers.LayerTypeIGMP)
	}
	rapid.Check(t, func(t *rapid.T) {
		q := wire.MembershipQuery{
			Version: 3, Group: drawGroup(t, 4), MaxResponse: time.Duration(rapid.IntRange(0, 127).Draw(t, "response")) * 100 * time.Millisecond,
			SuppressRouter: rapid.Bool().Draw(t, "S"), Robustness: uint8(rapid.IntRange(0, 7).Draw(t, "QRV")),
			Interval: time.Duration(rapid.IntRange(0, 127).Draw(t, "interval")) * time.Second, Sources: drawSources(t, 4),
		}
		v3 := layer[*layers.IGMP](t, igmp(t, q.AppendIGMP(nil)))
		// gopacket takes the interval, which is in seconds (RFC 9776, 4.1.7), for tenths.
		same(t, wire.MembershipQuery{Version: 3, Group: addr(v3.GroupAddress), MaxResponse: v3.MaxResponseTime, SuppressRouter: v3.SupressRouterProcessing,
			Robustness: v3.RobustnessValue, Interval: 10 * v3.IntervalTime, Sources: addrs(v3.SourceAddresses)}, q)

		records := drawRecords(t, 4)
		var got []wire.MembershipRecord
		for _, r := range layer[*layers.IGMP](t, igmp(t, wire.AppendIGMPReport(nil, records))).GroupRecords {
			got = append(got, wire.MembershipRecord{Type: wire.MembershipRecordType(r.Type), Group: addr(r.MulticastAddress), Sources: addrs(r.SourceAddresses)})
		}
		same(t, got, records)

		kind := rapid.SampledFrom([]wire.IGMPType{wire.IGMPv1Report, wire.IGMPv2Report, wire.IGMPv2Leave}).Draw(t, "type")
		m := wire.IGMP{Type: kind, Group: drawGroup(t, 4)}
		old := layer[*layers.IGMPv1or2](t, igmp(t, m.Append(nil)))
		same(t, wire.IGMP{Type: wire.IGMPType(old.Type), Group: addr(old.GroupAddress)}, m)
	})
}

func TestMLD(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := wire.MembershipQuery{
			Version: 2, Group: drawGroup(t, 16), MaxResponse: time.Duration(rapid.IntRange(0, 32767).Draw(t, "response")) * time.Millisecond,
			SuppressRouter: rapid.Bool().Draw(t, "S"), Robustness: uint8(rapid.IntRange(0, 7).Draw(t, "QRV")),
			Interval: time.Duration(rapid.IntRange(0, 127).Draw(t, "interval")) * time.Second, Sources: drawSources(t, 16),
		}
		v2 := layer[*layers.MLDv2MulticastListenerQueryMessage](t, decodeICMPv6(t, q.AppendMLD(nil)))
		same(t, wire.MembershipQuery{Version: 2, Group: addr(v2.MulticastAddress), MaxResponse: time.Duration(v2.MaximumResponseCode) * time.Millisecond,
			SuppressRouter: v2.SuppressRoutersideProcessing, Robustness: v2.QueriersRobustnessVariable,
			Interval: time.Duration(v2.QueriersQueryIntervalCode) * time.Second, Sources: addrs(v2.SourceAddresses)}, q)

		records := drawRecords(t, 16)
		var got []wire.MembershipRecord
		for _, r := range layer[*layers.MLDv2MulticastListenerReportMessage](t, decodeICMPv6(t, wire.AppendMLDReport(nil, records))).MulticastAddressRecords {
			got = append(got, wire.MembershipRecord{Type: wire.MembershipRecordType(r.RecordType), Group: addr(r.MulticastAddress), Sources: addrs(r.SourceAddresses)})
		}
		same(t, got, records)

		m := wire.MLD{Type: wire.ICMPv6MLDv1Done, Group: drawGroup(t, 16)}
		done := layer[*layers.MLDv1MulticastListenerDoneMessage](t, decodeICMPv6(t, m.Append(nil)))
		same(t, addr(done.MulticastAddress), m.Group)
	})
}
