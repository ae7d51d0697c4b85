package host

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// RFC 1122, 3.2.2.6, and RFC 4443, 4.2: the reply has the request's data, whole, and
// comes from the address that was asked, in fragments where it must.
func TestEchoReply(t *testing.T) {
	for _, c := range []struct{ src, dst netip.Addr }{{peer4, host4}, {peer6, host6}, {far4, host4}, {far6, host6}} {
		for _, size := range []int{0, 1, 56, 1400, 4000} {
			r := newRig(t, Config{}, link.Info{})
			data := strings.Repeat("x", size/2) + strings.Repeat("y", size-size/2)
			request := frame(echoRequest(c.src, c.dst, data))
			cut := len(request) - size/3
			r.counted(func() { r.inject(request[:cut], request[cut:]) })
			sent := r.l.take()
			if size < 1400 && len(sent) != 1 || size > 1500 && len(sent) != 3 {
				t.Fatalf("%d packets for %d bytes", len(sent), size)
			}
			var whole []byte
			m := newReassembler()
			for _, s := range sent {
				if n := len(s.frame) - wire.EthernetLen; n > 1500 {
					t.Errorf("packet of %d bytes, the MTU is 1500", n)
				}
				if whole = s.frame[wire.EthernetLen:]; len(sent) > 1 {
					whole = r.reassemble(m, whole)
				}
			}
			p, typ, code, word, body := r.icmp(frame(whole))
			if typ != 0 && typ != 129 || code != 0 || word != 7<<16|1 || string(body) != data {
				t.Errorf("type %d code %d word %#x with %d bytes for %d bytes asked", typ, code, word, len(body), size)
			}
			if p.src != c.dst || p.dst != c.src {
				t.Errorf("reply from %v to %v, want from %v to %v", p.src, p.dst, c.dst, c.src)
			}
			if e, _, _ := wire.ParseEthernet(sent[0].frame); e.Dst != peerMAC || e.Src != hostMAC {
				t.Errorf("frame from %v to %v", e.Src, e.Dst)
			}
		}
	}
}

// reassemble hands a packet to m and returns what is whole, or nil.
func (r *rig) reassemble(m *reassembler, packet []byte) []byte {
	r.Helper()
	f := &fragment{}
	if packet[0]>>4 == 4 {
		h, n, _ := wire.ParseIPv4(packet, len(packet))
		f = &fragment{
			key:    fragmentKey{src: h.Src, dst: h.Dst, protocol: h.Protocol, id: uint32(h.ID)},
			header: packet[:n], offset: h.FragmentOffset, more: h.MoreFragments, head: packet[n:], size: len(packet) - n,
		}
	} else {
		h, n, _ := wire.ParseIPv6(packet, len(packet))
		x, size, _ := wire.ParseIPv6Extensions(h.NextHeader, packet[n:])
		f = &fragment{
			key: fragmentKey{src: h.Src, dst: h.Dst, id: x.Fragment.ID}, header: packet[:n], next: x.Protocol,
			offset: x.Fragment.Offset, more: x.Fragment.MoreFragments, head: packet[n+size:], size: len(packet) - n - size,
		}
	}
	if why := m.Receive(time.Unix(1, 0), f); why != ReasonNone {
		r.Fatal(why)
	}
	e, _ := m.Next()
	return e.packet
}

// What a closed port, an unknown protocol and an unknown option are answered with:
// as much of the packet as fits 576 bytes, or 1280 for IPv6.
func TestICMPErrorsSent(t *testing.T) {
	long := strings.Repeat("x", 1400)
	for _, c := range []struct {
		name      string
		packet    []byte
		typ, code uint8
		word      uint32
	}{
		{"closed port", udpPacket(fromPeer4, netip.AddrPortFrom(host4, 54), long), 3, 3, 0},
		{"closed IPv6 port", udpPacket(fromPeer6, netip.AddrPortFrom(host6, 54), long), 1, 4, 0},
		{"unknown protocol", rawIP(peer4, host4, 99, []byte(long)), 3, 2, 0},
		{"unknown IPv6 protocol", rawIP(peer6, host6, 99, []byte(long)), 4, 1, 6},
		{"unknown option", rawIP(peer6, host6, wire.ProtocolDestination, append(options6(wire.ProtocolUDP, 0x80|30, 4, 0, 0, 0, 0), long...)), 4, 2, 42},
	} {
		r := newRig(t, Config{}, link.Info{})
		r.inject(frame(c.packet))
		p, typ, code, word, body := r.icmp(r.one())
		if typ != c.typ || code != c.code || word != c.word {
			t.Errorf("%s: type %d code %d word %d, want %d, %d, %d", c.name, typ, code, word, c.typ, c.code, c.word)
		}
		if want := c.packet[:len(body)]; !bytes.Equal(body, want) || len(p.payload) != map[bool]int{true: 556, false: 1240}[p.src.Is4()] {
			t.Errorf("%s: quotes %d bytes", c.name, len(body))
		}
	}
}

// An error about an option that is to be told of even to a group's sender comes from
// an address of ours.
func TestParameterProblemAboutGroup(t *testing.T) {
	r := newRig(t, Config{}, link.Info{})
	packet := rawIP(peer6, group6, wire.ProtocolDestination, options6(wire.ProtocolUDP, 0x80|30, 4, 0, 0, 0, 0))
	r.inject(frameTo(groupMAC(group6), wire.EtherTypeIPv6, packet))
	if p, typ, _, _, _ := r.icmp(r.one()); typ != 4 || p.src != host6 {
		t.Errorf("type %d from %v, want 4 from %v", typ, p.src, host6)
	}
	packet[wire.IPv6Len+2] = 0xc0 | 30 // only if it was not a group's
	r.inject(frameTo(groupMAC(group6), wire.EtherTypeIPv6, packet))
	r.silent()
}

// quoting makes an ICMP error of either family about a packet of ours.
func quoting(typ, code byte, word uint32, quoted []byte) []byte {
	head := []byte{typ, code, 0, 0, byte(word >> 24), byte(word >> 16), byte(word >> 8), byte(word)}
	if quoted[0]>>4 == 4 {
		return frame(ip(peer4, host4, wire.ProtocolICMPv4, append(head, quoted...)))
	}
	return frame(ip(peer6, host6, wire.ProtocolICMPv6, append(head, quoted...)))
}

// What ICMP says of a datagram reaches the connected socket that sent it.
func TestICMPErrorsForUDP(t *testing.T) {
	for _, c := range []struct {
		to        netip.Addr
		typ, code byte
		want      error
	}{
		{peer4, 3, 0, ErrNetUnreachable}, {peer4, 3, 1, ErrHostUnreachable}, {peer4, 3, 2, ErrProtocol}, {peer4, 3, 3, ErrRefused},
		{peer4, 3, 13, ErrHostUnreachable}, {peer4, 11, 0, ErrHostUnreachable}, {peer4, 12, 0, ErrHostUnreachable},
		{peer6, 1, 0, ErrNetUnreachable}, {peer6, 1, 3, ErrHostUnreachable}, {peer6, 1, 4, ErrRefused},
		{peer6, 3, 0, ErrHostUnreachable}, {peer6, 4, 1, ErrProtocol}, {peer6, 4, 0, ErrHostUnreachable},
	} {
		r := newRig(t, Config{}, link.Info{})
		sock, other := dialUDP(t, r.h, netip.AddrPortFrom(c.to, 9)), dialUDP(t, r.h, netip.AddrPortFrom(c.to, 10))
		if _, err := sock.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		sent := r.one()
		r.counted(func() { r.inject(quoting(c.typ, c.code, 0, sent[wire.EthernetLen:])) })
		if _, err := sock.Read(nil); err != c.want {
			t.Errorf("%v type %d code %d: %v, want %v", c.to, c.typ, c.code, err, c.want)
		}
		other.SetReadDeadline(time.Now())
		if _, err := other.Read(nil); err != ErrDeadline {
			t.Errorf("another socket hears of it: %v", err)
		}
		r.silent()
	}
}
