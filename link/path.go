package link

import (
	"errors"
	"fmt"
	"time"
)

// Path describes one way of a path. In the order in which a packet meets them:
// a queue before a bottleneck, loss, delay, reordering. The zero value does
// nothing to a packet. Shares are from 0 to 1.
type Path struct {
	Rate  int64 // of the bottleneck, in bits per second; 0: unlimited
	Queue int   // bytes that wait for the bottleneck, the rest is dropped; 0: one bandwidth-delay product (Rate times twice Delay), at least 32 KiB
	CoDel bool  // keeps that queue short (RFC 8289); needs a Rate
	// ECN marks packets whose senders take part in explicit congestion
	// notification (RFC 3168) as having met congestion: with CoDel those that it
	// would drop, without it those that find the queue more than half full, as
	// switches do for DCTCP (RFC 8257, 3.1). Needs a Rate.
	ECN bool

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
	case p.CoDel && p.Rate == 0:
		return errors.New("link: path with CoDel, but no Rate: nothing queues")
	case p.ECN && p.Rate == 0:
		return errors.New("link: path with ECN, but no Rate: nothing queues")
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

// transmission returns how long the bottleneck works on size bytes.
func (p *Path) transmission(size int) time.Duration {
	if p.Rate == 0 {
		return 0
	}
	return time.Duration(int64(size) * 8 * int64(time.Second) / p.Rate)
}

// fullQueue returns how long the bottleneck works on a full queue.
func (p *Path) fullQueue() time.Duration {
	size := p.Queue
	if size == 0 {
		product := float64(p.Rate) / 8 * 2 * p.Delay.Seconds()
		size = int(min(maxQueue, max(minQueue, product)))
	}
	return min(maxPathTime, p.transmission(size))
}
