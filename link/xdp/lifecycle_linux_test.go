package xdp_test

import (
	"errors"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/internal/linktest"
	"github.com/usernet-go/usernet/link/packet"
	"github.com/usernet-go/usernet/link/xdp"
	"github.com/usernet-go/usernet/wire"
)

// descriptors returns how many descriptors the process has open.
func descriptors(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// mapped returns how many rings of sockets the process has mapped.
func mapped(t testing.TB) int {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(maps), "socket:[")
}

// hasProgram says whether the interface of a host has an XDP program.
func hasProgram(ns *linktest.Namespace) bool {
	return strings.Contains(ns.Run("ip link show dev "+dev), "prog/xdp")
}

// What cannot be opened says why, and leaves nothing behind.
func TestOpenRefuses(t *testing.T) {
	ns, _ := twoHosts(t, 1500)
	ns.Run("ip tuntap add dev tun0 mode tun")
	ns.Run("ip link add large0 mtu 9000 type veth peer name large1")
	xdp.Open(xdp.Config{}) // the poller has descriptors of its own
	before := descriptors(t)
	for _, tt := range []struct {
		cfg  xdp.Config
		errs error
		want string
	}{
		{xdp.Config{Interface: "none0"}, syscall.ENODEV, `no interface "none0"`},
		{xdp.Config{Interface: "sixteen-bytes-16"}, syscall.EINVAL, `"sixteen-bytes-16"`},
		{xdp.Config{}, syscall.ENODEV, `no interface ""`},
		{xdp.Config{Interface: "lo"}, errors.ErrUnsupported, "lo is no Ethernet interface"},
		{xdp.Config{Interface: "tun0"}, errors.ErrUnsupported, "tun0 is no Ethernet interface"},
		{xdp.Config{Interface: "large0"}, nil, "large0: the MTU is 9000; want 3826 at most"},
		{xdp.Config{Interface: dev, MAC: wire.MAC{1}}, nil, "01:00:00:00:00:00 is the address of a group"},
		{xdp.Config{Interface: dev, MAC: macOf(ns)}, nil, "the interface's own address"},
		{xdp.Config{Interface: dev, Queues: []int{1}}, nil, "receive queue 1; there are 1"},
		{xdp.Config{Interface: dev, Queues: []int{-1}}, nil, "receive queue -1; want 0 or more"},
		{xdp.Config{Interface: dev, Queues: []int{0, 0}}, nil, "receive queue 0 twice"},
		{xdp.Config{Interface: dev, Queues: []int{}}, nil, "no receive queue is chosen"},
	} {
		ns.Do(func() {
			l, err := xdp.Open(tt.cfg)
			if l != nil {
				l.Close()
			}
			if err == nil || tt.errs != nil && !errors.Is(err, tt.errs) || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "xdp: ") {
				t.Errorf("Open(%+v) = %v, want %v and %s", tt.cfg, err, tt.errs, tt.want)
			}
		})
	}
	if hasProgram(ns) {
		t.Error("the interface has a program left")
	}

	// One link at a time is on an interface.
	for _, mode := range modes {
		l := openLink(t, ns, xdp.Config{Generic: mode.generic})
		for _, second := range modes {
			ns.Do(func() {
				_, err := xdp.Open(xdp.Config{Interface: dev, Generic: second.generic})
				if !errors.Is(err, syscall.EBUSY) && !errors.Is(err, syscall.EEXIST) || !strings.Contains(err.Error(), dev+" has an XDP program already") {
					t.Errorf("a second Open, %s after %s = %v", second.name, mode.name, err)
				}
			})
		}
		l.Close()
	}
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors open, %d before", after, before)
	}
	if n := mapped(t); n != 0 {
		t.Errorf("%d rings are still mapped", n)
	}
}

// Close ends Receive and waits for its delivery; nothing stays behind.
func TestClose(t *testing.T) {
	host, peer := twoHosts(t, 1500)
	xdp.Open(xdp.Config{}) // the poller has descriptors of its own
	beforeFDs, beforeGoroutines := descriptors(t), runtime.NumGoroutine()
	l := openLink(t, host, xdp.Config{})
	if !hasProgram(host) {
		t.Error("the interface has no program")
	}
	if n := mapped(t); n != 4 {
		t.Errorf("%d rings are mapped, want 4", n)
	}
	entered, hold := make(chan struct{}), make(chan struct{})
	var once sync.Once
	var left bool
	ended := make(chan error)
	go func() {
		ended <- l.Receive(0, func([]link.Packet) {
			once.Do(func() {
				close(entered)
				<-hold
				left = true
			})
		})
	}()
	go func() { ended <- l.Receive(1, func([]link.Packet) {}) }()
	peer.Run("ip neighbour add " + near4 + " lladdr " + l.Info().MAC.String() + " dev " + dev)
	peer.Do(func() {
		conn, err := net.Dial("udp", near4+":9")
		if err != nil {
			t.Fatal(err)
		}
		conn.Write([]byte{1})
		conn.Close()
	})
	<-entered
	if err := l.Receive(0, nil); err == nil || !strings.Contains(err.Error(), "runs already") {
		t.Errorf("second Receive = %v", err)
	}
	if err := l.Receive(2, nil); err == nil || !strings.Contains(err.Error(), "no receive queue 2") {
		t.Errorf("Receive of queue 2 = %v", err)
	}
	time.AfterFunc(20*time.Millisecond, func() { close(hold) })
	if err := l.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
	if !left {
		t.Error("Close returns while deliver runs")
	}
	for range 2 {
		if err := <-ended; err != nil {
			t.Errorf("Receive = %v after Close", err)
		}
	}
	if err := l.Close(); err != nil {
		t.Errorf("second Close = %v", err)
	}
	if n, err := l.Send([]link.Packet{{Data: [][]byte{{1}}}}); n != 0 || !errors.Is(err, os.ErrClosed) {
		t.Errorf("Send after Close = %d, %v, want os.ErrClosed", n, err)
	}
	for queue := range 2 {
		if err := l.Receive(queue, nil); err != nil {
			t.Errorf("Receive after Close = %v, want nil", err)
		}
	}
	if st := l.Stats(); st.Redirected != 1 {
		t.Errorf("Stats after Close = %+v", st)
	}
	if hasProgram(host) {
		t.Error("the interface still has a program")
	}
	waitFor(t, "goroutines end", func() bool { return runtime.NumGoroutine() <= beforeGoroutines })
	if n := descriptors(t); n != beforeFDs {
		t.Errorf("%d descriptors, %d before", n, beforeFDs)
	}
	if n := mapped(t); n != 0 {
		t.Errorf("%d rings are still mapped", n)
	}
}

// A stack that ends makes room for the next one.
func TestReopen(t *testing.T) {
	host, peer := twoHosts(t, 1500)
	for i := range 5 {
		l := openLink(t, host, xdp.Config{Generic: i%2 == 1, MAC: wire.MAC{2, 0, 0, 0, 0, 7}})
		s := attach(t, l)
		ln := listen(t, peer, "tcp", peer4)
		text, want := payload(100000)
		got := sum(t, ln)
		conn, err := s.Dial("tcp", ln.Addr().String())
		send(t, conn, err, text)
		if <-got != want {
			t.Error("the kernel reads something else than was sent")
		}
		ln.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Senders on several goroutines, and Close among them.
func TestCloseAmongSenders(t *testing.T) {
	host, peer := twoHosts(t, 1500)
	l := openLink(t, host, xdp.Config{})
	p := datagram(l, macOf(peer), 4)
	var senders sync.WaitGroup
	for range 4 {
		senders.Go(func() {
			for {
				if _, err := l.Send([]link.Packet{p, p, p}); err != nil {
					if !errors.Is(err, os.ErrClosed) {
						t.Errorf("Send = %v", err)
					}
					return
				}
			}
		})
	}
	time.Sleep(10 * time.Millisecond) // so that they send; nothing depends on it
	l.Close()
	senders.Wait()
}

// An interface that goes down and comes up again costs a transfer time, not bytes;
// the link says what is the matter.
func TestInterfaceDownAndUp(t *testing.T) {
	for _, mode := range modes {
		t.Run(mode.name, func(t *testing.T) {
			host, peer := twoHosts(t, 1500)
			l := openLink(t, host, xdp.Config{Generic: mode.generic})
			s := attach(t, l)
			probe := []link.Packet{datagram(l, macOf(peer), 0)}
			for range 3 {
				host.Run("ip link set " + dev + " down")
				waitFor(t, "Send says that the interface is down", func() bool {
					n, err := l.Send(probe)
					return n == 0 && errors.Is(err, syscall.ENETDOWN) && strings.Contains(err.Error(), dev+" is down")
				})
				host.Run("ip link set " + dev + " up")
				waitFor(t, "Send works when the interface is up again", func() bool {
					n, err := l.Send(probe)
					return n == 1 && err == nil
				})
			}
			bulk(t, s, peer, 1<<20)
		})
	}
}

// What Send took while the interface was down goes out when it is up again, though
// nobody sends any more.
func TestSentWhileDown(t *testing.T) {
	for _, mode := range modes {
		t.Run(mode.name, func(t *testing.T) {
			host, peer := twoHosts(t, 1500)
			l := openLink(t, host, xdp.Config{Generic: mode.generic})
			come := frames(t, peer, packet.Config{Interface: dev, InterfaceMAC: true})
			host.Run("ip link set " + dev + " down")
			p := datagram(l, macOf(peer), 0)
			p.Data = append(p.Data, []byte{1, mark})
			if n, err := l.Send([]link.Packet{p}); n != 1 || err != nil {
				t.Fatalf("the first Send while the interface is down = %d, %v, want 1 packet", n, err)
			}
			host.Run("ip link set " + dev + " up")
			waitFor(t, "the frame arrives", func() bool { _, ok := come.Load(byte(1)); return ok })
		})
	}
}

// An interface that is removed ends Receive, up or down as it may be, and says so.
func TestInterfaceGone(t *testing.T) {
	for _, down := range []bool{false, true} {
		host, peer := twoHosts(t, 1500)
		l := openLink(t, host, xdp.Config{})
		probe := []link.Packet{datagram(l, macOf(peer), 0)}
		ended := make(chan error, 2)
		for queue := range 2 {
			go func() { ended <- l.Receive(queue, func([]link.Packet) {}) }()
		}
		if down {
			host.Run("ip link set " + dev + " down")
		}
		host.Run("ip link delete " + dev)
		for range 2 {
			select {
			case err := <-ended:
				if !errors.Is(err, syscall.ENODEV) || !strings.Contains(err.Error(), dev+" is gone") {
					t.Errorf("Receive = %v, want ENODEV", err)
				}
			case <-time.After(30 * time.Second):
				t.Fatal("Receive does not notice that the interface is gone")
			}
		}
		waitFor(t, "Send says that the interface is gone", func() bool {
			_, err := l.Send(probe)
			return errors.Is(err, syscall.ENODEV)
		})
		if err := l.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	}
}

// What cannot be sent ends a batch where it stands.
func TestSendRefused(t *testing.T) {
	host, peer := twoHosts(t, 1500)
	l := openLink(t, host, xdp.Config{})
	good := datagram(l, macOf(peer), 0)
	for _, tt := range []struct {
		name string
		bad  link.Packet
		want error
	}{
		{"an offload", link.Packet{Data: good.Data, Offload: link.Offload{Checksum: link.ChecksumPartial}}, syscall.EINVAL},
		{"nothing", link.Packet{}, syscall.EINVAL},
		{"too large", link.Packet{Data: [][]byte{good.Data[0], make([]byte, 2000)}}, syscall.EMSGSIZE},
	} {
		if n, err := l.Send([]link.Packet{good, good, tt.bad, good}); n != 2 || !errors.Is(err, tt.want) {
			t.Errorf("%s: Send = %d, %v, want 2 and %v", tt.name, n, err, tt.want)
		}
	}
}
