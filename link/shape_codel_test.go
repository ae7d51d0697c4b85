package link_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/pipe"
	"github.com/usernet-go/usernet/wire"
)

// numbered returns 300 IP packets of 1000 bytes, told apart by their sequence
// number, with that ECN field.
func numbered(t *testing.T, field byte) (packets []link.Packet) {
	for i := range 300 {
		text := pattern(1000 - wire.IPv4Len - 4 - wire.TCPLen)
		p := tcpPacket(link.IP, v4, wire.TCP{Seq: wire.Seq(i), Flags: wire.ACK}, text, 0, 0)
		packets = append(packets, setECN(t, link.IP, p, field))
	}
	return packets
}

// CoDel drops, or marks, the packets that it drops in TestCoDelDropsAndMarks;
// those behind one dropped move up.
func TestShapeCoDel(t *testing.T) {
	for _, tt := range []struct {
		name    string
		field   byte
		dropped []int
		marked  []int
	}{
		{"not ECN-capable", 0, []int{105, 206, 278}, nil},
		{"ECT(0)", 2, nil, []int{105, 205, 276}},
		{"ECT(1)", 1, nil, []int{105, 205, 276}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, pipe.Config{Medium: link.IP}, link.ShapeConfig{
					Path: link.Path{Rate: 8_000_000, Queue: 300_000, CoDel: true, ECN: true, Delay: 10 * ms},
				})
				w.send(t, numbered(t, tt.field)...)
				got := w.arrived()
				want := link.ShapeStats{Sent: 300, Delivered: uint64(300 - len(tt.dropped)), Managed: uint64(len(tt.dropped)), Marked: uint64(len(tt.marked))}
				if s := w.Stats(); s != want || len(got) != int(want.Delivered) {
					t.Fatalf("%d arrivals, stats %+v, want %+v", len(got), s, want)
				}
				next := 0
				for i, a := range got {
					for len(tt.dropped) > 0 && tt.dropped[0] == next {
						tt.dropped, next = tt.dropped[1:], next+1
					}
					p, err := parse(link.IP, whole(a.data))
					if err != nil || int(p.tcp.Seq) != next {
						t.Fatalf("arrival %d: packet %d, %v, want packet %d", i, p.tcp.Seq, err, next)
					}
					field := tt.field
					if len(tt.marked) > 0 && tt.marked[0] == next {
						tt.marked, field = tt.marked[1:], 3
					}
					if a.data[1]&3 != field {
						t.Errorf("packet %d has ECN field %d, want %d", next, a.data[1]&3, field)
					}
					if at := time.Duration(i+1)*ms + 10*ms; a.at != at {
						t.Errorf("packet %d arrives at %v, want %v", next, a.at, at)
					}
					next++
				}
			})
		})
	}
}

// Packets that wait in CoDel's queue count towards what the path holds, and are
// gone with Close.
func TestShapeCoDelIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, pipe.Config{Medium: link.IP, MTU: 65535}, link.ShapeConfig{Path: link.Path{Rate: 1e9, Queue: 1 << 30, CoDel: true}})
		p := link.Packet{Data: [][]byte{make([]byte, 1<<16)}}
		for round := range 3 {
			taken := 0
			for range 2000 {
				n, err := w.Send([]link.Packet{p})
				if err != nil {
					t.Fatal(err)
				}
				taken += n
			}
			if taken != 1024 {
				t.Errorf("round %d: %d packets of 64 KiB on the path, want 1024", round, taken)
			}
			time.Sleep(time.Minute)
			synctest.Wait()
		}
		s := w.Stats()
		if s.Managed == 0 || s.Managed+s.Delivered+s.Refused != 3*1024 {
			t.Errorf("stats %+v do not add up to 3072", s)
		}
		w.send(t, p, p)
		w.Close()
		if got := w.arrived(); len(got) != int(s.Delivered) {
			t.Errorf("%d arrivals, of %d before Close", len(got), s.Delivered)
		}
	})
}

// A path that changes takes effect at once, for what waits for the bottleneck
// too: a packet takes it 1 s before and 1 ms after, or no time at all.
func TestShapeSet(t *testing.T) {
	for _, tt := range []struct {
		set     link.Path
		arrives [4]time.Duration
	}{
		{link.Path{Delay: 10 * ms}, [4]time.Duration{510 * ms, 510 * ms, 510 * ms, 2 * time.Second}},
		{link.Path{Rate: 8_000_000, CoDel: true, Delay: 10 * ms}, [4]time.Duration{511500 * time.Microsecond, 512500 * time.Microsecond, 513500 * time.Microsecond, 2 * time.Second}},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, pipe.Config{Medium: link.IP}, link.ShapeConfig{Path: link.Path{Rate: 8_000, CoDel: true, Delay: time.Second}})
			packets := numbered(t, 0)
			w.send(t, packets[:3]...)
			time.Sleep(500 * ms)
			w.Set(tt.set)
			w.send(t, packets[3])
			got := w.arrived()
			if len(got) != 4 {
				t.Fatalf("%d arrivals", len(got))
			}
			for i, seq := range []int{1, 2, 3, 0} {
				p, err := parse(link.IP, whole(got[i].data))
				if err != nil || int(p.tcp.Seq) != seq || got[i].at != tt.arrives[i] {
					t.Errorf("arrival %d: packet %d at %v, %v; want packet %d at %v", i, p.tcp.Seq, got[i].at, err, seq, tt.arrives[i])
				}
			}
			if s := w.Stats(); s != (link.ShapeStats{Sent: 4, Delivered: 4}) {
				t.Errorf("stats %+v", s)
			}
			func() {
				defer func() {
					if recover() == nil {
						t.Error("no panic at a path that fails its Check")
					}
				}()
				w.Set(link.Path{Rate: -1})
			}()
			w.Set(link.Path{Rate: 1, CoDel: true})
			w.send(t, whole("x"), whole("y"))
			w.Close()
			w.Set(link.Path{})
		})
	}
}
