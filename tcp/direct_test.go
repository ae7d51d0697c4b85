package tcp

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"
)

// Whoever lends buffers now and then reads the same as who does not, with gaps,
// duplicates and urgent text, and the peer hears the same of the window.
func TestLentBuffers(t *testing.T) {
	for seed := range uint64(50) {
		var texts [2][]byte
		for k := range texts {
			texts[k] = readLending(t, seed, k == 0)
		}
		if !bytes.Equal(texts[0], texts[1]) || len(texts[0]) < 100_000 {
			t.Errorf("seed %d: %d bytes with lent buffers, %d without; or they differ", seed, len(texts[0]), len(texts[1]))
		}
	}
}

// readLending writes text and returns what was read of it, and where reads ended at
// urgent text.
func readLending(t *testing.T, seed uint64, lend bool) (all []byte) {
	j, rnd := join(t, int(seed%2)*65535), rand.New(rand.NewPCG(seed, 1))
	text := make([]byte, 60_000)
	for i := range text {
		text[i] = byte(i * i >> 7)
	}
	buf, handed := make([]byte, 1<<20), 0
	for range 200 {
		n, urgent, size, drop := 1+rnd.IntN(1+rnd.IntN(len(text))), rnd.IntN(10) == 0, 1+rnd.IntN(1+rnd.IntN(50_000)), rnd.IntN(10)
		if urgent {
			_, _ = j.a.WriteUrgent(j.now, text[:n])
		} else {
			_, _ = j.a.Write(j.now, text[:n])
		}
		if lend {
			if !j.b.Lend(new(Direct), buf[:size]) || j.b.Lend(new(Direct), nil) {
				t.Fatal("lent twice, or never")
			}
		}
		var batch []*Segment
		for {
			seg := new(Segment)
			if !j.a.Next(j.now, seg) {
				break
			}
			batch = append(batch, seg)
		}
		for i, seg := range batch {
			if i != drop {
				j.b.Receive(j.now, seg)
			}
			if i == drop+2 {
				j.b.Receive(j.now, batch[drop])
			}
		}
		j.a.Returned()
		if lend {
			awaited := j.b.Awaited()
			k := j.b.TakeBack()
			if awaited != (k > 0 || j.b.Readable()) {
				t.Errorf("seed %d: awaited %v with %d bytes", seed, awaited, k)
			}
			all = append(all, buf[:k]...)
			handed += k
		}
		for j.b.in.len() > 0 {
			k, err := j.b.Read(j.now, buf)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, buf[:k]...)
		}
		j.now = j.now.Add(time.Millisecond)
		j.settle()
		for range 20 { // what was lost comes
			j.now = j.now.Add(300 * time.Millisecond)
			j.a.Advance(j.now)
			j.b.Advance(j.now)
			j.settle()
		}
		for j.b.in.len() > 0 {
			k, _ := j.b.Read(j.now, buf)
			all = append(all, buf[:k]...)
		}
		if j.b.in.len() > 0 || j.b.in.head != nil {
			t.Fatalf("seed %d: the queue has %d bytes when all is read", seed, j.b.in.len())
		}
	}
	if lend && handed < len(all)/10 {
		t.Errorf("seed %d: %d bytes of %d were put into lent buffers", seed, handed, len(all))
	}
	return all
}

// A read ends at the urgent mark, in a lent buffer too.
func TestLentBufferEndsBeforeUrgentText(t *testing.T) {
	j := join(t, 0)
	buf := make([]byte, 100)
	if !j.b.Lend(new(Direct), buf) {
		t.Fatal("not lent")
	}
	for _, urgent := range []bool{false, true, false} {
		if urgent {
			j.a.WriteUrgent(j.now, []byte("urgent"))
		} else {
			j.a.Write(j.now, []byte("text"))
		}
		j.settle()
	}
	for i, want := range []string{"text", "urgent", "text"} {
		n := 0
		if i == 0 {
			n = j.b.TakeBack()
		} else {
			n, _ = j.b.Read(j.now, buf)
		}
		if got := string(buf[:n]); got != want {
			t.Errorf("read %q, want %q", got, want)
		}
	}
}

// Of two who read, one has lent a buffer, and the other has read what is behind
// urgent text: what comes then is not put behind what the first has.
func TestLentBufferHasNoGap(t *testing.T) {
	j := join(t, 0)
	buf, other := make([]byte, 100), make([]byte, 100)
	j.b.Lend(new(Direct), buf)
	j.a.Write(j.now, []byte("one"))
	j.settle()
	j.a.WriteUrgent(j.now, []byte("two"))
	j.settle()
	j.b.Read(j.now, other)
	j.a.Write(j.now, []byte("three"))
	j.settle()
	if n := j.b.TakeBack(); string(buf[:n]) != "one" {
		t.Errorf("the first has %q", buf[:n])
	}
	if n, _ := j.b.Read(j.now, other); string(other[:n]) != "three" {
		t.Errorf("the other has %q", other[:n])
	}
}
