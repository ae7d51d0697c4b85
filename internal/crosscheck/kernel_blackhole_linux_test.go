package crosscheck

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/usernet-go/usernet"
)

// TestKernelBlackHole has a router between the ends that drops what is larger than
// 1280 bytes and says nothing: curl fetches from usernet's server, which must find
// out, and usernet's client from the kernel's, which does so too when told to.
func TestKernelBlackHole(t *testing.T) {
	t.Parallel()
	const size = 4 << 20
	for _, c := range []struct {
		d         device
		near, far string
		steps     int // black holes until segments fit
	}{
		{device{tap: true, mtu: 1500, single: true}, near4, far4, 1},
		{device{tap: true, mtu: 1500, single: true}, near6, far6, 1},
		{device{mtu: 9000, single: true}, near4, far4, 2},
	} {
		t.Run(fmt.Sprintf("%s MTU %d", c.near, c.d.mtu), func(t *testing.T) {
			t.Parallel()
			needKernel(t, "curl", "nft", "ethtool")
			p := newPath(t, pathConfig{mtu: c.d.mtu, single: true})
			p.swallow(1280)
			p.far.sysctl("net/ipv4/tcp_mtu_probing", "1")
			s := p.router.attach(t, c.d)
			get := func(w http.ResponseWriter, r *http.Request) {
				body, _ := payload(5, size)
				w.Header().Set("Content-Length", fmt.Sprint(size))
				io.Copy(w, body)
			}
			l, err := s.Listen("tcp", ":80")
			if err != nil {
				t.Fatal(err)
			}
			conns := make(chan *usernet.TCPConn, 2)
			serve(t, notingListener{l, conns}, get)
			var kernelListener net.Listener
			p.far.do(func() { kernelListener, err = net.Listen("tcp", ":80") })
			if err != nil {
				t.Fatal(err)
			}
			serve(t, kernelListener, get)

			// Each time one step more is known, unless something else is lost beside the probe
			// that would have shown it (RFC 4821, 7.6.4): with the machine busy, a device's
			// queue may be too short.
			known := 0
			for i := 0; known < c.steps+1 && i < c.steps+3; i++ {
				began := time.Now()
				got := newSink()
				cmd := p.far.command("curl", "-sSf", "http://"+hostPort(c.near, 80)+"/")
				cmd.Stdout = got
				start(t, cmd).wait()
				got.wantSame(t, "curl", size, payloadSum(5, size))
				info := (<-conns).Info()
				t.Logf("curl: %s, %d black holes, %d segments sent again, MSS %d", rate(size, began), info.BlackHoles, info.Resent, info.MSS)
				if again := known > 0 && info.BlackHoles == c.steps-known+1; !again && info.BlackHoles != c.steps-known || info.PathMSS == 0 || info.PathMSS > 1240 {
					t.Errorf("connection %d: %d black holes, want %d; path takes %d", i+1, info.BlackHoles, c.steps-known, info.PathMSS)
				} else if !again {
					known++
				}
			}
			if known != c.steps+1 {
				t.Errorf("after %d connections, which began with %d black holes, there are some still", c.steps+3, c.steps)
			}

			client := &http.Client{Transport: &http.Transport{DialContext: s.DialContext}, Timeout: patience}
			defer client.CloseIdleConnections()
			began := time.Now()
			resp, err := client.Get("http://" + hostPort(c.far, 80) + "/")
			if err != nil {
				t.Fatal(err)
			}
			got := newSink()
			if _, err := io.Copy(got, resp.Body); err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			got.wantSame(t, "our client", size, payloadSum(5, size))
			t.Logf("our client: %s", rate(size, began))
		})
	}
}

// TestKernelCommandGetBlackHole has the command fetch through the same router, from
// usernet beside a kernel.
func TestKernelCommandGetBlackHole(t *testing.T) {
	t.Parallel()
	needKernel(t, "go", "nft", "ethtool")
	exe := buildCommand(t)
	p := newPath(t, pathConfig{mtu: 1500, single: true})
	p.swallow(1280)
	host1 := p.newNeighbour(t)
	s, server4, server6 := p.far.attachBeside(t, "rawip", farPlace)
	l, err := s.Listen("tcp", ":80")
	if err != nil {
		t.Fatal(err)
	}
	const size = 4 << 20
	conns := make(chan *usernet.TCPConn, 2)
	serve(t, notingListener{l, conns}, func(w http.ResponseWriter, r *http.Request) {
		body, _ := payload(9, size)
		io.Copy(w, body)
	})
	for _, addr := range []string{server4, server6} {
		began := time.Now()
		got := newSink()
		cmd := host1.command(exe, append([]string{"get", "http://" + hostPort(addr, 80) + "/"}, nearFlags("packet")...)...)
		cmd.Stdout = got
		start(t, cmd).wait()
		got.wantSame(t, "get from "+addr, size, payloadSum(9, size))
		if info := (<-conns).Info(); info.BlackHoles == 0 {
			t.Errorf("get from %s: no black hole was found", addr)
		}
		t.Logf("get from %s: %s", addr, rate(size, began))
	}
}

// A notingListener passes on the connections that it accepts.
type notingListener struct {
	net.Listener
	conns chan *usernet.TCPConn
}

func (l notingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.conns <- c.(*usernet.TCPConn)
	}
	return c, err
}

// swallow drops packets of more than size bytes on their way through the router,
// without a word. There must be no super-segments: those are larger.
func (p *path) swallow(size int) {
	p.router.run("nft", "add table inet hole")
	p.router.run("nft", "add chain inet hole forward { type filter hook forward priority 0; }")
	p.router.run("nft", fmt.Sprintf("add rule inet hole forward meta length > %d drop", size))
}
