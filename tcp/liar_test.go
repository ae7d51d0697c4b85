package tcp

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/usernet-go/usernet/link"
)

// liarPaths are those on which liars try what they can get: one on which nothing is
// lost, so that each gain shows in slow start, and one with a short queue and losses,
// on which there is something to be gained by denying them.
var liarPaths = []struct {
	name string
	path link.Path
	time time.Duration
}{
	{"wide", link.Path{Rate: 1000 * mbit, Delay: 20 * time.Millisecond, Queue: 100 << 20}, 280 * time.Millisecond},
	{"lossy", link.Path{Rate: 10 * mbit, Delay: 10 * time.Millisecond, Queue: 25_000, Loss: 0.01}, 6 * time.Second},
}

// TestLiars: no receiver gets more than an honest one by what it says, and the
// stream stays whole.
//
// RFC 5681, 3.1: "cwnd += min (N, SMSS)", "to counter the "ACK Division" attack";
// RFC 3465, 2.3 bounds what one ACK may add.
func TestLiars(t *testing.T) {
	paths, algorithms := liarPaths, builtins
	if briefly() {
		paths, algorithms = slices.Clone(paths[1:]), []*Algorithm{builtin(DefaultCongestionControl)}
		paths[0].time /= 3
	}
	for _, a := range algorithms {
		for _, p := range paths {
			for _, maxSegment := range liarSegments() {
				var honest []*gridFlow
				for seed := range uint64(4) {
					path := p.path
					if seed == 3 { // nor more than where nothing is lost
						path.Loss = 0
					}
					honest = append(honest, tellLies(t, path, seed+1, a, maxSegment, p.time, nil))
				}
				for i := range lies {
					l := &lies[i]
					t.Run(fmt.Sprintf("%s/%s/%d/%s", a.Name, p.name, maxSegment, l.name), func(t *testing.T) {
						got := tellLies(t, p.path, 1, a, maxSegment, p.time, l)
						if !l.gains {
							got.outdoes(t, honest)
						}
					})
				}
			}
		}
	}
}

// TestLiarsBringItHome: a stream whose receiver says of nothing that it has arrived
// when it has not comes through, whatever else it says.
func TestLiarsBringItHome(t *testing.T) {
	for _, a := range builtins {
		for _, p := range liarPaths {
			for i := range lies {
				if l := &lies[i]; !l.loses {
					t.Run(fmt.Sprintf("%s/%s/%s", a.Name, p.name, l.name), func(t *testing.T) {
						n := newGridNet(p.path, 3)
						f := n.add(a, 65535, 300_000, 0)
						liesTo(f, l)
						n.run(n.now.Add(24 * time.Hour))
						if f.done.IsZero() {
							t.Fatalf("%d of %d bytes: %+v", f.read, f.size, f.from.Info())
						}
					})
				}
			}
		}
	}
}

func liesTo(f *gridFlow, l *lie) *liar {
	r := &liar{f: f, r: rand.New(rand.NewPCG(1, 2)), last: f.iss.Add(1)}
	f.eager = true
	f.lie = func(s *Segment) { l.tell(r, *s) }
	return r
}

// tellLies runs a stream to a receiver that lies, or to an honest one when l is nil,
// and holds the sender to its bounds all the time.
func tellLies(t *testing.T, p link.Path, seed uint64, algorithm *Algorithm, maxSegment int, d time.Duration, l *lie) *gridFlow {
	n := newGridNet(p, seed)
	if l != nil && l.gains {
		n.cfg.SendBuffer, n.cfg.ReceiveBuffer = 1<<20, 1<<20
	}
	f := n.add(algorithm, maxSegment, 0, 0)
	f.eager = true
	r := new(liar)
	if l != nil {
		r = liesTo(f, l)
	}
	received := 0
	f.after = func(c *Conn, sent int) {
		if c != &f.from || c.State() != StateEstablished {
			return
		}
		received++
		if err := c.invariants(); err != nil {
			t.Fatal(err)
		}
		i := c.Info()
		// Whatever it is that ACKs say, the window grows by no more than what was sent and
		// is acknowledged (RFC 5681, 3.1; RFC 3465); who denies losses, or takes back what
		// he has said, may have the same text counted twice.
		if most := 10*1460 + f.top; i.Cwnd > most && (l == nil || !l.gains) {
			t.Fatalf("window of %d with %d bytes acknowledged, %d sent", i.Cwnd, i.SndUna.Sub(f.iss), f.top)
		}
		// And it does not grow far beyond what is used (RFC 7661).
		if most := 3 * max(int(c.snd.maxWnd), 64<<10); i.Cwnd > most && !c.window.Own {
			t.Fatalf("window of %d, the peer's was at most %d", i.Cwnd, c.snd.maxWnd)
		}
		// Limited transmit may send two segments more (RFC 3042); a super-segment is not
		// begun where the window has no room for all of it.
		if out := i.SndNxt.Sub(i.SndUna); i.Flight > max(i.Cwnd, out)+2*i.MSS {
			t.Fatalf("%d bytes in the network, the window is %d", i.Flight, i.Cwnd)
		}
		if most := max(100, i.SndWnd/500); sent > most {
			t.Fatalf("%d segments at once, window %d", sent, i.Cwnd)
		}
	}
	n.run(n.now.Add(d))
	if f.answers > received {
		t.Errorf("%d segments without text, to %d received", f.answers, received)
	}
	_ = r
	return f
}

// outdoes says whether a liar had more sent than honest receivers had, on paths that
// lose other packets. Arrivals that differ by some milliseconds make the difference of
// a part of a round trip.
func (f *gridFlow) outdoes(t *testing.T, honest []*gridFlow) {
	const slack = 20 * 1460
	sums := make([]int, len(honest))
	liar := 0
	for i, n := range f.offered {
		liar += n
		for k, h := range honest {
			for _, n := range h.offered[min(i+b2i(i > 0), len(h.offered)):min(i+2, len(h.offered))] {
				sums[k] += n
			}
		}
		if truth := slices.Max(sums); liar > truth+truth/4+slack {
			t.Errorf("after %v: %d bytes, and %d to an honest receiver", time.Duration(i)*gridTick, liar, truth)
			return
		}
	}
}

// liarSegments are the values of Params.MaxSegment that liars meet.
func liarSegments() []int {
	if briefly() {
		return []int{65535}
	}
	return []int{0, 65535}
}
