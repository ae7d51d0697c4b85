package sides

import (
	"context"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// kernelHost is the kernel of the process's namespace.
type kernelHost struct{ peer netip.Addr }

func (h kernelHost) listen(port int) (net.Listener, error) {
	config := net.ListenConfig{Control: pickCongestion}
	config.SetMultipathTCP(false)
	return config.Listen(context.Background(), "tcp4", ":"+strconv.Itoa(port))
}

func (h kernelHost) dial(port int) (net.Conn, error) {
	d := net.Dialer{FallbackDelay: -1, Control: pickCongestion}
	d.SetMultipathTCP(false)
	return d.Dial("tcp4", netip.AddrPortFrom(h.peer, uint16(port)).String())
}

// pickCongestion picks the congestion control; a listener's connections inherit it.
func pickCongestion(_, _ string, c syscall.RawConn) (err error) {
	e := c.Control(func(fd uintptr) {
		err = os.NewSyscallError("setsockopt TCP_CONGESTION "+Congestion,
			unix.SetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION, Congestion))
	})
	if e != nil {
		return e
	}
	return err
}
