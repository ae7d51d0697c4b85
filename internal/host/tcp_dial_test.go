package host

import (
	"net/netip"
	"testing"
	"testing/synctest"

	"github.com/usernet-go/usernet/link/pipe"
	"github.com/usernet-go/usernet/tcp"
	"github.com/usernet-go/usernet/wire"
)

// nextEphemeral makes port the first that a dial from local to remote tries.
func nextEphemeral(h *Host, port uint16, local netip.Addr, remote netip.AddrPort) {
	h.ports.next.Store(uint32(port) - firstEphemeral - h.ports.offset(wire.ProtocolTCP, local, remote))
}

// A dial to a port of the host itself on which nobody listens is refused, and does
// not meet itself: that would be a simultaneous open of one end.
func TestTCPDialDoesNotMeetItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := newPair(t, pipe.Config{})
		self := netip.AddrPortFrom(host4, 40000)
		nextEphemeral(h, self.Port(), host4, self)
		c, err := h.DialTCP(netip.AddrPort{}, self, TCPOptions{})
		if err != nil {
			t.Fatal(err)
		}
		<-c.Connected()
		if err := c.ConnectError(); err != tcp.ErrRefused {
			t.Errorf("dialled from %v: %v, want %v", c.LocalAddr(), err, tcp.ErrRefused)
		}
	})
}

// A dial does not choose a port that is bound, as the kernel does not.
func TestTCPDialLeavesBoundPorts(t *testing.T) {
	a, b := newPair(t, pipe.Config{})
	remote := listenTCP(t, b, "10.0.0.2:7").Addr()
	for _, local := range []string{"10.0.0.1:40000", "[::]:40001"} {
		port := listenTCP(t, a, local).Addr().Port()
		nextEphemeral(a, port, host4, remote)
		if got := dialTCP(t, a, remote.String()).LocalAddr(); got.Port() != port+1 && got.Port() != port+2 {
			t.Errorf("dialled from %v beside a listener at %s", got, local)
		}
	}
}
