package crosscheck

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/usernet-go/usernet"
)

// TestKernelRefused knocks at closed ports, ours and the kernel's.
func TestKernelRefused(t *testing.T) {
	needKernel(t, "nc")
	for _, d := range []device{{tap: true, mtu: 1500}, {mtu: 1500}} {
		host := newNetns(t)
		s := host.attach(t, d)
		refusals(t, s, host, near4, gate4)
		refusals(t, s, host, near6, gate6)
	}
}

// refusals knocks at closed ports of both protocols at both addresses.
func refusals(t *testing.T, s *usernet.Stack, host *netns, near, kernel string) {
	t.Helper()
	cmd := host.command("nc", "-v", near, "81")
	var stderr lockedBuffer
	cmd.Stderr = &stderr
	err := cmd.Run()
	if err == nil || !strings.Contains(stderr.String(), "Connection refused") {
		t.Errorf("nc to our closed port at %s: %v: %s", near, err, &stderr)
	}
	c, err := s.Dial("tcp", hostPort(kernel, 81))
	if err == nil {
		c.Close()
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("dialing a closed port at %s: %v, want %v", kernel, err, syscall.ECONNREFUSED)
	}

	host.do(func() { c, err = net.Dial("udp", hostPort(near, 81)) })
	if err != nil {
		t.Fatal(err)
	}
	wantRefusedUDP(t, c)
	if c, err = s.Dial("udp", hostPort(kernel, 81)); err != nil {
		t.Fatal(err)
	}
	wantRefusedUDP(t, c)
}

// wantRefusedUDP sends a datagram to a closed port and wants to be told.
func wantRefusedUDP(t *testing.T, c net.Conn) {
	t.Helper()
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, "?"); err != nil {
		t.Errorf("to %v: %v", c.RemoteAddr(), err)
		return
	}
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("from %v: %v, want %v", c.RemoteAddr(), err, syscall.ECONNREFUSED)
	}
}

// TestKernelUnreachable dials where nobody answers ARP or ND, where the router
// has no way to go, and where the stack itself has none.
func TestKernelUnreachable(t *testing.T) {
	t.Parallel()
	needKernel(t)
	host := newNetns(t)
	host.sysctl("net/ipv4/ip_forward", "1")
	host.sysctl("net/ipv6/conf/all/forwarding", "1")
	s := host.attach(t, device{tap: true, mtu: 1500})
	for _, c := range []struct {
		addr string
		why  string
		want error
	}{
		{nowhere4, "nobody answers ARP", syscall.EHOSTUNREACH},
		{nowhere6, "nobody answers ND", syscall.EHOSTUNREACH},
		{"10.77.0.1", "the router says network unreachable", syscall.ENETUNREACH},
		{"fd77::1", "the router says no route", syscall.ENETUNREACH},
	} {
		began := time.Now()
		conn, err := s.Dial("tcp", hostPort(c.addr, 80))
		if err == nil {
			conn.Close()
		}
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.why, err, c.want)
		}
		if d := time.Since(began); d > 20*time.Second {
			t.Errorf("%s: known only after %v", c.why, d)
		}
	}
}

// TestKernelReset ends connections without a farewell, in both directions.
func TestKernelReset(t *testing.T) {
	needKernel(t)
	host := newNetns(t)
	s := host.attach(t, device{tap: true, mtu: 1500})
	var theirs net.Listener
	var err error
	host.do(func() { theirs, err = net.Listen("tcp", hostPort(gate4, 7)) })
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	ours, err := s.Listen("tcp", hostPort(near4, 7))
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()

	for _, way := range []struct {
		name string
		dial func() (net.Conn, error)
		l    net.Listener
	}{
		{"usernet to the kernel", func() (net.Conn, error) { return s.Dial("tcp", hostPort(gate4, 7)) }, theirs},
		{"the kernel to usernet", func() (c net.Conn, err error) {
			host.do(func() { c, err = net.Dial("tcp", hostPort(near4, 7)) })
			return c, err
		}, ours},
	} {
		a, err := way.dial()
		if err != nil {
			t.Fatal(err)
		}
		b, err := way.l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		// One end writes, the other closes without having read: that is a reset.
		if _, err := io.WriteString(a, "unread"); err != nil {
			t.Fatal(err)
		}
		b.(interface{ SetLinger(int) error }).SetLinger(0)
		b.Close()
		a.SetDeadline(time.Now().Add(patience))
		if _, err := a.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s, read after a reset: %v, want %v", way.name, err, syscall.ECONNRESET)
		}
		if _, err := io.WriteString(a, "more"); !errors.Is(err, syscall.EPIPE) {
			t.Errorf("%s, write after that: %v, want %v", way.name, err, syscall.EPIPE)
		}
		a.Close()
	}
}
