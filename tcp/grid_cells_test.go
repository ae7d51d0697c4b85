package tcp

import (
	"fmt"
	"strings"
	"time"

	"github.com/usernet-go/usernet/link"
)

// gridCell is a path of the grid.
type gridCell struct {
	name       string
	path       link.Path
	maxSegment int // more than the MSS: super-segments, which the link cuts
}

// net returns the cell's path, without flows.
func (c *gridCell) net(seed uint64) *gridNet {
	n := newGridNet(c.path, seed)
	n.rfc3168 = strings.HasSuffix(c.name, "3168")
	return n
}

// chance says that what happens on the path depends on the seed.
func (c *gridCell) chance() bool { return c.path.Loss > 0 || c.path.Reorder > 0 || c.path.Jitter > 0 }

const mbit = 1_000_000

// cell makes one from what its name says: rate, round trip, what is special about it.
func cell(rate int64, rtt time.Duration, special string, change func(p *link.Path)) gridCell {
	p := link.Path{Rate: rate, Delay: rtt / 2}
	if change != nil {
		change(&p)
	}
	return gridCell{name: fmt.Sprintf("%dM/%dms/%s", rate/mbit, rtt.Milliseconds(), special), path: p}
}

func queue(products float64) func(*link.Path) {
	return func(p *link.Path) { p.Queue = gridQueue(p.Rate, 2*p.Delay, products) }
}

func loses(share, burst float64) func(*link.Path) {
	return func(p *link.Path) { p.Loss, p.Burst = share, burst }
}

func reorders(share float64, by time.Duration) func(*link.Path) {
	return func(p *link.Path) { p.Reorder, p.ReorderDelay = share, by }
}

func codel(p *link.Path) {
	queue(10)(p)
	p.CoDel = true
}

// gridCells are the paths of the golden file. Where nothing is said about it, the
// queue takes one product of rate and round trip, 32 KiB at least.
func gridCells() (cells []gridCell) {
	const ms = time.Millisecond
	rates := []int64{10 * mbit, 100 * mbit}
	for _, rate := range rates {
		for _, rtt := range []time.Duration{1 * ms, 20 * ms, 100 * ms, 300 * ms} {
			losses := []float64{0, 0.1, 1, 3, 10}
			if rtt == 1*ms {
				losses = []float64{0, 1, 10}
			}
			for _, percent := range losses {
				cells = append(cells, cell(rate, rtt, fmt.Sprintf("%v%%", percent), loses(percent/100, 0)))
			}
			cells = append(cells, cell(rate, rtt, "bursts", loses(0.01, 5)))
		}
		for _, rtt := range []time.Duration{40 * ms, 100 * ms} {
			cells = append(cells,
				cell(rate, rtt, "q0.1", queue(0.1)),
				cell(rate, rtt, "q10", queue(10)),
				cell(rate, rtt, "reorder2%", reorders(0.02, rtt/4)),
				cell(rate, rtt, "reorder10%", reorders(0.1, rtt/2)),
				cell(rate, rtt, "jitter", func(p *link.Path) { p.Jitter = rtt / 4 }),
				cell(rate, rtt, "codel", codel),
				cell(rate, rtt, "codel+ecn", func(p *link.Path) { codel(p); p.ECN = true }),
				cell(rate, rtt, "codel+3168", func(p *link.Path) { codel(p); p.ECN = true }),
			)
		}
	}
	for _, c := range cells {
		switch c.name {
		case "100M/20ms/0%", "100M/100ms/0%", "100M/100ms/1%", "100M/40ms/q0.1", "100M/40ms/q10", "100M/40ms/reorder2%", "10M/20ms/0%":
			c.name, c.maxSegment = c.name+"/tso", 65535
			cells = append(cells, c)
		}
	}
	return cells
}
