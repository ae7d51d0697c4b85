package wan

import (
	"fmt"
	"math"
	"time"

	"github.com/usernet-go/usernet/link"
)

const mbit = 1_000_000

// A Cell is a path of the grid.
type Cell struct {
	Name    string // rate, round trip, what is special about it: 100M/20ms/1%
	Rate    int64  // bits per second
	RTT     time.Duration
	Special string
	Path    link.Path // of the data; acknowledgments have the same rate and delay, and lose nothing
}

// back is the path of acknowledgments.
func (c *Cell) back() link.Path { return link.Path{Rate: c.Rate, Delay: c.RTT / 2} }

// expected is about how many Mbit/s a transfer will have, for planning.
func (c *Cell) expected(algorithm string) float64 {
	rate := float64(c.Rate) / mbit
	if algorithm == "bbr" || c.Path.Loss == 0 {
		return rate
	}
	// Mathis et al., with a constant that is large enough for CUBIC: segments in a
	// round trip are the root of 1.5/loss.
	loss := c.Path.Loss / max(1, c.Path.Burst)
	return min(rate, 1+2*segment*8/mbit/c.RTT.Seconds()/math.Sqrt(loss/1.5))
}

// Cells returns the grid. Where nothing is said about it, the queue takes one product
// of rate and round trip, and 32 KiB at least.
func Cells() (cells []Cell) {
	const ms = time.Millisecond
	add := func(rate int64, rtt time.Duration, special string, change func(p *link.Path)) {
		c := Cell{Rate: rate, RTT: rtt, Special: special, Path: link.Path{Rate: rate, Delay: rtt / 2}}
		c.Name = fmt.Sprintf("%dM/%dms/%s", rate/mbit, rtt.Milliseconds(), special)
		change(&c.Path)
		cells = append(cells, c)
	}
	products := func(p *link.Path, n float64) int {
		return int(n * float64(p.Rate) / 8 * 2 * p.Delay.Seconds())
	}
	for _, rate := range rates {
		for _, rtt := range roundTrips {
			for _, percent := range []float64{0, 0.1, 1, 3, 10} {
				add(rate, rtt, fmt.Sprintf("%v%%", percent), func(p *link.Path) { p.Loss = percent / 100 })
			}
			add(rate, rtt, "bursts", func(p *link.Path) { p.Loss, p.Burst = 0.01, 5 })
		}
	}
	for _, rate := range rates {
		add(rate, 40*ms, "q0.1", func(p *link.Path) { p.Queue = products(p, 0.1) })
		add(rate, 40*ms, "q10", func(p *link.Path) { p.Queue = products(p, 10) })
		add(rate, 40*ms, "reorder2%", func(p *link.Path) { p.Reorder, p.ReorderDelay = 0.02, 10*ms })
		add(rate, 40*ms, "jitter", func(p *link.Path) { p.Jitter = 10 * ms })
		add(rate, 40*ms, "codel+ecn", func(p *link.Path) { p.CoDel, p.ECN, p.Queue = true, true, products(p, 10) })
	}
	return cells
}

var (
	rates      = []int64{100 * mbit, 10 * mbit}
	roundTrips = []time.Duration{time.Millisecond, 20 * time.Millisecond, 100 * time.Millisecond, 300 * time.Millisecond}
)

// named returns the cell of that name, which is there.
func named(name string) Cell {
	for _, c := range Cells() {
		if c.Name == name {
			return c
		}
	}
	panic("BUG: no cell " + name)
}

// ceiling returns the Mbit/s of text that a sender can reach on a clean path within d
// from the end of the handshake: ten segments, twice as many after each round trip
// until the path is full, and then its rate.
func (c *Cell) ceiling(d time.Duration) float64 {
	const packet = 1500
	one := time.Duration(packet * 8 * int64(time.Second) / c.Rate)
	full := c.RTT + one
	at, segments := c.RTT/2, 0.0 // when what is sent in a round trip begins to arrive
	for window := 10.0; at < d; window *= 2 {
		round := min(full, d-at)
		if time.Duration(window)*one >= full {
			return (segments + float64(d-at)/float64(one)) * segment * 8 / d.Seconds() / mbit
		}
		segments += min(window, float64(round)/float64(one))
		at += full
	}
	return segments * segment * 8 / d.Seconds() / mbit
}
