package tcp

import (
	"math/rand/v2"
	"testing"
	"time"
)

// sackWorld is a machine that receives what a test sends, and a list of what has arrived.
type sackWorld struct {
	*testing.T
	c       Conn
	now     time.Time
	base    Seq
	arrived []bool
}

func newSACKWorld(t *testing.T, base Seq, size int, cfg Config) *sackWorld {
	cfg = cfg.WithDefaults()
	w := &sackWorld{T: t, now: time.Unix(100, 0), base: base, arrived: make([]bool, size)}
	w.c.Init(&cfg, Params{ISS: 1, MSS: 1460})
	w.c.OpenPassive()
	seg := Segment{}
	seg.Seq, seg.Flags, seg.Window = base.Add(-1), syn, 65535
	seg.Options.SACKPermitted = true
	w.c.Receive(w.now, &seg)
	w.answers()
	seg = Segment{}
	seg.Seq, seg.Ack, seg.Flags, seg.Window = base, 2, ack, 65535
	w.c.Receive(w.now, &seg)
	w.answers()
	return w
}

// send hands over text of n bytes, from the stream's byte at on.
func (w *sackWorld) send(at, n int) {
	seg := Segment{Len: n, Text: [][]byte{make([]byte, n)}}
	seg.Seq, seg.Ack, seg.Flags, seg.Window = w.base.Add(at), 2, ack, 65535
	if w.c.Receive(w.now, &seg) != ReasonTooManyRuns {
		for i := at; i < at+n; i++ {
			w.arrived[i] = true
		}
	}
}

// answers returns what the machine sends.
func (w *sackWorld) answers() (all []Segment) {
	var seg Segment
	for w.c.Next(w.now, &seg) {
		all = append(all, seg)
		if len(all) > 100 {
			w.Fatal("no end of answers")
		}
	}
	w.c.Returned()
	return all
}

func (w *sackWorld) has(seq Seq) bool {
	i := seq.Sub(w.base)
	return i >= 0 && i < len(w.arrived) && w.arrived[i]
}

// check looks at the answers to a batch: a block is something that has arrived, from gap to gap, or, as the first of an ACK,
// something that has arrived before the batch.
func (w *sackWorld) check(before []bool, answers []Segment) {
	for _, a := range answers {
		blocks := a.Options.SACK[:a.Options.NumSACK]
		if w.c.in.next != w.base.Add(len(w.arrived)) && len(w.c.in.runs) > 0 && len(blocks) == 0 {
			w.Errorf("no block in an ACK while something is missing")
		}
		for i, b := range blocks {
			from, to := b.Left.Sub(w.base), b.Right.Sub(w.base)
			if from >= to || from < 0 || to > len(w.arrived) {
				w.Fatalf("block from %d to %d", from, to)
			}
			duplicate := i == 0 && (b.Left.Less(a.Ack) || w.has(b.Left.Add(-1)) || w.has(b.Right) || len(blocks) > 1 && blocks[1].Left.LessEq(b.Left) && b.Right.LessEq(blocks[1].Right))
			for at := from; at < to; at++ {
				if !w.arrived[at] || duplicate && before != nil && !before[at] {
					w.Fatalf("block from %d to %d (duplicate: %v): byte %d has not arrived", from, to, duplicate, at)
				}
			}
			if !duplicate && (w.has(b.Left.Add(-1)) || w.has(b.Right) || b.Left.LessEq(a.Ack)) {
				w.Fatalf("block from %d to %d does not go from gap to gap", from, to)
			}
		}
	}
}

// TestSACKBlocksAreTrue sends segments of all sizes in random order, some of them more than once, in batches of one to six.
func TestSACKBlocksAreTrue(t *testing.T) {
	const size = 30_000
	for seed := range someOf(60) {
		r := rand.New(rand.NewPCG(seed, 0))
		w := newSACKWorld(t, Seq(r.Uint32())|Seq(uint32(seed%2)*0xffff0000), size, Config{})
		b := make([]byte, size)
		for w.c.in.next != w.base.Add(size) {
			batch := 1 + r.IntN(6)
			before := append([]bool(nil), w.arrived...)
			if batch > 1 {
				before = nil // what came twice in one batch is not in it
			}
			next := w.c.in.next.Sub(w.base)
			for range batch {
				at := min(next+r.IntN(1+r.IntN(10_000)), size-1)
				if r.IntN(10) == 0 {
					at = r.IntN(next + 1)
				}
				w.send(min(at, size-1), 1+r.IntN(min(size-min(at, size-1), 1+r.IntN(3000))))
			}
			w.check(before, w.answers())
			w.c.Read(w.now, b[:r.IntN(size)])
			w.answers()
			w.now = w.now.Add(time.Duration(r.IntN(50)) * time.Millisecond)
			w.c.Advance(w.now)
			w.answers()
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		}
		if w.c.sack != nil {
			t.Fatalf("seed %d: memory is held for reports when nothing is missing", seed)
		}
	}
}

// TestReportsAreBounded: a batch that touches more runs than are remembered has an ACK for the latest of them.
func TestReportsAreBounded(t *testing.T) {
	w := newSACKWorld(t, 5000, 60_000, Config{})
	for i := range 64 {
		w.send(100+100*i, 10)
	}
	answers := w.answers()
	w.check(nil, answers)
	if len(answers) != maxReports {
		t.Fatalf("%d ACKs, want %d", len(answers), maxReports)
	}
	for i, a := range answers {
		if got, want := a.Options.SACK[0].Left, w.base.Add(100+100*(64-maxReports+i)); got != want {
			t.Errorf("ACK %d begins with %d, want %d", i, got, want)
		}
	}
}
