package tun_test

import (
	"io"
	"net"
	"net/netip"
	"testing"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/tun"
	"github.com/usernet-go/usernet/wire"
)

// BenchmarkSendTCP sends super-segments into a socket of the kernel's that is
// being read.
func BenchmarkSendTCP(b *testing.B) {
	c, socket := dialKernel(b, false, nil)
	go io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{socket}, make([]byte, 1<<18))
	text := make([]byte, superText)
	b.SetBytes(superText)
	b.ReportAllocs()
	for b.Loop() {
		c.write(b, 0, text[:1000], text[1000:])
	}
	c.wait(func() bool { return c.una == c.nxt })
	gigabits(b, superText)
}

// BenchmarkReceiveTCP receives what the kernel sends on a socket, 64 KiB at a
// time.
func BenchmarkReceiveTCP(b *testing.B) {
	total := 0
	c, socket := dialKernel(b, false, func(p *link.Packet, header int) { total += p.Len() - header })
	text := make([]byte, superText)
	b.SetBytes(superText)
	for b.Loop() {
		if _, err := socket.Write(text); err != nil {
			b.Fatal(err)
		}
	}
	socket.CloseWrite()
	c.wait(func() bool { return c.finished })
	if want := b.N * superText; total < want {
		b.Errorf("%d bytes arrived, want %d", total, want)
	}
	gigabits(b, superText)
}

// gigabits reports Gbit/s for an operation of so many bytes.
func gigabits(b *testing.B, bytes int) {
	b.ReportMetric(float64(b.N)*float64(bytes)*8/1e9/b.Elapsed().Seconds(), "Gbit/s")
}

const datagram = 1472 // bytes of payload that fill an MTU of 1500

// BenchmarkSendUDP sends batches of datagrams to a port on which nobody reads.
func BenchmarkSendUDP(b *testing.B) {
	p, socket := udpBench(b)
	port := socket.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	h := wire.UDP{SrcPort: 4000, DstPort: port, Length: 8 + datagram}
	udp := h.Append(nil)
	wire.SetPartialChecksum(wire.ProtocolUDP, near4, kernel4, udp, h.Length)
	head := p.header(near4, kernel4, wire.ProtocolUDP, h.Length)
	start := len(head)
	head = append(head, udp...)
	batch := make([]link.Packet, 32)
	for i := range batch {
		batch[i] = link.Packet{
			Data:    [][]byte{head, make([]byte, datagram)},
			Offload: link.Offload{Checksum: link.ChecksumPartial, ChecksumStart: uint16(start), ChecksumOffset: 6},
		}
	}
	b.SetBytes(int64(len(batch) * datagram))
	b.ReportAllocs()
	for b.Loop() {
		p.send(b, batch...)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(batch)), "ns/packet")
	gigabits(b, len(batch)*datagram)
}

// BenchmarkReceiveUDP receives the datagrams that a socket sends as fast as it
// can; an operation is one that arrives.
func BenchmarkReceiveUDP(b *testing.B) {
	privateNamespace(b)
	l, err := tun.Open(tun.Config{Name: "tun0"})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	configure(b, "tun0")
	socket, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(near4, 9)))
	if err != nil {
		b.Fatal(err)
	}
	arrived, enough := make(chan int, 1<<16), make(chan struct{})
	go l.Receive(0, func(batch []link.Packet) {
		select {
		case arrived <- len(batch):
		case <-enough:
		}
	})
	sender := make(chan struct{})
	go func() {
		defer close(sender)
		buf := make([]byte, datagram)
		for {
			if _, err := socket.Write(buf); err != nil {
				return
			}
		}
	}()
	b.SetBytes(datagram)
	b.ReportAllocs()
	b.ResetTimer()
	batches := 0
	for n := 0; n < b.N; batches++ {
		n += <-arrived
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/float64(batches), "packets/batch")
	gigabits(b, datagram)
	close(enough)
	socket.Close()
	<-sender
}

func udpBench(b *testing.B) (*peer, *net.UDPConn) {
	privateNamespace(b)
	p := newPeer(b, tun.Config{Name: "tun0"})
	socket, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(kernel4, 0)))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { socket.Close() })
	return p, socket
}

// A Send in steady state allocates nothing.
func TestSendAllocatesNothing(t *testing.T) {
	if race {
		t.Skip("the race detector lets sync.Pool forget")
	}
	privateNamespace(t)
	p := newPeer(t, tun.Config{Name: "tun0", Queues: 2})
	head := p.header(near4, kernel4, 253, 4)
	batch := []link.Packet{{Data: [][]byte{head, []byte("ab"), nil, []byte("cd")}}, {Data: [][]byte{p.header(near6, kernel6, 253, 0)}}}
	p.send(t, batch...)
	// The device's reader allocates beside us: take the best of some rounds.
	least := 1.0
	for range 10 {
		least = min(least, testing.AllocsPerRun(50, func() { p.Send(batch) }))
	}
	if least > 0 {
		t.Errorf("%v allocations in Send, want 0", least)
	}
}
