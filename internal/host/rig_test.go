package host

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"testing"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// The addresses of the tests: the host under test and its one neighbour.
var (
	hostMAC  = wire.MAC{2, 0, 0, 0, 0, 1}
	peerMAC  = wire.MAC{2, 0, 0, 0, 0, 2}
	host4    = netip.MustParseAddr("10.0.0.1")
	peer4    = netip.MustParseAddr("10.0.0.2")
	host6    = netip.MustParseAddr("2001:db8::1")
	peer6    = netip.MustParseAddr("2001:db8::2")
	far4     = netip.MustParseAddr("192.0.2.9") // behind the gateway, which is the peer
	far6     = netip.MustParseAddr("2001:db8:9::9")
	hostNets = []netip.Prefix{netip.PrefixFrom(host4, 24), netip.PrefixFrom(host6, 64)}
)

// A testLink is a link whose other end is the test.
type testLink struct {
	info    link.Info
	deliver chan func([]link.Packet) // gets what Receive was called with
	done    chan struct{}
	once    sync.Once

	mu      sync.Mutex
	sent    []sentPacket
	room    int // packets that Send still takes; < 0: all
	refuse  error
	onSend  func([]link.Packet)
	all     bool // housekeeping is recorded as well
	discard bool // nothing is kept of what is sent
}

// A sentPacket is a copy of what a host gave to its link.
type sentPacket struct {
	frame   []byte
	offload link.Offload
	pieces  int
}

func newTestLink(info link.Info) *testLink {
	info.Queues = 1
	if info.MTU == 0 {
		info.MTU = 1500
	}
	if info.MaxPieces == 0 {
		info.MaxPieces = 64
	}
	return &testLink{info: info, deliver: make(chan func([]link.Packet), 1), done: make(chan struct{}), room: -1}
}

func (l *testLink) Info() link.Info { return l.info }

func (l *testLink) Send(batch []link.Packet) (int, error) {
	l.mu.Lock()
	n := len(batch)
	if !l.all && l.info.Medium == link.Ethernet && housekeeping(slices.Concat(batch[0].Data...)) {
		l.mu.Unlock()
		return n, nil
	}
	if l.refuse != nil {
		l.mu.Unlock()
		return 0, l.refuse
	}
	if l.room >= 0 {
		n = min(n, l.room)
		l.room -= n
	}
	for i := range batch[:n] {
		if l.discard {
			break
		}
		l.sent = append(l.sent, sentPacket{slices.Concat(batch[i].Data...), batch[i].Offload, len(batch[i].Data)})
	}
	onSend := l.onSend
	l.mu.Unlock()
	if onSend != nil {
		onSend(batch)
	}
	return n, nil
}

func (l *testLink) Receive(_ int, deliver func([]link.Packet)) error {
	l.deliver <- deliver
	<-l.done
	return nil
}

func (l *testLink) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

// housekeeping says whether a frame is what a host sends by itself because it has
// an interface with addresses: most tests are about something else.
func housekeeping(frame []byte) bool {
	eth, n, _ := wire.ParseEthernet(frame)
	packet := frame[n:]
	if isMembership(frame) {
		return true
	}
	switch eth.Type {
	case wire.EtherTypeARP: // probes and announcements
		a, _ := wire.ParseARP(packet)
		return a.Operation == wire.ARPRequest && (a.Sender.IsUnspecified() || a.Sender == a.Target)
	case wire.EtherTypeIPv6: // router solicitations, those that look for duplicates, announcements
		ip, n, _ := wire.ParseIPv6(packet, len(packet))
		if ip.NextHeader != wire.ProtocolICMPv6 {
			return false
		}
		t := wire.ICMPv6Type(packet[n])
		return t == wire.ICMPv6RouterSolicitation || t == wire.ICMPv6NeighborSolicitation && ip.Src.IsUnspecified() ||
			t == wire.ICMPv6NeighborAdvertisement && ip.Dst == allNodesLink
	}
	return false
}

// isMembership says whether a frame holds a message of IGMP, or a report of MLDv2.
func isMembership(frame []byte) bool {
	eth, n, _ := wire.ParseEthernet(frame)
	switch packet := frame[n:]; eth.Type {
	case wire.EtherTypeIPv4:
		return wire.Protocol(packet[9]) == wire.ProtocolIGMP
	case wire.EtherTypeIPv6:
		x, n, _ := wire.ParseIPv6Extensions(wire.Protocol(packet[6]), packet[wire.IPv6Len:])
		return x.Protocol == wire.ProtocolICMPv6 && wire.ICMPv6Type(packet[wire.IPv6Len+n]) == wire.ICMPv6MLDv2Report
	}
	return false
}

// take returns what was sent since the last call.
func (l *testLink) take() []sentPacket {
	l.mu.Lock()
	defer l.mu.Unlock()
	sent := l.sent
	l.sent = nil
	return sent
}

// A rig is a host with a testLink, and a neighbour that it knows.
type rig struct {
	*testing.T
	h       *Host
	l       *testLink
	deliver func([]link.Packet)
}

// newRig makes a host on an Ethernet link; config and info may be zero.
func newRig(t *testing.T, config Config, info link.Info) *rig {
	t.Helper()
	if config.Rand == nil {
		config.Rand = rand.NewChaCha8([32]byte{1})
	}
	h, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{T: t, h: h, l: newTestLink(info)}
	err = h.Attach(r.l, InterfaceConfig{
		Name: "eth0", Addrs: hostNets, Gateways: []netip.Addr{peer4, peer6}, MAC: hostMAC,
	})
	if err != nil {
		t.Fatal(err)
	}
	r.deliver = <-r.l.deliver
	t.Cleanup(func() { h.Close() })
	checked(h)
	if info.Medium == link.Ethernet {
		r.introduce()
	}
	return r
}

// checked lets h's checks for duplicate addresses be over.
func checked(h *Host) {
	for _, p := range h.net.Load().places[1:] {
		if p.ifc.autoconf != nil {
			now := h.clock.Now()
			p.ifc.autoconf.timer.owner.fire(now.Add(retransTimer))
			p.ifc.autoconf.timer.owner.fire(now.Add(retransTimer + announceInterval))
		}
	}
}

// linkLocal returns the link-local address that the host has made for itself on
// the rig's link.
func (r *rig) linkLocal() netip.Addr {
	r.Helper()
	for _, a := range r.h.net.Load().places[1].addrs {
		if a.origin == originLinkLocal {
			return a.prefix.Addr()
		}
	}
	r.Fatal("no link-local address")
	return netip.Addr{}
}

// autoconfigure lets the host look for routers on the rig's link.
func (r *rig) autoconfigure() { r.h.net.Load().places[1].ifc.autoconf.start(r.h.clock.Now(), true) }

// introduce lets the host learn the peer's MAC for both families.
func (r *rig) introduce() {
	r.Helper()
	r.inject(arpFrame(wire.ARPRequest, peerMAC, peer4, wire.MAC{}, host4))
	r.inject(solicitation(peer6, host6))
	if sent := r.l.take(); len(sent) != 2 {
		r.Fatalf("%d answers to an ARP request and a neighbour solicitation, want 2", len(sent))
	}
}

// inject delivers one packet of these pieces.
func (r *rig) inject(pieces ...[]byte) {
	r.deliver([]link.Packet{{Data: pieces}})
}

// counted runs f and checks that it makes the counters of the given reasons rise
// by one each, and no other.
func (r *rig) counted(f func(), want ...Reason) {
	r.Helper()
	before := r.h.Stats()
	f()
	after := r.h.Stats()
	for i := range after.Drops {
		n := uint64(0)
		for _, w := range want {
			if w == Reason(i) {
				n++
			}
		}
		if got := after.Drops[i] - before.Drops[i]; got != n {
			r.Errorf("%d packets counted under %q, want %d", got, Reason(i), n)
		}
	}
}

// one returns the only packet that was sent.
func (r *rig) one() []byte {
	r.Helper()
	sent := r.l.take()
	if len(sent) != 1 {
		r.Fatalf("%d packets sent, want 1", len(sent))
	}
	return sent[0].frame
}

// silent checks that nothing was sent.
func (r *rig) silent() {
	r.Helper()
	for _, p := range r.l.take() {
		r.Errorf("sent % x, want nothing", p.frame)
	}
}

// parsed is what a sent frame holds.
type parsed struct {
	eth      wire.Ethernet
	ip4      wire.IPv4
	ip6      wire.IPv6
	src, dst netip.Addr
	protocol wire.Protocol
	payload  []byte // from the transport header on
}

// parse takes a frame apart, and checks all of its checksums.
func (r *rig) parse(frame []byte) (p parsed) {
	r.Helper()
	n := 0
	if r.l.info.Medium == link.Ethernet {
		var bad wire.Reason
		if p.eth, n, bad = wire.ParseEthernet(frame); bad != wire.OK {
			r.Fatalf("sent a frame that is wrong: %v", bad)
		}
	}
	b := frame[n:]
	var bad wire.Reason
	if b[0]>>4 == 4 {
		if p.ip4, n, bad = wire.ParseIPv4(b, len(b)); bad == wire.OK && p.ip4.TotalLen != len(b) {
			r.Fatalf("total length %d of a packet of %d bytes", p.ip4.TotalLen, len(b))
		}
		p.src, p.dst, p.protocol = p.ip4.Src, p.ip4.Dst, p.ip4.Protocol
	} else {
		if p.ip6, n, bad = wire.ParseIPv6(b, len(b)); bad == wire.OK && p.ip6.PayloadLen != len(b)-n {
			r.Fatalf("payload length %d of %d bytes", p.ip6.PayloadLen, len(b)-n)
		}
		p.src, p.dst, p.protocol = p.ip6.Src, p.ip6.Dst, p.ip6.NextHeader
	}
	if bad != wire.OK {
		r.Fatalf("sent an IP header that is wrong: %v", bad)
	}
	p.payload = b[n:]
	fragment := p.ip4.MoreFragments || p.ip4.FragmentOffset > 0 || p.protocol == wire.ProtocolFragment
	if bad := wire.VerifyChecksum(p.protocol, p.src, p.dst, p.payload, nil); !fragment && bad != wire.OK {
		r.Fatalf("sent a packet that is wrong: %v", bad)
	}
	return p
}

// icmp takes an ICMP message of either family apart.
func (r *rig) icmp(frame []byte) (p parsed, typ, code uint8, word uint32, body []byte) {
	r.Helper()
	p = r.parse(frame)
	if p.protocol != wire.ProtocolICMPv4 && p.protocol != wire.ProtocolICMPv6 {
		r.Fatalf("protocol %d, want ICMP", p.protocol)
	}
	b := p.payload
	return p, b[0], b[1], binary.BigEndian.Uint32(b[4:]), b[8:]
}

// canceled returns a context that is over.
func canceled(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
