package host

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// A hub joins links: what one sends all others receive.
type hub struct {
	mu    sync.Mutex
	ports []*hubPort
}

type hubPort struct {
	*testLink
	hub     *hub
	receive func([]link.Packet)
}

func (p *hubPort) Send(batch []link.Packet) (int, error) {
	p.hub.mu.Lock()
	ports := slices.Clone(p.hub.ports)
	p.hub.mu.Unlock()
	for _, o := range ports {
		if o != p {
			for i := range batch {
				o.receive([]link.Packet{{Data: [][]byte{slices.Concat(batch[i].Data...)}}})
			}
		}
	}
	return len(batch), nil
}

// newLAN makes hosts on one Ethernet, at 10.0.0.1, 2001:db8::1 and so on.
func newLAN(t *testing.T, n int) []*Host {
	t.Helper()
	hub, hosts := new(hub), make([]*Host, n)
	for i := range hosts {
		h, err := New(Config{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { h.Close() })
		port := &hubPort{testLink: newTestLink(link.Info{Medium: link.Ethernet}), hub: hub}
		last := byte(i + 1)
		err = h.Attach(port, InterfaceConfig{Name: "eth0", MAC: wire.MAC{2, 0, 0, 0, 0, last}, Addrs: []netip.Prefix{
			netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, last}), 24),
			netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 15: last}), 64),
		}})
		if err != nil {
			t.Fatal(err)
		}
		port.receive = <-port.deliver
		hub.mu.Lock()
		hub.ports = append(hub.ports, port)
		hub.mu.Unlock()
		hosts[i] = h
	}
	return hosts
}

// inbox returns the texts that wait in a socket.
func inbox(t *testing.T, c *UDPConn) []string {
	t.Helper()
	var texts []string
	buf := make([]byte, 100)
	for {
		c.mu.Lock()
		empty := c.first == nil
		c.mu.Unlock()
		if empty {
			return texts
		}
		n, _, err := c.ReadFrom(buf)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(buf[:n]))
	}
}

func (c *UDPConn) mustSend(t *testing.T, text string, to netip.Addr) {
	t.Helper()
	if _, err := c.WriteTo([]byte(text), netip.AddrPortFrom(to, 7)); err != nil {
		t.Fatal(err)
	}
}

func listenShared(t *testing.T, h *Host, port uint16, family Family) *UDPConn {
	t.Helper()
	c, err := h.ListenMulticastUDP(port, family)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A group's datagram comes to all sockets at its port on the hosts that have joined,
// with or without a membership of their own, and to no other host.
func TestUDPGroupDelivery(t *testing.T) {
	for _, group := range []netip.Addr{someGroup4, someGroup6} {
		synctest.Test(t, func(t *testing.T) {
			lan := newLAN(t, 3)
			family := FamilyIPv6
			if group.Is4() {
				family = FamilyIPv4
			}
			sender := listenUDP(t, lan[0], netip.AddrPort{}, FamilyAny)
			first, second := listenShared(t, lan[1], 7, family), listenShared(t, lan[1], 7, family)
			deaf := listenUDP(t, lan[2], anyPort7, FamilyAny)
			sender.mustSend(t, "nobody listens", group)
			if err := first.JoinGroup("", group); err != nil {
				t.Fatal(err)
			}
			sender.mustSend(t, "one has joined", group)
			if err := second.JoinGroup("eth0", group); err != nil {
				t.Fatal(err)
			}
			first.LeaveGroup("", group)
			sender.mustSend(t, "the other has", group)
			second.Close()
			sender.mustSend(t, "it is closed", group)
			synctest.Wait()
			if got, want := inbox(t, first), []string{"one has joined", "the other has"}; !slices.Equal(got, want) {
				t.Errorf("%v: %q, want %q", group, got, want)
			}
			if got := inbox(t, deaf); got != nil {
				t.Errorf("%v: %q on a host that has not joined", group, got)
			}
		})
	}
}

// A socket that is bound to the group takes nothing else; one with an own address or
// a peer takes nothing of the group; a full one does not keep the others from it.
func TestUDPGroupBinding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lan := newLAN(t, 2)
		sender := listenUDP(t, lan[1], netip.AddrPort{}, FamilyAny)
		bound := listenUDP(t, lan[0], netip.AddrPortFrom(someGroup4, 7), FamilyAny)
		own := listenUDP(t, lan[0], netip.AddrPortFrom(host4, 7), FamilyAny)
		if _, err := lan[0].ListenMulticastUDP(7, FamilyIPv4); err != ErrAddrInUse {
			t.Errorf("sharing with who does not: %v", err)
		}
		if err := own.JoinGroup("", someGroup4); err != nil {
			t.Fatal(err)
		}
		own.JoinGroup("", otherGroup4)
		sender.mustSend(t, "group", someGroup4)
		sender.mustSend(t, "other", otherGroup4)
		sender.mustSend(t, "alone", host4)
		if got := inbox(t, bound); !slices.Equal(got, []string{"group"}) {
			t.Errorf("bound to the group: %q", got)
		}
		if got := inbox(t, own); !slices.Equal(got, []string{"alone"}) {
			t.Errorf("bound to an own address: %q", got)
		}
		bound.Close()
		own.Close()

		full, empty := listenShared(t, lan[0], 7, FamilyIPv4), listenShared(t, lan[0], 7, FamilyIPv4)
		full.JoinGroup("", someGroup4)
		full.SetReadBuffer(0)
		for i := range 3 {
			sender.mustSend(t, fmt.Sprint(i), someGroup4)
		}
		if got := inbox(t, full); !slices.Equal(got, []string{"0"}) {
			t.Errorf("a queue of %d bytes: %q", minUDPReadBuffer, got)
		}
		if got := inbox(t, empty); len(got) != 3 {
			t.Errorf("beside a full queue: %q", got)
		}
		if n := lan[0].Stats().Drops[ReasonUDPQueueFull]; n != 2 {
			t.Errorf("%d datagrams without room, want 2", n)
		}
		sender.mustSend(t, "alone", host4)
		if got := inbox(t, full); got != nil {
			t.Errorf("the first of two that share a port: %q", got)
		}
		if got := inbox(t, empty); !slices.Equal(got, []string{"alone"}) {
			t.Errorf("the last of two that share a port: %q", got)
		}
	})
}

// RFC 1112, 6.1, 7.2: own members get a copy on the interface by which a datagram
// leaves, unless the sender does not want it; with a TTL of 0 only they do.
func TestUDPGroupLoopback(t *testing.T) {
	for _, group := range []netip.Addr{someGroup4, someGroup6} {
		synctest.Test(t, func(t *testing.T) {
			lan := newLAN(t, 2)
			c, other := listenUDP(t, lan[0], anyPort7, FamilyAny), listenUDP(t, lan[1], anyPort7, FamilyAny)
			other.JoinGroup("", group)
			c.mustSend(t, "not a member", group)
			c.JoinGroup("", group)
			c.mustSend(t, "member", group)
			c.SetMulticastLoopback(false)
			c.mustSend(t, "no copy", group)
			c.SetMulticastLoopback(true)
			c.SetMulticastTTL(0)
			c.mustSend(t, "stays here", group)
			synctest.Wait()
			if got, want := inbox(t, c), []string{"member", "stays here"}; !slices.Equal(got, want) {
				t.Errorf("%v: %q, want %q", group, got, want)
			}
			if got, want := inbox(t, other), []string{"not a member", "member", "no copy"}; !slices.Equal(got, want) {
				t.Errorf("%v: elsewhere %q, want %q", group, got, want)
			}
		})
	}
}

// Broadcasts come to all, the host itself included, and to each socket at their port.
func TestUDPBroadcastDelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lan := newLAN(t, 3)
		c := listenUDP(t, lan[0], anyPort7, FamilyAny)
		first, second := listenShared(t, lan[1], 7, FamilyIPv4), listenShared(t, lan[1], 7, FamilyIPv4)
		bound := listenUDP(t, lan[2], netip.AddrPortFrom(directed, 7), FamilyAny)
		c.SetMulticastTTL(0) // of no concern here
		c.SetMulticastLoopback(false)
		c.mustSend(t, "limited", limitedBroadcast)
		c.mustSend(t, "directed", directed)
		for _, to := range []*UDPConn{c, first, second} {
			if got, want := inbox(t, to), []string{"limited", "directed"}; !slices.Equal(got, want) {
				t.Errorf("%q, want %q", got, want)
			}
		}
		if got := inbox(t, bound); !slices.Equal(got, []string{"directed"}) {
			t.Errorf("bound to the network's broadcast address: %q", got)
		}
	})
}

// The loopback interface has groups as others do: what is sent there is for members
// here.
func TestUDPGroupOnLoopback(t *testing.T) {
	h, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	c := listenUDP(t, h, anyPort7, FamilyAny)
	if err := c.JoinGroup("", someGroup4); err != ErrNoInterface {
		t.Errorf("joining without a link: %v", err)
	}
	for _, group := range []netip.Addr{someGroup4, someGroup6} {
		if _, err := c.WriteTo(nil, netip.AddrPortFrom(group, 7)); err != ErrNoRoute {
			t.Errorf("sending without a link: %v", err)
		}
		if err := c.JoinGroup("lo", group); err != nil {
			t.Fatal(err)
		}
		if err := c.SetMulticastInterface("lo"); err != nil {
			t.Fatal(err)
		}
		c.mustSend(t, "here", group)
		buf := make([]byte, 9)
		c.SetReadDeadline(time.Now().Add(5 * time.Second))
		n, from, err := c.ReadFrom(buf)
		if err != nil || string(buf[:n]) != "here" || !from.Addr().IsLoopback() {
			t.Errorf("%q from %v, %v", buf[:n], from, err)
		}
		c.SetMulticastInterface("")
	}
}

// What the options refuse.
func TestUDPGroupErrors(t *testing.T) {
	r := newRig(t, Config{}, link.Info{})
	c := listenUDP(t, r.h, anyPort7, FamilyAny)
	v4 := listenUDP(t, r.h, netip.AddrPortFrom(netip.IPv4Unspecified(), 8), FamilyIPv4)
	if err := c.JoinGroup("eth0", someGroup4); err != nil {
		t.Fatal(err)
	}
	for _, e := range []struct {
		name string
		got  error
		want error
	}{
		{"joined twice", c.JoinGroup("", someGroup4), ErrAddrInUse},
		{"another interface", c.JoinGroup("eth1", someGroup4), ErrNoInterface},
		{"zone", c.JoinGroup("", someGroup6.WithZone("eth1")), ErrNoInterface},
		{"no group", c.JoinGroup("", peer4), ErrInvalid},
		{"no address", c.JoinGroup("", netip.Addr{}), ErrInvalid},
		{"IPv6 on an IPv4 socket", v4.JoinGroup("", someGroup6), ErrInvalid},
		{"leave without join", c.LeaveGroup("", otherGroup4), ErrAddrNotAvail},
		{"leave by another interface", c.LeaveGroup("lo", someGroup4), ErrAddrNotAvail},
		{"leave no group", c.LeaveGroup("", peer4), ErrInvalid},
		{"TTL below 0", c.SetMulticastTTL(-1), ErrInvalid},
		{"TTL above 255", c.SetMulticastTTL(256), ErrInvalid},
		{"interface", c.SetMulticastInterface("eth1"), ErrNoInterface},
		{"read buffer", c.SetReadBuffer(-1), ErrInvalid},
		{"leave", c.LeaveGroup("eth0", someGroup4), nil},
	} {
		if e.got != e.want {
			t.Errorf("%s: %v, want %v", e.name, e.got, e.want)
		}
	}
	c.Close()
	for _, err := range []error{c.JoinGroup("", someGroup4), c.LeaveGroup("", someGroup4), c.SetMulticastTTL(1), c.SetReadBuffer(1 << 20)} {
		if err != ErrClosed {
			t.Errorf("after Close: %v", err)
		}
	}
}

// At most maxSharing sockets share a port; one that is chosen is nobody else's, and
// then shared.
func TestUDPSharedPort(t *testing.T) {
	h, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	c := listenShared(t, h, 0, FamilyIPv4)
	port := c.LocalAddr().Port()
	for range maxSharing - 1 {
		listenShared(t, h, port, FamilyIPv4)
	}
	if _, err := h.ListenMulticastUDP(port, FamilyIPv4); err != ErrAddrInUse {
		t.Errorf("one more than may share: %v", err)
	}
	c.Close()
	listenShared(t, h, port, FamilyIPv4)
	if _, err := h.ListenUDP(netip.AddrPortFrom(netip.IPv4Unspecified(), port), FamilyIPv4); err != ErrAddrInUse {
		t.Errorf("who does not share: %v", err)
	}
}

// Sockets come and go while datagrams arrive.
func TestUDPGroupRaces(t *testing.T) {
	lan := newLAN(t, 2)
	sender := listenUDP(t, lan[0], netip.AddrPort{}, FamilyAny)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 50 {
				c, err := lan[1].ListenMulticastUDP(7, FamilyIPv4)
				if err != nil {
					t.Error(err)
					return
				}
				c.JoinGroup("eth0", someGroup4)
				sender.WriteTo([]byte("x"), netip.AddrPortFrom(someGroup4, 7))
				c.SetReadDeadline(time.Now().Add(10 * time.Second))
				if _, _, err := c.ReadFrom(make([]byte, 9)); err != nil {
					t.Error(err)
				}
				go c.LeaveGroup("eth0", someGroup4)
				c.Close()
			}
		})
	}
	all.Wait()
	if lan[1].net.Load().places[1].ifc.groups.has(someGroup4) {
		t.Error("the group has members when all sockets are closed")
	}
	if n := len(lan[1].udp.sockets); n != 0 {
		t.Errorf("%d places are left in the table", n)
	}
}
