package usernet_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/pipe"
	"github.com/usernet-go/usernet/wire"
)

// newStack returns a stack that the test's end closes.
func newStack(t testing.TB, config usernet.Config) *usernet.Stack {
	t.Helper()
	s, err := usernet.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// attach gives s the addresses 10.0.0.n and fd00::n on l.
func attach(t testing.TB, s *usernet.Stack, l link.Link, n int) {
	t.Helper()
	err := s.Attach(l, usernet.Interface{Name: "eth0", Addrs: []netip.Prefix{
		netip.MustParsePrefix(fmt.Sprintf("10.0.0.%d/24", n)),
		netip.MustParsePrefix(fmt.Sprintf("fd00::%d/64", n)),
	}})
	if err != nil {
		t.Fatal(err)
	}
}

// newPair returns two stacks that are joined by a pipe: 10.0.0.1 and 10.0.0.2.
func newPair(t testing.TB, config usernet.Config, wire pipe.Config) (a, b *usernet.Stack) {
	t.Helper()
	near, far := pipe.New(wire)
	a, b = newStack(t, config), newStack(t, config)
	attach(t, a, near, 1)
	attach(t, b, far, 2)
	return a, b
}

// wantNoConnections wants the connections of closed ends gone, but for TIME-WAIT. A
// reader sees the end when the FIN is there, and a Close returns when it has left:
// whoever else was sending at that moment may still have the last acknowledgment in
// hand.
func wantNoConnections(t testing.TB, a, b *usernet.Stack) {
	t.Helper()
	left := func() int { return a.Stats().Connections + b.Stats().Connections }
	for deadline := time.Now().Add(30 * time.Second); left() != 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d connections are left: %v %v", left(), a.Connections(), b.Connections())
		}
	}
}

// wires are the pipes that a test runs over.
var wires = []struct {
	name string
	pipe.Config
}{
	{"segments", pipe.Config{MTU: 1500}},
	{"GSO", pipe.Config{MTU: 1500, GSO: true}},
}

// connect returns both ends of a connection from a to a port of b's.
func connect(t testing.TB, a, b *usernet.Stack) (c, peer *usernet.TCPConn) {
	t.Helper()
	l, err := b.ListenTCP("tcp", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := a.Dial("tcp", net.JoinHostPort("10.0.0.2", port(l.Addr())))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if peer, err = l.AcceptTCP(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { peer.Close() })
	return conn.(*usernet.TCPConn), peer
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func port(a net.Addr) string {
	_, p, _ := net.SplitHostPort(a.String())
	return p
}

// cutLink is a link whose IPv4 packets vanish once cut is set; ARP goes on, so
// that the neighbour seems to be there and does not answer.
type cutLink struct {
	link.Link
	cut atomic.Bool
}

func (c *cutLink) Send(batch []link.Packet) (int, error) {
	if !c.cut.Load() {
		return c.Link.Send(batch)
	}
	for i := range batch {
		if h, _, r := wire.ParseEthernet(batch[i].Data[0]); r == wire.OK && h.Type == wire.EtherTypeIPv4 {
			continue
		}
		if n, err := c.Link.Send(batch[i : i+1]); err != nil || n == 0 {
			return i, err
		}
	}
	return len(batch), nil
}

func TestConfigIsChecked(t *testing.T) {
	for _, c := range []struct {
		config usernet.Config
		want   string
	}{
		{usernet.Config{SendBuffer: -1}, "usernet: Config.SendBuffer is -1; want 2048 to 1073741824, or 0 for the default"},
		{usernet.Config{ReceiveBuffer: 100}, "usernet: Config.ReceiveBuffer is 100; want"},
		{usernet.Config{UDPReceiveBuffer: 1}, "Config.UDPReceiveBuffer"},
		{usernet.Config{MemoryLimit: 1000}, "Config.MemoryLimit is 1000; want 1048576 to"},
		{usernet.Config{MaxConnections: -5}, "Config.MaxConnections is -5; want 1 to"},
		{usernet.Config{MaxTimeWait: -5}, "Config.MaxTimeWait"},
		{usernet.Config{Backlog: -1}, "Config.Backlog"},
		{usernet.Config{TimeWait: -time.Second}, "Config.TimeWait is -1s; want 1ms to 1h0m0s"},
		{usernet.Config{MinRTO: time.Hour}, "Config.MinRTO"},
		{usernet.Config{DelayedACK: 500 * time.Millisecond}, "Config.DelayedACK is 500ms; want"},
		{usernet.Config{Resolver: &usernet.Resolver{Servers: []netip.AddrPort{{}}}}, "Config.Resolver.Servers[0] is invalid AddrPort; want an address and a port"},
		{usernet.Config{Rand: strings.NewReader("short")}, "usernet: random numbers: "},
	} {
		s, err := usernet.New(c.config)
		if err == nil {
			s.Close()
			t.Errorf("New(%+v) succeeded; want %q", c.config, c.want)
		} else if !strings.Contains(err.Error(), c.want) {
			t.Errorf("New: %v; want %q", err, c.want)
		}
	}
}

func TestConfigTakesEffect(t *testing.T) {
	const small = 4 << 10
	a, b := newPair(t, usernet.Config{SendBuffer: small, ReceiveBuffer: small, MaxConnections: 2, Backlog: 1}, pipe.Config{})
	c, _ := connect(t, a, b)
	c.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := c.Write(make([]byte, 1<<20)); err == nil || n > 2*small {
		t.Errorf("a peer that does not read took %d bytes, %v; the buffers have %d", n, err, 2*small)
	}
	connect(t, a, b)
	if _, err := a.Dial("tcp", "10.0.0.2:7"); err == nil || !strings.Contains(err.Error(), "no buffer space") {
		t.Errorf("a third connection: %v; MaxConnections is 2", err)
	}
}

func TestAttachChecksTheInterface(t *testing.T) {
	prefix := netip.MustParsePrefix
	for _, c := range []struct {
		ifc  usernet.Interface
		want string
	}{
		{usernet.Interface{Name: "x", Addrs: []netip.Prefix{{}}}, "attach x: "},
		{usernet.Interface{Addrs: []netip.Prefix{prefix("127.0.0.1/8")}}, "cannot be an interface's address"},
		{usernet.Interface{Addrs: []netip.Prefix{prefix("10.0.0.255/24")}}, "broadcast"},
		{usernet.Interface{Addrs: []netip.Prefix{prefix("10.0.0.1/24")}, Gateways: []netip.Addr{netip.MustParseAddr("192.0.2.1")}}, "192.0.2.1"},
		{usernet.Interface{MAC: net.HardwareAddr{1, 2, 3}}, "MAC 01:02:03 has 3 bytes, want 6"},
		{usernet.Interface{MAC: net.HardwareAddr{1, 2, 3, 4, 5, 6}}, "MAC of a group"},
	} {
		s := newStack(t, usernet.Config{})
		l, _ := pipe.New(pipe.Config{})
		defer l.Close()
		if err := s.Attach(l, c.ifc); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Attach(%+v): %v; want %q", c.ifc, err, c.want)
		}
	}
}

func TestAttachAfterClose(t *testing.T) {
	s := newStack(t, usernet.Config{})
	s.Close()
	l, _ := pipe.New(pipe.Config{})
	if err := s.Attach(l, usernet.Interface{}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Attach: %v; want net.ErrClosed", err)
	}
	if _, err := l.Send(nil); err != nil {
		t.Errorf("the link was closed with the refusal: %v", err)
	}
	l.Close()
	if _, err := s.Listen("tcp", ":0"); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Listen: %v; want net.ErrClosed", err)
	}
	if _, err := s.Dial("tcp", "127.0.0.1:7"); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Dial: %v; want net.ErrClosed", err)
	}
	if _, err := s.ListenPacket("udp", ":0"); !errors.Is(err, net.ErrClosed) {
		t.Errorf("ListenPacket: %v; want net.ErrClosed", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

func TestStats(t *testing.T) {
	a, b := newPair(t, usernet.Config{}, pipe.Config{})
	c, peer := connect(t, a, b)
	const text = "counted"
	io.WriteString(c, text)
	if got := make([]byte, len(text)); !readFull(peer, got) || !bytes.Equal(got, []byte(text)) {
		t.Fatalf("read %q", got)
	}
	for name, s := range map[string]usernet.Stats{"a": a.Stats(), "b": b.Stats()} {
		if s.Connections != 1 || s.SegmentsIn < 2 || s.SegmentsOut < 2 || s.PacketsIn <= s.SegmentsIn || s.BytesOut < s.PacketsOut*40 {
			t.Errorf("%s: %+v", name, s)
		}
		// What the other tells all about itself is no concern of this one.
		delete(s.Drops, "ARP target is another host")
		delete(s.Drops, "group not joined")
		if len(s.Drops) != 0 {
			t.Errorf("%s dropped something: %v", name, s.Drops)
		}
	}
	u, err := a.Dial("udp", "10.0.0.2:7")
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	u.Write([]byte("nobody is there"))
	if n := b.Stats().Drops["UDP port closed"]; n != 1 {
		t.Errorf("a datagram for a closed port: dropped %v", b.Stats().Drops)
	}
}

func readFull(r io.Reader, b []byte) bool {
	_, err := io.ReadFull(r, b)
	return err == nil
}

func TestMACIsThatOfTheInterface(t *testing.T) {
	mac := net.HardwareAddr{2, 0, 0, 0, 0, 0x17}
	near, far := pipe.New(pipe.Config{})
	var from atomic.Value
	traced := link.Trace(near, func(e link.Event) {
		if e.Direction == link.Sent {
			h, _, _ := wire.ParseEthernet(e.Packet.Data[0])
			from.Store(net.HardwareAddr(h.Src[:]).String())
		}
	})
	a, b := newStack(t, usernet.Config{}), newStack(t, usernet.Config{})
	if err := a.Attach(traced, usernet.Interface{MAC: mac, Addrs: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/24")}}); err != nil {
		t.Fatal(err)
	}
	attach(t, b, far, 2)
	connect(t, a, b)
	if from.Load() != mac.String() {
		t.Errorf("frames came from %v, want %v", from.Load(), mac)
	}
}
