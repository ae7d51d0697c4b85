package tun_test

import (
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/tun"
)

func TestOpenRefusesConfig(t *testing.T) {
	for _, tt := range []struct {
		cfg  tun.Config
		want string
	}{
		{tun.Config{}, `""`},
		{tun.Config{Name: "sixteen-bytes-16"}, "1 to 15 bytes"},
		{tun.Config{Name: "a/b"}, `"a/b"`},
		{tun.Config{Name: "tap%d"}, "percent"},
		{tun.Config{Name: "x", MTU: 67}, "67 bytes"},
		{tun.Config{Name: "x", MTU: 65536}, "65536 bytes"},
		{tun.Config{Name: "x", Queues: -1}, "-1 queues"},
		{tun.Config{Name: "x", Queues: 257}, "257 queues"},
	} {
		l, err := tun.Open(tt.cfg)
		if err == nil {
			l.Close()
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Open(%+v) = %v, want %s in it", tt.cfg, err, tt.want)
		}
	}
}

func TestInfo(t *testing.T) {
	privateNamespace(t)
	offload := link.Info{MTU: 1500, MaxSegment: 65535, MaxPieces: 1023, ChecksumOffload: true, Queues: 1}
	for _, tt := range []struct {
		cfg    tun.Config
		medium link.Medium
		mtu    int
		queues int
	}{
		{tun.Config{Name: "a", TAP: true}, link.Ethernet, 1500, 1},
		{tun.Config{Name: "b", MTU: 9000}, link.IP, 9000, 1},
		{tun.Config{Name: "c", TAP: true, Queues: 3}, link.Ethernet, 1500, 3},
	} {
		l, err := tun.Open(tt.cfg)
		if err != nil {
			t.Fatal(err)
		}
		want := offload
		want.Medium, want.MTU, want.Queues = tt.medium, tt.mtu, tt.queues
		if got := l.Info(); got != want {
			t.Errorf("%+v: Info %+v, want %+v", tt.cfg, got, want)
		}
		l.Close()
	}
}

// descriptors returns how many descriptors the process has open.
func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// Close lets Receive of each queue return, waits for deliveries, and leaves no
// descriptor and no interface.
func TestClose(t *testing.T) {
	privateNamespace(t)
	fd := ioctlSocket(t, unix.AF_INET)
	before := descriptors(t)
	l, err := tun.Open(tun.Config{Name: "tun0", Queues: 2})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	for q := range 2 {
		go func() { ended <- l.Receive(q, func([]link.Packet) {}) }()
	}
	if err := l.Receive(2, nil); err == nil || !strings.Contains(err.Error(), "no receive queue 2") {
		t.Errorf("Receive of queue 2 = %v", err)
	}
	// The other Receive of queue 0 has begun, or this one is the one that receives.
	if err := receiveTwice(l); err == nil || !strings.Contains(err.Error(), "runs already") {
		t.Errorf("second Receive of a queue = %v", err)
	}
	if err := l.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
	for range 2 {
		select {
		case err := <-ended:
			if err != nil && !strings.Contains(err.Error(), "runs already") {
				t.Errorf("Receive = %v after Close", err)
			}
		case <-time.After(30 * time.Second):
			t.Fatal("Close does not end Receive")
		}
	}
	if err := l.Close(); err != nil {
		t.Errorf("second Close = %v", err)
	}
	if n, err := l.Send([]link.Packet{{Data: [][]byte{{0x45}}}}); n != 0 || !errors.Is(err, os.ErrClosed) {
		t.Errorf("Send after Close = %d, %v, want os.ErrClosed", n, err)
	}
	if err := l.Receive(0, nil); err != nil {
		t.Errorf("Receive after Close = %v, want nil", err)
	}
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors open, %d before", after, before)
	}
	req := ifreq(t, "tun0")
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, req); err != unix.ENODEV {
		t.Errorf("flags of the interface after Close: %v, want ENODEV", err)
	}
}

// receiveTwice receives from queue 0 twice at once and returns the error of the
// one that is refused.
func receiveTwice(l link.Link) error {
	refused := make(chan error, 2)
	for range 2 {
		go func() { refused <- l.Receive(0, func([]link.Packet) {}) }()
	}
	return <-refused
}

// Close waits for a delivery in progress.
func TestCloseWaitsForDelivery(t *testing.T) {
	privateNamespace(t)
	l, err := tun.Open(tun.Config{Name: "tun0"})
	if err != nil {
		t.Fatal(err)
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
	configure(t, "tun0") // the kernel greets its neighbours
	<-entered
	time.AfterFunc(20*time.Millisecond, func() { close(hold) })
	l.Close()
	if !left {
		t.Error("Close returns while deliver runs")
	}
	if err := <-ended; err != nil {
		t.Errorf("Receive = %v", err)
	}
}

// Senders on several goroutines, and Close among them.
func TestCloseAmongSenders(t *testing.T) {
	privateNamespace(t)
	p := newPeer(t, tun.Config{Name: "tap0", TAP: true, Queues: 2})
	var senders sync.WaitGroup
	for range 4 {
		senders.Go(func() {
			batch := []link.Packet{{Data: [][]byte{p.header(near4, kernel4, 253, 0)}}, {Data: [][]byte{p.header(near6, kernel6, 253, 0)}}}
			for {
				if _, err := p.Send(batch); err != nil {
					if !errors.Is(err, os.ErrClosed) {
						t.Errorf("Send = %v", err)
					}
					return
				}
			}
		})
	}
	p.Close()
	senders.Wait()
	for range 2 {
		if err := <-p.ended; err != nil {
			t.Errorf("Receive = %v", err)
		}
	}
}

func TestInterfaceDownAndGone(t *testing.T) {
	privateNamespace(t)
	p := newPeer(t, tun.Config{Name: "tun0"})
	batch := []link.Packet{{Data: [][]byte{p.header(near4, kernel4, 253, 0)}}}
	p.send(t, batch...)

	bad := link.Packet{Data: batch[0].Data, Offload: link.Offload{Checksum: link.ChecksumPartial, ChecksumStart: 5000}}
	if n, err := p.Send([]link.Packet{batch[0], bad, batch[0]}); n != 1 || !errors.Is(err, syscall.EINVAL) {
		t.Errorf("Send with a checksum outside of the packet = %d, %v, want 1 and EINVAL", n, err)
	}
	if n, err := p.Send([]link.Packet{{}}); n != 0 || !errors.Is(err, syscall.EINVAL) {
		t.Errorf("Send of an empty packet = %d, %v, want EINVAL", n, err)
	}
	setUp(t, "tun0", false)
	if n, err := p.Send(batch); n != 0 || !errors.Is(err, syscall.EIO) || !strings.Contains(err.Error(), "tun0 is down") {
		t.Errorf("Send while the interface is down = %d, %v, want EIO", n, err)
	}
	setUp(t, "tun0", true)
	p.send(t, batch...)

	deleteInterface(t, "tun0")
	select {
	case err := <-p.ended:
		if err == nil || !strings.Contains(err.Error(), "tun0 is gone") {
			t.Errorf("Receive = %v when the interface is removed", err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("Receive does not notice that the interface is gone")
	}
	if _, err := p.Send(batch); !errors.Is(err, syscall.EBADFD) {
		t.Errorf("Send = %v when the interface is removed, want EBADFD", err)
	}
}

func pair(t *testing.T, typ int) (a, b *os.File) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, typ|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	a, b = os.NewFile(uintptr(fds[0]), "ours"), os.NewFile(uintptr(fds[1]), "theirs")
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

// A descriptor that is no TUN device is taken for what Config says: one read is
// one packet, and nothing is left to the other side.
func TestFromFileOfASocket(t *testing.T) {
	ours, theirs := pair(t, unix.SOCK_SEQPACKET)
	l, err := tun.FromFile(ours, tun.Config{TAP: true, MTU: 1400})
	if err != nil {
		t.Fatal(err)
	}
	ours.Close() // the link has its own
	if got, want := l.Info(), (link.Info{Medium: link.Ethernet, MTU: 1400, MaxPieces: 1023, Queues: 1}); got != want {
		t.Errorf("Info %+v, want %+v", got, want)
	}
	got := make(chan string, 10)
	ended := make(chan error)
	go func() {
		ended <- l.Receive(0, func(batch []link.Packet) {
			for _, p := range batch {
				if len(p.Data) != 1 || p.Offload != (link.Offload{}) {
					t.Errorf("packet %q with offload %+v", p.Data, p.Offload)
				}
				got <- string(p.Data[0])
			}
		})
	}()
	for _, s := range []string{"one", "two", strings.Repeat("x", 65535)} {
		if _, err := theirs.WriteString(s); err != nil {
			t.Fatal(err)
		}
		if g := <-got; g != s {
			t.Errorf("%d bytes arrive of a packet of %d", len(g), len(s))
		}
	}
	lent := [][]byte{[]byte("th"), nil, []byte("ree"), []byte("four")}
	if n, err := l.Send([]link.Packet{{Data: lent[:3]}, {Data: lent[3:]}}); n != 2 || err != nil {
		t.Fatalf("Send = %d, %v", n, err)
	}
	for _, b := range lent {
		clear(b) // it is the sender's again
	}
	buf := make([]byte, 100)
	for _, want := range []string{"three", "four"} {
		if n, err := theirs.Read(buf); err != nil || string(buf[:n]) != want {
			t.Errorf("the other end reads %q, %v, want %q", buf[:n], err, want)
		}
	}

	theirs.Close()
	if err := <-ended; err != io.EOF {
		t.Errorf("Receive = %v when the other end is closed, want EOF", err)
	}
	if err := l.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
}

// What does not fit into a full queue is not taken, and that is no error.
func TestSendIntoAFullQueue(t *testing.T) {
	ours, _ := pair(t, unix.SOCK_DGRAM)
	l, err := tun.FromFile(ours, tun.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	many := make([]link.Packet, 5000)
	for i := range many {
		many[i] = link.Packet{Data: [][]byte{make([]byte, 1000)}}
	}
	n, err := l.Send(many)
	if err != nil || n == 0 || n == len(many) {
		t.Errorf("Send into a full queue = %d of %d, %v", n, len(many), err)
	}
}

func TestFromFileCloses(t *testing.T) {
	ours, _ := pair(t, unix.SOCK_DGRAM)
	before := descriptors(t)
	l, err := tun.FromFile(ours, tun.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if i := l.Info(); i.Medium != link.IP || i.MTU != 1500 {
		t.Errorf("Info %+v, want IP with an MTU of 1500", i)
	}
	ended := make(chan error)
	go func() { ended <- l.Receive(0, func([]link.Packet) {}) }()
	l.Close()
	if err := <-ended; err != nil {
		t.Errorf("Receive = %v after Close", err)
	}
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors open, %d before", after, before)
	}
}

func TestFromFileRefuses(t *testing.T) {
	ours, _ := pair(t, unix.SOCK_DGRAM)
	if _, err := tun.FromFile(ours, tun.Config{Queues: 2}); err == nil || !strings.Contains(err.Error(), "2 queues") {
		t.Errorf("two queues from one file: %v", err)
	}
	if _, err := tun.FromFile(ours, tun.Config{MTU: 1}); err == nil || !strings.Contains(err.Error(), "1 bytes") {
		t.Errorf("MTU of 1: %v", err)
	}
	plain, err := os.Create(t.TempDir() + "/file")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tun.FromFile(plain, tun.Config{}); err == nil || !strings.Contains(err.Error(), "cannot be polled") {
		t.Errorf("a file of the file system: %v", err)
	}
	plain.Close()
	if _, err := tun.FromFile(plain, tun.Config{}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a closed file: %v, want os.ErrClosed", err)
	}
}
