package link

import (
	"fmt"
	"time"
)

// Path describes one way of a path. In the order in which a packet meets them:
// a queue before a bottleneck, loss, delay, reordering. The zero value does
// nothing to a packet. Shares are from 0 to 1.
type Path struct {
	Rate  int64 // of the bottleneck, in bits per second; 0: unlimited
	Queue int   // bytes that wait for the bottleneck, the rest is dropped; 0: one bandwidth-delay product (Rate times twice Delay), at least 32 KiB

	Loss  float64 // share of packets lost behind the bottleneck
	Burst float64 // mean number of packets lost in a row (Gilbert-Elliott); 0: each is lost or not by itself

	Delay  time.Duration
	Jitter time.Duration // up to that much more delay, evenly spread; does not reorder

	Reorder      float64 // share of packets that those behind them may overtake
	ReorderDelay time.Duration

	Duplicate float64 // share of packets that arrive twice
	Corrupt   float64 // share of packets that arrive with one bit flipped
	MTU       int     // larger IP packets vanish; 0: no bound
}

const (
	minQueue    = 32 << 10
	maxQueue    = 1 << 30 // keeps bytes times bits times nanoseconds within 63 bits
	maxPathTime = 24 * time.Hour
)

// Check says what is wrong with p.
func (p *Path) Check() error {
	for _, share := range []struct {
		name  string
		value float64
	}{{"Loss", p.Loss}, {"Reorder", p.Reorder}, {"Duplicate", p.Duplicate}, {"Corrupt", p.Corrupt}} {
		if !(share.value >= 0 && share.value <= 1) {
			return fmt.Errorf("link: path with %s %v; want 0 to 1", share.name, share.value)
		}
	}
	for _, time := range []struct {
		name  string
		value time.Duration
	}{{"Delay", p.Delay}, {"Jitter", p.Jitter}, {"ReorderDelay", p.ReorderDelay}} {
		if time.value < 0 || time.value > maxPathTime {
			return fmt.Errorf("link: path with %s %v; want 0 to %v", time.name, time.value, maxPathTime)
		}
	}
	switch {
	case p.Rate < 0:
		return fmt.Errorf("link: path with Rate %d; want bits per second, or 0", p.Rate)
	case p.Queue < 0 || p.Queue > maxQueue:
		return fmt.Errorf("link: path with Queue %d; want 0 to %d bytes", p.Queue, maxQueue)
	case p.MTU < 0:
		return fmt.Errorf("link: path with MTU %d; want bytes, or 0", p.MTU)
	case p.Reorder > 0 && p.ReorderDelay == 0:
		return fmt.Errorf("link: path with Reorder %v, but no ReorderDelay", p.Reorder)
	case p.Burst != 0 && !(p.Burst >= 1):
		return fmt.Errorf("link: path with Burst %v; want 0, or 1 and more packets", p.Burst)
	case p.Burst != 0 && p.Loss > p.Burst/(p.Burst+1):
		// Each burst ends with at least one packet that arrives.
		return fmt.Errorf("link: path with Loss %v in bursts of %v; want at most %v", p.Loss, p.Burst, p.Burst/(p.Burst+1))
	}
	return nil
}

// Outcome says whether a packet arrives, and if not, why.
type Outcome uint8

const (
	Arrives  Outcome = iota
	TooBig           // larger than the path's MTU
	Overflow         // found the queue full
	Lost             // on the way
)

func (o Outcome) String() string {
	return [...]string{"arrives", "too big", "queue full", "lost"}[o]
}

// Fate is what becomes of one packet on a path. But for Outcome and Number, it
// means something only when the packet arrives.
type Fate struct {
	Number    uint64 // of the packet on this path, from 0
	Outcome   Outcome
	At        time.Time // when it arrives
	Reordered bool      // was held back, so that others could overtake it
	Twice     bool      // arrives, and its copy right behind it
	Corrupt   bool      // one bit is flipped: Flip modulo the packet's bits
	Flip      uint64
}

// A Carrier decides the fate of the packets on a path: instants in, fates out,
// no packet, clock or goroutine inside. What happens to a packet by chance
// follows from the seed and its number alone; what happens by load, from the
// instants and sizes before it. Not safe for concurrent use.
type Carrier struct {
	path  Path
	seed  uint64
	queue time.Duration // how long the bottleneck works on a full queue

	number uint64
	bad    bool      // the path loses packets at the moment (Gilbert-Elliott)
	idle   time.Time // when the bottleneck will be through with what it has
	last   time.Time // of the latest arrival that was not held back
}

// NewCarrier returns the carrier of a path. It panics when the path fails its
// Check.
func NewCarrier(p Path, seed uint64) *Carrier {
	if err := p.Check(); err != nil {
		panic(err.Error())
	}
	c := &Carrier{path: p, seed: seed}
	if p.Rate > 0 {
		size := p.Queue
		if size == 0 {
			product := float64(p.Rate) / 8 * 2 * p.Delay.Seconds()
			size = int(min(maxQueue, max(minQueue, product)))
		}
		c.queue = min(maxPathTime, c.transmission(size))
	}
	return c
}

// Carry takes the next packet: size is that of the IP packet in bytes, now must
// not go backwards.
func (c *Carrier) Carry(now time.Time, size int) Fate {
	p := &c.path
	f := Fate{Number: c.number}
	c.number++
	lost := c.loses(f.Number)
	if p.MTU > 0 && size > p.MTU {
		f.Outcome = TooBig
		return f
	}
	f.At = now
	if p.Rate > 0 {
		sent, ok := c.pass(now, size)
		if !ok {
			f.Outcome = Overflow
			return f
		}
		f.At = sent
	}
	if lost {
		f.Outcome = Lost
		return f
	}
	f.At = f.At.Add(p.Delay + time.Duration(float64(p.Jitter)*c.chance(f.Number, drawJitter)))
	if f.At.Before(c.last) {
		f.At = c.last
	}
	c.last = f.At
	if c.chance(f.Number, drawReorder) < p.Reorder {
		f.Reordered = true
		f.At = f.At.Add(p.ReorderDelay)
	}
	f.Twice = c.chance(f.Number, drawDuplicate) < p.Duplicate
	if c.chance(f.Number, drawCorrupt) < p.Corrupt {
		f.Corrupt, f.Flip = true, c.draw(f.Number, drawBit)
	}
	return f
}

// pass sends a packet through the bottleneck and says when its last bit is out;
// false when the queue has no room. A packet that finds nothing before it
// always has.
func (c *Carrier) pass(now time.Time, size int) (time.Time, bool) {
	work := c.transmission(size)
	if c.idle.Before(now) {
		c.idle = now
	} else if wait := c.idle.Sub(now); wait > 0 && wait+work > c.queue {
		return now, false
	}
	c.idle = c.idle.Add(work)
	return c.idle, true
}

// transmission returns how long the bottleneck works on size bytes.
func (c *Carrier) transmission(size int) time.Duration {
	return time.Duration(int64(size) * 8 * int64(time.Second) / c.path.Rate)
}

// loses says whether the path loses the packet of that number, and must be
// asked once for each.
func (c *Carrier) loses(number uint64) bool {
	p := &c.path
	chance := c.chance(number, drawLoss)
	switch {
	case p.Burst == 0 || number == 0 || p.Loss == 0:
		c.bad = chance < p.Loss
	case c.bad:
		c.bad = chance >= 1/p.Burst
	default:
		// So often that the share of bad packets comes to Loss.
		c.bad = chance < p.Loss/(p.Burst*(1-p.Loss))
	}
	return c.bad
}

// What is drawn for a packet, each by itself, so that no draw depends on
// whether another one took place.
const (
	drawLoss = iota
	drawJitter
	drawReorder
	drawDuplicate
	drawCorrupt
	drawBit
	draws
)

// draw returns 64 random bits. The mixing function is that of SplitMix64
// (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
func (c *Carrier) draw(number uint64, what int) uint64 {
	x := c.seed + (number*draws+uint64(what)+1)*0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// chance returns a random number from 0 to just below 1.
func (c *Carrier) chance(number uint64, what int) float64 {
	return float64(c.draw(number, what)>>11) / (1 << 53)
}
