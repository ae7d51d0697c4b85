package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/pipe"
	"github.com/usernet-go/usernet/wire"
)

// limit bounds each wait of these tests.
const limit = 20 * time.Second

const (
	serverAddr = "10.9.0.1"
	serverPort = "10.9.0.1:7"
	serverNet  = "10.9.0.1/24"
	clientNet  = "10.9.0.2/24"
)

// joined returns two stacks with a wire between them; what the client sends
// passes through watch, unless that is nil.
func joined(t *testing.T, watch func(link.Link) link.Link) (server, client *usernet.Stack) {
	t.Helper()
	a, b := pipe.New(pipe.Config{})
	if watch != nil {
		b = watch(b)
	}
	return stackOn(t, a, serverNet), stackOn(t, b, clientNet)
}

func stackOn(t *testing.T, l link.Link, prefix string) *usernet.Stack {
	t.Helper()
	s, err := usernet.New(usernet.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if err := s.Attach(l, usernet.Interface{Addrs: []netip.Prefix{netip.MustParsePrefix(prefix)}}); err != nil {
		t.Fatal(err)
	}
	return s
}

// ready is a writer that says when something has been written.
type ready chan string

func (r ready) Write(b []byte) (int, error) {
	r <- string(b)
	return len(b), nil
}

// startServer runs serve until the end of the test, and returns once it listens.
func startServer(t *testing.T, s *usernet.Stack, serve func(context.Context, *usernet.Stack, string, io.Writer) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	context.AfterFunc(ctx, func() { s.Close() })
	said, ended := make(ready, 1), make(chan error, 1)
	go func() { ended <- serve(ctx, s, serverPort, said) }()
	select {
	case line := <-said:
		if !strings.HasPrefix(line, "listening on "+serverPort) {
			t.Errorf("the server says %q", line)
		}
	case err := <-ended:
		t.Fatal(err)
	case <-time.After(limit):
		t.Fatal("the server does not listen")
	}
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
}

func TestEchoTCP(t *testing.T) {
	server, client := joined(t, nil)
	startServer(t, server, serveTCP)
	in := strings.Repeat("every byte comes back\n", 20_000)
	var out bytes.Buffer
	d := dialed{in: strings.NewReader(in), out: &out}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	if err := d.overTCP(ctx, client, serverPort); err != nil {
		t.Fatal(err)
	}
	if out.String() != in {
		t.Errorf("%d bytes came back, not those %d that were sent", out.Len(), len(in))
	}
	if got, want := d.line(), fmt.Sprintf("%d bytes sent, %[1]d returned", len(in)); got != want {
		t.Errorf("progress %q, want %q", got, want)
	}
}

// After the peer's end, dial still sends what its input holds.
func TestEchoDialSendsAfterPeersEnd(t *testing.T) {
	server, client := joined(t, nil)
	ln, err := server.Listen("tcp", serverPort)
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 1)
	go func() {
		c, err := ln.Accept()
		if err != nil {
			got <- err.Error()
			return
		}
		c.(*usernet.TCPConn).CloseWrite()
		b, _ := io.ReadAll(c)
		c.Close()
		got <- string(b)
	}()
	in, feed := io.Pipe()
	ended := make(chan error, 1)
	d := dialed{in: in, out: io.Discard}
	go func() { ended <- d.overTCP(t.Context(), client, serverPort) }()
	feed.Write([]byte("first, "))
	time.Sleep(10 * time.Millisecond) // the peer's end may have come by now: the result is the same
	feed.Write([]byte("last"))
	feed.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if s := <-got; s != "first, last" {
		t.Errorf("the peer got %q", s)
	}
}

func TestEchoDialRefused(t *testing.T) {
	_, client := joined(t, nil)
	d := dialed{in: strings.NewReader("x"), out: io.Discard}
	err := d.overTCP(t.Context(), client, serverPort)
	if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("TCP: %v, want %v", err, syscall.ECONNREFUSED)
	}
	err = d.overUDP(t.Context(), client, serverPort)
	if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("UDP: %v, want %v", err, syscall.ECONNREFUSED)
	}
}

func TestEchoUDP(t *testing.T) {
	server, client := joined(t, nil)
	startServer(t, server, serveUDP)
	in := "a line\n\n" + strings.Repeat("long ", maxLine) + "\nno end"
	for range 3 * maxUnanswered {
		in += "\nanother"
	}
	var out bytes.Buffer
	d := dialed{in: strings.NewReader(in), out: &out}
	if err := d.overUDP(t.Context(), client, serverPort); err != nil {
		t.Fatal(err)
	}
	if out.String() != in {
		t.Errorf("%d bytes came back, not those %d that were sent", out.Len(), len(in))
	}
}

// Datagrams that are lost are counted, and do not hold up those after them.
func TestEchoUDPLoss(t *testing.T) {
	server, client := joined(t, func(l link.Link) link.Link {
		return link.Shape(l, link.ShapeConfig{Drop: func(p link.Packet) bool {
			q, ok := parsePacket(l.Info().Medium, &p)
			return ok && q.protocol == wire.ProtocolUDP && bytes.HasSuffix(slices.Concat(p.Data...), []byte("b\n"))
		}})
	})
	startServer(t, server, serveUDP)
	var out bytes.Buffer
	d := dialed{in: strings.NewReader("a\nb\nc\n"), out: &out}
	err := d.overUDP(t.Context(), client, serverPort)
	if err == nil || err.Error() != "1 of 3 datagrams did not come back within 1s" {
		t.Errorf("%v, want one of three lost", err)
	}
	if out.String() != "a\nc\n" {
		t.Errorf("%q came back", out.String())
	}
}

// Closing the stack ends a conversation that waits for its input.
func TestEchoDialInterrupted(t *testing.T) {
	server, client := joined(t, nil)
	startServer(t, server, serveTCP)
	in, feed := io.Pipe()
	defer feed.Close()
	out := make(ready, 1)
	d := dialed{in: in, out: out}
	ended := make(chan error, 1)
	go func() { ended <- d.overTCP(t.Context(), client, serverPort) }()
	feed.Write([]byte("hello"))
	if s := <-out; s != "hello" {
		t.Errorf("%q came back", s)
	}
	client.Close()
	select {
	case err := <-ended:
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("%v, want %v", err, net.ErrClosed)
		}
	case <-time.After(limit):
		t.Fatal("it goes on")
	}
}
