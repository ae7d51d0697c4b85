package hop

import (
	"time"

	"github.com/usernet-go/usernet/link"
)

// A way is one direction of a hop: its path, and what became of packets on it.
type way struct {
	path    link.Path
	carrier *link.Carrier
	queued  []*packet // in CoDel's queue, the first to leave first
	idle    time.Time // when the bottleneck is through with what it has, without CoDel
	stats   WayStats
	flows   map[flowKey]*flow
}

func newWay(p link.Path, seed uint64) *way {
	return &way{path: p, carrier: link.NewCarrier(p, seed), flows: make(map[flowKey]*flow)}
}

// carry gives a packet its fate.
func (w *way) carry(h *Hop, p *packet, seg Segment) {
	f := w.flow(flowKey{p.pair, seg.Ports}, seg)
	if f == nil {
		h.air.reuse(p)
		return
	}
	w.stats.Packets++
	p.note = f.sent(&seg)
	w.count(seg, p.note)
	if h.drop != nil && p.way == Forth && h.drop(seg) {
		w.gone(h, p)
		return
	}
	whole := link.Packet{Data: [][]byte{p.data}}
	fate := w.carrier.CarryECN(p.since, len(p.data), w.path.ECN && link.ECNCapable(link.IP, &whole))
	switch fate.Outcome {
	case link.Queued:
		w.queued = append(w.queued, p)
		return
	case link.Overflow, link.TooBig:
	default:
		w.pass(p)
	}
	w.settle(h, p, fate)
}

// pass keeps the books on the queue of a bottleneck without CoDel, as the Carrier
// does: how long packets wait is not for senders to know, and so not in their fates.
func (w *way) pass(p *packet) {
	if w.path.Rate == 0 {
		return
	}
	if w.idle.Before(p.since) {
		w.idle = p.since
	}
	w.stats.wait(w.idle.Sub(p.since))
	w.idle = w.idle.Add(w.transmission(p))
}

func (w *way) transmission(p *packet) time.Duration {
	return time.Duration(int64(len(p.data)) * 8 * int64(time.Second) / w.path.Rate)
}

// release lets packets out of CoDel's queue.
func (w *way) release(h *Hop, now time.Time) {
	for {
		fate, ok := w.carrier.Next(now)
		if !ok {
			return
		}
		p := w.queued[0]
		w.queued = w.queued[1:]
		if fate.Outcome == link.Arrives && w.path.Jitter == 0 && !fate.Reordered {
			w.stats.wait(fate.At.Add(-w.path.Delay - w.transmission(p)).Sub(p.since))
		}
		w.settle(h, p, fate)
	}
}

// settle does what a fate says.
func (w *way) settle(h *Hop, p *packet, fate link.Fate) {
	switch fate.Outcome {
	case link.Arrives:
	case link.Overflow:
		w.stats.Overflow++
		w.gone(h, p)
		return
	case link.Managed:
		w.stats.Managed++
		w.gone(h, p)
		return
	default:
		w.stats.Lost++
		w.gone(h, p)
		return
	}
	if fate.Marked {
		w.stats.Marked++
		link.MarkCE(link.IP, p.data)
	}
	if fate.Reordered {
		w.stats.Reordered++
	}
	if p.note.to > p.note.from {
		w.stats.Arrived++
	}
	h.air.launch(p, fate.At)
}

// gone notes that a packet does not arrive.
func (w *way) gone(h *Hop, p *packet) {
	if p.note.syn {
		w.stats.LostSYN++
	}
	p.note.flow.dropped(p.note)
	h.air.reuse(p)
}
