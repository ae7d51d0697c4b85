package tcp

import (
	"math/rand/v2"
	"testing"
)

// Share is what the largest holder may have, at most, and never much less, whatever is
// taken, promised and given back; nothing is left at the end.
func TestBudgetShare(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 1))
		var p Chunks
		limit := int64(1000 + r.IntN(1<<30))
		p.SetLimit(limit, func() {})
		b := &p.budget
		var taken, promised []int
		for range 2000 {
			switch n := 1 + r.IntN(int(limit/20)); r.IntN(4) {
			case 0:
				if p.Take(n, 0) {
					taken = append(taken, n)
				}
			case 1:
				if p.TakePromised(n) {
					promised = append(promised, n)
				}
			case 2:
				if len(taken) > 0 {
					p.Give(taken[0])
					taken = taken[1:]
				}
			case 3:
				if len(promised) > 0 {
					p.GivePromised(promised[0])
					promised = promised[1:]
				}
			}
			if may, share := b.most(), int64(p.Share()); share > may || share < may*3/4-2 {
				t.Fatalf("seed %d: Share is %d, a holder may have %d", seed, share, may)
			}
			if b.used > limit {
				t.Fatalf("seed %d: %d bytes are in use of %d", seed, b.used, limit)
			}
		}
		for _, n := range taken {
			p.Give(n)
		}
		for _, n := range promised {
			p.GivePromised(n)
		}
		if b.used != 0 || b.promised != 0 {
			t.Errorf("seed %d: %d bytes are in use, %d promised, when all was given back", seed, b.used, b.promised)
		}
	}
}

// Holders who take all they can leave a part for what is promised, and have it if none
// is.
func TestBudgetPromised(t *testing.T) {
	const limit, one = 1 << 20, 4000
	var p Chunks
	p.SetLimit(limit, func() {})
	for p.Take(100, 0) {
	}
	n := 0
	for p.TakePromised(one) {
		n++
	}
	if got := n * one; got < limit/newParts-limit/asideParts-one || got > limit/newParts {
		t.Errorf("%d bytes can be promised when holders have all they may", got)
	}
	if st := p.Memory(); st.Used > limit || st.Refused == 0 {
		t.Errorf("%+v", st)
	}
}

// A small stack keeps little for reuse.
func TestBudgetBoundsWhatIsKept(t *testing.T) {
	const limit = 1 << 20
	var p Chunks
	p.SetLimit(limit, func() {})
	for _, size := range chunkSizes {
		var list *chunk
		for range 30 {
			if c := p.get(size, 0, 0); c != nil {
				c.next, list = list, c
			}
		}
		p.put(list)
	}
	for range 100 {
		p.records.put(make([]sentRecord, 0, 64))
	}
	kept := p.records.kept * recordSize
	for class, size := range chunkSizes {
		kept += int(p.free[class].n) * size
	}
	if kept > limit/asideParts || kept < limit/asideParts/2 {
		t.Errorf("%d bytes are kept of %d", kept, limit)
	}
}

// A peer who tells of every second segment of super-segments does not make us hold records
// for which there is no memory.
func TestBudgetBoundsRecordsOfBlocks(t *testing.T) {
	const mss, segments = 1000, 20_000
	c := &Conn{tx: new(sender), cc: new(NewReno), sackOK: true, window: Window{MSS: mss, Bytes: mss * segments}}
	pool := new(Chunks)
	pool.SetLimit(200_000, func() {})
	b := &c.tx.board
	b.pool = pool
	for at := 0; at < segments; at += 1000 {
		b.add(Seq(at*mss), sentRecord{end: Seq((at + 1000) * mss), at: 1}, mss)
	}
	c.snd.nxt = b.end()
	for at := 1; at < segments; at += 2 {
		c.takeBlock(second, &ackEvent{seg: new(Segment)}, Seq(at*mss), Seq((at+1)*mss))
	}
	if st := pool.Memory(); st.Used > st.Limit || st.Refused == 0 || b.sacked == 0 {
		t.Errorf("%+v, %d bytes have arrived", st, b.sacked)
	}
	b.release()
	if used := pool.Memory().Used; used != 0 {
		t.Errorf("%d bytes are in use at the end", used)
	}
}
