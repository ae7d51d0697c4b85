package usernet_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"testing"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link/pipe"
)

// Whatever prints a connection, or what it belongs to, reads nothing that its stack is
// changing meanwhile: here the race detector looks on.
func TestPrintWhileBusy(t *testing.T) {
	a, b := newPair(t, usernet.Config{}, pipe.Config{MTU: 1500})
	c, peer := connect(t, a, b)
	l, err := b.ListenTCP("tcp", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	u, err := b.ListenUDP("udp", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	p, err := a.NewPinger(addr("10.0.0.2"))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()

	done := make(chan struct{})
	go func() {
		defer close(done)
		io.Copy(io.Discard, peer)
	}()
	go func() {
		defer c.CloseWrite()
		for range 100 {
			c.Write(make([]byte, 10_000))
			if d, err := a.Dial("udp", net.JoinHostPort("10.0.0.2", port(u.LocalAddr()))); err == nil {
				d.Close()
			}
			a.Resolver().LookupHost(t.Context(), "localhost")
		}
	}()
	text := slog.New(slog.NewTextHandler(io.Discard, nil))
	json := slog.New(slog.NewJSONHandler(io.Discard, nil))
	for busy := true; busy; {
		select {
		case <-done:
			busy = false
		default:
		}
		for _, x := range []any{c, peer, l, u, p, a, b} {
			for _, verb := range []string{"%v", "%+v", "%#v"} {
				fmt.Fprintf(io.Discard, verb, x)
			}
			if _, ok := x.(fmt.Formatter); ok {
				fmt.Fprintf(io.Discard, "%s %d", x, x)
			}
			text.Info("x", "it", x)
			json.Info("x", "it", x)
		}
	}

	d, err := a.Dial("udp", net.JoinHostPort("10.0.0.2", port(u.LocalAddr())))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	want := fmt.Sprintf("TCPConn(%v->%v)", c.LocalAddr(), c.RemoteAddr())
	for _, x := range []struct {
		any
		want string
	}{
		{c, want},
		{l, fmt.Sprintf("TCPListener(%v)", l.Addr())},
		{u, fmt.Sprintf("UDPConn(%v)", u.LocalAddr())},
		{d, fmt.Sprintf("UDPConn(%v->%v)", d.LocalAddr(), d.RemoteAddr())},
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x"} {
			if got := fmt.Sprintf(verb, x.any); got != x.want {
				t.Errorf("%s: %.100s, want %s", verb, got, x.want)
			}
		}
	}
	var heard bytes.Buffer
	slog.New(slog.NewTextHandler(&heard, nil)).Info("x", "conn", c)
	if !bytes.Contains(heard.Bytes(), []byte("conn="+want)) {
		t.Errorf("slog wrote %.200s, want %s", heard.Bytes(), want)
	}
	var none *usernet.TCPConn
	if got := fmt.Sprint(none); got != "<nil>" {
		t.Errorf("a nil connection is %s", got)
	}
}
