package tcp

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestNoStorm: two ends that have lost each other's numbers, as they do when
// somebody has injected segments, do not answer each other's answers without
// end, whatever they are in.
func TestNoStorm(t *testing.T) {
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 2))
		j := join(t, 0)
		for _, c := range []*Conn{&j.a, &j.b} {
			j.now = j.now.Add(time.Millisecond)
			for range r.IntN(3) {
				c.lose(j.now, r)
			}
		}
		switch r.IntN(4) {
		case 0:
			_, _ = j.a.Write(j.now, make([]byte, r.IntN(5000)))
		case 1:
			_ = j.a.CloseWrite(j.now)
			_ = j.b.CloseWrite(j.now)
		case 2:
			j.a.Abort(j.now)
		}
		j.a.ackNow, j.b.ackNow = true, true
		n := 0
		for j.pass(&j.a, &j.b) || j.pass(&j.b, &j.a) {
			if n++; n > 50 {
				t.Fatalf("seed %d: %+v and %+v answer each other for ever", seed, j.a.Info(), j.b.Info())
			}
		}
	}
}

// lose moves a number of c away from what the other end takes it for.
func (c *Conn) lose(now time.Time, r *rand.Rand) {
	n := 1 << r.IntN(31)
	if r.IntN(2) == 0 {
		n = 1 + r.IntN(3)
	}
	switch r.IntN(5) {
	case 0: // text was injected
		c.rcv.nxt, c.rcv.edge, c.in.first, c.in.next = c.rcv.nxt.Add(n), c.rcv.edge.Add(n), c.in.first.Add(n), c.in.next.Add(n)
	case 1:
		c.rcv.nxt, c.rcv.edge, c.in.first, c.in.next = c.rcv.nxt.Add(-n), c.rcv.edge.Add(-n), c.in.first.Add(-n), c.in.next.Add(-n)
	case 2: // so were ACKs
		c.snd.una, c.snd.nxt, c.tx = c.snd.una.Add(n), c.snd.nxt.Add(n), nil
		c.out.start(c.snd.nxt)
	case 3: // or timestamps
		c.ts.recent += uint32(n)
	case 4:
		c.enterTimeWait(c.at(now))
	}
}
