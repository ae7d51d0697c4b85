package host

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/tcp"
	"github.com/usernet-go/usernet/wire"
)

// What RFC 9293 requires of TCP that its machine alone cannot show: checksums,
// addresses, IP options and ICMP. docs/requirements.md lists which test shows
// which requirement.

// A tcpPeer is the test as the other end of a connection of the host.
type tcpPeer struct {
	*rig
	host, peer netip.AddrPort
	seq, ack   wire.Seq // of the next segment
}

// families are the addresses of both ends in either family.
var families = []struct {
	name       string
	host, peer netip.Addr
}{{"IPv4", host4, peer4}, {"IPv6", host6, peer6}}

// inFamilies runs f in a bubble for each family; the peer's port is 4000, the
// host's 7.
func inFamilies(t *testing.T, config Config, info link.Info, f func(t *testing.T, p *tcpPeer)) {
	t.Helper()
	for _, family := range families {
		t.Run(family.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f(t, &tcpPeer{
					rig: newRig(t, config, info), seq: 300,
					host: netip.AddrPortFrom(family.host, 7), peer: netip.AddrPortFrom(family.peer, 4000),
				})
			})
		})
	}
}

// segment makes a packet of the peer with the next numbers.
func (p *tcpPeer) segment(flags wire.TCPFlags, o wire.TCPOptions, text string) []byte {
	h := wire.TCP{
		SrcPort: p.peer.Port(), DstPort: p.host.Port(), Seq: p.seq, Ack: p.ack, Flags: flags, Window: 65535, Options: o,
	}
	return ip(p.peer.Addr(), p.host.Addr(), wire.ProtocolTCP, append(h.Append(nil), text...))
}

// send sends a segment with ACK.
func (p *tcpPeer) send(text string) {
	p.inject(frame(p.segment(wire.ACK|wire.PSH, wire.TCPOptions{}, text)))
	p.seq = p.seq.Add(len(text))
}

// sentSegment is a segment that the host has sent.
type sentSegment struct {
	parsed
	wire.TCP
	text []byte
}

// segments returns what the host has sent since the last call: TCP segments of
// this connection only, whose checksums are right.
func (p *tcpPeer) segments() (segments []sentSegment) {
	p.Helper()
	for _, sent := range p.l.take() {
		s := sentSegment{parsed: p.parse(sent.frame)}
		if s.protocol != wire.ProtocolTCP {
			continue
		}
		h, n, r := wire.ParseTCP(s.payload, len(s.payload))
		if r != wire.OK {
			p.Fatalf("sent a segment that is wrong: %v", r)
		}
		s.TCP, s.text = h, s.payload[n:]
		segments = append(segments, s)
	}
	return segments
}

// segment1 returns the only segment that was sent, and takes note of its numbers.
func (p *tcpPeer) segment1() sentSegment {
	p.Helper()
	segments := p.segments()
	if len(segments) != 1 {
		p.Fatalf("%d segments sent, want 1", len(segments))
	}
	s := segments[0]
	p.ack = s.Seq.Add(len(s.text))
	if s.Flags&(wire.SYN|wire.FIN) != 0 {
		p.ack = p.ack.Add(1)
	}
	return s
}

// accept opens a connection to a listener of the host; the peer's SYN has the
// options o.
func (p *tcpPeer) accept(o wire.TCPOptions) *TCPConn {
	p.Helper()
	l, err := p.h.ListenTCP(p.host, FamilyAny, 10, TCPOptions{NoDelay: true})
	if err != nil {
		p.Fatal(err)
	}
	p.inject(frame(p.segment(wire.SYN, o, "")))
	if s := p.segment1(); s.Flags != wire.SYN|wire.ACK || s.src != p.host.Addr() {
		p.Fatalf("answer to a SYN is %s from %v", s.Notation(len(s.text)), s.src)
	}
	p.seq = p.seq.Add(1)
	p.send("")
	c, err := l.Accept()
	if err != nil {
		p.Fatal(err)
	}
	return c
}

// dial has the host dial, up to its SYN.
func (p *tcpPeer) dial(local netip.AddrPort) *TCPConn {
	p.Helper()
	c, err := p.h.DialTCP(local, p.peer, TCPOptions{})
	if err != nil {
		p.Fatal(err)
	}
	return c
}

var mss1000 = wire.TCPOptions{HasMSS: true, MSS: 1000}

func TestTCPChecksums(t *testing.T) {
	// RFC 9293 MUST-2, MUST-3
	inFamilies(t, Config{}, link.Info{}, func(t *testing.T, p *tcpPeer) {
		c := p.accept(mss1000)
		for n := range 20 { // segments checks what the host has summed, of odd and even length
			if _, err := c.Write(make([]byte, n)); err != nil {
				t.Fatal(err)
			}
		}
		text := []byte{}
		for _, s := range p.segments() {
			text = append(text, s.text...)
			p.ack = s.Seq.Add(len(s.text))
		}
		if len(text) != 190 {
			t.Errorf("%d bytes of text were sent, want 190", len(text))
		}
		wrong := p.segment(wire.ACK, wire.TCPOptions{}, "hello")
		wrong[len(wrong)-1] ^= 1
		p.counted(func() { p.inject(frame(wrong)) }, ReasonTCPChecksum)
		p.silent()
		p.send("right")
		b := make([]byte, 100)
		if n, err := c.Read(b); string(b[:n]) != "right" || err != nil {
			t.Errorf("Read returns %q, %v, want what had a right checksum", b[:n], err)
		}
	})
}

func TestTCPBatchHasOneACK(t *testing.T) {
	inFamilies(t, Config{TCP: tcp.Config{QuickACKs: -1}}, link.Info{}, func(t *testing.T, p *tcpPeer) {
		// RFC 9293 MUST-58, MUST-59
		p.accept(mss1000)
		var batch []link.Packet
		for range 20 {
			packet := p.segment(wire.ACK, wire.TCPOptions{}, string(make([]byte, 1000)))
			batch = append(batch, link.Packet{Data: [][]byte{frame(packet)}})
			p.seq = p.seq.Add(1000)
		}
		p.deliver(batch)
		if s := p.segment1(); s.Ack != p.seq {
			t.Errorf("a batch of 20 segments is answered by %s, want <ACK=%d>", s.Notation(0), p.seq)
		}
	})
}

// withIPOptions puts options between the IP header and the segment of a packet.
func withIPOptions(packet []byte, options []byte) []byte {
	if packet[0]>>4 == 4 {
		packet = append(packet[:20:20], append(options, packet[20:]...)...)
		packet[0] = 0x40 | byte(5+len(options)/4)
		packet[2], packet[3] = byte(len(packet)>>8), byte(len(packet))
		return resum(packet)
	}
	header := append([]byte{packet[6], byte(len(options)+2)/8 - 1}, options...)
	packet = append(packet[:40:40], append(header, packet[40:]...)...)
	packet[6] = byte(wire.ProtocolDestination)
	packet[4], packet[5] = byte((len(packet)-40)>>8), byte(len(packet)-40)
	return packet
}

func TestTCPIgnoresIPOptions(t *testing.T) {
	// RFC 9293 MUST-50
	inFamilies(t, Config{}, link.Info{}, func(t *testing.T, p *tcpPeer) {
		if _, err := p.h.ListenTCP(p.host, FamilyAny, 10, TCPOptions{}); err != nil {
			t.Fatal(err)
		}
		options := [][]byte{
			{1, 1, 1, 0},                           // no-operations, end
			{7, 7, 4, 0, 0, 0, 0, 0},               // record route
			{68, 12, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0}, // timestamp
			{148, 4, 0, 0},                         // router alert
			{94, 4, 1, 2},                          // an experiment
		}
		if p.host.Addr().Is6() {
			options = [][]byte{
				{1, 4, 0, 0, 0, 0},       // padding
				{0x1e, 4, 1, 2, 3, 4},    // unknown, to be skipped
				{0x3e, 2, 1, 2, 1, 0},    // unknown, may change on the way, to be skipped
				{0x1e, 0, 0x1e, 0, 0, 0}, // two of no length
			}
		}
		for i, o := range options {
			p.peer = netip.AddrPortFrom(p.peer.Addr(), uint16(5000+i))
			p.counted(func() { p.inject(frame(withIPOptions(p.segment(wire.SYN, mss1000, ""), o))) })
			if s := p.segment1(); s.Flags != wire.SYN|wire.ACK {
				t.Errorf("answer to a SYN with options % x is %s", o, s.Notation(0))
			}
		}
	})
}

// Source routes are a deviation: packets that have one are dropped.
func TestTCPSourceRoutes(t *testing.T) {
	// RFC 9293 MUST-51, MUST-52, MUST-53, SHLD-24
	inFamilies(t, Config{}, link.Info{}, func(t *testing.T, p *tcpPeer) {
		if _, err := p.h.ListenTCP(p.host, FamilyAny, 10, TCPOptions{}); err != nil {
			t.Fatal(err)
		}
		syn := p.segment(wire.SYN, mss1000, "")
		if p.host.Addr().Is6() {
			route := append([]byte{byte(wire.ProtocolTCP), 2, 0, 1, 0, 0, 0, 0}, other6.AsSlice()...)
			packet := append(syn[:40:40], append(route, syn[40:]...)...)
			packet[6], packet[5] = byte(wire.ProtocolRouting), byte(len(packet)-40)
			p.counted(func() { p.inject(frame(packet)) }, wireReason(wire.ReasonIPv6RoutingType))
			// RFC 5095, 3: an ICMPv6 Parameter Problem is sent, and nothing along the route.
			if got := p.parse(p.one()); got.protocol != wire.ProtocolICMPv6 || got.dst != p.peer.Addr() {
				t.Errorf("answer is of protocol %v to %v", got.protocol, got.dst)
			}
			return
		}
		for _, kind := range []byte{131, 137} { // loose and strict, completed as they arrive
			p.counted(func() {
				p.inject(frame(withIPOptions(syn, []byte{kind, 7, 8, 10, 0, 0, 9, 0})))
			}, ReasonSourceRoute)
			p.silent()
		}
	})
}

func TestTCPTimeToLive(t *testing.T) {
	for _, ttl := range []uint8{1, 64, 255} {
		inFamilies(t, Config{TTL: ttl}, link.Info{}, func(t *testing.T, p *tcpPeer) {
			// RFC 9293 MUST-49
			c := p.dial(netip.AddrPort{})
			syn := p.segment1()
			p.inject(frame(tcpPacket(p.peer, netip.AddrPortFrom(p.host.Addr(), 9), wire.SYN, 1, 0)))
			reset := p.segment1()
			for _, s := range []sentSegment{syn, reset} {
				if got := s.ip4.TTL + s.ip6.HopLimit; got != ttl {
					t.Errorf("%s has a time to live of %d, want %d", s.Notation(0), got, ttl)
				}
			}
			c.Close()
		})
	}
}

func TestTCPTrafficClass(t *testing.T) {
	inFamilies(t, Config{}, link.Info{}, func(t *testing.T, p *tcpPeer) {
		// RFC 9293 MUST-48, SHLD-21, SHLD-22
		c := p.accept(mss1000)
		for _, class := range []uint8{0, 46 << 2, 8 << 2, 255} { // as the connection goes on
			if class > 0 {
				if err := c.SetTrafficClass(class); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := c.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
			s := p.segment1()
			if got, want := s.ip4.TOS|s.ip6.TrafficClass, class&^3; got != want {
				t.Errorf("DiffServ field on the wire is %#x, want %#x: all but the bits of ECN", got, want)
			}
		}
		other := &tcpPeer{rig: p.rig, host: netip.AddrPortFrom(p.host.Addr(), 8), peer: p.peer, seq: 300}
		d := other.accept(mss1000)
		if _, err := d.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if s := other.segment1(); s.ip4.TOS|s.ip6.TrafficClass != 0 {
			t.Error("another connection has the DiffServ field too")
		}
	})
}

// RFC 9293, 3.8.3: "When the number of transmissions of the same segment reaches or
// exceeds threshold R1, pass negative advice [...] to the IP layer, to trigger
// dead-gateway diagnosis."
func TestTCPNegativeAdvice(t *testing.T) {
	inFamilies(t, Config{}, link.Info{}, func(t *testing.T, p *tcpPeer) {
		// RFC 9293 MUST-20, MUST-47, SHLD-9
		c := p.accept(mss1000)
		time.Sleep(delayFirstProbe + time.Millisecond)
		if n := p.solicited(); n != 0 {
			t.Fatalf("%d solicitations of a neighbour that was STALE and took part in a handshake, want none", n)
		}
		p.outstanding(c)
		time.Sleep(time.Second) // sent again after 200 ms, and after 400 ms more
		if n := p.solicited(); n != 0 || c.Info().NegativeAdvice {
			t.Errorf("%d solicitations of a neighbour that is REACHABLE, after %d retransmissions", n, c.Info().Retransmits)
		}
		time.Sleep(500 * time.Millisecond) // and after 800 ms: R1
		if n := p.solicited(); n != 1 || !c.Info().NegativeAdvice {
			t.Errorf("%d solicitations after %d retransmissions, want 1: the neighbour is doubted", n, c.Info().Retransmits)
		}
		p.answer()
		time.Sleep(10 * time.Second)
		if n := p.solicited(); n != 0 {
			t.Errorf("%d solicitations of a neighbour that has answered", n)
		}
		if got := c.Info().State; got != tcp.StateEstablished {
			t.Errorf("state is %v", got)
		}
	})
}

// solicited returns how often the host has asked for the peer since the last call.
func (p *tcpPeer) solicited() (n int) {
	p.Helper()
	for _, sent := range p.l.take() {
		if eth, at, _ := wire.ParseEthernet(sent.frame); eth.Type == wire.EtherTypeARP {
			if a, r := wire.ParseARP(sent.frame[at:]); r == wire.OK && a.Target == p.peer.Addr() {
				n++
			}
		} else if got := p.parse(sent.frame); got.src == p.host.Addr() && got.protocol == wire.ProtocolICMPv6 && wire.ICMPv6Type(got.payload[0]) == wire.ICMPv6NeighborSolicitation {
			n++
		}
	}
	return n
}

// answer answers the host's solicitation.
func (p *tcpPeer) answer() {
	if p.peer.Addr().Is4() {
		p.inject(arpFrame(wire.ARPReply, peerMAC, peer4, hostMAC, host4))
	} else {
		p.inject(advertisement(peer6, peerMAC, true))
	}
}

func TestTCPSegmentSizes(t *testing.T) {
	for _, mtu := range []int{1280, 1500, 9000} {
		inFamilies(t, Config{}, link.Info{MTU: mtu}, func(t *testing.T, p *tcpPeer) {
			// RFC 9293 MUST-15, MUST-67, SHLD-5, SHLD-6
			want, most := mtu-40, 536
			if p.host.Addr().Is6() {
				want, most = mtu-60, 1220
			}
			p.dial(netip.AddrPort{})
			if s := p.segment1(); !s.Options.HasMSS || int(s.Options.MSS) != want {
				t.Errorf("MSS in the SYN is %d, want %d", s.Options.MSS, want)
			}
			p.inject(frame(tcpPacket(netip.AddrPortFrom(p.peer.Addr(), 1), p.host, wire.RST, 1, 0)))
			c := p.accept(wire.TCPOptions{}) // a peer that sends no MSS option
			if _, err := c.Write(make([]byte, 5000)); err != nil {
				t.Fatal(err)
			}
			sent := p.l.take()
			longest := 0
			for _, s := range sent {
				got := p.parse(s.frame)
				h, n, _ := wire.ParseTCP(got.payload, len(got.payload))
				if longest = max(longest, len(got.payload)-n); h.Options.HasMSS {
					t.Error("MSS option on text")
				}
			}
			if longest != most {
				t.Errorf("segments to a peer without MSS option have up to %d bytes, want %d", longest, most)
			}
			// A link has one MTU; a path that turns out to be narrower does not change what we can receive.
			p.inject(tooBigFor(sent[0].frame[ipAt:], max(most, minMTUv6)))
			p.peer = netip.AddrPortFrom(p.peer.Addr(), 4001)
			p.inject(frame(p.segment(wire.SYN, mss1000, "")))
			if s := p.segment1(); int(s.Options.MSS) != want {
				t.Errorf("MSS in the SYN,ACK is %d, want %d", s.Options.MSS, want)
			}
		})
	}
}
