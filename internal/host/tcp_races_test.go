package host

import (
	"errors"
	"io"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/pipe"
	"github.com/usernet-go/usernet/tcp"
	"github.com/usernet-go/usernet/wire"
)

// A hookedLink calls onSend before each batch.
type hookedLink struct {
	link.Link
	onSend atomic.Pointer[func()]
}

func (l *hookedLink) Send(batch []link.Packet) (int, error) {
	if f := l.onSend.Load(); f != nil {
		(*f)()
	}
	return l.Link.Send(batch)
}

// hookedPair is newPair with a hook on what a sends.
func hookedPair(t *testing.T) (a, b *Host, l *hookedLink) {
	t.Helper()
	la, lb := pipe.New(pipe.Config{})
	l = &hookedLink{Link: la}
	a = newHostOn(t, l, 1, hostNets)
	b = newHostOn(t, lb, 2, []netip.Prefix{netip.PrefixFrom(peer4, 24), netip.PrefixFrom(peer6, 64)})
	return a, b, l
}

// A listener that closes between the moment at which a new connection gets its
// place in the backlog and the one at which it enters the flow table leaves no
// dead connection there: whoever looked it up would look for ever.
func TestTCPListenerClosesWhileSYNArrives(t *testing.T) {
	r := newRig(t, Config{}, link.Info{})
	l, err := r.h.ListenTCP(netip.AddrPortFrom(netip.IPv6Unspecified(), tcpPort), FamilyAny, 1, TCPOptions{})
	if err != nil {
		t.Fatal(err)
	}
	first, second := netip.AddrPortFrom(peer4, 1001), netip.AddrPortFrom(peer4, 1002)
	r.inject(frame(tcpPacket(first, toTCP4, wire.SYN, 1, 0)))
	key := makeFlowKey(toTCP4, first)
	victim := r.h.flows.lookup(&key)
	if victim == nil {
		t.Fatal("no half-open connection")
	}

	victim.mu.Lock() // the second SYN's goroutine waits here, its connection in the backlog
	var wg sync.WaitGroup
	wg.Go(func() { r.inject(frame(tcpPacket(second, toTCP4, wire.SYN, 1, 0))) })
	for admitted := false; !admitted; runtime.Gosched() {
		l.mu.Lock()
		_, old := l.backlog.members[victim]
		admitted = !old
		l.mu.Unlock()
	}
	l.Close()
	victim.mu.Unlock()
	wg.Wait()

	key = makeFlowKey(toTCP4, second)
	if c := r.h.flows.lookup(&key); c != nil {
		t.Errorf("a connection of a closed listener is in the table, detached: %v", c.detached)
	}
	if n := r.h.Stats().TCP.Connections; n != 0 {
		t.Errorf("%d connections", n)
	}
}

// A half-open connection that has lost its place in the backlog, and whose peer's
// ACK comes before it is recycled, is reset: nobody will ever accept it.
func TestTCPRecycledConnectionOpens(t *testing.T) {
	r := newRig(t, Config{}, link.Info{Medium: link.Ethernet})
	l, err := r.h.ListenTCP(netip.AddrPortFrom(netip.IPv6Unspecified(), tcpPort), FamilyAny, 1, TCPOptions{})
	if err != nil {
		t.Fatal(err)
	}
	from := netip.AddrPortFrom(peer4, 1001)
	ack := r.halfOpen(from)
	other := new(TCPConn)
	l.mu.Lock()
	victim, _ := l.backlog.admit(other, false)
	l.mu.Unlock()
	defer l.failed(other)
	r.inject(frame(tcpPacket(from, toTCP4, wire.ACK, 2, ack)))
	if f := r.one(); f[wire.EthernetLen+wire.IPv4Len+13]&byte(wire.RST) == 0 {
		t.Errorf("its ACK was answered with %x, want RST", f)
	}
	victim.recycle()
	if n := r.h.Stats().TCP.Connections; n != 0 {
		t.Errorf("%d connections", n)
	}
}

// However long a goroutine has been sending for a connection when that is aborted:
// the reset leaves.
func TestTCPAbortWhileSending(t *testing.T) {
	for _, batches := range []int{1, 2, tcpMaxBatches - 1, tcpMaxBatches, tcpMaxBatches + 1} {
		synctest.Test(t, func(t *testing.T) {
			a, b, l := hookedPair(t)
			c, peer := tcpPair(t, a, b, "10.0.0.2:7")
			sent := 0
			var inside atomic.Bool
			hook := func() {
				if !inside.CompareAndSwap(false, true) {
					return
				}
				defer inside.Store(false)
				if sent++; sent < batches {
					c.Write([]byte("x")) // there will be another batch
				} else {
					c.SetLinger(0)
					c.Close()
				}
			}
			l.onSend.Store(&hook)
			c.Write([]byte("x"))
			time.Sleep(time.Second)
			if n := b.Stats().TCP.Connections; n != 0 {
				t.Errorf("abort during batch %d: the peer was not told", batches)
			}
			if _, err := io.Copy(io.Discard, readerOf(peer)); !errors.Is(err, tcp.ErrReset) {
				t.Errorf("abort during batch %d: the peer reads %v", batches, err)
			}
		})
	}
}

// The reset of an abort goes by what was sent, also if the peer acknowledges
// something older before it leaves: otherwise the peer takes it for an old duplicate.
func TestTCPAbortCrossesACK(t *testing.T) {
	r := newRig(t, Config{}, link.Info{Medium: link.Ethernet})
	l, err := r.h.ListenTCP(netip.AddrPortFrom(netip.IPv6Unspecified(), tcpPort), FamilyAny, 1, TCPOptions{})
	if err != nil {
		t.Fatal(err)
	}
	from := netip.AddrPortFrom(peer4, 1001)
	first := r.halfOpen(from)
	ack := func() { r.inject(frame(tcpPacket(from, toTCP4, wire.ACK, 2, first))) }
	ack()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	r.l.onSend = func([]link.Packet) {
		once.Do(func() {
			c.SetLinger(0)
			c.Close()
			ack()
		})
	}
	c.Write([]byte("hello"))
	sent := r.l.take()
	if len(sent) != 2 {
		t.Fatalf("%d packets were sent, want text and RST", len(sent))
	}
	p := r.parse(sent[1].frame)
	h, _, _ := wire.ParseTCP(p.payload, len(p.payload))
	if h.Flags != wire.RST || h.Seq != first.Add(5) {
		t.Errorf("sent %s, want RST with the number %d", h.Notation(0), first.Add(5))
	}
}

func readerOf(c *TCPConn) io.Reader { return c }

// The route of a connection is read and written under its lock, also where a
// neighbour has gone from the cache while segments leave. (For the race detector.)
func TestTCPNeighbourGoesWhileSending(t *testing.T) {
	a, b := newPair(t, pipe.Config{})
	c, peer := tcpPair(t, a, b, "10.0.0.2:7")
	var wg sync.WaitGroup
	var done atomic.Bool
	wg.Go(func() {
		for !done.Load() {
			c.mu.Lock()
			if doubted := c.route; doubted.nbr == nil { // as fire does
				t.Error("no neighbour")
			}
			c.mu.Unlock()
			runtime.Gosched()
		}
	})
	for range 200 {
		c.mu.Lock()
		c.route.nbr = &neighbour{addr: peer4, state: neighbourGone}
		c.mu.Unlock()
		if _, err := c.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	done.Store(true)
	wg.Wait()
	c.Close()
	if n, err := io.Copy(io.Discard, readerOf(peer)); n != 200 || err != nil {
		t.Errorf("the peer read %d bytes, %v", n, err)
	}
}
