package usernet_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link/pipe"
)

// A world is package net on the kernel's loopback, or two stacks joined by a
// pipe; errors must not tell them apart.
type world struct {
	*testing.T
	dialer       func(d net.Dialer, ctx context.Context, network, address string) (net.Conn, error)
	listen       func(network, address string) (net.Listener, error)
	listenPacket func(network, address string) (net.PacketConn, error)
	here, there  string // the dialler's and the listener's IPv4 address
	typed        typedVerbs
	silent       func() string // an address that drops each SYN: its backlog is full
	settle       func()        // lets those goroutines that can run come to rest, where that can be known
	cut          func()        // usernet only: no IPv4 packet arrives any more
	leave        func()        // usernet only: the dialler loses its IPv4 address
	kernel       bool
}

// typedVerbs are the verbs that take addresses instead of strings.
type typedVerbs struct {
	dialTCP      func(network string, local, remote *net.TCPAddr) error
	dialUDP      func(network string, local, remote *net.UDPAddr) error
	listenTCP    func(network string, local *net.TCPAddr) error
	listenUDP    func(network string, local *net.UDPAddr) error
	dialTCPPorts func(network string, local, remote netip.AddrPort) error
	dialUDPPorts func(network string, local, remote netip.AddrPort) error
}

// An errorCase is a row of the table.
type errorCase struct {
	name  string
	alone string                 // why package net has no part in it
	run   func(w *world) []error // the errors to compare
	want  []string               // in place of package net's, if it has no part
	is    []error                // what errors.Is finds in the last error
}

// TestErrorsAreThoseOfNet is the design's table of errors: each case runs against
// package net and against usernet, and chain, text and what errors.Is finds must
// be the same. A case with a reason in alone cannot be had from the kernel
// without privileges: there want, in the notation of describe, is what it is
// known to say.
func TestErrorsAreThoseOfNet(t *testing.T) {
	for _, c := range slices.Concat(dialErrors, connErrors, udpErrors, addressErrors) {
		t.Run(c.name, func(t *testing.T) {
			want := c.want
			if c.alone == "" {
				w := kernelWorld(t)
				for _, err := range c.run(w) {
					want = append(want, describe(err))
				}
			}
			var got []string
			var last error
			synctest.Test(t, func(t *testing.T) {
				w := stackWorld(t)
				for _, err := range c.run(w) {
					got, last = append(got, describe(err)), err
				}
			})
			if len(got) != len(want) {
				t.Fatalf("%d errors, want %d\ngot:  %q\nwant: %q", len(got), len(want), got, want)
			}
			for i := range got {
				if got[i] != want[i] {
					t.Errorf("error %d\ngot:  %s\nwant: %s", i, got[i], want[i])
				}
			}
			for _, target := range c.is {
				if !errors.Is(last, target) {
					t.Errorf("errors.Is(%v, %v) is false", last, target)
				}
			}
		})
	}
}

// describe writes down all of an error that a caller can see: the chain, whether
// it is a timeout, and the text, with addresses and ports made equal.
func describe(err error) string {
	switch err {
	case nil:
		return "nil"
	case io.EOF:
		return "io.EOF"
	}
	var chain []string
	for e := err; e != nil; e = errors.Unwrap(e) {
		switch e := e.(type) {
		case *net.OpError:
			link := fmt.Sprintf("net.OpError{%s %s", e.Op, e.Net)
			if e.Source != nil {
				link += fmt.Sprintf(" %T", e.Source)
			}
			if e.Addr != nil {
				link += fmt.Sprintf(" ->%T", e.Addr)
			}
			chain = append(chain, link+"}")
		case *os.SyscallError:
			chain = append(chain, fmt.Sprintf("os.SyscallError{%s}", e.Syscall))
		default:
			chain = append(chain, strings.TrimPrefix(fmt.Sprintf("%T", e), "*"))
		}
	}
	s := strings.ReplaceAll(strings.Join(chain, " > "), "usernet.", "net.")
	var timeout interface{ Timeout() bool }
	if errors.As(err, &timeout) && timeout.Timeout() {
		s += ", timeout"
	}
	var temporary interface{ Temporary() bool }
	if errors.As(err, &temporary) && temporary.Temporary() {
		s += ", temporary"
	}
	text := ownAddress.ReplaceAllString(err.Error(), "IP")
	return s + ": " + portNumber.ReplaceAllString(text, "$1:N")
}

var (
	ownAddress = regexp.MustCompile(`127\.0\.0\.1|10\.0\.0\.[12]\b`)
	portNumber = regexp.MustCompile(`(IP|\]|\d| ):\d+`)
)

func errs(all ...error) []error { return all }

// kernelWorld is package net on the kernel's loopback.
func kernelWorld(t *testing.T) *world {
	w := &world{T: t, kernel: true, here: "127.0.0.1", there: "127.0.0.1", settle: func() {}}
	w.dialer = func(d net.Dialer, ctx context.Context, network, address string) (net.Conn, error) {
		return d.DialContext(ctx, network, address)
	}
	lc := net.ListenConfig{}
	lc.SetMultipathTCP(false)
	w.listen = func(network, address string) (net.Listener, error) {
		return lc.Listen(context.Background(), network, address)
	}
	w.listenPacket = net.ListenPacket
	var d net.Dialer
	w.typed = typedVerbs{
		dialTCP:   func(n string, l, r *net.TCPAddr) error { return closed(net.DialTCP(n, l, r)) },
		dialUDP:   func(n string, l, r *net.UDPAddr) error { return closed(net.DialUDP(n, l, r)) },
		listenTCP: func(n string, l *net.TCPAddr) error { return closed(net.ListenTCP(n, l)) },
		listenUDP: func(n string, l *net.UDPAddr) error { return closed(net.ListenUDP(n, l)) },
		dialTCPPorts: func(n string, l, r netip.AddrPort) error {
			return closed(d.DialTCP(context.Background(), n, l, r))
		},
		dialUDPPorts: func(n string, l, r netip.AddrPort) error {
			return closed(d.DialUDP(context.Background(), n, l, r))
		},
	}
	w.silent = func() string {
		l := w.Listen("tcp", "127.0.0.1:0")
		raw, err := l.(*net.TCPListener).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		raw.Control(func(fd uintptr) { err = syscall.Listen(int(fd), 0) }) // room for one
		if err != nil {
			t.Fatal(err)
		}
		w.fill(l)
		return l.Addr().String()
	}
	return w
}

// stackWorld is two stacks, the first of which dials.
func stackWorld(t *testing.T) *world {
	near, far := pipe.New(pipe.Config{MTU: 1500})
	cut := &cutLink{Link: near}
	a, b := newStack(t, usernet.Config{}), newStack(t, usernet.Config{})
	attach(t, a, cut, 1)
	attach(t, b, far, 2)
	w := &world{T: t, here: "10.0.0.1", there: "10.0.0.2", settle: synctest.Wait, cut: func() { cut.cut.Store(true) }}
	w.leave = func() {
		if err := a.RemoveAddr("eth0", netip.MustParseAddr(w.here)); err != nil {
			t.Fatal(err)
		}
	}
	w.dialer = func(d net.Dialer, ctx context.Context, network, address string) (net.Conn, error) {
		ud := usernet.Dialer{Stack: a, Timeout: d.Timeout, Deadline: d.Deadline, LocalAddr: d.LocalAddr}
		return ud.DialContext(ctx, network, address)
	}
	w.listen, w.listenPacket = b.Listen, b.ListenPacket
	d := usernet.Dialer{Stack: a}
	w.typed = typedVerbs{
		dialTCP:   func(n string, l, r *net.TCPAddr) error { return closed(a.DialTCP(n, l, r)) },
		dialUDP:   func(n string, l, r *net.UDPAddr) error { return closed(a.DialUDP(n, l, r)) },
		listenTCP: func(n string, l *net.TCPAddr) error { return closed(b.ListenTCP(n, l)) },
		listenUDP: func(n string, l *net.UDPAddr) error { return closed(b.ListenUDP(n, l)) },
		dialTCPPorts: func(n string, l, r netip.AddrPort) error {
			return closed(d.DialTCP(context.Background(), n, l, r))
		},
		dialUDPPorts: func(n string, l, r netip.AddrPort) error {
			return closed(d.DialUDP(context.Background(), n, l, r))
		},
	}
	w.silent = func() string {
		lc := usernet.ListenConfig{Stack: b, Backlog: 1}
		l, err := lc.Listen(context.Background(), "tcp", w.there+":0")
		if err != nil {
			t.Fatal(err)
		}
		w.fill(l)
		return l.Addr().String()
	}
	return w
}

// closed closes what should not have been made, and returns the error.
func closed[C io.Closer](c C, err error) error {
	if err == nil {
		c.Close()
	}
	return err
}

// fill takes the one place in l's backlog.
func (w *world) fill(l net.Listener) {
	w.Helper()
	w.Cleanup(func() { l.Close() })
	c, err := w.dialer(net.Dialer{}, context.Background(), "tcp", l.Addr().String())
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { c.Close() })
}

func (w *world) dialError(network, address string) error {
	w.Helper()
	c, err := w.dialer(net.Dialer{}, context.Background(), network, address)
	if err == nil {
		w.Errorf("Dial(%q, %q) succeeded", network, address)
		c.Close()
	}
	return err
}

// timedOut dials until that takes too long as documented. Package net has a
// deadline on its descriptor beside that of the context; now and then it is
// first, and the error os.ErrDeadlineExceeded. A stack has no excuse.
func (w *world) timedOut(dial func() (net.Conn, error)) error {
	for range 100 {
		_, err := dial()
		if !w.kernel || !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
	}
	w.Fatal("package net never says context.DeadlineExceeded")
	return nil
}

func (w *world) Listen(network, address string) net.Listener {
	w.Helper()
	l, err := w.listen(network, address)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { l.Close() })
	return l
}

// Conn returns both ends of a connection; the second is the listener's.
func (w *world) Conn() (c, peer net.Conn) {
	w.Helper()
	l := w.Listen("tcp", w.there+":0")
	defer l.Close()
	c, err := w.dialer(net.Dialer{}, context.Background(), "tcp", l.Addr().String())
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { c.Close() })
	if peer, err = l.Accept(); err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { peer.Close() })
	return c, peer
}

func (w *world) closedPort() string {
	l := w.Listen("tcp", w.there+":0")
	l.Close()
	return l.Addr().String()
}

func (w *world) closedUDPPort() string {
	p, err := w.listenPacket("udp", w.there+":0")
	if err != nil {
		w.Fatal(err)
	}
	p.Close()
	return p.LocalAddr().String()
}

func (w *world) Write(c net.Conn, s string) {
	w.Helper()
	if _, err := io.WriteString(c, s); err != nil {
		w.Fatal(err)
	}
}

func (w *world) Read(c net.Conn, want string) {
	w.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != want {
		w.Fatalf("read %q, %v; want %q", got, err, want)
	}
}

// reset ends the connection by a RST.
func (w *world) reset(c net.Conn) {
	w.Helper()
	if err := c.(tcpConn).SetLinger(0); err != nil {
		w.Fatal(err)
	}
	c.Close()
}

// writeUntilError writes until that fails, because of what the peer said or
// because there is no more room.
func (w *world) writeUntilError(c net.Conn) error {
	w.Helper()
	b := make([]byte, 32<<10)
	if _, ok := c.(net.PacketConn); ok {
		b = b[:1]
	}
	for range 10000 {
		if _, err := c.Write(b); err != nil {
			return err
		}
		time.Sleep(100 * time.Microsecond)
	}
	w.Fatal("writing never fails")
	return nil
}

// tcpConn is what *net.TCPConn and *usernet.TCPConn have in common.
type tcpConn interface {
	net.Conn
	io.ReaderFrom
	io.WriterTo
	CloseRead() error
	CloseWrite() error
	SetNoDelay(bool) error
	SetLinger(int) error
	SetKeepAlive(bool) error
	SetKeepAlivePeriod(time.Duration) error
	SetKeepAliveConfig(net.KeepAliveConfig) error
}

var (
	_ tcpConn = (*net.TCPConn)(nil)
	_ tcpConn = (*usernet.TCPConn)(nil)
)
