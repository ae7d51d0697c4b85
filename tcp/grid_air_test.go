package tcp

import (
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// How packets of the grid travel.

// carry sends a packet on its way.
func (n *gridNet) carry(f *gridFlow, forward bool, s *Segment, text []byte) {
	x := n.air.get()
	x.to, x.seg, x.text = 2*f.id+b2i(!forward), *s, text
	x.seg.Text = nil
	size := ipLen + s.Options.Len() + len(text)
	if !forward {
		if fate := n.back.Carry(n.now, size); fate.Outcome == link.Arrives {
			x.at = fate.At
			n.air.push(x)
		}
		return
	}
	if n.rfc3168 && s.Flags.Has(syn) {
		x.seg.Flags = s.Flags&^wire.AE | wire.ECE | wire.CWR
	}
	fate := n.forward.CarryECN(n.now, size, s.ECN != wire.NotECT)
	noted := f.note(x)
	if fate.Outcome == link.Queued {
		n.queued = append(n.queued, gridQueued{x, n.now, noted})
		return
	}
	if n.path.Rate > 0 && fate.Outcome != link.TooBig {
		n.idle = laterOf(n.idle, n.now)
		if wait := n.idle.Sub(n.now); fate.Outcome != link.Overflow {
			n.waits.add(wait)
			n.idle = n.idle.Add(n.transmission(size))
		}
	}
	noted.arrives = fate.Outcome == link.Arrives
	n.land(fate, x)
}

func laterOf(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

func (n *gridNet) transmission(size int) time.Duration {
	return time.Duration(int64(size) * 8 * int64(time.Second) / n.path.Rate)
}

// fate is what became of a packet that CoDel has let out of its queue.
func (n *gridNet) fate(fate link.Fate, q gridQueued) {
	if fate.Outcome == link.Arrives {
		q.noted.arrives = true
		size := ipLen + q.x.seg.Options.Len() + len(q.x.text)
		n.waits.add(fate.At.Sub(q.since) - n.path.Delay - n.transmission(size))
	}
	n.land(fate, q.x)
}

// land lets a packet arrive when it does, or not at all.
func (n *gridNet) land(fate link.Fate, x *flight) {
	if fate.Outcome != link.Arrives {
		n.flows[x.to/2].overflow += b2i(fate.Outcome == link.Overflow || fate.Outcome == link.Managed)
		n.air.spare = append(n.air.spare, x)
		return
	}
	if x.at = fate.At; fate.Marked {
		x.seg.ECN = wire.CE
		n.flows[x.to/2].marked++
	}
	n.air.push(x)
}
