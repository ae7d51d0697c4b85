//go:build !race

// Under the race detector these take long, and have no race to find.

package usernet_test

import (
	"context"
	"errors"
	"net"
	"syscall"
	"testing"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link/pipe"
)

// With all 32768 ephemeral ports taken, dialling the same address fails as in
// the kernel, and dialling another one goes on.
func TestEphemeralPortsRunOut(t *testing.T) {
	const ports = 32768
	a, b := newPair(t, usernet.Config{}, pipe.Config{GSO: true})
	lc := usernet.ListenConfig{Stack: b, Backlog: ports + 1}
	l, err := lc.Listen(context.Background(), "tcp", ":7")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	seen := make(map[int]bool)
	for range ports {
		c, err := a.Dial("tcp", "10.0.0.2:7")
		if err != nil {
			t.Fatalf("after %d: %v", len(seen), err)
		}
		seen[c.LocalAddr().(*net.TCPAddr).Port] = true
	}
	if len(seen) != ports {
		t.Errorf("%d different ports", len(seen))
	}
	_, err = a.Dial("tcp", "10.0.0.2:7")
	if !errors.Is(err, syscall.EADDRNOTAVAIL) || err.Error() != "dial tcp 10.0.0.2:7: connect: cannot assign requested address" {
		t.Errorf("one more: %v", err)
	}
	c, err := a.Dial("tcp", "[fd00::2]:7")
	if err != nil {
		t.Errorf("another address: %v", err)
	} else {
		c.Close()
	}
}

// A listener that finds no port says what the kernel says.
func TestNoPortToListenAt(t *testing.T) {
	s := newStack(t, usernet.Config{})
	var err error
	n := 0
	for ; err == nil && n < 70000; n++ {
		_, err = s.Listen("tcp", "127.0.0.1:0")
	}
	if !errors.Is(err, syscall.EADDRINUSE) || n != 32769 {
		t.Errorf("listener %d: %v", n, err)
	}
}
