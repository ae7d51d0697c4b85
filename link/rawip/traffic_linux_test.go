package rawip_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/packet"
	"github.com/usernet-go/usernet/link/rawip"
	"github.com/usernet-go/usernet/wire"
)

// dialUDP is the kernel's.
func (ns *netns) dialUDP(addr string) (c net.Conn) {
	ns.t.Helper()
	var err error
	ns.do(func() { c, err = net.Dial("udp", addr) })
	if err != nil {
		ns.t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(patience))
	return c
}

// Datagrams go both ways, also in fragments, and the kernel says nothing to them.
func TestKernelUDP(t *testing.T) {
	needKernel(t)
	near, far := newHosts(t)
	s, _ := near.stack(rawip.Config{})
	for _, f := range families {
		ours, err := s.ListenPacket("udp", f.near+":53")
		if err != nil {
			t.Fatal(err)
		}
		c := far.dialUDP(f.near + ":53")
		for _, size := range []int{0, 1, 1400, 4000, 60000} {
			want, _ := payload(size)
			got := make([]byte, 1<<16)
			if _, err := c.Write(want); err != nil {
				t.Fatal(err)
			}
			ours.SetDeadline(time.Now().Add(patience))
			n, from, err := ours.ReadFrom(got)
			if err != nil || !bytes.Equal(got[:n], want) {
				t.Fatalf("%s: %d bytes of %d, %v; or other ones", f.name, n, size, err)
			}
			if _, err := ours.WriteTo(want, from); err != nil {
				t.Fatal(err)
			}
			if n, err = c.Read(got); err != nil || !bytes.Equal(got[:n], want) {
				t.Fatalf("%s: back %d bytes of %d, %v; or other ones", f.name, n, size, err)
			}
		}
		c.Close()
		ours.Close()
		// Once closed, the port is the kernel's, which says that nobody listens.
		c = far.dialUDP(f.near + ":53")
		c.Write([]byte("x"))
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("%s: a datagram to a closed port: %v", f.name, err)
		}
		c.Close()
		// And the other way round: the error reaches the stack's socket.
		u, err := s.Dial("udp", f.far+":9")
		if err != nil {
			t.Fatal(err)
		}
		u.SetDeadline(time.Now().Add(patience))
		u.Write([]byte("x"))
		if _, err := u.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("%s: port unreachable: %v", f.name, err)
		}
		u.Close()
	}
}

// Pings are answered by the kernel, once, and the stack's own are answered.
func TestKernelPing(t *testing.T) {
	needKernel(t, "ping")
	near, far := newHosts(t)
	s, l := near.stack(rawip.Config{})
	for _, f := range families {
		addr := strings.Trim(f.near, "[]")
		// With a deadline ping waits for three answers, without no longer than two round trips.
		if out := far.run("ping", "-c", "3", "-w", "60", "-i", "0.01", addr); !strings.Contains(out, "icmp_seq=3 ttl=") || strings.Contains(out, "DUP") {
			t.Errorf("ping %s: %s", addr, out)
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		p, err := s.NewPinger(netip.MustParseAddr(strings.Trim(f.far, "[]")))
		if err != nil {
			t.Fatal(err)
		}
		for _, size := range []int{56, 4000} {
			if _, err := p.Ping(ctx, size); err != nil {
				t.Errorf("%s: ping of %d bytes: %v", f.name, size, err)
			}
		}
		p.Close()
		cancel()
	}
	if n := l.Stats().Passed; n != 0 {
		t.Errorf("the filter passed %d packets that are not for the stack", n)
	}
}

// With a smaller MTU on the path, packets too big are told of, and the transfer
// goes on.
func TestKernelTooBig(t *testing.T) {
	needKernel(t)
	near, router := newHosts(t)
	far := newNetns(t)
	run(t, "ip", "-n", far.name, "link", "add", device, "mtu", "1300", "type", "veth", "peer", "name", "eth1", "mtu", "1300", "netns", router.name)
	router.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
	for _, end := range []struct {
		ns        *netns
		dev       string
		addresses []string
	}{{router, "eth1", []string{"10.8.0.1/24", "fd08::1/64"}}, {far, device, []string{"10.8.0.2/24", "fd08::2/64"}}} {
		end.ns.run("ip", "link", "set", end.dev, "up")
		for _, a := range end.addresses {
			end.ns.run("ip", "address", "add", a, "dev", end.dev)
		}
	}
	for _, f := range []struct{ flag, near, far string }{{"-4", far4, "10.8.0.1"}, {"-6", far6, "fd08::1"}} {
		near.run("ip", f.flag, "route", "add", "default", "via", f.near)
		far.run("ip", f.flag, "route", "add", "default", "via", f.far)
	}
	eventually(t, "the far addresses are there", func() bool { return !strings.Contains(far.run("ip", "address"), "tentative") })
	eventually(t, "the router's are", func() bool { return !strings.Contains(router.run("ip", "address"), "tentative") })
	s, _ := near.stack(rawip.Config{})
	for _, addr := range []string{"10.8.0.2:7", "[fd08::2]:7"} {
		ln, err := far.listen(addr)
		if err != nil {
			t.Fatal(err)
		}
		go echo(t, ln)
		for range 2 {
			conn, err := s.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			exchange(t, conn, 1<<20)
			if i := conn.(*usernet.TCPConn).Info(); i.BlackHoles != 0 {
				t.Errorf("%s: nobody told of %d packets that were too big", addr, i.BlackHoles)
			}
		}
		ln.Close()
	}
}

// What the kernel merges is delivered whole, with its checksum left out, and is
// taken for good.
func TestKernelSuperSegments(t *testing.T) {
	needKernel(t)
	near, far := newHosts(t)
	l, err := near.open(rawip.Config{Interface: device})
	if err != nil {
		t.Fatal(err)
	}
	var super, partial, sent atomic.Int64
	s, err := usernet.New(usernet.Config{TTL: ownTTL})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	traced := link.Trace(l, func(e link.Event) {
		switch {
		case e.Direction == link.Sent && e.Packet.Offload != (link.Offload{}):
			sent.Add(1)
		case e.Direction == link.Received && e.Packet.Offload.Segmentation != link.SegmentNone:
			super.Add(1)
		}
		if e.Direction == link.Received && e.Packet.Offload.Checksum == link.ChecksumPartial {
			partial.Add(1)
		}
	})
	if err := s.Attach(traced, usernet.Interface{Addrs: l.Addrs()}); err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		super.Store(0)
		partial.Store(0)
		ln, err := s.Listen("tcp", f.near+":80")
		if err != nil {
			t.Fatal(err)
		}
		go echo(t, ln)
		conn, err := far.dial(f.near + ":80")
		if err != nil {
			t.Fatal(err)
		}
		exchange(t, conn, 8<<20)
		ln.Close()
		if super.Load() == 0 || partial.Load() == 0 || sent.Load() > 0 {
			t.Errorf("%s: %d super-segments and %d partial checksums received, %d offloads sent", f.name, super.Load(), partial.Load(), sent.Load())
		}
	}
}

// With one packet in a hundred lost each way all bytes arrive.
func TestKernelLoss(t *testing.T) {
	needKernel(t, "nft")
	near, far := newHosts(t)
	for _, ns := range []*netns{near, far} { // at the device, before taps
		ns.run("nft", "add table netdev loss; add chain netdev loss in { type filter hook ingress device "+device+" priority 0; }; "+
			"add rule netdev loss in numgen random mod 100 < 1 counter drop")
	}
	resets := far.resets()
	s, _ := near.stack(rawip.Config{})
	for _, f := range families {
		ln, err := s.Listen("tcp", f.near+":80")
		if err != nil {
			t.Fatal(err)
		}
		go echo(t, ln)
		done := make(chan bool)
		for range 3 {
			go func() {
				defer func() { done <- true }()
				conn, err := far.dial(f.near + ":80")
				if err != nil {
					t.Error(err)
					return
				}
				exchange(t, conn, 2<<20)
			}()
		}
		for range 3 {
			<-done
		}
		ln.Close()
	}
	if n := resets.Load(); n != 0 {
		t.Errorf("%d resets, want none", n)
	}
	for _, ns := range []*netns{near, far} {
		if rules := ns.run("nft", "list", "table", "netdev", "loss"); strings.Contains(rules, "packets 0 ") {
			t.Errorf("nothing was lost: %s", rules)
		}
	}
}

// Programs on the host itself are refused, by each of its addresses.
func TestKernelLocalClients(t *testing.T) {
	needKernel(t)
	near, _ := newHosts(t)
	s, _ := near.stack(rawip.Config{})
	ln, err := s.Listen("tcp", ":80")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	for _, host := range []string{near4, "[" + near6 + "]", "127.0.0.1", "[::1]"} {
		if _, err := near.dial(host + ":80"); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("%s: %v, want %v", host, err, syscall.ECONNREFUSED)
		}
	}
}

// Addresses that come later are received, and those that go are not missed.
func TestKernelAddressLater(t *testing.T) {
	needKernel(t)
	near, far := newHosts(t)
	s, l := near.stack(rawip.Config{})
	near.run("ip", "address", "add", "10.7.0.9/24", "dev", device)
	added := netip.MustParsePrefix("10.7.0.9/24")
	eventually(t, "the link has seen the address", func() bool {
		for _, p := range l.Addrs() {
			if p == added {
				return true
			}
		}
		return false
	})
	if err := s.AddAddr("host", added); err != nil {
		t.Fatal(err)
	}
	ln, err := s.Listen("tcp", ":80")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go echo(t, ln)
	for _, host := range []string{"10.7.0.9", near4} {
		conn, err := far.dial(host + ":80")
		if err != nil {
			t.Fatal(err)
		}
		exchange(t, conn, 10000)
	}
}

// A segment in a frame to all is not taken, though its IP header names the host.
// RFC 1122, 3.3.6.
func TestKernelBroadcastFrame(t *testing.T) {
	needKernel(t)
	near, far := newHosts(t)
	l, err := near.open(rawip.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := l.ReservePort(6, 80); err != nil {
		t.Fatal(err)
	}
	ports := make(chan uint16, 10)
	go l.Receive(0, func(batch []link.Packet) {
		for _, p := range batch {
			ports <- binary.BigEndian.Uint16(p.Data[0][20:])
		}
	})
	var sender *packet.Link
	far.do(func() { sender, err = packet.Open(packet.Config{Interface: device, InterfaceMAC: true}) })
	if err != nil {
		t.Fatal(err)
	}
	defer sender.Close()
	var host *packet.Link
	near.do(func() { host, err = packet.Open(packet.Config{Interface: device, InterfaceMAC: true}) })
	if err != nil {
		t.Fatal(err)
	}
	host.Close()
	for i, dst := range []wire.MAC{wire.Broadcast, {1, 0, 0x5e, 0, 0, 1}, host.Info().MAC} {
		frame := (&wire.Ethernet{Dst: dst, Src: sender.Info().MAC, Type: wire.EtherTypeIPv4}).Append(nil)
		frame = append(frame, segment(far4, 1+i, near4, 80)...)
		if n, err := sender.Send([]link.Packet{{Data: [][]byte{frame}}}); n != 1 || err != nil {
			t.Fatal(n, err)
		}
	}
	select {
	case port := <-ports:
		if port != 3 {
			t.Errorf("the segment from port %d came, want that in a frame to the host, from port 3", port)
		}
	case <-time.After(patience):
		t.Error("nothing came")
	}
}
