package tcp

import (
	"math/rand/v2"
	"reflect"
	"testing"
	"time"
)

// receiveBatch hands segments on as the engine does, and returns how many times
// Receive was called.
func receiveBatch(c *Conn, now time.Time, batch []*Segment, joining bool) (calls int) {
	var run *Segment
	receive := func(seg *Segment) {
		if seg != nil {
			calls++
			c.Receive(now, seg)
		}
	}
	for i, seg := range batch {
		if run != nil && c.Joins(run, seg) {
			continue
		}
		receive(run)
		run = nil
		if joining && i < len(batch)-1 && c.BeginsRun(seg) {
			run = seg
			continue
		}
		receive(seg)
	}
	receive(run)
	return calls
}

// TestRunsComeToTheSame: a connection that receives segments joined does what one
// does that receives each alone: the same answers, the same figures, the same text.
func TestRunsComeToTheSame(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	pairs := [2]*joined{join(t, 0), join(t, 0)}
	var calls [2]int
	buf := make([]byte, 100_000)
	for i := range buf {
		buf[i] = byte(i * i >> 8)
	}
	for round := range 2000 {
		size, back, read := 1+rnd.IntN(len(buf)), rnd.IntN(4) == 0, rnd.IntN(3) > 0
		most, drop, swap := 1+rnd.IntN(20), rnd.IntN(20), rnd.IntN(20)
		var answers [2][]Segment
		var texts [2]string
		var infos [2]Info
		for k, j := range pairs {
			j.now = j.now.Add(time.Duration(round%7) * time.Millisecond)
			_, _ = j.a.Write(j.now, buf[:size])
			if back {
				_, _ = j.b.Write(j.now, buf[:100])
			}
			var batch []*Segment
			for len(batch) < most {
				seg := new(Segment)
				if !j.a.Next(j.now, seg) {
					break
				}
				batch = append(batch, seg)
			}
			if n := len(batch); drop < n {
				batch = append(batch[:drop:drop], batch[drop+1:]...)
			} else if swap+1 < n {
				batch[swap], batch[swap+1] = batch[swap+1], batch[swap]
			}
			calls[k] += receiveBatch(&j.b, j.now, batch, k == 1)
			j.a.Returned()
			for seg := new(Segment); j.b.Next(j.now, seg); seg = new(Segment) {
				answers[k] = append(answers[k], *seg)
				j.a.Receive(j.now, seg)
			}
			j.b.Returned()
			if read {
				var in [50_000]byte
				n, _ := j.b.Read(j.now, in[:])
				texts[k] = string(in[:n])
			}
			j.a.Advance(j.now)
			j.b.Advance(j.now)
			infos[k] = j.b.Info()
		}
		if !reflect.DeepEqual(answers[0], answers[1]) || texts[0] != texts[1] || !reflect.DeepEqual(infos[0], infos[1]) {
			t.Fatalf("round %d: alone\n%v\n%+v\njoined\n%v\n%+v", round, answers[0], infos[0], answers[1], infos[1])
		}
	}
	if calls[1] > calls[0]*2/3 {
		t.Errorf("Receive was called %d times for %d segments", calls[1], calls[0])
	}
}
