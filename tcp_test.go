package usernet_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/nettest"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link/pipe"
	"github.com/usernet-go/usernet/tcp"
)

func TestConn(t *testing.T) {
	for _, w := range wires {
		t.Run(w.name, func(t *testing.T) {
			nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
				a, b := newPair(t, usernet.Config{}, w.Config)
				x, y := connect(t, a, b)
				return x, y, func() { x.Close(); y.Close(); a.Close(); b.Close() }, nil
			})
		})
	}
}

// The same over a stack's own loopback, IPv6.
func TestConnToOneself(t *testing.T) {
	nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
		s := newStack(t, usernet.Config{})
		l, err := s.Listen("tcp", "[::1]:0")
		if err != nil {
			return nil, nil, nil, err
		}
		if c1, err = s.Dial("tcp", l.Addr().String()); err != nil {
			return nil, nil, nil, err
		}
		c2, err = l.Accept()
		return c1, c2, func() { s.Close() }, err
	})
}

func TestDialAndListenAddresses(t *testing.T) {
	a, b := newPair(t, usernet.Config{}, pipe.Config{})
	for _, c := range []struct {
		listenNetwork, listen string
		dialNetwork, dial     string // without the port
		refused               bool
	}{
		{listenNetwork: "tcp", listen: ":0", dialNetwork: "tcp", dial: "10.0.0.2"},
		{listenNetwork: "tcp", listen: ":0", dialNetwork: "tcp4", dial: "10.0.0.2"},
		{listenNetwork: "tcp", listen: ":0", dialNetwork: "tcp", dial: "fd00::2"},
		{listenNetwork: "tcp", listen: ":0", dialNetwork: "tcp6", dial: "fd00::2"},
		{listenNetwork: "tcp", listen: "", dialNetwork: "tcp", dial: "10.0.0.2"},
		{listenNetwork: "tcp", listen: "0.0.0.0:0", dialNetwork: "tcp", dial: "fd00::2"}, // as net has it
		{listenNetwork: "tcp", listen: "[::]:0", dialNetwork: "tcp", dial: "10.0.0.2"},
		{listenNetwork: "tcp4", listen: ":0", dialNetwork: "tcp", dial: "10.0.0.2"},
		{listenNetwork: "tcp4", listen: ":0", dialNetwork: "tcp", dial: "fd00::2", refused: true},
		{listenNetwork: "tcp6", listen: ":0", dialNetwork: "tcp", dial: "fd00::2"},
		{listenNetwork: "tcp6", listen: ":0", dialNetwork: "tcp", dial: "10.0.0.2", refused: true},
		{listenNetwork: "tcp", listen: "10.0.0.2:0", dialNetwork: "tcp", dial: "10.0.0.2"},
		{listenNetwork: "tcp", listen: "10.0.0.2:0", dialNetwork: "tcp", dial: "fd00::2", refused: true},
		{listenNetwork: "tcp", listen: "[::ffff:10.0.0.2]:0", dialNetwork: "tcp", dial: "::ffff:10.0.0.2"},
		{listenNetwork: "tcp", listen: "[fd00::2]:0", dialNetwork: "tcp", dial: "fd00::2"},
		{listenNetwork: "tcp", listen: "[fd00::2]:0", dialNetwork: "tcp", dial: "10.0.0.2", refused: true},
		{listenNetwork: "tcp", listen: "127.0.0.1:0", dialNetwork: "tcp", dial: "10.0.0.2", refused: true},
	} {
		l, err := b.Listen(c.listenNetwork, c.listen)
		if err != nil {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		conn, err := a.Dial(c.dialNetwork, net.JoinHostPort(c.dial, port(l.Addr())))
		switch {
		case c.refused:
			if err == nil || !strings.Contains(err.Error(), "connection refused") {
				t.Errorf("%+v: %v; want a refusal", c, err)
			}
		case err != nil:
			t.Errorf("%+v: %v", c, err)
		default:
			checkAddresses(t, l, conn)
		}
		l.Close()
	}
}

// checkAddresses accepts conn's other end and compares what both say of
// themselves.
func checkAddresses(t *testing.T, l net.Listener, conn net.Conn) {
	t.Helper()
	peer, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	defer conn.Close()
	if conn.LocalAddr().String() != peer.RemoteAddr().String() || conn.RemoteAddr().String() != peer.LocalAddr().String() {
		t.Errorf("%v -> %v meets %v -> %v", conn.LocalAddr(), conn.RemoteAddr(), peer.RemoteAddr(), peer.LocalAddr())
	}
	if a, ok := conn.LocalAddr().(*net.TCPAddr); !ok || a.Network() != "tcp" || a.Port == 0 {
		t.Errorf("LocalAddr is %#v", conn.LocalAddr())
	}
}

func TestDialOneself(t *testing.T) {
	s := newStack(t, usernet.Config{})
	l, err := s.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"", "localhost", "LocalHost.", "a.localhost", "127.0.0.1", "127.1.2.3", "0.0.0.0", "::1", "::"} {
		for _, network := range []string{"tcp", "tcp4", "tcp6"} {
			v4, v6 := strings.Contains(host, "."), strings.Contains(host, ":")
			if name := strings.Contains(strings.ToLower(host), "localhost"); !name && (network == "tcp4" && v6 || network == "tcp6" && v4) {
				continue
			}
			c, err := s.Dial(network, net.JoinHostPort(host, port(l.Addr())))
			if err != nil {
				t.Errorf("Dial(%q, %q): %v", network, host, err)
				continue
			}
			checkAddresses(t, l, c)
		}
	}
}

// linkLocal returns the link-local IPv6 address of s's only interface.
func linkLocal(t *testing.T, s *usernet.Stack) string {
	t.Helper()
	for _, a := range s.Interfaces()[0].Addrs {
		if ip := a.Prefix.Addr(); ip.Is6() && ip.IsLinkLocalUnicast() {
			return ip.String()
		}
	}
	t.Fatal("no link-local address")
	return ""
}

func TestLinkLocalWithZone(t *testing.T) {
	near, far := pipe.New(pipe.Config{})
	a, b := newStack(t, usernet.Config{}), newStack(t, usernet.Config{})
	attach(t, a, near, 1)
	err := b.Attach(far, usernet.Interface{MAC: net.HardwareAddr{2, 0, 0, 0, 0, 2}, Addrs: []netip.Prefix{netip.MustParsePrefix("fd00::2/64")}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := b.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	b6 := linkLocal(t, b)
	c, err := a.Dial("tcp", "["+b6+"%eth0]:"+port(l.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if local := c.LocalAddr().(*net.TCPAddr); !local.IP.IsLinkLocalUnicast() || local.Zone != "eth0" {
		t.Errorf("dialled a link-local address from %v", local)
	}
	if host, _, _ := net.SplitHostPort(c.RemoteAddr().String()); host != b6+"%eth0" {
		t.Errorf("connected to %v", c.RemoteAddr())
	}
	u, err := a.Dial("udp", "["+b6+"%eth0]:9")
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	if local := u.LocalAddr().(*net.UDPAddr); local.Zone != "eth0" || u.RemoteAddr().String() != "["+b6+"%eth0]:9" {
		t.Errorf("UDP: %v -> %v", local, u.RemoteAddr())
	}
	if c, err := a.Dial("tcp", "["+b6+"%nowhere]:"+port(l.Addr())); err == nil {
		c.Close()
		t.Error("dialled by an interface that is not there")
	}
}

func TestTypedVariants(t *testing.T) {
	a, b := newPair(t, usernet.Config{}, pipe.Config{})
	l, err := b.ListenTCP("tcp4", &net.TCPAddr{Port: 700})
	if err != nil {
		t.Fatal(err)
	}
	local := &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 5000}
	c, err := a.DialTCP("tcp", local, &net.TCPAddr{IP: net.IPv4(10, 0, 0, 2), Port: 700})
	if err != nil {
		t.Fatal(err)
	}
	if c.LocalAddr().String() != local.String() {
		t.Errorf("dialled from %v, want %v", c.LocalAddr(), local)
	}
	checkAddresses(t, l, c)
	d := usernet.Dialer{Stack: a}
	remote := netip.MustParseAddrPort("10.0.0.2:700")
	if _, err := d.DialTCP(context.Background(), "tcp", remote, remote); err == nil || !strings.Contains(err.Error(), "cannot assign requested address") {
		t.Errorf("dialled from another's address: %v", err)
	}
	if _, err := a.DialTCP("tcp", nil, nil); err == nil || err.Error() != "dial tcp: missing address" {
		t.Errorf("dialled nothing: %v", err)
	}
	if _, err := a.DialTCP("udp", nil, local); err == nil || err.Error() != "dial udp 10.0.0.1:5000: unknown network udp" {
		t.Errorf("dialled TCP by udp: %v", err)
	}
	if _, err := (&usernet.Dialer{}).Dial("tcp", "127.0.0.1:7"); err == nil || !strings.Contains(err.Error(), "Stack is nil") {
		t.Errorf("dialled without a stack: %v", err)
	}
}

func TestReadFromWriteTo(t *testing.T) {
	a, b := newPair(t, usernet.Config{}, pipe.Config{GSO: true})
	c, peer := connect(t, a, b)
	want := randomBytes(3 << 20)
	go func() {
		if n, err := c.ReadFrom(bytes.NewReader(want)); n != int64(len(want)) || err != nil {
			t.Errorf("ReadFrom: %d, %v", n, err)
		}
		c.CloseWrite()
	}()
	var got bytes.Buffer
	if n, err := peer.WriteTo(&got); n != int64(len(want)) || err != nil {
		t.Errorf("WriteTo: %d, %v", n, err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Error("bytes differ")
	}
}

// An io.EOF of the writer is not wrapped, as in net.
func TestWriteToEOF(t *testing.T) {
	a, b := newPair(t, usernet.Config{}, pipe.Config{})
	c, peer := connect(t, a, b)
	io.WriteString(c, "x")
	r, w := io.Pipe()
	r.CloseWithError(io.EOF)
	if _, err := peer.WriteTo(w); err != io.EOF {
		t.Errorf("WriteTo: %v, want EOF itself", err)
	}
}

// Both ends close at the same time; the ports are free again afterwards.
func TestSimultaneousClose(t *testing.T) {
	a, b := newPair(t, usernet.Config{}, pipe.Config{})
	for range 50 {
		c, peer := connect(t, a, b)
		done := make(chan error)
		go func() { done <- peer.Close() }()
		if err := errors.Join(c.Close(), <-done); err != nil {
			t.Fatal(err)
		}
	}
	wantNoConnections(t, a, b)
}

func TestSetLinger(t *testing.T) {
	a, b := newPair(t, usernet.Config{}, pipe.Config{})
	c, peer := connect(t, a, b)
	if err := c.SetLinger(5); err != nil {
		t.Fatal(err)
	}
	io.WriteString(c, "to the last byte")
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(peer); string(got) != "to the last byte" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
}

func TestInfo(t *testing.T) {
	a, b := newPair(t, usernet.Config{}, pipe.Config{})
	c, peer := connect(t, a, b)
	io.WriteString(c, "x")
	readFull(peer, make([]byte, 1))
	if s := c.Info().State.String(); s != "ESTABLISHED" {
		t.Errorf("state is %s", s)
	}
	if err := c.SetUserTimeout(time.Minute); err != nil {
		t.Error(err)
	}
	c.CloseWrite()
	if s := peer.Info().State.String(); s != "CLOSE-WAIT" {
		t.Errorf("the peer's state is %s", s)
	}
}

// What both ends tell of one transfer agrees, over segments and super-segments.
func TestInfoAgrees(t *testing.T) {
	for _, w := range wires {
		t.Run(w.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := newPair(t, usernet.Config{}, w.Config)
				c, peer := connect(t, a, b)
				before := time.Now()
				const size = 3_000_000
				for _, way := range [][2]*usernet.TCPConn{{c, peer}, {peer, c}} {
					go way[0].Write(make([]byte, size))
					if _, err := io.ReadFull(way[1], make([]byte, size)); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(time.Second) // until the last acknowledgment has gone
				i, k := c.Info(), peer.Info()
				for _, x := range [][2]tcp.Info{{i, k}, {k, i}} {
					i, k := x[0], x[1]
					if i.BytesSent != size || i.BytesResent != 0 || i.BytesAcked != size || k.BytesReceived != size ||
						i.TextSegmentsSent != k.TextSegmentsReceived || i.TextSegmentsSent < size/uint64(i.MSS) ||
						i.SegmentsSent != k.SegmentsReceived || i.OutOfOrder != 0 || i.SndWnd != k.RcvWnd || i.MSS != k.ReceivedMSS {
						t.Errorf("one end tells %+v\nthe other %+v", i, k)
					}
					if i.LastTextSent.Before(before) || i.LastTextReceived.Before(before) || i.LastHeard.Before(i.LastTextReceived) {
						t.Errorf("text left at %v, came at %v, anything at %v; it began at %v", i.LastTextSent, i.LastTextReceived, i.LastHeard, before)
					}
				}
			})
		})
	}
}

// Read returns what is there at the deadline's side of the race, never both.
func TestDeadlineIsOsErr(t *testing.T) {
	a, b := newPair(t, usernet.Config{}, pipe.Config{})
	c, _ := connect(t, a, b)
	c.SetReadDeadline(time.Now().Add(-time.Second))
	n, err := c.Read(make([]byte, 1))
	if n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Read: %d, %v", n, err)
	}
}

// The first receive buffer takes two of the largest segments, but not both beside what the window's rounding needs: no
// timer may be what moves such text on.
func TestLargestSegments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newPair(t, usernet.Config{}, pipe.Config{MTU: 65535})
		c, peer := connect(t, a, b)
		began := time.Now()
		const writes = 64
		go func() {
			text := make([]byte, 64<<10)
			for range writes {
				c.Write(text)
			}
			c.Close()
		}()
		n := 0
		buf := make([]byte, 64<<10)
		for {
			k, err := peer.Read(buf)
			if n += k; err != nil {
				break
			}
		}
		if took := time.Since(began); n != writes*64<<10 || took > 200*time.Millisecond {
			t.Errorf("%d bytes took %v", n, took)
		}
	})
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{7})
	r.Read(b)
	return b
}
