package crosscheck

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usernet-go/usernet"
)

// TestKernelIperf runs iperf3 against iperf3 through a relay whose one side is
// usernet's TCP and whose other is the kernel's, in both directions.
func TestKernelIperf(t *testing.T) {
	needKernel(t, "iperf3")
	host := newNetns(t)
	s := host.attach(t, device{mtu: 1500})
	const port = 5201
	l, err := s.Listen("tcp", hostPort("", port))
	if err != nil {
		t.Fatal(err)
	}
	var relays sync.WaitGroup
	relays.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			var far net.Conn
			host.do(func() { far, err = net.Dial("tcp", hostPort("127.0.0.1", port)) })
			if err != nil {
				t.Error(err)
				near.Close()
				return
			}
			relays.Go(func() { relay(near.(*usernet.TCPConn), far.(*net.TCPConn)) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		relays.Wait()
	})

	for _, direction := range []struct {
		name string
		args []string
	}{
		{"usernet receives", nil},
		{"usernet sends", []string{"-R"}},
		{"both, on two connections each", []string{"--bidir", "-P", "2"}},
	} {
		// A server that goes on would turn away whom it finds while it starts again.
		server := start(t, host.command("iperf3", "-s", "-1", "-B", "127.0.0.1", "-p", "5201"))
		server.listening("tcp", port)
		out := host.run("iperf3", append([]string{"-J", "-t", "2", "-c", near4, "-p", "5201"}, direction.args...)...)
		var report struct {
			Error string
			End   struct {
				Received        struct{ Bytes, Bits_per_second float64 } `json:"sum_received"`
				ReceivedReverse struct{ Bytes, Bits_per_second float64 } `json:"sum_received_bidir_reverse"`
			}
		}
		if err := json.Unmarshal([]byte(out), &report); err != nil || report.Error != "" {
			t.Fatalf("%s: %v %s\n%s", direction.name, err, report.Error, out)
		}
		server.wait()
		bidir := len(direction.args) > 1
		if report.End.Received.Bytes == 0 || bidir && report.End.ReceivedReverse.Bytes == 0 {
			t.Errorf("%s: nothing arrived:\n%s", direction.name, out)
		}
		t.Logf("%s: %.0f and %.0f Mbit/s", direction.name,
			report.End.Received.Bits_per_second/1e6, report.End.ReceivedReverse.Bits_per_second/1e6)
	}
}

// A halfCloser is a connection of either stack.
type halfCloser interface {
	net.Conn
	CloseWrite() error
}

// relay carries bytes and ends both ways until both have ended.
func relay(a, b halfCloser) {
	var wg sync.WaitGroup
	for _, way := range [][2]halfCloser{{a, b}, {b, a}} {
		wg.Go(func() {
			io.Copy(way[1], way[0])
			way[1].CloseWrite()
		})
	}
	wg.Wait()
	a.Close()
	b.Close()
}

// TestKernelUDP echoes datagrams for the kernel's nc, and has one answer ours.
func TestKernelUDP(t *testing.T) {
	needKernel(t, "nc")
	for _, tap := range []bool{true, false} {
		host := newNetns(t)
		s := host.attach(t, device{tap: tap, mtu: 1500})
		for _, addr := range []string{near4, near6} {
			udpEchoForKernel(t, s, host, addr)
		}
		for _, addr := range []string{gate4, gate6} {
			udpEchoFromKernel(t, s, host, addr)
		}
	}
}

func udpEchoForKernel(t *testing.T, s *usernet.Stack, host *netns, addr string) {
	t.Helper()
	p, err := s.ListenPacket("udp", hostPort(addr, 7))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 65536)
		for {
			n, from, err := p.ReadFrom(b)
			if err != nil {
				return
			}
			if _, err := p.WriteTo(b[:n], from); err != nil {
				t.Errorf("to %v: %v", from, err)
			}
		}
	}()
	udpAsk(t, host, addr)
	p.Close()
	<-done
}

// udpAsk has the kernel's nc ask an echo server at addr for one datagram.
func udpAsk(t *testing.T, host *netns, addr string) {
	t.Helper()
	client, stdin, stdout := startDialogue(t, host.command("nc", "-u", addr, "7"))
	const words = "does anybody hear me?\n"
	if _, err := io.WriteString(stdin, words); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != words || err != nil {
		t.Errorf("nc sent %q to %s, and got back %q, %v\n%s", words, addr, line, err, &client.stderr)
	}
	client.interrupt()
}

// startDialogue starts a program to talk with.
func startDialogue(t *testing.T, cmd *exec.Cmd) (p *process, stdin io.WriteCloser, stdout io.Reader) {
	t.Helper()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err = cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	return start(t, cmd), stdin, stdout
}

func udpEchoFromKernel(t *testing.T, s *usernet.Stack, host *netns, addr string) {
	t.Helper()
	server, stdin, stdout := startDialogue(t, host.command("nc", "-u", "-l", addr, "7"))
	server.listening("udp", 7)
	c, err := s.Dial("udp", hostPort(addr, 7))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	const question, answer = "who is there?\n", "an nc of the kernel\n"
	if _, err := io.WriteString(c, question); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != question || err != nil {
		t.Fatalf("nc at %s got %q, %v: want %q", addr, line, err, question)
	}
	if _, err := io.WriteString(stdin, answer); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 100)
	if n, err := c.Read(b); string(b[:n]) != answer || err != nil {
		t.Errorf("from nc at %s: %q, %v: want %q", addr, b[:n], err, answer)
	}
	server.interrupt()
}

// TestKernelDatagramSizes echoes datagrams of every awkward size between sockets
// of both stacks, in fragments where they do not fit.
func TestKernelDatagramSizes(t *testing.T) {
	needKernel(t)
	host := newNetns(t)
	s := host.attach(t, device{tap: true, mtu: 1500})
	for _, at := range [][2]string{{near4, gate4}, {near6, gate6}} {
		ours, err := s.ListenPacket("udp", hostPort(at[0], 9))
		if err != nil {
			t.Fatal(err)
		}
		defer ours.Close()
		var theirs net.PacketConn
		host.do(func() { theirs, err = net.ListenPacket("udp", hostPort(at[1], 9)) })
		if err != nil {
			t.Fatal(err)
		}
		defer theirs.Close()
		for _, size := range []int{0, 1, 1452, 1453, 1472, 1473, 3000, 9000, 65507} {
			pass(t, theirs, ours, size)
			pass(t, ours, theirs, size)
		}
	}
}

// pass sends a datagram of some size from one socket to the other.
func pass(t *testing.T, from, to net.PacketConn, size int) {
	t.Helper()
	body, _ := payload(byte(size), int64(size))
	want, _ := io.ReadAll(body)
	if _, err := from.WriteTo(want, to.LocalAddr()); err != nil {
		t.Errorf("%d bytes from %v: %v", size, from.LocalAddr(), err)
		return
	}
	got := make([]byte, 65536)
	to.SetReadDeadline(time.Now().Add(patience))
	n, source, err := to.ReadFrom(got)
	if err != nil || string(got[:n]) != string(want) || source.String() != from.LocalAddr().String() {
		t.Errorf("%d bytes from %v: got %d from %v, %v", size, from.LocalAddr(), n, source, err)
	}
}

// pings has the kernel's ping ask, and wants the first n answers. With a deadline it
// asks on until it has n; without, once it has one, it waits for the last no longer than
// two round trips, in which a busy machine need not have run us.
func (ns *netns) pings(n int, args ...string) string {
	ns.t.Helper()
	out := ns.run("ping", append([]string{"-n", "-c", strconv.Itoa(n), "-w", "60"}, args...)...)
	for i := range n {
		if !strings.Contains(out, fmt.Sprintf("icmp_seq=%d ttl=", i+1)) {
			ns.t.Errorf("ping %v has no answer %d: %s", args, i+1, out)
		}
	}
	return out
}

// TestKernelPing has the kernel's ping ask us, with small and with fragmented
// requests.
func TestKernelPing(t *testing.T) {
	t.Parallel()
	needKernel(t, "ping")
	for _, d := range []device{{tap: true, mtu: 1500}, {mtu: 1500}} {
		host := newNetns(t)
		host.attach(t, d)
		for _, addr := range []string{near4, near6} {
			for _, size := range []string{"56", "1400", "4000"} {
				host.pings(5, "-i", "0.02", "-s", size, addr)
			}
		}
	}
}
