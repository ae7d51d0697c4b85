package hop

import "time"

// WayStats counts packets on one way.
type WayStats struct {
	Packets   int // that were sent
	Text      int // of them, those with text
	ACKs      int // of them, those without text, SYN, FIN or RST
	Resent    int // with text that was sent before
	Spurious  int // of the resent: those whose text arrives otherwise
	Arrived   int // with text
	LostSYN   int // did not arrive
	Overflow  int // found the queue full
	Managed   int // dropped by CoDel
	Lost      int
	Marked    int // told that they met congestion
	Reordered int

	waits int
	sum   time.Duration
	Wait  time.Duration // mean, in the queue, of those that went through it
}

func (s *WayStats) wait(d time.Duration) {
	s.waits++
	s.sum += d
}

func (w *way) count(seg Segment, n note) {
	s := &w.stats
	switch {
	case seg.Text > 0:
		s.Text++
	case !seg.SYN && !seg.FIN && !seg.RST:
		s.ACKs++
	}
	if n.again {
		s.Resent++
	}
	if n.spurious {
		s.Spurious++
	}
}

// Stats is what a hop has counted since its start, or the last Restart.
type Stats struct {
	Ways [2]WayStats
	Late Histogram // by how much arrivals were late
}

// Stats returns the counters.
func (h *Hop) Stats() Stats {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := Stats{Late: h.late}
	for i, w := range h.ways {
		s.Ways[i] = w.stats
		s.Ways[i].Wait = w.stats.sum / time.Duration(max(1, w.stats.waits))
	}
	return s
}

// Histogram counts durations in steps of 10 us, up to 20 ms; the last one has all
// that are longer.
type Histogram struct {
	counts [2001]uint32
	n      int
	max    time.Duration
}

const step = 10 * time.Microsecond

// Add counts d.
func (h *Histogram) Add(d time.Duration) {
	h.counts[min(int(max(0, d)/step), len(h.counts)-1)]++
	h.n++
	h.max = max(h.max, d)
}

// Merge adds what another has counted.
func (h *Histogram) Merge(o *Histogram) {
	for i, n := range o.counts {
		h.counts[i] += n
	}
	h.n += o.n
	h.max = max(h.max, o.max)
}

// Quantile returns a duration that at least that share of all does not exceed.
func (h *Histogram) Quantile(share float64) time.Duration {
	left := int(share * float64(h.n))
	for i, n := range h.counts[:len(h.counts)-1] {
		if left -= int(n); left < 0 {
			return time.Duration(i+1) * step
		}
	}
	return h.max
}

// Max returns the longest.
func (h *Histogram) Max() time.Duration { return h.max }
