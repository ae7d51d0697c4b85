package tcp

import (
	"slices"
	"time"
)

// gridWaits is how long packets wait in the queue.
type gridWaits struct {
	sum, most time.Duration
	n         int
}

func (w *gridWaits) add(d time.Duration) {
	w.sum += d
	w.most = max(w.most, d)
	w.n++
}

func (w *gridWaits) mean() time.Duration { return w.sum / time.Duration(max(1, w.n)) }

// gridNote is a packet with text on the wire.
type gridNote struct {
	start, end int // bytes of the stream
	arrives    bool
}

// note remembers a packet, if it has text.
func (f *gridFlow) note(x *flight) *gridNote {
	start := x.seg.Seq.Sub(f.iss.Add(1))
	g := &gridNote{start: start, end: start + len(x.text)}
	switch {
	case len(x.text) == 0:
		f.answers++
		return g
	case g.end > f.top:
		f.first = append(f.first, g)
		f.top = g.end
	default:
		f.again = append(f.again, g)
	}
	for tick := int(f.net.now.Sub(f.starts) / gridTick); len(f.offered) <= tick; {
		f.offered = append(f.offered, 0)
	}
	f.offered[len(f.offered)-1] += len(x.text)
	return g
}

// spurious counts the packets that were sent again though all of their bytes had
// arrived, or were to arrive, in packets that had been sent before.
func (f *gridFlow) spurious() (n int) {
	for i, g := range f.again {
		k, _ := slices.BinarySearchFunc(f.first, g.start, func(o *gridNote, at int) int {
			if o.end <= at {
				return -1
			}
			return 1
		})
		all := true
		for ; k < len(f.first) && f.first[k].start < g.end; k++ {
			all = all && f.first[k].arrives
		}
		for _, o := range f.again[:i] {
			all = all || o.arrives && o.start <= g.start && g.end <= o.end
		}
		n += b2i(all)
	}
	return n
}
