package host

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/pipe"
	"github.com/usernet-go/usernet/tcp"
)

// A pairOfHosts are two hosts on one wire in memory, 10.0.0.1 and 10.0.0.2, and
// fd00::1 and fd00::2.
func pairOfHosts(t *testing.T, wire pipe.Config, config Config) (a, b *Host) {
	t.Helper()
	la, lb := pipe.New(wire)
	hosts := [2]*Host{}
	for i, l := range []link.Link{la, lb} {
		h, err := New(config)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { h.Close() })
		v4, v6 := [4]byte{10, 0, 0, byte(i + 1)}, [16]byte{0: 0xfd, 15: byte(i + 1)}
		err = h.Attach(l, InterfaceConfig{Name: "eth0", Addrs: []netip.Prefix{
			netip.PrefixFrom(netip.AddrFrom4(v4), 24), netip.PrefixFrom(netip.AddrFrom16(v6), 64),
		}})
		if err != nil {
			t.Fatal(err)
		}
		hosts[i] = h
	}
	return hosts[0], hosts[1]
}

// dialTCP connects h to addr and waits until that is done.
func dialTCP(t *testing.T, h *Host, addr string) *TCPConn {
	t.Helper()
	c, err := h.DialTCP(netip.AddrPort{}, netip.MustParseAddrPort(addr), TCPOptions{NoDelay: true})
	if err != nil {
		t.Fatal(err)
	}
	<-c.Connected()
	if err := c.ConnectError(); err != nil {
		t.Fatal(err)
	}
	return c
}

func listenTCP(t *testing.T, h *Host, addr string) *TCPListener {
	t.Helper()
	l, err := h.ListenTCP(netip.MustParseAddrPort(addr), FamilyAny, 128, TCPOptions{NoDelay: true})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// tcpPair returns both ends of a connection from a to b.
func tcpPair(t *testing.T, a, b *Host, addr string) (dialled, accepted *TCPConn) {
	t.Helper()
	l := listenTCP(t, b, addr)
	dialled = dialTCP(t, a, addr)
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return dialled, accepted
}

func TestTCPEcho(t *testing.T) {
	for name, wire := range map[string]pipe.Config{
		"segments":       {MTU: 1500},
		"super-segments": {MTU: 1500, GSO: true},
		"IP":             {MTU: 9000, Medium: link.IP, GSO: true},
	} {
		for _, addr := range []string{"10.0.0.2:7", "[fd00::2]:7"} {
			t.Run(name+" "+addr, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					a, b := pairOfHosts(t, wire, Config{})
					c, s := tcpPair(t, a, b, addr)
					go func() {
						io.Copy(s, s)
						s.Close()
					}()
					want := make([]byte, 3<<20)
					rand.NewChaCha8([32]byte{1}).Read(want)
					go func() {
						if _, err := c.Write(want); err != nil {
							t.Error(err)
						}
						c.CloseWrite()
					}()
					got, err := io.ReadAll(c)
					if err != nil || !bytes.Equal(got, want) {
						t.Fatalf("echo: %d bytes, %v", len(got), err)
					}
					if err := c.Close(); err != nil {
						t.Fatal(err)
					}
					synctest.Wait()
					if n := a.Stats().TCP; n.Connections != 0 || n.TimeWait != 1 {
						t.Errorf("after close: %d connections, %d in TIME-WAIT", n.Connections, n.TimeWait)
					}
					if n := b.Stats().TCP; n.Connections != 0 || n.TimeWait != 0 {
						t.Errorf("after close, passive side: %d connections, %d in TIME-WAIT", n.Connections, n.TimeWait)
					}
					time.Sleep(61 * time.Second)
					if n := a.Stats().TCP.TimeWait; n != 0 {
						t.Errorf("%d in TIME-WAIT after 61 s", n)
					}
				})
			})
		}
	}
}

func TestTCPRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := pairOfHosts(t, pipe.Config{}, Config{})
		c, err := a.DialTCP(netip.AddrPort{}, netip.MustParseAddrPort("10.0.0.2:7"), TCPOptions{})
		if err != nil {
			t.Fatal(err)
		}
		<-c.Connected()
		if err := c.ConnectError(); !errors.Is(err, tcp.ErrRefused) {
			t.Errorf("dial to a closed port: %v", err)
		}
	})
}

func TestTCPNobodyAnswersARP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := pairOfHosts(t, pipe.Config{}, Config{})
		start := time.Now()
		c, err := a.DialTCP(netip.AddrPort{}, netip.MustParseAddrPort("10.0.0.9:7"), TCPOptions{})
		if err != nil {
			t.Fatal(err)
		}
		<-c.Connected()
		if err := c.ConnectError(); !errors.Is(err, ErrHostUnreachable) {
			t.Errorf("dial to nobody: %v", err)
		}
		if d := time.Since(start); d < 2*time.Second || d > 4*time.Second {
			t.Errorf("it took %v, want three solicitations a second apart", d)
		}
	})
}
