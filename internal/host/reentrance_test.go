package host

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/pipe"
	"github.com/usernet-go/usernet/wire"
)

// No lock is held across Send: a link whose Send calls the host again, by whatever
// verb, on whatever way Send was reached, returns.
func TestSendReenters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{}, link.Info{})
		wildcard := listenUDP(t, r.h, netip.AddrPortFrom(netip.IPv6Unspecified(), udpPort), FamilyAny)
		conn, err := r.h.DialTCP(netip.AddrPort{}, netip.AddrPortFrom(peer4, 80), TCPOptions{})
		if err != nil {
			t.Fatal(err)
		}
		pinger, err := r.h.NewPinger(peer4)
		if err != nil {
			t.Fatal(err)
		}
		ctx := canceled(t)
		var inside atomic.Bool
		var calls atomic.Int32
		r.l.onSend = func(batch []link.Packet) {
			if !inside.CompareAndSwap(false, true) {
				return // the verbs below send, too
			}
			defer inside.Store(false)
			calls.Add(1)
			r.h.Stats()
			c, err := r.h.ListenUDP(netip.AddrPort{}, FamilyAny)
			if err != nil {
				t.Error(err)
				return
			}
			c.WriteTo([]byte("x"), fromPeer4)
			c.WriteTo([]byte("x"), netip.AddrPortFrom(host4, udpPort))
			c.WriteTo([]byte("x"), netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(calls.Load()%200 + 10)}), 9))
			c.SetDeadline(time.Now())
			c.Read(nil)
			c.Close()
			if c, err := r.h.DialUDP(netip.AddrPort{}, fromPeer6); err == nil {
				c.Write([]byte("x"))
				c.Close()
			}
			if l, err := r.h.ListenTCP(netip.AddrPort{}, FamilyAny, 1, TCPOptions{}); err == nil {
				l.SetDeadline(time.Now())
				l.Accept()
				l.Close()
			}
			if c, err := r.h.DialTCP(netip.AddrPort{}, netip.AddrPortFrom(peer6, 80), TCPOptions{}); err == nil {
				c.SetDeadline(time.Now())
				c.Read(make([]byte, 1))
				c.Write([]byte("x"))
				c.Info()
				c.Close()
			}
			conn.SetDeadline(time.Now())
			conn.Read(make([]byte, 1))
			pinger.Ping(ctx, 8)
			r.h.Attach(newTestLink(link.Info{}), InterfaceConfig{})
			r.h.bind(wire.ProtocolUDP, netip.AddrPort{}, FamilyAny)
			// The peer answers within Send, as over a link in memory.
			r.inject(good4())
			r.inject(frame(echoRequest(peer6, host6, "x")))
			r.inject(arpFrame(wire.ARPRequest, peerMAC, peer4, wire.MAC{}, host4))
			r.inject(solicitation(peer6, host6))
			r.inject(frame(tcpPacket(fromPeer4, toTCP4, wire.SYN, 1, 0)))
		}
		verbs := []func(){
			func() { wildcard.WriteTo([]byte("x"), fromPeer4) },
			func() { wildcard.WriteTo(make([]byte, 9000), fromPeer6) },
			func() { wildcard.WriteTo([]byte("x"), netip.AddrPortFrom(other4, 9)) }, // asks
			func() { r.inject(frame(udpPacket(fromPeer4, netip.AddrPortFrom(host4, 9), "closed"))) },
			func() { r.inject(frame(tcpPacket(fromPeer4, netip.AddrPortFrom(host4, 9), wire.SYN, 1, 0))) },
			func() { r.inject(frame(echoRequest(peer4, host4, "x"))) },
			func() { r.inject(arpFrame(wire.ARPRequest, peerMAC, peer4, wire.MAC{}, host4)) },
			func() { r.inject(solicitation(peer6, host6)) },
			func() { r.inject(arpFrame(wire.ARPReply, otherMAC, other4, hostMAC, host4)) }, // lets go what waits
			func() { time.Sleep(10 * time.Second) },                                        // timers of TCP, ARP and ND
			func() { pinger.Ping(ctx, 8) },
			func() { r.h.DialTCP(netip.AddrPort{}, netip.AddrPortFrom(peer4, 81), TCPOptions{}) },
		}
		for i, verb := range verbs {
			before := calls.Load()
			verb()
			synctest.Wait()
			if calls.Load() == before {
				t.Errorf("verb %d sent nothing", i)
			}
		}
	})
}

// Close may be called from within Send, when that is not within a delivery or a
// timer's callback: it does not wait for the sender.
func TestCloseWithinSend(t *testing.T) {
	r := newRig(t, Config{}, link.Info{})
	c := listenUDP(t, r.h, netip.AddrPort{}, FamilyAny)
	var once sync.Once
	r.l.onSend = func([]link.Packet) { once.Do(func() { r.h.Close() }) }
	if _, err := c.WriteTo([]byte("x"), fromPeer4); err != nil {
		t.Error(err)
	}
	if _, err := c.Read(nil); err != ErrClosed {
		t.Errorf("read: %v, want %v", err, ErrClosed)
	}
}

// Close leaves nothing: no goroutine, no timer; who waits is told; who comes later is
// told too. Run in a bubble, which fails on goroutines left behind.
func TestCloseLeavesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newPair(t, pipe.Config{})
		sockets := []*UDPConn{listenUDP(t, a, netip.AddrPort{}, FamilyAny), dialUDP(t, a, fromPeer4)}
		l, err := a.ListenTCP(netip.AddrPort{}, FamilyAny, 1, TCPOptions{})
		if err != nil {
			t.Fatal(err)
		}
		dialled, err := b.DialTCP(netip.AddrPort{}, netip.AddrPortFrom(host4, l.Addr().Port()), TCPOptions{})
		if err != nil {
			t.Fatal(err)
		}
		<-dialled.Connected()
		accepted, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for _, c := range sockets {
			wg.Go(func() {
				if _, err := c.Read(nil); err != ErrClosed {
					t.Errorf("UDP read: %v", err)
				}
			})
		}
		wg.Go(func() {
			if _, err := accepted.Read(make([]byte, 1)); err != ErrClosed {
				t.Errorf("TCP read: %v", err)
			}
		})
		wg.Go(func() {
			if _, err := l.Accept(); err != ErrClosed {
				t.Errorf("accept: %v", err)
			}
		})
		synctest.Wait()
		for range 2 {
			if err := a.Close(); err != nil {
				t.Error(err)
			}
		}
		wg.Wait()
		if _, err := dialled.Read(make([]byte, 1)); err == nil {
			t.Error("the peer's connection was not reset")
		}
		for name, err := range map[string]error{
			"ListenUDP": second(a.ListenUDP(netip.AddrPort{}, FamilyAny)),
			"ListenTCP": second(a.ListenTCP(netip.AddrPort{}, FamilyAny, 1, TCPOptions{})),
			"DialUDP":   second(a.DialUDP(netip.AddrPort{}, fromPeer4)),
			"Attach":    a.Attach(newTestLink(link.Info{}), InterfaceConfig{}),
		} {
			if err != ErrClosed {
				t.Errorf("%s after Close: %v, want %v", name, err, ErrClosed)
			}
		}
		if n := len(a.timers.heap); n != 0 {
			t.Errorf("%d timers left", n)
		}
	})
}

// Close from several goroutines at once, while the host is busy.
func TestCloseWhileBusy(t *testing.T) {
	for range 20 {
		a, b := newPair(t, pipe.Config{})
		server := listenUDP(t, b, anyPort7, FamilyAny)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				c, err := a.DialUDP(netip.AddrPort{}, netip.AddrPortFrom(peer4, 7))
				for err == nil {
					_, err = c.Write([]byte("x"))
				}
				// Whoever closes first: the socket here, the one there, the link, its route.
				if err != ErrClosed && err != ErrRefused && err != ErrLinkDown && err != ErrNoRoute {
					t.Error(err)
				}
			})
		}
		wg.Go(func() {
			for {
				if _, _, err := server.ReadFrom(nil); err != nil {
					return
				}
			}
		})
		runtime.Gosched()
		for _, h := range []*Host{a, b, a, b} {
			wg.Go(func() { h.Close() })
		}
		wg.Wait()
	}
}

// A link that ends by itself takes its routes with it, and is told of in the log.
func TestLinkEnds(t *testing.T) {
	h, err := New(Config{Rand: rand.NewChaCha8([32]byte{})})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	l := &failingLink{testLink: newTestLink(link.Info{}), fail: make(chan error)}
	if err := h.Attach(l, InterfaceConfig{Addrs: hostNets}); err != nil {
		t.Fatal(err)
	}
	c := dialUDP(t, h, fromPeer4)
	l.fail <- errors.New("cable gone")
	for !h.net.Load().places[1].ifc.down.Load() {
		runtime.Gosched()
	}
	if _, err := h.DialUDP(netip.AddrPort{}, fromPeer4); err != ErrNoRoute {
		t.Errorf("dial: %v, want %v", err, ErrNoRoute)
	}
	c.Write([]byte("x")) // asks for the neighbour, in vain
	if n := h.Stats().Drops[ReasonLinkDown]; n != 1 && n != 0 {
		t.Errorf("%d packets counted under %q", n, ReasonLinkDown)
	}
}

// A failingLink's Receive ends with what the test says.
type failingLink struct {
	*testLink
	fail chan error
}

func (l *failingLink) Receive(int, func([]link.Packet)) error { return <-l.fail }
