package host

import (
	"context"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// piece4 makes a fragment in its frame; offset in bytes.
func piece4(src netip.Addr, id uint16, offset int, more bool, payload []byte) []byte {
	h := wire.IPv4{
		TotalLen: wire.IPv4Len + len(payload), ID: id, FragmentOffset: offset, MoreFragments: more,
		TTL: 64, Protocol: wire.ProtocolUDP, Src: src, Dst: host4,
	}
	return frame(append(h.Append(nil), payload...))
}

// piece6 is the same for IPv6.
func piece6(id uint32, offset int, more bool, next wire.Protocol, payload []byte) []byte {
	f := wire.IPv6Fragment{NextHeader: next, Offset: offset, MoreFragments: more, ID: id}
	return frame(rawIP(peer6, host6, wire.ProtocolFragment, append(f.Append(nil), payload...)))
}

// from returns the IPv4 or IPv6 datagram good4 or good6 with another source.
func from(src netip.Addr) []byte {
	dst := toUDP4
	if src.Is6() {
		dst = toUDP6
	}
	return frame(udpPacket(netip.AddrPortFrom(src, 9), dst, "question"))
}

// to is the same with another destination.
func to(dst netip.Addr) []byte {
	src := fromPeer4
	if dst.Is6() {
		src = fromPeer6
	}
	return frame(udpPacket(src, netip.AddrPortFrom(dst, udpPort), "question"))
}

var (
	directed  = netip.MustParseAddr("10.0.0.255") // broadcast of the host's network
	group4    = netip.MustParseAddr("224.0.0.1")
	group6    = netip.MustParseAddr("ff02::1")
	other4    = netip.MustParseAddr("10.0.0.77")
	other6    = netip.MustParseAddr("2001:db8::77")
	otherMAC  = wire.MAC{2, 0, 0, 0, 0, 9}
	loopback4 = netip.MustParseAddr("127.0.0.1")
)

func TestDropsForHostReasons(t *testing.T) {
	tagged := wire.Ethernet{Dst: hostMAC, Src: peerMAC, Tagged: true, VLAN: 5, Type: wire.EtherTypeIPv4}
	probe := frame(withHopLimit(ip(peer6, host6, wire.ProtocolICMPv6, append([]byte{137, 0, 0, 0, 0, 0, 0, 0}, make([]byte, 32)...)), 255))
	half := udpPacket(fromPeer4, toUDP4, "question")[wire.IPv4Len:]
	quoted := func(port uint16, size int) []byte {
		q := udpPacket(toUDP4, fromPeer4, "answer")
		q = change(q, 2, byte(size>>8), byte(size))
		return change(q, wire.IPv4Len+1, byte(port))
	}
	tooBig := wire.ICMPv4{Type: wire.ICMPv4Unreachable, Code: wire.ICMPv4CodeFragmentation, MTU: 1400, Body: quoted(udpPort, 1300)}
	cases := []dropCase{
		{reason: ReasonIGMPType, packet: igmpFrame(allHosts, (&wire.IGMP{Type: wire.IGMPv2Leave, Group: someGroup4}).Append(nil))},
		{reason: ReasonEmpty, packet: []byte{}},
		{reason: ReasonFrameAddress, packet: change(good4(), 0, otherMAC[:]...)},
		{reason: ReasonFrameSource, packet: change(good4(), 6, wire.Broadcast[:]...)},
		{reason: ReasonVLAN, packet: append(tagged.Append(nil), good4()[ipAt:]...)},
		{reason: ReasonEtherType, packet: change(good4(), etAt, 0x88, 0xcc)},
		{reason: ReasonSource, name: "source is a group", packet: from(netip.MustParseAddr("224.0.0.5"))},
		{reason: ReasonSource, name: "source is the limited broadcast", packet: from(limitedBroadcast)},
		{reason: ReasonSource, name: "source is a directed broadcast", packet: from(directed)},
		{reason: ReasonSource, name: "source is unspecified", packet: from(netip.IPv4Unspecified())},
		{reason: ReasonSource, name: "source is in 0/8", packet: from(netip.MustParseAddr("0.1.2.3"))},
		{reason: ReasonSource, name: "source is loopback", packet: from(netip.MustParseAddr("127.9.9.9"))},
		{reason: ReasonSource, name: "IPv6 source is unspecified", packet: from(netip.IPv6Unspecified())},
		{reason: ReasonSource, name: "IPv6 source is loopback", packet: from(netip.IPv6Loopback())},
		{reason: ReasonSource, name: "IPv6 source is a group", packet: from(group6)},
		{reason: ReasonSource, name: "IPv6 echo from the unspecified address", packet: frame(echoRequest(netip.IPv6Unspecified(), host6, ""))},
		{reason: ReasonSourceOwn, packet: change(frame(udpPacket(netip.AddrPortFrom(host4, 9), netip.AddrPortFrom(group4, udpPort), "x")), 0, 1, 0, 0x5e, 0, 0, 1)},
		{reason: ReasonLand, packet: frame(tcpPacket(toTCP4, toTCP4, wire.SYN, 1, 0))},
		{reason: ReasonLand, name: "IPv6 land", packet: frame(tcpPacket(toTCP6, toTCP6, wire.SYN, 1, 0))},
		{reason: ReasonDestination, packet: to(loopback4)},
		{reason: ReasonDestination, name: "destination is ::1", packet: to(netip.IPv6Loopback())},
		{reason: ReasonDestination, name: "destination is unspecified", packet: to(netip.IPv4Unspecified())},
		{reason: ReasonNotForUs, packet: to(other4)},
		{reason: ReasonNotForUs, name: "IPv6 destination is another host", packet: to(other6)},
		{reason: ReasonNotJoined, name: "group that we are not in", packet: to(netip.MustParseAddr("224.0.0.9"))},
		{reason: ReasonFrameBroadcast, packet: frameTo(wire.Broadcast, wire.EtherTypeIPv4, good4()[ipAt:])},
		{reason: ReasonSourceRoute, packet: options4(1, 131, 7, 4, 10, 0, 0, 9, 0)},
		{reason: ReasonSourceRoute, name: "strict source route", packet: options4(137, 7, 4, 10, 0, 0, 9, 0)},
		{reason: ReasonProtocol, packet: frame(rawIP(peer4, host4, 99, []byte("what?"))), answer: true},
		{reason: ReasonProtocol, name: "no next header", packet: frame(rawIP(peer6, host6, wire.ProtocolNone, nil))},

		{reason: ReasonFragmentHeader, packet: piece6(1, 0, true, wire.ProtocolTCP, make([]byte, 16)), answer: true},
		{reason: ReasonFragmentDuplicate, packet: piece4(peer4, 1, 0, true, nil)},

		{reason: ReasonARPTarget, packet: arpFrame(wire.ARPRequest, otherMAC, other4, wire.MAC{}, netip.MustParseAddr("10.0.0.78"))},
		{reason: ReasonARPSender, packet: arpFrame(wire.ARPRequest, wire.Broadcast, peer4, wire.MAC{}, host4)},
		{reason: ReasonARPSender, name: "ARP sender is a group's address", packet: arpFrame(wire.ARPRequest, peerMAC, directed, wire.MAC{}, host4)},
		{reason: ReasonConflict, packet: arpFrame(wire.ARPRequest, peerMAC, host4, wire.MAC{}, host4), answer: true},
		{reason: ReasonARPSender, name: "own ARP packet that comes back", packet: change(arpFrame(wire.ARPRequest, hostMAC, host4, wire.MAC{}, other4), 6, hostMAC[:]...)},
		{reason: ReasonConflict, name: "advertisement of an own address", packet: fixed6(change(advertisement(host6, otherMAC, false), ipAt+8, other6.AsSlice()...))},
		{reason: ReasonNDTarget, packet: fixed6(change(solicitation(peer6, host6), nd+8, other6.AsSlice()...))},
		{reason: ReasonNDFragment, packet: frame(withHopLimit(rawIP(peer6, host6, wire.ProtocolFragment,
			append([]byte{byte(wire.ProtocolICMPv6), 0, 0, 0, 0, 0, 0, 1}, advertisement(peer6, peerMAC, false)[nd:]...)), 255))},
		{reason: ReasonNDUnsolicited, packet: advertisement(other6, otherMAC, true)},
		{reason: ReasonNDUnsolicited, name: "ARP reply that nobody waits for", packet: arpFrame(wire.ARPReply, otherMAC, other4, hostMAC, host4)},

		{reason: ReasonICMPType, packet: frame(ip(peer4, host4, wire.ProtocolICMPv4, []byte{13, 0, 0, 0, 0, 0, 0, 0}))},
		// RFC 9293 MUST-55
		{reason: ReasonICMPType, name: "source quench", packet: frame(ip(peer4, host4, wire.ProtocolICMPv4, append([]byte{4, 0, 0, 0, 0, 0, 0, 0}, quoted(udpPort, 34)...)))},
		{reason: wireReason(wire.ReasonNDSource), name: "redirect", packet: probe},
		{reason: ReasonNDUnsolicited, name: "redirect of no router", packet: frame(redirectPacket(router1))},
		{reason: ReasonICMPType, name: "router advertisement", packet: routerPacket(router1, wire.RouterAdvertisement{RouterLifetime: 1800})},
		{reason: ReasonICMPEchoGroup, packet: frameTo(wire.Broadcast, wire.EtherTypeIPv4, echoRequest(peer4, directed, "x"))},
		{reason: ReasonICMPEchoUnknown, packet: frame(ip(peer4, host4, wire.ProtocolICMPv4, []byte{0, 0, 0, 0, 0, 7, 0, 1}))},
		{reason: ReasonICMPErrorUnknown, packet: quoting4(quoted(54, 34))},
		{reason: ReasonICMPErrorUnknown, name: "error about another host's packet", packet: quoting4(udpPacket(netip.AddrPortFrom(other4, 1), fromPeer4, ""))},
		{reason: ReasonICMPErrorMTU, packet: frame(ip(peer4, host4, wire.ProtocolICMPv4, tooBig.Append(nil)))},

		{reason: ReasonUDPPort, packet: change(good4(), udp4+2, 0, 54, 0, 16, 0, 0), answer: true},
		{reason: ReasonUDPPort, name: "short datagram to a closed port", packet: frame(rawIP(peer4, host4, wire.ProtocolUDP,
			append(udp(9, 54, ""), "beyond it"...))), answer: true},
		{reason: ReasonUDPPortZero, packet: change(good4(), udp4+2, 0, 0, 0, 16, 0, 0)},
		// RFC 9293 MUST-57
		{reason: ReasonTCPBroadcast, packet: frameTo(wire.Broadcast, wire.EtherTypeIPv4, tcpPacket(fromPeer4, netip.AddrPortFrom(directed, tcpPort), wire.SYN, 1, 0))},
		{reason: ReasonTCPBroadcast, name: "SYN to an IPv6 group", packet: frameTo(groupMAC(group6), wire.EtherTypeIPv6, tcpPacket(fromPeer6, netip.AddrPortFrom(group6, tcpPort), wire.SYN, 1, 0))},
		{reason: ReasonTCPNoConnection, packet: frame(tcpPacket(fromPeer4, netip.AddrPortFrom(host4, 81), wire.SYN, 1, 0)), answer: true},
		{reason: ReasonTCPNoConnection, name: "RST of no connection", packet: frame(tcpPacket(fromPeer4, netip.AddrPortFrom(host4, 81), wire.RST, 1, 0))},
	}
	// The limits of ICMP about what cannot be known to be one host's (RFC 1122, 3.2.2),
	// each of which is counted twice: dropped, and not answered.
	barred := []struct {
		name   string
		why    Reason
		packet []byte
	}{
		{"broadcast to a closed port", ReasonUDPPort, frameTo(wire.Broadcast, wire.EtherTypeIPv4, udpPacket(fromPeer4, netip.AddrPortFrom(directed, 54), "x"))},
		{"group's packet to a closed port", ReasonUDPPort, frameTo(groupMAC(group6), wire.EtherTypeIPv6, udpPacket(fromPeer6, netip.AddrPortFrom(group6, 54), "x"))},
		{"group's packet of an unknown protocol", ReasonProtocol, frameTo(groupMAC(group4), wire.EtherTypeIPv4, rawIP(peer4, group4, 99, nil))},
		{"ICMPv6 error with an unknown option", wireReason(wire.ReasonIPv6OptionUnknown), frame(rawIP(peer6, host6, wire.ProtocolDestination,
			append(options6(wire.ProtocolICMPv6, 0x80|30, 4, 0, 0, 0, 0), 1, 0, 0, 0, 0, 0, 0, 0)))},
	}
	seen := map[Reason]bool{ReasonICMPErrorBarred: true}
	runDrops(t, cases, seen)
	for _, c := range barred {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, Config{}, link.Info{})
			r.counted(func() { r.inject(c.packet) }, c.why, ReasonICMPErrorBarred)
			r.silent()
		})
	}
	for _, c := range append(statefulDrops(half), forwardDrops()...) {
		seen[c.reason] = true
		t.Run(c.reason.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, c.config, link.Info{Medium: c.medium})
				r.listen()
				c.run(r)
			})
		})
	}
	for r := Reason(firstOwnReason); r < numReasons; r++ {
		if !seen[r] {
			t.Errorf("no packet is dropped for %q here", r)
		}
	}
}

// A statefulDrop needs more than one packet: run makes the counter of reason rise.
type statefulDrop struct {
	reason Reason
	config Config
	medium link.Medium
	run    func(*rig)
}

func statefulDrops(half []byte) []statefulDrop {
	eight, sixteen := half[:8], half[:16]
	write := func(r *rig, to netip.Addr) {
		c, err := r.h.ListenUDP(netip.AddrPort{}, FamilyAny)
		if err != nil {
			r.Fatal(err)
		}
		if _, err := c.WriteTo([]byte("x"), netip.AddrPortFrom(to, 9)); err != nil {
			r.Fatal(err)
		}
	}
	return []statefulDrop{
		{reason: ReasonRouterLimit, run: func(r *rig) {
			r.autoconfigure()
			for range maxRouterBurst {
				r.inject(routerPacket(router1, wire.RouterAdvertisement{}))
			}
			r.counted(func() { r.inject(routerPacket(router2, wire.RouterAdvertisement{})) }, ReasonRouterLimit)
		}},
		{reason: ReasonRouterFull, run: func(r *rig) {
			r.autoconfigure()
			for i := range maxRouters {
				from := netip.AddrFrom16([16]byte{0: 0xfe, 1: 0x80, 15: byte(i + 1)})
				r.inject(routerPacket(from, wire.RouterAdvertisement{RouterLifetime: 1800}))
			}
			r.counted(func() { r.inject(routerPacket(router3, wire.RouterAdvertisement{RouterLifetime: 1800})) }, ReasonRouterFull)
		}},
		{reason: ReasonGroupLimit, run: joinTooMany},
		{reason: ReasonFrameIP, medium: link.IP, run: func(r *rig) {
			r.counted(func() { r.inject([]byte{0x50, 0}) }, ReasonFrameIP)
		}},
		{reason: ReasonFragmentOverlap, run: func(r *rig) {
			r.inject(piece4(peer4, 1, 0, true, sixteen))
			r.counted(func() { r.inject(piece4(peer4, 1, 8, false, slices.Repeat([]byte("x"), 8))) }, ReasonFragmentOverlap)
		}},
		{reason: ReasonFragmentOfDropped, run: func(r *rig) {
			r.inject(piece4(peer4, 1, 0, true, sixteen))
			r.inject(piece4(peer4, 1, 8, false, slices.Repeat([]byte("x"), 8)))
			r.counted(func() { r.inject(piece4(peer4, 1, 16, false, nil)) }, ReasonFragmentOfDropped)
		}},
		{reason: ReasonFragmentEnd, run: func(r *rig) {
			r.inject(piece4(peer4, 1, 8, false, eight))
			r.counted(func() { r.inject(piece4(peer4, 1, 16, true, eight)) }, ReasonFragmentEnd)
		}},
		{reason: ReasonFragmentHoles, run: func(r *rig) {
			for i := range maxHoles - 1 {
				r.inject(piece4(peer4, 1, 16*i+8, true, eight))
			}
			r.counted(func() { r.inject(piece4(peer4, 1, 16*maxHoles+8, true, eight)) }, ReasonFragmentHoles)
		}},
		{reason: ReasonReassemblyTime, run: func(r *rig) {
			r.inject(piece4(peer4, 1, 8, true, eight))
			r.counted(func() {
				time.Sleep(reassemblyTimeIPv4)
				synctest.Wait()
			}, ReasonReassemblyTime)
		}},
		{reason: ReasonReassemblyFull, config: Config{MaxReassemblyDatagrams: 2}, run: func(r *rig) {
			r.inject(piece4(peer4, 1, 0, true, eight))
			r.inject(piece4(peer4, 2, 0, true, eight))
			r.counted(func() { r.inject(piece4(peer4, 3, 0, true, eight)) }, ReasonReassemblyFull)
			r.silent()
		}},
		{reason: ReasonReassemblyMemory, config: Config{MemoryLimit: 4_500}, run: func(r *rig) {
			r.counted(func() { r.inject(piece4(peer4, 1, 0, true, eight)) }, ReasonReassemblyMemory)
			r.silent()
		}},
		{reason: ReasonUDPMemory, config: Config{MemoryLimit: 4_500}, run: func(r *rig) {
			r.inject(good4())
			r.counted(func() { r.inject(good4()) }, ReasonUDPMemory)
			r.silent()
		}},
		{reason: ReasonTCPMemory, config: Config{MemoryLimit: 7_000}, run: func(r *rig) {
			r.counted(func() { r.inject(frame(tcpPacket(fromPeer4, toTCP4, wire.SYN, 1, 0))) }, ReasonTCPMemory)
			r.silent()
		}},
		{reason: ReasonNeighbourQueue, run: func(r *rig) {
			for range maxQueuedPackets {
				write(r, other4)
			}
			r.counted(func() { write(r, other4) }, ReasonNeighbourQueue)
		}},
		{reason: ReasonNeighbourFailed, run: func(r *rig) {
			write(r, other4)
			r.counted(func() {
				time.Sleep(4 * time.Second)
				synctest.Wait()
			}, ReasonNeighbourFailed)
		}},
		{reason: ReasonNeighbourFull, config: Config{MaxNeighbours: 2}, run: func(r *rig) {
			write(r, other4) // behind the two that introduce has made, one of which goes
			r.counted(func() {
				for i := range 3 {
					r.inject(arpFrame(wire.ARPRequest, otherMAC, netip.AddrFrom4([4]byte{10, 0, 0, byte(100 + i)}), wire.MAC{}, host4))
				}
			}, ReasonNeighbourFull)
		}},
		{reason: ReasonNeighbourLimit, run: func(r *rig) {
			for i := range maxSolicitBurst {
				write(r, netip.AddrFrom16([16]byte{0x20, 1, 0x0d, 0xb8, 14: 1, 15: byte(i)}))
			}
			r.counted(func() { write(r, other4) }, ReasonNeighbourLimit)
		}},
		{reason: ReasonICMPErrorLimited, run: func(r *rig) {
			closed := change(good4(), udp4+2, 0, 54, 0, 16, 0, 0)
			n := 0
			for r.h.Stats().Drops[ReasonICMPErrorLimited] == 0 {
				r.inject(closed)
				n++
			}
			// How many go at once is left to chance: see TestRateLimitBurst.
			if sent := r.l.take(); len(sent) != n-1 || n < rateBurst/2 {
				r.Errorf("%d port unreachable sent for %d datagrams, of which one was limited", len(sent), n)
			}
			r.counted(func() { r.inject(closed) }, ReasonUDPPort, ReasonICMPErrorLimited)
			r.silent()
		}},
		{reason: ReasonPathMTUFull, run: func(r *rig) {
			r.counted(func() {
				for i := range maxPathMTUs + 1 {
					r.h.learnPathMTU(time.Now(), netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), 1000)
				}
			}, ReasonPathMTUFull)
		}},
		{reason: ReasonUDPQueueFull, config: Config{UDPReceiveBuffer: 3 * (2048 + udpBufferCost)}, run: func(r *rig) {
			r.counted(func() {
				for range 4 {
					r.inject(good4())
				}
			}, ReasonUDPQueueFull)
			r.silent()
		}},
		{reason: ReasonTCPBacklog, run: func(r *rig) {
			for i := range 8 {
				r.open(netip.AddrPortFrom(peer4, uint16(1000+i)))
			}
			r.counted(func() { r.inject(frame(tcpPacket(fromPeer4, toTCP4, wire.SYN, 1, 0))) }, ReasonTCPBacklog)
			r.silent()
		}},
		{reason: ReasonTCPConnections, config: Config{MaxConnections: 1}, run: func(r *rig) {
			r.inject(frame(tcpPacket(netip.AddrPortFrom(peer4, 1000), toTCP4, wire.SYN, 1, 0)))
			r.one()
			r.counted(func() { r.inject(frame(tcpPacket(fromPeer4, toTCP4, wire.SYN, 1, 0))) }, ReasonTCPConnections)
			r.silent()
		}},
		{reason: ReasonNoRoute, run: func(r *rig) {
			// Without an address of the family to answer from there is no way back.
			h, err := New(Config{})
			if err != nil {
				r.Fatal(err)
			}
			defer h.Close()
			l := newTestLink(link.Info{Medium: link.IP})
			if err := h.Attach(l, InterfaceConfig{Addrs: hostNets[:1]}); err != nil {
				r.Fatal(err)
			}
			deliver := <-l.deliver
			deliver([]link.Packet{{Data: [][]byte{echoRequest(far4, host4, "x")}}})
			if n := h.Stats().Drops[ReasonNoRoute]; n != 1 || len(l.take()) != 0 {
				r.Errorf("%d counted under %q, want 1", n, ReasonNoRoute)
			}
		}},
		{reason: ReasonLinkFull, run: func(r *rig) {
			r.l.room = 0
			r.counted(func() { write(r, peer4) }, ReasonLinkFull)
		}},
		{reason: ReasonLinkDown, run: func(r *rig) {
			r.h.net.Load().places[1].ifc.down.Store(true)
			r.counted(func() { r.inject(frame(echoRequest(peer4, host4, "x"))) }, ReasonNoRoute)
			c := r.h.net.Load().places[1].ifc
			r.counted(func() { c.transmitOrDrop([]link.Packet{{Data: [][]byte{good4()}}}) }, ReasonLinkDown)
		}},
	}
}

// A deadline of a test's own for what must come at once.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}
