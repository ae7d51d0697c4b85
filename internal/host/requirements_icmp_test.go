package host

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"testing"
	"testing/synctest"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/tcp"
	"github.com/usernet-go/usernet/wire"
)

// What RFC 9293, 3.9.2.2, requires of ICMP errors.

// tooBigFor makes the ICMP error of a path that takes only mtu bytes.
func tooBigFor(packet []byte, mtu int) []byte {
	if packet[0]>>4 == 6 {
		m := wire.ICMPv6{Type: wire.ICMPv6PacketTooBig, MTU: uint32(mtu), Body: packet}
		return frame(ip(peer6, host6, wire.ProtocolICMPv6, m.Append(nil)))
	}
	m := wire.ICMPv4{Type: wire.ICMPv4Unreachable, Code: wire.ICMPv4CodeFragmentation, MTU: uint16(mtu), Body: packet[:48]}
	return frame(ip(peer4, host4, wire.ProtocolICMPv4, m.Append(nil)))
}

// quoteOf makes an ICMP error of the peer that quotes the first bytes of packet.
func quoteOf(packet []byte, typ, code byte) []byte {
	quoted := packet[:min(len(packet), 48)]
	if packet[0]>>4 == 6 {
		return frame(ip(peer6, host6, wire.ProtocolICMPv6, append([]byte{typ, code, 0, 0, 0, 0, 0, 0}, packet...)))
	}
	return frame(ip(peer4, host4, wire.ProtocolICMPv4, append([]byte{typ, code, 0, 0, 0, 0, 0, 0}, quoted...)))
}

// outstanding has c send a byte, and returns its packet.
func (p *tcpPeer) outstanding(c *TCPConn) []byte {
	p.Helper()
	if _, err := c.Write([]byte("x")); err != nil {
		p.Fatal(err)
	}
	sent := p.l.take()
	if len(sent) != 1 {
		p.Fatalf("%d packets sent, want 1", len(sent))
	}
	return bytes.Clone(sent[0].frame[ipAt:])
}

func TestTCPSoftICMPErrors(t *testing.T) {
	soft := map[bool][][2]byte{
		true:  {{3, 0}, {3, 1}, {3, 5}, {3, 6}, {3, 13}, {11, 0}, {11, 1}, {12, 0}}, // IPv4
		false: {{1, 0}, {1, 3}, {3, 0}, {3, 1}, {4, 0}, {4, 1}, {4, 2}},             // IPv6
	}
	inFamilies(t, Config{}, link.Info{}, func(t *testing.T, p *tcpPeer) {
		// RFC 9293 MUST-47, MUST-54, MUST-56, SHLD-20, SHLD-25
		first := p.accept(mss1000)
		for i, kind := range soft[p.host.Addr().Is4()] {
			second := &tcpPeer{rig: p.rig, host: netip.AddrPortFrom(p.host.Addr(), uint16(100+i)), peer: p.peer, seq: 300}
			c := second.accept(mss1000)
			packet := second.outstanding(c)
			p.inject(quoteOf(packet, kind[0], kind[1]))
			if info := c.Info(); info.State != tcp.StateEstablished || info.SoftError == nil {
				t.Errorf("ICMP type %d, code %d: state is %v, soft error %v", kind[0], kind[1], info.State, info.SoftError)
			}
			if err := first.Info().SoftError; err != nil {
				t.Errorf("ICMP type %d, code %d is told the wrong connection: %v", kind[0], kind[1], err)
			}
			second.ack = second.ack.Add(1)
			second.send("still here") // nobody need ask for the report, and nothing comes of it
			b := make([]byte, 100)
			if n, err := c.Read(b); string(b[:n]) != "still here" || err != nil {
				t.Errorf("Read returns %q, %v", b[:n], err)
			}
			p.l.take()
		}
		// RFC 5927, 4.1: an error that quotes what is not outstanding is not believed.
		packet := p.outstanding(first)
		forged, kind := bytes.Clone(packet), soft[p.host.Addr().Is4()][0]
		header := wire.IPv4Len
		if p.host.Addr().Is6() {
			header = wire.IPv6Len
		}
		forged[header+4] ^= 0x40 // sequence number, behind the ports
		p.inject(quoteOf(forged, kind[0], kind[1]))
		if err := first.Info().SoftError; err != nil {
			t.Errorf("forged ICMP error is believed: %v", err)
		}
	})
}

func TestTCPHardICMPErrors(t *testing.T) {
	hard := map[bool][][2]byte{
		true:  {{3, 2}, {3, 3}}, // IPv4: protocol, port; with path MTU discovery code 4 is none
		false: {{1, 4}},         // IPv6: port
	}
	inFamilies(t, Config{}, link.Info{}, func(t *testing.T, p *tcpPeer) {
		for i, kind := range hard[p.host.Addr().Is4()] {
			// RFC 9293 SHLD-26, MUST-54
			second := &tcpPeer{rig: p.rig, host: netip.AddrPortFrom(p.host.Addr(), uint16(100+i)), peer: p.peer, seq: 300}
			c := second.accept(mss1000)
			packet := second.outstanding(c)
			p.inject(quoteOf(packet, kind[0], kind[1]))
			if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) {
				t.Errorf("Read after ICMP type %d, code %d returns %v", kind[0], kind[1], err)
			}
			d := p.dial(netip.AddrPort{})
			sent := p.l.take()
			p.inject(quoteOf(sent[len(sent)-1].frame[ipAt:], kind[0], kind[1]))
			<-d.Connected()
			if err := d.ConnectError(); !errors.Is(err, tcp.ErrRefused) {
				t.Errorf("dial ends with %v, want %v", err, tcp.ErrRefused)
			}
		}
	})
}

func TestTCPSourceQuench(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// RFC 9293 MUST-55
		p := &tcpPeer{
			rig: newRig(t, Config{}, link.Info{}), seq: 300,
			host: netip.AddrPortFrom(host4, 7), peer: netip.AddrPortFrom(peer4, 4000),
		}
		c := p.accept(mss1000)
		packet := p.outstanding(c)
		before := c.Info()
		p.counted(func() { p.inject(quoteOf(packet, 4, 0)) }, ReasonICMPType)
		p.silent()
		if after := c.Info(); after != before {
			t.Errorf("connection is %+v, was %+v", after, before)
		}
	})
}
