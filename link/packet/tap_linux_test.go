package packet_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/internal/linktest"
	"github.com/usernet-go/usernet/link/packet"
	"github.com/usernet-go/usernet/wire"
)

// A collector keeps what a tap delivers.
type collector struct {
	mu      sync.Mutex
	packets []collected
	ended   chan error
}

type collected struct {
	head    []byte // all of the packet
	offload link.Offload
}

func collect(t testing.TB, tap *packet.Tap) *collector {
	c := &collector{ended: make(chan error, 1)}
	go func() {
		c.ended <- tap.Receive(func(batch []link.Packet) {
			c.mu.Lock()
			defer c.mu.Unlock()
			for _, p := range batch {
				c.packets = append(c.packets, collected{bytes.Join(p.Data, nil), p.Offload})
			}
		})
	}()
	t.Cleanup(func() {
		if err := tap.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	})
	return c
}

// until waits until ok says yes of the packets, and returns them.
func (c *collector) until(t testing.TB, what string, ok func([]collected) bool) (all []collected) {
	t.Helper()
	waitFor(t, what, func() bool {
		c.mu.Lock()
		all = slices.Clone(c.packets)
		c.mu.Unlock()
		return ok(all)
	})
	return all
}

// count returns how many packets of an IP version came.
func (c *collector) count(version byte) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, q := range c.packets {
		if q.head[0]>>4 == version {
			n++
		}
	}
	return n
}

func openTap(t testing.TB, ns *linktest.Namespace, cfg packet.TapConfig) *packet.Tap {
	t.Helper()
	var tap *packet.Tap
	ns.Do(func() {
		var err error
		if tap, err = packet.OpenTap(cfg); err != nil {
			t.Fatal(err)
		}
	})
	return tap
}

// toPort returns a filter that passes TCP and UDP to a port, over IPv4 without
// options and IPv6 without extension headers.
func toPort(t testing.TB, port uint16) []bpf.RawInstruction {
	t.Helper()
	f, err := bpf.Assemble([]bpf.Instruction{
		bpf.LoadAbsolute{Off: 0, Size: 1},
		bpf.ALUOpConstant{Op: bpf.ALUOpShiftRight, Val: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 6, SkipTrue: 3},
		bpf.LoadMemShift{Off: 0},
		bpf.LoadIndirect{Off: 2, Size: 2},
		bpf.Jump{Skip: 1},
		bpf.LoadAbsolute{Off: 42, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(port), SkipFalse: 1},
		bpf.RetConstant{Val: 1 << 18},
		bpf.RetConstant{},
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// A stream puts together the text that packets carry, once the headers and
// checksums have been found right, and counts super-segments.
type stream struct {
	text   map[wire.Seq][]byte
	first  wire.Seq
	supers int
	cutter link.Cutter
}

func (s *stream) add(t testing.TB, m link.Medium, q collected) {
	t.Helper()
	packets, err := s.cutter.Cut(m, &link.Packet{Data: [][]byte{q.head}, Offload: q.offload})
	if err != nil {
		t.Fatalf("%+v: %v", q.offload, err)
	}
	if q.offload.Segmentation != link.SegmentNone {
		s.supers++
	}
	for _, p := range packets {
		b := bytes.Join(p.Data, nil)
		src, dst, n, protocol := parseIP(t, b)
		if protocol != wire.ProtocolTCP {
			t.Fatalf("protocol %v", protocol)
		}
		if r := wire.VerifyChecksum(protocol, src, dst, b[n:], nil); r != wire.OK {
			t.Errorf("%+v: %v", q.offload, r)
		}
		h, m, r := wire.ParseTCP(b[n:], len(b)-n)
		if r != wire.OK {
			t.Fatal(r)
		}
		if h.Flags.Has(wire.SYN) {
			s.first = h.Seq.Add(1)
		}
		if text := b[n+m:]; len(text) > 0 {
			s.text[h.Seq] = text
		}
	}
}

// bytes returns the text in order.
func (s *stream) bytes() (all []byte) {
	for at := s.first; ; {
		b, ok := s.text[at]
		if !ok {
			return all
		}
		all = append(all, b...)
		at = at.Add(len(b))
	}
}

// What the host's kernel is sent over TCP comes through the tap too, merged,
// with the right offload, once; what the host sends does not come.
func TestTapSeesSuperSegments(t *testing.T) {
	sent := make([]byte, 2<<20)
	rand.NewChaCha8([32]byte{}).Read(sent)
	for _, tt := range []struct{ name, address, dev string }{
		{"IPv4", host4, dev}, {"IPv6", host6, dev}, {"IPv4, all interfaces", host4, ""}, {"IPv6, all interfaces", host6, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			host, peer := twoHosts(t, 1500)
			ln := listen(t, host, "tcp", tt.address)
			defer ln.Close()
			port := netip.MustParseAddrPort(ln.Addr().String()).Port()
			tap := openTap(t, host, packet.TapConfig{Interface: tt.dev, Filter: toPort(t, port)})
			c := collect(t, tap)
			transfer(t, peer, ln, sent)

			s := stream{text: map[wire.Seq][]byte{}}
			done := 0
			c.until(t, "all text", func(all []collected) bool {
				for ; done < len(all); done++ {
					s.add(t, link.IP, all[done])
				}
				return len(s.bytes()) == len(sent)
			})
			if !bytes.Equal(s.bytes(), sent) {
				t.Error("the text differs")
			}
			if s.supers == 0 {
				t.Error("no super-segment among the packets")
			}
			if n := tap.Drops(); n != 0 {
				t.Errorf("%d drops", n)
			}
		})
	}
}

// A filter decides, and is replaced while packets come; a socket's datagrams
// that the peer sends as one arrive as many.
func TestTapFilterAndUDP(t *testing.T) {
	for _, address := range []string{host4, host6} {
		host, peer := twoHosts(t, 1500)
		tap := openTap(t, host, packet.TapConfig{Filter: toPort(t, 7)})
		c := collect(t, tap)
		var conn *net.UDPConn
		peer.Do(func() { conn = dialUDP(t, address, 9) })
		defer conn.Close()
		udp := func(all []collected) (n int) {
			for _, q := range all {
				if _, _, _, protocol := parseIP(t, q.head); protocol == wire.ProtocolUDP {
					n++
				}
			}
			return n
		}
		write(t, conn, 100) // to port 9: nobody sees it
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatalf("Read = %v, want the news that the host has seen it", err)
		}
		if err := tap.SetFilter(toPort(t, 9)); err != nil {
			t.Fatal(err)
		}
		write(t, conn, 101)
		c.until(t, "one datagram", func(all []collected) bool { return udp(all) == 1 })
		if err := tap.SetFilter(nil); err != nil {
			t.Fatal(err)
		}
		sendSegments(t, conn, 1000, 2500)
		all := c.until(t, "four datagrams", func(all []collected) bool { return udp(all) == 4 })
		var sizes []int
		var cutter link.Cutter
		for _, q := range all {
			src, dst, n, protocol := parseIP(t, q.head)
			if protocol != wire.ProtocolUDP {
				continue
			}
			one, err := cutter.Cut(link.IP, &link.Packet{Data: [][]byte{q.head}, Offload: q.offload})
			if err != nil {
				t.Fatal(err)
			}
			b := bytes.Join(one[0].Data, nil)
			if r := wire.VerifyChecksum(protocol, src, dst, b[n:], nil); r != wire.OK {
				t.Errorf("%v: %+v", r, q.offload)
			}
			h, r := wire.ParseUDP(b[n:], len(b)-n)
			if r != wire.OK {
				t.Error(r)
			}
			sizes = append(sizes, h.Length-wire.UDPLen)
		}
		if want := []int{101, 1000, 1000, 500}; !slices.Equal(sizes, want) {
			t.Errorf("datagrams of %v bytes, want %v", sizes, want)
		}
	}
}

// sendSegments sends n bytes in datagrams of size bytes, which the kernel is
// to keep together as long as it can.
func sendSegments(t testing.TB, conn *net.UDPConn, size, n int) {
	t.Helper()
	rc, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	rc.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_SEGMENT, size)
	})
	if err != nil {
		t.Fatal(err)
	}
	write(t, conn, n)
}

// The tap survives an interface that goes down, and says when it is removed.
func TestTapInterfaceDownAndGone(t *testing.T) {
	host, peer := twoHosts(t, 1500)
	tap := openTap(t, host, packet.TapConfig{Interface: dev, Filter: toPort(t, 9)})
	c := collect(t, tap)
	var conn *net.UDPConn
	peer.Do(func() { conn = dialUDP(t, host4, 9) })
	defer conn.Close()
	write(t, conn, 1)
	c.until(t, "a datagram", func(all []collected) bool { return len(all) == 1 })
	host.Run("ip link set " + dev + " down")
	host.Run("ip link set " + dev + " up")
	c.until(t, "more datagrams", func(all []collected) bool {
		write(t, conn, 1)
		return len(all) > 2
	})
	host.Run("ip link set " + dev + " down")
	host.Run("ip link delete " + dev)
	select {
	case err := <-c.ended:
		if !errors.Is(err, syscall.ENODEV) || !strings.Contains(err.Error(), dev+" is gone") {
			t.Errorf("Receive = %v, want ENODEV", err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("Receive does not notice that the interface is gone")
	}
	if err := tap.Receive(nil); !errors.Is(err, syscall.ENODEV) {
		t.Errorf("Receive = %v, want ENODEV", err)
	}
}

// A second Receive is refused, and the first goes on, for both families.
func TestTapReceivesOnce(t *testing.T) {
	host, peer := twoHosts(t, 1500)
	tap := openTap(t, host, packet.TapConfig{Filter: toPort(t, 9)})
	c := collect(t, tap)
	var conns [2]*net.UDPConn
	peer.Do(func() { conns[0], conns[1] = dialUDP(t, host4, 9), dialUDP(t, host6, 9) })
	both := func(what string) {
		for i, version := range []byte{4, 6} {
			before := c.count(version)
			write(t, conns[i], 1)
			c.until(t, what, func([]collected) bool { return c.count(version) > before })
		}
	}
	both("datagrams of both families")
	if err := tap.Receive(nil); err == nil || !strings.Contains(err.Error(), "runs already") {
		t.Errorf("second Receive = %v", err)
	}
	both("datagrams of both families after a second Receive")
	for _, conn := range conns {
		conn.Close()
	}
}
