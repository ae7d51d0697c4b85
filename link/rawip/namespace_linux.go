package rawip

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// A namespace is the network namespace that a link was opened in. Sockets for
// ports are made later, on any thread, and threads may be in different ones.
type namespace struct {
	file *os.File // nil where there is no telling: without /proc
	id   [2]uint64
}

const ownNamespace = "/proc/thread-self/ns/net"

// currentNamespace returns the calling thread's.
func currentNamespace() *namespace {
	f, err := os.Open(ownNamespace)
	if err != nil {
		return &namespace{}
	}
	n := &namespace{file: f}
	n.id, _ = namespaceID()
	return n
}

// namespaceID tells the calling thread's namespace from others.
func namespaceID() (id [2]uint64, ok bool) {
	var st unix.Stat_t
	if unix.Stat(ownNamespace, &st) != nil {
		return id, false
	}
	return [2]uint64{uint64(st.Dev), st.Ino}, true
}

// do calls f on a thread that is in the namespace.
func (n *namespace) do(f func() error) error {
	if n.file == nil {
		return f()
	}
	runtime.LockOSThread()
	if id, ok := namespaceID(); !ok || id == n.id {
		defer runtime.UnlockOSThread()
		return f()
	}
	runtime.UnlockOSThread()
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // the thread ends with the goroutine
		err := unix.Setns(int(n.file.Fd()), unix.CLONE_NEWNET)
		if err != nil {
			err = fmt.Errorf("rawip: network namespace: %w", os.NewSyscallError("setns", err))
		} else {
			err = f()
		}
		done <- err
	}()
	return <-done
}

func (n *namespace) close() {
	if n.file != nil {
		n.file.Close()
	}
}
