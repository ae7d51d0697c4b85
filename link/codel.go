package link

import (
	"math"
	"time"
)

const (
	// RFC 8289, 4.3: "TARGET SHOULD be set to 5 ms for normal Internet traffic."
	codelTarget = 5 * time.Millisecond
	// RFC 8289, 4.2: "INTERVAL SHOULD have a value of 100 ms."
	codelInterval = 100 * time.Millisecond
)

// A codel decides which of the packets that leave a queue are dropped, so that
// the queue stays short without the bottleneck running dry (Controlled Delay,
// RFC 8289). Its names are those of the pseudocode in section 5, whose loop over
// the packets that one transmission opportunity goes through is here a call for
// each of them. Its zero value is ready.
type codel struct {
	maxPacket  int       // bytes of the largest packet so far
	firstAbove time.Time // from when on the delay has been above the target for too long; zero: it was below
	dropping   bool      // in drop state
	dropNext   time.Time // in drop state, or the last time in it
	count      int       // packets dropped in drop state
	lastCount  int       // count on entering drop state
	dropped    bool      // the packet before this one, in drop state: dropNext has still to move on
}

// see takes notice of a packet that enters the queue.
func (c *codel) see(size int) {
	// RFC 8289, 4.1: "The MTU size can be set adaptively to the largest packet
	// seen so far".
	c.maxPacket = max(c.maxPacket, size)
}

// drop says whether the packet is to be dropped, or marked, that is about to
// leave the queue after that sojourn; behind is the bytes in the queue without
// it. Whoever drops it asks at once about the next one. The pseudocode leaves
// drop state one packet later when the packet behind the first one dropped is
// below the target; no decision differs.
func (c *codel) drop(now time.Time, sojourn time.Duration, behind int) bool {
	switch {
	case !c.okToDrop(now, sojourn, behind):
		// RFC 8289, 5.5: "sojourn time below TARGET - leave drop state".
		c.dropping = false
		return false
	case !c.dropping:
		c.enter(now)
		return true
	case c.dropped:
		c.dropNext, c.dropped = controlLaw(c.dropNext, c.count), false
	}
	if now.Before(c.dropNext) {
		return false
	}
	c.count++
	c.dropped = true
	return true
}

// enter is the first drop in drop state.
func (c *codel) enter(now time.Time) {
	// RFC 8289, 5.5: "If min went above TARGET close to when it last went below,
	// assume that the drop rate that controlled the queue on the last cycle is a
	// good starting point to control it now."
	delta := c.count - c.lastCount
	c.count = 1
	if delta > 1 && now.Sub(c.dropNext) < 16*codelInterval {
		c.count = delta
	}
	c.dropping, c.dropped = true, false
	c.dropNext = controlLaw(now, c.count)
	c.lastCount = c.count
}

// okToDrop is the estimator: it says whether the delay has been above the target
// for an interval.
func (c *codel) okToDrop(now time.Time, sojourn time.Duration, behind int) bool {
	// RFC 8289, 5.6: "keep the output link utilization high by never allowing the
	// queue to get smaller than the amount that arrives in a typical interarrival
	// time".
	if sojourn < codelTarget || behind <= c.maxPacket {
		c.firstAbove = time.Time{}
		return false
	}
	if c.firstAbove.IsZero() {
		c.firstAbove = now.Add(codelInterval)
		return false
	}
	return !now.Before(c.firstAbove)
}

// controlLaw returns when the drop behind the one at t is due. RFC 8289, 5.6: it
// "has this form because of the sqrt(p) dependence of TCP throughput on drop
// probability".
func controlLaw(t time.Time, count int) time.Time {
	return t.Add(time.Duration(float64(codelInterval) / math.Sqrt(float64(count))))
}
