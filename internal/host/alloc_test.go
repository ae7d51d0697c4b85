package host

import (
	"net/netip"
	"testing"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// A sinkLink takes everything and keeps nothing.
type sinkLink struct{ *testLink }

func (sinkLink) Send(batch []link.Packet) (int, error) { return len(batch), nil }

// newSink is newRig on a sinkLink.
func newSink(t testing.TB, info link.Info) *rig {
	h, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{h: h, l: newTestLink(info)}
	if err := h.Attach(sinkLink{r.l}, InterfaceConfig{Addrs: hostNets, MAC: hostMAC}); err != nil {
		t.Fatal(err)
	}
	r.deliver = <-r.l.deliver
	t.Cleanup(func() { h.Close() })
	r.inject(arpFrame(wire.ARPReply, peerMAC, peer4, hostMAC, host4))
	for _, f := range [][]byte{arpFrame(wire.ARPRequest, peerMAC, peer4, wire.MAC{}, host4), solicitation(peer6, host6)} {
		r.inject(f)
	}
	return r
}

// Nothing is allocated for a packet in steady state, whatever becomes of it.
func TestNoAllocationPerPacket(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes pools forget")
	}
	r := newSink(t, link.Info{})
	sock, err := r.h.ListenUDP(netip.AddrPortFrom(netip.IPv6Unspecified(), udpPort), FamilyAny)
	if err != nil {
		t.Fatal(err)
	}
	connected, err := r.h.DialUDP(netip.AddrPort{}, fromPeer6)
	if err != nil {
		t.Fatal(err)
	}
	batch := func(f []byte) []link.Packet { return []link.Packet{{Data: [][]byte{f}}} }
	cut := []link.Packet{{Data: [][]byte{good4()[:udp4+8], good4()[udp4+8:], make([]byte, 4)}}}
	in4, in6, echo, stray := batch(good4()), batch(good6()), batch(frame(echoRequest(peer4, host4, "hello"))), batch(to(other4))
	segment := batch(frame(tcpPacket(fromPeer4, netip.AddrPortFrom(host4, 81), wire.RST, 1, 0)))
	text, big, buf := make([]byte, 1000), make([]byte, 20000), make([]byte, 2000)
	for _, c := range []struct {
		name string
		f    func()
	}{
		{"UDP in and read", func() { r.deliver(in4); sock.ReadFrom(buf) }},
		{"UDP over IPv6 in and read", func() { r.deliver(in6); sock.ReadFrom(buf) }},
		{"UDP in pieces", func() { r.deliver(cut); sock.Read(buf) }},
		{"UDP out", func() { sock.WriteTo(text, fromPeer4) }},
		{"UDP out, connected", func() { connected.Write(text) }},
		{"UDP out in fragments", func() { connected.Write(big) }},
		{"UDP to itself", func() { sock.WriteTo(text, netip.AddrPortFrom(host4, udpPort)); sock.Read(buf) }},
		{"echo", func() { r.deliver(echo) }},
		{"dropped", func() { r.deliver(stray) }},
		{"TCP without connection", func() { r.deliver(segment) }},
		{"deadline", func() { sock.SetReadDeadline(time.Now().Add(time.Hour)) }},
	} {
		for range 100 { // pools fill
			c.f()
		}
		if n := testing.AllocsPerRun(1000, c.f); n != 0 {
			t.Errorf("%s: %v allocations", c.name, n)
		}
	}
}

func BenchmarkUDPIn(b *testing.B) {
	r := newSink(b, link.Info{})
	sock, err := r.h.ListenUDP(netip.AddrPortFrom(netip.IPv6Unspecified(), udpPort), FamilyAny)
	if err != nil {
		b.Fatal(err)
	}
	batch := []link.Packet{{Data: [][]byte{good4()}, Offload: link.Offload{Checksum: link.ChecksumVerified}}}
	buf := make([]byte, 2000)
	b.ReportAllocs()
	for b.Loop() {
		r.deliver(batch)
		sock.Read(buf)
	}
}

func BenchmarkUDPOut(b *testing.B) {
	r := newSink(b, link.Info{ChecksumOffload: true})
	sock, err := r.h.DialUDP(netip.AddrPort{}, fromPeer4)
	if err != nil {
		b.Fatal(err)
	}
	text := make([]byte, 1000)
	b.ReportAllocs()
	for b.Loop() {
		sock.Write(text)
	}
}
