package host

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// FuzzHost delivers arbitrary frames to a host with everything open. Each input is a
// run of frames: two bytes of length, a byte of flags (checksums made right or left,
// cut in two, vouched for), and the frame.
//
// Nothing panics, what is sent is well formed, and every bound holds.
func FuzzHost(f *testing.F) {
	seed := func(frames ...[]byte) {
		var in []byte
		for _, b := range frames {
			in = binary.BigEndian.AppendUint16(in, uint16(len(b)))
			in = append(append(in, 1), b...)
		}
		f.Add(in)
	}
	syn := tcpPacket(fromPeer4, toTCP4, wire.SYN, 1, 0)
	seed(good4(), good6(), frame(echoRequest(peer4, host4, "x")), frame(echoRequest(peer6, host6, "x")))
	seed(frame(syn), frame(tcpPacket(fromPeer4, toTCP4, wire.ACK, 2, 1)), frame(tcpPacket(fromPeer6, toTCP6, wire.SYN, 1, 0)))
	seed(piece4(peer4, 1, 0, true, make([]byte, 16)), piece4(peer4, 1, 16, false, make([]byte, 5)))
	seed(piece6(1, 0, true, wire.ProtocolUDP, make([]byte, 16)), piece6(1, 16, false, wire.ProtocolUDP, make([]byte, 5)))
	seed(solicitation(peer6, host6), advertisement(peer6, otherMAC, true), arpFrame(wire.ARPRequest, otherMAC, peer4, wire.MAC{}, host4))
	seed(quoting4(udpPacket(toUDP4, fromPeer4, "x")), quoting(3, 4, 600, syn), quoting(2, 0, 1300, udpPacket(toUDP6, fromPeer6, "x")))
	seed(extension6(wire.ProtocolDestination, options6(wire.ProtocolICMPv6, 0x80|30, 4, 0, 0, 0, 0)), options4(7, 7, 4, 0, 0, 0, 0))
	seed(routerPacket(router1, slaacMessage(1, 2)), frame(redirectPacket(router1)), routerPacket(router1, wire.RouterAdvertisement{}))

	f.Fuzz(func(t *testing.T, in []byte) {
		clock := &handClock{now: time.Unix(1e9, 0)}
		config := Config{Clock: clock, Rand: rand.NewChaCha8([32]byte{1}), MaxNeighbours: 4, MaxConnections: 4, MaxReassemblyDatagrams: 2, UDPReceiveBuffer: 8 << 10}
		r := newRig(t, config, link.Info{})
		r.listen()
		r.autoconfigure()
		conn, err := r.h.DialTCP(netip.AddrPortFrom(host4, 1000), fromPeer4, TCPOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		for len(in) > 3 {
			n, flags := int(binary.BigEndian.Uint16(in)), in[2]
			in = in[3:]
			n = min(n, len(in))
			r.fuzzFrame(in[:n:n], flags)
			in = in[n:]
			clock.advance(time.Duration(flags>>4) * 700 * time.Millisecond)
			r.checkBounds()
		}
		for _, sent := range r.l.take() {
			if e, _, _ := wire.ParseEthernet(sent.frame); e.Type != wire.EtherTypeARP && sent.offload.Checksum == link.ChecksumNone {
				r.parse(sent.frame)
			}
		}
	})
}

// fuzzFrame delivers b; flag 1 makes its checksums right, 2 cuts it in two, 4 says
// that somebody has checked it.
func (r *rig) fuzzFrame(b []byte, flags byte) {
	if flags&1 != 0 {
		b = mend(b)
	}
	p := link.Packet{Data: [][]byte{b}}
	if flags&2 != 0 {
		p.Data = [][]byte{b[:len(b)*2/3], b[len(b)*2/3:]}
	}
	if flags&4 != 0 {
		p.Offload.Checksum = link.ChecksumVerified
	}
	r.deliver([]link.Packet{p})
}

// mend returns a copy of a frame whose checksums are right, as far as it can be told
// where they are.
func mend(b []byte) []byte {
	b = append([]byte(nil), b...)
	if len(b) < ipAt+wire.IPv4Len {
		return b
	}
	packet := b[ipAt:]
	if packet[0]>>4 == 4 {
		resum(packet)
		if h, n, bad := wire.ParseIPv4(packet, len(packet)); bad == wire.OK && checksumFits(h.Protocol, packet[n:h.TotalLen]) {
			wire.SetChecksum(h.Protocol, h.Src, h.Dst, packet[n:h.TotalLen], nil)
		}
	} else if h, n, bad := wire.ParseIPv6(packet, len(packet)); bad == wire.OK && checksumFits(h.NextHeader, packet[n:n+h.PayloadLen]) {
		wire.SetChecksum(h.NextHeader, h.Src, h.Dst, packet[n:n+h.PayloadLen], nil)
	}
	return b
}

func checksumFits(p wire.Protocol, b []byte) bool {
	at := p.ChecksumOffset()
	return at >= 0 && len(b) >= at+2
}

// checkBounds checks what the host promises to keep small.
func (r *rig) checkBounds() {
	r.Helper()
	ifc := r.h.net.Load().places[1].ifc
	if n := len(ifc.neighbours.cache.entries); n > r.h.config.MaxNeighbours {
		r.Fatalf("%d neighbours", n)
	}
	a := ifc.autoconf
	if n := len(a.routers.routers); n > maxRouters {
		r.Fatalf("%d routers", n)
	}
	if n, most := len(r.h.Routes()), 2*len(hostNets)+1+maxLinkPrefixes+1+maxRedirects; n > most {
		r.Fatalf("%d routes, want at most %d", n, most)
	}
	if n, most := len(r.h.Interfaces()[0].Addrs), len(hostNets)+1+maxAutoconf; n > most || len(a.duplicates.checks) != n {
		r.Fatalf("%d addresses, want at most %d, and %d that are checked", n, most, len(a.duplicates.checks))
	}
	if n := len(r.h.reassembly.m.partials); n > r.h.config.MaxReassemblyDatagrams {
		r.Fatalf("%d datagrams in reassembly", n)
	}
	if n := r.h.Stats().TCP.Connections; n > r.h.config.MaxConnections {
		r.Fatalf("%d connections", n)
	}
	for _, c := range r.h.udp.all() {
		if c.queued > r.h.config.UDPReceiveBuffer {
			r.Fatalf("%d bytes queued", c.queued)
		}
	}
}

// A handClock stands still until the test advances it, and then calls what is due on
// the test's goroutine.
type handClock struct {
	now   time.Time
	alarm *handTimer
}

type handTimer struct {
	c  *handClock
	at time.Time
	f  func()
}

func (c *handClock) Now() time.Time { return c.now }

// AfterFunc is called once by a host: it has one alarm.
func (c *handClock) AfterFunc(d time.Duration, f func()) Timer {
	c.alarm = &handTimer{c: c, at: c.now.Add(d), f: f}
	return c.alarm
}

func (t *handTimer) Reset(d time.Duration) bool {
	was := !t.at.IsZero()
	t.at = t.c.now.Add(d)
	return was
}

func (t *handTimer) Stop() bool {
	was := !t.at.IsZero()
	t.at = time.Time{}
	return was
}

func (c *handClock) advance(d time.Duration) {
	end := c.now.Add(d)
	for c.alarm != nil && !c.alarm.at.IsZero() && !c.alarm.at.After(end) {
		if c.alarm.at.After(c.now) {
			c.now = c.alarm.at
		}
		c.alarm.at = time.Time{}
		c.alarm.f()
	}
	c.now = end
}
