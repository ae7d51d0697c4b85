package crosscheck

import (
	"fmt"
	"hash"
	"io"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/usernet-go/usernet"
)

// hostPort joins an address and a port as dialers want them.
func hostPort(addr string, port int) string { return net.JoinHostPort(addr, strconv.Itoa(port)) }

// A bulkCase is one way over which bulk goes in both directions.
type bulkCase struct {
	device
	v6      bool
	percent int // of the packets lost in each direction
}

func (c bulkCase) String() string {
	s := "TUN"
	if c.tap {
		s = "TAP"
	}
	if c.v6 {
		s += " IPv6"
	} else {
		s += " IPv4"
	}
	s += fmt.Sprintf(" MTU %d", c.mtu)
	if c.single {
		s += " single segments"
	}
	if c.percent > 0 {
		s += fmt.Sprintf(" %d percent lost", c.percent)
	}
	return s
}

// TestKernelBulk carries bulk each way between usernet and the kernel's nc:
// each device with each family, MTU and kind of segment, in pairs, so that every
// two of these properties meet once.
func TestKernelBulk(t *testing.T) {
	for _, c := range []bulkCase{
		{device: device{tap: true, mtu: 1500}},
		{device: device{tap: true, mtu: 9000, single: true}, v6: true},
		{device: device{mtu: 1500, single: true}, v6: true},
		{device: device{mtu: 9000}},
		{device: device{tap: true, mtu: 1500, single: true}},
		{device: device{mtu: 9000}, v6: true},
	} {
		t.Run(c.String(), func(t *testing.T) {
			needKernel(t, "nc", "ethtool")
			host := newNetns(t)
			s := host.attach(t, c.device)
			near, kernel := near4, gate4
			if c.v6 {
				near, kernel = near6, gate6
			}
			bulkToKernel(t, s, host, kernel, bulk)
			bulkFromKernel(t, s, host, near, bulk)
		})
	}
}

// TestKernelLoss carries the same over a router that loses packets in each
// direction, and proves that both sides had to send some again.
func TestKernelLoss(t *testing.T) {
	t.Parallel()
	for _, c := range []bulkCase{
		{device: device{tap: true, mtu: 1500, single: true}, percent: 1},
		{device: device{mtu: 1500}, v6: true, percent: 1},
		{device: device{mtu: 9000, single: true}, percent: 1},
		{device: device{tap: true, mtu: 9000}, v6: true, percent: 1},
	} {
		t.Run(c.String(), func(t *testing.T) {
			t.Parallel()
			needKernel(t, "nc", "nft", "ethtool")
			p := newPath(t, pathConfig{mtu: c.mtu, single: c.single, percent: c.percent})
			s := p.router.attach(t, c.device)
			near, kernel := near4, far4
			if c.v6 {
				near, kernel = near6, far6
			}
			if n := bulkToKernel(t, s, p.far, kernel, lossy); n == 0 {
				t.Errorf("usernet sent nothing again, with %d packets lost on the way", p.lost(gateDev))
			}
			before := p.far.tcpCounter("RetransSegs")
			bulkFromKernel(t, s, p.far, near, lossy)
			n := p.far.tcpCounter("RetransSegs") - before
			if n == 0 {
				t.Errorf("the kernel sent nothing again, with %d packets lost on the way", p.lost(exitDev))
			}
			t.Logf("the kernel sent %d segments again; lost: %d packets to it, %d from it",
				n, p.lost(gateDev), p.lost(exitDev))
		})
	}
}

// bulkToKernel dials an nc that listens in the namespace and sends it size bytes. It
// returns how many segments usernet sent again.
func bulkToKernel(t *testing.T, s *usernet.Stack, host *netns, addr string, size int64) int {
	t.Helper()
	got := newSink()
	cmd := host.command("nc", "-l", addr, "5001")
	cmd.Stdout = got
	server := start(t, cmd)
	server.listening("tcp", 5001)

	began := time.Now()
	c, err := s.Dial("tcp", hostPort(addr, 5001))
	if err != nil {
		t.Fatal(err)
	}
	conn := c.(*usernet.TCPConn)
	conn.SetDeadline(began.Add(patience))
	body, sum := payload(1, size)
	if n, err := io.Copy(conn, body); err != nil {
		t.Fatalf("after %d bytes: %v (%+v)", n, err, conn.Info())
	}
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	// nc closes when it has read our end.
	if n, err := conn.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Fatalf("read %d bytes, %v: want 0, EOF", n, err)
	}
	again := conn.Info().Resent
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	server.wait()
	got.wantSame(t, "to the kernel", size, sum)
	t.Logf("to the kernel: %s, %d segments sent again", rate(size, began), again)
	return again
}

// bulkFromKernel listens, and has an nc in the namespace send us size bytes.
func bulkFromKernel(t *testing.T, s *usernet.Stack, host *netns, addr string, size int64) {
	t.Helper()
	l, err := s.Listen("tcp", hostPort(addr, 5002))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got := newSink()
	received := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			received <- err
			return
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(patience))
		_, err = io.Copy(got, c)
		received <- err
	}()

	began := time.Now()
	cmd := host.command("nc", "-N", addr, "5002")
	var sum hash.Hash
	cmd.Stdin, sum = payload(2, size)
	client := start(t, cmd)
	client.wait()
	if err := <-received; err != nil {
		t.Fatalf("after %d bytes: %v", got.count.Load(), err)
	}
	got.wantSame(t, "from the kernel", size, sum)
	t.Logf("from the kernel (%s): %s", host.congestionControl(), rate(size, began))
}
