package rawip

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// A namespace is the network namespace that a link was opened in. Sockets for
// ports are made later, on any thread.
type namespace struct {
	file *os.File // nil: that of the process
}

// currentNamespace returns the calling thread's.
func currentNamespace() (*namespace, error) {
	var own, main unix.Stat_t
	const path = "/proc/thread-self/ns/net"
	if unix.Stat(path, &own) != nil || unix.Stat("/proc/self/ns/net", &main) != nil || own.Ino == main.Ino {
		return &namespace{}, nil // without /proc, it can be no other
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("rawip: network namespace: %w", err)
	}
	return &namespace{f}, nil
}

// do calls f on a thread that is in the namespace.
func (n *namespace) do(f func() error) error {
	if n.file == nil {
		return f()
	}
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
