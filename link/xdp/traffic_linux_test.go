package xdp_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link/internal/linktest"
	"github.com/usernet-go/usernet/link/xdp"
)

// bulk moves text between the peer's kernel and the stack, in both directions and
// families, and compares what arrives.
func bulk(t *testing.T, s *usernet.Stack, peer *linktest.Namespace, size int) {
	t.Helper()
	text, want := payload(size)
	for _, v := range []struct{ near, peer string }{{near4, peer4}, {near6, peer6}} {
		ln := listen(t, peer, "tcp", v.peer)
		got := sum(t, ln)
		conn, err := s.Dial("tcp", ln.Addr().String())
		send(t, conn, err, text)
		if <-got != want {
			t.Errorf("the kernel reads something else than %s sent", v.near)
		}
		ln.Close()

		ln, err = s.Listen("tcp", net.JoinHostPort(v.near, "7"))
		if err != nil {
			t.Fatal(err)
		}
		got = sum(t, ln)
		peer.Do(func() {
			conn, err := net.Dial("tcp", ln.Addr().String())
			send(t, conn, err, text)
		})
		if <-got != want {
			t.Errorf("%s reads something else than the kernel sent", v.near)
		}
		ln.Close()
	}
}

// Ping and bulk against the peer's kernel, by both modes and frame sizes. The host
// keeps its own network meanwhile.
func TestBulk(t *testing.T) {
	size := 20 << 20
	if testing.Short() || race {
		size = 4 << 20
	}
	for _, mtu := range []int{1500, 3498} {
		for _, mode := range modes {
			t.Run(fmt.Sprintf("MTU %d %s", mtu, mode.name), func(t *testing.T) {
				host, peer := twoHosts(t, mtu)
				l := openLink(t, host, xdp.Config{Generic: mode.generic})
				if m := l.Mode(); m.Native == mode.generic || m.ZeroCopy {
					t.Errorf("Mode %+v on a veth pair", m)
				}
				if i := l.Info(); i.MTU != mtu || i.MaxSegment != 0 || i.ChecksumOffload || i.Queues != 2 {
					t.Errorf("Info %+v", i)
				}
				s := attach(t, l)
				for _, address := range []string{near4, near6, host4, host6} {
					if out := peer.Run("ping -n -c 2 -i 0.01 -W 10 -s 4000 " + address); !strings.Contains(out, " 0% packet loss") {
						t.Errorf("ping: %s", out)
					}
				}
				bulk(t, s, peer, size)
				neighbours := peer.Run("ip neighbour show dev " + dev)
				for _, a := range []string{near4, near6} {
					if want := fmt.Sprintf("%s lladdr %v", a, l.Info().MAC); !strings.Contains(neighbours, want) {
						t.Errorf("neighbours of the peer:\n%s, want %q", neighbours, want)
					}
				}
				st := l.Stats()
				t.Logf("%+v", st)
				// What is not for groups comes through shared memory.
				if st.Redirected < uint64(2*size/mtu) || st.Copied > 100 || st.Unusable != 0 {
					t.Errorf("Stats %+v", st)
				}
			})
		}
	}
}

// A wire that loses 2 % both ways costs time, not bytes.
func TestLoss(t *testing.T) {
	for _, mode := range modes {
		t.Run(mode.name, func(t *testing.T) {
			host, peer := twoHosts(t, 1500)
			l := openLink(t, host, xdp.Config{Generic: mode.generic})
			s := attach(t, l)
			// The stack's frames pass by the host's queueing discipline: what the peer
			// drops as they come in stands for what the wire loses.
			peer.Run("nft add table netdev loss")
			peer.Run("nft add chain netdev loss in { type filter hook ingress device " + dev + " priority 0 ; }")
			peer.Run("nft add rule netdev loss in numgen random mod 50 == 0 drop")
			peer.Run("nft add chain netdev loss out { type filter hook egress device " + dev + " priority 0 ; }")
			peer.Run("nft add rule netdev loss out numgen random mod 50 == 0 drop")
			bulk(t, s, peer, 1<<20)
		})
	}
}

// Many connections at once, both ways, beside the host's own.
func TestManyConnections(t *testing.T) {
	const connections = 200
	host, peer := twoHosts(t, 1500)
	s := attach(t, openLink(t, host, xdp.Config{}))
	atPeer, atHost := listen(t, peer, "tcp", peer4), listen(t, host, "tcp", host4)
	near, err := s.Listen("tcp", near4+":7")
	if err != nil {
		t.Fatal(err)
	}
	for _, ln := range []net.Listener{atPeer, atHost, near} {
		defer ln.Close()
		go echo(ln)
	}
	text, _ := payload(20000)
	var all sync.WaitGroup
	exchange := func(conn net.Conn, err error) {
		if err != nil {
			t.Error(err)
			return
		}
		all.Go(func() {
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(60 * time.Second))
			go func() {
				conn.Write(text)
				conn.(interface{ CloseWrite() error }).CloseWrite()
			}()
			if got, err := io.ReadAll(conn); err != nil || !bytes.Equal(got, text) {
				t.Errorf("%d bytes come back, of %d: %v", len(got), len(text), err)
			}
		})
	}
	for range connections {
		exchange(s.Dial("tcp", atPeer.Addr().String()))
		peer.Do(func() {
			exchange(net.Dial("tcp", near.Addr().String()))
			exchange(net.Dial("tcp", atHost.Addr().String()))
		})
	}
	all.Wait()
}
