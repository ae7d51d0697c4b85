package tcp

import (
	"testing"
	"time"
	"unsafe"
)

// joined is two established machines and nothing between them.
type joined struct {
	now  time.Time
	a, b Conn
	cfg  Config
	seg  Segment
}

func join(t testing.TB, maxSegment int) *joined {
	j := &joined{now: pairEpoch.Add(time.Second)}
	j.cfg = Config{Epoch: pairEpoch}.WithDefaults()
	j.a.Init(&j.cfg, Params{ISS: 1, MSS: 1460, MaxSegment: maxSegment})
	j.b.Init(&j.cfg, Params{ISS: 1, MSS: 1460, MaxSegment: maxSegment})
	j.b.OpenPassive()
	j.a.OpenActive(j.now)
	j.settle()
	if j.a.State() != StateEstablished || j.b.State() != StateEstablished {
		t.Fatalf("%v, %v", j.a.State(), j.b.State())
	}
	return j
}

// settle hands segments to and fro until there are none.
func (j *joined) settle() {
	for j.pass(&j.a, &j.b) || j.pass(&j.b, &j.a) {
	}
}

func (j *joined) pass(from, to *Conn) bool {
	any := false
	for from.Next(j.now, &j.seg) {
		to.Receive(j.now, &j.seg)
		any = true
	}
	from.Returned()
	return any
}

// TestNoAllocations: in steady state nothing is allocated, neither by a bulk
// transfer nor by requests and answers.
func TestNoAllocations(t *testing.T) {
	for name, maxSegment := range map[string]int{"segments": 0, "super-segments": 65535} {
		t.Run(name, func(t *testing.T) {
			j := join(t, maxSegment)
			b := make([]byte, 256<<10)
			j.a.SetSendBuffer(j.now, 1<<20)
			bulk := func() {
				if _, err := j.a.Write(j.now, b); err != nil {
					t.Fatal(err)
				}
				j.now = j.now.Add(time.Millisecond)
				j.settle()
				for j.b.in.len() > 0 {
					if _, err := j.b.Read(j.now, b); err != nil {
						t.Fatal(err)
					}
					j.settle()
				}
			}
			pingPong := func() {
				for _, way := range [][2]*Conn{{&j.a, &j.b}, {&j.b, &j.a}} {
					_, _ = way[0].Write(j.now, b[:1])
					j.settle()
					if n, err := way[1].Read(j.now, b); n != 1 || err != nil {
						t.Fatal(n, err)
					}
				}
			}
			for range 100 {
				bulk()
				pingPong()
			}
			if n := testing.AllocsPerRun(100, bulk); n != 0 {
				t.Errorf("bulk: %v allocations", n)
			}
			if n := testing.AllocsPerRun(1000, pingPong); n != 0 {
				t.Errorf("ping-pong: %v allocations", n)
			}
		})
	}
}

// TestSizes bounds what a connection costs.
func TestSizes(t *testing.T) {
	var tw TimeWait
	t.Logf("Conn %d bytes, TimeWait %d bytes, NewReno %d bytes", unsafe.Sizeof(Conn{}), unsafe.Sizeof(tw), unsafe.Sizeof(NewReno{}))
	if n := unsafe.Sizeof(Conn{}); n > 672 {
		t.Errorf("Conn has %d bytes, want at most 672", n)
	}
	if n := unsafe.Sizeof(tw); n > 48 {
		t.Errorf("TimeWait has %d bytes, want at most 48", n)
	}
}

// TestIdleHoldsNothing: a connection on which all is read and acknowledged holds
// no chunks.
func TestIdleHoldsNothing(t *testing.T) {
	j := join(t, 0)
	b := make([]byte, 300_000)
	_, _ = j.a.Write(j.now, b)
	j.settle()
	for j.b.in.len() > 0 {
		_, _ = j.b.Read(j.now, b)
		j.settle()
	}
	j.now = j.now.Add(time.Second)
	j.b.Advance(j.now)
	j.settle()
	for _, c := range []*Conn{&j.a, &j.b} {
		if c.out.head != nil || c.in.head != nil || c.out.retired != nil || c.in.runs != nil {
			t.Errorf("%+v holds memory", c.Info())
		}
		if d := c.Deadline(); !d.IsZero() {
			t.Errorf("an idle connection waits until %v", d)
		}
	}
}

func BenchmarkBulk(b *testing.B) {
	for name, maxSegment := range map[string]int{"1460": 0, "64KiB": 65535} {
		b.Run(name, func(b *testing.B) {
			j := join(b, maxSegment)
			buf := make([]byte, 64<<10)
			b.SetBytes(int64(len(buf)))
			b.ReportAllocs()
			for b.Loop() {
				_, _ = j.a.Write(j.now, buf)
				j.settle()
				for j.b.in.len() > 0 {
					_, _ = j.b.Read(j.now, buf)
				}
				j.settle()
			}
		})
	}
}

func BenchmarkPingPong(b *testing.B) {
	j := join(b, 0)
	buf := make([]byte, 1)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = j.a.Write(j.now, buf)
		j.settle()
		_, _ = j.b.Read(j.now, buf)
		_, _ = j.b.Write(j.now, buf)
		j.settle()
		_, _ = j.a.Read(j.now, buf)
	}
}
