package tcp

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestSendQueue appends, refers to and releases a stream at random, part of it
// while it is lent: what is lent must not change.
func TestSendQueue(t *testing.T) {
	type loan struct{ pieces, want [][]byte }
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 0))
		pool, q := new(Chunks), sendQueue{}
		base := Seq(0).Add(-50_000) // wraps
		q.start(base)
		var stream []byte
		var loans []loan
		for range 500 {
			switch r.IntN(4) {
			case 0:
				b := make([]byte, r.IntN(1<<r.IntN(17)))
				for i := range b {
					b[i] = byte(r.Uint32())
				}
				stream = append(stream, b...)
				q.append(pool, b)
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
			}
			if q.len() == 0 && q.head != nil {
				t.Fatalf("seed %d: an empty queue holds memory", seed)
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
