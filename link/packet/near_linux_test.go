package packet_test

import (
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
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
	return attachAs(t, l, near4+"/24", near6+"/64")
}

// attachAs returns a stack on the link, with such addresses.
func attachAs(t testing.TB, l *packet.Link, v4, v6 string) *usernet.Stack {
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
		Addrs: []netip.Prefix{netip.MustParsePrefix(v4), netip.MustParsePrefix(v6)},
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
