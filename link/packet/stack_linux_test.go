package packet_test

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/usernet-go/usernet/link/internal/linktest"
	"github.com/usernet-go/usernet/link/packet"
)

// Bulk between the peer's kernel and a stack beside the host's kernel, in both
// directions, with offloads and without.
func TestBulk(t *testing.T) {
	size := 100 << 20
	if testing.Short() || race {
		size = 10 << 20
	}
	text, want := payload(size)
	for _, tt := range []struct {
		name    string
		mtu     int
		offload bool
		cfg     packet.Config
	}{
		{"MTU 1500", 1500, true, packet.Config{}},
		{"MTU 1500 without offload", 1500, false, packet.Config{}},
		{"MTU 9000", 9000, true, packet.Config{}},
		{"MTU 9000 without offload", 9000, false, packet.Config{}},
		{"the interface's MAC", 1500, true, packet.Config{InterfaceMAC: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			host, peer := twoHosts(t, tt.mtu)
			if !tt.offload {
				for _, ns := range []*linktest.Namespace{host, peer} {
					ns.Run("ethtool -K " + dev + " tso off gso off gro off sg off tx off rx off")
				}
			}
			l := openLink(t, host, tt.cfg)
			if i := l.Info(); i.MTU != tt.mtu || i.MaxSegment != 65535 || !i.ChecksumOffload || i.Queues != 1 {
				t.Errorf("Info %+v", i)
			}
			s := attach(t, l)
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
			t.Logf("%+v", l.Stats())
			neighbours := peer.Run("ip neighbour show dev " + dev)
			for _, a := range []string{near4, near6} {
				if want := fmt.Sprintf("%s lladdr %v", a, l.Info().MAC); !strings.Contains(neighbours, want) {
					t.Errorf("neighbours of the peer:\n%s, want %q", neighbours, want)
				}
			}
		})
	}
}
