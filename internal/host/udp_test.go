package host

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/pipe"
	"github.com/usernet-go/usernet/wire"
)

var anyPort7 = netip.AddrPortFrom(netip.IPv6Unspecified(), 7)

func listenUDP(t *testing.T, h *Host, local netip.AddrPort, family Family) *UDPConn {
	t.Helper()
	c, err := h.ListenUDP(local, family)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func dialUDP(t *testing.T, h *Host, remote netip.AddrPort) *UDPConn {
	t.Helper()
	c, err := h.DialUDP(netip.AddrPort{}, remote)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Datagrams of every size go there and back, whole or in fragments, over both
// media and families, from a wildcard socket that shows IPv4 as IPv4.
func TestUDPEcho(t *testing.T) {
	for _, config := range media {
		for _, to := range []netip.Addr{peer4, peer6} {
			t.Run(fmt.Sprintf("%v %d %v", config.Medium, config.MTU, to), func(t *testing.T) {
				a, b := newPair(t, config)
				server := listenUDP(t, b, anyPort7, FamilyAny)
				client := dialUDP(t, a, netip.AddrPortFrom(to, 7))
				go func() {
					buf := make([]byte, 1<<16)
					for {
						n, from, err := server.ReadFrom(buf)
						if err != nil {
							return
						}
						if from != client.LocalAddr() {
							t.Errorf("datagram from %v, want %v", from, client.LocalAddr())
						}
						if _, err := server.WriteTo(buf[:n], from); err != nil {
							t.Error(err)
						}
					}
				}()
				buf := make([]byte, 1<<16)
				for _, n := range []int{0, 1, 7, 8, 1451, 1452, 1453, 1471, 1472, 1473, 8972, 8973, 32767, 65507} {
					text := bytes.Repeat([]byte("usernet"), n/7+1)[:n]
					if _, err := client.Write(text); err != nil {
						t.Fatalf("write %d bytes: %v", n, err)
					}
					client.SetReadDeadline(time.Now().Add(5 * time.Second))
					got, err := client.Read(buf)
					if err != nil || !bytes.Equal(buf[:got], text) {
						t.Fatalf("%d bytes came back as %d, %v", n, got, err)
					}
				}
				server.Close()
			})
		}
	}
}

func TestUDPMessageTooLong(t *testing.T) {
	r := newRig(t, Config{}, link.Info{})
	c := listenUDP(t, r.h, netip.AddrPort{}, FamilyAny)
	for _, x := range []struct {
		to  netip.Addr
		n   int
		err error
	}{{peer4, 65507, nil}, {peer4, 65508, ErrMessageTooLong}, {peer6, 65527, nil}, {peer6, 65528, ErrMessageTooLong}} {
		if n, err := c.WriteTo(make([]byte, x.n), netip.AddrPortFrom(x.to, 9)); err != x.err || err == nil && n != x.n {
			t.Errorf("%d bytes to %v: %d, %v, want %v", x.n, x.to, n, err, x.err)
		}
	}
}

// The most specific socket gets a datagram: the connected one, the one that is
// bound to the address, the wildcard.
func TestUDPMostSpecificSocket(t *testing.T) {
	r := newRig(t, Config{}, link.Info{})
	// Two wildcards of one family each share the port with nobody; the port table
	// keeps wildcards and addresses apart, so ports differ where the kernel's would.
	wildcard4 := listenUDP(t, r.h, netip.AddrPortFrom(netip.IPv4Unspecified(), 7), FamilyIPv4)
	wildcard6 := listenUDP(t, r.h, netip.AddrPortFrom(netip.IPv6Unspecified(), 7), FamilyIPv6)
	bound := listenUDP(t, r.h, netip.AddrPortFrom(host4, 8), FamilyAny)
	connected, err := r.h.DialUDP(netip.AddrPortFrom(host6, 8), netip.AddrPortFrom(peer6, 9))
	if err != nil {
		t.Fatal(err)
	}
	for i, x := range []struct {
		from, to netip.AddrPort
		want     *UDPConn
	}{
		{fromPeer4, netip.AddrPortFrom(host4, 7), wildcard4},
		{fromPeer6, netip.AddrPortFrom(host6, 7), wildcard6},
		{fromPeer4, netip.AddrPortFrom(host4, 8), bound},
		{fromPeer6, netip.AddrPortFrom(host6, 8), connected},
		{netip.AddrPortFrom(peer6, 10), netip.AddrPortFrom(host6, 8), nil},
	} {
		r.inject(frame(udpPacket(x.from, x.to, "hello")))
		for _, c := range []*UDPConn{wildcard4, wildcard6, bound, connected} {
			if got := c.queued > 0; got != (c == x.want) {
				t.Errorf("datagram %d: socket %v has it: %v", i, c.LocalAddr(), got)
			}
			if c.queued > 0 {
				if _, from, err := c.ReadFrom(make([]byte, 9)); from != x.from || err != nil {
					t.Errorf("datagram %d from %v, %v, want %v", i, from, err, x.from)
				}
			}
		}
	}
}

// A connected socket learns that it is refused, once; others do not.
func TestUDPRefused(t *testing.T) {
	for _, to := range []netip.Addr{peer4, peer6} {
		synctest.Test(t, func(t *testing.T) {
			a, _ := newPair(t, pipe.Config{})
			refused := netip.AddrPortFrom(to, 9)
			connected, other := dialUDP(t, a, refused), listenUDP(t, a, netip.AddrPort{}, FamilyAny)
			for _, c := range []*UDPConn{connected, other} {
				c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
			}
			if _, err := connected.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
			if _, err := other.WriteTo([]byte("x"), refused); err != nil {
				t.Fatal(err)
			}
			if _, err := connected.Read(nil); err != ErrRefused {
				t.Errorf("read after port unreachable: %v, want %v", err, ErrRefused)
			}
			if _, err := connected.Read(nil); err != ErrDeadline {
				t.Errorf("second read: %v, want %v", err, ErrDeadline)
			}
			if _, err := other.Read(nil); err != ErrDeadline {
				t.Errorf("read of a socket that is not connected: %v, want %v", err, ErrDeadline)
			}
			connected.SetReadDeadline(time.Time{})
			connected.Write([]byte("x")) // over the pipe the answer is here at once
			if _, err := connected.Write([]byte("x")); err != ErrRefused {
				t.Errorf("write after port unreachable: %v, want %v", err, ErrRefused)
			}
		})
	}
}

func TestUDPDeadlinesAndClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := newPair(t, pipe.Config{})
		c := listenUDP(t, a, netip.AddrPort{}, FamilyAny)
		start := time.Now()
		c.SetReadDeadline(start.Add(time.Second))
		if _, err := c.Read(nil); err != ErrDeadline || time.Since(start) != time.Second {
			t.Errorf("read: %v after %v, want %v after 1s", err, time.Since(start), ErrDeadline)
		}
		// A deadline that moves while somebody waits holds for him.
		c.SetReadDeadline(time.Time{})
		go func() {
			time.Sleep(time.Second)
			c.SetDeadline(time.Now())
		}()
		if _, err := c.Read(nil); err != ErrDeadline {
			t.Errorf("read: %v, want %v", err, ErrDeadline)
		}
		if _, err := c.WriteTo(nil, netip.AddrPortFrom(peer4, 9)); err != ErrDeadline {
			t.Errorf("write after its deadline: %v, want %v", err, ErrDeadline)
		}
		c.SetDeadline(time.Time{})
		// Close wakes all.
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				if _, err := c.Read(nil); err != ErrClosed {
					t.Errorf("read: %v, want %v", err, ErrClosed)
				}
			})
		}
		time.Sleep(time.Second)
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		wg.Wait()
		for name, err := range map[string]error{"Close": c.Close(), "SetDeadline": c.SetDeadline(start)} {
			if err != ErrClosed {
				t.Errorf("%s after Close: %v, want %v", name, err, ErrClosed)
			}
		}
		if _, err := c.WriteTo(nil, netip.AddrPortFrom(peer4, 9)); err != ErrClosed {
			t.Errorf("write after Close: %v, want %v", err, ErrClosed)
		}
	})
}

func TestUDPWrongVerb(t *testing.T) {
	a, _ := newPair(t, pipe.Config{})
	connected, other := dialUDP(t, a, netip.AddrPortFrom(peer4, 9)), listenUDP(t, a, netip.AddrPort{}, FamilyIPv6)
	for _, c := range []struct {
		name string
		err  error
		want error
	}{
		{"WriteTo connected", second(connected.WriteTo(nil, netip.AddrPortFrom(peer4, 9))), ErrIsConnected},
		{"Write unconnected", second(other.Write(nil)), ErrNotConnected},
		{"IPv4 from an IPv6 socket", second(other.WriteTo(nil, netip.AddrPortFrom(peer4, 9))), ErrInvalid},
		{"port 0", second(other.WriteTo(nil, netip.AddrPortFrom(peer6, 0))), ErrInvalid},
		{"no address", second(other.WriteTo(nil, netip.AddrPort{})), ErrInvalid},
		{"no route", second(other.WriteTo(nil, netip.AddrPortFrom(far6, 9))), ErrNoRoute},
	} {
		if c.err != c.want {
			t.Errorf("%s: %v, want %v", c.name, c.err, c.want)
		}
	}
}

func second[A any](_ A, err error) error { return err }

// The host reaches itself, without a link too.
func TestUDPToSelf(t *testing.T) {
	h, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	server := listenUDP(t, h, anyPort7, FamilyAny)
	for _, to := range []netip.Addr{loopback4, netip.IPv6Loopback(), netip.MustParseAddr("127.1.2.3")} {
		client := dialUDP(t, h, netip.AddrPortFrom(to, 7))
		if _, err := client.Write(make([]byte, 65507)); err != nil {
			t.Fatal(err)
		}
		n, from, err := server.ReadFrom(nil)
		if n != 0 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		server.WriteTo([]byte("back"), from)
		buf := make([]byte, 9)
		if to == netip.MustParseAddr("127.1.2.3") {
			continue // the answer comes from 127.0.0.1: not the address that it is connected to
		}
		if n, err := client.Read(buf); string(buf[:n]) != "back" || err != nil {
			t.Errorf("%v: %q, %v", to, buf[:n], err)
		}
	}
	if _, err := h.DialUDP(netip.AddrPort{}, netip.AddrPortFrom(peer4, 7)); err != ErrNoRoute {
		t.Errorf("dial without a route: %v, want %v", err, ErrNoRoute)
	}
}

// A datagram that waits in a queue is the same whatever pieces it came in, and what
// a link pads is cut off.
func TestUDPPieces(t *testing.T) {
	r := newRig(t, Config{}, link.Info{})
	c := listenUDP(t, r.h, netip.AddrPortFrom(netip.IPv6Unspecified(), udpPort), FamilyAny)
	for _, f := range [][]byte{good4(), good6()} {
		header := len(f) - len("question")
		for cut := header; cut <= len(f); cut++ {
			padding := slices.Repeat([]byte{0xee}, cut%5)
			r.inject(f[:cut], f[cut:len(f):len(f)], padding)
			buf := make([]byte, 99)
			c.SetReadDeadline(time.Now().Add(time.Second))
			if n, err := c.Read(buf); string(buf[:n]) != "question" || err != nil {
				t.Errorf("cut at %d: %q, %v", cut, buf[:n], err)
			}
		}
	}
}

// What the link is to finish it is told; what it has checked is believed.
func TestUDPChecksumOffload(t *testing.T) {
	r := newRig(t, Config{}, link.Info{ChecksumOffload: true})
	c := listenUDP(t, r.h, netip.AddrPortFrom(netip.IPv6Unspecified(), udpPort), FamilyAny)
	for _, to := range []netip.AddrPort{fromPeer4, fromPeer6} {
		c.WriteTo([]byte("answer"), to)
		sent := r.l.take()
		if len(sent) != 1 || sent[0].offload.Checksum != link.ChecksumPartial {
			t.Fatalf("sent %v", sent)
		}
		f, o := sent[0].frame, sent[0].offload
		var sum wire.Sum
		sum.Add(f[o.ChecksumStart:])
		at := o.ChecksumStart + o.ChecksumOffset
		s := sum.Fold()
		f[at], f[at+1] = byte(s>>8), byte(s)
		r.parse(f)
	}
	for _, o := range []link.Checksum{link.ChecksumPartial, link.ChecksumVerified} {
		f := change(good4(), udp4+6, 1, 2)
		r.counted(func() { r.deliver([]link.Packet{{Data: [][]byte{f}, Offload: link.Offload{Checksum: o}}}) })
	}
}
