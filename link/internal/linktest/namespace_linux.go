package linktest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Skip skips a test that this machine does not allow, or fails it where
// USERNET_REQUIRE_KERNEL_TESTS=1 says that it has to run.
func Skip(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("USERNET_REQUIRE_KERNEL_TESTS") == "1" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// Private gives the test's goroutine, and what it opens, a network namespace of
// its own. Its thread ends with the goroutine. Subtests have other goroutines:
// each needs its own.
func Private(t testing.TB) {
	t.Helper()
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		refused(t, err)
	}
}

// refused says why there is no namespace.
func refused(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, unix.EPERM) {
		Skip(t, "a network namespace of the test's own needs root (CAP_SYS_ADMIN)")
	}
	t.Fatal(os.NewSyscallError("unshare", err))
}

// A Namespace is a network namespace: a host of its own, as far as packets can
// tell. It is gone with the test, and with the last socket in it.
type Namespace struct {
	t    testing.TB
	file *os.File
}

// NewNamespace makes a namespace.
func NewNamespace(t testing.TB) *Namespace {
	t.Helper()
	type result struct {
		file *os.File
		err  error
	}
	made := make(chan result)
	go func() {
		runtime.LockOSThread() // and the thread ends with this goroutine
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			made <- result{err: err}
			return
		}
		f, err := os.Open("/proc/thread-self/ns/net")
		made <- result{f, err}
	}()
	r := <-made
	if r.err != nil {
		refused(t, r.err)
	}
	t.Cleanup(func() { r.file.Close() })
	return &Namespace{t: t, file: r.file}
}

// Do runs f in the namespace: sockets that f opens are there, and programs that
// it starts. Goroutines that it starts are not.
func (ns *Namespace) Do(f func()) {
	ns.t.Helper()
	runtime.LockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		ns.t.Fatal(err)
	}
	defer home.Close()
	if err := unix.Setns(int(ns.file.Fd()), unix.CLONE_NEWNET); err != nil {
		ns.t.Fatal(os.NewSyscallError("setns", err))
	}
	defer func() {
		if err := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); err != nil {
			ns.t.Errorf("setns: %v", err) // the thread stays locked, and ends with its goroutine
			return
		}
		runtime.UnlockOSThread()
	}()
	f()
}

// Run runs a command line there, which must succeed, and returns what it says.
func (ns *Namespace) Run(line string) (out string) {
	ns.t.Helper()
	ns.Do(func() {
		ns.t.Helper()
		words := strings.Fields(line)
		b, err := exec.Command(words[0], words[1:]...).CombinedOutput()
		if err != nil {
			ns.t.Fatalf("%s: %v: %s", line, err, b)
		}
		out = string(b)
	})
	return out
}

// Wire lays a veth pair from interface dev of ns to the same name in to, both
// with the MTU and up. No address is there, nor one of the kernel's own making.
func (ns *Namespace) Wire(to *Namespace, dev string, mtu int) {
	ns.t.Helper()
	if _, err := exec.LookPath("ip"); err != nil {
		Skip(ns.t, "needs the program ip (iproute2)")
	}
	ns.Run(fmt.Sprintf("ip link add %s mtu %d type veth peer name %s mtu %d netns /proc/%d/fd/%d",
		dev, mtu, dev, mtu, os.Getpid(), to.file.Fd()))
	for _, end := range []*Namespace{ns, to} {
		end.Run("ip link set " + dev + " addrgenmode none")
		end.Run("ip link set " + dev + " up")
	}
}
