package host

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// igmpFrame puts an IGMP message from the peer into its frame.
func igmpFrame(dst netip.Addr, message []byte) []byte {
	h := wire.IPv4{
		TotalLen: igmpHeaders + len(message), TTL: 1, Protocol: wire.ProtocolIGMP, Src: peer4, Dst: dst,
		Options: []byte(wire.IPv4RouterAlert),
	}
	return frameTo(groupMAC(dst), wire.EtherTypeIPv4, append(h.Append(nil), message...))
}

// mldFrame puts an MLD message into its frame.
func mldFrame(src, dst netip.Addr, message []byte) []byte {
	message = append(wire.AppendIPv6Options(nil, wire.ProtocolICMPv6, []byte(wire.IPv6RouterAlertMLD)), message...)
	wire.SetChecksum(wire.ProtocolICMPv6, src, dst, message[8:], nil)
	return frameTo(groupMAC(dst), wire.EtherTypeIPv6, withHopLimit(rawIP(src, dst, wire.ProtocolHopByHop, message), 1))
}

var linkLocalPeer = netip.MustParseAddr("fe80::2")

func generalQuery(v6 bool) []byte {
	q := wire.MembershipQuery{Version: 3, Group: netip.IPv4Unspecified(), MaxResponse: time.Second}
	if v6 {
		q.Version, q.Group = 2, netip.IPv6Unspecified()
		return mldFrame(linkLocalPeer, allNodesLink, q.AppendMLD(nil))
	}
	return igmpFrame(allHosts, q.AppendIGMP(nil))
}

// groupDrops has messages of IGMP and MLD that are dropped.
func groupDrops() []dropCase {
	four, six := generalQuery(false), generalQuery(true)
	w := wireReason
	igmp := ipAt + igmpHeaders
	fixed := func(b []byte) []byte { resum(b[ipAt:]); return b }
	return []dropCase{
		{reason: w(wire.ReasonIGMPTruncated), packet: igmpFrame(allHosts, []byte{0x11, 0, 0xee, 0xff, 0, 0})},
		{reason: w(wire.ReasonIGMPChecksum), packet: change(four, igmp+1, 9)},
		{reason: w(wire.ReasonMembershipLength), packet: igmpFrame(allHosts, []byte{0x11, 0, 0xee, 0xff, 0, 0, 0, 0, 0, 0})},
		{reason: w(wire.ReasonMembershipLength), name: "MLD", packet: mldFrame(linkLocalPeer, allNodesLink, append([]byte{130}, make([]byte, 25)...))},
		{reason: w(wire.ReasonMembershipGroup), packet: igmpFrame(allHosts, (&wire.MembershipQuery{Version: 2, Group: peer4}).AppendIGMP(nil))},
		{reason: w(wire.ReasonMembershipGroup), name: "MLD report", packet: mldFrame(linkLocalPeer, allNodesLink, (&wire.MLD{Type: wire.ICMPv6MLDv1Report, Group: peer6}).Append(nil))},
		{reason: w(wire.ReasonMembershipSource), packet: mldFrame(peer6, allNodesLink, six[ipAt+mldHeaders:])},
		{reason: w(wire.ReasonMembershipHopLimit), packet: change(six, ipAt+7, 2)},
		{reason: w(wire.ReasonMembershipRouterAlert), packet: change(six, ipAt+wire.IPv6Len+2, 1, 4, 0, 0, 0, 0)},
		{reason: w(wire.ReasonMembershipRouterAlert), name: "IGMP", packet: fixed(change(four, ipAt+wire.IPv4Len, 1, 1, 1, 1))},
	}
}

// newGroupRig is newRig that shows housekeeping, less what went before.
func newGroupRig(t *testing.T) *rig {
	r := newRig(t, Config{}, link.Info{})
	// Of the bubble: the reports are repeated, and the peer, which answers no probe, is
	// forgotten.
	time.Sleep(10 * time.Second)
	r.l.mu.Lock()
	r.l.all = true
	r.l.mu.Unlock()
	return r
}

// records returns the groups of the reports that were sent, by type.
func (r *rig) records(v6 bool) map[netip.Addr]wire.MembershipRecordType {
	r.Helper()
	groups := make(map[netip.Addr]wire.MembershipRecordType)
	for _, sent := range r.l.take() {
		eth, _, _ := wire.ParseEthernet(sent.frame)
		packet := sent.frame[ipAt:]
		if !isMembership(sent.frame) || (packet[0]>>4 == 6) != v6 {
			continue
		}
		var records []wire.MembershipRecord
		var bad wire.Reason
		if v6 {
			h, n, _ := wire.ParseIPv6(packet, len(packet))
			message := packet[n+8:]
			if !wire.HasRouterAlert(packet[n:n+8]) || h.HopLimit != 1 || h.Dst != mldRouters || eth.Dst != groupMAC(mldRouters) || !h.Src.IsLinkLocalUnicast() {
				r.Fatalf("report with the header %+v in the frame %+v", h, eth)
			}
			if bad := wire.VerifyChecksum(wire.ProtocolICMPv6, h.Src, h.Dst, message, nil); bad != wire.OK {
				r.Fatal(bad)
			}
			records, bad = wire.ParseMLDReport(message)
		} else {
			h, n, _ := wire.ParseIPv4(packet, len(packet))
			if !h.RouterAlert() || h.TTL != 1 || h.TOS != 0xc0 || h.Dst != igmpRouters || eth.Dst != groupMAC(igmpRouters) || h.Src != host4 {
				r.Fatalf("report with the header %+v in the frame %+v", h, eth)
			}
			if bad := wire.VerifyChecksum(wire.ProtocolIGMP, h.Src, h.Dst, packet[n:], nil); bad != wire.OK {
				r.Fatal(bad)
			}
			records, bad = wire.ParseIGMPReport(packet[n:])
		}
		if bad != wire.OK {
			r.Fatal(bad)
		}
		for _, m := range records {
			groups[m.Group] = m.Type
		}
	}
	return groups
}

func (r *rig) reported(v6 bool, want map[netip.Addr]wire.MembershipRecordType) {
	r.Helper()
	got := r.records(v6)
	for g, kind := range want {
		if got[g] != kind {
			r.Errorf("%v is reported as %v, want %v", g, got[g], kind)
		}
	}
	if len(got) != len(want) {
		r.Errorf("reported %v, want %v", got, want)
	}
}

// A socket's group is reported when it joins and leaves, and when a router asks;
// those by which neighbours look for the host's addresses are, too.
func TestGroupReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newGroupRig(t)
		local := r.h.net.Load().places[1].addrs[2].prefix.Addr()
		own := map[netip.Addr]wire.MembershipRecordType{wire.SolicitedNode(host6): wire.ModeIsExclude, wire.SolicitedNode(local): wire.ModeIsExclude}
		c := listenUDP(t, r.h, netip.AddrPort{}, FamilyAny)
		for _, g := range []netip.Addr{someGroup4, someGroup6} {
			v6 := g.Is6()
			if err := c.JoinGroup("eth0", g); err != nil {
				t.Fatal(err)
			}
			r.reported(v6, map[netip.Addr]wire.MembershipRecordType{g: wire.ChangeToExcludeMode})
			time.Sleep(2 * time.Second)
			r.reported(v6, map[netip.Addr]wire.MembershipRecordType{g: wire.ChangeToExcludeMode})
			r.inject(generalQuery(v6))
			r.silent()
			time.Sleep(time.Second)
			want := map[netip.Addr]wire.MembershipRecordType{g: wire.ModeIsExclude}
			if v6 {
				own[g] = wire.ModeIsExclude
				want = own
			}
			r.reported(v6, want)
			if err := c.LeaveGroup("eth0", g); err != nil {
				t.Fatal(err)
			}
			r.reported(v6, map[netip.Addr]wire.MembershipRecordType{g: wire.ChangeToIncludeMode})
		}
	})
}

// RFC 9776, 9.1: "Hosts SHOULD ignore v1, v2, or v3 General Queries sent to a
// multicast address other than 224.0.0.1".
func TestGroupQueryDestination(t *testing.T) {
	r := newRig(t, Config{}, link.Info{})
	if err := listenUDP(t, r.h, netip.AddrPort{}, FamilyAny).JoinGroup("", someGroup4); err != nil {
		t.Fatal(err)
	}
	q := wire.MembershipQuery{Version: 3, Group: netip.IPv4Unspecified()}
	r.counted(func() { r.inject(igmpFrame(someGroup4, q.AppendIGMP(nil))) }, wireReason(wire.ReasonMembershipDestination))
	q.Group = someGroup4
	r.counted(func() { r.inject(igmpFrame(someGroup4, q.AppendIGMP(nil))) })
}

// RFC 4541, 2.1.1: a switch that asks in the place of a router has no address.
func TestGroupQueryFromNobody(t *testing.T) {
	r := newRig(t, Config{}, link.Info{})
	query := generalQuery(false)
	query = append(query[:ipAt:ipAt], resum(change(query[ipAt:], 12, 0, 0, 0, 0))...)
	r.counted(func() { r.inject(query) })
	datagram := udpPacket(netip.AddrPortFrom(netip.IPv4Unspecified(), 9), netip.AddrPortFrom(allHosts, udpPort), "x")
	r.counted(func() { r.inject(frameTo(groupMAC(allHosts), wire.EtherTypeIPv4, datagram)) }, ReasonSource)
}

// An address that comes or goes takes its solicited-node group along; what is closed
// leaves its groups, the interface all of them.
func TestGroupsFollowAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newGroupRig(t)
		added := netip.MustParsePrefix("2001:db8::abcd/64")
		group := wire.SolicitedNode(added.Addr())
		if err := r.h.AddAddress("eth0", added); err != nil {
			t.Fatal(err)
		}
		if got := r.records(true)[group]; got != wire.ChangeToExcludeMode {
			t.Errorf("address added: %v", got)
		}
		if err := r.h.RemoveAddress("eth0", added.Addr()); err != nil {
			t.Fatal(err)
		}
		if got := r.records(true)[group]; got != wire.ChangeToIncludeMode {
			t.Errorf("address removed: %v", got)
		}
		time.Sleep(5 * time.Second)
		r.l.take()

		c := listenUDP(t, r.h, netip.AddrPort{}, FamilyAny)
		other := listenUDP(t, r.h, netip.AddrPort{}, FamilyAny)
		c.JoinGroup("eth0", someGroup4)
		c.JoinGroup("eth0", otherGroup4)
		other.JoinGroup("eth0", otherGroup4)
		r.l.take()
		c.Close()
		r.reported(false, map[netip.Addr]wire.MembershipRecordType{someGroup4: wire.ChangeToIncludeMode})
		if err := r.h.Detach("eth0"); err != nil {
			t.Fatal(err)
		}
		r.l.mu.Lock()
		sent := append([]sentPacket(nil), r.l.sent...)
		r.l.mu.Unlock()
		r.reported(false, map[netip.Addr]wire.MembershipRecordType{otherGroup4: wire.ChangeToIncludeMode})
		r.l.mu.Lock()
		r.l.sent = sent
		r.l.mu.Unlock()
		if got := r.records(true)[wire.SolicitedNode(host6)]; got != wire.ChangeToIncludeMode {
			t.Errorf("interface detached: %v", got)
		}
		if err := other.LeaveGroup("eth0", otherGroup4); err != ErrNoInterface {
			t.Errorf("leaving by an interface that is gone: %v", err)
		}
		if err := other.LeaveGroup("", otherGroup4); err != nil {
			t.Errorf("leaving where the group was joined: %v", err)
		}
		if err := other.JoinGroup("eth0", otherGroup4); err != ErrNoInterface {
			t.Errorf("joining by an interface that is gone: %v", err)
		}
		other.Close()
	})
}

// RFC 9777, 5.2.14: reports come from the unspecified address until there is a
// link-local one, and are repeated then.
func TestGroupsWithoutAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, err := New(Config{})
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		l := newTestLink(link.Info{Medium: link.Ethernet})
		l.all = true
		if err := h.Attach(l, InterfaceConfig{Name: "eth0", MAC: hostMAC}); err != nil {
			t.Fatal(err)
		}
		c := listenUDP(t, h, netip.AddrPort{}, FamilyAny)
		for _, g := range []netip.Addr{someGroup4, someGroup6} {
			if err := c.JoinGroup("eth0", g); err != nil {
				t.Fatal(err)
			}
			packet := l.take()[0].frame[ipAt:]
			src, _ := netip.AddrFromSlice(packet[12:16])
			if g.Is6() {
				src, _ = netip.AddrFromSlice(packet[8:24])
			}
			if !src.IsUnspecified() {
				t.Errorf("%v is reported by %v", g, src)
			}
		}
		time.Sleep(5 * time.Second)
		l.take()
		for _, p := range hostNets {
			if err := h.AddAddress("eth0", p); err != nil {
				t.Fatal(err)
			}
		}
		r := &rig{T: t, h: h, l: l}
		if got := r.records(false); got[someGroup4] != wire.ChangeToExcludeMode {
			t.Errorf("with an IPv4 address: %v", got)
		}
	})
}

// joinTooMany joins one group more than may be.
func joinTooMany(r *rig) {
	c := listenUDP(r.T, r.h, netip.AddrPort{}, FamilyAny)
	for i := range maxGroups {
		if err := c.JoinGroup("eth0", netip.AddrFrom4([4]byte{239, 1, byte(i >> 8), byte(i)})); err != nil {
			r.Fatal(err)
		}
	}
	r.counted(func() {
		if err := c.JoinGroup("eth0", netip.MustParseAddr("239.9.9.9")); err != ErrNoBuffers {
			r.Errorf("one group more: %v", err)
		}
	}, ReasonGroupLimit)
}
