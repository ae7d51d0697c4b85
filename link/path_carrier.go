package link

import "time"

// Outcome says whether a packet arrives, and if not, why.
type Outcome uint8

const (
	Arrives  Outcome = iota
	TooBig           // larger than the path's MTU
	Overflow         // found the queue full
	Lost             // on the way
	Managed          // dropped by CoDel, for its sender to slow down
	Queued           // not known before the packet leaves the queue: see Carrier.Next
)

func (o Outcome) String() string {
	return [...]string{"arrives", "too big", "queue full", "lost", "dropped by CoDel", "queued"}[o]
}

// Fate is what becomes of one packet on a path. But for Outcome and Number, it
// means something only when the packet arrives.
type Fate struct {
	Number    uint64 // of the packet on this path, from 0
	Outcome   Outcome
	Marked    bool      // met congestion: see MarkCE
	Reordered bool      // was held back, so that others could overtake it
	Twice     bool      // arrives, and its copy right behind it
	Corrupt   bool      // one bit is flipped: Flip modulo the packet's bits
	At        time.Time // when it arrives
	Flip      uint64
}

// A Carrier decides the fate of the packets on a path: instants in, fates out,
// no packet, clock or goroutine inside. What happens to a packet by chance
// follows from the seed and its number alone; what happens by load, from the
// instants and sizes before it. Not safe for concurrent use.
//
// On a path without CoDel, Carry says everything at once, and that is all there
// is to it. With CoDel, what becomes of a packet that waits is known only when
// it leaves the queue: Carry says Queued, and Next gives the fates in order, each
// once the Deadline before it has come. It does not matter how late Next is
// called: fates are those of the instant at which the packet left.
type Carrier struct {
	path  Path
	seed  uint64
	queue time.Duration // how long the bottleneck works on a full queue

	number uint64
	bad    bool      // the path loses packets at the moment (Gilbert-Elliott)
	idle   time.Time // when the bottleneck will be through with what it has
	last   time.Time // of the latest arrival that was not held back

	managed managedQueue // with CoDel
}

// NewCarrier returns the carrier of a path. It panics when the path fails its
// Check.
func NewCarrier(p Path, seed uint64) *Carrier {
	if err := p.Check(); err != nil {
		panic(err.Error())
	}
	return &Carrier{path: p, seed: seed, queue: p.fullQueue()}
}

// Carry takes the next packet: size is that of the IP packet in bytes, now must
// not go backwards.
func (c *Carrier) Carry(now time.Time, size int) Fate { return c.CarryECN(now, size, false) }

// CarryECN is Carry for a packet that may be marked instead of dropped, when
// capable says so (see ECNCapable).
func (c *Carrier) CarryECN(now time.Time, size int, capable bool) Fate {
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
		if p.CoDel {
			c.depart(now)
		}
		wait, ok := c.pass(now, size)
		switch {
		case !ok:
			f.Outcome = Overflow
			return f
		case p.CoDel:
			c.managed.add(queuedPacket{number: f.Number, since: now, size: size, lost: lost, capable: capable}, p.transmission(size))
			f.Outcome = Queued
			return f
		}
		f.Marked = capable && p.ECN && wait > c.queue/2
		f.At = c.idle
	}
	c.behind(&f, lost)
	return f
}

// pass puts a packet into the queue of the bottleneck and says how long it works
// on what is before it; false when the queue has no room. A packet that finds
// nothing before it always has.
func (c *Carrier) pass(now time.Time, size int) (time.Duration, bool) {
	work := c.path.transmission(size)
	wait := time.Duration(0)
	if c.idle.Before(now) {
		c.idle = now
	} else if wait = c.idle.Sub(now); wait > 0 && wait+work > c.queue {
		return wait, false
	}
	c.idle = c.idle.Add(work)
	return wait, true
}

// behind completes the fate of a packet that leaves the bottleneck at f.At.
func (c *Carrier) behind(f *Fate, lost bool) {
	p := &c.path
	if lost {
		f.Outcome = Lost
		return
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
}

// Set changes the path. It panics when p fails its Check; now must not go
// backwards.
//
// Numbers go on and the seed stays, so that what happens by chance to a packet
// of some number does not depend on when the path changed; a burst of losses
// goes on too. Fates that are known stay as they are, and packets sent from now
// on may overtake those that left the queue before.
//
// What the bottleneck has still to send it sends at the new Rate: those bytes
// take another time, and none when the path has no Rate any more. They may be
// more than the new Queue holds. Packets in CoDel's queue stay there, and take
// the new path behind it; without CoDel from now on, their fates are known at
// once: Next has them, and wants to be asked before the next Carry, whose packet
// is behind them.
func (c *Carrier) Set(now time.Time, p Path) {
	if err := p.Check(); err != nil {
		panic(err.Error())
	}
	c.depart(now)
	q := &c.managed
	sending := max(0, c.idle.Add(-q.work).Sub(now))
	c.idle = now.Add(scale(sending, c.path.Rate, p.Rate))
	c.path, c.queue, c.last = p, p.fullQueue(), time.Time{}
	q.work = 0
	for _, x := range q.waiting.all() {
		q.work += p.transmission(x.size)
	}
	c.idle = c.idle.Add(q.work)
	if !p.CoDel {
		q.codel = codel{}
		c.depart(now)
	}
}

// scale returns how long the work takes at the rate to that takes d at the rate
// from. A full queue's bits times nanoseconds have 63 bits at most.
func scale(d time.Duration, from, to int64) time.Duration {
	if to == 0 {
		return 0
	}
	return time.Duration(int64(d) * from / to)
}
