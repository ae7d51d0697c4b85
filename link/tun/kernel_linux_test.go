package tun_test

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/tun"
	"github.com/usernet-go/usernet/wire"
)

// each runs f over TUN and TAP, IPv4 and IPv6, each in a namespace of its own.
func each(t *testing.T, f func(t *testing.T, c tun.Config, v6 bool)) {
	for _, tap := range []bool{false, true} {
		for _, v6 := range []bool{false, true} {
			name := map[bool]string{false: "tun", true: "tap"}[tap]
			t.Run(fmt.Sprintf("%s/v6=%v", name, v6), func(t *testing.T) {
				privateNamespace(t)
				f(t, tun.Config{Name: name + "0", TAP: tap}, v6)
			})
		}
	}
}

// The kernel answers a ping, with the bytes that were sent from several pieces.
func TestPing(t *testing.T) {
	each(t, func(t *testing.T, c tun.Config, v6 bool) {
		p := newPeer(t, c)
		near, kernel := addresses(v6)
		body := bytes.Repeat([]byte("usernet!"), 125)
		protocol := wire.ProtocolICMPv4
		ping := (&wire.ICMPv4{Type: wire.ICMPv4EchoRequest, ID: 7, Sequence: 9, Body: body}).Append(nil)
		if v6 {
			protocol = wire.ProtocolICMPv6
			ping = (&wire.ICMPv6{Type: wire.ICMPv6EchoRequest, ID: 7, Sequence: 9, Body: body}).Append(nil)
		}
		wire.SetChecksum(protocol, near, kernel, ping, nil)
		head := append(p.header(near, kernel, protocol, len(ping)), ping[:8]...)
		before := bytes.Clone(ping)
		p.send(t, link.Packet{Data: [][]byte{head, ping[8:11], nil, ping[11:]}})

		answer := p.next(t, protocol)
		if answer.src != kernel || answer.offload.Segmentation != link.SegmentNone {
			t.Errorf("answer from %v with offload %+v", answer.src, answer.offload)
		}
		if r := wire.VerifyChecksum(protocol, kernel, near, answer.transport, nil); r != wire.OK && answer.offload.Checksum == link.ChecksumNone {
			t.Errorf("answer: %v", r)
		}
		if !bytes.Equal(answer.transport[4:], ping[4:]) {
			t.Errorf("answer %x, want the id, number and body of %x", answer.transport, ping)
		}
		if !bytes.Equal(ping, before) {
			t.Error("Send changes what it was lent")
		}
	})
}

// Datagrams to and from a socket of the kernel's, the checksums left to each
// other in both directions.
func TestUDP(t *testing.T) {
	each(t, func(t *testing.T, c tun.Config, v6 bool) {
		p := newPeer(t, c)
		near, kernel := addresses(v6)
		socket, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(kernel, 0)))
		if err != nil {
			t.Fatal(err)
		}
		defer socket.Close()
		port := socket.LocalAddr().(*net.UDPAddr).AddrPort().Port()

		h := wire.UDP{SrcPort: 5000, DstPort: port, Length: 8 + 5}
		datagram := h.Append(nil)
		wire.SetPartialChecksum(wire.ProtocolUDP, near, kernel, datagram, h.Length)
		head := p.header(near, kernel, wire.ProtocolUDP, h.Length)
		start := len(head)
		p.send(t, link.Packet{
			Data:    [][]byte{append(head, datagram...), []byte("hello")},
			Offload: link.Offload{Checksum: link.ChecksumPartial, ChecksumStart: uint16(start), ChecksumOffset: 6},
		})
		buf := make([]byte, 100)
		socket.SetReadDeadline(time.Now().Add(30 * time.Second))
		n, from, err := socket.ReadFromUDPAddrPort(buf)
		if err != nil || string(buf[:n]) != "hello" || from.Addr().Unmap() != near || from.Port() != 5000 {
			t.Fatalf("the kernel reads %q from %v: %v", buf[:n], from, err)
		}
		if _, err := socket.WriteToUDPAddrPort([]byte("world"), from); err != nil {
			t.Fatal(err)
		}
		q := p.next(t, wire.ProtocolUDP)
		want := link.Offload{Checksum: link.ChecksumPartial, ChecksumStart: uint16(q.start), ChecksumOffset: 6}
		if q.offload != want {
			t.Errorf("offload %+v, want %+v", q.offload, want)
		}
		var cutter link.Cutter
		done, err := cutter.Cut(link.IP, &link.Packet{
			Data:    [][]byte{q.transport},
			Offload: link.Offload{Checksum: link.ChecksumPartial, ChecksumOffset: 6},
		})
		if err != nil {
			t.Fatal(err)
		}
		if r := wire.VerifyChecksum(wire.ProtocolUDP, kernel, near, done[0].Data[0], nil); r != wire.OK {
			t.Errorf("completed checksum: %v", r)
		}
		if string(q.transport[8:]) != "world" {
			t.Errorf("datagram %q", q.transport[8:])
		}
	})
}

// With several queues, the kernel answers a flow where it was last sent, and
// flows spread.
func TestQueues(t *testing.T) {
	privateNamespace(t)
	p := newPeer(t, tun.Config{Name: "tun0", Queues: 4})
	if n := p.Info().Queues; n != 4 {
		t.Fatalf("%d queues, want 4", n)
	}
	socket, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(kernel4, 0)))
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	go func() {
		buf := make([]byte, 100)
		for {
			n, from, err := socket.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			socket.WriteToUDPAddrPort(buf[:n], from)
		}
	}()
	port := socket.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	datagram := func(from int) link.Packet {
		h := wire.UDP{SrcPort: uint16(from), DstPort: port, Length: 8}
		b := h.Append(nil)
		wire.SetChecksum(wire.ProtocolUDP, near4, kernel4, b, nil)
		return link.Packet{Data: [][]byte{append(p.header(near4, kernel4, wire.ProtocolUDP, 8), b...)}}
	}
	// The kernel takes note of a flow's queue when it has delivered the datagram: the
	// first answer of a flow may be faster, and go where the hash says.
	queues := map[uint16]int{} // of each port's later answers
	for round := range 4 {
		var batch []link.Packet
		for i := range 64 {
			batch = append(batch, datagram(5000+i))
		}
		p.send(t, batch...)
		for range batch {
			q := p.next(t, wire.ProtocolUDP)
			h, _ := wire.ParseUDP(q.transport, len(q.transport))
			if was, ok := queues[h.DstPort]; ok && was != q.queue {
				t.Errorf("round %d: port %d on queue %d, before on %d", round, h.DstPort, q.queue, was)
			}
			if round > 0 {
				queues[h.DstPort] = q.queue
			}
		}
	}
	count := map[int]int{}
	for _, q := range queues {
		count[q]++
	}
	for q := range 4 {
		if count[q] < 4 {
			t.Errorf("flows per queue %v; want 64 spread over 4", count)
			break
		}
	}
}
