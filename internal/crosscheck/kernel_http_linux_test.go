package crosscheck

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usernet-go/usernet"
)

// TestKernelCurl serves HTTP over usernet to the kernel's curl, and fetches over
// usernet what a server on the kernel's TCP has: bulk each way, each family.
func TestKernelCurl(t *testing.T) {
	needKernel(t, "curl")
	host := newNetns(t)
	s := host.attach(t, device{tap: true, mtu: 1500})
	l, err := s.Listen("tcp", ":80")
	if err != nil {
		t.Fatal(err)
	}
	serveBulk(t, l)
	var kernelListener net.Listener
	host.do(func() { kernelListener, err = net.Listen("tcp", ":80") })
	if err != nil {
		t.Fatal(err)
	}
	serveBulk(t, kernelListener)

	for _, addr := range []string{near4, near6} {
		began := time.Now()
		got := newSink()
		cmd := host.command("curl", "-sSf", "http://"+hostPort(addr, 80)+"/")
		cmd.Stdout = got
		start(t, cmd).wait()
		got.wantSame(t, "curl from "+addr, bulk, payloadSum(3, bulk))
		t.Logf("curl from %s: %s", addr, rate(bulk, began))

		began = time.Now()
		body, sum := payload(4, bulk)
		cmd = host.command("curl", "-sSf", "-T", "-", "http://"+hostPort(addr, 80)+"/")
		cmd.Stdin = body
		var answer lockedBuffer
		cmd.Stdout = &answer
		start(t, cmd).wait()
		if want := fmt.Sprintf("%d bytes, SHA-256 %x\n", bulk, sum.Sum(nil)); answer.String() != want {
			t.Errorf("curl to %s: the server got %swant %s", addr, &answer, want)
		}
		t.Logf("curl to %s: %s", addr, rate(bulk, began))
	}

	client := &http.Client{Transport: &http.Transport{DialContext: s.DialContext}, Timeout: patience}
	defer client.CloseIdleConnections()
	for _, addr := range []string{gate4, gate6} {
		began := time.Now()
		resp, err := client.Get("http://" + hostPort(addr, 80) + "/")
		if err != nil {
			t.Fatal(err)
		}
		got := newSink()
		if _, err := io.Copy(got, resp.Body); err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		got.wantSame(t, "our client from "+addr, bulk, payloadSum(3, bulk))
		t.Logf("our client from %s: %s", addr, rate(bulk, began))
	}
}

// serveBulk answers a GET with bulk, and a PUT with the SHA-256 of what it got.
func serveBulk(t *testing.T, l net.Listener) {
	serve(t, l, func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodGet:
			body, _ := payload(3, bulk)
			w.Header().Set("Content-Length", fmt.Sprint(bulk))
			io.Copy(w, body)
		case http.MethodPut:
			got := newSink()
			if _, err := io.Copy(got, r.Body); err != nil {
				t.Errorf("after %d bytes: %v", got.count.Load(), err)
			}
			fmt.Fprintf(w, "%d bytes, SHA-256 %x\n", got.count.Load(), got.sum.Sum(nil))
		}
	})
}

// serve runs an HTTP server on l until the end of the test.
func serve(t *testing.T, l net.Listener, f http.HandlerFunc) {
	server := &http.Server{Handler: f}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	t.Cleanup(func() {
		server.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("the server ended: %v", err)
		}
	})
}

const crowd = 100 // connections at once

// A barrier lets nobody pass until all of a crowd have come.
type barrier struct {
	come atomic.Int32
	full chan struct{}
}

func newBarrier() *barrier { return &barrier{full: make(chan struct{})} }

func (b *barrier) wait(ctx context.Context) error {
	if b.come.Add(1) == crowd {
		close(b.full)
	}
	select {
	case <-b.full:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("only %d of %d came", b.come.Load(), crowd)
	}
}

// TestKernelCrowdIn has curl hold 100 connections to us at once: no request is
// answered before the last has come.
func TestKernelCrowdIn(t *testing.T) {
	needKernel(t, "curl")
	host := newNetns(t)
	s := host.attach(t, device{mtu: 1500})
	l, err := s.Listen("tcp", ":80")
	if err != nil {
		t.Fatal(err)
	}
	all := newBarrier()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	serve(t, l, func(w http.ResponseWriter, r *http.Request) {
		if err := all.wait(ctx); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprint(w, strings.Repeat(r.URL.Path, 10000))
	})
	dir := t.TempDir()
	host.run("curl", "-sSf", "--parallel", "--parallel-immediate", "--parallel-max", fmt.Sprint(crowd),
		"-o", filepath.Join(dir, "#1"), fmt.Sprintf("http://%s/[1-%d]", near4, crowd))
	for i := 1; i <= crowd; i++ {
		b, err := os.ReadFile(filepath.Join(dir, fmt.Sprint(i)))
		if want := strings.Repeat(fmt.Sprintf("/%d", i), 10000); err != nil || string(b) != want {
			t.Errorf("answer %d: %d bytes, %v: want %d", i, len(b), err, len(want))
		}
	}
}

// TestKernelCrowdOut dials the kernel 100 times at once, and exchanges bytes on
// each connection when all stand.
func TestKernelCrowdOut(t *testing.T) {
	needKernel(t)
	host := newNetns(t)
	s := host.attach(t, device{tap: true, mtu: 1500})
	var l net.Listener
	var err error
	host.do(func() { l, err = net.Listen("tcp", hostPort(gate6, 7)) })
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go echoAll(l)

	all := newBarrier()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var wg sync.WaitGroup
	for i := range crowd {
		wg.Go(func() {
			if err := echoOnce(ctx, s, all, byte(i)); err != nil {
				t.Errorf("connection %d: %v", i, err)
			}
		})
	}
	wg.Wait()
}

// echoOnce dials, waits for the crowd, and wants back what it sends.
func echoOnce(ctx context.Context, s *usernet.Stack, all *barrier, seed byte) error {
	c, err := s.DialContext(ctx, "tcp", hostPort(gate6, 7))
	if err != nil {
		return err
	}
	defer c.Close()
	if err := all.wait(ctx); err != nil {
		return err
	}
	c.SetDeadline(time.Now().Add(patience))
	const n = 64 << 10
	body, sum := payload(seed, n)
	sent := make(chan error, 1)
	go func() {
		_, err := io.Copy(c, body)
		sent <- errors.Join(err, c.(*usernet.TCPConn).CloseWrite())
	}()
	got := newSink()
	if _, err := io.Copy(got, c); err != nil {
		return err
	}
	if err := <-sent; err != nil {
		return err
	}
	if string(got.sum.Sum(nil)) != string(sum.Sum(nil)) {
		return fmt.Errorf("%d bytes came back, and not those", got.count.Load())
	}
	return nil
}

// echoAll sends back what comes, on every connection, until l is closed.
func echoAll(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			io.Copy(c, c)
		}()
	}
}
