package rawip_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/usernet-go/usernet/link/rawip"
)

var families = []struct{ name, near, far string }{
	{"IPv4", near4, far4},
	{"IPv6", "[" + near6 + "]", "[" + far6 + "]"},
}

// payload is size bytes, and their sum.
func payload(size int) ([]byte, [32]byte) {
	b := make([]byte, size)
	rng := rand.NewChaCha8([32]byte{byte(size)})
	rng.Read(b)
	return b, sha256.Sum256(b)
}

// echo serves connections: what comes goes back, until the peer's FIN.
func echo(t testing.TB, ln net.Listener) {
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		go copyBack(t, c)
	}
}

func copyBack(t testing.TB, c net.Conn) {
	defer c.Close()
	if _, err := io.Copy(c, c); err != nil {
		t.Error(err)
	}
}

// exchange sends size bytes to an echo server, and checks what comes back.
func exchange(t testing.TB, c net.Conn, size int) {
	t.Helper()
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	b, want := payload(size)
	sent := make(chan error, 1)
	go func() {
		_, err := c.Write(b)
		if err == nil {
			err = c.(interface{ CloseWrite() error }).CloseWrite()
		}
		sent <- err
	}()
	h := sha256.New()
	n, err := io.Copy(h, c)
	if err != nil || n != int64(size) || !bytes.Equal(h.Sum(nil), want[:]) {
		t.Errorf("%d bytes came back of %d, %v; or other ones", n, size, err)
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
}

// listen and dial are those of the namespace's kernel.
func (ns *netns) listen(addr string) (ln net.Listener, err error) {
	ns.do(func() { ln, err = net.Listen("tcp", addr) })
	return ln, err
}

func (ns *netns) dial(addr string) (c net.Conn, err error) {
	ns.do(func() { c, err = net.DialTimeout("tcp", addr, patience) })
	return c, err
}

// The kernel's client reaches a server here and the other way round, and no reset
// is seen; a closed port that is not ours answers with one.
func TestKernelBothWays(t *testing.T) {
	needKernel(t)
	for _, c := range []rawip.Config{{}, {Interface: device}} {
		near, far := newHosts(t)
		s, l := near.stack(c)
		resets := far.resets()
		theirs := near.resets()
		for _, f := range families {
			ln, err := s.Listen("tcp", f.near+":80")
			if err != nil {
				t.Fatal(err)
			}
			go echo(t, ln)
			for range 3 {
				conn, err := far.dial(f.near + ":80")
				if err != nil {
					t.Fatalf("%s: %v", f.name, err)
				}
				exchange(t, conn, 3<<20)
			}
			ln.Close()

			peer, err := far.listen(f.far + ":7")
			if err != nil {
				t.Fatal(err)
			}
			go echo(t, peer)
			for range 3 {
				conn, err := s.Dial("tcp", f.far+":7")
				if err != nil {
					t.Fatalf("%s: %v", f.name, err)
				}
				exchange(t, conn, 3<<20)
			}
			peer.Close()
			if n := resets.Load(); n != 0 {
				t.Errorf("%s: %d resets by the kernel beside us, want none", f.name, n)
			}
			// The other one resets our last acknowledgment when it comes twice.
			if n, again := theirs.Load(), far.resent(); n > again {
				t.Errorf("%s: %d resets by the other kernel, which has sent %d segments again", f.name, n, again)
			}
			if _, err := far.dial(f.near + ":81"); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("%s: a closed port of the host: %v, want %v", f.name, err, syscall.ECONNREFUSED)
			}
			eventually(t, "the closed port's reset is seen", func() bool { return resets.Load() > 0 })
			if n := resets.Swap(0); n != 1 {
				t.Errorf("%s: %d resets from a closed port, want 1", f.name, n)
			}
		}
		t.Logf("%+v", l.Stats())
	}
}

// What a link leaves while it is open and afterwards.
func TestKernelTable(t *testing.T) {
	needKernel(t, "nft")
	near, _ := newHosts(t)
	l, err := near.open(rawip.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.ReservePort(6, 80); err != nil {
		t.Fatal(err)
	}
	if err := l.ReservePort(17, 53); err != nil {
		t.Fatal(err)
	}
	table := near.run("nft", "list", "ruleset")
	for _, want := range []string{"flags owner", "elements = { 80 }", "elements = { 53 }", "hook input", `iif != "lo"`, "drop"} {
		if !strings.Contains(table, want) {
			t.Errorf("the table has no %q:\n%s", want, table)
		}
	}
	t.Log(table)
	l.ReleasePort(6, 80)
	if table := near.run("nft", "list", "ruleset"); strings.Contains(table, "80 }") || !strings.Contains(table, "53 }") {
		t.Errorf("after the release of TCP port 80:\n%s", table)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if table := near.run("nft", "list", "ruleset"); table != "" {
		t.Errorf("after Close:\n%s", table)
	}
}
