package tcp

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestSendQueue appends, refers to and releases a stream at random, part of it
// while it is lent: what is lent must not change. Some of it was lent to the queue, and
// is overwritten once it has been kept.
func TestSendQueue(t *testing.T) {
	type loan struct{ pieces, want [][]byte }
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 0))
		pool, q := new(Chunks), sendQueue{}
		base := Seq(0).Add(-50_000) // wraps
		q.start(base)
		var stream []byte
		var loans []loan
		var lent []byte
		for range 500 {
			switch r.IntN(5) {
			case 0:
				b := make([]byte, r.IntN(1<<r.IntN(17)))
				for i := range b {
					b[i] = byte(r.Uint32())
				}
				stream = append(stream, b...)
				if q.tail == nil && lent == nil && r.IntN(2) == 0 {
					lent = b
					q.lend(pool, b)
				} else {
					q.append(pool, b)
				}
			case 1:
				if q.len() == 0 {
					continue
				}
				at := q.first.Add(r.IntN(q.len()))
				n := min(q.end.Sub(at), 1+r.IntN(70_000))
				l := loan{pieces: q.pieces(nil, at, n)}
				got := bytes.Join(l.pieces, nil)
				if want := stream[at.Sub(base):][:n]; !bytes.Equal(got, want) {
					t.Fatalf("seed %d: %d bytes at %d are wrong", seed, n, at)
				}
				for _, p := range l.pieces {
					l.want = append(l.want, bytes.Clone(p))
				}
				loans = append(loans, l)
			case 2:
				q.release(pool, q.first.Add(r.IntN(q.len()+1)), len(loans) > 0)
			case 3:
				for _, l := range loans {
					if !bytes.Equal(bytes.Join(l.pieces, nil), bytes.Join(l.want, nil)) {
						t.Fatalf("seed %d: bytes changed while they were lent", seed)
					}
				}
				loans = nil
				q.returned(pool)
			case 4:
				if q.keep(); len(loans) == 0 {
					clear(lent)
					lent = nil
				}
			}
			if q.len() == 0 && q.head != nil {
				t.Fatalf("seed %d: an empty queue holds memory", seed)
			}
		}
	}
}

// TestLentIsKept: chunks of what was lent are those that a copy would have had, and what
// is kept of it fills them up unless others follow.
func TestLentIsKept(t *testing.T) {
	pool, q := new(Chunks), sendQueue{}
	q.start(0)
	b := bytes.Repeat([]byte{1}, 100_000)
	q.lend(pool, b)
	if n := len(q.pieces(nil, 0, len(b))); n != 2 {
		t.Errorf("%d pieces, want 2", n)
	}
	if n := testing.AllocsPerRun(1, q.keep); n != 0 {
		t.Errorf("to keep it takes %v allocations", n)
	}
	q.append(pool, b[:1000])
	clear(b)
	if got := q.pieces(nil, 0, 101_000); len(got) != 2 || bytes.IndexByte(bytes.Join(got, nil), 0) >= 0 {
		t.Errorf("%d pieces, or they have changed", len(got))
	}
	q.release(pool, q.end, false)

	q.lend(pool, b[:1000])
	q.append(pool, b[:5000])
	q.keep()
	if c := q.head; len(c.data) != 1000 || c.next.seq != c.end() {
		t.Errorf("%d bytes before those at %v", len(c.data), c.next.seq)
	}
	q.release(pool, q.end, false)
	for _, list := range pool.free {
		for c := list.head; c != nil; c = c.next {
			if c.own != nil || len(c.data) != chunkSizes[c.class] {
				t.Errorf("the pool has a chunk of %d bytes, or one that is not its own", len(c.data))
			}
		}
	}
}

// TestFirstChunkIsTiny: a short message does not cost a large chunk.
func TestFirstChunkIsTiny(t *testing.T) {
	pool, q := new(Chunks), sendQueue{}
	q.start(0)
	q.append(pool, make([]byte, 100))
	if n := len(q.head.data); n != tinyChunk {
		t.Errorf("100 bytes take a chunk of %d", n)
	}
	q.append(pool, make([]byte, 10_000))
	if n := len(q.tail.data); n != largeChunk {
		t.Errorf("the next chunk has %d bytes", n)
	}
	if n := len(q.pieces(nil, 0, 10_100)); n != 2 {
		t.Errorf("%d pieces, want 2: the first chunk is filled", n)
	}
}
