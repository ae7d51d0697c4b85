package rawip_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/rawip"
)

// What the kernel refuses to send is refused with its reason; the link lives on.
func TestKernelSendErrors(t *testing.T) {
	needKernel(t, "nft")
	near, _ := newHosts(t)
	l, err := near.open(rawip.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	near.run("nft", "add table inet out; add chain inet out o { type filter hook output priority 0; }; add rule inet out o tcp dport 99 drop")
	good := segment(near4, 1, far4, 7)
	big := append(segment(near4, 1, far4, 7), make([]byte, 1480)...)
	for _, c := range []struct {
		name   string
		packet []byte
		want   error
	}{
		{"no route", segment(near4, 1, "192.0.2.1", 7), syscall.ENETUNREACH},
		{"forbidden", segment(near4, 1, far4, 99), syscall.EPERM},
		{"foreign source", segment("fd07::77", 1, far6, 7), syscall.EINVAL},
		{"too big", big, syscall.EMSGSIZE},
	} {
		batch := []link.Packet{{Data: [][]byte{good}}, {Data: [][]byte{c.packet}}, {Data: [][]byte{good}}}
		if n, err := l.Send(batch); n != 1 || !errors.Is(err, c.want) {
			t.Errorf("%s: Send = %d, %v; want 1, %v", c.name, n, err, c.want)
		}
		if n, err := l.Send(batch[2:]); n != 1 || err != nil {
			t.Errorf("after %s: Send = %d, %v", c.name, n, err)
		}
	}
	var many []link.Packet
	for range 200 {
		many = append(many, link.Packet{Data: [][]byte{good[:20], good[20:]}})
	}
	if n, err := l.Send(many); n == 0 || err != nil {
		t.Errorf("Send of many = %d, %v", n, err)
	}
	l.Close()
	if n, err := l.Send(many); n != 0 || err != os.ErrClosed {
		t.Errorf("Send after Close = %d, %v", n, err)
	}
	if err := l.ReservePort(6, 80); !errors.Is(err, os.ErrClosed) {
		t.Errorf("ReservePort after Close: %v", err)
	}
	l.ReleasePort(6, 80)
}

// The interface is missing, goes down and comes back, and goes for good.
func TestKernelInterface(t *testing.T) {
	needKernel(t, "nft")
	near, far := newHosts(t)
	if _, err := near.open(rawip.Config{Interface: "nosuch"}); !errors.Is(err, syscall.ENODEV) || !strings.Contains(err.Error(), `"nosuch"`) {
		t.Errorf("missing interface: %v", err)
	}
	if table := near.run("nft", "list", "tables"); table != "" {
		t.Errorf("left behind: %s", table)
	}
	l, err := near.open(rawip.Config{Interface: device})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if got := fmt.Sprint(l.Addrs()); !strings.Contains(got, near4+"/24") || !strings.Contains(got, near6+"/64") || !strings.Contains(got, "fe80::") {
		t.Errorf("addresses %s", got)
	}
	arrived := make(chan bool, 1000)
	ended := make(chan error, 1)
	go func() {
		ended <- l.Receive(0, func(batch []link.Packet) {
			select {
			case arrived <- true:
			default:
			}
		})
	}()
	if err := l.ReservePort(6, 80); err != nil {
		t.Fatal(err)
	}
	receives := func(when string) {
		t.Helper()
		for deadline := time.Now().Add(patience); ; {
			far.sendTCP(far4, 7, near4, 80)
			select {
			case <-arrived:
				return
			case <-time.After(10 * time.Millisecond):
			}
			if time.Now().After(deadline) {
				t.Fatalf("nothing arrives %s", when)
			}
		}
	}
	receives("at first")
	near.run("ip", "link", "set", device, "down")
	if _, err := l.Send([]link.Packet{{Data: [][]byte{segment(near4, 80, far4, 7)}}}); err == nil {
		t.Error("Send on an interface that is down succeeds")
	}
	near.run("ip", "link", "set", device, "up")
	receives("after it went down and up")
	near.run("ip", "link", "delete", device)
	select {
	case err := <-ended:
		if !errors.Is(err, syscall.ENODEV) {
			t.Errorf("Receive ended with %v, want %v", err, syscall.ENODEV)
		}
	case <-time.After(patience):
		t.Error("Receive goes on without an interface")
	}
}
