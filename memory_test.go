package usernet_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/pipe"
	"github.com/usernet-go/usernet/wire"
)

// heap is how much is in use after a collection, in bytes.
func heap() int64 {
	for range 3 {
		runtime.GC() // sync.Pool forgets in two steps
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// pattern is what a connection's stream is: byte i of stream n.
func pattern(b []byte, n, from int) {
	for i := range b {
		b[i] = byte((from+i)*7 + n + (from+i)>>8)
	}
}

// stall makes n connections from a to b, and writes to each as much as goes.
type stalled struct {
	out, in []net.Conn
	written []int
}

func stall(t *testing.T, a, b *usernet.Stack, n int) *stalled {
	s := &stalled{out: make([]net.Conn, n), in: make([]net.Conn, n), written: make([]int, n)}
	l, err := b.Listen("tcp", ":7")
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if s.out[i], err = a.Dial("tcp", "10.0.0.2:7"); err != nil {
			t.Fatalf("connection %d: %v; %+v", i, err, a.Stats())
		}
		if s.in[i], err = l.Accept(); err != nil {
			t.Fatal(err)
		}
	}
	l.Close()
	buf := make([]byte, 256<<10)
	for i, c := range s.out {
		pattern(buf, i, 0)
		c.SetWriteDeadline(time.Now().Add(time.Millisecond))
		k, err := c.Write(buf)
		if err == nil {
			t.Fatalf("connection %d takes %d bytes that nobody reads", i, k)
		}
		if k == 0 {
			t.Fatalf("connection %d takes nothing: %v", i, err)
		}
		s.written[i] = k
		c.SetWriteDeadline(time.Time{})
	}
	return s
}

// drain reads it all, and wants what was written.
func (s *stalled) drain(t *testing.T) {
	var wg sync.WaitGroup
	for i, c := range s.in {
		s.out[i].(*usernet.TCPConn).CloseWrite()
		wg.Go(func() {
			got, want := make([]byte, 4<<10), make([]byte, 4<<10)
			total := 0
			for {
				k, err := c.Read(got)
				pattern(want[:k], i, total)
				if string(got[:k]) != string(want[:k]) {
					t.Errorf("connection %d: other bytes than were written, at %d", i, total)
					return
				}
				if total += k; err == io.EOF {
					break
				} else if err != nil {
					t.Errorf("connection %d: %d of %d bytes, %v", i, total, s.written[i], err)
					return
				}
			}
			if total != s.written[i] {
				t.Errorf("connection %d: %d bytes of %d", i, total, s.written[i])
			}
		})
	}
	wg.Wait()
}

// Connections by the thousand whose readers have stopped stay within the limit of a
// stack's memory, as the heap has it, and lose nothing. To see what one stack has, the
// other is cut off and closed.
func TestBubbleStalledConnections(t *testing.T) {
	for _, who := range []string{"both", "writers", "readers"} {
		t.Run(who, func(t *testing.T) { stalledConnections(t, who) })
	}
}

func stalledConnections(t *testing.T, who string) {
	n, limit := 10_000, 50_000_000
	if raceEnabled || testing.Short() {
		n, limit = n/20, limit/20
	}
	synctest.Test(t, func(t *testing.T) {
		base := heap()
		near, far := pipe.New(pipe.Config{MTU: 1500})
		cut := [2]*cutLink{{Link: near}, {Link: far}}
		a, b := newStack(t, usernet.Config{MemoryLimit: limit}), newStack(t, usernet.Config{MemoryLimit: limit})
		attach(t, a, cut[0], 1)
		attach(t, b, cut[1], 2)
		s := stall(t, a, b, n)
		time.Sleep(time.Minute)
		synctest.Wait()
		if who != "both" {
			wantOneStack(t, who, s, a, b, cut[:], base, int64(limit))
			return
		}
		used := heap() - base
		total := 0
		for _, k := range s.written {
			total += k
		}
		x, y := a.Stats(), b.Stats()
		t.Logf("%d connections, %d bytes pending: heap %d bytes, writers' stack %d, readers' stack %d", n, total, used, x.MemoryUsed, y.MemoryUsed)
		if !raceEnabled && used > 2*int64(limit) {
			t.Errorf("the heap of both has grown by %d bytes, more than %d", used, 2*limit)
		}
		for _, st := range []usernet.Stats{x, y} {
			if st.MemoryUsed > st.MemoryLimit || st.MemoryLimit != int64(limit) {
				t.Errorf("%d bytes are in use of %d", st.MemoryUsed, st.MemoryLimit)
			}
		}
		s.drain(t)
		for i := range s.in {
			s.in[i].Close()
			s.out[i].Close()
		}
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		for _, st := range []*usernet.Stack{a, b} {
			// The table of TIME-WAIT keeps room for a thousand records.
			if used := st.Stats().MemoryUsed; used > 256<<10 {
				t.Errorf("%d bytes are in use when all is closed", used)
			}
		}
	})
}

// wantOneStack wants the heap of the stack of the writers, or of the readers, to be
// within its limit. base is what there was before.
func wantOneStack(t *testing.T, who string, s *stalled, a, b *usernet.Stack, cut []*cutLink, base, limit int64) {
	t.Helper()
	for _, l := range cut {
		l.cut.Store(true)
	}
	other, left := b, a
	if s.in = nil; who == "readers" {
		other, left = a, b
	}
	before := left.Stats()
	if other.Close(); who == "readers" {
		s.out = nil
	}
	if st := left.Stats(); st.Connections != before.Connections {
		t.Fatalf("%d of %d connections are left", st.Connections, before.Connections)
	}
	used := heap() - base
	t.Logf("%d connections of the %s: heap %d bytes, stats %d", before.Connections, who, used, before.MemoryUsed)
	if !raceEnabled && used > limit {
		t.Errorf("the heap has grown by %d bytes, more than %d", used, limit)
	}
	runtime.KeepAlive(s)
}

// New connections are refused before old ones suffer, and taken again when there is
// room.
func TestBubbleMemoryRefusesConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 1 << 20
		near, far := pipe.New(pipe.Config{MTU: 1500})
		a, b := newStack(t, usernet.Config{}), newStack(t, usernet.Config{MemoryLimit: limit})
		attach(t, a, near, 1)
		attach(t, b, far, 2)
		l, err := b.Listen("tcp", ":7")
		if err != nil {
			t.Fatal(err)
		}
		var all []net.Conn
		for {
			c, err := a.DialTimeout("tcp", "10.0.0.2:7", 10*time.Second)
			if err != nil {
				break
			}
			peer, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, c, peer)
		}
		st := b.Stats()
		if st.Drops["TCP no memory for a connection"] == 0 || len(all) < 2*150 || st.MemoryUsed > limit {
			t.Fatalf("%d connections, %+v", len(all)/2, st)
		}
		if _, err := b.Dial("tcp", "10.0.0.1:9"); !errors.Is(err, syscall.ENOBUFS) {
			t.Errorf("dial without memory: %v", err)
		}
		for i := 0; i < len(all); i += 2 {
			if err := sendAndReceiveBetween(all[i], all[i+1], 3000); err != nil {
				t.Fatalf("connection %d: %v", i/2, err)
			}
		}
		all[0].Close()
		all[1].Close()
		time.Sleep(2 * time.Minute)
		if _, err := a.Dial("tcp", "10.0.0.2:7"); err != nil {
			t.Errorf("when one was closed: %v", err)
		}
	})
}

// sendAndReceiveBetween carries n bytes from c to peer.
func sendAndReceiveBetween(c, peer net.Conn, n int) error {
	done := make(chan error, 1)
	go func() { _, err := c.Write(make([]byte, n)); done <- err }()
	if _, err := io.ReadFull(peer, make([]byte, n)); err != nil {
		return err
	}
	return <-done
}

// A writer that waits for memory, which a stalled connection has, goes on when that is
// given back, though its own peer does not read.
func TestBubbleWriterIsWokenByMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := pipe.New(pipe.Config{MTU: 1500})
		a, b := newStack(t, usernet.Config{MemoryLimit: 1 << 20}), newStack(t, usernet.Config{ReceiveBuffer: 4 << 10})
		attach(t, a, near, 1)
		attach(t, b, far, 2)
		c, _ := connect(t, a, b)
		c.SetWriteBuffer(256 << 10)
		var hogs []net.Conn
		for range 12 {
			c, _ := connect(t, a, b)
			c.SetWriteBuffer(1 << 20)
			c.SetWriteDeadline(time.Now().Add(time.Second))
			c.Write(make([]byte, 1<<20))
			hogs = append(hogs, c)
		}
		var done bool
		go func() {
			if _, err := c.Write(make([]byte, 100<<10)); err != nil {
				t.Error(err)
			}
			done = true
		}()
		time.Sleep(time.Minute)
		synctest.Wait()
		if done {
			t.Fatal("the writer found memory: this shows nothing")
		}
		for _, h := range hogs {
			h.(*usernet.TCPConn).SetLinger(0)
			h.Close()
		}
		synctest.Wait()
		if !done {
			t.Errorf("the writer still waits: %+v", a.Stats())
		}
	})
}

// Random limits and traffic: every transfer ends, with every byte, and the limits hold.
func TestBubbleMemoryLiveness(t *testing.T) {
	seeds := 40
	if raceEnabled || testing.Short() {
		seeds = 8
	}
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { memoryWorld(t, rand.New(rand.NewPCG(seed, 6))) })
		})
	}
}

func memoryWorld(t *testing.T, r *rand.Rand) {
	near, far := pipe.New(pipe.Config{MTU: 576 + r.IntN(8000), GSO: r.IntN(2) == 0})
	config := func() usernet.Config {
		return usernet.Config{MemoryLimit: 1<<20 + r.IntN(2<<20), ReceiveBuffer: 2048 << r.IntN(18)}
	}
	a, b := newStack(t, config()), newStack(t, config())
	lossy := &lossyLink{Link: near, every: int32(5 + r.IntN(60))}
	attach(t, a, lossy, 1)
	attach(t, b, far, 2)
	var wg sync.WaitGroup
	var ends [][2]*usernet.TCPConn
	for range 20 + r.IntN(80) {
		c, peer := connect(t, a, b)
		ends = append(ends, [2]*usernet.TCPConn{c, peer})
	}
	for i, pair := range ends {
		c, peer := pair[0], pair[1]
		if r.IntN(2) == 0 {
			c, peer = peer, c
		}
		size, pause := 1+r.IntN(1<<(8+r.IntN(11))), time.Duration(r.IntN(60))*time.Second
		chunk := 1 + r.IntN(1<<r.IntN(17))
		wg.Go(func() {
			buf := make([]byte, size)
			pattern(buf, i, 0)
			for len(buf) > 0 {
				k := min(len(buf), chunk)
				if _, err := c.Write(buf[:k]); err != nil {
					t.Error(err)
					return
				}
				buf = buf[k:]
			}
			c.CloseWrite()
		})
		wg.Go(func() {
			time.Sleep(pause)
			got, err := io.ReadAll(peer)
			want := make([]byte, size)
			pattern(want, i, 0)
			if err != nil || string(got) != string(want) {
				t.Errorf("connection %d: %d of %d bytes, %v", i, len(got), size, err)
			}
		})
	}
	over := make(chan struct{})
	go func() { wg.Wait(); close(over) }()
	for {
		select {
		case <-over:
			return
		case <-time.After(time.Second):
			for _, s := range []*usernet.Stack{a, b} {
				if st := s.Stats(); st.MemoryUsed > st.MemoryLimit {
					t.Fatalf("%d bytes are in use of %d", st.MemoryUsed, st.MemoryLimit)
				}
			}
		}
	}
}

// Attackers who send datagrams that nobody reads, fragments of what never becomes whole,
// and text beyond gaps, get no more than the limit
// allows, and those who are connected go on.
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

// lossyLink loses one packet of so many that it is given.
type lossyLink struct {
	link.Link
	every int32
	n     atomic.Int32
}

func (l *lossyLink) Send(batch []link.Packet) (int, error) {
	for i := range batch {
		if l.n.Add(1)%l.every == 0 {
			continue
		}
		if n, err := l.Link.Send(batch[i : i+1]); err != nil || n == 0 {
			return i, err
		}
	}
	return len(batch), nil
}
