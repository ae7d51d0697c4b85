package sim_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/sim"
)

// mixUp lets goroutines of one instant run in another order each time.
func mixUp() {
	for range rand.N(20) {
		runtime.Gosched()
	}
}

// dialSome returns connections of one host, made one after the other.
func dialSome(t *testing.T, h *sim.Host, network, address string) (conns []net.Conn) {
	t.Helper()
	for range 8 {
		c, err := h.Dial(network, address)
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
	}
	return conns
}

// swallow has h accept connections on port 80, and read from them.
func swallow(t *testing.T, h *sim.Host) {
	t.Helper()
	ln, err := h.Listen("tcp", ":80")
	if err != nil {
		t.Fatal(err)
	}
	go acceptEach(ln, func(c net.Conn) { io.Copy(io.Discard, c) })
}

// Deadlines that several goroutines set at one instant, each for a connection of its
// own, pass in the order of the connections.
func TestRepeatsDeadlines(t *testing.T) {
	for _, network := range []string{"tcp", "udp"} {
		t.Run(network, func(t *testing.T) {
			wantRepeats(t, 20, func(t *testing.T, w *sim.World) {
				client, server := w.Host("client"), w.Host("server")
				w.Connect(client, server, sim.Path{Delay: 10 * time.Millisecond})
				swallow(t, server)
				var all sync.WaitGroup
				for i, c := range dialSome(t, client, network, "server:80") {
					all.Go(func() {
						for range 10 {
							mixUp()
							c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
							if _, err := c.Read(make([]byte, 1)); err == nil {
								t.Error("nobody has sent anything")
							}
							fmt.Fprintf(c, "%*d", 10*i, i)
						}
					})
				}
				all.Wait()
				time.Sleep(time.Second)
			})
		})
	}
}

// So does the time that Close waits for the peer.
func TestRepeatsLinger(t *testing.T) {
	wantRepeats(t, 20, func(t *testing.T, w *sim.World) {
		client, server := w.Host("client"), w.Host("server")
		p := w.Connect(client, server, sim.Path{Delay: 10 * time.Millisecond})
		swallow(t, server)
		conns := dialSome(t, client, "tcp", "server:80")
		tell := dialSome(t, client, "udp", "server:53")
		time.Sleep(time.Second)
		p.Cut()
		var all sync.WaitGroup
		for i, c := range conns {
			all.Go(func() {
				mixUp()
				c.(*usernet.TCPConn).SetLinger(2)
				fmt.Fprint(c, "hello")
				mixUp()
				c.Close()
				fmt.Fprintf(tell[i], "%*d", 10*i, i)
			})
		}
		all.Wait()
	})
}

// Pings of several goroutines at one instant go out in the order of their identifiers.
func TestRepeatsPings(t *testing.T) {
	wantRepeats(t, 20, func(t *testing.T, w *sim.World) {
		client, server := w.Host("client"), w.Host("server")
		w.Connect(client, server, sim.Path{Delay: 10 * time.Millisecond, Rate: 10 * sim.Mbps, Loss: 0.05})
		var all sync.WaitGroup
		for i := range 6 {
			p, err := client.NewPinger(server.Addrs()[i%2])
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			all.Go(func() {
				for range 5 {
					mixUp()
					ctx, cancel := context.WithTimeout(context.Background(), time.Second)
					p.Ping(ctx, 100*i)
					cancel()
					time.Sleep(100 * time.Millisecond)
				}
			})
		}
		all.Wait()
	})
}

// A time-out of two intervals, set when a heartbeat arrives, and the heartbeat behind
// one that is lost are not at the same instant.
func TestRepeatsTimeout(t *testing.T) {
	const interval = 50 * time.Millisecond
	wantRepeats(t, 20, func(t *testing.T, w *sim.World) {
		a, b := w.Host("a"), w.Host("b")
		w.Connect(a, b, sim.Path{Delay: 10 * time.Millisecond, Loss: 0.3})
		hear, err := b.ListenPacket("udp", ":99")
		if err != nil {
			t.Fatal(err)
		}
		tell := dialSome(t, b, "udp", "a:77")[0]
		var mu sync.Mutex
		var last time.Time
		go func() {
			for {
				if _, _, err := hear.ReadFrom(make([]byte, 9)); err != nil {
					return
				}
				mu.Lock()
				last = time.Now()
				mu.Unlock()
				time.AfterFunc(2*interval, func() {
					mixUp()
					mu.Lock()
					defer mu.Unlock()
					if time.Since(last) >= 2*interval {
						fmt.Fprint(tell, "suspect")
					}
				})
			}
		}()
		c := dialSome(t, a, "udp", "b:99")[0]
		for range 200 {
			fmt.Fprint(c, "alive")
			time.Sleep(interval)
		}
		time.Sleep(3 * interval)
	})
}
