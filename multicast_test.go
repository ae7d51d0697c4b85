package usernet_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link/pipe"
)

func groupAddr(group string, port int) *net.UDPAddr {
	return &net.UDPAddr{IP: net.ParseIP(group), Port: port}
}

// Several listeners share a group's port; each gets its copy, and none of what they
// send themselves.
func TestListenMulticastUDP(t *testing.T) {
	for _, group := range []string{"239.1.2.3", "ff15::123"} {
		a, b := newPair(t, usernet.Config{}, pipe.Config{})
		var listeners []*usernet.UDPConn
		for _, ifname := range []string{"", "eth0"} {
			c, err := b.ListenMulticastUDP("udp", ifname, groupAddr(group, 7))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if addr := c.LocalAddr().(*net.UDPAddr); !addr.IP.IsUnspecified() || addr.Port != 7 {
				t.Errorf("bound to %v", addr)
			}
			listeners = append(listeners, c)
		}
		if _, err := listeners[0].WriteToUDP([]byte("from here"), groupAddr(group, 7)); err != nil {
			t.Fatal(err)
		}
		c, err := a.ListenPacket("udp", ":0")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.WriteTo([]byte("hello"), groupAddr(group, 7)); err != nil {
			t.Fatal(err)
		}
		for _, l := range listeners {
			buf := make([]byte, 20)
			l.SetReadDeadline(time.Now().Add(30 * time.Second))
			if n, from, err := l.ReadFromUDP(buf); err != nil || string(buf[:n]) != "hello" {
				t.Errorf("%s: %q from %v, %v", group, buf[:n], from, err)
			}
		}
	}
}

// As in net, a group's address stands for all, and its port is shared; who joins
// afterwards gets what is sent to it.
func TestListenPacketGroup(t *testing.T) {
	a, b := newPair(t, usernet.Config{}, pipe.Config{})
	var conns []net.PacketConn
	for range 2 {
		c, err := b.ListenPacket("udp4", "239.1.2.3:7")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		conns = append(conns, c)
	}
	if addr := conns[0].LocalAddr().String(); addr != "0.0.0.0:7" {
		t.Errorf("bound to %v", addr)
	}
	c := conns[0].(*usernet.UDPConn)
	if err := c.JoinGroup("", netip.MustParseAddr("239.1.2.3")); err != nil {
		t.Fatal(err)
	}
	s, err := a.DialUDP("udp", nil, groupAddr("239.1.2.3", 7))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := errors.Join(s.SetMulticastTTL(5), s.SetMulticastLoopback(false), s.SetMulticastInterface("eth0"),
		s.SetReadBuffer(1<<20), s.SetWriteBuffer(1<<20)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	for _, c := range conns {
		buf := make([]byte, 20)
		c.SetReadDeadline(time.Now().Add(30 * time.Second))
		if n, _, err := c.ReadFrom(buf); err != nil || string(buf[:n]) != "hello" {
			t.Errorf("%q, %v", buf[:n], err)
		}
	}
}

// The errors are those of net, and of the system call setsockopt.
func TestMulticastErrors(t *testing.T) {
	_, s := newPair(t, usernet.Config{}, pipe.Config{})
	open, err := s.ListenUDP("udp", &net.UDPAddr{Port: 9})
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	listen := func(network, ifname string, gaddr *net.UDPAddr) error {
		c, err := s.ListenMulticastUDP(network, ifname, gaddr)
		if err == nil {
			c.Close()
		}
		return err
	}
	group := netip.MustParseAddr("239.1.2.3")
	if err := open.JoinGroup("", group); err != nil {
		t.Fatal(err)
	}
	for _, e := range []struct {
		got  error
		want string
		is   error
	}{
		{listen("tcp", "", groupAddr("239.1.2.3", 7)), "listen tcp 239.1.2.3:7: unknown network tcp", nil},
		{listen("udp", "", nil), "listen udp: missing address", nil},
		{listen("udp6", "", groupAddr("239.1.2.3", 7)), "listen udp6 239.1.2.3:7: address 239.1.2.3: non-IPv6 address", nil},
		{listen("udp", "eth9", groupAddr("239.1.2.3", 7)), "listen udp 239.1.2.3:7: setsockopt: no such device", syscall.ENODEV},
		{listen("udp", "", groupAddr("10.0.0.9", 7)), "listen udp 10.0.0.9:7: setsockopt: invalid argument", syscall.EINVAL},
		{listen("udp", "", groupAddr("239.1.2.3", 9)), "listen udp 239.1.2.3:9: bind: address already in use", syscall.EADDRINUSE},
		{open.JoinGroup("", group), "set udp [::]:9: setsockopt: address already in use", syscall.EADDRINUSE},
		{open.LeaveGroup("", netip.MustParseAddr("239.9.9.9")), "set udp [::]:9: setsockopt: cannot assign requested address", syscall.EADDRNOTAVAIL},
		{open.SetMulticastTTL(256), "set udp [::]:9: setsockopt: invalid argument", syscall.EINVAL},
		{open.SetWriteBuffer(-1), "set udp [::]:9: setsockopt: invalid argument", syscall.EINVAL},
	} {
		if fmt.Sprint(e.got) != e.want || e.is != nil && !errors.Is(e.got, e.is) {
			t.Errorf("%v, want %s", e.got, e.want)
		}
	}
	open.Close()
	if err := open.JoinGroup("", group); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}
