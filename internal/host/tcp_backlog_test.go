package host

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/tcp"
	"github.com/usernet-go/usernet/wire"
)

// halfOpen sends a SYN from src, and returns the number that acknowledges the
// SYN,ACK that comes back.
func (r *rig) halfOpen(src netip.AddrPort) wire.Seq {
	r.Helper()
	r.inject(frame(tcpPacket(src, toTCP4, wire.SYN, 1, 0)))
	f := r.one()
	if f == nil {
		return 0
	}
	h, _, reason := wire.ParseTCP(f[wire.EthernetLen+wire.IPv4Len:], len(f)-wire.EthernetLen-wire.IPv4Len)
	if reason != wire.OK || h.Flags != wire.SYN|wire.ACK {
		r.Fatalf("answer to a SYN is %s (%v)", h.Notation(0), reason)
	}
	return h.Seq.Add(1)
}

// open makes a connection from src to the rig's listener.
func (r *rig) open(src netip.AddrPort) {
	r.Helper()
	ack := r.halfOpen(src)
	r.inject(frame(tcpPacket(src, toTCP4, wire.ACK, 2, ack)))
	r.silent()
}

// A flood of SYNs that are never followed up must not keep out a peer that
// answers: the connection that has been half-open for longest makes room.
func TestTCPBacklogRecyclesHalfOpen(t *testing.T) {
	r := newRig(t, Config{}, link.Info{Medium: link.Ethernet})
	listener, err := r.h.ListenTCP(netip.AddrPortFrom(netip.IPv6Unspecified(), tcpPort), FamilyAny, 8, TCPOptions{})
	if err != nil {
		t.Fatal(err)
	}
	from := func(i int) netip.AddrPort { return netip.AddrPortFrom(peer4, uint16(1000+i)) }
	r.open(from(0))
	var acks [8]wire.Seq
	for i := 1; i < 8; i++ {
		acks[i] = r.halfOpen(from(i))
	}
	r.counted(func() { r.open(from(8)) }, ReasonTCPBacklog)
	// The second is gone; the third and the open ones are as they were.
	r.counted(func() { r.inject(frame(tcpPacket(from(1), toTCP4, wire.ACK, 2, acks[1]))) }, ReasonTCPNoConnection)
	if f := r.one(); f[wire.EthernetLen+wire.IPv4Len+13] != byte(wire.RST) {
		t.Errorf("the recycled connection's ACK was answered with %x, want RST", f)
	}
	r.inject(frame(tcpPacket(from(2), toTCP4, wire.ACK, 2, acks[2])))
	r.silent()
	if n := r.h.Stats().TCP.Connections; n != 8 {
		t.Errorf("%d connections, want 8", n)
	}
	for _, i := range []int{0, 8, 2} {
		c, err := listener.Accept()
		if err != nil || c.RemoteAddr() != from(i) {
			t.Fatalf("accepted %v, %v; want %v", c.RemoteAddr(), err, from(i))
		}
	}
}

// A backlog does not hold on to connections that have long been accepted, however
// long there is always another one in it.
func TestBacklogForgetsTheAccepted(t *testing.T) {
	var b backlog
	b.init(4096)
	admit := func() *TCPConn {
		c := new(TCPConn)
		if _, ok := b.admit(c, false); !ok {
			t.Fatal("no room")
		}
		return c
	}
	c := admit()
	for range 4000 {
		next := admit()
		b.opened(c)
		b.take()
		c = next
	}
	if n := len(b.halfOpen); n > 100 {
		t.Errorf("%d connections are held, one is half-open", n)
	}
	b.remove(c)
	if len(b.halfOpen) > 0 || cap(b.halfOpen) > 16 {
		t.Errorf("an idle backlog holds %d connections", len(b.halfOpen))
	}
}

// The last that a tracer is told of a connection which has lost its place is its end.
func TestTracerOfRecycled(t *testing.T) {
	last := make(map[uint16]string) // of each peer, by port
	tracer := tcp.TracerFunc(func(f tcp.Flow, events []tcp.Event, _ uint64) {
		last[f.Remote.Port()] = events[len(events)-1].String()
	})
	r := newRig(t, Config{Tracer: tracer}, link.Info{Medium: link.Ethernet})
	l := r.listenTCP(tcpPort, 1)
	r.halfOpen(netip.AddrPortFrom(peer4, 1000))
	r.halfOpen(netip.AddrPortFrom(peer4, 1001))
	l.Close()
	r.h.Close() // returns when all is told
	if want := "state CLOSED"; !strings.HasPrefix(last[1000], want) {
		t.Errorf("the last event is %q, want %q", last[1000], want)
	}
}
