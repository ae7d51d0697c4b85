package usernet_test

import (
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/pipe"
	"github.com/usernet-go/usernet/wire"
)

// Attackers who send datagrams that nobody reads, fragments of what never becomes whole,
// and text beyond gaps, get no more than the limit allows, and those who are connected go
// on.
func TestBubbleMemoryUnderAttack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 4 << 20
		near, far := pipe.New(pipe.Config{MTU: 1500})
		gap := &gapLink{Link: near}
		a, b := newStack(t, usernet.Config{MemoryLimit: limit}), newStack(t, usernet.Config{MemoryLimit: limit})
		attach(t, a, gap, 1)
		attach(t, b, far, 2)
		c, peer := connect(t, a, b)
		var sockets []net.PacketConn
		for i := range 200 {
			p, err := b.ListenPacket("udp", fmt.Sprintf(":%d", 2000+i))
			if err != nil {
				t.Fatal(err)
			}
			sockets = append(sockets, p)
		}
		var gaps []net.Conn
		for range 100 {
			out, _ := connect(t, a, b)
			gaps = append(gaps, out)
		}
		flood, err := a.ListenPacket("udp", ":0")
		if err != nil {
			t.Fatal(err)
		}
		start := heap()
		want := func(what string) {
			t.Helper()
			if st := b.Stats(); st.MemoryUsed > limit {
				t.Errorf("%s: %d bytes are in use of %d", what, st.MemoryUsed, limit)
			}
			began := time.Now()
			if err := sendAndReceiveBetween(c, peer, 1<<20); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("%s: a MiB takes %v", what, took)
			}
		}
		// All but the first of a datagram's fragments are lost, and the first of a window.
		gap.on.Store(true)
		for _, c := range gaps {
			c.SetWriteDeadline(time.Now().Add(time.Second))
			c.Write(make([]byte, 64<<10))
		}
		gap.on.Store(false)
		want("text beyond gaps")
		gap.on.Store(true)
		for i := range 1000 {
			flood.WriteTo(make([]byte, 60_000), &net.UDPAddr{IP: net.IPv4(10, 0, 0, 2), Port: 2000 + i%200})
		}
		gap.on.Store(false)
		want("fragments")
		for round := range 40 {
			for i := range sockets {
				flood.WriteTo(make([]byte, 100+round*300%9000), &net.UDPAddr{IP: net.IPv4(10, 0, 0, 2), Port: 2000 + i})
			}
		}
		want("datagrams")
		if grown := heap() - start; !raceEnabled && grown > 2*limit {
			t.Errorf("the heap of both has grown by %d bytes", grown)
		}
		st := b.Stats()
		for _, why := range []string{"UDP no memory", "reassembly without memory"} {
			if st.Drops[why] == 0 {
				t.Errorf("nothing was dropped for %q: %v", why, st.Drops)
			}
		}
		for _, p := range sockets {
			p.Close()
		}
	})
}

// gapLink, when it is on, loses the last fragment of each datagram, and the first text of
// each connection.
type gapLink struct {
	link.Link
	on    atomic.Bool
	mu    sync.Mutex
	first map[uint16]uint32 // sequence number by port
}

func (l *gapLink) Send(batch []link.Packet) (int, error) {
	for i := range batch {
		if l.on.Load() && l.loses(slices.Concat(batch[i].Data...)) {
			continue
		}
		if n, err := l.Link.Send(batch[i : i+1]); err != nil || n == 0 {
			return i, err
		}
	}
	return len(batch), nil
}

func (l *gapLink) loses(frame []byte) bool {
	_, n, _ := wire.ParseEthernet(frame)
	ip, head, r := wire.ParseIPv4(frame[n:], len(frame)-n)
	switch {
	case r != wire.OK:
		return false
	case ip.Protocol != wire.ProtocolTCP:
		return ip.FragmentOffset > 0 && !ip.MoreFragments
	}
	h, head2, r := wire.ParseTCP(frame[n+head:], ip.TotalLen-head)
	if r != wire.OK || ip.TotalLen-head == head2 {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.first == nil {
		l.first = make(map[uint16]uint32)
	}
	if _, ok := l.first[h.SrcPort]; !ok {
		l.first[h.SrcPort] = uint32(h.Seq)
	}
	return l.first[h.SrcPort] == uint32(h.Seq)
}
