package tcp

import (
	"fmt"
	"testing"
	"time"

	"github.com/usernet-go/usernet/link"
)

// fairTime is how long two flows share a path before they are judged, and fairLast
// its end, when they should have found to each other.
const (
	fairTime = 30 * time.Second
	fairLast = 10 * time.Second
)

// fairPaths are those on which flows meet. A little jitter keeps the queue from
// dropping always the same flow's packets, as happens where all is in step.
var fairPaths = []struct {
	name string
	path link.Path
}{
	{"10M/40ms", link.Path{Rate: 10 * mbit, Delay: 20 * time.Millisecond, Jitter: time.Millisecond}},
	{"100M/40ms", link.Path{Rate: 100 * mbit, Delay: 20 * time.Millisecond, Jitter: time.Millisecond}},
	{"100M/40ms/codel", link.Path{Rate: 100 * mbit, Delay: 20 * time.Millisecond, Jitter: time.Millisecond, CoDel: true, Queue: 5_000_000}},
}

// fairPair is how two flows shared a path.
type fairPair struct {
	first, second float64 // Mbit/s of each, from when the second began
	jain, last    float64 // Jain's index over all of that time, and over its end
	wait          time.Duration
}

// jain is Jain's index of fairness: 1 when both have the same, 1/2 when one has all.
func jain(x, y float64) float64 { return (x + y) * (x + y) / (2 * (x*x + y*y)) }

// runPair lets a flow of b's meet one of a's, which began a second before. On a path
// without chance the seed decides by where in its cycle.
func runPair(p link.Path, a, b *Algorithm, seed uint64) (r fairPair) {
	n := newGridNet(p, seed)
	flows := [2]*gridFlow{n.add(a, 65535, 0, 0), n.add(b, 65535, 0, time.Second+time.Duration(seed)*7*time.Millisecond)}
	begin := n.now.Add(time.Second)
	var at [3][2]float64
	for i, t := range []time.Duration{0, fairTime - fairLast, fairTime} {
		n.run(begin.Add(t))
		for k, f := range flows {
			at[i][k] = float64(f.read) * 8 / 1e6
		}
	}
	r.first, r.second = (at[2][0]-at[0][0])/fairTime.Seconds(), (at[2][1]-at[0][1])/fairTime.Seconds()
	r.jain = jain(r.first, r.second)
	r.last = jain(at[2][0]-at[1][0], at[2][1]-at[1][1])
	r.wait = n.waits.mean()
	return r
}

func (r fairPair) row(path, a, b string) string {
	return fmt.Sprintf("%-16s %-12s %7.2f %7.2f   %.3f  %.3f  %6.1f", path, a+"/"+b, r.first, r.second, r.jain, r.last, float64(r.wait)/1e6)
}

const fairHead = "path             algorithms   Mbit/s: 1st, 2nd   Jain  last 10 s  wait ms"

// fairEnough is Jain's index that two flows of one algorithm must have reached after
// that time, in the mean of fairMeetings. BBR's find to each other when they probe, which
// each does every few seconds.
var fairEnough = map[string]float64{"bbr": 0.8, "cubic": 0.95, "reno": 0.95}

// fairMeetings is how many seeds are judged together: a window that takes ten seconds
// from one loss to the next has hardly met the other in thirty.
const fairMeetings = 3

// TestGridFairness: flows of one kind share a path evenly. With -v it prints what
// becomes of flows of two kinds, too.
//
//	go test ./tcp -run TestGridFairness -v
func TestGridFairness(t *testing.T) {
	if briefly() {
		t.Skip("TestGrid runs the same, and not for as long")
	}
	t.Log(fairHead)
	for _, p := range fairPaths {
		for i, a := range builtins {
			var last float64
			for seed := range uint64(fairMeetings) {
				r := runPair(p.path, a, a, seed+1)
				t.Log(r.row(p.name, a.Name, a.Name))
				last += r.last / fairMeetings
			}
			if want := fairEnough[a.Name]; last < want {
				t.Errorf("%s: Jain's index of two %s flows is %.3f in the end, want %v", p.name, a.Name, last, want)
			}
			if testing.Verbose() {
				for _, b := range builtins[i+1:] {
					t.Log(runPair(p.path, a, b, 1).row(p.name, a.Name, b.Name))
				}
			}
		}
	}
}
