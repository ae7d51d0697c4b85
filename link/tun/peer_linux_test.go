package tun_test

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/tun"
	"github.com/usernet-go/usernet/wire"
)

// A packet is an IP packet that the kernel sent, with its transport header and
// what was said about it.
type packet struct {
	queue     int
	src, dst  netip.Addr
	protocol  wire.Protocol
	transport []byte // header and payload
	offload   link.Offload
	start     int // of the transport header in the frame
}

// A peer is the other end of the device for the kernel, just enough of a host
// that the kernel talks to it.
type peer struct {
	link.Link
	mac, kernel wire.MAC
	packets     chan packet // TCP, UDP and ICMP for us
	ended       chan error  // Receive's results
}

// newPeer opens a device in the test's namespace and configures the kernel's
// end of it.
func newPeer(t testing.TB, c tun.Config) *peer {
	t.Helper()
	l, err := tun.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	configure(t, c.Name)
	return startPeer(t, l, c.Name)
}

func startPeer(t testing.TB, l link.Link, name string) *peer {
	p := &peer{Link: l, mac: wire.MAC{2, 0, 0, 0, 0, 9}, packets: make(chan packet, 4096), ended: make(chan error, 16)}
	if l.Info().Medium == link.Ethernet {
		p.kernel = wire.MAC(hostInterface(t, name).HardwareAddr)
	}
	for q := range l.Info().Queues {
		go func() {
			p.ended <- l.Receive(q, func(batch []link.Packet) {
				for i := range batch {
					p.input(t, q, &batch[i])
				}
			})
		}()
	}
	t.Cleanup(func() { l.Close() })
	return p
}

// input answers questions for our hardware address and queues packets for us.
func (p *peer) input(t testing.TB, queue int, pkt *link.Packet) {
	b := bytes.Join(pkt.Data, nil)
	ip := 0
	if p.Info().Medium == link.Ethernet {
		h, n, r := wire.ParseEthernet(b)
		if r != wire.OK {
			t.Errorf("frame %x: %v", b, r)
			return
		}
		if h.Type == wire.EtherTypeARP {
			p.answerARP(b[n:])
			return
		}
		ip = n
	}
	out := packet{queue: queue, offload: pkt.Offload}
	var n int
	var r wire.Reason
	if b[ip]>>4 == 6 {
		var h wire.IPv6
		h, n, r = wire.ParseIPv6(b[ip:], len(b)-ip)
		out.src, out.dst, out.protocol = h.Src, h.Dst, h.NextHeader
	} else {
		var h wire.IPv4
		h, n, r = wire.ParseIPv4(b[ip:], len(b)-ip)
		out.src, out.dst, out.protocol = h.Src, h.Dst, h.Protocol
	}
	if r != wire.OK {
		t.Errorf("packet %x: %v", b, r)
		return
	}
	out.start = ip + n
	out.transport = b[out.start:]
	if p.answerND(&out) || out.dst != near4 && out.dst != near6 {
		return
	}
	select {
	case p.packets <- out:
	default:
		t.Error("more packets than the test takes")
	}
}

func (p *peer) answerARP(b []byte) {
	if a, r := wire.ParseARP(b); r == wire.OK && a.Operation == wire.ARPRequest && a.Target == near4 {
		answer := wire.ARP{Operation: wire.ARPReply, SenderMAC: p.mac, Sender: near4, TargetMAC: a.SenderMAC, Target: a.Sender}
		p.Send([]link.Packet{{Data: [][]byte{answer.Append(p.frame(wire.EtherTypeARP))}}})
	}
}

func (p *peer) answerND(q *packet) bool {
	if q.protocol != wire.ProtocolICMPv6 || q.transport[0] != byte(wire.ICMPv6NeighborSolicitation) {
		return false
	}
	if s, r := wire.ParseNeighborSolicitation(q.transport); r == wire.OK && s.Target == near6 {
		answer := wire.NeighborAdvertisement{Solicited: true, Override: true, Target: near6, TargetMAC: p.mac}
		b := answer.Append(nil)
		wire.SetChecksum(wire.ProtocolICMPv6, near6, q.src, b, nil)
		p.Send([]link.Packet{{Data: [][]byte{append(p.header(near6, q.src, wire.ProtocolICMPv6, len(b)), b...)}}})
	}
	return true
}

// frame returns the beginning of a frame to the kernel.
func (p *peer) frame(typ wire.EtherType) []byte {
	b := make([]byte, 0, 2048)
	if p.Info().Medium == link.Ethernet {
		b = (&wire.Ethernet{Dst: p.kernel, Src: p.mac, Type: typ}).Append(b)
	}
	return b
}

// header returns the headers before the transport header.
func (p *peer) header(src, dst netip.Addr, protocol wire.Protocol, size int) []byte {
	if src.Is6() {
		h := wire.IPv6{PayloadLen: size, NextHeader: protocol, HopLimit: 255, Src: src, Dst: dst}
		return h.Append(p.frame(wire.EtherTypeIPv6))
	}
	h := wire.IPv4{TotalLen: wire.IPv4Len + size, DontFragment: true, TTL: 64, Protocol: protocol, Src: src, Dst: dst}
	return h.Append(p.frame(wire.EtherTypeIPv4))
}

// next returns the next packet of a protocol.
func (p *peer) next(t testing.TB, protocol wire.Protocol) packet {
	t.Helper()
	timeout := time.After(30 * time.Second)
	for {
		select {
		case q := <-p.packets:
			if q.protocol == protocol {
				return q
			}
		case <-timeout:
			t.Fatalf("the kernel sends nothing of protocol %d", protocol)
		}
	}
}

func (p *peer) send(t testing.TB, batch ...link.Packet) {
	t.Helper()
	if n, err := p.Send(batch); n != len(batch) || err != nil {
		t.Fatalf("Send = %d, %v, want %d", n, err, len(batch))
	}
}

// addresses returns ours and the kernel's.
func addresses(v6 bool) (near, kernel netip.Addr) {
	if v6 {
		return near6, kernel6
	}
	return near4, kernel4
}
