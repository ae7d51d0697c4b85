package crosscheck

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/usernet-go/usernet"
)

// besideKinds are the links that share a real interface with a kernel.
var besideKinds = []string{"packet", "rawip"}

// TestKernelBesideCurl has curl fetch from usernet and usernet fetch from a server
// of the kernel, through the router, with offloads on; several at once.
func TestKernelBesideCurl(t *testing.T) {
	t.Parallel()
	for _, kind := range besideKinds {
		t.Run(kind, func(t *testing.T) {
			needKernel(t, "curl", "tcpdump", "ethtool")
			p := newPath(t, pathConfig{mtu: 1500})
			host1 := p.newNeighbour(t)
			resets := p.router.watchResets(t, gateDev, near4, near6, beside4, beside6)
			s, near, near6 := host1.attachBeside(t, kind, nearPlace)
			l, err := s.Listen("tcp", ":80")
			if err != nil {
				t.Fatal(err)
			}
			serveBulk(t, l)
			var kernel net.Listener
			p.far.do(func() { kernel, err = net.Listen("tcp", ":80") })
			if err != nil {
				t.Fatal(err)
			}
			serveBulk(t, kernel)

			var wg sync.WaitGroup
			began := time.Now()
			for _, addr := range []string{near, near6, near, near6} {
				got := newSink()
				cmd := p.far.command("curl", "-sSf", "http://"+hostPort(addr, 80)+"/")
				cmd.Stdout = got
				curl := start(t, cmd)
				wg.Go(func() {
					<-curl.done
					if curl.err != nil {
						t.Errorf("curl from %s: %v\n%s", addr, curl.err, &curl.stderr)
					} else if n := got.count.Load(); n != bulk || string(got.sum.Sum(nil)) != string(payloadSum(3, bulk).Sum(nil)) {
						t.Errorf("curl from %s: %d bytes of %d, or not the same", addr, n, bulk)
					}
				})
			}
			wg.Wait()
			t.Logf("four times curl: %s", rate(4*bulk, began))

			client := &http.Client{Transport: &http.Transport{DialContext: s.DialContext}, Timeout: patience}
			defer client.CloseIdleConnections()
			for _, addr := range []string{far4, far6} {
				began = time.Now()
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
			if lines := resets(); len(lines) > 0 {
				t.Errorf("resets on the wire:\n%s", strings.Join(lines, ""))
			}
		})
	}
}

// TestKernelBesideItself has usernet at both ends, beside two kernels, over loss.
func TestKernelBesideItself(t *testing.T) {
	t.Parallel()
	needKernel(t, "nft", "ethtool", "tcpdump")
	p := newPath(t, pathConfig{mtu: 1500, single: true, percent: 1})
	host1 := p.newNeighbour(t)
	resets := p.router.watchResets(t, gateDev, near4, near6, beside4, beside6, far4, far6)
	a, _, _ := host1.attachBeside(t, "packet", nearPlace)
	b, b4, b6 := p.far.attachBeside(t, "rawip", farPlace)
	l, err := b.Listen("tcp", ":7")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go echoAll(l)
	for _, addr := range []string{b4, b6} {
		const n = 10 << 20
		began := time.Now()
		again := echoBulk(t, a, addr, n)
		t.Logf("to %s and back: %s, %d segments sent again", addr, rate(n, began), again)
		if again == 0 {
			t.Errorf("to %s: nothing was sent again, with %d packets lost", addr, p.lost(gateDev))
		}
	}
	if lines := resets(); len(lines) > 0 {
		t.Errorf("resets on the wire:\n%s", strings.Join(lines, ""))
	}
}

// echoBulk sends n bytes to an echo server, and wants them back. It returns how
// many segments were sent again.
func echoBulk(t *testing.T, s *usernet.Stack, addr string, n int64) int {
	t.Helper()
	conn, err := s.Dial("tcp", hostPort(addr, 7))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c := conn.(*usernet.TCPConn)
	c.SetDeadline(time.Now().Add(patience))
	body, sum := payload(8, n)
	sent := make(chan error, 1)
	go func() {
		_, err := io.Copy(c, body)
		sent <- errors.Join(err, c.CloseWrite())
	}()
	got := newSink()
	if _, err := io.Copy(got, c); err != nil {
		t.Fatalf("after %d bytes: %v", got.count.Load(), err)
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	got.wantSame(t, "to "+addr+" and back", n, sum)
	return c.Info().Resent
}

// TestKernelBesideClosed looks at what is not usernet's: the kernel's own ports on
// the same address work, and closed ones still answer with a reset.
func TestKernelBesideClosed(t *testing.T) {
	t.Parallel()
	for _, kind := range besideKinds {
		t.Run(kind, func(t *testing.T) {
			needKernel(t, "tcpdump")
			p := newPath(t, pathConfig{mtu: 1500})
			host1 := p.newNeighbour(t)
			resets := p.router.watchResets(t, gateDev, near4, near6, beside4, beside6)
			s, _, _ := host1.attachBeside(t, kind, nearPlace)
			ours, err := s.Listen("tcp", ":7")
			if err != nil {
				t.Fatal(err)
			}
			defer ours.Close()
			go echoAll(ours)
			var kernel net.Listener
			host1.do(func() { kernel, err = net.Listen("tcp", ":8") })
			if err != nil {
				t.Fatal(err)
			}
			defer kernel.Close()
			go echoAll(kernel)

			const closed = 9
			d := net.Dialer{Timeout: patience}
			for _, addr := range []string{near4, near6} {
				p.far.do(func() {
					c, err := d.Dial("tcp", hostPort(addr, 8))
					if err != nil {
						t.Errorf("the kernel's own port: %v", err)
						return
					}
					c.Close()
					if _, err := d.Dial("tcp", hostPort(addr, closed)); !errors.Is(err, syscall.ECONNREFUSED) {
						t.Errorf("a closed port of the kernel: %v, want ECONNREFUSED", err)
					}
				})
			}
			lines := resets()
			for _, line := range lines {
				if !strings.Contains(line, fmt.Sprintf(".%d > ", closed)) {
					t.Errorf("a reset that is not of the closed port: %s", line)
				}
			}
			if len(lines) != 2 {
				t.Errorf("%d resets on the wire, want one for each connection to the closed port: %s", len(lines), strings.Join(lines, ""))
			}
		})
	}
}

// TestKernelBesideKilled kills the command with SIGKILL while it serves: no rule
// stays in the kernel, and the port is the kernel's again.
func TestKernelBesideKilled(t *testing.T) {
	t.Parallel()
	needKernel(t, "go", "nft")
	exe := buildCommand(t)
	p := newPath(t, pathConfig{mtu: 1500})
	host1 := p.newNeighbour(t)
	server := start(t, host1.command(exe, "echo", "serve", ":7", "--link", "rawip:"+nearDev))
	waitUntil(t, "the command listens", func() bool {
		select {
		case <-server.done:
			t.Fatalf("it ended: %v\n%s", server.err, &server.stderr)
		default:
		}
		return strings.Contains(server.stderr.String(), "listening on")
	})
	if rules := host1.run("nft", "list", "ruleset"); !strings.Contains(rules, "usernet") {
		t.Fatalf("no rule while the command serves:\n%s", rules)
	}
	host1.do(func() {
		if _, err := net.Listen("tcp", ":7"); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("another program listens at our port: %v, want EADDRINUSE", err)
		}
	})
	if err := server.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-server.done
	waitUntil(t, "the kernel has removed the rules", func() bool {
		return strings.TrimSpace(host1.run("nft", "list", "ruleset")) == ""
	})
	host1.do(func() {
		l, err := net.Listen("tcp", ":7")
		if err != nil {
			t.Errorf("the port of the killed program: %v", err)
			return
		}
		l.Close()
	})
	p.far.do(func() {
		if _, err := net.DialTimeout("tcp", hostPort(near4, 7), patience); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("the port of the killed program: %v, want ECONNREFUSED", err)
		}
	})
}

// TestKernelBesidePing asks an address that usernet has beside the kernel with the
// programs by which people ask whether a host is there.
func TestKernelBesidePing(t *testing.T) {
	t.Parallel()
	needKernel(t, "ping", "arping", "traceroute")
	p := newPath(t, pathConfig{mtu: 1500})
	host1 := p.newNeighbour(t)
	host1.attachBeside(t, "packet", nearPlace)
	for _, addr := range []string{beside4, beside6} {
		for _, size := range []string{"56", "4000"} {
			p.far.pings(3, "-i", "0.2", "-W", "5", "-s", size, addr)
		}
		args := []string{"-n", "-q", "1", "-w", "5", addr}
		if addr == beside6 {
			args = append([]string{"-6"}, args...)
		}
		out := p.far.run("traceroute", args...)
		router := farGate4
		if addr == beside6 {
			router = farGate6
		}
		if lines := strings.Split(strings.TrimSpace(out), "\n"); len(lines) != 3 ||
			!strings.Contains(lines[1], router+" ") || !strings.Contains(lines[2], addr+" ") {
			t.Errorf("traceroute, want %s and then %s: %s", router, addr, out)
		}
	}
	out := p.router.run("arping", "-c", "2", "-w", "5", "-I", gateDev, beside4)
	if !strings.Contains(strings.ToLower(out), "reply from "+beside4) && !strings.Contains(out, "bytes from") {
		t.Errorf("arping: %s", out)
	}
}

// TestKernelNmap has nmap look at usernet on an address of its own, and on the
// kernel's: an ordinary host, with open, closed and filtered ports as they should be.
func TestKernelNmap(t *testing.T) {
	t.Parallel()
	for _, kind := range besideKinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			needKernel(t, "nmap", "nft")
			p := newPath(t, pathConfig{mtu: 1500})
			host1 := p.newNeighbour(t)
			s, addr, _ := host1.attachBeside(t, kind, nearPlace)
			l, err := s.Listen("tcp", ":7")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go echoAll(l)
			const filtered = 9
			p.router.run("nft", "add table inet firewall")
			p.router.run("nft", "add chain inet firewall forward { type filter hook forward priority 0; }")
			p.router.run("nft", fmt.Sprintf("add rule inet firewall forward tcp dport %d drop", filtered))

			out := p.far.run("nmap", "-n", "-Pn", "-sS", "-O", "-p", "7,8,9", "-oX", "-", addr)
			var result struct {
				Ports []struct {
					ID    int `xml:"portid,attr"`
					State struct {
						State  string `xml:"state,attr"`
						Reason string `xml:"reason,attr"`
					} `xml:"state"`
				} `xml:"host>ports>port"`
			}
			if err := xml.Unmarshal([]byte(out), &result); err != nil {
				t.Fatalf("%v in %s", err, out)
			}
			got := ""
			for _, p := range result.Ports {
				got += fmt.Sprintf("%d %s %s\n", p.ID, p.State.State, p.State.Reason)
			}
			if want := "7 open syn-ack\n8 closed reset\n9 filtered no-response\n"; got != want {
				t.Errorf("nmap sees\n%swant\n%s", got, want)
			}
			// The probes of -O are crooked segments of every kind; the server lives on.
			p.far.do(func() {
				c, err := net.DialTimeout("tcp", hostPort(addr, 7), patience)
				if err != nil {
					t.Error(err)
					return
				}
				c.Close()
			})
		})
	}
}
