package packet_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link/internal/linktest"
	"github.com/usernet-go/usernet/link/packet"
)

const near4, near6 = "10.9.0.3", "fd09::3" // the stack's, on the host's interface

// openLink opens a link on the host's interface.
func openLink(t testing.TB, host *linktest.Namespace, cfg packet.Config) *packet.Link {
	t.Helper()
	cfg.Interface = dev
	var l *packet.Link
	host.Do(func() {
		var err error
		if l, err = packet.Open(cfg); err != nil {
			t.Fatal(err)
		}
	})
	t.Cleanup(func() { l.Close() })
	return l
}

// attach returns a stack on the link, with the near addresses.
func attach(t testing.TB, l *packet.Link) *usernet.Stack {
	t.Helper()
	s, err := usernet.New(usernet.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("closing the stack: %v", err)
		}
	})
	err = s.Attach(l, usernet.Interface{
		Name:  "eth0",
		Addrs: []netip.Prefix{netip.MustParsePrefix(near4 + "/24"), netip.MustParsePrefix(near6 + "/64")},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// payload returns n bytes, the same each time, and their sum.
func payload(n int) ([]byte, [32]byte) {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{}).Read(b)
	return b, sha256.Sum256(b)
}

// send dials, sends text, and waits until the other end has read it and closes.
func send(t testing.TB, conn net.Conn, err error, text []byte) {
	t.Helper()
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(60 * time.Second))
	if _, err := conn.Write(text); err != nil {
		t.Errorf("Write = %v", err)
	}
	conn.(interface{ CloseWrite() error }).CloseWrite()
	if n, err := io.Copy(io.Discard, conn); n != 0 || err != nil {
		t.Errorf("Copy = %d, %v", n, err)
	}
}

// sum accepts a connection and returns the sum of what comes.
func sum(t testing.TB, ln net.Listener) <-chan [32]byte {
	t.Helper()
	result := make(chan [32]byte, 1)
	go func() {
		h := sha256.New()
		defer func() { result <- [32]byte(h.Sum(nil)) }()
		conn, err := ln.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(60 * time.Second))
		if _, err := io.CopyBuffer(struct{ io.Writer }{h}, struct{ io.Reader }{conn}, make([]byte, 1<<18)); err != nil {
			t.Errorf("Copy = %v", err)
		}
	}()
	return result
}

// Bulk between the peer's kernel and a stack beside the host's kernel, in both
// directions, with offloads and without.
func TestBulk(t *testing.T) {
	size := 100 << 20
	if testing.Short() || race {
		size = 10 << 20
	}
	text, want := payload(size)
	for _, tt := range []struct {
		name    string
		mtu     int
		offload bool
		cfg     packet.Config
	}{
		{"MTU 1500", 1500, true, packet.Config{}},
		{"MTU 1500 without offload", 1500, false, packet.Config{}},
		{"MTU 9000", 9000, true, packet.Config{}},
		{"MTU 9000 without offload", 9000, false, packet.Config{}},
		{"the interface's MAC", 1500, true, packet.Config{InterfaceMAC: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			host, peer := twoHosts(t, tt.mtu)
			if !tt.offload {
				for _, ns := range []*linktest.Namespace{host, peer} {
					ns.Run("ethtool -K " + dev + " tso off gso off gro off sg off tx off rx off")
				}
			}
			l := openLink(t, host, tt.cfg)
			if i := l.Info(); i.MTU != tt.mtu || i.MaxSegment != 65535 || !i.ChecksumOffload || i.Queues != 1 {
				t.Errorf("Info %+v", i)
			}
			s := attach(t, l)
			for _, v := range []struct{ near, peer string }{{near4, peer4}, {near6, peer6}} {
				ln := listen(t, peer, "tcp", v.peer)
				got := sum(t, ln)
				conn, err := s.Dial("tcp", ln.Addr().String())
				send(t, conn, err, text)
				if <-got != want {
					t.Errorf("the kernel reads something else than %s sent", v.near)
				}
				ln.Close()

				ln, err = s.Listen("tcp", net.JoinHostPort(v.near, "7"))
				if err != nil {
					t.Fatal(err)
				}
				got = sum(t, ln)
				peer.Do(func() {
					conn, err := net.Dial("tcp", ln.Addr().String())
					send(t, conn, err, text)
				})
				if <-got != want {
					t.Errorf("%s reads something else than the kernel sent", v.near)
				}
				ln.Close()
			}
			t.Logf("%+v", l.Stats())
			neighbours := peer.Run("ip neighbour show dev " + dev)
			for _, a := range []string{near4, near6} {
				if want := fmt.Sprintf("%s lladdr %v", a, l.Info().MAC); !strings.Contains(neighbours, want) {
					t.Errorf("neighbours of the peer:\n%s, want %q", neighbours, want)
				}
			}
		})
	}
}
