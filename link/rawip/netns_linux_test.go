package rawip_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/packet"
	"github.com/usernet-go/usernet/link/rawip"
	"github.com/usernet-go/usernet/wire"
)

// The two hosts of every test: the first is shared by a stack and its kernel, the
// second is a kernel's alone.
const (
	near4, near6 = "10.7.0.1", "fd07::1"
	far4, far6   = "10.7.0.2", "fd07::2"
	device       = "eth0" // of both
	patience     = 20 * time.Second
)

// needKernel skips a test on a machine that cannot run it, or fails it when
// USERNET_REQUIRE_KERNEL_TESTS=1.
func needKernel(t testing.TB, programs ...string) {
	t.Helper()
	missing := func(why string) {
		t.Helper()
		if os.Getenv("USERNET_REQUIRE_KERNEL_TESTS") == "1" {
			t.Fatal("USERNET_REQUIRE_KERNEL_TESTS=1, but " + why)
		}
		t.Skip(why)
	}
	if os.Geteuid() != 0 {
		missing("network namespaces need root (CAP_SYS_ADMIN and CAP_NET_ADMIN)")
	}
	for _, p := range append([]string{"ip"}, programs...) {
		if _, err := exec.LookPath(p); err != nil {
			missing("the program " + p + " is not installed")
		}
	}
	if out, err := exec.Command("unshare", "--net", "true").CombinedOutput(); err != nil {
		missing(fmt.Sprintf("the machine makes no network namespaces (CAP_SYS_ADMIN): %v: %s", err, out))
	}
}

// A netns is a network namespace, which is gone when the test ends.
type netns struct {
	t    testing.TB
	name string
	file *os.File
}

var netnsCount atomic.Int32

func newNetns(t testing.TB) *netns {
	t.Helper()
	ns := &netns{t: t, name: fmt.Sprintf("usernet-rawip-%d-%d", os.Getpid(), netnsCount.Add(1))}
	run(t, "ip", "netns", "add", ns.name)
	t.Cleanup(func() { run(t, "ip", "netns", "delete", ns.name) })
	f, err := os.Open("/run/netns/" + ns.name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	ns.file = f
	ns.run("ip", "link", "set", "lo", "up")
	return ns
}

// do calls f on a thread that is in the namespace.
func (ns *netns) do(f func()) {
	ns.t.Helper()
	failed := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // the thread ends with the goroutine
		err := unix.Setns(int(ns.file.Fd()), unix.CLONE_NEWNET)
		if err == nil {
			f()
		}
		failed <- err
	}()
	if err := <-failed; err != nil {
		ns.t.Fatalf("entering %s: %v", ns.name, err)
	}
}

// run runs a program in the namespace.
func (ns *netns) run(args ...string) string {
	ns.t.Helper()
	return run(ns.t, "ip", append([]string{"netns", "exec", ns.name}, args...)...)
}

func run(t testing.TB, name string, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Errorf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, &stdout, &stderr)
	}
	return stdout.String()
}

// newHosts makes the two hosts.
func newHosts(t testing.TB) (near, far *netns) {
	t.Helper()
	near, far = newNetns(t), newNetns(t)
	run(t, "ip", "-n", near.name, "link", "add", device, "type", "veth", "peer", "name", device, "netns", far.name)
	for _, end := range []struct {
		ns     *netns
		a4, a6 string
	}{{near, near4, near6}, {far, far4, far6}} {
		end.ns.run("ip", "link", "set", device, "up")
		end.ns.run("ip", "address", "add", end.a4+"/24", "dev", device)
		end.ns.run("ip", "address", "add", end.a6+"/64", "dev", device, "nodad")
	}
	// The kernel adds the link-local ones when it has heard that the other end is up.
	for _, ns := range []*netns{near, far} {
		eventually(t, "there is a link-local address", func() bool {
			return strings.Contains(ns.run("ip", "-6", "address", "show", "dev", device), "fe80::")
		})
	}
	return near, far
}

// open opens a link in the namespace, without closing it.
func (ns *netns) open(c rawip.Config) (*rawip.Link, error) {
	ns.t.Helper()
	var l *rawip.Link
	var err error
	ns.do(func() { l, err = rawip.Open(c) })
	return l, err
}

// stack returns a stack on the namespace's own addresses.
func (ns *netns) stack(c rawip.Config) (*usernet.Stack, *rawip.Link) {
	ns.t.Helper()
	l, err := ns.open(c)
	if err != nil {
		ns.t.Fatal(err)
	}
	s, err := usernet.New(usernet.Config{TTL: ownTTL})
	if err != nil {
		ns.t.Fatal(err)
	}
	ns.t.Cleanup(func() {
		if err := s.Close(); err != nil {
			ns.t.Errorf("closing the stack: %v", err)
		}
	})
	if err := s.Attach(l, usernet.Interface{Name: "host", Addrs: l.Addrs()}); err != nil {
		ns.t.Fatal(err)
	}
	for _, everywhere := range []string{"0.0.0.0/0", "::/0"} {
		if err := s.AddRoute(usernet.Route{Prefix: netip.MustParsePrefix(everywhere), Interface: "host"}); err != nil {
			ns.t.Fatal(err)
		}
	}
	return s, l
}

// By their time to live the stacks' packets are told from those of a kernel, 64.
const ownTTL, kernelTTL = 128, 64

// resets counts the RSTs of kernels that arrive at a namespace's device, until the
// test ends. A stack may have to send some: where the last acknowledgment of a
// connection comes twice, since a FIN was sent again, the second one is reset.
func (ns *netns) resets() *atomic.Int64 {
	ns.t.Helper()
	var tap *packet.Tap
	var err error
	ns.do(func() { tap, err = packet.OpenTap(packet.TapConfig{Interface: device}) })
	if err != nil {
		ns.t.Fatal(err)
	}
	var count atomic.Int64
	done := make(chan error, 1)
	go func() {
		done <- tap.Receive(func(batch []link.Packet) {
			for _, p := range batch {
				if isReset(p.Data[0]) {
					count.Add(1)
				}
			}
		})
	}()
	ns.t.Cleanup(func() {
		tap.Close()
		if err := <-done; err != nil {
			ns.t.Error(err)
		}
	})
	return &count
}

func isReset(b []byte) bool {
	const tcp, rst = 6, 4
	switch b[0] >> 4 {
	case 4:
		n := int(b[0]&15) * 4
		return b[9] == tcp && b[8] <= kernelTTL && len(b) > n+13 && b[n+13]&rst != 0
	case 6:
		return b[6] == tcp && b[7] <= kernelTTL && len(b) > 40+13 && b[40+13]&rst != 0
	}
	return false
}

// resent returns how many segments the namespace's kernel has sent again.
func (ns *netns) resent() int64 {
	ns.t.Helper()
	var names []string
	for line := range strings.Lines(ns.run("cat", "/proc/net/snmp")) {
		f := strings.Fields(line)
		if f[0] != "Tcp:" {
			continue
		}
		if names == nil {
			names = f
			continue
		}
		n, err := strconv.ParseInt(f[slices.Index(names, "RetransSegs")], 10, 64)
		if err != nil {
			ns.t.Fatal(err)
		}
		return n
	}
	ns.t.Fatal("the kernel counts nothing of TCP")
	return 0
}

// eventually waits for what another process or the kernel does.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("gave up waiting until %s", what)
		}
	}
}

// segment returns a bare ACK in its packet.
func segment(src string, srcPort int, dst string, dstPort int) []byte {
	from, to := netip.MustParseAddr(src), netip.MustParseAddr(dst)
	var b []byte
	if from.Is4() {
		ip := wire.IPv4{TotalLen: wire.IPv4Len + wire.TCPLen, TTL: 64, Protocol: wire.ProtocolTCP, Src: from, Dst: to}
		b = ip.Append(nil)
	} else {
		ip := wire.IPv6{PayloadLen: wire.TCPLen, HopLimit: 64, NextHeader: wire.ProtocolTCP, Src: from, Dst: to}
		b = ip.Append(nil)
	}
	header := len(b)
	tcp := wire.TCP{SrcPort: uint16(srcPort), DstPort: uint16(dstPort), Seq: 1, Ack: 1, Flags: wire.ACK, Window: 1000}
	b = tcp.Append(b)
	wire.SetChecksum(wire.ProtocolTCP, from, to, b[header:], nil)
	return b
}
