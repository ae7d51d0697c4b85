package usernet_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link/pipe"
)

var (
	_ net.PacketConn = (*usernet.UDPConn)(nil)
	_ net.Conn       = (*usernet.UDPConn)(nil)
)

func TestUDPEcho(t *testing.T) {
	a, b := newPair(t, usernet.Config{}, pipe.Config{})
	p, err := b.ListenPacket("udp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		buf := make([]byte, 65536)
		for {
			n, from, err := p.ReadFrom(buf)
			if err != nil {
				return
			}
			p.WriteTo(buf[:n], from)
		}
	}()
	for _, host := range []string{"10.0.0.2", "fd00::2"} {
		c, err := a.Dial("udp", net.JoinHostPort(host, port(p.LocalAddr())))
		if err != nil {
			t.Fatal(err)
		}
		if c.RemoteAddr().(*net.UDPAddr).IP.String() != host {
			t.Errorf("dialled %s, reached %v", host, c.RemoteAddr())
		}
		for _, size := range []int{0, 1, 1472, 1473, 9000, 65507} {
			if size == 65507 && host != "10.0.0.2" {
				size = 65487 // an IPv6 header counts less of itself, and fragments need room
			}
			want := randomBytes(size)
			if n, err := c.Write(want); n != size || err != nil {
				t.Fatalf("Write: %d, %v", n, err)
			}
			c.SetReadDeadline(time.Now().Add(10 * time.Second))
			got := make([]byte, 65536)
			if n, err := c.Read(got); err != nil || !bytes.Equal(got[:n], want) {
				t.Errorf("%s, %d bytes: read %d, %v", host, size, n, err)
			}
		}
		c.Close()
	}
}

func TestUDPAddresses(t *testing.T) {
	a, b := newPair(t, usernet.Config{}, pipe.Config{})
	p, err := b.ListenUDP("udp", nil)
	if err != nil {
		t.Fatal(err)
	}
	if ip := p.LocalAddr().(*net.UDPAddr).IP; !ip.Equal(net.IPv6unspecified) {
		t.Errorf("bound to %v", p.LocalAddr())
	}
	if p.RemoteAddr() != nil {
		t.Errorf("RemoteAddr of a listener is %v", p.RemoteAddr())
	}
	d := usernet.Dialer{Stack: a, LocalAddr: &net.UDPAddr{Port: 5353}}
	c, err := d.Dial("udp", net.JoinHostPort("10.0.0.2", port(p.LocalAddr())))
	if err != nil {
		t.Fatal(err)
	}
	if c.LocalAddr().String() != "10.0.0.1:5353" {
		t.Errorf("dialled from %v", c.LocalAddr())
	}
	c.Write([]byte("hello"))
	buf := make([]byte, 3)
	n, from, err := p.ReadFromUDPAddrPort(buf)
	if n != 3 || err != nil || from != netip.MustParseAddrPort("10.0.0.1:5353") {
		t.Errorf("read %q from %v, %v", buf[:n], from, err)
	}
	// The rest of a datagram is gone, and an IPv4-mapped destination is an IPv4 one.
	if _, err := p.WriteToUDPAddrPort([]byte("back"), netip.MustParseAddrPort("[::ffff:10.0.0.1]:5353")); err != nil {
		t.Error(err)
	}
	buf = make([]byte, 9)
	if n, err := c.Read(buf); string(buf[:n]) != "back" || err != nil {
		t.Errorf("read %q, %v", buf[:n], err)
	}
	u, err := a.DialUDP("udp4", nil, &net.UDPAddr{IP: net.IPv4(10, 0, 0, 2), Port: 9})
	if err != nil {
		t.Fatal(err)
	}
	u.Close()
	ud := usernet.Dialer{Stack: a}
	if u, err = ud.DialUDP(context.Background(), "udp", netip.AddrPort{}, netip.MustParseAddrPort("10.0.0.2:9")); err != nil {
		t.Fatal(err)
	}
	u.Close()
}

// A connected socket hears from its peer alone.
func TestUDPConnectedHearsItsPeerAlone(t *testing.T) {
	a, b := newPair(t, usernet.Config{}, pipe.Config{})
	peer, _ := b.ListenUDP("udp4", &net.UDPAddr{Port: 1})
	stranger, _ := b.ListenUDP("udp4", &net.UDPAddr{Port: 2})
	c, err := a.Dial("udp", "10.0.0.2:1")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []*usernet.UDPConn{stranger, peer} {
		if _, err := p.WriteTo([]byte(p.LocalAddr().String()), c.LocalAddr()); err != nil {
			t.Fatal(err)
		}
	}
	buf := make([]byte, 99)
	if n, err := c.Read(buf); string(buf[:n]) != peer.LocalAddr().String() || err != nil {
		t.Errorf("read %q, %v", buf[:n], err)
	}
}

func TestBubbleUDP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newPair(t, usernet.Config{}, pipe.Config{})
		p, err := b.ListenPacket("udp", ":0")
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		p.SetReadDeadline(start.Add(time.Hour))
		if _, _, err := p.ReadFrom(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Hour {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		p.SetDeadline(time.Time{})
		go func() {
			c, _ := a.Dial("udp", net.JoinHostPort("10.0.0.2", port(p.LocalAddr())))
			c.Write([]byte("hello"))
		}()
		buf := make([]byte, 9)
		if n, _, err := p.ReadFrom(buf); string(buf[:n]) != "hello" || err != nil {
			t.Errorf("read %q, %v", buf[:n], err)
		}
	})
}

// A UDP socket's receive queue has a bound; what is beyond it is dropped and
// counted.
func TestUDPQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newPair(t, usernet.Config{UDPReceiveBuffer: 8 << 10}, pipe.Config{})
		p, err := b.ListenPacket("udp", ":0")
		if err != nil {
			t.Fatal(err)
		}
		c, err := a.Dial("udp", net.JoinHostPort("10.0.0.2", port(p.LocalAddr())))
		if err != nil {
			t.Fatal(err)
		}
		const sent = 100
		for range sent {
			if _, err := c.Write(make([]byte, 1000)); err != nil {
				t.Fatal(err)
			}
			synctest.Wait() // it has arrived: nothing is dropped on the way
		}
		p.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
		n := 0
		for buf := make([]byte, 2000); ; n++ {
			if _, _, err := p.ReadFrom(buf); err != nil {
				break
			}
		}
		if n == 0 || n > 8 {
			t.Errorf("read %d datagrams of 1000 bytes out of a buffer of 8 KiB", n)
		}
		if d := b.Stats().Drops["UDP receive queue full"]; d != uint64(sent-n) {
			t.Errorf("%d were dropped, %d counted", sent-n, d)
		}
	})
}

// Closing twice, and the error after it.
func TestUDPClose(t *testing.T) {
	s := newStack(t, usernet.Config{})
	c, err := s.Dial("udp", "127.0.0.1:9")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := c.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("second Close: %v", err)
	}
	if _, err := s.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(10, 9, 9, 9)}); !errors.Is(err, syscall.EADDRNOTAVAIL) {
		t.Errorf("bound to another's address: %v", err)
	}
}
