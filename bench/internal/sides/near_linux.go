package sides

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/rpc"
	"os"
	"os/exec"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/usernet-go/usernet/bench/internal/load"
)

// Ready says what a measurement lacks on this machine.
func Ready(s Spec) error {
	if !s.NeedsRoot() {
		return nil
	}
	for _, program := range []string{"ip", "ethtool"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%w: Debian has it in the package %s", err, map[string]string{"ip": "iproute2", "ethtool": "ethtool"}[program])
		}
	}
	c := exec.Command("true")
	inNamespace(c)
	if err := c.Run(); err != nil {
		return explain(err)
	}
	if s.Link == TUN || s.Link == TAP {
		f, err := os.OpenFile(deviceFile, os.O_RDWR, 0)
		if err != nil {
			return explain(err)
		}
		f.Close()
	}
	return nil
}

const deviceFile = "/dev/net/tun"

// explain says how to get what is not allowed or not there.
func explain(err error) error {
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return fmt.Errorf("rows with the kernel's TCP need a network namespace and devices, and so the capabilities "+
			"CAP_SYS_ADMIN, CAP_NET_ADMIN and CAP_NET_RAW: run as root, or in a container with --cap-add for the three "+
			"and --device %s; -stacks usernet,gvisor -links memory does without: %w", deviceFile, err)
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENODEV), errors.Is(err, unix.ENXIO):
		return fmt.Errorf("load the kernel's module (modprobe tun), or give the container the device (--device %s): %w", deviceFile, err)
	}
	return err
}

// inNamespace has a process begin in a network namespace of its own, which is gone with
// the last process in it.
func inNamespace(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET}
}

// The descriptors on which a far side serves the near one, and calls it.
const (
	serveDescriptor = 3
	callDescriptor  = 4
)

// runNear makes the devices, starts the far side and measures.
func runNear(s Spec) (load.Figures, error) {
	if err := tune(s); err != nil {
		return nil, err
	}
	call, farServes, err := socketPair()
	if err != nil {
		return nil, err
	}
	serve, farCalls, err := socketPair()
	if err != nil {
		return nil, err
	}
	c, err := command(context.Background(), far, s)
	if err != nil {
		return nil, err
	}
	c.Stderr = os.Stderr
	c.ExtraFiles = []*os.File{farServes, farCalls}
	if s.twoNamespaces() {
		inNamespace(c)
	}
	if err := c.Start(); err != nil {
		return nil, err
	}
	farServes.Close()
	farCalls.Close()
	side, err := newSide(s, near, call)
	if err != nil {
		return nil, err
	}
	if side.host, err = nearHost(s, c.Process.Pid); err != nil {
		return nil, err
	}
	go side.answer(serve)
	f, err := side.measure()
	// It ends when its near side is gone.
	call.Close()
	return f, errors.Join(err, c.Wait())
}

// measure has one side serve and the other one be its client.
func (s *Side) measure() (f load.Figures, err error) {
	if err := s.peer.Call("Side.SetUp", None{}, new(None)); err != nil {
		return nil, err
	}
	if s.spec.Reverse {
		if err := s.Serve(None{}, nil); err != nil {
			return nil, err
		}
		err = s.peer.Call("Side.Run", None{}, &f)
		return f, err
	}
	if err := s.peer.Call("Side.Serve", None{}, new(None)); err != nil {
		return nil, err
	}
	err = s.Run(None{}, &f)
	return f, err
}

// runFar is the far side: it does what it is called for until the near one is gone.
func runFar(s Spec) error {
	serve, err := fileConn(serveDescriptor)
	if err != nil {
		return err
	}
	call, err := fileConn(callDescriptor)
	if err != nil {
		return err
	}
	side, err := newSide(s, far, call)
	if err != nil {
		return err
	}
	side.setUp = func() error { return setUpFar(s) }
	if s.Stack == Linux && s.Link == Memory {
		side.host = kernelHost{loopback}
	} else {
		side.host = kernelHost{addresses[0]}
	}
	watched := &watchedConn{Conn: serve, gone: make(chan struct{})}
	go side.answer(watched)
	// Calls that still run end with the process: nobody waits for them.
	<-watched.gone
	return nil
}

// A watchedConn tells when the other end is gone: net/rpc waits for all calls first that
// still run, and one on a dead path runs for minutes.
type watchedConn struct {
	net.Conn
	gone chan struct{}
	once sync.Once
}

func (c *watchedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err != nil {
		c.once.Do(func() { close(c.gone) })
	}
	return n, err
}

func newSide(s Spec, role string, call net.Conn) (*Side, error) {
	if err := raiseFiles(); err != nil {
		return nil, fmt.Errorf("%s side: %w", role, err)
	}
	return &Side{spec: s, peer: rpc.NewClient(call)}, nil
}

// answer serves calls until the other side is gone, and those that run then have ended.
func (s *Side) answer(c net.Conn) {
	server := rpc.NewServer()
	server.Register(s)
	server.ServeConn(c)
}

func socketPair() (mine net.Conn, other *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	mine, err = fileConn(fds[0])
	return mine, os.NewFile(uintptr(fds[1]), "side"), err
}

func fileConn(fd int) (net.Conn, error) {
	f := os.NewFile(uintptr(fd), "side")
	defer f.Close()
	return net.FileConn(f)
}

// raiseFiles allows as many descriptors as the system lets this process have.
func raiseFiles() error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return os.NewSyscallError("getrlimit", err)
	}
	limit.Cur = limit.Max
	return os.NewSyscallError("setrlimit", unix.Setrlimit(unix.RLIMIT_NOFILE, &limit))
}
