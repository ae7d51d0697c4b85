package link_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/pipe"
	"github.com/usernet-go/usernet/wire"
)

// An arrival is a packet at the far end of a shaped pipe.
type arrival struct {
	at   time.Duration // since the world began
	data string
}

// A world is a shaped end of a pipe and what arrives at the other end.
type world struct {
	*link.Shaped
	far   link.Link
	start time.Time

	mu       sync.Mutex
	arrivals []arrival
}

// newWorld makes a world; call it in a bubble.
func newWorld(t *testing.T, pc pipe.Config, cfg link.ShapeConfig) *world {
	a, b := pipe.New(pc)
	w := &world{Shaped: link.Shape(a, cfg), far: b, start: time.Now()}
	go b.Receive(0, func(batch []link.Packet) {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, p := range batch {
			if p.Offload != (link.Offload{}) {
				t.Errorf("a packet arrives with offload %+v", p.Offload)
			}
			w.arrivals = append(w.arrivals, arrival{time.Since(w.start), joined(p)})
		}
	})
	t.Cleanup(func() {
		w.Close()
		b.Close()
	})
	synctest.Wait()
	return w
}

func (w *world) send(t *testing.T, batch ...link.Packet) {
	t.Helper()
	if n, err := w.Send(batch); n != len(batch) || err != nil {
		t.Fatalf("Send = %d, %v, want %d", n, err, len(batch))
	}
}

// arrived waits until the path is empty and returns what came.
func (w *world) arrived() []arrival {
	time.Sleep(time.Hour)
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.arrivals
}

func TestShapeDelays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, pipe.Config{Medium: link.IP}, link.ShapeConfig{Path: link.Path{Rate: 8_000_000, Delay: 10 * time.Millisecond}})
		thousand := func(c byte) link.Packet { return whole(string(bytes.Repeat([]byte{c}, 1000))) }
		w.send(t, thousand('a'), thousand('b'))
		time.Sleep(500 * time.Microsecond)
		w.send(t, thousand('c'))
		got := w.arrived()
		if len(got) != 3 {
			t.Fatalf("%d packets, want 3", len(got))
		}
		for i, want := range []time.Duration{11, 12, 13} {
			if got[i].at != want*time.Millisecond || got[i].data[0] != "abc"[i] {
				t.Errorf("packet %d is %q at %v, want %q at %v ms", i, got[i].data[:1], got[i].at, "abc"[i:i+1], want)
			}
		}
		if s := w.Stats(); s != (link.ShapeStats{Sent: 3, Delivered: 3}) {
			t.Errorf("stats %+v", s)
		}
	})
}

// What is sent is the sender's again when Send returns.
func TestShapeCopies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, pipe.Config{Medium: link.IP}, link.ShapeConfig{Path: link.Path{Delay: time.Second}})
		for i := range 200 { // more than the flights that are kept for reuse
			p := link.Packet{Data: [][]byte{fmt.Appendf(nil, "%03d", i), []byte("tail")}}
			w.send(t, p)
			clear(p.Data[0])
			clear(p.Data[1])
			if i == 99 {
				time.Sleep(2 * time.Second)
			}
		}
		for i, a := range w.arrived() {
			if want := fmt.Sprintf("%03dtail", i); a.data != want {
				t.Errorf("packet %d arrives as %q", i, a.data)
			}
		}
		if n := len(w.arrivals); n != 200 {
			t.Errorf("%d packets, want 200", n)
		}
	})
}

// The counters add up, and every fate of the path is theirs.
func TestShapeStats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, pipe.Config{Medium: link.IP}, link.ShapeConfig{
			Seed: 3,
			Path: link.Path{Rate: 80_000_000, Queue: 20_000, Delay: time.Millisecond, Loss: 0.1, Reorder: 0.1, ReorderDelay: time.Millisecond, Duplicate: 0.1, Corrupt: 0.1, MTU: 1000},
			Drop: func(p link.Packet) bool { return p.Data[0][0] == 'x' },
		})
		sent := pattern(1000)
		sent[0] = 'o'
		for range 100 {
			w.send(t, whole("x"), whole(string(make([]byte, 1001))))
			for range 15 {
				w.send(t, link.Packet{Data: [][]byte{sent}})
			}
			time.Sleep(time.Millisecond)
		}
		got := w.arrived()
		s := w.Stats()
		if s.Sent != 1700 || s.Picked != 100 || s.TooBig != 100 {
			t.Errorf("stats %+v, want 1700 sent, 100 picked, 100 too big", s)
		}
		if s.Sent-s.Picked-s.TooBig-s.Overflow-s.Lost+s.Duplicated != s.Delivered || s.Delivered != uint64(len(got)) {
			t.Errorf("stats %+v do not add up to %d arrivals", s, len(got))
		}
		flipped := 0
		for _, a := range got {
			bits := 0
			for i := range sent {
				for x := a.data[i] ^ sent[i]; x != 0; x &= x - 1 {
					bits++
				}
			}
			if bits > 1 {
				t.Errorf("a packet arrives with %d bits flipped", bits)
			}
			flipped += bits
		}
		for what, n := range map[string]uint64{"overflow": s.Overflow, "lost": s.Lost, "reordered": s.Reordered, "duplicated": s.Duplicated, "corrupted": s.Corrupted} {
			if n < 50 || n > 600 {
				t.Errorf("%d packets %s, of 1500", n, what)
			}
		}
		if uint64(flipped) < s.Corrupted { // a corrupt packet may arrive twice
			t.Errorf("%d bits flipped in %d corrupt packets", flipped, s.Corrupted)
		}
	})
}

// Super-segments and checksums that were left to the link leave Shape as they
// would be on a wire, and each segment has a fate of its own.
func TestShapeCuts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		w := newWorld(t, pipe.Config{GSO: true}, link.ShapeConfig{Drop: func(link.Packet) bool { n++; return n == 3 }})
		if i := w.Info(); i.MaxSegment != 65535 || !i.ChecksumOffload {
			t.Errorf("Info %+v; Shape takes what the link takes", i)
		}
		text := pattern(5000)
		w.send(t, tcpPacket(link.Ethernet, v6, wire.TCP{Seq: 1, Flags: wire.ACK}, text, 0, 1000))
		got := w.arrived()
		if len(got) != 4 || w.Stats() != (link.ShapeStats{Sent: 5, Picked: 1, Delivered: 4}) {
			t.Fatalf("%d arrivals, stats %+v", len(got), w.Stats())
		}
		for i, at := range []int{0, 1000, 3000, 4000} {
			s, err := parse(link.Ethernet, whole(got[i].data))
			if err != nil {
				t.Errorf("segment %d: %v", i, err)
			}
			if s.tcp.Seq != wire.Seq(1).Add(at) || !bytes.Equal(s.text, text[at:at+1000]) {
				t.Errorf("segment %d: %+v with %d bytes, want those at %d", i, s.tcp, len(s.text), at)
			}
		}
		bad := tcpPacket(link.Ethernet, v6, wire.TCP{}, text, 0, 1000)
		bad.Offload.HeaderLen--
		if n, err := w.Send([]link.Packet{whole("good"), bad, whole("not tried")}); n != 1 || err == nil {
			t.Errorf("Send of a malformed super-segment = %d, %v, want 1 and an error", n, err)
		}
	})
}

// Corruption is left to the checksums of IP to notice, so that it spares the
// Ethernet header and frames without IP.
func TestShapeCorrupts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, pipe.Config{}, link.ShapeConfig{Path: link.Path{Corrupt: 1}})
		arp := (&wire.Ethernet{Dst: wire.Broadcast, Type: wire.EtherTypeARP}).Append(nil)
		for range 200 {
			w.send(t, tcpPacket(link.Ethernet, v4, wire.TCP{Flags: wire.ACK}, pattern(10), 10, 0), whole(string(arp)), whole("runt"))
		}
		noticed := 0
		for i, a := range w.arrived() {
			switch i % 3 {
			case 0:
				if h, _, r := wire.ParseEthernet([]byte(a.data)); r != wire.OK || h.Type != wire.EtherTypeIPv4 {
					t.Errorf("packet %d: %+v, %v", i, h, r)
				}
				if _, err := parse(link.Ethernet, whole(a.data)); err != nil {
					noticed++
				}
			case 1, 2:
				if a.data != string(arp) && a.data != "runt" {
					t.Errorf("packet %d was corrupted: %q", i, a.data)
				}
			}
		}
		if s := w.Stats(); noticed != 200 || s.Corrupted != 200 {
			t.Errorf("%d of 200 corrupt packets noticed, stats %+v", noticed, s)
		}
	})
}

// Rounds of one seed are alike; the goroutines that send do not matter.
func TestShapeRepeats(t *testing.T) {
	round := func() (got []int) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, pipe.Config{Medium: link.IP}, link.ShapeConfig{Seed: 9, Path: link.Path{Loss: 0.3, Burst: 2, Jitter: time.Millisecond, Reorder: 0.2, ReorderDelay: 3 * time.Millisecond}})
			var senders sync.WaitGroup
			var size atomic.Int64
			for range 4 {
				senders.Go(func() {
					for range 50 {
						// Same content whoever sends: only numbers tell packets apart.
						w.Send([]link.Packet{whole("x")})
						size.Add(1)
						time.Sleep(time.Millisecond)
					}
				})
			}
			senders.Wait()
			for _, a := range w.arrived() {
				got = append(got, int(a.at))
			}
		})
		return got
	}
	first := round()
	if again := round(); !slices.Equal(first, again) || len(first) < 80 || len(first) > 180 {
		t.Errorf("two rounds of one seed differ: %d and %d arrivals", len(first), len(again))
	}
}

// The path holds a bounded number of bytes; what does not fit is not taken.
func TestShapeIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, pipe.Config{Medium: link.IP, MTU: 65535}, link.ShapeConfig{Path: link.Path{Delay: time.Second}})
		p := link.Packet{Data: [][]byte{make([]byte, 1<<16)}}
		taken := 0
		for range 2000 {
			n, err := w.Send([]link.Packet{p})
			if err != nil {
				t.Fatal(err)
			}
			taken += n
		}
		if taken != 1024 {
			t.Errorf("%d packets of 64 KiB on the path, want 1024", taken)
		}
		if got := w.arrived(); len(got) != taken {
			t.Errorf("%d arrived of %d taken", len(got), taken)
		}
		w.send(t, p)
	})
}

func TestShapeClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, pipe.Config{Medium: link.IP}, link.ShapeConfig{Path: link.Path{Delay: time.Second}})
		received := make(chan error)
		go func() { received <- w.Receive(0, func([]link.Packet) {}) }()
		w.send(t, whole("x"))
		if err := w.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
		if err := <-received; err != nil {
			t.Errorf("Receive = %v after Close", err)
		}
		if n, err := w.Send([]link.Packet{whole("x")}); n != 0 || !errors.Is(err, os.ErrClosed) {
			t.Errorf("Send after Close = %d, %v, want os.ErrClosed", n, err)
		}
		if err := w.Close(); err != nil {
			t.Errorf("second Close = %v", err)
		}
		if got := w.arrived(); len(got) != 0 {
			t.Errorf("%d packets arrive after Close", len(got))
		}
	})
}

// What the link below does not take is lost and counted.
func TestShapeRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := pipe.New(pipe.Config{Medium: link.IP}) // nobody receives: 64 are kept
		s := link.Shape(a, link.ShapeConfig{})
		for range 100 {
			if n, err := s.Send([]link.Packet{whole("x")}); n != 1 || err != nil {
				t.Fatalf("Send = %d, %v", n, err)
			}
		}
		synctest.Wait()
		if got := s.Stats(); got.Delivered != 64 || got.Refused != 36 {
			t.Errorf("stats %+v, want 64 delivered and 36 refused", got)
		}
		s.Close()
		b.Close()
	})
}

// Both ways are shaped, both ends answer from within deliver, and close while
// packets fly.
func TestShapeBothEnds(t *testing.T) {
	a, b := pipe.New(pipe.Config{Medium: link.IP})
	x := link.Shape(a, link.ShapeConfig{Path: link.Path{Delay: 10 * time.Microsecond}})
	y := link.Shape(b, link.ShapeConfig{Path: link.Path{Jitter: 20 * time.Microsecond}})
	enough := make(chan struct{})
	var n atomic.Int64
	var once sync.Once
	var receivers sync.WaitGroup
	for _, l := range []link.Link{x, y} {
		receivers.Go(func() {
			l.Receive(0, func(batch []link.Packet) {
				if n.Add(int64(len(batch))) >= 2000 {
					once.Do(func() { close(enough) })
				}
				l.Send(batch)
			})
		})
	}
	for range 8 {
		x.Send([]link.Packet{whole("x")})
		y.Send([]link.Packet{whole("y")})
	}
	<-enough
	x.Close()
	y.Close()
	receivers.Wait()
}

func BenchmarkShape(b *testing.B) {
	x, y := pipe.New(pipe.Config{})
	s := link.Shape(x, link.ShapeConfig{Path: link.Path{Delay: time.Millisecond}})
	go y.Receive(0, func([]link.Packet) {})
	p := []link.Packet{{Data: [][]byte{make([]byte, 54), make([]byte, 1460)}}}
	b.SetBytes(1460)
	b.ReportAllocs()
	for b.Loop() {
		s.Send(p)
	}
	s.Close()
	y.Close()
}
