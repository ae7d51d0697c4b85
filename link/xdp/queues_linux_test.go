package xdp_test

import (
	"io"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/internal/linktest"
	"github.com/usernet-go/usernet/link/packet"
	"github.com/usernet-go/usernet/link/xdp"
	"github.com/usernet-go/usernet/wire"
)

// twoQueues returns hosts whose wire has two queues in each direction.
func twoQueues(t *testing.T) (host, peer *linktest.Namespace) {
	t.Helper()
	host, peer = twoHosts(t, 1500)
	for _, ns := range []*linktest.Namespace{host, peer} {
		var err error
		ns.Do(func() { _, err = run("ethtool -L " + dev + " rx 2 tx 2") })
		if err != nil {
			linktest.Skip(t, "a veth pair has as many queues as there are processors, and two are needed: "+err.Error())
		}
	}
	return host, peer
}

// Each queue has its socket, and flows come by all of them; where one has none, its
// frames come by the kernel's way. (A veth pair without XDP of its own has one.)
func TestQueues(t *testing.T) {
	for _, tt := range []struct {
		name   string
		queues []int
		want   int
	}{{"all", nil, 3}, {"one", []int{0}, 2}, {"the other", []int{1}, 2}} {
		t.Run(tt.name, func(t *testing.T) {
			host, peer := twoQueues(t)
			l := openLink(t, host, xdp.Config{Queues: tt.queues})
			if n := l.Info().Queues; n != tt.want {
				t.Fatalf("%d queues, want %d", n, tt.want)
			}
			counted := &counter{Link: l, batches: make([]atomic.Int64, tt.want)}
			s := attach(t, counted)
			bulk(t, s, peer, 1<<20)
			ln := listen(t, peer, "tcp", peer4)
			defer ln.Close()
			go echo(ln)
			for range 40 {
				conn, err := s.Dial("tcp", ln.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				go conn.Write([]byte("to and fro"))
				if _, err := io.ReadFull(conn, make([]byte, 10)); err != nil {
					t.Error(err)
				}
				conn.Close()
			}
			for queue := range counted.batches {
				if n := counted.batches[queue].Load(); n == 0 {
					t.Errorf("nothing comes by queue %d", queue)
				}
			}
			if st := l.Stats(); tt.queues != nil && st.Copied < 20 || tt.queues == nil && st.Copied > 100 {
				t.Errorf("Stats %+v", st)
			}
		})
	}
}

// A counter counts what the queues of a link deliver.
type counter struct {
	link.Link
	batches []atomic.Int64
}

func (c *counter) Receive(queue int, deliver func([]link.Packet)) error {
	return c.Link.Receive(queue, func(batch []link.Packet) {
		c.batches[queue].Add(1)
		deliver(batch)
	})
}

// What is to the link's address comes through shared memory, and copies of what is
// to groups and to all; what bears a tag of a VLAN, or is another station's, does
// not. The kernel has all but the first.
func TestOthersFrames(t *testing.T) {
	for _, mode := range modes {
		t.Run(mode.name, func(t *testing.T) {
			host, peer := twoHosts(t, 1500)
			l := openLink(t, host, xdp.Config{Generic: mode.generic})
			mac := l.Info().MAC
			kernel := frames(t, host, packet.Config{Interface: dev, InterfaceMAC: true})
			var come sync.Map
			for queue := range 2 {
				go l.Receive(queue, func(batch []link.Packet) {
					for _, p := range batch {
						if b := p.Data[0]; b[len(b)-1] == mark {
							come.Store(b[len(b)-2], queue)
						}
					}
				})
			}
			var wire0 *packet.Link
			peer.Do(func() {
				var err error
				if wire0, err = packet.Open(packet.Config{Interface: dev}); err != nil {
					t.Fatal(err)
				}
			})
			defer wire0.Close()
			group := wire.MAC{0x33, 0x33, 0, 0, 0, 1}
			other := mac
			other[5]++
			tag := []byte{0x81, 0, 0, 7, 0x88, 0xb5}
			double := []byte{0x88, 0xa8, 0, 7, 0x88, 0xb5}
			plain := []byte{0x88, 0xb5} // IEEE 802's for experiments
			for i, f := range []struct {
				to   wire.MAC
				typ  []byte
				kind string
			}{
				{mac, plain, "own"}, {other, plain, "other"}, {macOf(host), plain, "host"},
				{mac, tag, "tag"}, {mac, double, "double"}, {group, plain, "group"}, {wire.Broadcast, plain, "all"},
			} {
				b := append(slices.Concat(f.to[:], []byte{2, 0, 0, 0, 0, 9}, f.typ, make([]byte, 46)), byte(i), mark)
				if n, err := wire0.Send([]link.Packet{{Data: [][]byte{b}}}); n != 1 || err != nil {
					t.Fatalf("%s: Send = %d, %v", f.kind, n, err)
				}
			}
			waitFor(t, "the last one comes", func() bool { _, ok := come.Load(byte(6)); return ok })
			waitFor(t, "the link's own comes", func() bool { _, ok := come.Load(byte(0)); return ok })
			got := map[byte]int{}
			come.Range(func(k, v any) bool { got[k.(byte)] = v.(int); return true })
			if want := map[byte]int{0: 0, 5: 1, 6: 1}; !maps.Equal(got, want) {
				t.Errorf("frames come by the queues %v, want %v", got, want)
			}
			waitFor(t, "the kernel has what is its own", func() bool {
				_, host := kernel.Load(byte(2))
				_, group := kernel.Load(byte(5))
				_, all := kernel.Load(byte(6))
				return host && group && all
			})
			if _, ok := kernel.Load(byte(0)); ok {
				t.Error("the kernel has a frame of the link's")
			}
		})
	}
}

const mark = 0xa5 // at the end of the frames of a test

// frames collects what the kernel of a host receives.
func frames(t *testing.T, ns *linktest.Namespace, c packet.Config) *sync.Map {
	var come sync.Map
	ns.Do(func() {
		l, err := packet.Open(c)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go l.Receive(0, func(batch []link.Packet) {
			for _, p := range batch {
				if b := p.Data[0]; b[len(b)-1] == mark {
					come.Store(b[len(b)-2], true)
				}
			}
		})
	})
	return &come
}

// A Send and a kick allocate nothing.
func TestSendAllocatesNothing(t *testing.T) {
	host, peer := twoHosts(t, 1500)
	l := openLink(t, host, xdp.Config{})
	batch := []link.Packet{datagram(l, macOf(peer), 4), datagram(l, macOf(peer), 1400)}
	// The watch's reader may allocate beside us: take the best of some rounds.
	least := 1.0
	for range 10 {
		least = min(least, testing.AllocsPerRun(50, func() { l.Send(batch) }))
	}
	if least > 0 {
		t.Errorf("%v allocations in Send, want 0", least)
	}
}
