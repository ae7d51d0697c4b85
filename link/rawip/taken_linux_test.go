package rawip_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/usernet-go/usernet/link/rawip"
)

// A port that the kernel has is in use, with the chain of package net.
func TestKernelPortTaken(t *testing.T) {
	needKernel(t)
	near, far := newHosts(t)
	s, l := near.stack(rawip.Config{})
	taken4, err := near.listen("127.0.0.1:80")
	if err != nil {
		t.Fatal(err)
	}
	defer taken4.Close()
	taken6, err := near.listen("[" + near6 + "]:81")
	if err != nil {
		t.Fatal(err)
	}
	defer taken6.Close()
	var udp net.PacketConn
	near.do(func() { udp, err = net.ListenPacket("udp4", "0.0.0.0:53") })
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	for _, addr := range []string{":80", near4 + ":80", "[" + near6 + "]:80", near4 + ":81", "127.0.0.1:80"} {
		_, err := s.Listen("tcp", addr)
		sameAsNet(t, near, "tcp", err)
	}
	_, err = s.ListenPacket("udp", ":53")
	sameAsNet(t, near, "udp", err)

	// The other way round: a port of ours is in use for the kernel's programs.
	ln, err := s.Listen("tcp", ":82")
	if err != nil {
		t.Fatal(err)
	}
	for _, addr := range []string{near4 + ":82", "[" + near6 + "]:82", "127.0.0.1:82"} {
		if theirs, err := near.listen(addr); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("the kernel's listen at %s: %v", addr, err)
			theirs.Close()
		}
	}
	// And for as long as a connection lives, or is in TIME-WAIT.
	conn, err := far.dial(near4 + ":82")
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	if n := l.Stats().Ports; n != 1 {
		t.Errorf("%d ports reserved for a connection without its listener, want 1", n)
	}
	go copyBack(t, accepted)
	exchange(t, conn, 1000)
	out, err := far.listen(":7")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	go echo(t, out)
	resets := far.resets()
	dialled, err := s.Dial("tcp", far4+":7")
	if err != nil {
		t.Fatal(err)
	}
	port := dialled.LocalAddr().(*net.TCPAddr).Port
	exchange(t, dialled, 1000) // closes first
	timeWait := func() bool {
		for _, c := range s.Connections() {
			if c.State.String() == "TIME-WAIT" {
				return true
			}
		}
		return false
	}
	eventually(t, "the connection is in TIME-WAIT", timeWait)
	if _, err := near.listen(fmt.Sprintf(":%d", port)); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("the kernel's listen on a port in TIME-WAIT: %v", err)
	}
	// A late segment for it is ours to answer; the kernel resets the one behind it, for a
	// port that nobody has.
	far.sendTCP(far4, 7, near4, port)
	far.sendTCP(far4, 7, near4, 9)
	eventually(t, "the kernel's reset is seen", func() bool { return resets.Load() > 0 })
	if n := resets.Load(); n != 1 {
		t.Errorf("%d resets, want that of the closed port alone", n)
	}
	eventually(t, "all ports but that in TIME-WAIT are the kernel's", func() bool { return l.Stats().Ports == 1 })
}

// sameAsNet compares the error with that of the kernel's sockets for the same.
func sameAsNet(t *testing.T, ns *netns, network string, err error) {
	t.Helper()
	var want error
	ns.do(func() {
		if network == "tcp" {
			_, want = net.Listen("tcp", "127.0.0.1:80")
		} else {
			_, want = net.ListenPacket("udp", "0.0.0.0:53")
		}
	})
	chain := func(err error) (types []string) {
		for ; err != nil; err = errors.Unwrap(err) {
			types = append(types, fmt.Sprintf("%T", err))
		}
		return types
	}
	if !errors.Is(err, syscall.EADDRINUSE) || fmt.Sprint(chain(err)) != fmt.Sprint(chain(want)) {
		t.Errorf("%v with the chain %v, want as %v with %v", err, chain(err), want, chain(want))
	}
}

// At the limit of descriptors the error says so, and how many ports there are.
func TestKernelDescriptors(t *testing.T) {
	needKernel(t)
	near, far := newHosts(t)
	s, l := near.stack(rawip.Config{})
	peer, err := far.listen(":7")
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	ln, err := s.Listen("tcp", ":80")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	low := unix.Rlimit{Cur: 3, Max: limit.Max} // all that are open stay so
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	_, errListen := s.Listen("tcp", ":81")
	_, errDial := s.Dial("tcp", far4+":7")
	_, errUDP := s.ListenPacket("udp", ":81")
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{errListen, errDial, errUDP} {
		if !errors.Is(err, syscall.EMFILE) || !strings.Contains(err.Error(), "RLIMIT_NOFILE is 3") || !strings.Contains(err.Error(), "1 have theirs") {
			t.Errorf("at the limit of descriptors: %v", err)
		}
	}
	if n := l.Stats().Ports; n != 1 {
		t.Errorf("%d ports are reserved, want 1", n)
	}
	go echo(t, peer) // accept takes a descriptor even when there is nobody
	conn, err := s.Dial("tcp", far4+":7")
	if err != nil {
		t.Fatal(err)
	}
	exchange(t, conn, 1000)
}

// From the moment when Listen has returned, no connection is refused, and none
// that was made is reset, however the clients' segments meet the steps in between.
func TestKernelWindow(t *testing.T) {
	needKernel(t)
	near, far := newHosts(t)
	s, _ := near.stack(rawip.Config{})
	stop, clients := make(chan struct{}), make(chan error, 2)
	for range cap(clients) {
		go func() {
			for {
				select {
				case <-stop:
					clients <- nil
					return
				default:
				}
				conn, err := far.dial(near4 + ":80")
				if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) {
					continue // nobody listens, or does any more
				}
				if err != nil {
					clients <- err
					return
				}
				// It was accepted, or sits in the backlog of a listener that is closed.
				conn.SetDeadline(time.Now().Add(patience))
				if _, err = conn.Write([]byte("x")); err == nil {
					_, err = conn.Read(make([]byte, 1))
				}
				conn.Close()
				if err != nil && !errors.Is(err, syscall.ECONNRESET) {
					clients <- err
					return
				}
			}
		}()
	}
	for range 100 {
		ln, err := s.Listen("tcp", ":80")
		if err != nil {
			t.Fatal(err)
		}
		conn, err := far.dial(near4 + ":80")
		if err != nil {
			t.Errorf("right after Listen: %v", err)
		} else {
			go echo(t, ln)
			exchange(t, conn, 100)
		}
		ln.Close()
	}
	close(stop)
	for range cap(clients) {
		if err := <-clients; err != nil {
			t.Error(err)
		}
	}
	// Dialled connections: the answer to a SYN never meets the kernel.
	peer, err := far.listen(":7")
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	go echo(t, peer)
	resets := far.resets()
	for range 200 {
		conn, err := s.Dial("tcp", far4+":7")
		if err != nil {
			t.Fatal(err)
		}
		exchange(t, conn, 100)
	}
	if n := resets.Load(); n != 0 {
		t.Errorf("%d resets in 200 dialled connections, want none", n)
	}
}

// What other links have made first is left alone: names of tables that are taken,
// as by a process of the same number in another PID namespace, cost a try each.
func TestKernelTableNames(t *testing.T) {
	needKernel(t, "nft")
	near, _ := newHosts(t)
	first, err := near.open(rawip.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	var n int
	if _, err := fmt.Sscanf(near.run("nft", "list", "tables"), fmt.Sprintf("table inet usernet_%d_%%d", os.Getpid()), &n); err != nil {
		t.Fatal(err)
	}
	for i := 1; i <= 3; i++ {
		near.run("nft", "add", "table", "inet", fmt.Sprintf("usernet_%d_%d", os.Getpid(), n+i))
	}
	second, err := near.open(rawip.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	for _, port := range []uint16{80, 81} {
		if err := second.ReservePort(6, port); err != nil {
			t.Error(err)
		}
	}
	second.ReleasePort(6, 80)
	if rules := near.run("nft", "list", "ruleset"); !strings.Contains(rules, "elements = { 81 }") {
		t.Errorf("the rules:\n%s", rules)
	}
}

// A host that tracks connections and drops what is invalid on its way out lets
// through those that the stack dials, and not its answers to others'.
func TestKernelTracking(t *testing.T) {
	needKernel(t, "nft")
	near, far := newHosts(t)
	s, _ := near.stack(rawip.Config{})
	near.run("nft", "add table inet t; add chain inet t o { type filter hook output priority 0; }; add rule inet t o ct state invalid counter drop")
	ln, err := s.Listen("tcp", ":80")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	peer, err := far.listen(":7")
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	go echo(t, peer)
	for _, f := range families {
		conn, err := s.Dial("tcp", f.far+":7")
		if err != nil {
			t.Fatal(err)
		}
		exchange(t, conn, 1<<20)
	}
	if rules := near.run("nft", "list", "table", "inet", "t"); !strings.Contains(rules, "packets 0 ") {
		t.Errorf("of dialled connections something is invalid: %s", rules)
	}
	far.do(func() {
		if c, err := net.DialTimeout("tcp", near4+":80", 100*time.Millisecond); err == nil {
			c.Close()
			t.Error("an answer to others' connection is let through")
		}
	})
	eventually(t, "the answer is invalid", func() bool {
		return !strings.Contains(near.run("nft", "list", "table", "inet", "t"), "packets 0 ")
	})
}
