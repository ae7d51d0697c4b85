package tcp

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestReceiveQueue puts the bytes of a stream in at random places, some of them
// twice, and reads them back in order.
func TestReceiveQueue(t *testing.T) {
	const window = 300_000
	for seed := range someOf(30) {
		r := rand.New(rand.NewPCG(seed, 0))
		base := Seq(r.Uint32())
		if seed%2 == 0 {
			base = Seq(0).Add(-window / 2) // wraps
		}
		stream := make([]byte, window)
		for i := range stream {
			stream[i] = byte(r.Uint32())
		}
		pool, q := new(Chunks), receiveQueue{}
		q.start(base)
		var got []byte
		arrived := make([]bool, window)
		for len(got) < window {
			from := q.next.Sub(base)
			if from == window {
				got = append(got, make([]byte, window-len(got))...)
				q.read(pool, got[len(got)-q.len():])
				break
			}
			at := min(from+r.IntN(1+r.IntN(30_000)), window-1)
			n := 1 + r.IntN(min(window-at, 1+r.IntN(5000)))
			text := stream[at : at+n]
			cut := r.IntN(n + 1)
			before := q.next
			again := firstAgain(arrived[at : at+n])
			readable, twice, refused := q.insert(pool, arrival{seq: base.Add(at), n: n, pieces: [][]byte{text[:cut], text[cut:]}})
			if refused != ReasonTaken {
				t.Fatalf("seed %d: refused", seed)
			}
			if have := (run{twice.start - base.Add(at), twice.end - base.Add(at)}); twice != (run{}) && have != again || twice == (run{}) && again != twice {
				t.Fatalf("seed %d: %v of %d bytes had arrived before, want %v", seed, have, n, again)
			}
			for i := range n {
				arrived[at+i] = true
			}
			if q.next.Sub(before) != readable {
				t.Fatalf("seed %d: %d bytes became readable, next moved by %d", seed, readable, q.next.Sub(before))
			}
			b := make([]byte, r.IntN(10_000))
			got = append(got, b[:q.read(pool, b)]...)
		}
		if !bytes.Equal(got, stream) {
			t.Fatalf("seed %d: the stream came back changed", seed)
		}
		if q.head != nil || q.tail != nil || len(q.runs) != 0 {
			t.Fatalf("seed %d: an empty queue holds memory", seed)
		}
	}
}

// firstAgain is the first part of a text that had arrived before, counted from the
// text's start.
func firstAgain(arrived []bool) run {
	i := slices.Index(arrived, true)
	if i < 0 {
		return run{}
	}
	if n := slices.Index(arrived[i:], false); n >= 0 {
		return run{Seq(i), Seq(i + n)}
	}
	return run{Seq(i), Seq(len(arrived))}
}

// TestFirstCopyStays: a second copy of text that waits beyond a gap does not
// change it.
func TestFirstCopyStays(t *testing.T) {
	pool, q := new(Chunks), receiveQueue{}
	q.start(100)
	put := func(seq Seq, text string) {
		q.insert(pool, arrival{seq: seq, n: len(text), pieces: [][]byte{[]byte(text)}})
	}
	put(103, "def")
	put(102, "XXXXX")
	put(100, "abYYYYYY")
	b := make([]byte, 20)
	if got := string(b[:q.read(pool, b)]); got != "abXdefXY" {
		t.Errorf("read %q, want %q", got, "abXdefXY")
	}
}

// TestRunsAreBounded: beyond maxRuns a new one is refused, one that fills a gap
// is not.
func TestRunsAreBounded(t *testing.T) {
	pool, q := new(Chunks), receiveQueue{}
	q.start(0)
	one := [][]byte{{1}}
	for i := range maxRuns {
		if _, _, r := q.insert(pool, arrival{seq: Seq(2 + 2*i), n: 1, pieces: one}); r != ReasonTaken {
			t.Fatalf("run %d is refused", i)
		}
	}
	if _, _, r := q.insert(pool, arrival{seq: 2 + 2*maxRuns, n: 1, pieces: one}); r != ReasonTooManyRuns {
		t.Error("one more than the bound is taken")
	}
	if _, _, r := q.insert(pool, arrival{seq: 3, n: 1, pieces: one}); r != ReasonTaken {
		t.Error("what joins two runs is refused")
	}
	if n, _, _ := q.insert(pool, arrival{seq: 0, n: 2, pieces: [][]byte{{1, 1}}}); n != 5 {
		t.Errorf("%d bytes became readable, want 5", n)
	}
}

// TestTextInOrderIsNeverRefused: with as many runs as are kept, what comes next
// in order is taken also where it fills only a part of the first gap. A sender
// that repeats it on a timeout would otherwise do so in vain, for ever.
func TestTextInOrderIsNeverRefused(t *testing.T) {
	pool, q := new(Chunks), receiveQueue{}
	q.start(0)
	for i := range maxRuns {
		q.insert(pool, arrival{seq: Seq(10 + 2*i), n: 1, pieces: [][]byte{{1}}})
	}
	for i := range 9 {
		if n, _, r := q.insert(pool, arrival{seq: Seq(i), n: 1, pieces: [][]byte{{1}}}); n != 1 || r != ReasonTaken {
			t.Fatalf("byte %d: %d became readable, %v", i, n, r)
		}
		if len(q.runs) > maxRuns {
			t.Fatalf("%d runs", len(q.runs))
		}
	}
	if n, _, _ := q.insert(pool, arrival{seq: 9, n: 1, pieces: [][]byte{{1}}}); n != 2 {
		t.Errorf("%d bytes became readable, want 2", n)
	}
}
