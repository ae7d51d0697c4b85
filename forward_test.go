package usernet_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/pipe"
)

// newChain joins two hosts by one or two routers, over these wires. Wire number i has
// the networks 10.1.i.0/24 and fd01:i::/64. With a path the first wire is shaped.
func newChain(t testing.TB, wires []pipe.Config, path *link.Path) (a, b *usernet.Stack, routers []*usernet.Stack) {
	t.Helper()
	a, b = newStack(t, usernet.Config{}), newStack(t, usernet.Config{})
	nodes := []*usernet.Stack{a}
	for range wires[1:] {
		r := newStack(t, usernet.Config{Forwarding: true})
		nodes, routers = append(nodes, r), append(routers, r)
	}
	nodes = append(nodes, b)
	for i, wire := range wires {
		left, right := pipe.New(wire)
		if path != nil && i == 0 {
			left = link.Shape(left, link.ShapeConfig{Path: *path, Seed: 1})
			right = link.Shape(right, link.ShapeConfig{Path: *path, Seed: 2})
		}
		for side, l := range []link.Link{left, right} {
			address := func(n int) (v4, v6 netip.Addr) {
				return netip.MustParseAddr(fmt.Sprintf("10.1.%d.%d", i, n)), netip.MustParseAddr(fmt.Sprintf("fd01:%d::%d", i, n))
			}
			v4, v6 := address(1 + side)
			config := usernet.Interface{
				Name: fmt.Sprintf("wire%d", i), Addrs: []netip.Prefix{netip.PrefixFrom(v4, 24), netip.PrefixFrom(v6, 64)},
			}
			// The way on, for hosts and for the first and the last of two routers.
			if side == 0 && i < len(wires)-1 || side == 1 && i > 0 {
				g4, g6 := address(2 - side)
				config.Gateways = []netip.Addr{g4, g6}
			}
			if err := nodes[i+side].Attach(l, config); err != nil {
				t.Fatal(err)
			}
		}
	}
	return a, b, routers
}

// dialChain opens a connection from a to b, whose wire has the number last.
func dialChain(t testing.TB, a, b *usernet.Stack, network string, last int) (c, peer *usernet.TCPConn) {
	t.Helper()
	l, err := b.ListenTCP(network, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	to := fmt.Sprintf("10.1.%d.2", last)
	if network == "tcp6" {
		to = fmt.Sprintf("[fd01:%d::2]", last)
	}
	conn, err := a.DialContext(context.Background(), network, fmt.Sprintf("%s:%d", to, l.Addr().(interface{ AddrPort() netip.AddrPort }).AddrPort().Port()))
	if err != nil {
		t.Fatal(err)
	}
	if peer, err = l.AcceptTCP(); err != nil {
		t.Fatal(err)
	}
	return conn.(*usernet.TCPConn), peer
}

// TestForwardTCP sends bulk both ways at once through routers, over wires that differ
// in what they take, and with loss.
func TestForwardTCP(t *testing.T) {
	plain, gso := pipe.Config{MTU: 1500}, pipe.Config{MTU: 1500, GSO: true}
	loss := &link.Path{Delay: 10 * time.Millisecond, Loss: 0.01, Reorder: 0.01, ReorderDelay: 3 * time.Millisecond}
	for _, c := range []struct {
		name  string
		wires []pipe.Config
	}{
		{"segments", []pipe.Config{plain, plain}},
		{"GSO", []pipe.Config{gso, gso}},
		{"GSO on the first wire", []pipe.Config{gso, plain}},
		{"GSO on the last wire", []pipe.Config{plain, {Medium: link.IP, MTU: 1500, GSO: true}}},
		{"narrow middle", []pipe.Config{gso, {MTU: 1300}, plain}},
		{"narrow middle with GSO", []pipe.Config{gso, {MTU: 1300, GSO: true}, gso}},
		{"jumbo", []pipe.Config{{MTU: 9000}, {MTU: 1400, Medium: link.IP}, {MTU: 9000, GSO: true}}},
	} {
		for _, network := range []string{"tcp4", "tcp6"} {
			for _, path := range []*link.Path{nil, loss} {
				t.Run(fmt.Sprintf("%s/%s/loss %v", c.name, network, path != nil), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						a, b, routers := newChain(t, c.wires, path)
						near, far := dialChain(t, a, b, network, len(c.wires)-1)
						exchangeBulk(t, near, far, 1<<20)
						for _, r := range routers {
							if s := r.Stats(); s.Forwarded == 0 || s.Forwarded > s.PacketsOut {
								t.Errorf("%d packets forwarded, of %d sent", s.Forwarded, s.PacketsOut)
							}
						}
					})
				})
			}
		}
	}
}

// exchangeBulk sends size bytes in both directions at once, and closes the connection.
func exchangeBulk(t *testing.T, near, far *usernet.TCPConn, size int) {
	t.Helper()
	var wg sync.WaitGroup
	for i, from := range []*usernet.TCPConn{near, far} {
		to := []*usernet.TCPConn{far, near}[i]
		data := randomBytes(size + i)
		wg.Go(func() {
			if _, err := from.Write(data); err != nil {
				t.Error(err)
			}
			if err := from.CloseWrite(); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			h := sha256.New()
			n, err := io.Copy(h, to)
			if want := sha256.Sum256(data); err != nil || n != int64(len(data)) || [32]byte(h.Sum(nil)) != want {
				t.Errorf("%d bytes of %d arrived, %v; or they differ", n, len(data), err)
			}
		})
	}
	wg.Wait()
	near.Close()
	far.Close()
}

// BenchmarkForwardTCP is the throughput of a connection through one router.
func BenchmarkForwardTCP(b *testing.B) {
	for _, gso := range []bool{false, true} {
		b.Run(fmt.Sprintf("GSO %v", gso), func(b *testing.B) {
			wire := pipe.Config{MTU: 1500, GSO: gso}
			near, far, _ := newChain(b, []pipe.Config{wire, wire}, nil)
			c, peer := dialChain(b, near, far, "tcp4", 1)
			defer peer.Close()
			go func() {
				buf := make([]byte, 1<<16)
				for n := 0; n < b.N; n++ {
					if _, err := c.Write(buf); err != nil {
						return
					}
				}
				c.Close()
			}()
			b.SetBytes(1 << 16)
			b.ResetTimer()
			buf := make([]byte, 1<<18)
			for {
				if _, err := peer.Read(buf); err != nil {
					break
				}
			}
		})
	}
}
