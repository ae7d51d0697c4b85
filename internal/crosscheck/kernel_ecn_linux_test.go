package crosscheck

import (
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/tcp"
)

// A marker is a link on which each packet of a certain number meets congestion, in
// both directions, if it may be marked.
type marker struct {
	link.Link
	every          uint64
	capable        atomic.Uint64
	sent, received atomic.Uint64 // packets that were marked
}

func (m *marker) Send(batch []link.Packet) (int, error) {
	return m.Link.Send(m.mark(batch, &m.sent))
}

func (m *marker) Receive(queue int, deliver func([]link.Packet)) error {
	return m.Link.Receive(queue, func(batch []link.Packet) { deliver(m.mark(batch, &m.received)) })
}

// mark returns the batch with copies of the headers that it has marked.
func (m *marker) mark(batch []link.Packet, count *atomic.Uint64) []link.Packet {
	medium := m.Info().Medium
	batch = slices.Clone(batch)
	for i := range batch {
		p := &batch[i]
		if !link.ECNCapable(medium, p) || m.capable.Add(1)%m.every != 0 {
			continue
		}
		p.Data = slices.Clone(p.Data)
		p.Data[0] = slices.Clone(p.Data[0])
		link.MarkCE(medium, p.Data[0])
		count.Add(1)
	}
	return batch
}

// netstat returns one of the kernel's own counters in the namespace, such as
// TCPDeliveredCE.
func (ns *netns) netstat(name string) uint64 {
	ns.t.Helper()
	var b []byte
	var err error
	ns.do(func() { b, err = os.ReadFile("/proc/thread-self/net/netstat") })
	if err != nil {
		ns.t.Fatal(err)
	}
	lines := strings.Split(string(b), "\n")
	for i := 0; i+1 < len(lines); i += 2 {
		if at := slices.Index(strings.Fields(lines[i]), name); at >= 0 {
			n, err := strconv.ParseUint(strings.Fields(lines[i+1])[at], 10, 64)
			if err != nil {
				ns.t.Fatal(err)
			}
			return n
		}
	}
	ns.t.Fatalf("the kernel counts no %q", name)
	return 0
}

// TestKernelECN moves bytes both ways over a link that marks. The kernel's settings
// of tcp_ecn are: 0 not at all, 1 RFC 3168 both ways, 2 the same when asked, 3 AccECN
// both ways, 5 the same when asked; a kernel may have no more than 2.
func TestKernelECN(t *testing.T) {
	for _, c := range []struct {
		setting       string
		asked, asking tcp.ECNMode // when we open, and when the kernel does
	}{
		{"0", tcp.ECNNone, tcp.ECNNone},
		{"1", tcp.ECNClassic, tcp.ECNClassic},
		{"2", tcp.ECNClassic, tcp.ECNNone},
		{"3", tcp.ECNAccurate, tcp.ECNAccurate},
		{"5", tcp.ECNAccurate, tcp.ECNNone},
	} {
		if !kernelTakes(t, "net/ipv4/tcp_ecn", c.setting) {
			t.Logf("this kernel has no tcp_ecn %s", c.setting)
			continue
		}
		for _, d := range []device{{tap: true, mtu: 1500, single: true}, {mtu: 1500}} {
			t.Run("tcp_ecn "+c.setting+" "+bulkCase{device: d}.String(), func(t *testing.T) {
				needKernel(t, "ethtool")
				host := newNetns(t)
				host.sysctl("net/ipv4/tcp_ecn", c.setting)
				m := &marker{Link: host.open(t, d), every: 100}
				if !d.single {
					m.every = 10 // super-segments
				}
				s, err := usernet.New(usernet.Config{})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { s.Close() })
				if err := s.Attach(m, usernet.Interface{Name: nearDev, Addrs: []netip.Prefix{netip.MustParsePrefix(near4 + "/24")}}); err != nil {
					t.Fatal(err)
				}
				t.Run("asked", func(t *testing.T) { marks(t, m, host, newInfoPair(t, s, host, gate4), c.asked, d.single) })
				t.Run("asking", func(t *testing.T) { marks(t, m, host, dialedPair(t, s, host), c.asking, d.single) })
			})
		}
	}
}

// kernelTakes says that a setting can have that value.
func kernelTakes(t *testing.T, path, value string) bool {
	needKernel(t)
	var err error
	newNetns(t).do(func() { err = os.WriteFile("/proc/sys/"+path, []byte(value), 0) })
	return err == nil
}

// dialedPair is a connection that the kernel has opened.
func dialedPair(t *testing.T, s *usernet.Stack, host *netns) infoPair {
	t.Helper()
	ln, err := s.Listen("tcp", hostPort(near4, 7))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	far, err := host.dial(near4)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { far.Close() })
	near, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close() })
	near.SetDeadline(time.Now().Add(patience))
	far.SetDeadline(time.Now().Add(patience))
	return infoPair{near.(*usernet.TCPConn), far.(*net.TCPConn)}
}

// marks moves bytes both ways, and has both ends tell which marks they met.
func marks(t *testing.T, m *marker, host *netns, p infoPair, mode tcp.ECNMode, single bool) {
	const size = 8 << 20
	sent, received := m.sent.Load(), m.received.Load()
	in, delivered := host.netstat("InCEPkts"), host.netstat("TCPDeliveredCE")
	move(t, p.near, p.far, size)
	move(t, p.far, p.near, size)
	i, k := p.quiet(t)
	sent, received = m.sent.Load()-sent, m.received.Load()-received
	in, delivered = host.netstat("InCEPkts")-in, host.netstat("TCPDeliveredCE")-delivered
	t.Logf("%d marked to the kernel, %d from it; here: %v, CE received %d, ECE received %d, CE delivered %d, %d reductions; there: options %#x, CE delivered %d; InCEPkts %d, TCPDeliveredCE %d",
		sent, received, i.ECN, i.ReceivedCE, i.ReceivedECE, i.DeliveredCE, i.ECNReductions, k.Options, k.Delivered_ce, in, delivered)
	if i.ECN != mode {
		t.Fatalf("mode %v, want %v", i.ECN, mode)
	}
	if mode == tcp.ECNNone {
		if sent+received > 0 || i.ReceivedCE+i.ReceivedECE+i.DeliveredCE > 0 {
			t.Errorf("%d and %d packets were sent as ECN-capable", sent, received)
		}
		return
	}
	if sent == 0 || received == 0 || i.ReceivedCE == 0 || i.ECNReductions == 0 || delivered == 0 || in == 0 {
		t.Error("an end knows nothing of marks")
	}
	if k.Options&optECN == 0 || k.Options&optECNSeen == 0 {
		t.Errorf("options %#x there, want ecn and ecnseen", k.Options)
	}
	if i.ECNReductions > sent {
		t.Errorf("%d reductions for %d marks", i.ECNReductions, sent)
	}
	if single && i.ReceivedCE != received {
		t.Errorf("%d marks counted here, %d packets were marked", i.ReceivedCE, received)
	}
	if mode == tcp.ECNClassic {
		if i.ReceivedECE == 0 || i.DeliveredCE != 0 {
			t.Errorf("%d ACKs with ECE, %d marks delivered", i.ReceivedECE, i.DeliveredCE)
		}
		return
	}
	if single && (i.DeliveredCE != sent || delivered != received) {
		t.Errorf("of %d and %d packets that were marked the senders know %d and %d", sent, received, i.DeliveredCE, delivered)
	}
}
