package usernet_test

import (
	"io"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/pipe"
)

// ourGoroutines returns the stacks of the goroutines that run code of this
// module, apart from the test's own.
func ourGoroutines() []string {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	var ours []string
	for i, g := range strings.Split(string(buf), "\n\n") {
		if i > 0 && strings.Contains(g, "usernet-go/usernet") && !strings.Contains(g, "testing.tRunner") {
			ours = append(ours, g)
		}
	}
	return ours
}

// Close leaves no goroutine, whatever was going on.
func TestCloseLeavesNoGoroutine(t *testing.T) {
	before := ourGoroutines()
	a, b := newPair(t, usernet.Config{}, pipe.Config{})
	near, far := pipe.New(pipe.Config{})
	far.Close()
	shaped := link.Shape(near, link.ShapeConfig{Path: link.Path{Delay: time.Second}})
	if err := a.Attach(shaped, usernet.Interface{}); err != nil {
		t.Fatal(err)
	}
	var done []chan struct{}
	blocked := func(f func()) {
		ch := make(chan struct{})
		done = append(done, ch)
		go func() { defer close(ch); f() }()
	}
	for range 20 {
		c, peer := connect(t, a, b)
		c.SetDeadline(time.Now().Add(time.Hour))
		blocked(func() { c.Read(make([]byte, 1)) })
		blocked(func() { peer.Write(make([]byte, 64<<20)) })
		half, _ := connect(t, a, b)
		half.CloseWrite()
		closed, _ := connect(t, b, b)
		closed.Close()
	}
	l, err := b.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	blocked(func() { l.Accept() })
	blocked(func() { a.Dial("tcp", "10.0.0.99:7") })
	p, err := b.ListenPacket("udp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	blocked(func() { p.ReadFrom(make([]byte, 1)) })
	u, err := a.Dial("udp", net.JoinHostPort("10.0.0.2", port(p.LocalAddr())))
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(u, "x")
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	for _, ch := range done {
		<-ch
	}
	// A goroutine that has said that it is done may need a moment to be gone.
	left := ourGoroutines()
	for deadline := time.Now().Add(30 * time.Second); len(left) > len(before) && time.Now().Before(deadline); left = ourGoroutines() {
		time.Sleep(time.Millisecond)
	}
	if len(left) <= len(before) {
		return
	}
	t.Errorf("%d goroutines before, %d after:\n%s", len(before), len(left), strings.Join(left, "\n\n"))
}

// closeCounter counts how often the stack closes its link.
type closeCounter struct {
	link.Link
	n atomic.Int32
}

func (c *closeCounter) Close() error {
	c.n.Add(1)
	return c.Link.Close()
}

// Close closes each link, and with it its descriptors, once.
func TestCloseClosesTheLinks(t *testing.T) {
	s := newStack(t, usernet.Config{})
	var links []*closeCounter
	for i := range 3 {
		near, _ := pipe.New(pipe.Config{})
		links = append(links, &closeCounter{Link: near})
		if err := s.Attach(links[i], usernet.Interface{}); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	s.Close()
	for i, l := range links {
		if n := l.n.Load(); n != 1 {
			t.Errorf("link %d was closed %d times", i, n)
		}
	}
}
