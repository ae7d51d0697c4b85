package ends

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/usernet-go/usernet/bench/internal/hop"
)

// kernelReady says what is missing for the kernel's rows.
func kernelReady() error {
	ns, err := newNamespace()
	if err != nil {
		return err
	}
	defer ns.close()
	fd, err := ns.openTUN(0)
	if err != nil {
		return err
	}
	unix.Close(fd)
	known, err := os.ReadFile("/proc/sys/net/ipv4/tcp_available_congestion_control")
	if err != nil {
		return err
	}
	for _, name := range []string{"cubic", "bbr"} {
		if !strings.Contains(" "+strings.TrimSpace(string(known))+" ", " "+name+" ") {
			return fmt.Errorf("the kernel offers the congestion controls %q, %s is not among them: load its module (modprobe tcp_%s)",
				strings.TrimSpace(string(known)), name, name)
		}
	}
	return nil
}

// joinKernel makes two network namespaces, each with a TUN device whose packets the
// hop carries. They are anonymous: they go with their descriptors, whatever happens
// to this process.
func joinKernel(h *hop.Hop, algorithm string) (Pair, error) {
	p := new(kernelPair)
	var fds [2]int
	for i := range p.hosts {
		host, fd, err := newKernelHost(i, algorithm)
		if err != nil {
			p.Close()
			return nil, err
		}
		p.hosts[i], fds[i] = host, fd
	}
	h.AddDevices(fds[0], fds[1])
	return p, nil
}

type kernelPair struct{ hosts [2]*kernelHost }

func (p *kernelPair) Host(i int) Host { return p.hosts[i] }

func (p *kernelPair) Close() {
	for _, h := range p.hosts {
		if h != nil {
			h.close()
		}
	}
}

type kernelHost struct {
	ns        *namespace
	device    int // the TUN's descriptor
	listener  net.Listener
	algorithm string
	peer      string
}

func newKernelHost(i int, algorithm string) (h *kernelHost, device int, err error) {
	ns, err := newNamespace()
	if err != nil {
		return nil, 0, err
	}
	h = &kernelHost{ns: ns, device: -1, algorithm: algorithm, peer: address(1 - i)}
	if h.device, err = ns.openTUN(i); err != nil {
		h.close()
		return nil, 0, err
	}
	listen := func() (err error) {
		config := net.ListenConfig{Control: h.control}
		config.SetMultipathTCP(false)
		h.listener, err = config.Listen(context.Background(), "tcp4", address(i))
		return err
	}
	if err := ns.do(listen); err != nil {
		h.close()
		return nil, 0, err
	}
	return h, h.device, nil
}

func (h *kernelHost) close() {
	if h.listener != nil {
		h.listener.Close()
	}
	if h.device >= 0 {
		unix.Close(h.device)
	}
	h.ns.close()
}

// control picks the congestion control; a listener's connections inherit it.
func (h *kernelHost) control(_, _ string, c syscall.RawConn) error {
	var err error
	if e := c.Control(func(fd uintptr) {
		err = os.NewSyscallError("setsockopt TCP_CONGESTION "+h.algorithm,
			unix.SetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION, h.algorithm))
	}); e != nil {
		return e
	}
	return err
}

func (h *kernelHost) Listener() net.Listener { return h.listener }

func (h *kernelHost) Dial() (c net.Conn, err error) {
	d := net.Dialer{Control: h.control, Timeout: dialPatience, FallbackDelay: -1}
	d.SetMultipathTCP(false)
	e := h.ns.do(func() error {
		c, err = d.Dial("tcp4", h.peer)
		return nil
	})
	return c, errors.Join(e, err)
}

func (h *kernelHost) Resent(c net.Conn) (n int, err error) {
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		return 0, err
	}
	e := raw.Control(func(fd uintptr) {
		var info *unix.TCPInfo
		if info, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
			n = int(info.Total_retrans)
		}
	})
	return n, errors.Join(e, os.NewSyscallError("getsockopt TCP_INFO", err))
}
