package crosscheck

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The tests against the kernel's TCP make network namespaces, which needs root
// and a few programs. Where these are missing they skip, and say which one; with
// USERNET_REQUIRE_KERNEL_TESTS=1 in the environment they fail instead, so that a machine
// which is meant to run them cannot leave them out unnoticed.
const requireKernelTests = "USERNET_REQUIRE_KERNEL_TESTS"

// patience bounds every single wait for a program or a peer, on a machine that may be
// busy with other tests.
const patience = 3 * time.Minute

// needKernel skips, or fails, a test on a machine that cannot run it.
func needKernel(t testing.TB, programs ...string) {
	t.Helper()
	missing := func(format string, args ...any) {
		t.Helper()
		why := fmt.Sprintf(format, args...)
		if os.Getenv(requireKernelTests) == "1" {
			t.Fatalf("%s=1, but %s", requireKernelTests, why)
		}
		t.Skip(why)
	}
	if os.Geteuid() != 0 {
		missing("making network namespaces takes root (CAP_SYS_ADMIN and CAP_NET_ADMIN)")
	}
	for _, p := range append([]string{"ip"}, programs...) {
		if _, err := exec.LookPath(p); err != nil {
			missing("the program %s is not installed", p)
		}
	}
	if err := namespacesWork(); err != nil {
		missing("the machine makes no network namespaces (CAP_SYS_ADMIN): %v", err)
	}
	if f, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0); err != nil {
		missing("no TUN or TAP devices (CAP_NET_ADMIN, module tun): %v", err)
	} else {
		f.Close()
	}
}

// namespacesWork makes and removes one namespace, once per run, after removing
// those that an earlier run could not, because it was killed.
var namespacesWork = sync.OnceValue(func() error {
	paths, _ := filepath.Glob("/run/netns/usernet-*")
	for _, path := range paths {
		var pid, n int
		name := filepath.Base(path)
		if _, err := fmt.Sscanf(name, "usernet-%d-%d", &pid, &n); err != nil {
			continue
		}
		if errors.Is(unix.Kill(pid, 0), unix.ESRCH) {
			exec.Command("ip", "netns", "delete", name).Run()
		}
	}
	name := fmt.Sprintf("usernet-%d-0", os.Getpid())
	if out, err := exec.Command("ip", "netns", "add", name).CombinedOutput(); err != nil {
		return fmt.Errorf("ip netns add: %w: %s", err, bytes.TrimSpace(out))
	}
	return exec.Command("ip", "netns", "delete", name).Run()
})

// A netns is a network namespace: a host of its own, as far as TCP can tell. It
// is gone, with all that the test started in it, when the test ends.
type netns struct {
	t    testing.TB
	name string
	file *os.File
}

var netnsCount atomic.Int32

// newNetns makes a namespace whose loopback device is up. Tests in namespaces of their
// own run beside each other where they mostly wait, and no time that they take is
// judged; those whose times are, run one by one before them.
func newNetns(t testing.TB) *netns {
	t.Helper()
	ns := &netns{t: t, name: fmt.Sprintf("usernet-%d-%d", os.Getpid(), netnsCount.Add(1))}
	mustRun(t, "ip", "netns", "add", ns.name)
	t.Cleanup(func() {
		if out, err := exec.Command("ip", "netns", "delete", ns.name).CombinedOutput(); err != nil {
			t.Errorf("ip netns delete %s: %v: %s", ns.name, err, out)
		}
	})
	f, err := os.Open("/run/netns/" + ns.name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	ns.file = f
	// Without this a router solicits no neighbour until its link-local address has
	// waited two seconds for a duplicate.
	ns.sysctl("net/ipv6/conf/default/accept_dad", "0")
	ns.sysctl("net/ipv6/conf/all/accept_dad", "0")
	ns.ip("link", "set", "lo", "up")
	return ns
}

// do calls f on a thread that is in the namespace: sockets and devices that f
// opens on this goroutine belong to it, and go on to do so elsewhere.
func (ns *netns) do(f func()) {
	ns.t.Helper()
	failed := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		home, err := os.Open("/proc/thread-self/ns/net")
		if err != nil {
			failed <- err
			return // the thread ends with its goroutine, as it is still locked
		}
		defer home.Close()
		if err := unix.Setns(int(ns.file.Fd()), unix.CLONE_NEWNET); err != nil {
			failed <- err
			return
		}
		defer func() { failed <- nil }()
		defer func() {
			if unix.Setns(int(home.Fd()), unix.CLONE_NEWNET) == nil {
				runtime.UnlockOSThread()
			}
		}()
		f()
	}()
	if err := <-failed; err != nil {
		ns.t.Fatalf("entering %s: %v", ns.name, err)
	}
}

// sysctl sets a setting, named by its path below /proc/sys. Settings of a
// namespace are visible to threads in it, so the write is done by one.
func (ns *netns) sysctl(path, value string) {
	ns.t.Helper()
	var err error
	ns.do(func() { err = os.WriteFile("/proc/sys/"+path, []byte(value), 0) })
	if err != nil {
		ns.t.Fatal(err)
	}
}

// congestionControl returns the name of what the kernel's TCP here starts with.
func (ns *netns) congestionControl() string {
	ns.t.Helper()
	var b []byte
	ns.do(func() { b, _ = os.ReadFile("/proc/sys/net/ipv4/tcp_congestion_control") })
	return strings.TrimSpace(string(b))
}

// tcpCounter returns one of the kernel's counters for all TCP connections of the
// namespace, of both families, by its name in RFC 4022's words: RetransSegs.
func (ns *netns) tcpCounter(name string) uint64 {
	ns.t.Helper()
	var b []byte
	var err error
	ns.do(func() { b, err = os.ReadFile("/proc/thread-self/net/snmp") })
	if err != nil {
		ns.t.Fatal(err)
	}
	var names []string
	for line := range strings.Lines(string(b)) {
		fields := strings.Fields(line)
		if fields[0] != "Tcp:" {
			continue
		}
		if names == nil {
			names = fields
			continue
		}
		for i := range names {
			if names[i] == name {
				n, err := strconv.ParseUint(fields[i], 10, 64)
				if err != nil {
					ns.t.Fatal(err)
				}
				return n
			}
		}
	}
	ns.t.Fatalf("the kernel counts no %q: %s", name, b)
	return 0
}

// ip runs ip(8) on the namespace, and returns what it printed.
func (ns *netns) ip(args ...string) string {
	ns.t.Helper()
	return mustRun(ns.t, "ip", append([]string{"-n", ns.name}, args...)...)
}

// run runs a program in the namespace to its end, and returns what it printed.
func (ns *netns) run(name string, args ...string) string {
	ns.t.Helper()
	return mustRun(ns.t, "ip", append([]string{"netns", "exec", ns.name, name}, args...)...)
}

// command prepares a program to run in the namespace. It is killed after a
// while: a program that waits for what never comes fails its test.
func (ns *netns) command(name string, args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	ns.t.Cleanup(cancel)
	// ip becomes the program: its process id is the program's.
	cmd := exec.CommandContext(ctx, "ip", append([]string{"netns", "exec", ns.name, name}, args...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGQUIT) } // ours say what they were at
	return cmd
}

// A process is a program that runs beside the test, until its end or the test's.
type process struct {
	t      testing.TB
	cmd    *exec.Cmd
	stderr lockedBuffer
	done   chan struct{}
	err    error // what Wait returned, once done is closed
}

// start starts a command. Its standard error is kept for messages.
func start(t testing.TB, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, cmd: cmd, done: make(chan struct{})}
	if cmd.Stderr == nil {
		cmd.Stderr = &p.stderr
	}
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		<-p.done
	})
	return p
}

// wait waits for the program's end and fails the test when it was a bad one.
func (p *process) wait() {
	p.t.Helper()
	<-p.done // the command's context ends it
	if p.err != nil {
		p.t.Fatalf("%v: %v\n%s", p.cmd.Args, p.err, &p.stderr)
	}
}

// interrupt asks the program to end, as Ctrl-C does, and waits for that.
func (p *process) interrupt() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		p.t.Fatal(err)
	}
	<-p.done
}

// listening waits until a socket in the program's namespace listens on a TCP
// port, or is bound to a UDP port, of either family.
func (p *process) listening(network string, port int) {
	p.t.Helper()
	hexPort := fmt.Sprintf(":%04X", port)
	state := map[string]string{"tcp": "0A", "udp": "07"}[network]
	waitUntil(p.t, fmt.Sprintf("%v listens on %s port %d", p.cmd.Args, network, port), func() bool {
		select {
		case <-p.done:
			p.t.Fatalf("%v ended: %v\n%s", p.cmd.Args, p.err, &p.stderr)
		default:
		}
		for _, family := range []string{"", "6"} {
			b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s%s", p.cmd.Process.Pid, network, family))
			for line := range strings.Lines(string(b)) {
				f := strings.Fields(line)
				if len(f) > 3 && strings.HasSuffix(f[1], hexPort) && f[3] == state {
					return true
				}
			}
		}
		return false
	})
}

// waitUntil polls for something that another process does, and that cannot be
// waited for in any other way.
func waitUntil(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("gave up waiting until %s", what)
		}
	}
}

// mustRun runs a program to its end and returns its standard output.
func mustRun(t testing.TB, name string, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, &stdout, &stderr)
	}
	return stdout.String()
}

// A lockedBuffer collects what a program prints while the test looks at it.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
