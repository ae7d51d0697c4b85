package tun_test

import (
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/tun"
	"github.com/usernet-go/usernet/wire"
)

const (
	mss         = 1440
	windowScale = 7
	superText   = 42 * mss // bytes of text in a super-segment
)

// A client is just enough of a TCP to talk to the kernel's where nothing gets
// lost: over TUN, in super-segments.
type client struct {
	link.Link
	near, kernel netip.AddrPort
	text         func(p *link.Packet, header int) // sees each packet with text

	mu       sync.Mutex
	changed  sync.Cond
	una, nxt wire.Seq // what the kernel has acknowledged, and what was sent
	window   int      // the kernel's
	scale    uint8
	rcv      wire.Seq // what comes next from the kernel
	finished bool     // the kernel's FIN has come
}

// dialKernel opens a TUN device and a connection to a socket of the kernel's,
// which it returns.
func dialKernel(t testing.TB, v6 bool, text func(p *link.Packet, header int)) (*client, *net.TCPConn) {
	t.Helper()
	privateNamespace(t)
	l, err := tun.Open(tun.Config{Name: "tun0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	configure(t, "tun0")
	near, kernel := addresses(v6)
	ln, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.AddrPortFrom(kernel, 0)))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	c := &client{Link: l, near: netip.AddrPortFrom(near, 4000), kernel: ln.Addr().(*net.TCPAddr).AddrPort(), text: text}
	c.changed.L = &c.mu
	go l.Receive(0, c.input)

	c.send(t, wire.TCP{Flags: wire.SYN, Window: 65535, Options: wire.TCPOptions{HasMSS: true, MSS: mss, HasWindowScale: true, WindowScale: windowScale}})
	ln.SetDeadline(time.Now().Add(30 * time.Second))
	socket, err := ln.AcceptTCP() // returns after our ACK of its SYN
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.Close() })
	return c, socket
}

// segment returns a segment with the text of the pieces, a super-segment when
// it is larger than the MSS.
func (c *client) segment(h wire.TCP, pieces ...[]byte) link.Packet {
	h.SrcPort, h.DstPort = c.near.Port(), c.kernel.Port()
	tcp := h.Append(nil)
	size := len(tcp)
	for _, b := range pieces {
		size += len(b)
	}
	wire.SetPartialChecksum(wire.ProtocolTCP, c.near.Addr(), c.kernel.Addr(), tcp, size)
	o := link.Offload{Checksum: link.ChecksumPartial, ChecksumOffset: 16}
	var head []byte
	if c.near.Addr().Is6() {
		ip := wire.IPv6{PayloadLen: size, NextHeader: wire.ProtocolTCP, HopLimit: 64, Src: c.near.Addr(), Dst: c.kernel.Addr()}
		head, o.Segmentation = ip.Append(nil), link.SegmentTCPv6
	} else {
		ip := wire.IPv4{TotalLen: wire.IPv4Len + size, DontFragment: true, TTL: 64, Protocol: wire.ProtocolTCP, Src: c.near.Addr(), Dst: c.kernel.Addr()}
		head, o.Segmentation = ip.Append(nil), link.SegmentTCPv4
	}
	o.ChecksumStart = uint16(len(head))
	head = append(head, tcp...)
	o.HeaderLen, o.SegmentSize = uint16(len(head)), mss
	if size-len(tcp) <= mss {
		o.Segmentation, o.HeaderLen, o.SegmentSize = link.SegmentNone, 0, 0
	}
	return link.Packet{Data: append([][]byte{head}, pieces...), Offload: o}
}

func (c *client) send(t testing.TB, h wire.TCP, pieces ...[]byte) {
	t.Helper()
	if n, err := c.Send([]link.Packet{c.segment(h, pieces...)}); n != 1 || err != nil {
		t.Errorf("Send = %d, %v", n, err)
	}
}

// write sends a super-segment as soon as the kernel's window has room for it.
func (c *client) write(t testing.TB, flags wire.TCPFlags, pieces ...[]byte) {
	t.Helper()
	size := 0
	for _, b := range pieces {
		size += len(b)
	}
	c.mu.Lock()
	for c.una == 0 || c.nxt.Add(size).Sub(c.una) > c.window {
		c.changed.Wait()
	}
	h := wire.TCP{Seq: c.nxt, Ack: c.rcv, Flags: flags | wire.ACK, Window: 65535}
	c.nxt = c.nxt.Add(size)
	if flags.Has(wire.FIN) {
		c.nxt = c.nxt.Add(1)
	}
	c.mu.Unlock()
	c.send(t, h, pieces...)
}

// wait waits until what says yes.
func (c *client) wait(what func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for !what() {
		c.changed.Wait()
	}
}

func (c *client) input(batch []link.Packet) {
	c.mu.Lock()
	was := c.rcv
	for i := range batch {
		c.inputOne(&batch[i])
	}
	ack := wire.TCP{Seq: c.nxt, Ack: c.rcv, Flags: wire.ACK, Window: 65535}
	c.changed.Broadcast()
	c.mu.Unlock()
	if ack.Ack != was {
		c.Send([]link.Packet{c.segment(ack)})
	}
}

func (c *client) inputOne(p *link.Packet) {
	b := p.Data[0]
	var protocol wire.Protocol
	var n int
	var r wire.Reason
	if b[0]>>4 == 6 {
		var h wire.IPv6
		h, n, r = wire.ParseIPv6(b, len(b))
		protocol = h.NextHeader
	} else {
		var h wire.IPv4
		h, n, r = wire.ParseIPv4(b, len(b))
		protocol = h.Protocol
	}
	if r != wire.OK || protocol != wire.ProtocolTCP {
		return
	}
	h, m, r := wire.ParseTCP(b[n:], len(b)-n)
	if r != wire.OK {
		return
	}
	// RFC 7323, 2.2: "The window field in a segment where the SYN bit is set
	// (i.e., a <SYN> or <SYN,ACK>) MUST NOT be scaled."
	c.una, c.window = h.Ack, int(h.Window)<<c.scale
	if h.Flags.Has(wire.SYN) {
		c.rcv, c.nxt, c.scale = h.Seq.Add(1), 1, h.Options.WindowScale
	}
	text := len(b) - n - m
	if text > 0 && h.Seq == c.rcv {
		c.rcv = c.rcv.Add(text)
		c.text(p, n+m)
	}
	if h.Flags.Has(wire.FIN) && h.Seq.Add(text) == c.rcv {
		c.rcv, c.finished = c.rcv.Add(1), true
	}
}
