package crosscheck

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/usernet-go/usernet"
)

// TestKernelSettings exchanges bytes with kernels that are set up in other ways
// than usual: without the options that both like to use, with a kernel that asks for
// ECN, and with a listener that keeps nothing of a SYN.
func TestKernelSettings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ setting, value string }{
		{"net/ipv4/tcp_timestamps", "0"},
		{"net/ipv4/tcp_window_scaling", "0"},
		{"net/ipv4/tcp_sack", "0"},
		{"net/ipv4/tcp_ecn", "1"},
		{"net/ipv4/tcp_syncookies", "2"},
		{"net/ipv4/tcp_rmem", "4096 4096 4096"},
	} {
		t.Run(c.setting[len("net/ipv4/"):]+" "+c.value, func(t *testing.T) {
			needKernel(t, "nc")
			host := newNetns(t)
			host.sysctl(c.setting, c.value)
			s := host.attach(t, device{tap: true, mtu: 1500})
			bulkToKernel(t, s, host, gate4, 4<<20)
			bulkFromKernel(t, s, host, near4, 4<<20)
		})
	}
}

// TestKernelPathMTU sends over a router whose way on takes smaller packets than
// either end knows: it says so by ICMP, and the segments shrink.
func TestKernelPathMTU(t *testing.T) {
	t.Parallel()
	for _, c := range []bulkCase{
		{device: device{tap: true, mtu: 1500}},
		{device: device{tap: true, mtu: 1500}, v6: true},
		{device: device{mtu: 9000, single: true}},
		{device: device{mtu: 9000, single: true}, v6: true},
	} {
		t.Run(c.String(), func(t *testing.T) {
			needKernel(t, "nc", "ethtool")
			p := newPath(t, pathConfig{mtu: c.mtu, single: c.single})
			s := p.router.attach(t, c.device)
			kernel := far4
			if c.v6 {
				kernel = far6
			}
			p.router.ip("link", "set", exitDev, "mtu", "1300")
			bulkToKernel(t, s, p.far, kernel, 10<<20)
		})
	}
}

// TestKernelStall has one end stop to read until the other can send no more, and
// then read on: a window that was shut opens again, and nothing is missing.
func TestKernelStall(t *testing.T) {
	needKernel(t)
	host := newNetns(t)
	s := host.attach(t, device{tap: true, mtu: 1500})
	var theirs net.Listener
	var err error
	host.do(func() { theirs, err = net.Listen("tcp", hostPort(gate6, 7)) })
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	ours, err := s.Listen("tcp", hostPort(near6, 7))
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	dialTheirs := func() (net.Conn, error) { return s.Dial("tcp", hostPort(gate6, 7)) }
	dialOurs := func() (net.Conn, error) { return host.dial(near6) }
	t.Run("the kernel stalls", func(t *testing.T) { stall(t, dialTheirs, theirs) })
	t.Run("usernet stalls", func(t *testing.T) { stall(t, dialOurs, ours) })
}

func stall(t *testing.T, dial func() (net.Conn, error), l net.Listener) {
	from, err := dial()
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	to, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()

	// Write until half a second passes in which nothing goes: longer than it takes
	// to probe a shut window twice.
	const piece = 64 << 10
	body, sum := payload(8, 1<<40)
	buf := make([]byte, piece)
	n := int64(0)
	for {
		io.ReadFull(body, buf)
		from.SetWriteDeadline(time.Now().Add(500 * time.Millisecond))
		k, err := from.Write(buf)
		n += int64(k)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			buf = buf[k:] // still to be sent
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if c, ok := from.(*usernet.TCPConn); ok {
		t.Logf("stalled after %d KiB: %+v", n>>10, c.Info())
	}

	sent := make(chan error, 1)
	go func() {
		from.SetWriteDeadline(time.Now().Add(patience))
		k, err := from.Write(buf)
		n += int64(k)
		sent <- errors.Join(err, from.(halfCloser).CloseWrite())
	}()
	got := newSink()
	to.SetReadDeadline(time.Now().Add(patience))
	if _, err := io.Copy(got, to); err != nil {
		t.Fatal(err)
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	got.wantSame(t, "after the stall", n, sum)
}
