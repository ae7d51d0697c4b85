package tcp

import (
	"math"
	"time"

	"github.com/usernet-go/usernet/link"
)

// way is one direction of the path. What it does to packets is link's, as in sim
// and in link.Shape.
type way struct {
	from    int
	path    link.Path
	carrier *link.Carrier
	cuts    [][2]time.Time // from, to: nothing arrives
	changes time.Time      // when the path becomes another one; zero: never
}

const ipLen = 20 + 20 // headers of IPv4 and TCP without options

var forever = pairEpoch.Add(1000 * time.Hour)

// makeWays draws the path. One world in five has one that loses nothing.
func (w *world) makeWays() {
	r := w.random
	clean := r.IntN(5) == 0
	first := w.drawPath(clean)
	if w.haunted = !clean && r.IntN(6) == 0; w.haunted {
		first = link.Path{Delay: upTo(r, 5*time.Millisecond), Reorder: 0.2 * r.Float64(), ReorderDelay: time.Second + upTo(r, 20*time.Second)}
		w.left += 3
	}
	for i := range w.ways {
		y := &way{from: i, path: first}
		if i == 1 && r.IntN(2) == 0 {
			y.path = w.drawPath(clean)
		}
		y.carrier = link.NewCarrier(y.path, r.Uint64())
		w.ways[i] = y
	}
	if clean {
		return
	}
	if r.IntN(4) == 0 {
		w.ways[r.IntN(2)].changes = w.now.Add(upTo(r, 20*time.Second))
	}
	if r.IntN(3) > 0 {
		return
	}
	for at := w.now; ; {
		at = at.Add(upTo(r, 20*time.Second))
		to := at.Add(upTo(r, 5*time.Minute))
		if r.IntN(4) == 0 {
			to = forever
		}
		both, one := r.IntN(3) > 0, r.IntN(2)
		for i, y := range w.ways {
			if both || i == one {
				y.cuts = append(y.cuts, [2]time.Time{at, to})
			}
		}
		if at = to; at == forever || r.IntN(2) == 0 {
			return
		}
	}
}

func (w *world) drawPath(clean bool) (p link.Path) {
	r := w.random
	p.Delay = upTo(r, 300*time.Millisecond)
	if r.IntN(4) == 0 { // round trips from 10 us to 2 s
		p.Delay = time.Duration(5e3 * math.Pow(2e5, r.Float64()))
	}
	if clean {
		return p
	}
	share := func(most float64) float64 {
		if r.IntN(2) == 0 {
			return 0
		}
		return most * math.Pow(r.Float64(), 3)
	}
	if r.IntN(3) == 0 {
		p.Rate = int64(64_000 * math.Pow(1000, r.Float64()))
		if r.IntN(2) == 0 {
			p.Queue = 3000 + r.IntN(100_000)
		}
	}
	p.Loss, p.Duplicate, p.Corrupt, p.Reorder = share(0.25), share(0.2), share(0.05), share(0.4)
	if r.IntN(3) == 0 {
		p.Burst = 1 + 3*r.Float64()
	}
	if r.IntN(2) == 0 {
		p.Jitter = upTo(r, 100*time.Millisecond)
	}
	if p.Reorder > 0 {
		p.ReorderDelay = 1 + upTo(r, 100*time.Millisecond)
		if r.IntN(6) == 0 {
			p.ReorderDelay = upTo(r, 5*time.Second) + 1
		}
	}
	if r.IntN(5) == 0 {
		p.MTU = 576 + r.IntN(900)
	}
	return p
}

// cutForGood says that nothing will get through one way or the other.
func (w *world) cutForGood() bool {
	for _, y := range w.ways {
		if n := len(y.cuts); n > 0 && y.cuts[n-1][1] == forever && !w.now.Before(y.cuts[n-1][0]) {
			return true
		}
	}
	return w.ends[0].dark != 0 || w.ends[1].dark != 0
}

func (y *way) cut(at time.Time) bool {
	for _, c := range y.cuts {
		if !at.Before(c[0]) && at.Before(c[1]) {
			return true
		}
	}
	return false
}

// carry sends one segment of an end on its way.
func (w *world) carry(from int, s *Segment, text []byte) {
	if from == w.liar && s.Flags&^ecnFlags == ack && len(text) == 0 {
		w.lie(s)
	}
	w.carryOne(from, s, text)
}

// carryOne sends what an end, or somebody who lies in its name, has made.
func (w *world) carryOne(from int, s *Segment, text []byte) {
	y := w.ways[from]
	if !y.changes.IsZero() && !w.now.Before(y.changes) {
		y.changes = time.Time{}
		y.path = w.drawPath(false)
		y.carrier = link.NewCarrier(y.path, w.random.Uint64())
	}
	size := ipLen + s.Options.Len() + len(text)
	fate := y.carrier.Carry(w.now, size)
	cut := y.cut(w.now) || y.cut(fate.At)
	if w.trace != nil {
		w.trace("%v: end %d sends %s, %v at %v, again %v, corrupt %v, cut %v", w.now.Sub(pairEpoch), from, s.NotationVerbose(len(text)),
			fate.Outcome, fate.At.Sub(pairEpoch), fate.Twice, fate.Corrupt, cut)
	}
	if fate.Outcome != link.Arrives || fate.Corrupt || fate.Twice || fate.Reordered || cut {
		w.losses++
	}
	switch {
	case fate.Outcome == link.TooBig && w.tells && !cut:
		w.tell(from, &flight{kind: tooBig, mss: y.path.MTU - ipLen}, s)
	case cut && w.tells && w.chance(0.3):
		w.tell(from, &flight{kind: unreachable}, s)
	}
	// A corrupt segment is dropped for its checksum.
	if fate.Outcome != link.Arrives || fate.Corrupt || cut {
		return
	}
	for range 1 + b2i(fate.Twice) {
		f := w.air.get()
		f.at, f.to, f.seg, f.text = fate.At, 1-from, *s, append(f.text[:0], text...)
		f.seg.Text = nil
		w.air.push(f)
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// tell sends the ICMP error to a segment back to who has sent it.
func (w *world) tell(to int, f *flight, s *Segment) {
	f.at, f.to, f.seg = w.now.Add(upTo(w.random, 50*time.Millisecond)), to, Segment{TCP: s.TCP}
	w.air.push(f)
}
